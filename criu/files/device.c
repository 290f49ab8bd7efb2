// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/device.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/str.h"

#define UEVENT_BYTES 4096
#define DEVNAME      "DEVNAME="

static bool is_it(const char *path, dev_t rdev)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == rdev;
}

/* The line of /sys/dev/char/M:N/uevent that has the name below /dev. */
static int name_read(dev_t rdev, char *buf, size_t size)
{
	char path[64], text[UEVENT_BYTES + 1], *rest, *line;
	cleanup_close int fd = -1;
	ssize_t n;
	int r;

	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/uevent", major(rdev), minor(rdev));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, UEVENT_BYTES);
	if (n < 0)
		return -errno;
	text[n] = '\0';
	for (rest = text; (line = strsep(&rest, "\n"));) {
		if (!str_starts(line, DEVNAME))
			continue;
		r = snprintf(buf, size, "/dev/%s", line + strlen(DEVNAME));
		return r < (int)size ? 0 : -ENAMETOOLONG;
	}
	return -ENODEV;
}

int device_path(dev_t rdev, const char *was, char *buf, size_t size)
{
	int r;

	if (is_it(was, rdev))
		return snprintf(buf, size, "%s", was) < (int)size ? 0 : -ENAMETOOLONG;
	r = name_read(rdev, buf, size);
	if (r < 0)
		return r;
	return is_it(buf, rdev) ? 0 : -ENODEV;
}
