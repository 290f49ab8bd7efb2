// SPDX-License-Identifier: GPL-2.0-only
/* tracer READY_FD PID: traces PID without stopping it, until it is killed itself. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long r;

	if (argc < 3)
		return 2;
	r = ptrace(PTRACE_SEIZE, atoi(argv[2]), NULL, NULL);
	dprintf(atoi(argv[1]), r < 0 ? "error: %s\n" : "ready\n", strerror(errno));
	close(atoi(argv[1]));
	while (r >= 0)
		pause();
	return 1;
}
