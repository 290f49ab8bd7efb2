// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a list of operations. It knows nothing of what they are for; the first that does
 * not end as expected is reported as it stands, and the task ends.
 */
#include <asm/unistd.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <stddef.h>

#include "compel/blob/syscall.h"
#include "criu/pie/abi/program.h"
#include "criu/pie/restorer/aio.h"
#include "criu/pie/restorer/clone.h"
#include "criu/pie/restorer/read.h"
#include "criu/pie/restorer/run.h"

#define TIMER_TRIES   1000000
#define FORK_TRIES    500
#define FORK_PAUSE_NS 1000000
#define O_CLOEXEC_    02000000
#define ESRCH_        3
#define EEXIST_       17
#define ETIMEDOUT_    110

void blob_entry(struct restorer_args *a) __attribute__((noreturn, section(".text.entry")));
static void run_list(void *run) __attribute__((noreturn));

static void futex_wake(uint32_t *word)
{
	blob_syscall3(__NR_futex, BLOB_ADDR(word), FUTEX_WAKE, 0x7fffffff);
}

static long futex_wait(uint32_t *word, uint32_t seen, uint64_t ms)
{
	const uint64_t ts[2] = { ms / 1000, ms % 1000 * 1000000 };

	return blob_syscall4(__NR_futex, BLOB_ADDR(word), FUTEX_WAIT, seen, ms ? BLOB_ADDR(ts) : 0);
}

static void __attribute__((noreturn)) die(void)
{
	for (;;)
		blob_syscall1(__NR_exit_group, 1);
}

static void __attribute__((noreturn)) report(const struct run *r, const struct op *op, long err)
{
	struct stage_area *a = r->area;

	if (!__atomic_exchange_n(&a->failed, 1, __ATOMIC_SEQ_CST)) {
		a->pid = r->pid;
		a->err = (int32_t)err;
		a->is_op = 1;
		a->op = *op;
		__atomic_store_n(&a->told, 1, __ATOMIC_SEQ_CST);
	}
	futex_wake(&a->busy);
	die();
}

static void stage_done(struct stage_area *a)
{
	if (__atomic_sub_fetch(&a->busy, 1, __ATOMIC_SEQ_CST) == 0)
		futex_wake(&a->busy);
}

/* A pidfd can be read once its process has ended, reaped or not. */
static int is_gone(int64_t pidfd)
{
	struct {
		int32_t fd;
		int16_t events, revents;
	} p = { (int32_t)pidfd, 1 /* POLLIN */, 0 };

	return blob_syscall3(__NR_poll, BLOB_ADDR(&p), 1, 0) > 0;
}

/* crtool: a pidfd, or -1. Without crtool nobody would ever start the stage. */
static void stage_wait(struct stage_area *a, uint32_t stage, int64_t crtool)
{
	uint32_t now;

	while ((now = __atomic_load_n(&a->stage, __ATOMIC_SEQ_CST)) < stage)
		if (futex_wait(&a->stage, now, crtool < 0 ? 0 : a->patience_ms) == -ETIMEDOUT_ &&
		    is_gone(crtool))
			die();
}

/* On the stack below its run, by the number that is in that. */
static long clone_as(struct run its, uint64_t stack_top, uint64_t flags, uint64_t exit_signal,
		     void (*fn)(void *run))
{
	struct run *at = (struct run *)(uintptr_t)stack_top - 1;
	struct clone_args ca = {
		.flags = flags,
		.exit_signal = exit_signal,
		.stack = stack_top - 4096,
		.stack_size = 4096 - 64,
		.set_tid = BLOB_ADDR(&its.tid),
		.set_tid_size = 1,
	};

	*at = its;
	return clone_on(&ca, fn, at);
}

/* arg: flags, tid, stack top, list of operations: nothing of this run but that is its own. */
static long clone_thread(const struct run *r, const struct op *op)
{
	const struct run its = { r->area, (const struct op *)(uintptr_t)op->arg[3], r->pid,
				 (int32_t)op->arg[1], NULL };
	long ret = clone_as(its, op->arg[2], op->arg[0], 0, run_list);

	return ret < 0 ? ret : ret == its.tid ? 0 : -EEXIST_;
}

