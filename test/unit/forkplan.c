// SPDX-License-Identifier: GPL-2.0-only
/* Who forks whom: those that share their working directory or their descriptors. */
#include <sched.h>
#include <signal.h>

#include "criu/base/error.h"
#include "criu/core/task.h"
#include "criu/task/forkplan.h"
#include "criu/task/forkshare.h"
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
		CHECK_INT_EQ(fork_share_flags(f.first, f.second), CLONE_FS);
		CHECK(f.second->shared[SHARE_FS].with == f.first);
		CHECK(!node_of(&f, f.third)->sibling && !fork_share_flags(f.root, f.third));
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
		CHECK_INT_EQ(fork_share_flags(f.root, f.second), CLONE_FS);
	}
	family_done(&f);
}

static void check_refused(struct family *f)
{
	CHECK(family_plan(f) < 0);
	family_done(f);
}

TEST(forkplan_not_every_sibling_can)
{
	struct family f;

	/* A child made by CLONE_PARENT ends with the signal of who made it. */
	family_make(&f);
	f.second->exit_signal = SIGUSR1;
	check_refused(&f);
	/* One has its descriptors from its parent, the other a session of its own. */
	family_make(&f);
	f.first->ids.files = f.root->ids.files;
	f.first->sid = 11;
	check_refused(&f);
	/* A zombie has none to share. */
	family_make(&f);
	f.first->kind = TASK_ZOMBIE;
	CHECK_INT_EQ(family_plan(&f), 0);
	family_done(&f);
}

/* It is the other way round where only that can be. */
TEST(forkplan_younger_forks_older)
{
	struct family f;

	for (int i = 0; i < 2; i++) {
		family_make(&f);
		if (i == 0)
			f.first->sid = f.first->pgid = 11;
		else
			f.second->ids.files = f.root->ids.files;
		if (CHECK_INT_EQ(family_plan(&f), 0)) {
			const struct fork_node *first = node_of(&f, f.first);

			CHECK(first->sibling && first->parent == node_of(&f, f.second));
			CHECK(first->above == node_of(&f, f.root));
			CHECK(!node_of(&f, f.second)->sibling);
		}
		family_done(&f);
	}
}

/* Uncle and nephew: 13 has them for 14, and leaves them. */
TEST(forkplan_between_carries)
{
	struct family f;

	family_make(&f);
	f.first->ids.fs = 9;
	f.nephew->ids.files = f.second->ids.files;
	if (CHECK_INT_EQ(family_plan(&f), 0)) {
		const struct fork_node *second = node_of(&f, f.second);
		const struct fork_node *third = node_of(&f, f.third);
		const struct fork_node *nephew = node_of(&f, f.nephew);

		CHECK(third->sibling && third->parent == second && nephew->parent == third);
		CHECK(nephew->lent && !third->lent);
		CHECK_INT_EQ(fork_share_flags(f.root, f.second), 0);
		CHECK_INT_EQ(fork_share_flags(f.second, f.third), CLONE_FILES);
		CHECK_INT_EQ(fork_share_flags(f.third, f.nephew), CLONE_FILES);
		CHECK_INT_EQ(fork_share_leaves(f.third), CLONE_FILES);
		CHECK_INT_EQ(fork_share_leaves(f.second), 0);
	}
	family_done(&f);
}

/* Root and grandchild; the child between founds a session, which the grandchild is of, or not. */
TEST(forkplan_lent_before_session)
{
	struct family f;

	for (int i = 0; i < 2; i++) {
		family_make(&f);
		f.nephew->ids.fs = f.root->ids.fs;
		f.third->sid = f.third->pgid = 13;
		if (i)
			f.nephew->sid = f.nephew->pgid = 13;
		CHECK(i ? family_plan(&f) < 0 : family_plan(&f) == 0);
		family_done(&f);
	}
}

/* 13 has its descriptors from the root, and cannot have those of 12 for a while. */
TEST(forkplan_between_shares_itself)
{
	struct family f;

	family_make(&f);
	f.third->ids.files = f.root->ids.files;
	f.nephew->ids.files = f.second->ids.files;
	check_refused(&f);
	/* Nor those of two. */
	family_make(&f);
	task_of(&f.tree, 15, f.third, 8)->ids.files = f.second->ids.files;
	f.nephew->ids.files = f.first->ids.files;
	check_refused(&f);
}

/* Who is born into its group does not join it, and then nobody waits for that. */
TEST(forkplan_groups_by_birth)
{
	struct family f;

	family_make(&f);
	CHECK_INT_EQ(family_plan(&f), 0);
	CHECK(!f.plan.joins);
	CHECK(!f.plan.ends);
	CHECK_INT_EQ(node_of(&f, f.nephew)->born_pgid, 10);
	CHECK_INT_EQ(node_of(&f, f.nephew)->join, 0);
	family_done(&f);

	family_make(&f);
	f.second->pgid = 12;
	f.third->pgid = 12;
	f.nephew->pgid = 12;
	CHECK_INT_EQ(family_plan(&f), 0);
	CHECK(f.plan.joins);
	CHECK(node_of(&f, f.second)->founds);
	CHECK_INT_EQ(node_of(&f, f.third)->join, 12);
	/* Its parent joins when all are there. */
	CHECK_INT_EQ(node_of(&f, f.nephew)->born_pgid, 10);
	CHECK_INT_EQ(node_of(&f, f.nephew)->join, 12);
	family_done(&f);
}
