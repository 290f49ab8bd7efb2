// SPDX-License-Identifier: GPL-2.0-only
/*
 * memfd_create(2): a file of an internal tmpfs, that lives as long as somebody has it open or
 * mapped. Its contents are stored as those of shared memory are. Images: images/memfd.proto.
 * Tests: test/zdtm/static/memfd*.
 *
 * On the way back crtool makes it before the first fork, with all that is in it. Tasks open it
 * through their copy of crtool's descriptor, which is for reading: it may be executed.
 *
 * Seals come when the contents are there. F_SEAL_FUTURE_WRITE alone allows what it finds, and
 * nothing more: where somebody has the file mapped for writing, crtool waits until the mapping is
 * made.
 */
#include "criu/files/memfd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/ghost.h"
#include "criu/files/given.h"
#include "criu/files/kinds.h"
#include "criu/files/reg.h"
#include "criu/files/xattr.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"
#include "criu/kernel/uapi.h"
#include "criu/mem/load.h"
#include "criu/mem/shmem.h"
#include "criu/mem/vma.h"
#include "images/memfd.pb-c.h"

#define LINK_BYTES 512 /* a name has 249 bytes at most */
#define MODE_BITS  07777
#define SIZE_LIMIT (1ull << 62)
#define NSEC       1000000000ull
#define ALL_SEALS                                                                                  \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE |          \
	 F_SEAL_EXEC)

#define HUGE_BITS (MFD_HUGETLB | (uint32_t)MAP_HUGE_MASK << MAP_HUGE_SHIFT)

static const char prefix[] = "/memfd:", suffix[] = " (deleted)";

struct memfd_seen {
	uint32_t id, seals;
};

/* All of them are on mounts of the kernel's: one for each size of pages. */
static uint64_t memfd_key(const struct stat *st)
{
	return st->st_ino ^ (uint64_t)st->st_dev << 48;
}

bool memfd_is(const char *link, const struct stat *st)
{
	return S_ISREG(st->st_mode) && str_starts(link, prefix) && str_ends(link, suffix) &&
	       !st->st_nlink && !ghost_is(link, st);
}

static bool memfd_match(const struct fd_probe *p)
{
	return memfd_is(p->link, &p->st);
}

/* MFD_HUGETLB and the size of its pages, or 0. */
static int hugetlb_flags(int fd, uint32_t *ret)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return fail(errno, "statfs");
	*ret = fs.f_type == HUGETLBFS_MAGIC
		   ? MFD_HUGETLB | (uint32_t)__builtin_ctzll((unsigned long long)fs.f_bsize)
				       << MAP_HUGE_SHIFT
		   : 0;
	return 0;
}

static uint64_t nsec(struct timespec t)
{
	return (uint64_t)t.tv_sec * NSEC + (uint64_t)t.tv_nsec;
}

static int inode_write(struct dump *d, struct memfd_seen *m, const char *name, int fd,
		       const struct stat *st)
{
	MemfdInodeEntry e = MEMFD_INODE_ENTRY__INIT;
	int seals = fcntl(fd, F_GET_SEALS), r = 0;
	struct xattrs x = { 0 };

	if (seals < 0)
		return fail(errno, "F_GET_SEALS");
	r = hugetlb_flags(fd, &e.hugetlb_flag);
	if (r >= 0)
		r = xattrs_read(&d->arena, fd, &x);
	if (r < 0)
		return r;
	e.xattrs = x.v;
	e.n_xattrs = x.nr;
	e.has_hugetlb_flag = e.hugetlb_flag != 0;
	e.name = (char *)(uintptr_t)name;
	e.uid = st->st_uid;
	e.gid = st->st_gid;
	e.size = (uint64_t)st->st_size;
	e.shmid = shmem_next_id(d);
	e.seals = m->seals = (uint32_t)seals;
	e.inode_id = m->id;
	e.has_mode = true;
	e.mode = st->st_mode;
	e.has_atime = e.has_mtime = true;
	e.atime = nsec(st->st_atim);
	e.mtime = nsec(st->st_mtim);
	if (!d->memfd_img)
		r = image_writer_open(d->s->images, IMAGE_MEMFD_INODE, 0, &d->memfd_img);
	if (r >= 0)
		r = image_write(d->memfd_img, &e.base);
	return r < 0 ? r : shmem_dump_file(d, fd, st->st_size, e.shmid);
}

