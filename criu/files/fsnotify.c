// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/fsnotify.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/files/handle.h"

int watched_dump(struct dump *d, const struct fd_probe *p, const char *what,
		 const struct watched *w, FhEntry **ret)
{
	int r = w->handle ? handle_dump(d, w->handle, w->sdev, ret) : 0;
	char name[64];

	if (!r)
		blocker(NULL, "%s: %s is of inode %llu of device %u:%u, to which no path leads",
			fd_probe_name(p, name, sizeof(name)), what, (unsigned long long)w->ino,
			(unsigned)(w->sdev >> 20), (unsigned)(w->sdev & 0xfffff));
	return r;
}

int watched_check(const char *what, const char *path)
{
	struct stat st;

	if (!path || path[0] != '/')
		return fail_plain("%s has no path", what);
	return stat(path, &st) < 0 ? fail(errno, "%s of %s", what, path) : 0;
}

bool events_blocked(const struct fd_probe *p, const char *what, const char *hint)
{
	char name[64];
	int unread = 0;

	if (ioctl(p->lfd, FIONREAD, &unread) < 0 || !unread)
		return false;
	blocker(hint, "%s: %s: %d bytes of events that were not read, which cannot be kept",
		fd_probe_name(p, name, sizeof(name)), what, unread);
	return true;
}

int events_drain(int fd, const char *what)
{
	char events[4096];
	int unread = 0;

	while (ioctl(fd, FIONREAD, &unread) == 0 && unread > 0)
		if (read(fd, events, sizeof(events)) < 0)
			return fail(errno, "%s: read events", what);
	return 0;
}
