// SPDX-License-Identifier: GPL-2.0-only
/* Marks of a mount and of a whole file system. What they ask for does not happen by itself: that
 * somebody executes a file of /dev/shm. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/fanotify.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHERE "/dev/shm"

static char path[64];

static int group(unsigned int type, uint64_t mask)
{
	int fd = (int)must(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY));

	must(fanotify_mark(fd, FAN_MARK_ADD | type, mask, AT_FDCWD, WHERE));
	return fd;
}

static void program_make(void)
{
	int from = (int)must(open("/proc/self/exe", O_RDONLY)), to;
	struct stat st;

	must(fstat(from, &st));
	to = (int)must(open(path, O_WRONLY | O_CREAT | O_EXCL, 0700));
	must(sendfile(to, from, NULL, (size_t)st.st_size));
	must(close(to));
	must(close(from));
}

static int run(void *arg)
{
	(void)arg;
	execl(path, path, "ends at once", (char *)NULL);
	return 1;
}

/* Of the program, executed by pid; others are none of ours. */
static bool told(int fd, pid_t pid)
{
	struct fanotify_event_metadata e;

	while (read(fd, &e, sizeof(e)) == (ssize_t)sizeof(e)) {
		close(e.fd);
		if (e.pid == pid && e.mask == FAN_OPEN_EXEC)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	int mount, all;
	pid_t pid;

	if (argc == 2)
		return 0;
	test_init(argc, argv);
	snprintf(path, sizeof(path), WHERE "/zdtm-fanotify01-%d", (int)getpid());
	program_make();
	mount = group(FAN_MARK_MOUNT, FAN_OPEN_EXEC);
	must(fanotify_mark(mount, FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_IGNORED_MASK,
			   FAN_OPEN | FAN_ACCESS, AT_FDCWD, WHERE));
	all = group(FAN_MARK_FILESYSTEM, FAN_OPEN_EXEC);
	test_daemon();
	test_waitsig();

	pid = test_child(run, NULL);
	if (!test_reap(pid, "the program"))
		fail("nothing was executed");
	must(unlink(path));
	if (!told(mount, pid))
		fail("the mount is not watched");
	if (!told(all, pid))
		fail("the file system is not watched");
	return pass();
}
