// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors shared by CLONE_FILES with others than the parent: by root and grandchild, by
 * siblings, by an orphan and the other child of who died, by uncle and nephew. Those between have
 * their own (unshare).
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum who { ROOT, CHILD, GRANDCHILD, ELDER, YOUNGER, LEFT, ORPHAN, UNCLE, BROTHER, NEPHEW, PEOPLE };

/* Whose descriptors everybody has. */
static const enum who table_of[PEOPLE] = { ROOT, CHILD, ROOT,  ELDER,   ELDER,
					   LEFT, LEFT,  UNCLE, BROTHER, UNCLE };

#define FIRST_FD 50

static struct steps *steps;
static bool *bad; /* shared, by enum who */

/* In each table its first opens one, then all look which are open. */
static void act(enum who me)
{
	if (table_of[me] == me)
		must(dup3(STDIN_FILENO, FIRST_FD + (int)me, O_CLOEXEC));
}

static void look(enum who me)
{
	for (int i = 0; i < PEOPLE; i++) {
		bool is_open = fcntl(FIRST_FD + i, F_GETFD) == FD_CLOEXEC;

		if (is_open == (table_of[me] == (enum who)i))
			continue;
		test_msg("%d: descriptor %d is %s", (int)me, FIRST_FD + i,
			 is_open ? "open" : "closed");
		bad[me] = true;
	}
}

static void live(enum who me)
{
	steps_reach(steps, (uint32_t)me + 1);
	steps_wait(steps, PEOPLE + (uint32_t)me);
	act(me);
	steps_reach(steps, PEOPLE + (uint32_t)me + 1);
	steps_wait(steps, 2 * PEOPLE + (uint32_t)me);
	look(me);
	steps_reach(steps, 2 * PEOPLE + (uint32_t)me + 1);
	while (wait(NULL) > 0)
		;
	_exit(0);
}

static pid_t clone_child(unsigned long flags)
{
	return (pid_t)must(syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0));
}

/* The steps of the scene: everybody reaches the one after its number when those before have. */
static void child(void)
{
	if (!clone_child(CLONE_FILES)) {
		steps_wait(steps, GRANDCHILD);
		live(GRANDCHILD);
	}
	must(unshare(CLONE_FILES));
	live(CHILD);
}

static void elder(void)
{
	if (!clone_child(CLONE_FILES | CLONE_PARENT)) {
		steps_wait(steps, YOUNGER);
		live(YOUNGER);
	}
	live(ELDER);
}

static void left(void)
{
	pid_t between = clone_child(CLONE_FILES);

	if (!between) {
		if (!clone_child(CLONE_FILES)) {
			steps_wait(steps, ORPHAN);
			live(ORPHAN);
		}
		_exit(0);
	}
	must(waitpid(between, NULL, 0));
	live(LEFT);
}

static void uncle(void)
{
	if (!clone_child(CLONE_FILES | CLONE_PARENT)) {
		steps_wait(steps, BROTHER);
		if (!clone_child(CLONE_FILES)) {
			steps_wait(steps, NEPHEW);
			live(NEPHEW);
		}
		must(unshare(CLONE_FILES));
		live(BROTHER);
	}
	live(UNCLE);
}

static void scene_set(enum who who, unsigned long flags, void (*body)(void), enum who last)
{
	steps_wait(steps, who);
	if (!clone_child(flags))
		body();
	steps_wait(steps, last + 1);
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	steps = steps_new();
	bad = map_anon(PEOPLE * sizeof(*bad), PROT_READ | PROT_WRITE, MAP_SHARED);
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
	steps_reach(steps, CHILD);
	scene_set(CHILD, CLONE_FILES, child, GRANDCHILD);
	scene_set(ELDER, 0, elder, YOUNGER);
	scene_set(LEFT, 0, left, ORPHAN);
	scene_set(UNCLE, 0, uncle, NEPHEW);
	test_daemon();
	test_waitsig();

	act(ROOT);
	steps_reach(steps, PEOPLE + 1);
	steps_wait(steps, 2 * PEOPLE);
	look(ROOT);
	steps_reach(steps, 2 * PEOPLE + 1);
	steps_wait(steps, 3 * PEOPLE);
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < PEOPLE; i++)
		if (bad[i])
			fail("%d does not have the descriptors that it had", i);
	return pass();
}
