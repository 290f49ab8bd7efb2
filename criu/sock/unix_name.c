// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of unix sockets. A name is the bytes that were given to bind(2); a path has a file besides.
 *
 * A file of a socket stays when the socket is gone, also that of a tree that was dumped: it is
 * replaced, if no living socket has it. A socket whose file was removed keeps the name: it is bound
 * in an empty directory that is the root for the moment, and its file goes with that.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/sockios.h>
#include <linux/un.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/kernel/unix_diag.h"
#include "criu/sock/unix.h"

void unix_name_text(const uint8_t *name, size_t len, char *buf, size_t size)
{
	buf[0] = '\0';
	if (len && name[0])
		snprintf(buf, size, " %.*s", (int)len, (const char *)name);
	else if (len)
		snprintf(buf, size, " @%.*s", (int)len - 1, (const char *)name + 1);
	str_make_line(buf);
}

static socklen_t address_of_name(const struct unix_file *u, struct sockaddr_un *ret)
{
	size_t len = u->name_len < sizeof(ret->sun_path) ? u->name_len : sizeof(ret->sun_path);

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	memcpy(ret->sun_path, u->name, len);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int bind_name(int fd, const struct unix_file *u)
{
	struct sockaddr_un addr;
	socklen_t len = address_of_name(u, &addr);
	char name[UNIX_NAME_MAX + 3];
	mode_t mask = umask(0777);
	int r = bind(fd, (void *)&addr, len) < 0 ? -errno : 0;

	umask(mask);
	if (r >= 0)
		return 0;
	unix_name_text(u->name, u->name_len, name, sizeof(name));
	return fail_hint(fail(-r, "bind to%s", name), r == -EADDRINUSE && !u->name[0]
							  ? "stop the process that has this name"
							  : "is its directory still there?");
}

/* --- a file that stays ------------------------------------------------------------ */

struct living {
	const struct stat *st;
	bool found;
};

static int is_living(const struct unix_diag *d, void *ctx)
{
	struct living *l = ctx;

	/* The device as the kernel numbers it: MKDEV(). */
	l->found |= d->has_file && d->file_ino == (uint32_t)l->st->st_ino &&
		    d->file_dev == (major(l->st->st_dev) << 20 | minor(l->st->st_dev));
	return 0;
}

static int make_room(int dir, const char *path, bool *ret_was_there)
{
	struct stat st;
	struct living l = { &st, false };
	int r;

	*ret_was_there = false;
	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : fail(errno, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return fail_plain("bind to %s: there is a file of this name that is no socket",
				  path);
	r = unix_diag_each(is_living, &l);
	if (r < 0)
		return fail(-r, "read the list of unix sockets");
	if (l.found)
		return fail_hint(fail_plain("bind to %s: another socket has this name", path),
				 "stop the process that has it");
	if (unlinkat(dir, path, 0) < 0)
		return fail(errno, "remove %s", path);
	*ret_was_there = true;
	return 0;
}

/* By the socket, not by its path: somebody else may be quick. */
static int perms_set(int fd, const char *name, const FilePermsEntry *perms)
{
	cleanup_close int file = ioctl(fd, SIOCUNIXFILE);
	char link[32];

	if (file < 0)
		return fail(errno, "SIOCUNIXFILE of %s", name);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	if (fchownat(file, "", perms->uid, perms->gid, AT_EMPTY_PATH) < 0)
		return fail(errno, "chown %s", name);
	return chmod(link, perms->mode & 07777) < 0 ? fail(errno, "chmod %s", name) : 0;
}

static int bind_file(int fd, const struct unix_file *u, bool *ret_was_there)
{
	const FilePermsEntry *perms = u->e->file_perms;
	const char *path = (const char *)u->name;
	int r = make_room(AT_FDCWD, path, ret_was_there);

	if (r >= 0)
		r = bind_name(fd, u);
	return r < 0 || !perms ? r : perms_set(fd, path, perms);
}

/* fn from another working directory. */
static int bind_in(int fd, const struct unix_file *u, const char *dir, bool *ret_was_there)
{
	cleanup_close int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (back < 0 || chdir(dir) < 0)
		return fail(errno, "directory %s", dir);
	r = bind_file(fd, u, ret_was_there);
	if (fchdir(back) < 0)
		return fail(errno, "back to the working directory");
	return r;
}

int unix_name_check(const struct unix_file *u)
{
	const char *in = u->name[0] == '/' ? "" : u->e->name_dir;
	char path[PATH_MAX], dir[PATH_MAX];
	const char *sep = in && in[0] ? "/" : "";
	int err;

	if (!u->name[0] || u->e->deleted || !in)
		return 0;
	if (snprintf(path, sizeof(path), "%s%s%s", in, sep, (const char *)u->name) >=
	    (int)sizeof(path))
		return fail(ENAMETOOLONG, "bind to %s", (const char *)u->name);
	memcpy(dir, path, sizeof(dir));
	err = faccessat(AT_FDCWD, dirname(dir), W_OK, AT_EACCESS) < 0 ? errno : 0;
	if (!err || err == EACCES)
		return 0;
	return fail_hint(fail(err, "bind to %s", path),
			 err == EROFS ? "mount its file system for writing, as it was"
				      : "is its directory still there?");
}

void unix_unbind(const struct unix_file *u)
{
	cleanup_free char *path = NULL;
	const char *dir = u->e->name_dir;

	if (u->name[0] == '/')
		unlink((const char *)u->name);
	else if (dir && asprintf(&path, "%s/%s", dir, (const char *)u->name) >= 0)
		unlink(path);
}

/* --- a file that is gone ------------------------------------------------------------ */

/* The directories of a path, from here; or, last first, without them again. */
static int dirs_make(char *path)
{
	for (char *p = strchr(path + 1, '/'); p; p = strchr(p + 1, '/')) {
		int r;

		*p = '\0';
		r = mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
		*p = '/';
		if (r < 0)
			return fail(-r, "mkdir for %s", path);
	}
	return 0;
}

static void dirs_remove(char *path)
{
	char *p;

	while ((p = strrchr(path, '/')) && p != path) {
		*p = '\0';
		rmdir(path);
	}
}

static int bind_below(int fd, const struct unix_file *u, const char *root)
{
	char path[UNIX_NAME_MAX + 1] = "";
	int r;

	memcpy(path, u->name, u->name_len);
	if (chroot(root) < 0 || chdir("/") < 0)
		return fail(errno, "chroot to %s", root);
	r = dirs_make(path);
	if (r >= 0)
		r = bind_name(fd, u);
	unlink(path);
	dirs_remove(path);
	return r;
}

/* The first place where one can be made. */
static bool scratch_make(char *ret, size_t size)
{
	static const char *const places[] = { "/tmp", "/dev/shm", "/run" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		snprintf(ret, size, "%s/crtool-unix-XXXXXX", places[i]);
		if (mkdtemp(ret))
			return true;
	}
	return false;
}

static int bind_gone(int fd, const struct unix_file *u)
{
	cleanup_close int cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char dir[32];
	int r;

	if (cwd < 0 || root < 0)
		return fail(errno, "open the root directory");
	if (!scratch_make(dir, sizeof(dir)))
		return fail(errno, "make a directory in /tmp, /dev/shm or /run");
	r = bind_below(fd, u, dir);
	if (fchdir(root) < 0 || chroot(".") < 0 || fchdir(cwd) < 0)
		return fail(errno, "back to the root directory");
	rmdir(dir);
	return r;
}

int unix_bind(int fd, const struct unix_file *u, bool deleted, bool *ret_made, bool *ret_was_there)
{
	int r;

	if (!u->name[0])
		return bind_name(fd, u);
	if (deleted)
		return bind_gone(fd, u);
	if (u->name[0] == '/')
		r = bind_file(fd, u, ret_was_there);
	else if (u->e->name_dir)
		r = bind_in(fd, u, u->e->name_dir, ret_was_there);
	else
		return fail_plain("a relative name %s without a directory", (const char *)u->name);
	*ret_made = r >= 0;
	return r;
}

/* --- by descriptor ------------------------------------------------------------------ */

int unix_address(int target, struct sockaddr_un *ret, unsigned int *ret_len, int *ret_fd)
{
	socklen_t len = sizeof(*ret);

	*ret_fd = -1;
	if (getsockname(target, (void *)ret, &len) < 0)
		return -errno;
	if (len <= offsetof(struct sockaddr_un, sun_path))
		return -EDESTADDRREQ;
	if (ret->sun_path[0]) {
		*ret_fd = ioctl(target, SIOCUNIXFILE);
		if (*ret_fd < 0)
			return -errno;
		*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
		snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d", *ret_fd);
		len = sizeof(*ret);
	}
	*ret_len = len;
	return 0;
}

int unix_connect_to(int fd, int target)
{
	struct sockaddr_un addr = { 0 };
	unsigned int len = 0;
	cleanup_close int file = -1;
	int r = unix_address(target, &addr, &len, &file);

	if (r >= 0 && connect(fd, (void *)&addr, len) < 0)
		r = -errno;
	return r;
}
