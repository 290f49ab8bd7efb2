// SPDX-License-Identifier: GPL-2.0-only
/*
 * A helper's children go to the nearest reaper of orphans above it. So while it ends, the one
 * that is to have them is a reaper, and nobody between the two is. As many helpers as possible
 * end at the same time: in one turn. In nearly all trees one is enough.
 */
#include "criu/base/error.h"
#include "criu/task/forkplan.h"

static bool turn_fits(const struct fork_node *helper, uint32_t bit)
{
	if (helper->home->passed & bit)
		return false;
	for (const struct fork_node *n = helper->above; n != helper->home; n = n->above)
		if (n->adopts & bit)
			return false;
	return true;
}

static int helper_turn(struct fork_node *helper)
{
	const struct fork_node *up = helper->above;
	struct fork_node *n;

	helper->turn = helper->latest;
	if (!helper->home)
		return 0;
	while (up && up != helper->home)
		up = up->above;
	if (!up)
		return fail_plain("the orphans of session %d cannot get to pid %d",
				  (int)helper->sid, (int)helper->home->pid);
	while (helper->turn < FORK_TURNS_MAX && !turn_fits(helper, 1u << helper->turn))
		helper->turn++;
	if (helper->turn == FORK_TURNS_MAX)
		return fail_plain("the orphans of session %d need more than %d turns",
				  (int)helper->sid, FORK_TURNS_MAX);
	helper->home->adopts |= 1u << helper->turn;
	for (n = helper->above; n != helper->home; n = n->above)
		n->passed |= 1u << helper->turn;
	return 0;
}

/* From the leaves: nobody ends before the helpers that it has forked. */
int fork_plan_turns(struct fork_plan *plan)
{
	for (size_t i = plan->nr; i-- > 0;) {
		struct fork_node *n = plan->nodes[i], *up = n->parent;
		int r = n->task ? 0 : helper_turn(n);

		if (r < 0)
			return r;
		if (!n->task && n->turn >= plan->nr_turns)
			plan->nr_turns = n->turn + 1;
		if (up && n->latest > up->latest)
			up->latest = n->latest;
		if (up && !n->task && n->turn > up->latest)
			up->latest = n->turn;
	}
	return 0;
}

size_t fork_plan_left(const struct fork_plan *plan, uint32_t turn)
{
	size_t left = plan->nr;

	for (size_t i = 0; i < plan->nr; i++)
		left -= !plan->nodes[i]->task && plan->nodes[i]->turn < turn;
	return left;
}