/* Whoever knows first says so, the forker or the process itself. */
static void say_there(const struct run *r)
{
	uint8_t none = 0;

	__atomic_compare_exchange_n(r->is_there, &none, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void born(void *run)
{
	say_there(run);
	run_list(run);
}

/* A process that was reaped is out of /proc before its number is free. */
static int number_is_leaving(int32_t pid)
{
	const uint64_t ts[2] = { 0, FORK_PAUSE_NS };

	if (blob_syscall2(__NR_kill, pid, 0) != -ESRCH_)
		return 0;
	blob_syscall2(__NR_nanosleep, BLOB_ADDR(ts), 0);
	return 1;
}

/* It has the memory of who forks it as it is now, and a stack of its own. */
static long fork_task(const struct run *r, const struct op *op)
{
	int32_t pid = (int32_t)op->arg[0];
	const struct run its = { r->area, (const struct op *)(uintptr_t)op->arg[2], pid, pid,
				 (uint8_t *)(uintptr_t)op->arg[4] };
	long ret;

	for (int i = 0; i < FORK_TRIES; i++) {
		ret = clone_as(its, op->arg[1], 0, op->arg[3], born);
		if (ret != -EEXIST_ || !number_is_leaving(pid))
			break;
	}
	if (ret > 0)
		say_there(&its);
	return ret;
}

/* arg: clock, sigevent, id. Without a way to ask for an id, ids are counted up. */
static long timer_create(const struct op *op)
{
	int32_t want = (int32_t)op->arg[2];

	for (int i = 0; i < TIMER_TRIES; i++) {
		int32_t id = want;
		long r = blob_syscall3(__NR_timer_create, op->arg[0], op->arg[1], BLOB_ADDR(&id));

		if (r < 0 || id == want)
			return r;
		blob_syscall1(__NR_timer_delete, id);
		if (id > want)
			break;
	}
	return -EEXIST_;
}

/* arg: array of 128-byte siginfo, how many, tid or 0 */
static long sigqueue(const struct run *r, const struct op *op)
{
	for (uint64_t i = 0; i < op->arg[1]; i++) {
		uint64_t info = op->arg[0] + i * 128;
		uint32_t signo = *(const uint32_t *)(uintptr_t)info;
		long ret = op->arg[2] ? blob_syscall4(__NR_rt_tgsigqueueinfo, r->pid, op->arg[2],
						      signo, info)
				      : blob_syscall3(__NR_rt_sigqueueinfo, r->pid, signo, info);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* arg: pidfd, number there, number here, flags */
static long take_fd(const struct op *op)
{
	long fd = blob_syscall3(__NR_pidfd_getfd, op->arg[0], op->arg[1], 0), ret;

	if (fd < 0)
		return fd;
	ret = blob_syscall3(__NR_dup3, (uint64_t)fd, op->arg[2], op->arg[3]);
	blob_syscall1(__NR_close, fd);
	return ret;
}

/* arg: directory, name, flags, number here */
static long open_at(const struct op *op)
{
	long fd = blob_syscall4(__NR_openat, op->arg[0], op->arg[1], op->arg[2], 0), ret;

	if (fd < 0)
		return fd;
	ret = blob_syscall3(__NR_dup3, (uint64_t)fd, op->arg[3], O_CLOEXEC_);
	blob_syscall1(__NR_close, fd);
	return ret;
}

/* Addresses among the arguments are below 4 GiB: the host sees to it. */
static long syscall32(const struct op *op)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(op->nr), "b"(op->arg[0]), "c"(op->arg[1]), "d"(op->arg[2]),
			   "S"(op->arg[3]), "D"(op->arg[4])
			 : "r8", "r9", "r10", "r11", "memory");
	return r;
}

static long run_one(const struct run *r, const struct op *op)
{
	switch (op->kind) {
	case OP_SYSCALL:
		return blob_syscall6(op->nr, op->arg[0], op->arg[1], op->arg[2], op->arg[3],
				     op->arg[4], op->arg[5]);
	case OP_SYSCALL32:
		return syscall32(op);
	case OP_READ:
		return read_all(r->area, op);
	case OP_READ_LARGE:
		return read_large(r, (struct large_read *)(uintptr_t)op->arg[0]);
	case OP_CLONE:
		return clone_thread(r, op);
	case OP_FORK:
		return fork_task(r, op);
	case OP_OPEN:
		return open_at(op);
	case OP_TIMER:
		return timer_create(op);
	case OP_SIGQUEUE:
		return sigqueue(r, op);
	case OP_TAKE_FD:
		return take_fd(op);
	case OP_AIO:
		return aio_make_all(op);
	case OP_STAGE:
		stage_done(r->area);
		stage_wait(r->area, (uint32_t)op->arg[0], (int64_t)op->arg[1]);
		return 0;
	default:
		return -EEXIST_;
	}
}

static void run_list(void *run)
{
	const struct run *r = run;
	uint32_t never = 0;

	for (const struct op *op = r->ops; op->kind != OP_END; op++) {
		long ret = run_one(r, op);

		if (op->flags & OP_ANY)
			continue;
		if ((op->flags & OP_EXPECT) ? ret != op->expect : ret < 0 && ret > -4096)
			report(r, op, ret < 0 && ret > -4096 ? ret : -EEXIST_);
	}
	stage_done(r->area);
	for (;;)
		futex_wait(&never, 0, 0);
}

void blob_entry(struct restorer_args *a)
{
	struct run r = { (struct stage_area *)(uintptr_t)a->area,
			 (const struct op *)(uintptr_t)a->ops, a->pid, a->tid, NULL };

	run_list(&r);
}
