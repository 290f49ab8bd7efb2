// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regular files, directories, and the memory devices. Images: images/regfile.proto. Tests:
 * test/zdtm/static/file_*.
 *
 * A file is its path, and stays where it is: contents are not saved. So that a restore
 * does not run on other contents, its size, mode and, of an ELF file, build id are
 * kept and compared before the first task is made.
 */
#include "criu/files/reg.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/buildid.h"
#include "criu/files/device.h"
#include "criu/files/fown.h"
#include "criu/files/ghost.h"
#include "criu/files/given.h"
#include "criu/files/kinds.h"
#include "criu/files/linkremap.h"
#include "criu/files/lostdir.h"
#include "criu/files/procfile.h"
#include "criu/kernel/ia32.h"
#include "criu/kernel/proc_mount.h"

static const char deleted_suffix[] = " (deleted)";

/* linux/major.h: 1 is mem; null 3, zero 5, full 7, random 8, urandom 9, kmsg 11. */
static bool is_memory_device(const struct stat *st)
{
	unsigned int n = minor(st->st_rdev);

	return S_ISCHR(st->st_mode) && major(st->st_rdev) == 1 &&
	       (n == 3 || n == 5 || n == 7 || n == 8 || n == 9 || n == 11);
}

static bool reg_match(const struct fd_probe *p)
{
	return S_ISREG(p->st.st_mode) || S_ISDIR(p->st.st_mode) || is_memory_device(&p->st) ||
	       (p->info.flags & O_PATH && p->link[0] == '/');
}

int reg_path_check(const char *path, const struct stat *st)
{
	struct stat now;

	if (lstat(path, &now) < 0)
		return -errno;
	return now.st_dev == st->st_dev && now.st_ino == st->st_ino ? 0 : -ESTALE;
}

static int build_id_dump(struct dump *d, const char *path, RegFileEntry *e)
{
	uint8_t id[BUILD_ID_MAX] = { 0 };
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int len;

	if (fd < 0)
		return 0; /* executable but not readable: its size must do */
	len = build_id_read(fd, id);
	if (len < 0)
		return fail(-len, "read the build id of %s", path);
	e->n_build_id = ((size_t)len + 3) / 4;
	e->build_id = arena_dup(&d->arena, id, e->n_build_id * 4);
	return 0;
}

static int reg_write(struct dump *d, uint32_t id, RegFileEntry *reg, const struct stat *st)
{
	FileEntry fe = FILE_ENTRY__INIT;

	reg->id = id;
	reg->has_mode = true;
	reg->mode = st->st_mode;
	if (S_ISREG(st->st_mode)) {
		reg->has_size = true;
		reg->size = (uint64_t)st->st_size;
	}
	if (S_ISCHR(st->st_mode)) {
		reg->has_rdev = true;
		reg->rdev = (uint32_t)st->st_rdev;
	}
	fe.type = FD_TYPES__REG;
	fe.reg = reg;
	return dump_file_write(d, id, &fe);
}

int reg_dump_path(struct dump *d, uint32_t id, const char *path, const struct stat *st,
		  uint32_t flags)
{
	RegFileEntry reg = REG_FILE_ENTRY__INIT;
	FownEntry fown = FOWN_ENTRY__INIT;
	int r = 0;

	reg.name = arena_strdup(&d->arena, path);
	reg.flags = flags;
	reg.fown = &fown;
	if (S_ISREG(st->st_mode))
		r = build_id_dump(d, path, &reg);
	return r < 0 ? r : reg_write(d, id, &reg, st);
}

/* The mount that it was opened on; NULL: crtool sees no such mount. */
static const struct proc_mount *mount_of(const struct proc_mounts *mounts, int id)
{
	for (size_t i = 0; i < mounts->nr; i++)
		if (mounts->v[i].id == id)
			return &mounts->v[i];
	return NULL;
}

/* What is at its path, or where that would be, is of another file system. */
static bool is_hidden(const struct fd_probe *p)
{
	cleanup_close int dir = -1;
	struct stat now;

	if (lstat(p->link, &now) == 0)
		return now.st_dev != p->st.st_dev;
	dir = lost_dir_above(p->link);
	return dir >= 0 && fstat(dir, &now) == 0 && now.st_dev != p->st.st_dev;
}

static const char *evasion_hint(mode_t mode)
{
	return S_ISCHR(mode) ? "try --evasive-devices" : NULL;
}

