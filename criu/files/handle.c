// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"

#define KERNEL_MINOR_BITS 20 /* linux/kdev_t.h */

/* The kernel's number of a device in that of stat(2). */
static dev_t handle_dev(uint64_t dev)
{
	return makedev((unsigned int)(dev >> KERNEL_MINOR_BITS),
		       (unsigned int)(dev & ((1u << KERNEL_MINOR_BITS) - 1)));
}

/* What a path is compared by; st_dev of stat(2) need not be that of mountinfo (btrfs). */
static bool leads_to(const char *path, const struct stat *st)
{
	struct stat now;

	return lstat(path, &now) == 0 && now.st_dev == st->st_dev && now.st_ino == st->st_ino;
}

/* By way of one mount of the file system. 0: not that way. */
static int path_by_mount(const struct proc_mount *m, struct file_handle *h, char *path, size_t size)
{
	cleanup_close int mnt = open(m->mountpoint, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	cleanup_close int fd = -1;
	char link[32];
	struct stat st;
	ssize_t n;

	if (mnt < 0)
		return 0;
	fd = open_by_handle_at(mnt, h, O_PATH | O_CLOEXEC);
	if (fd < 0 && errno == EPERM)
		return fail_hint(fail(EPERM, "open a file by its handle"),
				 "run crtool with CAP_DAC_READ_SEARCH");
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, size - 1);
	if (n <= 0)
		return 0;
	path[n] = '\0';
	return path[0] == '/' && leads_to(path, &st);
}

static int mounts_read(struct dump *d, struct proc_mounts *ret)
{
	cleanup_close int self = proc_open(getpid());
	int r = self < 0 ? self : proc_mountinfo_read(self, &d->buf, ret);

	return r < 0 ? fail(-r, "read /proc/self/mountinfo") : 0;
}

/* It is what is found at its place: no other mount is over it. */
static bool is_on_top(const struct proc_mount *m)
{
	struct statx st;

	return statx(AT_FDCWD, m->mountpoint, AT_NO_AUTOMOUNT, STATX_MNT_ID, &st) == 0 &&
	       (!(st.stx_mask & STATX_MNT_ID) || st.stx_mnt_id == (uint64_t)m->id);
}

int mount_path(struct dump *d, int id, uint64_t dev, char **ret)
{
	cleanup_proc_mounts struct proc_mounts mounts = { 0 };
	int r = mounts_read(d, &mounts);

	for (size_t i = 0; i < mounts.nr && !r; i++) {
		const struct proc_mount *m = &mounts.v[i];
		bool wanted =
		    id >= 0 ? m->id == id : makedev(m->dev_major, m->dev_minor) == handle_dev(dev);

		if (wanted && is_on_top(m)) {
			*ret = arena_strdup(&d->arena, m->mountpoint);
			r = 1;
		}
	}
	return r;
}

static int path_find(struct dump *d, struct file_handle *h, uint64_t dev, char *path, size_t size)
{
	cleanup_proc_mounts struct proc_mounts mounts = { 0 };
	int r = mounts_read(d, &mounts);

	for (size_t i = 0; i < mounts.nr && !r; i++) {
		const struct proc_mount *m = &mounts.v[i];

		if (makedev(m->dev_major, m->dev_minor) == handle_dev(dev))
			r = path_by_mount(m, h, path, size);
	}
	return r;
}

int handle_dump(struct dump *d, const struct proc_handle *h, uint64_t dev, FhEntry **ret)
{
	FhEntry *e = arena_message(&d->arena, FhEntry, FH_ENTRY__INIT);
	struct {
		struct file_handle h;
		uint8_t bytes[PROC_HANDLE_MAX];
	} handle = { .h = { .handle_bytes = h->bytes, .handle_type = (int)h->type } };
	char path[PATH_MAX];
	int r;

	memcpy(handle.h.f_handle, h->data, h->bytes);
	r = path_find(d, &handle.h, dev, path, sizeof(path));
	if (r <= 0)
		return r;
	e->bytes = h->bytes;
	e->type = h->type;
	e->n_handle = FH_ENTRY_SIZES__min_entries;
	e->handle = arena_alloc(&d->arena, e->n_handle * sizeof(*e->handle));
	memcpy(e->handle, h->data, h->bytes);
	e->path = arena_strdup(&d->arena, path);
	*ret = e;
	return 1;
}
