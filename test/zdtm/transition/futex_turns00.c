// SPDX-License-Identifier: GPL-2.0-only
/* Two processes take turns with a futex in shared memory, all the time. */
#include "zdtmtst.h"

#define THE_END 0x80000000u

static struct steps *steps;
static uint64_t *sums;

/* Even numbers are the parent's to count up, odd ones the child's. */
static int child(void *arg)
{
	(void)arg;
	for (uint32_t step = 1;; step += 2) {
		steps_wait(steps, step);
		if (steps->now & THE_END)
			return 0;
		expect(steps->now == step, "step %u instead of %u", steps->now, step);
		sums[1] += step;
		steps_reach(steps, step + 1);
	}
}

int main(int argc, char **argv)
{
	uint64_t wanted = 0;
	uint32_t step = 0;
	pid_t pid;

	test_init(argc, argv);
	steps = steps_new();
	sums = (uint64_t *)(steps + 2);
	pid = test_companion(child, NULL);
	test_daemon();
	do {
		if (steps->now != step)
			return fail("step %u instead of %u", steps->now, step);
		steps_reach(steps, step + 1);
		wanted += step + 1;
		step += 2;
		steps_wait(steps, step);
	} while (test_go());
	steps_reach(steps, THE_END);
	if (!test_reap(pid, "child"))
		return fail("the child is not well");
	if (sums[1] != wanted)
		return fail("the child has added up %lu instead of %lu", (unsigned long)sums[1],
			    (unsigned long)wanted);
	return pass();
}
