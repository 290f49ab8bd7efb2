// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/forkplan.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"

struct planner {
	struct arena *arena;
	const struct tree *tree;
	struct fork_plan *plan;
	struct fork_node **by_task; /* by index in tree->tasks */
	pid_t outside_sid; /* sessions and groups that crtool stands in for; 0: none */
	pid_t outside_pgid;
	uint32_t last_fs; /* ids ascend where nothing is shared */
};

static struct fork_node *node_add(struct planner *p, struct fork_node *parent, struct task *t,
				  pid_t pid)
{
	struct fork_node *n = arena_alloc(p->arena, sizeof(*n));

	n->task = t;
	n->pid = pid;
	n->parent = n->above = parent;
	n->tail = &n->children;
	n->index = p->plan->nr;
	n->depth = parent ? parent->depth + 1 : 0;
	if (parent) {
		*parent->tail = n;
		parent->tail = &n->next;
	}
	*array_push(p->plan->nodes, p->plan->nr, p->plan->cap) = n;
	if (!t)
		p->plan->nr_helpers++;
	return n;
}

static struct fork_node *node_of(const struct planner *p, pid_t pid)
{
	for (size_t i = 0; i < p->plan->nr; i++)
		if (p->plan->nodes[i]->pid == pid)
			return p->plan->nodes[i];
	return NULL;
}

static bool is_above(const struct fork_node *above, const struct fork_node *n)
{
	for (; n; n = n->above)
		if (n == above)
			return true;
	return false;
}

static pid_t session_of(const struct planner *p, const struct task *t)
{
	return t->sid == p->outside_sid ? 0 : t->sid;
}

/*
 * Make n be born into session sid, if it can be: its forker is in it in the end, or was
 * born into it, too, and forks n before it leaves.
 */
static bool be_born_in(struct fork_node *n, pid_t sid)
{
	if (n->born_sid == sid)
		return true;
	if (!n->parent || !n->setsid ||
	    n->born_sid != (n->early ? n->parent->born_sid : n->parent->sid))
		return false;
	/* Whoever was forked early by n counts on where n was born. */
	for (const struct fork_node *c = n->children; c; c = c->next)
		if (c->early)
			return false;
	if (n->parent->sid == sid) {
		n->early = false;
	} else {
		if (!n->parent->setsid || !be_born_in(n->parent, sid))
			return false;
		n->early = true;
	}
	n->born_sid = sid;
	return true;
}

static int cannot(const struct task *t, const char *why)
{
	return fail_plain("pid %d (%s): session %d: %s", (int)t->pid, t->comm, (int)t->sid, why);
}

/* A helper in session sid whose orphans come to `to`. */
static int helper_for(struct planner *p, struct fork_node *to, const struct task *t, pid_t sid,
		      struct fork_node **ret)
{
	struct fork_node *leader = node_of(p, sid), *h, *under = to;

	if (leader && !leader->task) {
		/* One stands in for the leader already. */
		if (leader->parent != to)
			return cannot(t, "its dead leader had children that went to two others");
		*ret = leader;
		return 0;
	}
	if (leader && !is_above(to, leader))
		return cannot(t, "its leader is no descendant of its parent");
	/* Whoever lies between would get the orphans first. */
	if (leader)
		under = leader;
	for (const struct fork_node *n = under; n && n != to; n = n->above)
		if (n->adopts)
			return cannot(t, "another process adopts orphans on the way to its parent");
	h = node_add(p, under, NULL, leader ? 0 : sid);
	h->sid = sid;
	h->setsid = !leader;
	h->born_sid = under->sid;
	to->adopts = true;
	*ret = h;
	return 0;
}

/* The new one has the exit signal and, where that is shared, the descriptors of the forker. */
static bool can_fork_sibling(const struct task *s, const struct task *t)
{
	return task_is_alive(s) && s->parent == t->parent && s->ids.fs == t->ids.fs &&
	       s->exit_signal == t->exit_signal && (t->sid == t->pid || t->sid == s->sid) &&
	       (t->ids.files != t->parent->ids.files || t->ids.files == s->ids.files);
}

struct task *fork_plan_sibling(const struct tree *tree, size_t index)
{
	const struct task *t = tree->tasks[index];

	for (size_t i = 0; i < index && t->parent; i++)
		if (can_fork_sibling(tree->tasks[i], t))
			return tree->tasks[i];
	return NULL;
}

