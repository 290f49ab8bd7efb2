// SPDX-License-Identifier: GPL-2.0-only
/* Children that end all the time, by codes and signals, and are reaped at once or much later. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define SLOTS 12

/* A child in each; where the number is odd it is left a zombie for a while. */
static struct slot {
	pid_t pid;
	uint32_t round;
} slots[SLOTS];

static bool ends_by_signal(uint32_t round)
{
	return round % 3 == 0;
}

static int child(void *arg)
{
	uint32_t round = *(uint32_t *)arg;

	if (ends_by_signal(round))
		must(kill(getpid(), round % 2 ? SIGKILL : SIGUSR1));
	return (int)(round % 251);
}

static bool slot_reap(struct slot *slot)
{
	int status;

	if (waitpid(slot->pid, &status, 0) != slot->pid) {
		pr_perror("waitpid(%d)", slot->pid);
		return false;
	}
	slot->pid = 0;
	if (ends_by_signal(slot->round))
		return test_signaled(status, slot->round % 2 ? SIGKILL : SIGUSR1, "child");
	return test_exited(status, (int)(slot->round % 251), "child");
}

/* Dead for certain, and not reaped. */
static bool slot_is_dead(const struct slot *slot)
{
	siginfo_t info;

	return !waitid(P_PID, (id_t)slot->pid, &info, WEXITED | WNOWAIT) &&
	       info.si_pid == slot->pid;
}

int main(int argc, char **argv)
{
	uint32_t round = 0;

	test_init(argc, argv);
	test_daemon();
	while (test_go()) {
		struct slot *slot = &slots[++round * 2654435761u % SLOTS];

		if (slot->pid && !slot_reap(slot))
			return fail("round %u: the child of round %u is not well", round,
				    slot->round);
		slot->round = round;
		slot->pid = test_child(child, &round);
		if (round % 2 ? !slot_is_dead(slot) : !slot_reap(slot))
			return fail("round %u: the child is not well", round);
	}
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].pid && !slot_reap(&slots[i]))
			return fail("in the end the child of round %u is not well", slots[i].round);
	if (waitpid(-1, NULL, WNOHANG) != -1)
		return fail("there is one child more");
	return pass();
}
