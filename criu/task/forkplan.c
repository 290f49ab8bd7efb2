// SPDX-License-Identifier: GPL-2.0-only
/*
 * Session by session. Members that their parents cannot fork have to be adopted. All members
 * come from the leader, or from whoever stands in for it; an orphan goes up to one of its
 * ancestors. So those who adopt members of a session lie on one line from the root down, and
 * the leader below all of them.
 */
#include "criu/task/forkplan.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/map.h"
#include "criu/base/mem.h"
#include "criu/task/forkshare.h"

struct planner {
	struct arena *arena;
	const struct tree *tree;
	struct fork_plan *plan;
	struct fork_node **all; /* tasks in the order of the tree, then helpers */
	size_t nr, cap;
	struct map by_pid; /* those of `all` that have one */
	pid_t outside_sid; /* sessions and groups that crtool stands in for; 0: none */
	pid_t outside_pgid;
};

/* The members of a session, but for its leader. */
struct session_plan {
	pid_t sid;
	struct fork_node **born; /* into it: members, and who has left it to found another */
	size_t nr, cap;
	struct fork_node *leader; /* NULL: dead */
	struct fork_node *anchor; /* the leader's parent */
};

static struct fork_node *node_of(const struct planner *p, pid_t pid)
{
	return map_get(&p->by_pid, (uint64_t)pid);
}

static struct fork_node *node_new(struct planner *p, struct task *t, pid_t pid)
{
	struct fork_node *n = arena_alloc(p->arena, sizeof(*n));

	n->task = t;
	n->pid = pid;
	n->tail = &n->children;
	*array_push(p->all, p->nr, p->cap) = n;
	if (pid)
		map_put(&p->by_pid, (uint64_t)pid, n);
	return n;
}

static struct fork_node *helper_new(struct planner *p, struct fork_node *forker, pid_t pid,
				    pid_t sid)
{
	struct fork_node *h = node_new(p, NULL, pid);

	h->parent = forker;
	h->sid = sid;
	h->setsid = sid == pid;
	h->is_born = true;
	h->born_sid = forker->sid;
	p->plan->nr_helpers++;
	return h;
}

static int cannot(const struct fork_node *n, pid_t sid, const char *why)
{
	return fail_plain("pid %d (%s): session %d: %s", (int)n->pid, n->task->comm, (int)sid, why);
}

/* --- tasks --------------------------------------------------------------------------- */

static int tasks_place(struct planner *p)
{
	for (size_t i = 0; i < p->tree->nr; i++) {
		struct task *t = p->tree->tasks[i];
		struct fork_node *n = node_new(p, t, t->pid);

		if (t->parent && !task_is_alive(t->parent))
			return fail_plain("pid %d (%s): its parent %d is dead", (int)t->pid,
					  t->comm, (int)t->parent->pid);
		n->home = t->parent ? node_of(p, t->parent->pid) : NULL;
		n->depth = n->home ? n->home->depth + 1 : 0;
		n->sibling = t->forker;
		n->sid = t->sid == p->outside_sid ? 0 : t->sid;
		n->setsid = n->sid == t->pid;
		if (!n->home && n->sid && !n->setsid)
			return cannot(n, n->sid, "its leader is not in the images");
		/* A leader has left the session that it was born into: which is still open. */
		n->is_born = !n->setsid;
		n->born_sid = n->sid;
	}
	return 0;
}

/* --- sessions ------------------------------------------------------------------------- */

static bool was_inside(const struct fork_node *n, pid_t sid)
{
	return !n || n->sid == sid || (n->is_born && n->born_sid == sid);
}

/* By the final tree. */
static bool is_above(const struct fork_node *above, const struct fork_node *n)
{
	while (n && n->depth > above->depth)
		n = n->home;
	return n == above;
}

/* Have it be born into the session, and leave it: its children may be of it, then. */
static bool lift(struct session_plan *s, struct fork_node *n)
{
	if (n->is_born || !n->home || n->sibling)
		return false;
	n->is_born = true;
	n->born_sid = s->sid;
	*array_push(s->born, s->nr, s->cap) = n;
	return true;
}

