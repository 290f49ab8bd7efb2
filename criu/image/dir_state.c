// SPDX-License-Identifier: GPL-2.0-only
#include "criu/image/dir_state.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/str.h"
#include "images/table.h"

static int subdir_open(int dirfd, const char *name)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

typedef int (*entry_fn)(int dirfd, const char *name, void *arg);

/* Calls fn with each name; positive values of fn are added up. Quiet. */
static int entries_for_each(int dirfd, entry_fn fn, void *arg)
{
	cleanup_closedir DIR *dir = NULL;
	struct dirent *e;
	int fd, sum = 0;

	fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		int err = errno;

		close(fd);
		return -err;
	}
	for (errno = 0; (e = readdir(dir)); errno = 0) {
		int r;

		if (str_eq(e->d_name, ".") || str_eq(e->d_name, ".."))
			continue;
		r = fn(dirfd, e->d_name, arg);
		if (r < 0)
			return r;
		sum += r;
	}
	return errno ? -errno : sum;
}

bool dir_state_has_link(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode);
}

bool dir_state_has(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool is_ahead(int dirfd, const char *name)
{
	struct stat st;

	return str_eq(name, IMAGE_AHEAD_DIR) &&
	       fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

/* Part of a dump, complete or not. */
static bool is_ours(int dirfd, const char *name)
{
	return image_name_known(name) || str_eq(name, STATE_INVENTORY_STAGED) ||
	       is_ahead(dirfd, name) ||
	       (str_eq(name, IMAGE_PARENT_LINK) && dir_state_has_link(dirfd, name));
}

static int entry_count(int dirfd, const char *name, void *arg)
{
	struct dir_state *c = arg;

	if (str_eq(name, STATE_INVENTORY))
		c->inventory = true;
	else if (str_eq(name, STATE_COMMIT))
		c->commit = true;
	else if (str_eq(name, STATE_NEW))
		c->fresh = true;
	else if (is_ours(dirfd, name))
		c->images = true;
	else
		c->other = true;
	return 0;
}

int dir_state_read(int dirfd, struct dir_state *ret)
{
	*ret = (struct dir_state){ 0 };
	return entries_for_each(dirfd, entry_count, ret);
}

/* Where names may be skipped when others are removed meanwhile, another round finds them. */
static int entries_remove(int dirfd, entry_fn fn)
{
	int r;

	do {
		r = entries_for_each(dirfd, fn, NULL);
	} while (r > 0);
	return r;
}

static int file_remove(int dirfd, const char *name)
{
	if (unlinkat(dirfd, name, 0) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}

static int file_remove_ours(int dirfd, const char *name, void *arg)
{
	(void)arg;
	return !is_ahead(dirfd, name) && is_ours(dirfd, name) ? file_remove(dirfd, name) : 0;
}

/* What somebody else has put there stays, and the directory with it. */
static int ahead_remove(int dirfd, const char *name)
{
	cleanup_close int fd = subdir_open(dirfd, name);
	int r = fd < 0 ? fd : entries_remove(fd, file_remove_ours);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTEMPTY ? 0 : -errno;
}

static int entry_remove(int dirfd, const char *name, void *arg)
{
	(void)arg;
	return is_ahead(dirfd, name) ? ahead_remove(dirfd, name) : file_remove(dirfd, name);
}

static int entry_remove_ours(int dirfd, const char *name, void *arg)
{
	return is_ours(dirfd, name) ? entry_remove(dirfd, name, arg) : 0;
}

int dir_state_clear(int dirfd)
{
	int r = entry_remove(dirfd, STATE_INVENTORY, NULL);

	return r < 0 ? r : entries_remove(dirfd, entry_remove_ours);
}

int dir_state_unstage(int dirfd)
{
	cleanup_close int fd = subdir_open(dirfd, STATE_NEW);
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = entries_remove(fd, entry_remove);
	if (r < 0)
		return r;
	return unlinkat(dirfd, STATE_NEW, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int dir_state_stage(int dirfd)
{
	if (mkdirat(dirfd, STATE_NEW, 0700) < 0)
		return -errno;
	return subdir_open(dirfd, STATE_NEW);
}

static int entry_move_up(int dirfd, const char *name, void *arg)
{
	const int *top = arg;

	if (str_eq(name, STATE_INVENTORY))
		return 0;
	return renameat(dirfd, name, *top, name) < 0 ? -errno : 1;
}

int dir_state_finish(int dirfd)
{
	cleanup_close int fd = subdir_open(dirfd, STATE_COMMIT);
	int r;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	if (dir_state_has(fd, STATE_INVENTORY_STAGED)) {
		r = dir_state_clear(dirfd);
		if (r < 0)
			return r;
		if (renameat(fd, STATE_INVENTORY_STAGED, fd, STATE_INVENTORY) < 0)
			return -errno;
	}
	do {
		r = entries_for_each(fd, entry_move_up, &dirfd);
	} while (r > 0);
	if (r < 0)
		return r;
	if (renameat(fd, STATE_INVENTORY, dirfd, STATE_INVENTORY) < 0 && errno != ENOENT)
		return -errno;
	return unlinkat(dirfd, STATE_COMMIT, AT_REMOVEDIR) < 0 ? -errno : 0;
}
