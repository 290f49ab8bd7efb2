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
#include <sys/syscall.h>
#include <time.h>

#include "compel/tracee.h"
#include "criu/base/mem.h"
#include "criu/pie/blobs.h"

#define RESTARTBLOCK 516
#define NSEC         1000000000ull

uint64_t restart_syscall_insn(const struct restore *r)
{
	static const uint8_t insn[] = { 0x0f, 0x05 };
	const uint8_t *at =
	    memmem(restorer_blob, (size_t)(restorer_blob_end - restorer_blob), insn, sizeof(insn));

	return r->private_at + (uint64_t)(at - restorer_blob);
}

uint64_t restart_scratch(const struct restore *r)
{
	return r->private_at + PAGE_UP((uint64_t)(restorer_blob_end - restorer_blob));
}

/* The timeout is an argument itself, or a struct timespec that an argument points to. */
static void set_timeout(struct user_regs_struct *gp, uint64_t scratch, uint64_t left)
{
	switch (gp->rax) {
	case SYS_nanosleep:
		gp->rdi = scratch;
		break;
	case SYS_clock_nanosleep:
		gp->rdx = scratch;
		break;
	case SYS_futex:
		gp->r10 = scratch;
		break;
	case SYS_poll:
		gp->rdx = (left + 999999) / 1000000;
		break;
	default:
		break;
	}
}

static void begin_again(struct user_regs_struct *gp)
{
	gp->rax = gp->orig_rax;
	gp->rip -= 2;
	gp->orig_rax = (uint64_t)-1;
}

int restart_prepare(struct restore *r, struct thread *th, const CoreEntry *core)
{
	const ThreadCoreEntry *tc = core->thread_core;
	uint64_t scratch = restart_scratch(r);
	struct user_regs_struct *own = &th->regs.gp, gp = *own;
	struct timespec ts;
	struct tracee_stop stop;
	int err;

	if (!tc->has_restart || tc->restart != RESTARTBLOCK)
		return 0;
	if (!tc->has_restart_left) {
		begin_again(own);
		return 0;
	}
	ts =
	    (struct timespec){ (time_t)(tc->restart_left / NSEC), (long)(tc->restart_left % NSEC) };
	gp.rip = restart_syscall_insn(r);
	gp.rax = gp.orig_rax;
	gp.orig_rax = (uint64_t)-1;
	set_timeout(&gp, scratch, tc->restart_left);
	err = tracee_mem_write(th->tid, scratch, &ts, sizeof(ts));
	if (err >= 0)
		err = tracee_set_gp(th->tid, &gp);
	if (err >= 0)
		err = tracee_syscall_stop(th->tid);
	if (err >= 0)
		err = tracee_interrupt(th->tid);
	if (err >= 0)
		err = tracee_cont(th->tid, 0);
	if (err >= 0)
		err = tracee_wait_interrupted(th->tid, &stop);
	if (err >= 0)
		err = tracee_get_gp(th->tid, &gp);
	if (err < 0 || (int64_t)gp.rax == -RESTARTBLOCK)
		return err;
	/* It has ended meanwhile: that is its result. */
	own->rax = gp.rax;
	own->orig_rax = (uint64_t)-1;
	return 0;
}
