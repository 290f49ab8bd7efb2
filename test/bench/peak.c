// SPDX-License-Identifier: GPL-2.0-only
/*
 * peak FILE COMMAND [ARGUMENT...]
 *
 * Runs the command, ends as it did, and writes into FILE how many KiB of memory it had at most.
 * What wait4(2) tells whoever starts it would be no less than what that one has itself: a process
 * has the memory of its parent until it executes something.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct rusage used;
	FILE *file;
	int status;
	pid_t pid;

	if (argc < 3)
		return 2;
	pid = fork();
	if (!pid) {
		execv(argv[2], argv + 2);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &used) != pid)
		return 1;
	file = fopen(argv[1], "w");
	if (!file || fprintf(file, "%ld\n", used.ru_maxrss) < 0 || fclose(file))
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
