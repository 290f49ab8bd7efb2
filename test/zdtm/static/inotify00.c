// SPDX-License-Identifier: GPL-2.0-only
/* Watches of a directory and a file keep their numbers and masks; no event comes by itself. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "directory to watch", true);

static union {
	char bytes[4096];
	struct inotify_event event;
} buf;

/* The next event is this, and the only one. */
static bool next(int fd, int wd, uint32_t mask, const char *name)
{
	ssize_t n = read(fd, buf.bytes, sizeof(buf.bytes));

	if (n != (ssize_t)(sizeof(buf.event) + buf.event.len) || buf.event.wd != wd ||
	    buf.event.mask != mask || strcmp(buf.event.len ? buf.event.name : "", name)) {
		test_msg("%zd bytes: watch %d, mask %#x\n", n, buf.event.wd, buf.event.mask);
		return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	char path[4096], made[4096];
	int fd, file, dir, gone, out;

	test_init(argc, argv);
	must(mkdir(dirname, 0700));
	snprintf(path, sizeof(path), "%s/file", dirname);
	snprintf(made, sizeof(made), "%s/made", dirname);
	must(out = open(path, O_CREAT | O_WRONLY, 0600));
	fd = must(inotify_init1(IN_NONBLOCK));
	gone = must(inotify_add_watch(fd, "/", IN_CREATE));
	must(inotify_rm_watch(fd, gone));
	dir = must(inotify_add_watch(fd, dirname, IN_CREATE | IN_DELETE | IN_ONLYDIR));
	file = must(inotify_add_watch(fd, path, IN_MODIFY | IN_ONESHOT));
	must(read(fd, buf.bytes, sizeof(buf.bytes)));
	test_daemon();
	test_waitsig();

	if (read(fd, buf.bytes, sizeof(buf.bytes)) >= 0 || errno != EAGAIN)
		return fail("something has happened: watch %d, mask %#x", buf.event.wd,
			    buf.event.mask);
	must(mknod(made, S_IFREG | 0600, 0));
	if (!next(fd, dir, IN_CREATE, "made"))
		return fail("the directory is not watched");
	must(write(out, "x", 1));
	read(fd, buf.bytes, sizeof(buf.bytes));
	if (buf.event.wd != file || buf.event.mask != IN_MODIFY)
		return fail("the file is not watched");
	must(write(out, "x", 1));
	if (read(fd, buf.bytes, sizeof(buf.bytes)) >= 0)
		return fail("a watch for one event has told two");
	must(unlink(made));
	if (!next(fd, dir, IN_DELETE, "made"))
		return fail("the directory is not watched any more");
	return pass();
}