/* Its path leads elsewhere, or nowhere: why? */
static void elsewhere_block(const struct fd_probe *p, const char *name, int err)
{
	cleanup_proc_mounts struct proc_mounts mounts = { 0 };
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int self = proc_open(getpid());
	const struct proc_mount *m;
	int r = self < 0 ? self : proc_mountinfo_read(self, &b, &mounts);

	m = r < 0 ? NULL : mount_of(&mounts, p->info.mnt_id);
	if (r >= 0 && !m)
		blocker(NULL,
			"%s: %s: on a mount that is nowhere in crtool's mount namespace (detached, "
			"or of another one), which cannot be kept yet",
			name, p->link);
	else if (m && is_hidden(p))
		blocker(NULL,
			"%s: %s: on the mount of %s at %s, which another mount hides; this cannot "
			"be kept yet",
			name, p->link, m->source, m->mountpoint);
	else
		blocker(evasion_hint(p->st.st_mode), "%s: %s: %s", name, p->link,
			err == -ESTALE ? "another file has this name now" : strerror(-err));
}

/* 1: it stands in the way; or -ESTALE. */
static int reg_blocked(const struct dump *d, const struct fd_probe *p)
{
	char name[64];
	int r;

	if (ghost_is(p->link, &p->st))
		return 0;
	if (procfile_blocked(d, p) || link_remap_blocked(d, p))
		return 1;
	if (link_remap_is(p->link, &p->st))
		return 0;
	fd_probe_name(p, name, sizeof(name));
	if (p->link[0] != '/')
		blocker(NULL, "%s: %s cannot be kept yet", name, p->link);
	else if (!p->st.st_nlink ||
		 (str_ends(p->link, deleted_suffix) && reg_path_check(p->link, &p->st) < 0))
		blocker(evasion_hint(p->st.st_mode),
			"%s: %s: a file without a name, which cannot be kept yet", name, p->link);
	else if (p->link_leads || (r = reg_path_check(p->link, &p->st)) >= 0)
		return 0;
	else if (p->link_is_old)
		return -ESTALE;
	else
		elsewhere_block(p, name, r);
	return 1;
}

/* With --evasive-devices: *ret is the same device, found by another path; false: as it is. */
static bool device_elsewhere(struct dump *d, const struct fd_probe *p, struct fd_probe *ret)
{
	char path[PATH_MAX];

	if (!d->s->opts->evasive_devices || !S_ISCHR(p->st.st_mode) ||
	    reg_path_check(p->link, &p->st) == 0 ||
	    device_path(p->st.st_rdev, p->link, path, sizeof(path)) < 0)
		return false;
	*ret = *p;
	ret->link = arena_strdup(&d->arena, path);
	return lstat(path, &ret->st) == 0;
}

static int reg_dump(struct dump *d, const struct fd_probe *p)
{
	RegFileEntry reg = REG_FILE_ENTRY__INIT;
	struct fd_probe device;
	FownEntry fown;
	char name[64];
	int r;

	if (procfile_is_gone(p))
		return procgone_dump(d, p);
	if (device_elsewhere(d, p, &device))
		p = &device;
	r = reg_blocked(d, p);
	if (r)
		return r < 0 ? r : 0;
	if (procfile_is_of_thread(p))
		map_put(&d->late_files, p->id, d);
	r = fown_dump_probe(p, &fown);
	if (r >= 0 && ghost_is(p->link, &p->st))
		r = ghost_dump(d, p->id, fd_probe_name(p, name, sizeof(name)), p->link, p->lfd,
			       &p->st);
	else if (r >= 0 && link_remap_is(p->link, &p->st))
		r = link_remap_dump(d, p, p->id);
	if (r < 0)
		return r;
	reg.name = ghost_name(&d->arena, p->link, &p->st);
	reg.flags = fd_probe_flags(p);
	/* Also of a description that was opened later, through /proc. */
	if (ghost_is_nameless(p->link, &p->st))
		reg.flags |= O_TMPFILE;
	reg.pos = (uint64_t)p->info.pos;
	reg.fown = &fown;
	return reg_write(d, p->id, &reg, &p->st);
}

/* --- restore ------------------------------------------------------------------ */

static int size_check(const struct restore *r, const RegFileEntry *e, const struct stat *st)
{
	/* A file that is written to may have grown by others; what is mapped or read must not
	 * have shrunk. Only an exact size says that it is the file that was left. */
	if (!e->has_size || !S_ISREG(st->st_mode) || (uint64_t)st->st_size == e->size)
		return 0;
	(void)r;
	return fail_hint(fail_plain("%s has %lld bytes, the dump knew it with %llu", e->name,
				    (long long)st->st_size, (unsigned long long)e->size),
			 "bring the file back as it was");
}

