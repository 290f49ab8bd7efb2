// SPDX-License-Identifier: GPL-2.0-only
/*
 * A deleted file with a hole: contents, position, mode and times; a second description of it, and
 * one that a child has.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART 100000
#define HOLE (8 << 20)

static char *filename;
TEST_OPTION(filename, string, "file to delete", true);

static int fd, again;

static int child(void *arg)
{
	char c = 'c';

	(void)arg;
	test_waitsig();
	return lseek(fd, 0, SEEK_CUR) != 1234 || write(again, &c, 1) != 1;
}

int main(int argc, char **argv)
{
	static uint8_t data[PART];
	const struct timespec times[2] = { { 1000000, 0 }, { 2000000, 5000 } };
	char link[64], c = 0;
	struct stat st;
	pid_t pid;

	test_init(argc, argv);
	fd = file_make(filename, PART, 1);
	datagen(data, sizeof(data), 2);
	must(pwrite(fd, data, sizeof(data), PART + HOLE));
	must(fchmod(fd, 0640));
	must(lseek(fd, 1234, SEEK_SET));
	must(unlink(filename));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	again = must(open(link, O_WRONLY | O_APPEND));
	must(futimens(fd, times));
	pid = test_child(child, NULL);
	test_daemon();
	test_waitsig();

	must(fstat(fd, &st));
	if (st.st_size != 2 * PART + HOLE || st.st_nlink || (st.st_mode & 07777) != 0640)
		return fail("%ld bytes, %ld links, mode %o", (long)st.st_size, (long)st.st_nlink,
			    st.st_mode);
	if (st.st_mtim.tv_sec != 2000000 || st.st_mtim.tv_nsec != 5000)
		return fail("changed at %ld.%09ld", st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	if (st.st_blocks * 512 > HOLE)
		return fail("%ld blocks: the hole is filled", (long)st.st_blocks);
	if (lseek(fd, 0, SEEK_CUR) != 1234 || (fcntl(again, F_GETFL) & O_APPEND) == 0)
		return fail("position or flags");
	must(pread(fd, data, sizeof(data), PART + HOLE));
	if (datachk(data, sizeof(data), 2) != sizeof(data))
		return fail("contents behind the hole");
	must(pread(fd, data, sizeof(data), 0));
	if (datachk(data, sizeof(data), 1) != sizeof(data))
		return fail("contents");
	if (!test_stop(pid, "child"))
		return fail("the child");
	if (pread(fd, &c, 1, PART + HOLE + PART) != 1 || c != 'c')
		return fail("what a child appends is not there");
	if (access(filename, F_OK) == 0 || errno != ENOENT)
		return fail("it has its name again");
	return pass();
}
