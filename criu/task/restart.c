// SPDX-License-Identifier: GPL-2.0-only
/*
 * nanosleep(2), poll(2), futex(2) with a relative timeout: interrupted, the kernel
 * remembers when they were to end, in a place that nobody can read or write, and
 * restart_syscall(2) goes on from there. After a restore the place is made anew: the thread
 * begins the same call with the time that was left, is interrupted at once, and
 * then gets its own registers.
 *
 * Where it is not known how much was left, the call begins again with its whole time.
 */
#include "criu/task/restart.h"

#include <errno.h>
#include <string.h>

#include "compel/tracee.h"
#include "criu/base/mem.h"
#include "criu/pie/blobs.h"
#include "criu/task/timed.h"

#define RESTARTBLOCK 516
#define LOW_END      (1ull << 32) /* of what 32-bit calls can reach */

static uint64_t insn_find(const struct restore *r, const uint8_t insn[2])
{
	const uint8_t *at =
	    memmem(restorer_blob, (size_t)(restorer_blob_end - restorer_blob), insn, 2);

	return r->blob + (uint64_t)(at - restorer_blob);
}

uint64_t restart_syscall_insn(const struct restore *r)
{
	return insn_find(r, (const uint8_t[]){ 0x0f, 0x05 });
}

/* int $0x80: a 32-bit call, in 64-bit code as well. */
static uint64_t int80_insn(const struct restore *r)
{
	return insn_find(r, (const uint8_t[]){ 0xcd, 0x80 });
}

uint64_t restart_scratch(const struct restore *r)
{
	return (uint64_t)(uintptr_t)r->stage->scratch;
}

static void begin_again(struct user_regs_struct *gp)
{
	gp->rax = gp->orig_rax;
	gp->rip -= 2;
	gp->orig_rax = (uint64_t)-1;
}

/* The same call with the time that was left: a copy of own registers that begins it. */
static int call_prepare(struct restore *r, const struct thread *th, uint64_t left,
			struct user_regs_struct *gp)
{
	bool is_32bit = tracee_runs_32bit(gp);
	const struct timed_call *c = timed_call_find((long)gp->orig_rax, is_32bit);
	uint64_t scratch = restart_scratch(r);
	unsigned long long *time;
	uint8_t bytes[TIMED_BYTES_MAX];

	gp->rip = is_32bit ? int80_insn(r) : restart_syscall_insn(r);
	gp->cs = TRACEE_CS_64;
	gp->ss = TRACEE_SS_64;
	gp->rax = gp->orig_rax;
	gp->orig_rax = (uint64_t)-1;
	if (!c)
		return 0;
	time = timed_arg(gp, is_32bit, c->time);
	if (c->format == TIME_MS) {
		*time = (left + 999999) / 1000000;
		return 0;
	}
	*time = scratch;
	timed_write(c->format, left, bytes);
	return tracee_mem_write(th->tid, scratch, bytes, timed_bytes(c->format));
}

/* It comes at once: a signal to crtool meanwhile is seen by whoever asks the session next. */
static int stop_wait(pid_t tid)
{
	struct tracee_stop stop;
	int err;

	do
		err = tracee_wait_interrupted(tid, &stop);
	while (err == -EINTR);
	return err;
}

int restart_prepare(struct restore *r, struct thread *th, const CoreEntry *core)
{
	const ThreadCoreEntry *tc = core->thread_core;
	struct user_regs_struct *own = &th->regs.gp, gp = *own;
	int err;

	if (!tc->has_restart || tc->restart != RESTARTBLOCK)
		return 0;
	if (!tc->has_restart_left || (tracee_runs_32bit(own) && restart_scratch(r) >= LOW_END)) {
		begin_again(own);
		return 0;
	}
	err = call_prepare(r, th, tc->restart_left, &gp);
	if (err >= 0)
		err = tracee_set_gp(th->tid, &gp);
	if (err >= 0)
		err = tracee_syscall_stop(th->tid);
	if (err >= 0)
		err = tracee_interrupt(th->tid);
	if (err >= 0)
		err = tracee_cont(th->tid, 0);
	if (err >= 0)
		err = stop_wait(th->tid);
	if (err >= 0)
		err = tracee_get_gp(th->tid, &gp);
	if (err < 0 || (int64_t)gp.rax == -RESTARTBLOCK)
		return err;
	/* It has ended meanwhile: that is its result. */
	own->rax = gp.rax;
	own->orig_rax = (uint64_t)-1;
	return 0;
}
