// SPDX-License-Identifier: GPL-2.0-only
/* Who forks whom: siblings that share their working directory. */
#include <signal.h>

#include "criu/base/error.h"
#include "criu/core/task.h"
#include "criu/task/forkplan.h"
#include "test/unit/test.h"

static struct task *task_of(struct tree *tree, pid_t pid, struct task *parent, uint32_t fs)
{
	struct task *t = tree_add(tree, pid, parent);

	t->sid = t->pgid = 10;
	t->ids.fs = fs;
	t->ids.files = (uint32_t)pid;
	t->exit_signal = SIGCHLD;
	return t;
}

/* 10 has 11, 12 and 13; 13 has 14. */
struct family {
	struct tree tree;
	struct task *root, *first, *second, *third, *nephew;
	struct arena arena;
	struct fork_plan plan;
};

static void family_make(struct family *f)
{
	*f = (struct family){ 0 };
	f->root = task_of(&f->tree, 10, NULL, 2);
	f->first = task_of(&f->tree, 11, f->root, 3);
	f->second = task_of(&f->tree, 12, f->root, 3);
	f->third = task_of(&f->tree, 13, f->root, 4);
	f->nephew = task_of(&f->tree, 14, f->third, 5);
}

static int family_plan(struct family *f)
{
	return fork_plan_make(&f->arena, &f->tree, &f->plan);
}

static void family_done(struct family *f)
{
	fork_plan_done(&f->plan);
	arena_done(&f->arena);
	tree_done(&f->tree);
	error_reset();
}

static const struct fork_node *node_of(const struct family *f, const struct task *t)
{
	static const struct fork_node none;

	for (size_t i = 0; i < f->plan.nr; i++)
		if (f->plan.nodes[i]->task == t)
			return f->plan.nodes[i];
	CHECK(!"a node for each task");
	return &none;
}

TEST(forkplan_sibling_forks_sibling)
{
	struct family f;

	family_make(&f);
	if (CHECK_INT_EQ(family_plan(&f), 0)) {
		const struct fork_node *second = node_of(&f, f.second);

		CHECK(second->sibling);
		CHECK(second->parent == node_of(&f, f.first));
		CHECK(second->above == node_of(&f, f.root));
		CHECK(f.second->fs_from == f.first);
		CHECK(!node_of(&f, f.third)->sibling && !f.third->fs_from && !f.first->fs_from);
	}
	family_done(&f);
}

TEST(forkplan_parent_comes_before_sibling)
{
	struct family f;

	family_make(&f);
	f.first->ids.fs = f.second->ids.fs = f.root->ids.fs;
	if (CHECK_INT_EQ(family_plan(&f), 0)) {
		CHECK(!node_of(&f, f.second)->sibling);
		CHECK(f.second->fs_from == f.root);
	}
	family_done(&f);
}

/* Each is refused, and has no sibling that could fork it. */
TEST(forkplan_not_every_sibling_can)
{
	struct family f;

	for (int i = 0; i < 5; i++) {
		family_make(&f);
		test_note("%d", i);
		if (i == 0)
			f.second->exit_signal = SIGUSR1;
		if (i == 1)
			f.first->sid = 11;
		if (i == 2)
			f.second->ids.files = f.root->ids.files;
		if (i == 3)
			f.nephew->ids.fs = f.first->ids.fs;
		if (i == 4)
			f.first->kind = TASK_ZOMBIE;
		CHECK(!fork_plan_sibling(&f.tree, i == 3 ? 4 : 2));
		/* A zombie has none to share. */
		CHECK(i == 4 ? family_plan(&f) == 0 : family_plan(&f) < 0);
		family_done(&f);
	}
}
