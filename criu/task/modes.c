// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time stamp counter and CPUID forbidden, what a memory error does (PR_MCE_KILL), I/O
 * flushers, speculation. Asked by the parasite; of what the machine does not have it does
 * not ask. What an image does not have is set to the default where crtool has something
 * else, which threads would inherit.
 *
 * PR_GET_IO_FLUSHER wants CAP_SYS_RESOURCE, which a thread may have given up since. Its
 * flags stand in stat, too: of the process for nothing, of another thread for 4 us.
 */
#include "criu/task/modes.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"

#ifndef ARCH_REQ_XCOMP_PERM /* 5.16 */
#define ARCH_GET_XCOMP_SUPP 0x1021
#define ARCH_GET_XCOMP_PERM 0x1022
#define ARCH_REQ_XCOMP_PERM 0x1023
#endif

#define XCOMP_TILE_DATA (1ull << 18) /* AMX: the only one so far that has to be asked for */

#define PF_MEMALLOC_NOIO  0x00080000u
#define PF_LOCAL_THROTTLE 0x00100000u
#define PF_IO_FLUSHER     (PF_MEMALLOC_NOIO | PF_LOCAL_THROTTLE)

static const char *const speculation_name[PARASITE_SPECULATIONS] = {
	[PR_SPEC_STORE_BYPASS] = "speculative store bypass",
	[PR_SPEC_INDIRECT_BRANCH] = "speculation of indirect branches",
	[PR_SPEC_L1D_FLUSH] = "flush of the L1 data cache",
};

/* What a thread has that has not asked for anything. */
static unsigned int speculation_default(size_t kind)
{
	return kind == PR_SPEC_L1D_FLUSH ? PR_SPEC_DISABLE : PR_SPEC_ENABLE;
}

/* PR_SPEC_*, crtool's own; PR_SPEC_PRCTL says that a thread may choose. */
static unsigned int speculation_own(size_t kind)
{
	int r = prctl(PR_GET_SPECULATION_CTRL, kind, 0, 0, 0);

	return r < 0 ? PR_SPEC_NOT_AFFECTED : (unsigned int)r;
}

/* To switch on what is on tells whether it could be switched off. */
static bool cpuid_may_be_forbidden(void)
{
	return syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0) == 0 ||
	       syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1) == 0;
}

static uint64_t xcomp_to_ask_for(void)
{
	uint64_t there = 0;

	return syscall(SYS_arch_prctl, ARCH_GET_XCOMP_SUPP, &there) < 0 ? 0
									: there & XCOMP_TILE_DATA;
}

static bool io_flusher_may_be_set(void)
{
	return prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0) >= 0;
}

void modes_init(struct dump *d)
{
	d->ioperm = syscall(SYS_ioperm, 0, 0, 0) == 0 || errno != ENOSYS;
	d->io_flushers = io_flusher_may_be_set();
	d->wanted = cpuid_may_be_forbidden() ? PARASITE_CPUID : 0;
	if (xcomp_to_ask_for())
		d->wanted |= PARASITE_XCOMP;
	for (size_t i = 0; i < PARASITE_SPECULATIONS; i++)
		if (speculation_own(i) & PR_SPEC_PRCTL)
			d->wanted |= PARASITE_SPECULATION << i;
}

int modes_read(const struct dump *d, const struct task *t, struct thread *th, struct proc_buf *b)
{
	struct proc_stat st = { .flags = t->stat.flags };
	int r = 0;

	/* Where crtool may not set it, nobody around it can have. */
	if (th->tid != t->pid && d->io_flushers &&
	    !(th->status.cap_eff & 1ull << CAP_SYS_RESOURCE)) {
		cleanup_close int proc = proc_open(t->pid);

		r = proc < 0 ? proc : proc_stat_read(proc, th->tid, b, &st);
	}
	if (r < 0)
		return fail(-r, "read stat of thread %d", (int)th->tid);
	th->io_flusher = (st.flags & PF_IO_FLUSHER) == PF_IO_FLUSHER;
	return 0;
}

void modes_block(const struct dump *d, const struct task *t, const struct thread *th)
{
	if (d->ioperm && tracee_has_ioperm(th->tid))
		blocker(NULL,
			"pid %d (%s): thread %d may use I/O ports (ioperm), which cannot be kept "
			"yet",
			(int)t->pid, t->comm, (int)th->tid);
}

static bool speculation_is_usual(const struct parasite_thread *in)
{
	for (size_t i = 0; i < PARASITE_SPECULATIONS; i++)
		if (in->speculation[i] &&
		    in->speculation[i] != (PR_SPEC_PRCTL | speculation_default(i)))
			return false;
	return true;
}

