// SPDX-License-Identifier: GPL-2.0-only
/*
 * A directory that was removed is still somebody's working directory, or open; and a file may have
 * been deleted together with the directory that it was in. To be made again it needs its name, and
 * the names above it, for a moment.
 */
#include "criu/files/lostdir.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"

int lost_dir_above(const char *path)
{
	char copy[PATH_MAX];
	char *slash;
	int fd = -ENOENT;

	if (path[0] != '/' || strlen(path) >= sizeof(copy))
		return -ENOENT;
	memcpy(copy, path, strlen(path) + 1);
	while (fd == -ENOENT && (slash = strrchr(copy, '/'))) {
		slash[slash == copy] = '\0';
		fd = open(copy, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
		*slash = '\0';
	}
	return fd;
}

/* The directory that ends here, unless it is there. */
static int one_make(struct lost_dirs *l, size_t end)
{
	int r = 0;

	l->path[end] = '\0';
	if (l->nr == LOST_DIRS_MAX)
		r = fail_plain("%s: more than %d directories were removed", l->path, LOST_DIRS_MAX);
	else if (mkdir(l->path, 0700) == 0)
		l->end[l->nr++] = end;
	else if (errno != EEXIST)
		r = fail(errno, "make the directory %s, which was removed", l->path);
	l->path[end] = '/';
	return r;
}

int lost_dirs_make(const char *path, struct lost_dirs *ret)
{
	ret->nr = 0;
	if (strlen(path) >= sizeof(ret->path))
		return fail(ENAMETOOLONG, "%s", path);
	memcpy(ret->path, path, strlen(path) + 1);
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		int r = one_make(ret, (size_t)(slash - path));

		if (r < 0) {
			lost_dirs_remove(ret);
			return r;
		}
	}
	return 0;
}

void lost_dirs_remove(const struct lost_dirs *l)
{
	char path[PATH_MAX];
	int saved = errno;

	for (size_t i = l->nr; i-- > 0;) {
		memcpy(path, l->path, l->end[i]);
		path[l->end[i]] = '\0';
		if (rmdir(path) < 0)
			log_warn("remove the directory %s: %s", path, strerror(errno));
	}
	errno = saved;
}

/* A name that is taken now: beside it, by another. */
static int other_name(char *path, size_t len)
{
	static const char tail[] = ".XXXXXX";

	if (len + sizeof(tail) > PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(path + len, tail, sizeof(tail));
	return mkdtemp(path) ? 0 : -errno;
}

int lost_dir_new(const char *path)
{
	char name[PATH_MAX];
	cleanup_close int fd = -1;
	size_t len = strlen(path);
	int r;

	if (len >= sizeof(name))
		return fail(ENAMETOOLONG, "make a directory");
	memcpy(name, path, len + 1);
	r = mkdir(name, 0700) < 0 ? -errno : 0;
	if (r == -EEXIST)
		r = other_name(name, len);
	if (r < 0)
		return fail(-r, "make it again");
	fd = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? -errno : 0;
	if (rmdir(name) < 0 && r >= 0)
		r = -errno;
	return r < 0 ? fail(-r, "make it again") : take_fd(&fd);
}
