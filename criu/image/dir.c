// SPDX-License-Identifier: GPL-2.0-only
#include "criu/image/dir.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/image/dir_state.h"

#define PARENT_CHAIN_MAX 256

enum dir_mode { DIR_READ, DIR_CREATE, DIR_JOIN, DIR_NOWHERE };

struct image_dir {
	enum dir_mode mode;
	int top; /* the directory */
	int fd; /* where its images are: top, or .crtool-new in it */
	bool locked, committed;
	unsigned int parents; /* how many links we came along */
	char *path;
};

/* 0: locked, 1: this filesystem has no locks, -EWOULDBLOCK: somebody else has it. */
static int dir_lock(int fd, int operation)
{
	while (flock(fd, operation) < 0) {
		switch (errno) {
		case EINTR:
			continue;
		case EBADF: /* NFS: flock needs a descriptor for writing */
		case EINVAL:
		case ENOSYS:
		case EOPNOTSUPP:
		case ENOLCK:
			return 1;
		default:
			return -errno;
		}
	}
	return 0;
}

static int dir_open_fd(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? fail(errno, "images directory %s", path) : fd;
}

/* Takes the descriptor. */
static struct image_dir *dir_new(int fd, const char *path, enum dir_mode mode)
{
	struct image_dir *d = mem_alloc(sizeof(*d));

	d->mode = mode;
	d->top = d->fd = fd;
	d->path = mem_strdup(path);
	return d;
}

/* A committed dump that did not reach its place: its writer is at it, or died. */
static int dir_finish(struct image_dir *d)
{
	int r;

	r = dir_lock(d->top, LOCK_EX);
	if (r < 0)
		return fail(-r, "%s: lock", d->path);
	r = dir_state_finish(d->top);
	flock(d->top, LOCK_UN);
	if (r < 0)
		return fail_hint(fail(-r, "%s: finish the replacement of a dump by the one in %s",
				      d->path, STATE_COMMIT),
				 "open it once where it is writable");
	return 0;
}

/* Why there is no dump to be read. */
static int dir_incomplete(const struct image_dir *d)
{
	struct dir_state c;
	int r;

	r = dir_state_read(d->top, &c);
	if (r < 0)
		return fail(-r, "%s: list", d->path);
	if (dir_lock(d->top, LOCK_SH | LOCK_NB) == -EWOULDBLOCK)
		return fail_plain("%s: the dump in it is still being written", d->path);
	flock(d->top, LOCK_UN);
	if (c.images || c.fresh)
		return fail_plain("%s: an unfinished dump: it has images, but no %s", d->path,
				  STATE_INVENTORY);
	if (c.other)
		return fail_plain("%s: not a dump: it has no %s", d->path, STATE_INVENTORY);
	return fail_plain("%s: not a dump: the directory is empty", d->path);
}

static int dir_complete(struct image_dir *d)
{
	int r;

	/* Twice: a commit may have begun between the two questions. */
	for (unsigned int i = 0; i < 2; i++) {
		if (dir_state_has(d->top, STATE_COMMIT)) {
			r = dir_finish(d);
			if (r < 0)
				return r;
		}
		if (dir_state_has(d->top, STATE_INVENTORY))
			return 0;
	}
	return dir_incomplete(d);
}

