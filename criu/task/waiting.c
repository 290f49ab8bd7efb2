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
 * is then too much, but never more than the whole. Where that was a dump that this one builds
 * upon, it has noted what the wait is and when it ends. It is the same wait if the thread has gone
 * to sleep once since.
 */
#include "criu/task/waiting.h"

#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/clock.h"
#include "criu/base/mem.h"
#include "criu/task/timed.h"

#define RESTARTBLOCK 516
#define NSEC_PER_MS  1000000ull
#define CODE_BYTES   48 /* before the system call instruction */
#define FAR_CODE     (1ull << 32) /* no 32-bit code from here on */
#define MOV_EAX      0xb8
#define MOV_EDI      0xbf
#define CALL_BYTES   7 /* call *%gs:0x10 */
#define VDSO_PUSHED  12 /* bytes: what __kernel_vsyscall() of a 32-bit vdso has on the stack */

/* How much CLOCK_MONOTONIC is ahead of the scheduler's clock on this processor, in ns. */
static int lag_measure(struct dump *d, int cpu, int64_t *ret)
{
	cleanup_close int self = proc_open(getpid());
	cpu_set_t own, one;
	uint64_t ran = 0, switches, now;
	int r;

	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (self < 0 || sched_getaffinity(0, sizeof(own), &own) < 0 ||
	    sched_setaffinity(0, sizeof(one), &one) < 0)
		return -errno;
	sched_yield(); /* accounts what we have run so far */
	now = clock_ns();
	r = proc_sched_read(self, 0, &d->buf, &ran, &switches);
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

/* Whether it is 32-bit code that sleeps is not known before the thread is stopped. */
static bool waits_for_time(const struct proc_syscall *call)
{
	const struct timed_call *c = timed_call_find(call->nr, false);

	if (call->nr == timed_restart_nr(false))
		return true;
	if (c)
		return c->kind != TIMED_FUTEX || call->arg[c->time];
	c = call->pc < FAR_CODE ? timed_call_find(call->nr, true) : NULL;
	return c ? c->kind != TIMED_FUTEX || call->arg[c->time]
		 : call->pc < FAR_CODE && call->nr == timed_restart_nr(true);
}

/* Before the first was told to stop: most are asleep in a call that has no time. Of such a one
 * nothing more has to be known. Has it woken up since and waits for a time, it will do so for as
 * much longer as the tree took to stop. */
static bool seen_waiting(const struct dump *d, pid_t tid)
{
	const struct view_call *seen = taskview_call(&d->view, tid);
	struct proc_syscall call;

	if (!seen || !seen->is_asleep || seen->is_worker || seen->pc < FAR_CODE)
		return false;
	call = (struct proc_syscall){ .nr = seen->nr, .pc = seen->pc };
	memcpy(call.arg, seen->arg, sizeof(call.arg));
	return !waits_for_time(&call);
}

struct asleep waiting_look(struct dump *d, pid_t tid, bool *ret_no_code)
{
	struct asleep none = { 0 }, is = { 0 };
	cleanup_close int proc = -1;
	struct proc_syscall call;
	struct proc_stat st;
	uint64_t ran;
	int64_t lag;

	*ret_no_code = false;
	if (seen_waiting(d, tid))
		return none;
	if (proc_syscall_of(tid, &d->buf, &call) < 0)
		return none;
	*ret_no_code = call.running || !call.pc;
	if (call.running || !waits_for_time(&call))
		return none;
	proc = proc_open(tid);
	if (proc < 0 || proc_stat_read(proc, tid, &d->buf, &st) < 0 ||
	    lag_of(d, st.processor, &lag) < 0 ||
	    proc_sched_read(proc, tid, &d->buf, &ran, &is.switches) < 0)
		return none;
	is.since = (uint64_t)((int64_t)ran + lag);
	return is;
}

/* The number that was put into a register last before `end`: an opcode and 32 bits. */
static long number_before(const struct thread *th, uint64_t end, uint8_t opcode)
{
	uint8_t code[CODE_BYTES];

	if (tracee_mem_read(th->tid, end - sizeof(code), code, sizeof(code)) < 0)
		return -1;
	for (size_t i = sizeof(code) - 4; i-- > 0;) {
		uint32_t nr;

		memcpy(&nr, code + i + 1, sizeof(nr));
		if (code[i] == opcode && timed_call_find(nr, tracee_runs_32bit(&th->regs.gp)))
			return nr;
	}
	return -1;
}

/* In syscall(3) the number is its first argument: the caller has put it into edi. */
static long number_of_caller(const struct thread *th)
{
	static const uint8_t mov_rdi_rax[] = { 0x48, 0x89, 0xf8 };
	const struct user_regs_struct *gp = &th->regs.gp;
	uint8_t code[CODE_BYTES];
	uint64_t back;

	if (tracee_mem_read(th->tid, gp->rip - sizeof(code), code, sizeof(code)) < 0 ||
	    !memmem(code, sizeof(code), mov_rdi_rax, sizeof(mov_rdi_rax)) ||
	    tracee_mem_read(th->tid, gp->rsp, &back, sizeof(back)) < 0)
		return -1;
	return number_before(th, back, MOV_EDI);
}

/* 32-bit libraries set the number and then call the vdso, which has the instruction. The number
 * is a constant, or, in syscall(3), an argument on the stack. */
static long number_of_call(const struct thread *th)
{
	static const uint8_t mov_esp_eax[] = { 0x8b, 0x44, 0x24 }; /* then one byte */
	uint64_t sp = th->regs.gp.rsp + VDSO_PUSHED;
	uint8_t code[sizeof(mov_esp_eax) + 1 + CALL_BYTES];
	uint32_t back, nr;

	if (tracee_mem_read(th->tid, sp, &back, sizeof(back)) < 0 ||
	    tracee_mem_read(th->tid, back - sizeof(code), code, sizeof(code)) < 0)
		return -1;
	sp += sizeof(back);
	if (memcmp(code, mov_esp_eax, sizeof(mov_esp_eax)) != 0)
		return number_before(th, back, MOV_EAX);
	if (tracee_mem_read(th->tid, sp + code[sizeof(mov_esp_eax)], &nr, sizeof(nr)) < 0)
		return -1;
	return timed_call_find(nr, true) ? (long)nr : -1;
}

static long number_in_code(const struct thread *th)
{
	long nr = number_before(th, th->regs.gp.rip - 2, MOV_EAX);

	if (nr >= 0)
		return nr;
	return tracee_runs_32bit(&th->regs.gp) ? number_of_call(th) : number_of_caller(th);
}

static int time_read(pid_t tid, enum time_format f, uint64_t addr, uint64_t *ret_ns)
{
	uint8_t bytes[TIMED_BYTES_MAX];

	if (!addr || tracee_mem_read(tid, addr, bytes, timed_bytes(f)) < 0)
		return -EFAULT;
	return timed_parse(f, bytes, ret_ns);
}

/* The whole time of the call. */
static int time_of_call(const struct thread *th, const struct timed_call *c, uint64_t *ret_ns)
{
	const struct user_regs_struct *gp = &th->regs.gp;
	uint64_t time = timed_arg_value(gp, c->is_32bit, c->time);
	uint64_t how = timed_arg_value(gp, c->is_32bit, 1);

	/* An absolute time may begin again as it is; so FUTEX_WAIT_BITSET. */
	if ((c->kind == TIMED_CLOCK_NANOSLEEP && how) ||
	    (c->kind == TIMED_FUTEX && (how & FUTEX_CMD_MASK) != FUTEX_WAIT))
		return -EINVAL;
	if (c->format != TIME_MS)
		return time_read(th->tid, c->format, time, ret_ns);
	*ret_ns = (uint64_t)(uint32_t)time * NSEC_PER_MS;
	return (int32_t)time < 0 ? -EINVAL : 0;
}

static const struct wait_noted *noted(const struct dump *d, const struct thread *th)
{
	for (size_t i = 0; i < d->nr_waits_before; i++)
		if (d->waits_before[i].tid == th->tid)
			return d->waits_before[i].switches + 1 == th->asleep.switches
				   ? &d->waits_before[i]
				   : NULL;
	return NULL;
}

void waiting_left(const struct dump *d, struct thread *th)
{
	const struct user_regs_struct *gp = &th->regs.gp;
	uint64_t total, left, since = th->asleep.since, now = d->frozen_at_us * 1000;
	bool is_32bit = tracee_runs_32bit(gp);
	const struct wait_noted *before = NULL;
	const struct timed_call *c;
	long nr = (long)gp->orig_rax;

	if (th->restart != RESTARTBLOCK)
		return;
	if (nr == timed_restart_nr(is_32bit)) {
		before = noted(d, th);
		nr = before ? before->nr : number_in_code(th);
	}
	th->restart_nr = nr;
	c = timed_call_find(nr, is_32bit);
	if (!c || time_of_call(th, c, &total) < 0)
		return;
	if (c->rem >= 0 &&
	    time_read(th->tid, c->format, timed_arg_value(gp, is_32bit, c->rem), &left) >= 0 &&
	    left <= total)
		th->restart_left = left;
	else if (before && before->until)
		th->restart_left = before->until > now ? before->until - now : 0;
	else if (since && now > since)
		th->restart_left = now - since < total ? total - (now - since) : 0;
}

static void note(struct dump *d, const struct thread *th)
{
	cleanup_close int proc = proc_open(th->tid);
	struct wait_noted w = { .tid = th->tid, .nr = th->restart_nr };
	uint64_t ran;

	if (proc < 0 || proc_sched_read(proc, th->tid, &d->buf, &ran, &w.switches) < 0)
		return;
	if (th->restart_left != UINT64_MAX)
		w.until = d->frozen_at_us * 1000 + th->restart_left;
	*array_push(d->waits, d->nr_waits, d->cap_waits) = w;
}

void waiting_note(struct dump *d)
{
	struct task *t;

	tasks_for_each(t, &d->tree)
		for (size_t i = 0; i < t->nr_threads; i++)
			if (t->threads[i].restart == RESTARTBLOCK && t->threads[i].restart_nr >= 0)
				note(d, &t->threads[i]);
}
