// SPDX-License-Identifier: GPL-2.0-only
/* The parts of unix sockets; the kind itself is in unix.c. */
#pragma once
#include "criu/core/file.h"
#include "criu/core/restore.h"
#include "criu/sock/as.h"
#include "criu/sock/queue.h"

/* unix_sk_entry.uflags */
#define UNIX_EXTERNAL  1u
#define UNIX_INHERITED 8u /* can only be given: --inherit-fd */

/* --- unix_dump.c ---------------------------------------------------------------- */

bool unix_match(const struct fd_probe *p);
int unix_dump(struct dump *d, const struct fd_probe *p);
int unix_dump_inner(struct dump *d);
int unix_dump_end(struct dump *d);
void unix_dump_done(struct dump *d);

/* --- restore -------------------------------------------------------------------- */

/* How it comes to be. */
enum unix_how {
	UNIX_ALONE, /* by socket(2), in crtool */
	UNIX_PAIR, /* by socketpair(2), with its peer */
	UNIX_ACCEPTED, /* by accept(2), in crtool, when its peer has connected */
	UNIX_OUTSIDE, /* not at all: only its name is known */
};

/*
 * A socket of the images; or one that only helps, and has no entry: a peer that was closed, or
 * what an accepted socket has its name from.
 */
struct unix_file {
	struct file file;
	const UnixSkEntry *e; /* NULL: only helps */
	uint32_t type; /* SOCK_* */
	const uint8_t *name;
	size_t name_len; /* 0: none */
	enum unix_how how;
	struct unix_file *peer; /* the other end; of a datagram socket where it sends to; NULL */
	struct unix_file *at; /* listens: where it was accepted, or waits to be */
	struct unix_file *same_name;
	int slot; /* broker number; -1: outside */
	bool waits; /* its turn to connect, and to wait, is planned */
	bool has_file; /* a path that it makes, and that is to stay */
	bool was_there; /* somebody's that is dead */
	struct sk_queue queue;
	size_t nr_connects; /* of one that listens: who is to be accepted */
};

/* What one process has to do before files are opened. */
enum unix_sort {
	UNIX_MAKE_PAIR, /* socketpair(2) of a and b */
	UNIX_MAKE_LISTEN, /* listen(2) of a */
	UNIX_MAKE_CONNECT, /* connect(2) of a to b */
};

struct unix_deed {
	struct unix_deed *next;
	enum unix_sort sort;
	unsigned int round;
	int backlog; /* of listen(2) */
	bool announces; /* connect(2): will be accepted, by crtool */
	int turn; /* connect(2): how many others have to have done so before; -1: none */
	struct unix_file *a, *b;
	struct identity id; /* under whose name */
};

struct unix_deeds {
	struct unix_deed *first, **last;
};

struct unix_plan {
	struct map by_ino; /* struct unix_file */
	struct map by_name; /* the first with a name that has this hash */
	struct map deeds; /* struct unix_deeds, by the pid of who does them */
	struct unix_file *made[2]; /* first and last of all that crtool makes */
	struct unix_file **files; /* all, those that only help among them */
	size_t nr_files, cap_files;
	struct unix_deed **connects; /* that announce themselves */
	size_t nr_connects, cap_connects;
	int turns; /* broker number: how many connect(2) were done in turn, less one */
	bool queues_loaded;
};

/* unix_plan.c */
int unix_adopt(struct restore *r);
int unix_load(struct restore *r, const FileEntry *fe, struct file *f);
int unix_plan(struct restore *r);
void unix_plan_done(struct restore *r);
/* One of the tree that is bound to this name: a datagram socket, or one that listens; NULL. */
struct unix_file *unix_by_name(const struct restore *r, uint32_t type, const uint8_t *name,
			       size_t len);

/* unix_make.c */
int unix_create_all(struct restore *r);
int unix_make(struct restore *r, const struct task *t, unsigned int round);
int unix_made(struct restore *r, unsigned int round);
void unix_undo(struct restore *r);

/* unix_name.c */
struct sockaddr_un;
/*
 * Binds fd in crtool. deleted: a path that nobody finds, although the socket has it. *ret_made: a
 * file was made; *ret_was_there: in the place of one of somebody dead. Speaks.
 */
int unix_bind(int fd, const struct unix_file *u, bool deleted, bool *ret_made, bool *ret_was_there);
/* Before the first fork: that a file can be made where its name is. Speaks. */
int unix_name_check(const struct unix_file *u);
/* Removes the file again. */
void unix_unbind(const struct unix_file *u);
/*
 * Connects fd to the socket that target is a descriptor of, whether or not its name leads there.
 * >= 0 or -errno. Quiet.
 */
int unix_connect_to(int fd, int target);
/* The address by which it can be sent to; *ret_fd keeps it valid, -1: not needed. Quiet. */
int unix_address(int target, struct sockaddr_un *ret, unsigned int *ret_len, int *ret_fd);
/* " @name" for messages, or nothing. */
void unix_name_text(const uint8_t *name, size_t len, char *buf, size_t size);