static int mode_check(const struct restore *r, const RegFileEntry *e, const struct stat *st)
{
	static const mode_t rwx = S_IRWXU | S_IRWXG | S_IRWXO;

	if (!e->has_mode)
		return 0;
	if ((e->mode & S_IFMT) != (st->st_mode & S_IFMT))
		return fail_plain("%s is another type of file now (mode %o, was %o)", e->name,
				  st->st_mode, e->mode);
	if (S_ISCHR(e->mode) && r->s->opts->evasive_devices)
		return 0;
	if (!r->s->opts->skip_file_rwx_check && (e->mode & rwx) != (st->st_mode & rwx))
		return fail_hint(fail_plain("%s has mode %o, the dump knew it with %o", e->name,
					    st->st_mode & 07777, e->mode & 07777),
				 "chmod it back, or try --skip-file-rwx-check");
	return 0;
}

/* A device is its number, whatever its name. */
static int device_check(const RegFileEntry *e, const struct stat *st)
{
	uint32_t now = (uint32_t)st->st_rdev;

	if (!e->has_rdev || !S_ISCHR(st->st_mode) || e->rdev == now)
		return 0;
	return fail_hint(fail_plain("%s is another device now (%u:%u, was %u:%u)", e->name,
				    major(now), minor(now), major(e->rdev), minor(e->rdev)),
			 "make it as it was (mknod), or try --evasive-devices");
}

/* What root may not do either: the file system is for reading only, the file immutable. What others
 * may not, is told when the first process cannot be made. */
static int access_check(const RegFileEntry *e, const struct stat *st)
{
	int err;

	if (!S_ISREG(st->st_mode) || e->flags & O_PATH || (e->flags & O_ACCMODE) == O_RDONLY)
		return 0;
	err = faccessat(AT_FDCWD, e->name, W_OK, AT_EACCESS) < 0 ? errno : 0;
	if (!err || err == EACCES)
		return 0;
	return fail_hint(fail(err, "open %s for writing", e->name),
			 err == EROFS ? "mount its file system for writing, as it was"
				      : "let it be written to, as it could be");
}

static int build_id_check(const struct restore *r, const RegFileEntry *e, int fd)
{
	uint8_t id[BUILD_ID_MAX] = { 0 };
	int len;

	if (!e->n_build_id || r->s->opts->validate_size_only)
		return 0;
	len = build_id_read(fd, id);
	if (len < 0)
		return fail(-len, "read the build id of %s", e->name);
	if (((size_t)len + 3) / 4 == e->n_build_id &&
	    !memcmp(id, e->build_id, e->n_build_id * sizeof(*e->build_id)))
		return 0;
	return fail_hint(fail_plain("%s is another build than the one that was mapped", e->name),
			 "install the same version, or try --file-validation filesize");
}

static int reg_check(struct restore *r, const RegFileEntry *e)
{
	cleanup_close int fd = -1;
	struct stat st;
	int ret;

	if (e->name[0] != '/')
		return fail_plain("%s is not an absolute path", e->name);
	if (lstat(e->name, &st) < 0) {
		ret = fail(errno, "%s", e->name);
		return e->has_rdev ? fail_hint(ret, "try --evasive-devices") : ret;
	}
	ret = mode_check(r, e, &st);
	if (ret >= 0)
		ret = device_check(e, &st);
	if (ret >= 0)
		ret = size_check(r, e, &st);
	if (ret >= 0)
		ret = access_check(e, &st);
	if (ret < 0 || !e->n_build_id)
		return ret;
	fd = open(e->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? 0 : build_id_check(r, e, fd);
}

void reg_evade(struct restore *r, RegFileEntry *e)
{
	const ProtobufCAllocator *a = r->messages;
	char path[PATH_MAX], *name;

	if (!r->s->opts->evasive_devices || !e->has_rdev || !e->has_mode || !S_ISCHR(e->mode) ||
	    device_path(e->rdev, e->name, path, sizeof(path)) < 0 || str_eq(path, e->name))
		return;
	name = a->alloc(a->allocator_data, strlen(path) + 1);
	memcpy(name, path, strlen(path) + 1);
	a->free(a->allocator_data, e->name);
	e->name = name;
}

static int reg_given(struct restore *r, const FileEntry *fe, struct given_name *ret)
{
	(void)r;
	if (!fe->reg)
		return 0;
	snprintf(ret->text, sizeof(ret->text), "%s", fe->reg->name);
	ret->flags = fe->reg->flags;
	ret->fown = fe->reg->fown;
	return 1;
}

static int reg_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	if (!fe->reg)
		return fail_plain("has no part of a regular file");
	if (fe->reg->ext)
		return fail_hint(fail_plain("%s stays outside of the images", fe->reg->name),
				 "try --inherit-fd fd[N]:%s", fe->reg->name);
	f->is_late = procfile_is_late(r, fe->reg->name);
	reg_evade(r, fe->reg);
	if (ghost_of(r, f->id) || procfile_is_later(r, fe->reg->name))
		return 0;
	/* The name of a terminal, which another one may take the place of. */
	if (!f->owner && fe->reg->has_mode && S_ISCHR(fe->reg->mode))
		return 0;
	return reg_check(r, fe->reg);
}

