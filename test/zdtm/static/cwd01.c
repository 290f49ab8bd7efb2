// SPDX-License-Identifier: GPL-2.0-only
/* Parent and child work in different directories, the child's below the parent's. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "directory to work in", true);

static int child(void *arg)
{
	int fd;

	must(chdir("a/b"));
	ready_report(arg);
	test_waitsig();
	fd = (int)must(open("made_by_child", O_RDWR | O_CREAT | O_EXCL, 0644));
	must(close(fd));
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	must(mkdir(dirname, 0755));
	must(chdir(dirname));
	must(mkdir("a", 0755));
	must(mkdir("a/b", 0755));
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	if (access("a/b/made_by_child", F_OK))
		return fail("the child made its file somewhere else");
	return pass();
}
