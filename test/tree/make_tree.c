// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grows a tree of processes from a seed: they fork, found sessions and groups, end, leave orphans
 * to reapers, make threads, and change whatever a process can change about itself. One order is
 * carried out after the other, so that the same seed makes the same tree, but for the pids.
 * After the restore each looks whether it is as it was, and the tree grows on.
 */
#include "tree.h"
#include "zdtmtst.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int seed = 1, size = 100;
TEST_OPTION(seed, int, "the tree that grows", false);
TEST_OPTION(size, int, "processes, living and dead", false);

static uint64_t chance;
static uint32_t forked, reaped;
static char *at_work; /* where the board is */

static uint32_t below(uint32_t limit)
{
	return (uint32_t)(next_random(&chance) % limit);
}

/* --- orders ------------------------------------------------------------------------- */

static bool is_gone(pid_t pid)
{
	struct pollfd fd = { .events = POLLIN };
	bool gone;

	fd.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd.fd < 0)
		return true;
	gone = poll(&fd, 1, 0) > 0;
	close(fd.fd);
	return gone;
}

static bool is_answered(const struct slot *s)
{
	return __atomic_load_n(&s->turn, __ATOMIC_SEQ_CST) % 2 == 0;
}

/* Until the slot has had its answer. A process that has died without one is a failure; but one that
 * is to end does so as soon as it has answered. */
static void answer_wait(uint32_t slot)
{
	struct slot *s = &board->slots[slot];

	for (uint32_t seen;;) {
		struct timespec second = { .tv_sec = 1 };

		seen = __atomic_load_n(&board->answered, __ATOMIC_SEQ_CST);
		if (is_answered(s))
			return;
		if (syscall(SYS_futex, &board->answered, 0 /* FUTEX_WAIT */, seen, &second, NULL,
			    0) == 0 ||
		    !s->pid || !is_gone(s->pid) || is_answered(s))
			continue;
		fail("slot %u, pid %d, has died of order %u, %lx", slot, s->pid, s->order,
		     (unsigned long)s->random);
		exit(1);
	}
}