/* The file behind link, once for all that have it. */
static int inode_dump(struct dump *d, const char *link, const struct stat *st,
		      const struct memfd_seen **ret)
{
	char target[LINK_BYTES];
	/* The task's own description may be for writing only. */
	cleanup_close int fd = open(link, O_RDONLY | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
	ssize_t len = readlink(link, target, sizeof(target) - 1);
	struct memfd_seen *m;
	const char *name = target + strlen(prefix);
	int r;

	if (fd < 0 || len < 0)
		return fail(errno, "open %s", link);
	target[len] = '\0';
	if (!memfd_is(target, st))
		return fail_plain("%s leads to %s now", link, target);
	target[len - (ssize_t)strlen(suffix)] = '\0';
	*ret = m = map_get(&d->memfds, memfd_key(st));
	if (m)
		return 0;
	*ret = m = arena_alloc(&d->arena, sizeof(*m));
	m->id = (uint32_t)d->memfds.nr + 1;
	map_put(&d->memfds, memfd_key(st), m);
	r = inode_write(d, m, name, fd, st);
	return r < 0 ? fail_at(r, "memfd %s", name) : 0;
}

static int entry_write(struct dump *d, MemfdFileEntry *e)
{
	FileEntry fe = FILE_ENTRY__INIT;

	fe.type = FD_TYPES__MEMFD;
	fe.memfd = e;
	return dump_file_write(d, e->id, &fe);
}

int memfd_dump_mapped(struct dump *d, uint32_t id, const char *link, const struct stat *st,
		      uint32_t flags)
{
	MemfdFileEntry e = MEMFD_FILE_ENTRY__INIT;
	FownEntry fown = FOWN_ENTRY__INIT;
	const struct memfd_seen *m = NULL;
	int r = inode_dump(d, link, st, &m);

	if (r < 0 || !m)
		return r;
	e.inode_id = m->id;
	e.id = id;
	e.flags = flags;
	e.fown = &fown;
	r = entry_write(d, &e);
	if (r < 0)
		return r;
	return m->seals & F_SEAL_WRITE ? MAPPED_MEMFD_READONLY : MAPPED_MEMFD;
}

static int memfd_dump(struct dump *d, const struct fd_probe *p)
{
	MemfdFileEntry e = MEMFD_FILE_ENTRY__INIT;
	FownEntry fown;
	const struct memfd_seen *m = NULL;
	char link[32];
	int r = fown_dump_probe(p, &fown);

	snprintf(link, sizeof(link), "/proc/self/fd/%d", p->lfd);
	if (r >= 0)
		r = inode_dump(d, link, &p->st, &m);
	if (r < 0 || !m)
		return r;
	e.inode_id = m->id;
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.pos = (uint64_t)p->info.pos;
	e.fown = &fown;
	return entry_write(d, &e);
}

int memfds_dump_end(struct dump *d)
{
	return d->memfd_img ? image_writer_close(&d->memfd_img) : 0;
}

/* --- restore ------------------------------------------------------------------ */

struct memfd {
	MemfdInodeEntry *e;
	int fd; /* for reading, which tasks have too */
	int late_fd; /* to add seals when all is mapped; -1: there are none */
	struct memfd *next;
};

static struct memfd *memfd_find(const struct restore *r, uint64_t id)
{
	return map_get(&r->memfd_ids, id);
}

static int inode_check(const MemfdInodeEntry *e)
{
	if (e->seals & ~(uint32_t)ALL_SEALS)
		return fail_plain("seals %#x, which this crtool does not know", e->seals);
	if (e->size > SIZE_LIMIT)
		return fail_plain("a memfd of %llu bytes", (unsigned long long)e->size);
	if (e->has_mode && !S_ISREG(e->mode))
		return fail_plain("a memfd of mode %o", e->mode);
	if (e->has_hugetlb_flag && e->hugetlb_flag & ~HUGE_BITS)
		return fail_plain("huge pages of kind %#x", e->hugetlb_flag);
	return xattrs_check(&(struct xattrs){ e->xattrs, e->n_xattrs });
}

static int inode_load(struct restore *r, MemfdInodeEntry *e)
{
	bool twice = memfd_find(r, e->inode_id);
	struct memfd *m = arena_alloc(&r->arena, sizeof(*m));

	*m = (struct memfd){ e, -1, -1, r->memfds };
	r->memfds = m;
	if (!twice)
		map_put(&r->memfd_ids, e->inode_id, m);
	if (twice)
		return fail_plain("memfd.img: memfd %llu twice", (unsigned long long)e->inode_id);
	return fail_at(inode_check(e), "memfd.img: memfd %llu", (unsigned long long)e->inode_id);
}

int memfds_load(struct restore *r)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int ret = image_reader_open(r->s->images, IMAGE_MEMFD_INODE, 0, &img);

	if (ret <= 0)
		return ret;
	while ((ret = image_read_from(img, r->messages, &m)) > 0) {
		ret = inode_load(r, (MemfdInodeEntry *)m);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	return ret < 0 ? ret : blockers_fail();
}

static int memfd_given(struct restore *r, const FileEntry *fe, struct given_name *ret)
{
	const struct memfd *m = fe->memfd ? memfd_find(r, fe->memfd->inode_id) : NULL;

	if (!m)
		return 0;
	snprintf(ret->text, sizeof(ret->text), "/memfd:%s", m->e->name);
	ret->flags = fe->memfd->flags;
	ret->fown = fe->memfd->fown;
	return 1;
}

static int memfd_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	(void)f;
	if (!fe->memfd)
		return fail_plain("has no part of a memfd");
	if (!memfd_find(r, fe->memfd->inode_id))
		return fail_plain("memfd.img has no memfd %u", fe->memfd->inode_id);
	return 0;
}

