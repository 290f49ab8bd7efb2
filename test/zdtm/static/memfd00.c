// SPDX-License-Identifier: GPL-2.0-only
/*
 * A memfd: contents with a hole, a size within a page, name, owner, mode and position; further
 * descriptions of it, one of them a child's, with flags and positions of their own; O_PATH.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART 10000
#define HOLE (8 << 20)

static const char name[] = "one (deleted) /of\nthem";
static int fd, again;

static int child(void *arg)
{
	char c = 'c';

	(void)arg;
	test_waitsig();
	expect(lseek(fd, 0, SEEK_CUR) == 1234, "the position of the shared one");
	expect(write(again, &c, 1) == 1, "it cannot append");
	return 0;
}

static int open_again(int flags)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return (int)must(open(link, flags));
}

int main(int argc, char **argv)
{
	static uint8_t data[PART];
	char link[64], target[128] = "", want[128], c = 0;
	int reader, path;
	struct stat st;
	pid_t pid;

	test_init(argc, argv);
	fd = (int)must(memfd_create(name, 0));
	datagen(data, sizeof(data), 1);
	must(write(fd, data, sizeof(data)));
	datagen(data, sizeof(data), 2);
	must(pwrite(fd, data, sizeof(data), PART + HOLE));
	must(fchown(fd, 123, 456));
	must(fchmod(fd, 0640));
	must(lseek(fd, 1234, SEEK_SET));
	again = open_again(O_WRONLY | O_APPEND);
	reader = open_again(O_RDONLY | O_NONBLOCK);
	must(lseek(reader, 99, SEEK_SET));
	path = open_again(O_PATH);
	pid = test_child(child, NULL);
	test_daemon();
	test_waitsig();

	must(fstat(fd, &st));
	if (st.st_size != 2 * PART + HOLE || (st.st_mode & 07777) != 0640)
		return fail("%ld bytes, mode %o", (long)st.st_size, st.st_mode);
	if (st.st_uid != 123 || st.st_gid != 456)
		return fail("it is of %u:%u", st.st_uid, st.st_gid);
	if (st.st_blocks * 512 > HOLE)
		return fail("%ld blocks: the hole is filled", (long)st.st_blocks);
	if (fcntl(fd, F_GET_SEALS) != F_SEAL_SEAL)
		return fail("seals %#x", fcntl(fd, F_GET_SEALS));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	snprintf(want, sizeof(want), "/memfd:%s (deleted)", name);
	must(readlink(link, target, sizeof(target) - 1));
	if (strcmp(target, want))
		return fail("its name is %s", target);
	if (lseek(fd, 0, SEEK_CUR) != 1234 || lseek(reader, 0, SEEK_CUR) != 99)
		return fail("positions");
	must(pread(reader, data, sizeof(data), PART + HOLE));
	if (datachk(data, sizeof(data), 2) != sizeof(data))
		return fail("contents behind the hole");
	must(pread(reader, data, sizeof(data), 0));
	if (datachk(data, sizeof(data), 1) != sizeof(data))
		return fail("contents");
	if (!test_stop(pid, "child"))
		return fail("the child");
	if (pread(fd, &c, 1, PART + HOLE + PART) != 1 || c != 'c')
		return fail("what the child appends is not there");
	must(fstat(path, &st));
	if (st.st_size != 2 * PART + HOLE + 1)
		return fail("O_PATH is of another file");
	return pass();
}
