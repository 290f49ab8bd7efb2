// SPDX-License-Identifier: GPL-2.0-only
/* Threads that are inside a system call while they are dumped and restored. */
#pragma once

#include <stdbool.h>
#include <time.h>

struct timed_wait {
	long nr; /* the system call that the thread sleeps in */
	bool restarted; /* it was interrupted by a stop at its beginning: restart_syscall(2) */
	/*
	 * Waits until the time has passed, by the one or the other way of telling it (the
	 * deadline is of CLOCK_MONOTONIC). Returns 0 then, or a text that says what came instead.
	 */
	const char *(*wait)(const struct timespec *duration, const struct timespec *deadline);
};

/*
 * The whole of a test: a thread waits for 2 s; after 0.8 s the test is ready to be dumped. The
 * wait may end neither early, nor as late as one would that has begun anew at the restore.
 */
int timed_wait_test(int argc, char **argv, const struct timed_wait *wait);