/* What 32-bit programs have opened lacks O_LARGEFILE, which the 64-bit call adds; unless the file
 * has grown since. */
static int open_again(const struct restore *r, const char *name, uint32_t was, int flags)
{
	int fd = -EOVERFLOW;

	if (r->has_compat && !(was & IA32_O_LARGEFILE))
		fd = ia32_open(name, flags);
	if (fd == -EOVERFLOW)
		return open(name, flags);
	if (fd < 0)
		errno = -fd;
	return fd < 0 ? -1 : fd;
}

/* What open(2) did once it must not do again. O_NONBLOCK: a FIFO that has taken the name must not
 * hold us up; it is refused by its mode. */
static int open_flags(uint32_t was)
{
	uint32_t flags = was & ~(uint32_t)FLAGS_OF_OPEN;

	if ((flags & O_TMPFILE) == O_TMPFILE)
		flags &= ~(uint32_t)O_TMPFILE;
	return (int)(flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

int reg_open_link(const struct restore *r, const char *link, uint32_t flags)
{
	cleanup_close int fd = open_again(r, link, flags, open_flags(flags) & ~O_NOFOLLOW);

	if (fd < 0 || (!(flags & (O_NONBLOCK | O_PATH)) && fcntl(fd, F_SETFL, (int)flags) < 0))
		return -errno;
	return take_fd(&fd);
}

int reg_open(struct restore *r, const RegFileEntry *e, uint32_t flags)
{
	const struct ghost *g = ghost_of(r, e->id);
	cleanup_close int fd = -1;
	char path[32];
	struct stat st;
	int ret;

	if (g)
		ghost_path(g, path, sizeof(path));
	fd = open_again(r, g ? path : e->name, flags, open_flags(flags) & (g ? ~O_NOFOLLOW : ~0));
	if (fd < 0)
		return fail(errno, "open %s", e->name);
	if (fstat(fd, &st) < 0)
		return fail(errno, "stat %s", e->name);
	ret = mode_check(r, e, &st);
	if (ret < 0)
		return ret;
	if (!(flags & (O_NONBLOCK | O_PATH)) && fcntl(fd, F_SETFL, (int)flags) < 0)
		return fail(errno, "F_SETFL of %s", e->name);
	return take_fd(&fd);
}

int reg_find(struct restore *r, uint32_t id, const RegFileEntry **ret)
{
	const struct file *f = restore_find_file(r, id);

	if (!f || f->entry->type != FD_TYPES__REG || !f->entry->reg)
		return fail_plain("files.img: there is no regular file with id %u", id);
	*ret = f->entry->reg;
	return 0;
}

static int reg_restore(struct restore *r, struct file *f)
{
	const RegFileEntry *e = f->entry->reg;
	cleanup_close int fd = reg_open(r, e, e->flags);
	int ret;

	if (fd < 0)
		return fd;
	if (!(e->flags & O_PATH)) {
		if (e->pos && lseek(fd, (off_t)e->pos, SEEK_SET) < 0)
			return fail(errno, "%s: seek to %llu", e->name, (unsigned long long)e->pos);
		ret = fown_restore(fd, e->fown);
		if (ret < 0)
			return fail_at(ret, "%s", e->name);
	}
	return take_fd(&fd);
}

const struct file_kind reg_kind = {
	.name = "file",
	.type = FD_TYPES__REG,
	.size = sizeof(struct file),
	.match = reg_match,
	.dump = reg_dump,
	.load = reg_load,
	.given = reg_given,
	.open = reg_restore,
	.late = reg_restore,
};
