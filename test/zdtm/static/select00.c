// SPDX-License-Identifier: GPL-2.0-only
/* select(2) on a pipe that stays empty: its timeout keeps running. */
#include <errno.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waits.h"
#include "zdtmtst.h"

static const char *wait_for(const struct timespec *duration, const struct timespec *deadline)
{
	struct timeval left = { .tv_sec = duration->tv_sec };
	int pipe_fds[2];
	fd_set set;

	(void)deadline;
	must(pipe(pipe_fds));
	FD_ZERO(&set);
	FD_SET(pipe_fds[0], &set);
	switch (syscall(SYS_select, pipe_fds[0] + 1, &set, NULL, NULL, &left)) {
	case 0:
		return FD_ISSET(pipe_fds[0], &set) ? "the set has not been cleared" : NULL;
	case -1:
		return strerror(errno);
	default:
		return "the empty pipe is readable";
	}
}

int main(int argc, char **argv)
{
	const struct timed_wait wait = { .nr = SYS_select, .wait = wait_for };

	return timed_wait_test(argc, argv, &wait);
}