/* Whom the i-th of those born into the session has to be left to; NULL: it needs no adoption. */
static struct fork_node *adopter(const struct session_plan *s, size_t i)
{
	struct fork_node *home = s->born[i]->home;

	return s->born[i]->sibling || was_inside(home, s->sid) ? NULL : home;
}

/* By the final tree: could members of the session be left to it by one below? */
static bool can_adopt(const struct session_plan *s, const struct fork_node *to)
{
	if (s->anchor || !s->sid)
		return s->anchor && is_above(to, s->anchor);
	/* A dead leader was above all members, and so not below any. */
	for (const struct fork_node *up = to->home; up; up = up->home)
		if (was_inside(up, s->sid))
			return false;
	return true;
}

/* Others must have been members themselves, where that can be. */
static int lift_to_leader(struct session_plan *s)
{
	size_t had;

	do {
		had = s->nr;
		for (size_t i = 0; i < s->nr; i++) {
			struct fork_node *to = adopter(s, i);

			if (!to || can_adopt(s, to) || lift(s, to) || s->sid)
				continue;
			return cannot(s->born[i], s->born[i]->task->sid,
				      "it was left outside of the tree");
		}
	} while (s->nr > had);
	return 0;
}

static struct fork_node *deepest(const struct session_plan *s)
{
	struct fork_node *d = s->anchor;

	for (size_t i = 0; i < s->nr; i++) {
		struct fork_node *to = adopter(s, i);

		if (to && (!d || to->depth > d->depth))
			d = to;
	}
	return d;
}

/* Those who adopt must lie on one line: *ret is the end of it, NULL if there are none. */
static int line_up(struct session_plan *s, struct fork_node **ret)
{
	struct fork_node *d, *to = NULL;
	size_t i;

	do {
		d = deepest(s);
		for (i = 0; i < s->nr; i++) {
			to = adopter(s, i);
			if (to && !is_above(to, d))
				break;
		}
		if (i == s->nr && (!s->anchor || is_above(s->anchor, d))) {
			*ret = d;
			return 0;
		}
	} while ((i < s->nr && lift(s, to)) || lift(s, d));
	return cannot(s->born[i < s->nr ? i : 0], s->sid, "its members went to strangers");
}

/* What tasks share is shared by fork, and so only with who forks. */
static bool shares(const struct fork_node *n)
{
	return fork_share_flags(n->home->task, n->task);
}

/* Can its parent get it by adoption? */
static int adopt_check(const struct fork_node *n, pid_t sid)
{
	/* The kernel makes it SIGCHLD when an orphan is taken over. */
	if (n->task->exit_signal != SIGCHLD)
		return cannot(n, sid,
			      "it would have to be left to its parent, and then sends "
			      "SIGCHLD at its end");
	if (shares(n))
		return cannot(n, sid,
			      "it would have to be left to its parent, with which it "
			      "shares descriptors or its working directory");
	return 0;
}

/* The leader itself is left to its parent, by a helper below those who adopt members. */
static int leader_move(struct planner *p, const struct session_plan *s, struct fork_node *below)
{
	struct fork_node *h;
	int r;

	if (s->leader->is_born || !s->anchor || s->leader->sibling)
		return cannot(s->leader, s->sid, "it came from below another process");
	r = adopt_check(s->leader, s->sid);
	if (r < 0)
		return r;
	h = helper_new(p, below, 0, below->sid);
	h->home = s->anchor;
	s->leader->parent = h;
	s->leader->is_born = true;
	s->leader->born_sid = h->sid;
	return 0;
}

static struct fork_node *helper_for(struct planner *p, const struct session_plan *s,
				    struct fork_node *source, struct fork_node *to)
{
	struct fork_node *h;

	/* Those of this session are the newest. */
	for (size_t i = p->nr; i-- > 0 && !p->all[i]->task && p->all[i]->sid == s->sid;)
		if (p->all[i]->home == to)
			return p->all[i];
	h = helper_new(p, source, 0, s->sid);
	h->home = to;
	return h;
}

static int adopt(struct planner *p, const struct session_plan *s, struct fork_node *source,
		 struct fork_node *n)
{
	int r = adopt_check(n, s->sid);