static int ask(uint32_t slot, enum order order, pid_t other)
{
	struct slot *s = &board->slots[slot];

	s->order = order;
	s->other = other;
	s->random = next_random(&chance);
	__atomic_add_fetch(&s->turn, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(&s->turn);
	answer_wait(slot);
	return s->result;
}

static void fork_one(uint32_t slot)
{
	struct slot *child = &board->slots[board->nr];
	pid_t pid;

	child->turn = 1;
	pid = ask(slot, ORDER_FORK, (pid_t)board->nr);
	if (pid < 0)
		return;
	child->pid = pid;
	answer_wait(board->nr++);
	child->lives = true;
	forked++;
}

/* Its orphans have their new parent when this returns. */
static void end_one(uint32_t slot)
{
	struct slot *s = &board->slots[slot];
	struct pollfd fd = { .events = POLLIN };

	fd.fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
	ask(slot, ORDER_EXIT, 0);
	if (fd.fd >= 0) {
		while (poll(&fd, 1, -1) <= 0)
			continue;
		must(close(fd.fd));
	}
	s->lives = false;
}

/* A group that it can join, if there is one; or one of its own. */
static void group_one(uint32_t slot)
{
	for (int tries = 0; tries < 20; tries++) {
		const struct slot *other = &board->slots[below(board->nr)];

		if (other->sid != board->slots[slot].sid || other->pgid == board->slots[slot].pgid)
			continue;
		ask(slot, ORDER_GROUP, other->pgid);
		return;
	}
	ask(slot, ORDER_GROUP, 0);
}

static void change_one(uint32_t slot)
{
	static const enum order changes[] = {
		ORDER_THREAD, ORDER_THREAD, ORDER_NAME,  ORDER_LIMIT, ORDER_LIMIT,  ORDER_MAP,
		ORDER_MAP,    ORDER_MASK,   ORDER_QUEUE, ORDER_QUEUE, ORDER_ACTION, ORDER_ACTION,
		ORDER_NICE,   ORDER_UMASK,  ORDER_FILE,  ORDER_FILE,  ORDER_USER,   ORDER_EXEC,
	};

	ask(slot, changes[below(ARRAY_SIZE(changes))], 0);
}

static uint32_t some_living(void)
{
	for (;;) {
		uint32_t slot = below(board->nr);

		if (board->slots[slot].lives && !board->slots[slot].stopped)
			return slot;
	}
}

static void step(void)
{
	uint32_t slot = some_living(), what = below(100);

	if (what < 35)
		fork_one(slot);
	else if (what < 43)
		ask(slot, ORDER_SETSID, 0);
	else if (what < 53)
		group_one(slot);
	else if (what < 58)
		ask(slot, ORDER_REAPER, 0);
	else if (what < 63)
		reaped += (uint32_t)ask(slot, ORDER_REAP, 0);
	else if (what < 73 && slot)
		end_one(slot);
	else
		change_one(slot);
}

/* --- stopped tasks: they take no orders any more -------------------------------------- */

static uint32_t slot_of(pid_t pid)
{
	for (uint32_t i = 0; i < board->nr; i++)
		if (board->slots[i].lives && board->slots[i].pid == pid)
			return i;
	return 0;
}

static pid_t parent_of(pid_t pid)
{
	char path[32], text[512], *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file_read_text(path, text, sizeof(text));
	at = strrchr(text, ')');
	return at ? atoi(at + 4) : 0;
}

static void stop_some(void)
{
	for (uint32_t i = board->nr; i-- > 1;) {
		struct slot *s = &board->slots[i];
		uint32_t parent;

		if (!s->lives || below(25))
			continue;
		must(kill(s->pid, SIGSTOP));
		wait_for_state(s->pid, 'T');
		s->stopped = true;
		parent = slot_of(parent_of(s->pid));
		if (parent && !board->slots[parent].stopped && below(2))
			ask(parent, ORDER_SEE_STOP, s->pid);
	}
}

static void continue_all(void)
{
	for (uint32_t i = 0; i < board->nr; i++) {
		if (board->slots[i].stopped)
			must(kill(board->slots[i].pid, SIGCONT));
		board->slots[i].stopped = false;
	}
}

/* --- the root -------------------------------------------------------------------------- */

/* The first of the processes takes orders like any other; the root of all gives them. */
static void first_make(void)
{
	pid_t pid;

	board->nr = 1;
	board->slots[0].turn = 1;
	pid = (pid_t)must(fork());
	if (!pid) {
		node_born(0);
		node_live(0);
	}
	board->slots[0].pid = pid;
	answer_wait(0);
	board->slots[0].lives = true;
	ask(0, ORDER_REAPER, 0);
	forked = 1;
}

static void grow(uint32_t wanted)
{
	uint32_t had = forked - reaped;

	while (forked - reaped < had + wanted && board->nr < NODES_MAX)
		step();
}

static void all_check(void)
{
	for (uint32_t i = 0; i < board->nr; i++)
		if (board->slots[i].lives && ask(i, ORDER_CHECK, 0) != 0)
			fail("pid %d is not as it was", board->slots[i].pid);
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "--again")) {
		board_map(argv[3], false);
		program_path = argv[4];
		node_born((uint32_t)atoi(argv[2]));
		node_live((uint32_t)atoi(argv[2]));
	}
	program_path = realpath(argv[0], NULL);
	at_work = getcwd(NULL, 0);
	test_init(argc, argv);
	must(asprintf(&at_work, "%s/board", at_work));
	board_map(at_work, true);
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	chance = (uint64_t)seed;
	first_make();
	grow((uint32_t)size);
	stop_some();
	test_daemon();
	test_waitsig();

	continue_all();
	all_check();
	grow((uint32_t)size / 10 + 1);
	all_check();
	return pass();
}
