// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/forkshare.h"

#include <assert.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/map.h"
#include "criu/base/mem.h"

static const int clone_flag[SHARES_NR] = { [SHARE_FILES] = CLONE_FILES, [SHARE_FS] = CLONE_FS };

struct sharer {
	const struct tree *tree;
	enum task_share kind;
	struct map first; /* tasks by what they share */
	struct map makers; /* who has it first of all, where that is another */
	uint32_t *odd; /* shared by others than parent and child */
	size_t nr_odd, cap_odd;
	struct task **carriers;
	size_t nr_carriers, cap_carriers;
};

static uint32_t id_of(const struct task *t, enum task_share kind)
{
	if (!task_is_alive(t))
		return 0;
	return kind == SHARE_FILES ? t->ids.files : t->ids.fs;
}

static const char *kind_text(const struct sharer *s)
{
	return s->kind == SHARE_FILES ? "its descriptors (CLONE_FILES)"
				      : "its working directory (CLONE_FS)";
}

/* What it is given by who forks it, it cannot give to others while it carries theirs. */
static int stands_between(const struct sharer *s, const struct task *t, const struct task *between)
{
	return fail_plain("pid %d (%s): shares %s with a process on the other side of pid %d, "
			  "which shares others",
			  (int)t->pid, t->comm, kind_text(s), (int)between->pid);
}

/* --- those that share one --------------------------------------------------------------- */

static size_t depth_of(const struct task *t)
{
	size_t depth = 0;

	for (; t->parent; t = t->parent)
		depth++;
	return depth;
}

/* The nearest that is above both, or one of them. */
static struct task *above_both(struct task *a, struct task *b)
{
	size_t depth_a = depth_of(a), depth_b = depth_of(b);

	for (; depth_a > depth_b; depth_a--)
		a = a->parent;
	for (; depth_b > depth_a; depth_b--)
		b = b->parent;
	for (; a != b; b = b->parent)
		a = a->parent;
	return a;
}

static struct task *top_of(const struct sharer *s, uint32_t id)
{
	struct task *top = NULL, *t;

	tasks_for_each(t, s->tree) {
		if (id_of(t, s->kind) == id)
			top = top ? above_both(top, t) : t;
	}
	return top;
}

static int carry(struct sharer *s, struct task *t, uint32_t id)
{
	struct task_shared *shared = &t->shared[s->kind];

	if (shared->carries == id)
		return 0;
	if (shared->carries)
		return stands_between(s, map_get(&s->first, id), t);
	shared->carries = id;
	*array_push(s->carriers, s->nr_carriers, s->cap_carriers) = t;
	return 0;
}