int image_dir_open(const char *path, struct image_dir **ret)
{
	struct image_dir *d;
	int r, fd;

	fd = dir_open_fd(path);
	if (fd < 0)
		return fd;
	d = dir_new(fd, path, DIR_READ);
	r = dir_complete(d);
	if (r < 0) {
		image_dir_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

int image_dir_open_parent(const struct image_dir *d, struct image_dir **ret)
{
	char target[PATH_MAX], path[2 * PATH_MAX];
	struct image_dir *parent;
	ssize_t len;
	int fd;

	len = readlinkat(d->fd, IMAGE_PARENT_LINK, target, sizeof(target) - 1);
	if (len < 0)
		return errno == ENOENT ? 0 : fail(errno, "%s/%s", d->path, IMAGE_PARENT_LINK);
	target[len] = '\0';
	if (d->parents == PARENT_CHAIN_MAX)
		return fail_plain("%s: more than %d dumps linked by %s, or a loop", d->path,
				  PARENT_CHAIN_MAX, IMAGE_PARENT_LINK);
	/* A dump that is still staged will stand one level higher. */
	fd = openat(d->top, target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, "%s/%s: %s", d->path, IMAGE_PARENT_LINK, target);
	if (target[0] == '/')
		snprintf(path, sizeof(path), "%s", target);
	else
		snprintf(path, sizeof(path), "%s/%s", d->path, target);
	parent = dir_new(fd, path, DIR_READ);
	parent->parents = d->parents + 1;
	*ret = parent;
	return 1;
}

static int dir_lock_writer(struct image_dir *d)
{
	int r = dir_lock(d->top, LOCK_EX | LOCK_NB);

	if (r == -EWOULDBLOCK)
		return fail_plain("%s: another crtool is writing a dump into it", d->path);
	if (r < 0)
		return fail(-r, "%s: lock", d->path);
	d->locked = r == 0;
	return 0;
}

/* Beside a complete dump the new one is staged, else it is written in place. */
static int dir_prepare(struct image_dir *d)
{
	struct dir_state c;
	int r;

	r = dir_state_finish(d->top);
	if (r < 0)
		return fail(-r, "%s: finish the replacement of a dump by the one in %s", d->path,
			    STATE_COMMIT);
	r = dir_state_read(d->top, &c);
	if (r < 0)
		return fail(-r, "%s: list", d->path);
	if (c.fresh) {
		r = dir_state_unstage(d->top);
		if (r < 0)
			return fail(-r, "%s: remove the remains of a dump, %s", d->path, STATE_NEW);
	}
	if (!c.inventory) {
		r = c.images ? dir_state_clear(d->top) : 0;
		return r < 0 ? fail(-r, "%s: remove an unfinished dump", d->path) : 0;
	}
	r = dir_state_stage(d->top);
	if (r < 0)
		return fail(-r, "%s: make %s", d->path, STATE_NEW);
	d->fd = r;
	return 0;
}

int image_dir_create(const char *path, struct image_dir **ret)
{
	struct image_dir *d;
	int r, fd;

	fd = dir_open_fd(path);
	if (fd < 0)
		return fd;
	d = dir_new(fd, path, DIR_CREATE);
	r = dir_lock_writer(d);
	if (r >= 0)
		r = dir_prepare(d);
	if (r < 0) {
		d->mode = DIR_JOIN; /* nothing of ours is in it */
		image_dir_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

int image_dir_nowhere(struct image_dir **ret)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return fail(errno, "open /dev/null");
	*ret = dir_new(fd, "/dev/null", DIR_NOWHERE);
	return 0;
}

bool image_dir_is_nowhere(const struct image_dir *d)
{
	return d->mode == DIR_NOWHERE;
}

static int file_nowhere(const struct image_dir *d)
{
	int fd = fcntl(d->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? fail(errno, "duplicate the descriptor of %s", d->path) : fd;
}

int image_dir_join(const char *path, struct image_dir **ret)
{
	int fd = dir_open_fd(path);

	if (fd < 0)
		return fd;
	*ret = dir_new(fd, path, DIR_JOIN);
	return 0;
}

int image_dir_set_parent(struct image_dir *d, const char *target)
{
	assert(d->mode != DIR_READ);
	if (d->mode == DIR_JOIN && dir_state_has_link(d->fd, IMAGE_PARENT_LINK))
		unlinkat(d->fd, IMAGE_PARENT_LINK, 0);
	if (symlinkat(target, d->fd, IMAGE_PARENT_LINK) < 0)
		return fail(errno, "%s: symlink %s to %s", d->path, IMAGE_PARENT_LINK, target);
	return 0;
}

/* A new directory, or -EEXIST. */
static int ahead_make(const struct image_dir *d)
{
	int fd;

	if (mkdirat(d->fd, IMAGE_AHEAD_DIR, 0700) < 0)
		return errno == EEXIST ? -EEXIST
				       : fail(errno, "%s: make %s", d->path, IMAGE_AHEAD_DIR);
	fd = openat(d->fd, IMAGE_AHEAD_DIR, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? fail(errno, "%s/%s", d->path, IMAGE_AHEAD_DIR) : fd;
}

int image_dir_create_ahead(struct image_dir *d, struct image_dir **ret)
{
	char target[PATH_MAX], longer[PATH_MAX + 3], path[PATH_MAX];
	struct image_dir *ahead;
	ssize_t len = readlinkat(d->fd, IMAGE_PARENT_LINK, target, sizeof(target) - 1);
	int fd, r;

	assert(d->mode == DIR_CREATE && !d->committed);
	if (len < 0)
		return fail(errno, "%s/%s", d->path, IMAGE_PARENT_LINK);
	target[len] = '\0';
	fd = ahead_make(d);
	if (fd < 0)
		return fd == -EEXIST ? 0 : fd;
	snprintf(path, sizeof(path), "%s/%s", d->path, IMAGE_AHEAD_DIR);
	ahead = dir_new(fd, path, DIR_CREATE);
	snprintf(longer, sizeof(longer), "%s%s", target[0] == '/' ? "" : "../", target);
	r = image_dir_set_parent(ahead, longer);
	if (r >= 0 && unlinkat(d->fd, IMAGE_PARENT_LINK, 0) < 0)
		r = fail(errno, "%s: remove %s", d->path, IMAGE_PARENT_LINK);
	if (r >= 0)
		r = image_dir_set_parent(d, IMAGE_AHEAD_DIR);
	if (r < 0) {
		image_dir_free(ahead);
		return r;
	}
	*ret = ahead;
	return 1;
}

int image_dir_renew_inventory(struct image_dir *d)
{
	assert(d->mode == DIR_JOIN);
	if (renameat(d->top, STATE_INVENTORY_STAGED, d->top, STATE_INVENTORY) < 0)
		return fail(errno, "%s: rename %s to %s", d->path, STATE_INVENTORY_STAGED,
			    STATE_INVENTORY);
	return 0;
}

int image_dir_commit(struct image_dir *d)
{
	int r;

	assert(d->mode == DIR_CREATE && !d->committed);
	if (d->fd == d->top) {
		if (renameat(d->top, STATE_INVENTORY_STAGED, d->top, STATE_INVENTORY) < 0)
			return fail(errno, "%s: rename %s to %s", d->path, STATE_INVENTORY_STAGED,
				    STATE_INVENTORY);
		d->committed = true;
		return 0;
	}
	if (!dir_state_has(d->fd, STATE_INVENTORY_STAGED))
		return fail(errno, "%s/%s/%s", d->path, STATE_NEW, STATE_INVENTORY_STAGED);
	if (renameat(d->top, STATE_NEW, d->top, STATE_COMMIT) < 0)
		return fail(errno, "%s: rename %s to %s", d->path, STATE_NEW, STATE_COMMIT);
	d->committed = true;
	r = dir_state_finish(d->top);
	if (r < 0)
		return fail(-r, "%s: put the dump in %s in place of the old one", d->path,
			    STATE_COMMIT);
	close(d->fd);
	d->fd = d->top;
	return 0;
}

static void dir_abandon(const struct image_dir *d)
{
	int r;

	r = d->fd == d->top ? dir_state_clear(d->top) : dir_state_unstage(d->top);
	if (r < 0)
		fail(-r, "%s: remove the unfinished dump", d->path);
}

struct image_dir *image_dir_free(struct image_dir *d)
{
	int saved = errno;

	if (!d)
		return NULL;
	if (d->mode == DIR_CREATE && !d->committed)
		dir_abandon(d);
	/* A child that was forked meanwhile may still hold the same description. */
	if (d->locked)
		flock(d->top, LOCK_UN);
	if (d->fd != d->top)
		close(d->fd);
	close(d->top);
	free(d->path);
	free(d);
	errno = saved;
	return NULL;
}

int image_dir_fd(const struct image_dir *d)
{
	return d->fd;
}

const char *image_dir_path(const struct image_dir *d)
{
	return d->path;
}

int image_dir_open_file(const struct image_dir *d, enum image_kind kind, uint64_t id, int *ret_fd,
			uint64_t *ret_size)
{
	char name[IMAGE_NAME_MAX];
	cleanup_close int fd = -1;
	struct stat st;

	image_file_name(kind, id, name);
	/* O_NONBLOCK: do not wait for the writer of a planted FIFO. */
	fd = openat(d->fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 && errno == ELOOP)
		return fail_plain("%s/%s: is a symbolic link", d->path, name);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(errno, "%s/%s", d->path, name);
	if (!S_ISREG(st.st_mode))
		return fail_plain("%s/%s: not a regular file", d->path, name);
	*ret_size = (uint64_t)st.st_size;
	*ret_fd = take_fd(&fd);
	return 1;
}

int image_dir_stat_file(const struct image_dir *d, enum image_kind kind, uint64_t id,
			uint64_t *ret_size)
{
	char name[IMAGE_NAME_MAX];
	struct stat st;

	image_file_name(kind, id, name);
	if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(errno, "%s/%s", d->path, name);
	if (S_ISLNK(st.st_mode))
		return fail_plain("%s/%s: is a symbolic link", d->path, name);
	if (!S_ISREG(st.st_mode))
		return fail_plain("%s/%s: not a regular file", d->path, name);
	*ret_size = (uint64_t)st.st_size;
	return 1;
}

int image_dir_create_file(struct image_dir *d, enum image_kind kind, uint64_t id)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	char name[IMAGE_NAME_MAX];
	int fd;

	assert(d->mode != DIR_READ && !d->committed);
	if (d->mode == DIR_NOWHERE)
		return file_nowhere(d);
	image_file_name(kind, id, name);
	if (kind == IMAGE_INVENTORY) {
		snprintf(name, sizeof(name), "%s", STATE_INVENTORY_STAGED);
	}
	fd = openat(d->fd, name, flags, 0600);
	if (fd < 0 && errno == EEXIST && d->mode == DIR_JOIN && unlinkat(d->fd, name, 0) == 0)
		fd = openat(d->fd, name, flags, 0600);
	if (fd < 0)
		return fail(errno, "%s/%s: create", d->path, name);
	return fd;
}

static int fd_raise(int *fd, int lowest)
{
	int up = fcntl(*fd, F_DUPFD_CLOEXEC, lowest);

	if (up < 0)
		return fail(errno, "no descriptor number from %d on", lowest);
	close(*fd);
	*fd = up;
	return 0;
}

int image_dir_raise_fd(struct image_dir *d, int lowest)
{
	bool same = d->fd == d->top;
	int r = fd_raise(&d->top, lowest);

	if (same)
		d->fd = d->top;
	else if (r >= 0)
		r = fd_raise(&d->fd, lowest);
	return r;
}
