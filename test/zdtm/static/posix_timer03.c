// SPDX-License-Identifier: GPL-2.0-only
/* POSIX timers keep their kernel ids, also when some between them have been deleted. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TIMERS 12

/* Left over: the third, the sixth, ... */
static bool is_kept(int i)
{
	return i % 3 == 2;
}

int main(int argc, char **argv)
{
	struct itimerspec setting = { .it_value = { .tv_sec = 100 } }, now;
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	int ids[TIMERS], last;

	test_init(argc, argv);
	for (int i = 0; i < TIMERS; i++) {
		must(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &ids[i]));
		setting.it_interval.tv_sec = i + 1;
		must(syscall(SYS_timer_settime, ids[i], 0, &setting, NULL));
	}
	for (int i = 0; i < TIMERS; i++)
		if (!is_kept(i))
			must(syscall(SYS_timer_delete, ids[i]));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < TIMERS; i++) {
		long result = syscall(SYS_timer_gettime, ids[i], &now);

		if (!is_kept(i) && (result != -1 || errno != EINVAL))
			fail("timer %d exists again", ids[i]);
		else if (is_kept(i) && result)
			fail("timer %d: %s", ids[i], strerror(errno));
		else if (is_kept(i) && now.it_interval.tv_sec != i + 1)
			fail("timer %d has interval %ld", ids[i], (long)now.it_interval.tv_sec);
	}
	must(syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, &last));
	for (int i = 0; i < TIMERS; i++)
		if (is_kept(i) && ids[i] == last)
			fail("id %d is given out twice", last);
	return pass();
}
