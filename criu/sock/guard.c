// SPDX-License-Identifier: GPL-2.0-only
/*
 * From before connections are read until the tree is killed or let go, their packets are dropped.
 * If crtool is killed then, the tree runs on, and nothing would ever reach its connections again.
 * So there is a process that shares crtool's descriptors, looks after crtool, and when that is
 * gone puts back what crtool cannot put back any more: the lock, and repair mode, if a connection
 * was just being read. That takes some 10 us for each; a task that is faster is told EPERM.
 *
 * A restore has one, too, for the moment when tasks are let go. Behind the lock connections leave
 * repair mode; then tasks do not die with crtool any more; then the lock goes. Should crtool be
 * killed before tasks would live on, connections go back into repair mode, and nobody hears that
 * they are closed; after that, the lock goes.
 *
 * If crtool has given the tree up already, it is being killed by somebody else. Then these
 * descriptors are the last ones, and have to be closed as tcp_bury() does it.
 */
#include "criu/sock/guard.h"

#include <errno.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/kernel/apart.h"
#include "criu/kernel/syscalls.h"
#include "criu/net/lock.h"
#include "criu/sock/inet.h"

#define END_OF_TREE_MS 2000 /* more than it takes to kill it */
#define LOOK_MS        200 /* at crtool, should nobody tell */

/*
 * A mutex that a thread holds until it ends. The kernel then says so as soon as it has begun to
 * end, before the tasks that it traces are let go: get_robust_list(2), Documentation/locking/
 * robust-futex-ABI.rst of Linux. A pidfd tells no sooner than the tasks run.
 */
struct robust {
	struct robust_list_head head, *had;
	struct robust_list node;
	uint32_t word;
};

struct guarded {
	int fd;
	bool reuseaddr;
};

/* Shared by both processes. */
struct tcp_guard {
	size_t size; /* of all of it */
	struct robust crtool;
	pid_t pid; /* of the guard */
	pid_t root; /* of the tree that is given up; 0: it is not */
	enum network_lock method;
	const char *run_id;
	bool locked;
	bool held; /* the tree dies with crtool: connections are to go without a word */
	struct guarded reading[PARALLEL_WORKERS_MAX]; /* may be in it; fd -1: none is */
	size_t nr;
	struct guarded conns[];
};

static void robust_hold(struct robust *r)
{
	size_t size;

	r->head.list.next = &r->node;
	r->head.futex_offset = offsetof(struct robust, word) - offsetof(struct robust, node);
	r->node.next = &r->head.list;
	r->word = (uint32_t)gettid() | FUTEX_WAITERS;
	if (syscall(SYS_get_robust_list, 0, &r->had, &size) == 0)
		syscall(SYS_set_robust_list, &r->head, sizeof(r->head));
}

static void robust_release(const struct robust *r)
{
	if (r->had)
		syscall(SYS_set_robust_list, r->had, sizeof(*r->had));
}

static void robust_wait(struct robust *r)
{
	const struct timespec while_it_lives = { .tv_nsec = LOOK_MS * 1000000L };
	uint32_t word = __atomic_load_n(&r->word, __ATOMIC_ACQUIRE);

	if (!(word & FUTEX_OWNER_DIED))
		syscall(SYS_futex, &r->word, FUTEX_WAIT, word, &while_it_lives, NULL, 0);
}

static bool robust_died(const struct robust *r)
{
	return __atomic_load_n(&r->word, __ATOMIC_ACQUIRE) & FUTEX_OWNER_DIED;
}

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

static void repair_end(const struct tcp_guard *g)
{
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++) {
		int fd = __atomic_load_n(&g->reading[i].fd, __ATOMIC_ACQUIRE);

		if (fd >= 0)
			tcp_repair_end(fd, g->reading[i].reuseaddr, false);
	}
}

/* Whoever closes them now, no peer hears of it. */
static void repair_begin(const struct tcp_guard *g)
{
	const int on = TCP_REPAIR_ON;

	for (size_t i = 0; i < g->nr; i++)
		setsockopt(g->conns[i].fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on));
}

/* The lock last: when it is gone, whoever waits for that finds all as it was. */
static void let_go(const struct tcp_guard *g)
{
	repair_end(g);
	if (g->locked)
		netlock_remove(g->method, g->run_id, NULL);
}

static bool is_held(const struct tcp_guard *g)
{
	return __atomic_load_n(&g->held, __ATOMIC_ACQUIRE);
}

/* In haste when the main thread of crtool has begun to end, which traces all tasks; other threads
 * of it may be in the middle of a system call, so it is done again when all of it has ended. */
static void watch(struct tcp_guard *g, int crtool)
{
	while (!robust_died(&g->crtool) && !ends_within(crtool, 0))
		robust_wait(&g->crtool);
	if (is_held(g))
		repair_begin(g);
	else if (!__atomic_load_n(&g->root, __ATOMIC_ACQUIRE))
		repair_end(g);
	while (!ends_within(crtool, -1))
		;
}

static void guard_body(struct tcp_guard *g, int crtool)
{
	pid_t root;

	stand_apart("tcp-guard");
	watch(g, crtool);
	root = __atomic_load_n(&g->root, __ATOMIC_ACQUIRE);
	if (!is_held(g) && (!root || !tree_ends(root))) {
		let_go(g);
		return;
	}
	for (size_t i = 0; i < g->nr; i++)
		tcp_bury(g->conns[i].fd);
}

int tcp_guard_start(enum network_lock method, const char *run_id, size_t nr, struct tcp_guard **ret)
{
	size_t size = sizeof(struct tcp_guard) + nr * sizeof(struct guarded);
	struct tcp_guard *g =
	    mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int crtool, pid;

	if (g == MAP_FAILED)
		return fail(errno, "memory for %zu connections", nr);
	g->size = size;
	g->method = method;
	g->run_id = run_id;
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++)
		g->reading[i].fd = -1;
	robust_hold(&g->crtool);
	crtool = sys_pidfd_open(getpid(), 0);
	pid = crtool < 0 ? crtool : (int)syscall(SYS_clone, CLONE_FILES, NULL, NULL, NULL, NULL);
	if (pid == 0) {
		guard_body(g, crtool);
		_exit(0);
	}
	if (pid < 0) {
		pid = fail(crtool < 0 ? -crtool : errno, "make a process that guards connections");
		robust_release(&g->crtool);
		munmap(g, size);
		return pid;
	}
	g->pid = pid;
	*ret = g;
	return 0;
}

void tcp_guard_add(struct tcp_guard *g, int fd, bool reuseaddr)
{
	g->conns[g->nr++] = (struct guarded){ fd, reuseaddr };
}

void tcp_guard_hold(struct tcp_guard *g)
{
	__atomic_store_n(&g->held, true, __ATOMIC_RELEASE);
}

void tcp_guard_lives(struct tcp_guard *g)
{
	tcp_guard_lock(g);
	__atomic_store_n(&g->held, false, __ATOMIC_RELEASE);
}

void tcp_guard_reads(struct tcp_guard *g, unsigned int worker, int fd, bool reuseaddr)
{
	g->reading[worker].reuseaddr = reuseaddr;
	__atomic_store_n(&g->reading[worker].fd, fd, __ATOMIC_RELEASE);
}

void tcp_guard_has_read(struct tcp_guard *g, unsigned int worker)
{
	__atomic_store_n(&g->reading[worker].fd, -1, __ATOMIC_RELEASE);
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
	robust_release(&g->crtool);
	munmap(g, g->size);
}
