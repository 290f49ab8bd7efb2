// SPDX-License-Identifier: GPL-2.0-only
#include "criu/core/program.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"

void program_init(struct program *p, void *base, size_t size)
{
	*p = (struct program){ .base = base, .size = size, .data_at = size };
}

void *program_data(struct program *p, size_t len)
{
	size_t room = (len + 15) & ~15ul;

	assert(p->data_at >= p->ops_len + room);
	p->data_at -= room;
	return p->base + p->data_at;
}

uint64_t program_copy(struct program *p, const void *data, size_t len)
{
	void *to = program_data(p, len);

	if (len)
		memcpy(to, data, len);
	return (uint64_t)(uintptr_t)to;
}

uint64_t program_list(const struct program *p)
{
	return (uint64_t)(uintptr_t)(p->base + p->ops_len);
}

struct op *program_op(struct program *p, enum op_kind kind, enum op_what what)
{
	struct op *op = (struct op *)(void *)(p->base + p->ops_len);

	assert(p->ops_len + sizeof(*op) <= p->data_at);
	p->ops_len += sizeof(*op);
	memset(op, 0, sizeof(*op));
	op->kind = (uint16_t)kind;
	op->what = (uint16_t)what;
	return op;
}

void program_end(struct program *p)
{
	program_op(p, OP_END, OP_WHAT_NONE);
}

struct op *program_syscall(struct program *p, enum op_what what, long nr, const uint64_t *args,
			   size_t nr_args)
{
	struct op *op = program_op(p, OP_SYSCALL, what);

	assert(nr_args <= ARRAY_SIZE(op->arg));
	op->nr = nr;
	memcpy(op->arg, args, nr_args * sizeof(*args));
	return op;
}

int program_run(const struct program *p)
{
	const struct op *op = (const struct op *)(const void *)p->base;
	char text[256];

	for (; op->kind != OP_END; op++) {
		assert(op->kind == OP_SYSCALL);
		if (syscall(op->nr, op->arg[0], op->arg[1], op->arg[2], op->arg[3], op->arg[4],
			    op->arg[5]) != -1 ||
		    op->flags & OP_ANY)
			continue;
		op_describe(op, -errno, text, sizeof(text));
		return fail_plain("%s", text);
	}
	return 0;
}

struct what_text {
	const char *name;
	enum { NO_OBJECT, RANGE, NUMBER } object; /* in arg[0], arg[1] */
};

static const struct what_text what_texts[] = {
	[OP_WHAT_NONE] = { "an operation", NO_OBJECT },
	[OP_WHAT_RSEQ] = { "rseq area", NO_OBJECT },
	[OP_WHAT_UNMAP] = { "unmap", RANGE },
	[OP_WHAT_VDSO] = { "move the vdso", RANGE },
	[OP_WHAT_MAP] = { "map", RANGE },
	[OP_WHAT_SHMEM] = { "map shared memory", RANGE },
	[OP_WHAT_READ] = { "read page contents", NO_OBJECT },
	[OP_WHAT_PROTECT] = { "protect", RANGE },
	[OP_WHAT_ADVISE] = { "madvise", RANGE },
	[OP_WHAT_LOCK] = { "mlock", RANGE },
	[OP_WHAT_MM] = { "set the fields of its mm", NO_OBJECT },
	[OP_WHAT_CLOSE] = { "close descriptors", NO_OBJECT },
	[OP_WHAT_THREAD] = { "create thread", NO_OBJECT },
	[OP_WHAT_FORK] = { "clone pid", NUMBER },
	[OP_WHAT_OPEN] = { "open page contents", NO_OBJECT },
	[OP_WHAT_RLIMIT] = { "set resource limit", NUMBER },
	[OP_WHAT_SIGNAL] = { "signals", NO_OBJECT },
	[OP_WHAT_TIMER] = { "timers", NO_OBJECT },
	[OP_WHAT_CREDS] = { "credentials", NO_OBJECT },
	[OP_WHAT_PRCTL] = { "prctl", NUMBER },
	[OP_WHAT_SAS] = { "alternate signal stack", NO_OBJECT },
	[OP_WHAT_SCHED] = { "scheduler", NO_OBJECT },
	[OP_WHAT_MEMPOLICY] = { "memory policy", NUMBER },
	[OP_WHAT_LDT] = { "local descriptor table", NO_OBJECT },
	[OP_WHAT_MBIND] = { "memory policy of", RANGE },
	[OP_WHAT_IOPRIO] = { "I/O priority", NO_OBJECT },
	[OP_WHAT_SECCOMP] = { "seccomp", NO_OBJECT },
	[OP_WHAT_FILE_LOCK] = { "lock the file of fd", NUMBER },
	[OP_WHAT_MQ_NOTIFY] = { "mq_notify of fd", NUMBER },
	[OP_WHAT_LATE] = { "take a file of a thread from crtool", NO_OBJECT },
	[OP_WHAT_SEAL] = { "mseal", RANGE },
	[OP_WHAT_PKEY] = { "protection keys", NO_OBJECT },
	[OP_WHAT_USERFAULT] = { "userfaultfd", NO_OBJECT },
	[OP_WHAT_URING] = { "map a ring of io_uring in its place", NO_OBJECT },
	[OP_WHAT_URING_REGISTER] = { "io_uring_register of fd", NUMBER },
	[OP_WHAT_AIO] = { "asynchronous I/O (io_setup)", NO_OBJECT },
	[OP_WHAT_WAIT] = { "wait for the others", NO_OBJECT },
};

static void object_describe(const struct what_text *w, const struct op *op, char *buf, size_t size)
{
	unsigned long long a = op->arg[0], b = op->arg[1];

	switch (w->object) {
	case RANGE:
		snprintf(buf, size, "%s %llx-%llx", w->name, a, a + b);
		break;
	case NUMBER:
		snprintf(buf, size, "%s %llu", w->name, a);
		break;
	case NO_OBJECT:
		snprintf(buf, size, "%s", w->name);
		break;
	}
}

void op_describe(const struct op *op, int err, char *buf, size_t size)
{
	const struct what_text *w = &what_texts[op->what < ARRAY_SIZE(what_texts) ? op->what : 0];
	char object[128];

	object_describe(w, op, object, sizeof(object));
	if (op->kind == OP_CLONE)
		snprintf(buf, size, "%s %llu: %s", w->name, (unsigned long long)op->arg[1],
			 strerror(-err));
	else if (op->kind == OP_SYSCALL || op->kind == OP_SYSCALL32)
		snprintf(buf, size, "%s (system call %lld): %s", object, (long long)op->nr,
			 strerror(-err));
	else
		snprintf(buf, size, "%s: %s", object, strerror(-err));
}
