// SPDX-License-Identifier: GPL-2.0-only
/* A child with another root directory: what "/" is, and that it cannot see what is above. */
#include "zdtmtst.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "the root directory", true);

static int child(void *arg)
{
	struct stat before, after, above;
	char cwd[64];

	must(chroot(dirname));
	must(chdir("/inner"));
	must(stat("/", &before));
	ready_report(arg);
	test_waitsig();

	must(stat("/", &after));
	expect(before.st_ino == after.st_ino, "/ is inode %lu instead of %lu",
	       (unsigned long)after.st_ino, (unsigned long)before.st_ino);
	must(stat("/..", &above));
	expect(above.st_ino == after.st_ino, "/.. leads out");
	expect(getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/inner"), "the working directory is lost");
	return 0;
}

int main(int argc, char **argv)
{
	char inner[4096];
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	snprintf(inner, sizeof(inner), "%s/inner", dirname);
	must(mkdir(dirname, 0755));
	must(mkdir(inner, 0755));
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (!test_stop(pid, "child"))
		return fail("the child lost its root directory");
	return pass();
}
