// SPDX-License-Identifier: GPL-2.0-only
/* A file inherited by fork has one position for parent, child and grandchild. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "file to use", true);

static struct ready ready;
static int fd;

static int grandchild(void *arg)
{
	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(lseek(fd, 0, SEEK_CUR) == 55, "the grandchild is at %ld",
	       (long)lseek(fd, 0, SEEK_CUR));
	must(lseek(fd, 66, SEEK_SET));
	return 0;
}

static int child(void *arg)
{
	pid_t pid = test_child(grandchild, NULL);

	(void)arg;
	must(dup2(fd, 200)); /* the child has it under a number of its own too */
	must(close(fd));
	ready_report(&ready);
	test_waitsig();
	expect(lseek(200, 0, SEEK_CUR) == 44, "the child is at %ld", (long)lseek(200, 0, SEEK_CUR));
	must(lseek(200, 55, SEEK_SET));
	return test_stop(pid, "grandchild") ? 0 : 1;
}

int main(int argc, char **argv)
{
	pid_t pid;

	test_init(argc, argv);
	fd = file_make(filename, 100, 1);
	ready_init(&ready);
	pid = test_child(child, NULL);
	ready_collect(&ready, 2);
	test_daemon();
	test_waitsig();

	must(lseek(fd, 44, SEEK_SET));
	if (!test_stop(pid, "child"))
		return fail("the children have another file");
	if (lseek(fd, 0, SEEK_CUR) != 66)
		return fail("the parent is at %ld", (long)lseek(fd, 0, SEEK_CUR));
	return pass();
}
