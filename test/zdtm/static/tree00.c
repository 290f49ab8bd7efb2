// SPDX-License-Identifier: GPL-2.0-only
/* A tree three levels deep: pids, parents, and who may wait for whom. */
#include "zdtmtst.h"

#include <unistd.h>

#define DEPTH 3
#define WIDTH 2

struct node {
	int depth;
	struct ready *ready;
};

static int node_run(void *arg);

static void children_start(struct node *node, pid_t pids[WIDTH])
{
	struct node below = { .depth = node->depth + 1, .ready = node->ready };

	for (int i = 0; i < WIDTH; i++)
		pids[i] = node->depth < DEPTH ? test_child(node_run, &below) : 0;
}

static void children_stop(pid_t pids[WIDTH])
{
	for (int i = 0; i < WIDTH; i++)
		expect(!pids[i] || test_stop(pids[i], "child"), "child %d of %d is not well",
		       pids[i], getpid());
}

static int node_run(void *arg)
{
	struct node *node = arg;
	pid_t parent = getppid(), self = getpid(), pids[WIDTH];

	children_start(node, pids);
	ready_report(node->ready);
	test_waitsig();
	expect(getpid() == self, "pid %d instead of %d", getpid(), self);
	expect(gettid_raw() == self, "tid %d instead of %d", gettid_raw(), self);
	expect(getppid() == parent, "%d: parent %d instead of %d", self, getppid(), parent);
	children_stop(pids);
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	struct node root = { .depth = 0, .ready = &ready };
	pid_t pids[WIDTH];

	test_init(argc, argv);
	ready_init(&ready);
	children_start(&root, pids);
	ready_collect(&ready, 14);
	test_daemon();
	test_waitsig();
	children_stop(pids);
	return pass();
}
