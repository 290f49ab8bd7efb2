// SPDX-License-Identifier: GPL-2.0-only
/* NUMA memory policies of threads: set_mempolicy(2), with and without nodes and flags. */
#include "zdtmtst.h"

#include <linux/mempolicy.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODE_BITS 1025

struct policy {
	int mode;
	unsigned long nodes;
};

static const struct policy wanted[] = {
	{ MPOL_INTERLEAVE, 1 },
	{ MPOL_BIND | MPOL_F_STATIC_NODES, 1 },
	{ MPOL_PREFERRED | MPOL_F_RELATIVE_NODES, 1 },
	{ MPOL_LOCAL, 0 },
	{ MPOL_DEFAULT, 0 },
};

static pthread_barrier_t barrier;
static uint32_t over;

static void set(const struct policy *p)
{
	unsigned long nodes[16] = { p->nodes };

	must(syscall(SYS_set_mempolicy, p->mode, nodes, NODE_BITS));
}

static void check(const struct policy *p, const char *who, size_t nr)
{
	unsigned long nodes[16] = { 0 };
	int mode = -1;

	must(syscall(SYS_get_mempolicy, &mode, nodes, NODE_BITS, 0, 0));
	expect(mode == p->mode, "%s %zu has mode %#x", who, nr, mode);
	expect(nodes[0] == p->nodes, "%s %zu has nodes %#lx", who, nr, nodes[0]);
}

static void *thread_fn(void *arg)
{
	size_t nr = (size_t)arg;

	set(&wanted[nr]);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	check(&wanted[nr], "thread", nr);
	return NULL;
}

int main(int argc, char **argv)
{
	static const struct policy mains = { MPOL_PREFERRED, 1 };
	pthread_t threads[ARRAY_SIZE(wanted)];

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, ARRAY_SIZE(wanted) + 1));
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		threads[i] = test_thread(thread_fn, (void *)i);
	pthread_barrier_wait(&barrier);
	set(&mains);
	test_daemon();
	test_waitsig();

	check(&mains, "main thread", 0);
	over = 1;
	futex_wake_all(&over);
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
