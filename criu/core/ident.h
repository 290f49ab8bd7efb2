// SPDX-License-Identifier: GPL-2.0-only
/*
 * Same file? same mm? same descriptor table? kcmp(2) orders the kernel's objects, so
 * objects that were seen are kept sorted and a new one is found by halving.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "criu/base/map.h"

struct ident_seen {
	pid_t pid;
	int fd;
	uint32_t id;
};

/* Objects of one sort, of which ids are given out. */
struct ident {
	struct ident_seen *seen;
	size_t nr, cap;
	uint32_t last; /* id given last; set it to where counting is to begin */
};

/* type: KCMP_VM, ... ; fd only for KCMP_FILE. 1: new, 0: seen before, with its id. */
int ident_get(struct ident *i, int type, pid_t pid, int fd, uint32_t *ret_id);
void ident_done(struct ident *i);

/*
 * Open file descriptions. Where their address in the kernel is known, equal addresses are equal
 * descriptions; others are compared, but only where a cheap key (device and inode) is equal.
 */
struct ident_file {
	uint64_t dev, ino;
	uint64_t address; /* 0: not known */
	pid_t pid; /* who has it, and under which number */
	int fd;
};

struct ident_bucket {
	uint64_t dev, ino;
	struct ident ident;
};

struct ident_set {
	struct map by_address; /* ids */
	/* In no bucket yet: whoever has an address, until somebody without one comes. */
	struct ident_waiting *waiting;
	size_t nr_waiting, cap_waiting;
	bool is_mixed;

	struct ident_bucket *buckets;
	size_t nr, cap; /* open addressing; cap is a power of two */
	uint32_t *last;
};

/* *last is counted up for each new description. */
void ident_set_init(struct ident_set *s, uint32_t *last);
/* 1: new, 0: seen before, with its id. Speaks. */
int ident_set_get(struct ident_set *s, const struct ident_file *f, uint32_t *ret_id);
void ident_set_done(struct ident_set *s);
