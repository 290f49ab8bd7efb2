// SPDX-License-Identifier: GPL-2.0-only
/*
 * Trees that have lived at random, on paper: processes fork, found sessions, die, and leave their
 * children to reapers. The plan for each is carried out, on paper as well, and has to end in the
 * same tree.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/core/task.h"
#include "criu/task/forkplan.h"
#include "test/unit/test.h"

#define LIVES     400
#define PEOPLE    120
#define FIRST_PID 100

struct person {
	int parent; /* -1: of the root, or gone */
	pid_t sid;
	bool reaper, dead, gone;
};

struct life {
	struct person p[PEOPLE];
	int nr;
	uint64_t random;
};

static uint32_t below(struct life *l, uint32_t limit)
{
	l->random = l->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(l->random >> 33) % limit;
}

static pid_t pid_of(int i)
{
	return FIRST_PID + i;
}

static void person_die(struct life *l, int i)
{
	int to = l->p[i].parent;

	l->p[i].dead = true;
	while (to > 0 && !l->p[to].reaper)
		to = l->p[to].parent;
	for (int c = 1; c < l->nr; c++)
		if (!l->p[c].gone && l->p[c].parent == i)
			l->p[c].parent = to;
	if (below(l, 2)) {
		l->p[i].gone = true;
		l->p[i].parent = -1;
	}
}

static void life_step(struct life *l)
{
	int i = (int)below(l, (uint32_t)l->nr);
	struct person *p = &l->p[i];
	uint32_t what = below(l, 20);

	if (p->dead)
		return;
	if (what < 12)
		l->p[l->nr++] = (struct person){ .parent = i, .sid = p->sid };
	else if (what < 15)
		p->sid = pid_of(i);
	else if (what < 17)
		p->reaper = !p->reaper;
	else if (i)
		person_die(l, i);
}

static void life_live(struct life *l, uint64_t seed)
{
	memset(l, 0, sizeof(*l));
	l->random = seed;
	l->p[0] = (struct person){ .parent = -1, .sid = pid_of(0), .reaper = true };
	l->nr = 1;
	while (l->nr < PEOPLE)
		life_step(l);
}

/* The parent before the child. */
static void tree_make(const struct life *l, struct tree *tree)
{
	struct task *of[PEOPLE] = { 0 };
	bool more = true;

	while (more) {
		more = false;
		for (int i = 0; i < l->nr; i++) {
			const struct person *p = &l->p[i];

			if (of[i] || p->gone || (i && !of[p->parent]))
				continue;
			of[i] = tree_add(tree, pid_of(i), i ? of[p->parent] : NULL);
			of[i]->sid = of[i]->pgid = p->sid;
			of[i]->kind = p->dead ? TASK_ZOMBIE : TASK_ALIVE;
			of[i]->exit_signal = SIGCHLD;
			of[i]->ids.files = (uint32_t)pid_of(i);
			more = true;
		}
	}
	tree_index(tree);
}

/* Sessions are as they must be when each is forked. */
static void check_sessions(const struct fork_plan *plan)
{
	for (size_t i = 1; i < plan->nr; i++) {
		const struct fork_node *n = plan->nodes[i], *up = n->parent;
		pid_t born = n->early ? up->born_sid : up->sid;

		CHECK(!n->early || up->setsid);
		CHECK(n->setsid || n->sid == born);
		CHECK(!n->setsid || n->sid == n->pid);
		CHECK(!n->task || n->sid == n->task->sid);
	}
}

static bool is_over(const struct fork_node *n, uint32_t turn)
{
	return !n->task && n->turn < turn;
}

/* Who has n when the helpers of all turns before this one are over, and those of it end. */
static struct fork_node *parent_in(struct fork_node *n, uint32_t turn)
{
	struct fork_node *up = n->above;

	while (up && !up->task && up->turn <= turn) {
		/* The nearest that adopts in this turn; whoever has ended is not there any more. */
		do
			up = up->above;
		while (up && (!(up->adopts >> turn & 1) || is_over(up, turn)));
	}
	return up;
}

static void check_parents(const struct fork_plan *plan)
{
	for (uint32_t turn = 0; turn < plan->nr_turns; turn++) {
		struct fork_node *then[2 * PEOPLE];

		if (!CHECK(plan->nr <= 2 * PEOPLE))
			return;
		for (size_t i = 0; i < plan->nr; i++)
			then[i] = parent_in(plan->nodes[i], turn);
		for (size_t i = 0; i < plan->nr; i++)
			plan->nodes[i]->above = then[i];
	}
	for (size_t i = 1; i < plan->nr; i++)
		if (plan->nodes[i]->task)
			CHECK(plan->nodes[i]->above == plan->nodes[i]->home);
}

TEST(forkplan_random_lives)
{
	uint32_t most = 0;

	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		static struct life life;
		struct fork_plan plan = { 0 };
		struct arena arena = { 0 };
		struct tree tree = { 0 };

		life_live(&life, seed);
		tree_make(&life, &tree);
		test_note("seed %d", (int)seed);
		if (CHECK_INT_EQ(fork_plan_make(&arena, &tree, &plan), 0)) {
			check_sessions(&plan);
			check_parents(&plan);
			most = plan.nr_turns > most ? plan.nr_turns : most;
		}
		fork_plan_done(&plan);
		arena_done(&arena);
		tree_done(&tree);
		error_reset();
	}
	CHECK(most > 1); /* there were such that need more than one turn */
}