	if (r >= 0)
		n->parent = helper_for(p, s, source, n->home);
	return r;
}

static int session_place(struct planner *p, struct session_plan *s)
{
	struct fork_node *below = NULL, *source;
	int r;

	s->leader = s->sid ? node_of(p, s->sid) : NULL;
	s->anchor = s->leader ? s->leader->home : NULL;
	r = lift_to_leader(s);
	if (r >= 0 && s->sid)
		r = line_up(s, &below);
	if (r < 0 || !below)
		return r;
	source = s->leader;
	if (source && below != s->anchor)
		r = leader_move(p, s, below);
	if (r < 0)
		return r;
	if (!source) {
		source = helper_new(p, below, s->sid, s->sid);
		source->home = below;
	}
	for (size_t i = 0; i < s->nr && r >= 0; i++)
		r = adopter(s, i) ? adopt(p, s, source, s->born[i]) : 0;
	return r;
}

static int by_session(const void *a, const void *b)
{
	const struct fork_node *const *x = a, *const *y = b;
	pid_t sx = (*x)->sid, sy = (*y)->sid;

	return sx != sy ? (sx > sy) - (sx < sy) : ((*x)->pid > (*y)->pid) - ((*x)->pid < (*y)->pid);
}

static int sessions_place(struct planner *p)
{
	struct fork_node **sorted = mem_dup(p->all, p->nr * sizeof(*sorted));
	size_t nr = p->nr;
	int r = 0;

	qsort(sorted, nr, sizeof(*sorted), by_session);
	for (size_t from = 0, to; from < nr && r >= 0; from = to) {
		struct session_plan s = { .sid = sorted[from]->sid };

		for (to = from; to < nr && sorted[to]->sid == s.sid; to++)
			if (!sorted[to]->setsid)
				*array_push(s.born, s.nr, s.cap) = sorted[to];
		r = session_place(p, &s);
		free(s.born);
	}
	free(sorted);
	return r;
}

/* --- groups ---------------------------------------------------------------------------- */

/* Its leader has gone over to another group: somebody else has to be in it until all are. */
static void group_keep(struct planner *p, struct fork_node *leader)
{
	if (!leader->task || leader->setsid || leader->founds)
		return;
	leader->founds = true;
	helper_new(p, leader, 0, leader->sid)->keeper = true;
}

static int group_place(struct planner *p, struct fork_node *n)
{
	struct task *t = n->task;
	struct fork_node *leader;

	if (t->pgid == p->outside_pgid && !n->sid)
		return 0;
	if (t->pgid == t->pid) {
		n->founds = !n->setsid;
		return 0;
	}
	n->join = t->pgid;
	leader = node_of(p, t->pgid);
	if (leader && leader->sid != n->sid)
		return fail_plain(
		    "pid %d (%s): process group %d is of session %d, the process of %d",
		    (int)t->pid, t->comm, (int)t->pgid, (int)leader->sid, (int)n->sid);
	if (!leader)
		helper_new(p, n, t->pgid, n->sid)->founds = true;
	else if (leader->task && leader->task->pgid != leader->pid)
		group_keep(p, leader);
	return 0;
}