/* All between those that share it have it for a while. */
static int way_down(struct sharer *s, const struct task *top, uint32_t id)
{
	struct task *t;

	tasks_for_each(t, s->tree) {
		struct task *up = t->parent;

		if (id_of(t, s->kind) != id || t == top)
			continue;
		for (; up != top && id_of(up, s->kind) != id; up = up->parent) {
			int r = carry(s, up, id);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

/* --- siblings ------------------------------------------------------------------------------ */

/* The new one has the exit signal of the forker, is born into its session, and has what else it
 * shares from there. */
static bool can_fork_sibling(const struct task *s, const struct task *t)
{
	if (s->exit_signal != t->exit_signal || (t->sid != t->pid && t->sid != s->sid))
		return false;
	for (enum task_share k = 0; k < SHARES_NR; k++)
		if (id_of(t, k) && id_of(t, k) == id_of(t->parent, k) && id_of(t, k) != id_of(s, k))
			return false;
	return !t->forker || t->forker == s;
}

/* Does it have what is shared, if only for a while? Members below top, of which top is none. */
static bool has_it(const struct sharer *s, const struct task *t, uint32_t id)
{
	return id_of(t, s->kind) == id || t->shared[s->kind].carries == id;
}

static struct task *unforkable(const struct sharer *s, const struct task *top, uint32_t id,
			       const struct task *forker)
{
	struct task *t;

	tasks_for_each(t, s->tree) {
		if (t->parent == top && t != forker && has_it(s, t, id) &&
		    !can_fork_sibling(forker, t))
			return t;
	}
	return NULL;
}

/* One of them, which can fork all others. */
static int siblings_place(struct sharer *s, const struct task *top, uint32_t id)
{
	struct task *t, *forker = NULL, *first = NULL, *other = NULL;

	tasks_for_each(t, s->tree) {
		if (t->parent != top || !has_it(s, t, id) || forker)
			continue;
		if (!first) {
			first = t;
			other = unforkable(s, top, id, t);
		}
		if (!unforkable(s, top, id, t))
			forker = t;
	}
	assert(forker || (first && other));
	if (!forker)
		return fail_plain("pid %d (%s): shares %s with pid %d, which cannot fork it",
				  (int)other->pid, other->comm, kind_text(s), (int)first->pid);
	map_put(&s->makers, id, forker);
	tasks_for_each(t, s->tree) {
		if (t->parent == top && t != forker && has_it(s, t, id))
			t->forker = forker;
	}
	return 0;
}

static int group_place(struct sharer *s, uint32_t id)
{
	struct task *top = top_of(s, id);
	int r = way_down(s, top, id);

	return r < 0 || id_of(top, s->kind) == id ? r : siblings_place(s, top, id);
}

/* --- all ---------------------------------------------------------------------------------- */

static void groups_find(struct sharer *s)
{
	struct map odd = { 0 };
	struct task *t;

	tasks_for_each(t, s->tree) {
		uint32_t id = id_of(t, s->kind);
		struct task *first = id ? map_get(&s->first, id) : NULL;

		if (id && !first)
			map_put(&s->first, id, t);
		t->shared[s->kind].with = first;
		if (!first || id_of(t->parent, s->kind) == id || map_get(&odd, id))
			continue;
		map_put(&odd, id, t);
		*array_push(s->odd, s->nr_odd, s->cap_odd) = id;
	}
	map_done(&odd);
}

/* What it then takes must be new: nobody has given it that. */
static int carrier_check(const struct sharer *s, const struct task *t)
{
	uint32_t id = id_of(t, s->kind);
	const struct task *maker = map_get(&s->makers, id);

	if (!maker)
		maker = map_get(&s->first, id);
	return maker == t ? 0
			  : stands_between(s, map_get(&s->first, t->shared[s->kind].carries), t);
}

static int told_or(int r, void (*told)(void))
{
	if (r >= 0 || !told)
		return r;
	told();
	return 0;
}

static int kind_plan(struct sharer *s, void (*told)(void))
{
	int r = 0;

	groups_find(s);
	for (size_t i = 0; i < s->nr_odd && r >= 0; i++)
		r = told_or(group_place(s, s->odd[i]), told);
	for (size_t i = 0; i < s->nr_carriers && r >= 0; i++)
		r = told_or(carrier_check(s, s->carriers[i]), told);
	map_done(&s->first);
	map_done(&s->makers);
	free(s->odd);
	free(s->carriers);
	return r;
}

int fork_shares_plan(const struct tree *tree, void (*told)(void))
{
	int r = 0;

	for (enum task_share k = 0; k < SHARES_NR && r >= 0; k++) {
		struct sharer s = { .tree = tree, .kind = k };

		r = kind_plan(&s, told);
	}
	return r;
}

/* --- how one is forked --------------------------------------------------------------------- */

static bool is_lent(const struct task *forker, const struct task *t, enum task_share k)
{
	uint32_t carried = forker->shared[k].carries;

	return carried && (id_of(t, k) == carried || t->shared[k].carries == carried);
}

/* Of the forker's own, when it has left what it carried. */
static bool is_given(const struct task *forker, const struct task *t, enum task_share k)
{
	uint32_t id = id_of(forker, k), carried = t->shared[k].carries;

	return id && (carried ? carried : id_of(t, k)) == id;
}

uint64_t fork_share_flags(const struct task *forker, const struct task *t)
{
	uint64_t flags = 0;

	for (enum task_share k = 0; k < SHARES_NR; k++)
		if (is_lent(forker, t, k) || is_given(forker, t, k))
			flags |= (uint64_t)clone_flag[k];
	return flags;
}

bool fork_share_is_lent(const struct task *forker, const struct task *t)
{
	for (enum task_share k = 0; k < SHARES_NR; k++)
		if (is_lent(forker, t, k))
			return true;
	return false;
}

bool fork_share_is_torn(const struct task *forker, const struct task *t)
{
	for (enum task_share k = 0; k < SHARES_NR; k++)
		if (forker->shared[k].carries && is_given(forker, t, k))
			return true;
	return false;
}

int fork_share_leaves(const struct task *t)
{
	int flags = 0;

	for (enum task_share k = 0; k < SHARES_NR; k++)
		if (t->shared[k].carries)
			flags |= clone_flag[k];
	return flags;
}
