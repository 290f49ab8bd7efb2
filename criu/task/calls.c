// SPDX-License-Identifier: GPL-2.0-only
/*
 * Inside of a system call the kernel may have memory of a task pinned, and have it written to by a
 * device, or by itself, past the page table: a read(2) of a file with O_DIRECT, or on a file system
 * that reads in no other way. Such a write takes no mark off its page (mem/dirty.c). It comes
 * before the end of the call; and what is pinned by a later call loses its mark when that happens.
 *
 * Most threads sleep in a call that only waits, and are left alone. Each of the others is stopped
 * for a moment by ptrace(2), which it is on its way out of the kernel, one after the other.
 */
#include "criu/task/calls.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compel/tracee.h"
#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/proc.h"
#include "criu/task/stuck.h"
#include "criu/task/timed.h"

/* They wait, and what they tell at the end they write as the program itself would. */
static const long waits_64[] = {
	SYS_futex,           SYS_nanosleep,     SYS_clock_nanosleep, SYS_poll,
	SYS_ppoll,           SYS_select,        SYS_pselect6,        SYS_epoll_wait,
	SYS_epoll_pwait,     SYS_epoll_pwait2,  SYS_wait4,           SYS_waitid,
	SYS_pause,           SYS_rt_sigsuspend, SYS_rt_sigtimedwait, SYS_restart_syscall,
	SYS_accept,          SYS_accept4,       SYS_connect,         SYS_semop,
	SYS_semtimedop,      SYS_msgsnd,        SYS_msgrcv,          SYS_mq_timedsend,
	SYS_mq_timedreceive, SYS_flock,         SYS_fcntl,
};

/* The same by the numbers of 32-bit code (arch/x86/entry/syscalls/syscall_32.tbl), beside those of
 * task/timed.c; of them the kernel knows more than one format of time. */
static const long waits_32[] = {
	7 /* waitpid */,
	29 /* pause */,
	72 /* sigsuspend */,
	82 /* select */,
	114 /* wait4 */,
	142 /* _newselect */,
	143 /* flock */,
	177 /* rt_sigtimedwait */,
	179 /* rt_sigsuspend */,
	240 /* futex */,
	256 /* epoll_wait */,
	279 /* mq_timedsend */,
	280 /* mq_timedreceive */,
	284 /* waitid */,
	308 /* pselect6 */,
	309 /* ppoll */,
	319 /* epoll_pwait */,
	362 /* connect */,
	364 /* accept4 */,
	400 /* msgsnd */,
	401 /* msgrcv */,
	413 /* pselect6_time64 */,
	414 /* ppoll_time64 */,
	418 /* mq_timedsend_time64 */,
	419 /* mq_timedreceive_time64 */,
	420 /* semtimedop_time64 */,
	421 /* rt_sigtimedwait_time64 */,
	422 /* futex_time64 */,
};

static bool has_number(const long *numbers, size_t nr, long wanted)
{
	for (size_t i = 0; i < nr; i++)
		if (numbers[i] == wanted)
			return true;
	return false;
}

/* A 64-bit program may run 32-bit code; of the numbers of that none means here what would be
 * something else there with memory pinned. */
static bool only_waits(const struct proc_syscall *call, bool is_32bit)
{
	if (call->running || !call->pc)
		return false;
	if (call->nr < 0)
		return true; /* a page is being fetched for it, or it is stopped */
	if (is_32bit && (call->nr == timed_restart_nr(true) || timed_call_find(call->nr, true)))
		return true;
	return is_32bit ? has_number(waits_32, ARRAY_SIZE(waits_32), call->nr)
			: has_number(waits_64, ARRAY_SIZE(waits_64), call->nr);
}

static bool is_program_32bit(int proc)
{
	cleanup_close int exe = openat(proc, "exe", O_RDONLY | O_CLOEXEC);
	uint8_t class = 0;

	return exe >= 0 && pread(exe, &class, 1, EI_CLASS) == 1 && class == ELFCLASS32;
}

/* Dead, or stopped by job control, which one is on its way out; or of the kernel's own. */
static bool is_outside(struct dump *d, pid_t pid, pid_t tid)
{
	cleanup_close int proc = proc_open(pid);
	struct proc_stat st;

	if (proc < 0 || proc_stat_read(proc, tid == pid ? 0 : tid, &d->buf, &st) < 0)
		return true;
	return st.state == 'Z' || st.state == 'X' || st.state == 'T' ||
	       st.flags & (PROC_PF_IO_WORKER | PROC_PF_USER_WORKER);
}

static int wait_for_stop(struct dump *d, pid_t tid)
{
	struct tracee_stop stop;
	int r;

	while ((r = tracee_wait_interrupted(tid, &stop)) == -EINTR) {
		r = session_interrupted(d->s);
		r = r < 0 ? stuck_fail_at(r, tid) : stuck_refuse(d, tid);
		if (r < 0)
			return r;
	}
	if (r == -ESRCH || r == -ECHILD)
		return 0;
	if (r < 0)
		return fail(-r, "wait for thread %d to stop", (int)tid);
	tracee_detach(tid);
	return 0;
}

static int call_end(struct dump *d, pid_t pid, pid_t tid, bool is_32bit)
{
	struct proc_syscall call;
	int r;

	if (proc_syscall_of(tid, &d->buf, &call) >= 0 && only_waits(&call, is_32bit))
		return 0;
	if (is_outside(d, pid, tid))
		return 0;
	r = tracee_seize(tid);
	if (r < 0)
		return r == -ESRCH || is_outside(d, pid, tid) ? 0 : 1;
	return wait_for_stop(d, tid);
}

/* Threads that come later begin with nothing pinned. */
static int calls_end_of(struct dump *d, const struct task *t)
{
	cleanup_proc_pids struct proc_pids tids = { 0 };
	cleanup_close int proc = proc_open(t->pid);
	bool is_32bit = proc >= 0 && is_program_32bit(proc);
	int unknown = 0;

	if (proc < 0 || proc_threads_read(proc, &tids) < 0)
		return 0;
	for (size_t i = 0; i < tids.nr; i++) {
		int r = call_end(d, t->pid, tids.v[i], is_32bit);

		if (r < 0)
			return r;
		unknown |= r;
	}
	return unknown;
}

int calls_end(struct dump *d, const struct tree *tree)
{
	struct task *t;
	int unknown = 0;

	session_timeout(d->s->opts->timeout);
	tasks_for_each(t, tree) {
		int r = calls_end_of(d, t);

		if (r < 0) {
			session_timeout(0);
			return task_fail_at(r, t);
		}
		unknown |= r;
	}
	session_timeout(0);
	return unknown;
}
