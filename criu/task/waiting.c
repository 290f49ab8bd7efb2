// SPDX-License-Identifier: GPL-2.0-only
/*
 * A relative timeout that was interrupted is known to the kernel alone (restart_block). Two
 * things tell it from outside: nanosleep(2) with a place for the time that is left has
 * just been given it; and of others /proc/TID/sched says when they last ran, which is
 * when they began to wait. That clock is the run queue's (rq_clock_task), which lags
 * behind CLOCK_MONOTONIC by the interrupt and steal time of its processor: the lag is
 * measured once for each processor that matters, by running there.
 *
 * A wait that has been interrupted before counts from the last interruption: what is left
 * is then too much, but never more than the whole.
 */
#include "criu/task/waiting.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/clock.h"
#include "criu/base/mem.h"

#define RESTARTBLOCK 516
#define NSEC         1000000000ull
#define NSEC_PER_MS  1000000ull
#define CODE_BYTES   32 /* before the system call instruction */

static bool has_time(long nr)
{
	return nr == SYS_nanosleep || nr == SYS_clock_nanosleep || nr == SYS_poll ||
	       nr == SYS_futex || nr == SYS_restart_syscall;
}

/* How much CLOCK_MONOTONIC is ahead of the scheduler's clock on this processor, in ns. */
static int lag_measure(struct dump *d, int cpu, int64_t *ret)
{
	cleanup_close int self = proc_open(getpid());
	cpu_set_t own, one;
	uint64_t ran = 0, now;
	int r;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (self < 0 || sched_getaffinity(0, sizeof(own), &own) < 0 ||
	    sched_setaffinity(0, sizeof(one), &one) < 0)
		return -errno;
	sched_yield(); /* accounts what we have run so far */
	now = clock_ns();
	r = proc_sched_exec_start(self, 0, &d->buf, &ran);
	sched_setaffinity(0, sizeof(own), &own);
	if (r >= 0)
		*ret = (int64_t)(now - ran);
	return r;
}

static int lag_of(struct dump *d, int cpu, int64_t *ret)
{
	int r;

	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return -EINVAL;
	while (d->nr_lags <= (size_t)cpu)
		*array_push(d->lags, d->nr_lags, d->cap_lags) = (struct clock_lag){ false, 0 };
	if (!d->lags[cpu].known) {
		r = lag_measure(d, cpu, &d->lags[cpu].ns);
		if (r < 0)
			return r;
		d->lags[cpu].known = true;
	}
	*ret = d->lags[cpu].ns;
	return 0;
}

uint64_t waiting_since(struct dump *d, pid_t tid)
{
	cleanup_close int proc = -1;
	struct proc_syscall call;
	struct proc_stat st;
	uint64_t ran;
	int64_t lag;

	if (proc_syscall_of(tid, &d->buf, &call) < 0 || call.running || !has_time(call.nr) ||
	    (call.nr == SYS_futex && !call.arg[3]))
		return 0;
	proc = proc_open(tid);
	if (proc < 0 || proc_stat_read(proc, tid, &d->buf, &st) < 0 ||
	    lag_of(d, st.processor, &lag) < 0 ||
	    proc_sched_exec_start(proc, tid, &d->buf, &ran) < 0)
		return 0;
	return (uint64_t)((int64_t)ran + lag);
}

/* The number that was put into eax last before the instruction: b8 and 32 bits. */
static long number_in_code(const struct thread *th)
{
	uint8_t code[CODE_BYTES];

	if (tracee_mem_read(th->tid, th->regs.gp.rip - 2 - sizeof(code), code, sizeof(code)) < 0)
		return -1;
	for (size_t i = sizeof(code) - 4; i-- > 0;) {
		uint32_t nr;

		memcpy(&nr, code + i + 1, sizeof(nr));
		if (code[i] == 0xb8 && has_time(nr) && nr != SYS_restart_syscall)
			return nr;
	}
	return -1;
}

static int timespec_read(pid_t tid, uint64_t addr, uint64_t *ret_ns)
{
	struct timespec ts;

	if (!addr || tracee_mem_read(tid, addr, &ts, sizeof(ts)) < 0 || ts.tv_sec < 0 ||
	    ts.tv_nsec < 0)
		return -EFAULT;
	*ret_ns = (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
	return 0;
}

/* The whole time of the call, and where the kernel puts what is left, 0: nowhere. */
static int time_of_call(const struct thread *th, long nr, uint64_t *ret_ns, uint64_t *ret_rem)
{
	const struct user_regs_struct *gp = &th->regs.gp;

	*ret_rem = 0;
	switch (nr) {
	case SYS_nanosleep:
		*ret_rem = gp->rsi;
		return timespec_read(th->tid, gp->rdi, ret_ns);
	case SYS_clock_nanosleep:
		*ret_rem = gp->r10;
		return gp->rsi ? -EINVAL : timespec_read(th->tid, gp->rdx, ret_ns);
	case SYS_poll:
		*ret_ns = (uint64_t)(uint32_t)gp->rdx * NSEC_PER_MS;
		return (int32_t)gp->rdx < 0 ? -EINVAL : 0;
	case SYS_futex:
		/* FUTEX_WAIT_BITSET has an absolute time: it may begin again as it is. */
		return (gp->rsi & FUTEX_CMD_MASK) != FUTEX_WAIT
			   ? -EINVAL
			   : timespec_read(th->tid, gp->r10, ret_ns);
	default:
		return -EINVAL;
	}
}

void waiting_left(const struct dump *d, struct thread *th)
{
	uint64_t total, rem, left, since = th->asleep_since, now = d->frozen_at_us * 1000;
	long nr = (long)th->regs.gp.orig_rax;

	if (th->restart != RESTARTBLOCK)
		return;
	if (nr == SYS_restart_syscall)
		nr = number_in_code(th);
	th->restart_nr = nr;
	if (time_of_call(th, nr, &total, &rem) < 0)
		return;
	if (timespec_read(th->tid, rem, &left) >= 0 && left <= total)
		th->restart_left = left;
	else if (since && now > since)
		th->restart_left = now - since < total ? total - (now - since) : 0;
}