void modes_dump(struct arena *a, const struct thread *th, ThreadCoreEntry *e)
{
	const struct parasite_thread *in = &th->inner;

	e->has_no_tsc = e->no_tsc = in->no_tsc;
	e->has_no_cpuid = e->no_cpuid = in->no_cpuid;
	e->has_io_flusher = e->io_flusher = in->io_flusher || th->io_flusher;
	e->has_mce_kill = in->mce_kill != PR_MCE_KILL_DEFAULT;
	e->mce_kill = in->mce_kill;
	if (speculation_is_usual(in))
		return;
	e->n_speculation = PARASITE_SPECULATIONS;
	e->speculation = arena_array(a, uint32_t, PARASITE_SPECULATIONS);
	for (size_t i = 0; i < PARASITE_SPECULATIONS; i++)
		e->speculation[i] = in->speculation[i] & ~(unsigned int)PR_SPEC_PRCTL;
}

int modes_load_check(const ThreadCoreEntry *e)
{
	if (e->has_mce_kill && e->mce_kill > PR_MCE_KILL_DEFAULT)
		return fail_plain("PR_MCE_KILL %u", e->mce_kill);
	if (e->n_speculation > PARASITE_SPECULATIONS)
		return fail_plain("%zu kinds of speculation", e->n_speculation);
	if (e->io_flusher && !io_flusher_may_be_set())
		return fail_hint(fail_plain("is an I/O flusher (PR_SET_IO_FLUSHER)"),
				 "run crtool with CAP_SYS_RESOURCE");
	if (e->no_cpuid && !cpuid_may_be_forbidden())
		return fail_hint(fail_plain("has CPUID forbidden (ARCH_SET_CPUID)"),
				 "this processor, or its hypervisor, cannot do that");
	return 0;
}

void modes_inherited(struct inherited *i)
{
	i->tsc = PR_TSC_ENABLE;
	prctl(PR_GET_TSC, &i->tsc);
	i->mce_kill = prctl(PR_MCE_KILL_GET, 0, 0, 0, 0);
	i->io_flusher = prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0);
	for (size_t n = 0; n < PARASITE_SPECULATIONS; n++)
		i->speculation[n] = speculation_own(n);
}

static void speculation_restore(struct program *p, size_t kind, unsigned int own,
				unsigned int wanted)
{
	if (!wanted)
		wanted = speculation_default(kind);
	if ((own & ~(unsigned int)PR_SPEC_PRCTL) == wanted)
		return;
	if (own & PR_SPEC_PRCTL)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_SPECULATION_CTRL, kind, wanted);
	else if (wanted != speculation_default(kind) && own == PR_SPEC_ENABLE)
		log_warn("%s: cannot be set to %#x here", speculation_name[kind], wanted);
}

void modes_restore(struct program *p, const struct inherited *had, const ThreadCoreEntry *e)
{
	unsigned int mce_kill = e->has_mce_kill ? e->mce_kill : PR_MCE_KILL_DEFAULT;

	for (size_t i = 0; i < PARASITE_SPECULATIONS; i++)
		speculation_restore(p, i, had->speculation[i],
				    i < e->n_speculation ? e->speculation[i] : 0);
	if (had->mce_kill != (int)mce_kill)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_MCE_KILL, PR_MCE_KILL_SET,
				mce_kill);
	if (e->io_flusher || had->io_flusher == 1)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_IO_FLUSHER, e->io_flusher);
	if (e->no_tsc || had->tsc != PR_TSC_ENABLE)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_TSC,
				e->no_tsc ? PR_TSC_SIGSEGV : PR_TSC_ENABLE);
	if (e->no_cpuid)
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_arch_prctl, ARCH_SET_CPUID, 0);
}

void modes_process_dump(const struct task *t, TaskCoreEntry *e)
{
	e->xcomp_perm = t->inner->xcomp_perm & XCOMP_TILE_DATA;
	e->has_xcomp_perm = e->xcomp_perm != 0;
}

int modes_process_check(const TaskCoreEntry *e)
{
	uint64_t missing = e->xcomp_perm & ~xcomp_to_ask_for();

	if (missing)
		return fail_hint(
		    fail_plain("may use XSAVE components %#llx", (unsigned long long)missing),
		    "this processor, or its kernel, does not have them (AMX)");
	return 0;
}

void modes_process_restore(struct program *p, const TaskCoreEntry *e)
{
	for (uint64_t n = 0; n < 64; n++)
		if (e->xcomp_perm & 1ull << n)
			PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, n);
}
