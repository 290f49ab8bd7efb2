// SPDX-License-Identifier: GPL-2.0-only
/* Builds a restore program: see criu/pie/abi/program.h. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "criu/pie/abi/program.h"

/* Memory at its final address: operations from the front, data from the back of it. */
struct program {
	char *base;
	size_t size;
	size_t ops_len; /* bytes from the front */
	size_t data_at; /* offset of the lowest data so far */
};

void program_init(struct program *p, void *base, size_t size);

/* Running out of the room that the plan has computed is our mistake: asserted. */
void *program_data(struct program *p, size_t len);
uint64_t program_copy(struct program *p, const void *data, size_t len);

/* Where the list that the next operation begins will stand. End it with program_end(). */
uint64_t program_list(const struct program *p);
struct op *program_op(struct program *p, enum op_kind kind, enum op_what what);
void program_end(struct program *p);

/* A system call that must not fail. At most six arguments, the rest 0. */
struct op *program_syscall(struct program *p, enum op_what what, long nr, const uint64_t *args,
			   size_t nr_args);
#define PROGRAM_SYSCALL(p, what, nr, ...)                                                          \
	program_syscall((p), (what), (nr), (const uint64_t[]){ __VA_ARGS__ },                      \
			sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* Makes its system calls here and now. The first that must not fail and does ends it: speaks. */
int program_run(const struct program *p);

/* "map 7f00000000-7f00001000: Cannot allocate memory". err is negative. */
void op_describe(const struct op *op, int err, char *buf, size_t size);
