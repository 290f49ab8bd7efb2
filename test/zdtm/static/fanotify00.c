// SPDX-License-Identifier: GPL-2.0-only
/* Groups with marks of a directory and a file keep masks, ignored masks and what they report; no
 * event comes by itself. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "directory to watch", true);

static union {
	char bytes[4096];
	struct fanotify_event_metadata event;
} buf;

static int group(unsigned int flags)
{
	return (int)must(fanotify_init(flags | FAN_NONBLOCK, O_RDWR | O_NOATIME));
}

static void mark(int fd, unsigned int flags, uint64_t mask, const char *path)
{
	must(fanotify_mark(fd, FAN_MARK_ADD | flags, mask, AT_FDCWD, path));
}

static bool is_quiet(int fd)
{
	return read(fd, buf.bytes, sizeof(buf.bytes)) < 0 && errno == EAGAIN;
}

/* The next event is this, of what is open as wanted (-1: it is reported by its name), and the only
 * one. */
static bool next(int fd, uint64_t mask, int wanted)
{
	ssize_t n = read(fd, buf.bytes, sizeof(buf.bytes));
	struct stat a, b;

	if (n < (ssize_t)sizeof(buf.event) || n != (ssize_t)buf.event.event_len ||
	    buf.event.mask != mask || buf.event.pid != getpid()) {
		test_msg("%zd bytes: mask %#llx, pid %d\n", n, (unsigned long long)buf.event.mask,
			 buf.event.pid);
		return false;
	}
	if (wanted < 0)
		return buf.event.fd == FAN_NOFD;
	must(fstat(wanted, &a));
	must(fstat(buf.event.fd, &b));
	if ((fcntl(buf.event.fd, F_GETFL) & (O_ACCMODE | O_NOATIME)) != (O_RDWR | O_NOATIME))
		test_msg("opened with flags %#o\n", fcntl(buf.event.fd, F_GETFL));
	else if (a.st_ino == b.st_ino)
		return close(buf.event.fd) == 0;
	return false;
}

/* The name in the first record behind the event. */
static const char *reported_name(void)
{
	const struct fanotify_event_info_fid *info =
	    (const void *)(buf.bytes + buf.event.metadata_len);
	const struct file_handle *handle = (const void *)info->handle;

	if (info->hdr.info_type != FAN_EVENT_INFO_TYPE_DFID_NAME)
		return "none";
	return (const char *)handle->f_handle + handle->handle_bytes;
}

int main(int argc, char **argv)
{
	char path[4096], other[4096], made[4096];
	int plain, names, file, out;

	test_init(argc, argv);
	must(mkdir(dirname, 0700));
	snprintf(path, sizeof(path), "%s/file", dirname);
	snprintf(other, sizeof(other), "%s/other", dirname);
	snprintf(made, sizeof(made), "%s/made", dirname);
	must(file = open(path, O_CREAT | O_WRONLY, 0600));
	must(out = open(other, O_CREAT | O_WRONLY, 0600));
	plain = group(FAN_CLASS_CONTENT | FAN_UNLIMITED_MARKS);
	mark(plain, 0, FAN_MODIFY | FAN_EVENT_ON_CHILD, dirname);
	mark(plain, FAN_MARK_IGNORED_MASK | FAN_MARK_IGNORED_SURV_MODIFY, FAN_MODIFY, other);
	mark(plain, FAN_MARK_ONLYDIR, FAN_OPEN | FAN_ONDIR, dirname);
	names = group(FAN_REPORT_DFID_NAME);
	mark(names, 0, FAN_CREATE | FAN_DELETE | FAN_ONDIR, dirname);
	test_daemon();
	test_waitsig();

	if (!is_quiet(plain) || !is_quiet(names))
		return fail("something has happened: mask %#llx by pid %d",
			    (unsigned long long)buf.event.mask, buf.event.pid);
	must(write(file, "x", 1));
	if (!next(plain, FAN_MODIFY, file))
		return fail("the directory is not watched");
	must(write(out, "x", 1));
	must(write(out, "y", 1));
	if (!is_quiet(plain))
		return fail("what was to be ignored is told");
	must(mkdir(made, 0700));
	if (!next(names, FAN_CREATE | FAN_ONDIR, -1) || strcmp(reported_name(), "made"))
		return fail("it is not told what is made");
	must(rmdir(made));
	if (!next(names, FAN_DELETE | FAN_ONDIR, -1))
		return fail("it is not told what is removed");
	must(fanotify_mark(plain, FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_MODIFY, AT_FDCWD,
			   other));
	must(write(out, "z", 1));
	if (!next(plain, FAN_MODIFY, out))
		return fail("it is ignored in another way");
	return pass();
}
