// SPDX-License-Identifier: GPL-2.0-only
/*
 * From before connections are read until the tree is killed or let go, their packets are dropped.
 * If crtool is killed then, the tree runs on, and nothing would ever reach its connections again.
 * So there is a process that shares crtool's descriptors, looks after crtool, and when that is
 * gone puts back what crtool cannot put back any more: the lock, and repair mode, if a connection
 * was just being read. That takes some 20 us for each; a task that is faster is told EPERM.
 *
 * If crtool has given the tree up already, it is being killed by somebody else. Then these
 * descriptors are the last ones, and have to be closed as tcp_bury() does it.
 */
#include "criu/sock/guard.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/apart.h"
#include "criu/kernel/syscalls.h"
#include "criu/net/lock.h"
#include "criu/sock/inet.h"

#define END_OF_TREE_MS 2000 /* more than it takes to kill it */

/* Shared by both processes. */
struct tcp_guard {
	size_t size; /* of all of it */
	pid_t pid; /* of the guard */
	pid_t root; /* of the tree that is given up; 0: it is not */
	enum network_lock method;
	const char *run_id;
	bool locked;
	int reading; /* the descriptor that may be in repair mode; -1 */
	bool reuseaddr; /* of it */
	size_t nr;
	int fds[];
};

static bool ends_within(int pidfd, int ms)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* Killed as it should be. */
static bool tree_ends(pid_t root)
{
	int pidfd = sys_pidfd_open(root, 0);

	return pidfd < 0 || ends_within(pidfd, END_OF_TREE_MS);
}

/* The lock last: when it is gone, whoever waits for that finds all as it was. */
static void let_go(const struct tcp_guard *g)
{
	int reading = __atomic_load_n(&g->reading, __ATOMIC_ACQUIRE);

	if (reading >= 0)
		tcp_repair_end(reading, g->reuseaddr, false);
	if (g->locked)
		netlock_remove(g->method, g->run_id);
}

static void guard_body(const struct tcp_guard *g, int crtool)
{
	pid_t root;

	stand_apart("tcp-guard");
	while (!ends_within(crtool, -1))
		;
	root = __atomic_load_n(&g->root, __ATOMIC_ACQUIRE);
	if (!root || !tree_ends(root)) {
		let_go(g);
		return;
	}
	for (size_t i = 0; i < g->nr; i++)
		tcp_bury(g->fds[i]);
}

int tcp_guard_start(const struct session *s, size_t nr, struct tcp_guard **ret)
{
	size_t size = sizeof(struct tcp_guard) + nr * sizeof(int);
	struct tcp_guard *g =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int crtool, pid;

	if (g == MAP_FAILED)
		return fail(errno, "memory for %zu connections", nr);
	g->size = size;
	g->reading = -1;
	g->method = s->opts->network_lock;
	g->run_id = s->run_id;
	crtool = sys_pidfd_open(getpid(), 0);
	pid = crtool < 0 ? crtool : (int)syscall(SYS_clone, CLONE_FILES, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		guard_body(g, crtool);
		_exit(0);
	}
	if (pid < 0) {
		pid = fail(crtool < 0 ? -crtool : errno, "make a process that guards connections");
		munmap(g, size);
		return pid;
	}
	g->pid = pid;
	*ret = g;
	return 0;
}

void tcp_guard_reads(struct tcp_guard *g, int fd, bool reuseaddr)
{
	g->fds[g->nr++] = fd;
	g->reuseaddr = reuseaddr;
	__atomic_store_n(&g->reading, fd, __ATOMIC_RELEASE);
}

void tcp_guard_has_read(struct tcp_guard *g)
{
	__atomic_store_n(&g->reading, -1, __ATOMIC_RELEASE);
}

void tcp_guard_lock(struct tcp_guard *g)
{
	__atomic_store_n(&g->locked, true, __ATOMIC_RELEASE);
}

void tcp_guard_give_up(struct tcp_guard *g, pid_t root)
{
	__atomic_store_n(&g->root, root, __ATOMIC_RELEASE);
}

void tcp_guard_end(struct tcp_guard *g)
{
	pid_t pid;

	if (!g)
		return;
	pid = g->pid;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) < 0 && errno == EINTR)
		;
	munmap(g, g->size);
}