static bool is_mapped_for_writing(const struct restore *r, const struct memfd *m)
{
	struct task *t;

	tasks_for_each(t, &r->tree) {
		const MmEntry *mm = task_is_alive(t) ? t->restore->mm : NULL;

		for (size_t i = 0; mm && i < mm->n_vmas; i++) {
			const VmaEntry *v = mm->vmas[i];
			const struct file *f = v->status & VMA_FILE_SHARED
						   ? restore_find_file(r, (uint32_t)v->shmid)
						   : NULL;

			if (f && f->kind == &memfd_kind && v->fdflags & O_ACCMODE &&
			    f->entry->memfd->inode_id == m->e->inode_id)
				return true;
		}
	}
	return false;
}

/* Not all systems let it be made executable (vm.memfd_noexec); before Linux 6.3 all are. */
static int empty_make(const MemfdInodeEntry *e)
{
	bool noexec = e->seals & F_SEAL_EXEC && !(e->mode & 0111);
	unsigned int flags =
	    MFD_CLOEXEC | MFD_ALLOW_SEALING | (e->has_hugetlb_flag ? e->hugetlb_flag : 0);
	int fd = memfd_create(e->name, flags | (noexec ? MFD_NOEXEC_SEAL : MFD_EXEC));

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create(e->name, flags);
	return fd < 0 ? fail(errno, "memfd_create") : fd;
}

static int attributes_restore(const MemfdInodeEntry *e, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(errno, "stat");
	if ((st.st_uid != e->uid || st.st_gid != e->gid) && fchown(fd, e->uid, e->gid) < 0)
		return fail(errno, "change its owner to %u:%u", e->uid, e->gid);
	if (e->has_mode && st.st_mode != e->mode && fchmod(fd, e->mode & MODE_BITS) < 0)
		return fail(errno, "change its mode to %o", e->mode & MODE_BITS);
	return xattrs_set(fd, &(struct xattrs){ e->xattrs, e->n_xattrs });
}