/* With whom it shares its working directory; ret_node: a sibling that forks it for that. */
static int place_fs(struct planner *p, struct task *t, size_t index, struct fork_node **ret_node)
{
	struct task *sibling;

	if (!task_is_alive(t) || !t->ids.fs)
		return 0;
	if (t->parent && t->parent->ids.fs == t->ids.fs) {
		t->fs_from = t->parent;
		return 0;
	}
	if (t->ids.fs > p->last_fs) {
		p->last_fs = t->ids.fs;
		return 0;
	}
	sibling = fork_plan_sibling(p->tree, index);
	if (sibling) {
		t->fs_from = sibling;
		*ret_node = node_of(p, sibling->pid);
		return 0;
	}
	for (size_t i = 0; i < index; i++)
		if (p->tree->tasks[i]->ids.fs == t->ids.fs && task_is_alive(p->tree->tasks[i]))
			return fail_plain("pid %d (%s): shares its working directory with pid %d, "
					  "which cannot fork it",
					  (int)t->pid, t->comm, (int)p->tree->tasks[i]->pid);
	return 0;
}

static int place(struct planner *p, struct task *t, size_t index)
{
	pid_t sid = session_of(p, t);
	struct fork_node *parent = t->parent ? node_of(p, t->parent->pid) : NULL;
	struct fork_node *from = parent, *sibling = NULL, *n;
	bool early = false;
	int r = place_fs(p, t, index, &sibling);

	if (r < 0)
		return r;
	if (sibling)
		from = sibling;
	else if (parent && sid != t->pid && sid != parent->sid) {
		early = parent->setsid && be_born_in(parent, sid);
		if (!early) {
			r = sid ? helper_for(p, parent, t, sid, &from)
				: cannot(t, "it was left outside of the tree");
			if (r < 0)
				return r;
		}
	}
	if (!parent && sid && sid != t->pid)
		return cannot(t, "its leader is not in the images");
	/* The kernel makes it SIGCHLD when an orphan is taken over. */
	if (!sibling && from != parent && t->exit_signal != SIGCHLD)
		return cannot(
		    t, "it would have to be left to its parent, and then sends SIGCHLD at its end");
	n = node_add(p, from, t, t->pid);
	n->above = sibling ? parent : from;
	n->sibling = sibling != NULL;
	n->early = early;
	n->sid = sid;
	n->setsid = sid == t->pid;
	n->born_sid = !from ? 0 : early ? from->born_sid : from->sid;
	p->by_task[index] = n;
	return 0;
}

/* A helper for the dead leader of group t->pgid, forked by a member. */
static int group_helper(struct planner *p, struct fork_node *n, pid_t pgid)
{
	struct fork_node *h = node_add(p, n, NULL, pgid);

	h->sid = h->born_sid = n->sid;
	h->join = pgid;
	return 0;
}

static int group(struct planner *p, struct task *t, struct fork_node *n)
{
	struct fork_node *leader;

	if (t->pgid == p->outside_pgid && !n->sid)
		return 0;
	if (t->pgid == t->pid) {
		n->join = n->setsid ? 0 : t->pid;
		return 0;
	}
	leader = node_of(p, t->pgid);
	if (leader && leader->sid != n->sid)
		return fail_plain(
		    "pid %d (%s): process group %d is of session %d, the process of %d",
		    (int)t->pid, t->comm, (int)t->pgid, (int)leader->sid, (int)n->sid);
	n->join = t->pgid;
	/* A zombie forks nobody: its group's helper comes with the next living member. */
	if (leader || !task_is_alive(t))
		return 0;
	return group_helper(p, n, t->pgid);
}

static int groups(struct planner *p)
{
	int r;

	for (int alive = 1; alive >= 0; alive--) {
		for (size_t i = 0; i < p->tree->nr; i++) {
			struct task *t = p->tree->tasks[i];

			if (task_is_alive(t) != (bool)alive)
				continue;
			r = group(p, t, p->by_task[i]);
			if (r < 0)
				return r;
			if (!alive && p->by_task[i]->join && !node_of(p, t->pgid))
				return fail_plain("pid %d (%s): all of process group %d are dead",
						  (int)t->pid, t->comm, (int)t->pgid);
		}
	}
	return 0;
}

int fork_plan_make(struct arena *a, const struct tree *tree, struct fork_plan *ret)
{
	struct fork_plan plan = { 0 };
	struct planner p = { .arena = a, .tree = tree, .plan = &plan };
	const struct task *root = tree->tasks[0];
	int r = 0;

	p.by_task = mem_alloc(tree->nr * sizeof(*p.by_task));
	if (root->sid != root->pid)
		p.outside_sid = root->sid;
	if (root->sid != root->pid && root->pgid != root->pid)
		p.outside_pgid = root->pgid;
	for (size_t i = 0; i < tree->nr && r >= 0; i++)
		r = place(&p, tree->tasks[i], i);
	if (r >= 0)
		r = groups(&p);
	free(p.by_task);
	if (r < 0) {
		free(plan.nodes);
		return r;
	}
	*ret = plan;
	return 0;
}
