// SPDX-License-Identifier: GPL-2.0-only
/*
 * Asked by the parasite, which is in the thread anyway. An image has only what differs from
 * what a process of a fresh boot has, so what it does not have is set to that: crtool may
 * have been started with something else (ionice, a service's TimerSlackNSec).
 *
 * A thread has two timer slacks: the one it uses, and the one that PR_SET_TIMERSLACK with 0
 * goes back to, which is what its creator used when it was made. So whoever makes a thread or
 * a process of the tree uses that for the moment (task/spawn.c, task/program.c).
 */
#include "criu/task/attrs.h"

#include <linux/ioprio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "criu/base/error.h"
#include "criu/kernel/syscalls.h"
#include "criu/mem/mempolicy.h"

#define SLACK_OF_INIT 50000 /* ns */

static void mempolicy_dump(struct arena *a, const struct parasite_thread *in, ThreadCoreEntry *e)
{
	if (!in->mempolicy)
		return;
	e->has_mempolicy = true;
	e->mempolicy = in->mempolicy;
	e->n_mempolicy_nodes = PARASITE_NODE_WORDS;
	e->mempolicy_nodes = arena_dup(a, in->mempolicy_nodes, sizeof(in->mempolicy_nodes));
	while (e->n_mempolicy_nodes && !e->mempolicy_nodes[e->n_mempolicy_nodes - 1])
		e->n_mempolicy_nodes--;
}

void attrs_dump(struct arena *a, const struct thread *th, ThreadCoreEntry *e)
{
	const struct parasite_thread *in = &th->inner;

	/* Without a class there is a level of no meaning. */
	e->has_ioprio = IOPRIO_PRIO_CLASS(in->ioprio) != IOPRIO_CLASS_NONE;
	e->ioprio = e->has_ioprio ? in->ioprio : 0;
	e->has_timer_slack = in->timer_slack && in->timer_slack != SLACK_OF_INIT;
	e->timer_slack = in->timer_slack;
	e->has_timer_slack_default =
	    in->timer_slack_default && in->timer_slack_default != SLACK_OF_INIT;
	e->timer_slack_default = in->timer_slack_default;
	mempolicy_dump(a, in, e);
}

int attrs_load_check(const ThreadCoreEntry *e)
{
	if (e->has_ioprio && e->ioprio > UINT16_MAX)
		return fail_plain("I/O priority %#x", e->ioprio);
	if ((e->has_timer_slack && !e->timer_slack) ||
	    (e->has_timer_slack_default && !e->timer_slack_default))
		return fail_plain("timer slack 0");
	return e->has_mempolicy ? mempolicy_check(e->mempolicy, e->n_mempolicy_nodes) : 0;
}

uint64_t attrs_slack_default(const ThreadCoreEntry *e)
{
	return e->has_timer_slack_default ? e->timer_slack_default : SLACK_OF_INIT;
}

void attrs_inherited(struct inherited *i)
{
	i->ioprio = sys_ioprio_get(IOPRIO_WHO_PROCESS, 0);
}

static void ioprio_restore(struct program *p, int own, const ThreadCoreEntry *e)
{
	if (e->has_ioprio || (own > 0 && IOPRIO_PRIO_CLASS(own) != IOPRIO_CLASS_NONE))
		PROGRAM_SYSCALL(p, OP_WHAT_IOPRIO, SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
				e->has_ioprio ? e->ioprio : 0);
}

void attrs_restore(struct program *p, const struct inherited *had, const ThreadCoreEntry *e,
		   bool is_new)
{
	uint64_t slack = e->has_timer_slack ? e->timer_slack : SLACK_OF_INIT;

	ioprio_restore(p, had->ioprio, e);
	if (!is_new || slack != attrs_slack_default(e))
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_TIMERSLACK, slack);
	if (e->has_mempolicy)
		mempolicy_set(p, e->mempolicy, e->mempolicy_nodes, e->n_mempolicy_nodes);
}
