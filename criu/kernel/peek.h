// SPDX-License-Identifier: GPL-2.0-only
/*
 * Words of the kernel's own memory, by a BPF program (Linux 5.10 with BTF; CAP_BPF and
 * CAP_PERFMON): for what no text of /proc tells. Whoever follows pointers has to know that
 * nobody changes them meanwhile; what cannot be read is 0.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "criu/kernel/btf.h"

struct peek {
	int gather; /* program: reads what `words` says */
	uint64_t *words; /* that it reads and is told: owned */
	uint64_t *cpu_offsets; /* what a variable of each processor lies apart by: owned */
	size_t nr_cpus;
};

/* btf: of the kernel. 0, or -errno. */
int peek_open(struct peek *ret, const struct btf *btf);
void peek_done(struct peek *p);

/* word[i] = 8 bytes at word[i]. 0 or -errno. */
int peek_gather(const struct peek *p, uint64_t *word, size_t nr);
/* size bytes, which may be any number. */
int peek_read(const struct peek *p, uint64_t at, void *ret, size_t size);
/* The sum of a 32-bit counter that each processor has one of. */
int peek_percpu_s32(const struct peek *p, uint64_t at, int64_t *ret);