static int seals_add(const struct memfd *m, int fd)
{
	if (!m->e->seals || fcntl(fd, F_ADD_SEALS, (int)m->e->seals) == 0)
		return 0;
	return fail(errno, "add seals %#x", m->e->seals);
}

static int memfd_make(struct restore *r, struct memfd *m)
{
	cleanup_close int fd = empty_make(m->e);
	int ret;

	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)m->e->size) < 0)
		return fail(errno, "make it %llu bytes long", (unsigned long long)m->e->size);
	ret = shmem_fill(r, &(struct shmem_target){ m->e->shmid, m->e->size, 0, fd });
	if (ret >= 0)
		ret = attributes_restore(m->e, fd);
	if (ret >= 0)
		ret = m->fd = service_fd_readonly(r, fd);
	if (ret < 0)
		return ret;
	if (m->e->seals & F_SEAL_FUTURE_WRITE && !(m->e->seals & F_SEAL_WRITE) &&
	    is_mapped_for_writing(r, m))
		return m->late_fd = service_fd(r, take_fd(&fd));
	return seals_add(m, fd);
}

int memfds_make(struct restore *r)
{
	for (struct memfd *m = r->memfds; m; m = m->next) {
		int ret = memfd_make(r, m);

		if (ret < 0)
			return fail_at(ret, "memfd %s", m->e->name);
	}
	return 0;
}

static struct timespec time_of(bool known, uint64_t ns)
{
	if (!known)
		return (struct timespec){ .tv_nsec = UTIME_OMIT };
	return (struct timespec){ (time_t)(ns / NSEC), (long)(ns % NSEC) };
}

/* It has been mapped since, which is an access, too. */
static int times_restore(const struct memfd *m)
{
	const MemfdInodeEntry *e = m->e;
	struct timespec times[] = { time_of(e->has_atime, e->atime),
				    time_of(e->has_mtime, e->mtime) };

	return futimens(m->fd, times) < 0 ? fail(errno, "set its times") : 0;
}

int memfds_arm(struct restore *r)
{
	for (struct memfd *m = r->memfds; m; m = m->next) {
		int ret = m->late_fd >= 0 ? seals_add(m, m->late_fd) : 0;

		if (ret >= 0)
			ret = times_restore(m);

		if (ret < 0)
			return fail_at(ret, "memfd %s", m->e->name);
	}
	return 0;
}

void memfds_done(struct restore *r)
{
	for (struct memfd *m = r->memfds; m; m = m->next) {
		if (m->fd >= 0)
			close(m->fd);
		if (m->late_fd >= 0)
			close(m->late_fd);
		protobuf_c_message_free_unpacked(&m->e->base, r->messages);
	}
	r->memfds = NULL;
	map_done(&r->memfd_ids);
}

int memfd_open_mapped(const struct restore *r, const struct file *f, uint32_t flags)
{
	const struct memfd *m = memfd_find(r, f->entry->memfd->inode_id);
	char link[32];
	int fd;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", m->fd);
	fd = reg_open_link(r, link, flags);
	return fd < 0 ? fail(-fd, "open memfd %s", m->e->name) : fd;
}

static int memfd_open(struct restore *r, struct file *f)
{
	const MemfdFileEntry *e = f->entry->memfd;
	cleanup_close int fd = memfd_open_mapped(r, f, e->flags);
	int ret = 0;

	if (fd < 0 || e->flags & O_PATH)
		return take_fd(&fd);
	if (e->pos && lseek(fd, (off_t)e->pos, SEEK_SET) < 0)
		return fail(errno, "seek to %llu", (unsigned long long)e->pos);
	ret = fown_restore(fd, e->fown);
	return ret < 0 ? ret : take_fd(&fd);
}

const struct file_kind memfd_kind = {
	.name = "memfd",
	.type = FD_TYPES__MEMFD,
	.size = sizeof(struct file),
	.match = memfd_match,
	.dump = memfd_dump,
	.load = memfd_load,
	.given = memfd_given,
	.open = memfd_open,
};
