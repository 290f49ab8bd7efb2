// SPDX-License-Identifier: GPL-2.0-only
/* ppoll(2) on a pipe that stays empty: its timeout keeps running. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "waits.h"
#include "zdtmtst.h"

static const char *wait_for(const struct timespec *duration, const struct timespec *deadline)
{
	struct pollfd fd = { .events = POLLIN };
	int pipe_fds[2];

	(void)deadline;
	must(pipe(pipe_fds));
	fd.fd = pipe_fds[0];
	switch (ppoll(&fd, 1, duration, NULL)) {
	case 0:
		return NULL;
	case -1:
		return strerror(errno);
	default:
		return "the empty pipe is readable";
	}
}

int main(int argc, char **argv)
{
	const struct timed_wait wait = { .nr = SYS_ppoll, .wait = wait_for };

	return timed_wait_test(argc, argv, &wait);
}