static int groups_place(struct planner *p)
{
	for (size_t i = 0; i < p->tree->nr; i++) {
		int r = group_place(p, p->all[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- the plan --------------------------------------------------------------------------- */

static int node_link(const struct planner *p, struct fork_node *n)
{
	const struct task *forker;

	if (n->sibling)
		n->parent = node_of(p, n->task->forker->pid);
	if (!n->parent)
		n->parent = n->home;
	if (!n->parent)
		return 0;
	if (!n->is_born)
		n->born_sid = n->parent->sid;
	n->early = n->born_sid != n->parent->sid;
	forker = n->parent->task;
	n->lent = forker && n->task && fork_share_is_lent(forker, n->task);
	if (n->lent && ((n->parent->setsid && !n->early) || fork_share_is_torn(forker, n->task)))
		return fail_plain("pid %d (%s): shares descriptors or its working directory with "
				  "others, which pid %d would have to leave first",
				  (int)n->pid, n->task->comm, (int)forker->pid);
	if (n->task && !task_is_alive(n->task)) {
		n->next_dead = n->home->dead;
		n->home->dead = n;
	}
	*n->parent->tail = n;
	n->parent->tail = &n->next;
	return 0;
}

static void node_place(struct fork_plan *plan, struct fork_node *n, size_t depth)
{
	n->depth = depth;
	*array_push(plan->nodes, plan->nr, plan->cap) = n;
}

/* A group that is founded without a session is founded when all children are forked. */
static void group_inherit(struct fork_node *n, const struct fork_node *parent)
{
	bool new = parent->setsid && !n->early && !n->lent;

	n->born_pgid = new ? parent->pid : parent->born_pgid;
	if (n->join == n->born_pgid && !n->setsid && !n->founds)
		n->join = 0;
}

static void meetings_find(struct fork_plan *plan)
{
	for (size_t i = 0; i < plan->nr; i++) {
		const struct fork_node *n = plan->nodes[i];

		plan->joins |= !n->task || n->join;
		plan->ends |= !n->task || !task_is_alive(n->task);
	}
}

/* The parent before the child; what a circle has cut off from the root is not there. */
static int nodes_order(struct planner *p)
{
	struct fork_plan *plan = p->plan;

	for (size_t i = 0; i < p->nr; i++) {
		int r = node_link(p, p->all[i]);

		if (r < 0)
			return r;
	}
	if (p->nr)
		node_place(plan, p->all[0], 0);
	for (size_t i = 0; i < plan->nr; i++) {
		struct fork_node *n = plan->nodes[i];

		for (struct fork_node *c = n->children; c; c = c->next) {
			c->above = c->sibling ? n->above : n;
			group_inherit(c, n);
			node_place(plan, c, n->depth + 1);
		}
	}
	meetings_find(plan);
	return plan->nr == p->nr ? 0 : fail_plain("pstree.img: sessions go in a circle");
}

static int by_number(const void *a, const void *b)
{
	const pid_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void numbers_collect(struct planner *p)
{
	struct fork_plan *plan = p->plan;
	size_t max = 0;
	struct task *t;

	tasks_for_each(t, p->tree)
		max += 3 + t->nr_threads;
	plan->numbers = mem_realloc(NULL, max, sizeof(*plan->numbers));
	tasks_for_each(t, p->tree) {
		plan->numbers[plan->nr_numbers++] = t->pid;
		plan->numbers[plan->nr_numbers++] = t->pgid;
		plan->numbers[plan->nr_numbers++] = t->sid;
		for (size_t i = 1; i < t->nr_threads; i++)
			plan->numbers[plan->nr_numbers++] = t->threads[i].tid;
	}
	qsort(plan->numbers, plan->nr_numbers, sizeof(*plan->numbers), by_number);
}

bool fork_plan_uses(const struct fork_plan *plan, pid_t pid)
{
	return bsearch(&pid, plan->numbers, plan->nr_numbers, sizeof(pid), by_number);
}

void fork_plan_done(struct fork_plan *plan)
{
	free(plan->nodes);
	free(plan->numbers);
	*plan = (struct fork_plan){ 0 };
}

int fork_plan_make(struct arena *a, const struct tree *tree, struct fork_plan *ret)
{
	struct fork_plan plan = { 0 };
	struct planner p = { .arena = a, .tree = tree, .plan = &plan };
	const struct task *root = tree->tasks[0];
	int r = fork_shares_plan(tree, NULL);

	if (r < 0)
		return r;
	if (root->sid != root->pid)
		p.outside_sid = root->sid;
	if (root->sid != root->pid && root->pgid != root->pid)
		p.outside_pgid = root->pgid;
	r = tasks_place(&p);
	if (r >= 0)
		r = sessions_place(&p);
	if (r >= 0)
		r = groups_place(&p);
	if (r >= 0)
		r = nodes_order(&p);
	if (r >= 0)
		r = fork_plan_turns(&plan);
	if (r >= 0)
		numbers_collect(&p);
	free(p.all);
	map_done(&p.by_pid);
	if (r < 0)
		fork_plan_done(&plan);
	else
		*ret = plan;
	return r;
}
