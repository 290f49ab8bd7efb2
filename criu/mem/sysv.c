// SPDX-License-Identifier: GPL-2.0-only
/*
 * shmat(2): a segment has a number, and often a key, by which others find it. It stays when nobody
 * has it attached any more, unless it was marked to go with the last one (IPC_RMID).
 *
 * Its state is read by shmctl(IPC_STAT), its contents through /proc/PID/map_files. The number is
 * the inode that a mapping shows. Images: images/ipc.proto, and pagemap-shmem-ID.img with the
 * contents. Tests: test/zdtm/static/shm_sysv*.
 *
 * On the way back the segment may still be there. It is the same one if number, key, size, creator
 * and time of creation are. If others have it attached, it is theirs, too, and left as it is; if
 * nobody has, it gets the contents that it had. Then it may also be younger: made by a restore
 * before this one. Otherwise it is made again, with its number
 * (/proc/sys/kernel/shm_next_id). crtool attaches it in the hole, before the first fork; tasks map
 * it to its place as they do with other shared memory.
 */
#include "criu/mem/sysv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"
#include "criu/mem/load.h"
#include "criu/mem/shmem.h"
#include "criu/mem/vma.h"
#include "images/ipc.pb-c.h"

#define NEXT_ID     "/proc/sys/kernel/shm_next_id"
#define IPC_NS      3 /* the number of crtool's own namespace in images: task/core.c */
#define TRIES       16
#define PERMISSIONS 0777
#define SIZE_LIMIT  (1ull << 46)

/* shm_perm.mode, besides permissions: linux/shm.h */
#define MODE_DEST   01000
#define MODE_LOCKED 02000

/* --- dump ------------------------------------------------------------------------- */

struct sysv_seen {
	int id;
	struct sysv_seen *next;
};

bool sysv_is(const struct proc_vma *v)
{
	return v->shared && v->deleted && !v->dev_major && str_starts(v->path, "/SYSV") &&
	       strlen(v->path) == strlen("/SYSV") + 8;
}

static int entry_write(struct dump *d, const struct shmid_ds *ds, int id)
{
	IpcShmEntry e = IPC_SHM_ENTRY__INIT;
	IpcDescEntry desc = IPC_DESC_ENTRY__INIT;
	int r = 0;

	desc.key = (uint32_t)ds->shm_perm.__key;
	desc.uid = ds->shm_perm.uid;
	desc.gid = ds->shm_perm.gid;
	desc.cuid = ds->shm_perm.cuid;
	desc.cgid = ds->shm_perm.cgid;
	desc.mode = ds->shm_perm.mode;
	desc.id = (uint32_t)id;
	e.desc = &desc;
	e.size = ds->shm_segsz;
	e.has_in_pagemaps = e.in_pagemaps = true;
	e.has_ctime = true;
	e.ctime = ds->shm_ctime;
	if (!d->sysv_img)
		r = image_writer_open(d->s->images, IMAGE_IPCNS_SHM, IPC_NS, &d->sysv_img);
	return r < 0 ? r : image_write(d->sysv_img, &e.base);
}

/* A file of that name would have another inode, or be on another device. */
static int segment_open(const struct task *t, const struct proc_vma *v, int *ret)
{
	cleanup_close int like = memfd_create("crtool", MFD_CLOEXEC);
	cleanup_close int fd = -1;
	struct stat st, own;
	char path[80];

	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", (int)task_tid(t),
		 (unsigned long long)v->start, (unsigned long long)v->end);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, "open %s", path);
	if (like < 0 || fstat(fd, &st) < 0 || fstat(like, &own) < 0)
		return fail(errno, "stat %s", path);
	if (st.st_dev != own.st_dev)
		return 0;
	*ret = take_fd(&fd);
	return 1;
}

static int segment_write(struct dump *d, const struct task *t, const struct proc_vma *v, int id)
{
	cleanup_close int fd = -1;
	struct shmid_ds ds;
	int r = segment_open(t, v, &fd);

	if (r <= 0) {
		if (r == 0)
			blocker(NULL, "pid %d (%s): mapping %llx-%llx: %s (deleted) is a file",
				(int)t->pid, t->comm, (unsigned long long)v->start,
				(unsigned long long)v->end, v->path);
		return r;
	}
	if (shmctl(id, IPC_STAT, &ds) < 0)
		return fail(errno, "shared memory segment %d", id);
	r = entry_write(d, &ds, id);
	return r < 0 ? r : shmem_dump_file(d, fd, (off_t)PAGE_UP(ds.shm_segsz), (uint64_t)id);
}

int sysv_dump(struct dump *d, const struct task *t, const struct proc_vma *v, VmaEntry *e)
{
	int id = (int)v->ino;
	struct sysv_seen *s;

	e->shmid = v->ino;
	e->has_fdflags = true;
	e->fdflags = v->vmflags & PROC_VMF(MW) ? O_RDWR : O_RDONLY;
	for (s = d->sysv; s; s = s->next)
		if (s->id == id)
			return 0;
	s = arena_alloc(&d->arena, sizeof(*s));
	*s = (struct sysv_seen){ id, d->sysv };
	d->sysv = s;
	return segment_write(d, t, v, id);
}

int sysv_dump_end(struct dump *d)
{
	return d->sysv_img ? image_writer_close(&d->sysv_img) : 0;
}

/* --- restore ---------------------------------------------------------------------- */

struct sysv_segment {
	const IpcShmEntry *e;
	bool rw, ro; /* how mappings need it */
	bool made; /* it was not there */
	uint64_t at_rw, at_ro; /* in the hole */
	struct sysv_segment *next;
};

static int id_of(const struct sysv_segment *g)
{
	return (int)g->e->desc->id;
}

static struct sysv_segment *segment_find(const struct restore *r, uint64_t id)
{
	for (struct sysv_segment *g = r->sysv; g; g = g->next)
		if (g->e->desc->id == id)
			return g;
	return NULL;
}

static bool can_write(const VmaEntry *v)
{
	return v->has_fdflags ? (v->fdflags & O_ACCMODE) == O_RDWR : v->prot & PROT_WRITE;
}

static int entry_add(struct restore *r, const IpcShmEntry *e)
{
	struct sysv_segment *g;

	if (!e->in_pagemaps || e->has_hugetlb_flag)
		return fail_plain("shared memory segment %u: a kind that cannot be restored yet",
				  e->desc->id);
	if (e->desc->id > INT32_MAX || !e->size || e->size > SIZE_LIMIT ||
	    segment_find(r, e->desc->id))
		return fail_plain("shared memory segment %u of %llu bytes", e->desc->id,
				  (unsigned long long)e->size);
	g = arena_alloc(&r->arena, sizeof(*g));
	*g = (struct sysv_segment){ .e = e, .next = r->sysv };
	r->sysv = g;
	return 0;
}

static int image_load(struct restore *r)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int err = image_reader_open(r->s->images, IMAGE_IPCNS_SHM, IPC_NS, &img);

	if (err <= 0)
		return err;
	while ((err = image_read_from(img, r->messages, &m)) > 0) {
		err = entry_add(r, (const IpcShmEntry *)m);
		if (err < 0) {
			fail_at(err, "%s", image_reader_where(img));
			break;
		}
	}
	image_reader_free(img);
	return err;
}

static int mappings_check(struct restore *r, const struct task *t)
{
	const MmEntry *mm = t->restore->mm;

	for (size_t i = 0; mm && i < mm->n_vmas; i++) {
		const VmaEntry *v = mm->vmas[i];
		struct sysv_segment *g;

		if (!(v->status & VMA_SYSVIPC))
			continue;
		g = segment_find(r, v->shmid);
		if (!g || v->pgoff > SIZE_LIMIT ||
		    v->pgoff + (v->end - v->start) > PAGE_UP(g->e->size))
			return fail_plain("mapping %llx-%llx: no part of a shared memory segment",
					  (unsigned long long)v->start, (unsigned long long)v->end);
		if (can_write(v))
			g->rw = true;
		else
			g->ro = true;
	}
	return 0;
}

int sysv_load(struct restore *r)
{
	const struct task *t;
	int err = image_load(r);

	if (err < 0)
		return err;
	tasks_for_each(t, &r->tree) {
		err = mappings_check(r, t);
		if (err < 0)
			return task_fail_at(err, t);
	}
	return 0;
}

/* crtool itself needs it for writing, to fill it. */
uint64_t sysv_layout(struct restore *r, uint64_t at)
{
	for (struct sysv_segment *g = r->sysv; g; g = g->next) {
		g->at_rw = at;
		at += PAGE_UP(g->e->size);
		g->at_ro = g->ro ? at : 0;
		if (g->ro)
			at += PAGE_UP(g->e->size);
	}
	return at;
}

static bool is_the_same(const struct sysv_segment *g, const struct shmid_ds *ds)
{
	const IpcDescEntry *desc = g->e->desc;

	return (uint32_t)ds->shm_perm.__key == desc->key && ds->shm_segsz == g->e->size &&
	       ds->shm_perm.cuid == desc->cuid && ds->shm_perm.cgid == desc->cgid &&
	       (!g->e->has_ctime || ds->shm_ctime == g->e->ctime || !ds->shm_nattch);
}

static int next_id_set(int id)
{
	cleanup_close int fd = open(NEXT_ID, O_WRONLY | O_CLOEXEC);
	char text[16];
	int r;

	snprintf(text, sizeof(text), "%d", id);
	if (fd < 0)
		return fail(errno, "open " NEXT_ID);
	r = io_write(fd, text, strlen(text));
	return r < 0 ? fail(-r, "write %s to " NEXT_ID, text) : 0;
}

/* In a process of its own: whoever makes a segment is its creator for ever. */
static void make_as(const struct sysv_segment *g, int *ret_id) __attribute__((noreturn));

static void make_as(const struct sysv_segment *g, int *ret_id)
{
	const IpcDescEntry *desc = g->e->desc;

	if (setegid(desc->cgid) == 0 && seteuid(desc->cuid) == 0)
		*ret_id = shmget((key_t)desc->key, g->e->size,
				 (int)(desc->mode & PERMISSIONS) | IPC_CREAT | IPC_EXCL);
	_exit(*ret_id < 0 ? errno : 0);
}

/* The number that it has got, or -errno. */
static int make_anywhere(const struct sysv_segment *g)
{
	int *id = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status, ret;
	pid_t pid;

	if (id == MAP_FAILED)
		return -errno;
	*id = -1;
	pid = fork();
	if (pid == 0)
		make_as(g, id);
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		ret = -errno;
	else if (*id >= 0)
		ret = *id;
	else
		ret = WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
	munmap(id, PAGE_BYTES);
	return ret;
}

/* Anybody may take the number meanwhile; then it may be free again soon. */
static int segment_make(struct sysv_segment *g)
{
	const IpcDescEntry *desc = g->e->desc;

	for (int i = 0; i < TRIES; i++) {
		int id = next_id_set(id_of(g));

		if (id < 0)
			return id;
		id = make_anywhere(g);
		if (id == -EEXIST)
			return fail_hint(
			    fail_plain("its key %#x is that of another segment now", desc->key),
			    "remove that one (ipcrm -M)");
		if (id < 0)
			return fail(-id, "shmget of %llu bytes", (unsigned long long)g->e->size);
		if (id == id_of(g)) {
			g->made = true;
			return 0;
		}
		shmctl(id, IPC_RMID, NULL);
	}
	return fail_plain("its number cannot be had");
}

static int perms_restore(const struct sysv_segment *g)
{
	const IpcDescEntry *desc = g->e->desc;
	struct shmid_ds ds;

	if (shmctl(id_of(g), IPC_STAT, &ds) < 0)
		return fail(errno, "IPC_STAT");
	ds.shm_perm.uid = desc->uid;
	ds.shm_perm.gid = desc->gid;
	ds.shm_perm.mode = (unsigned short)(desc->mode & PERMISSIONS);
	if (shmctl(id_of(g), IPC_SET, &ds) < 0)
		return fail(errno, "IPC_SET");
	if (desc->mode & MODE_LOCKED && shmctl(id_of(g), SHM_LOCK, NULL) < 0)
		return fail(errno, "SHM_LOCK");
	return 0;
}

static int attach(const struct sysv_segment *g, uint64_t at, int flags)
{
	void *to = (void *)(uintptr_t)at;

	return shmat(id_of(g), to, flags | SHM_REMAP) == to ? 0 : fail(errno, "shmat");
}

/* Others may have changed it since, and it is to be as it was. */
static int contents_restore(struct restore *r, const struct sysv_segment *g)
{
	if (!g->made)
		madvise((void *)(uintptr_t)g->at_rw, PAGE_UP(g->e->size), MADV_REMOVE);
	return shmem_fill(
	    r, &(struct shmem_target){ g->e->desc->id, PAGE_UP(g->e->size), g->at_rw, -1 });
}

static int segment_find_or_make(struct sysv_segment *g, bool *ret_is_alone)
{
	struct shmid_ds ds;
	int r;

	*ret_is_alone = true;
	if (shmctl(id_of(g), IPC_STAT, &ds) < 0) {
		if (errno != EINVAL && errno != EIDRM)
			return fail(errno, "IPC_STAT");
		r = segment_make(g);
		return r < 0 ? r : perms_restore(g);
	}
	if (!is_the_same(g, &ds))
		return fail_hint(fail_plain("another segment has this number now (key %#x)",
					    (unsigned int)ds.shm_perm.__key),
				 "remove that one (ipcrm -m)");
	*ret_is_alone = ds.shm_nattch == 0;
	if (!*ret_is_alone)
		log_info("shared memory segment %d is in use: it stays as it is", id_of(g));
	return 0;
}

static int segment_attach(struct restore *r, struct sysv_segment *g)
{
	bool is_alone;
	int err = segment_find_or_make(g, &is_alone);

	if (err >= 0)
		err = attach(g, g->at_rw, 0);
	if (err >= 0 && is_alone)
		err = contents_restore(r, g);
	if (err >= 0 && g->ro)
		err = attach(g, g->at_ro, SHM_RDONLY);
	/* From here on it goes with the last that has it. */
	if (err >= 0 && g->e->desc->mode & MODE_DEST && g->made &&
	    shmctl(id_of(g), IPC_RMID, NULL) < 0)
		err = fail(errno, "IPC_RMID");
	return err;
}

int sysv_make(struct restore *r)
{
	for (struct sysv_segment *g = r->sysv; g; g = g->next) {
		int err;

		g->at_rw += r->hole;
		g->at_ro += g->ro ? r->hole : 0;
		err = segment_attach(r, g);
		if (err < 0)
			return fail_at(err, "shared memory segment %d", id_of(g));
	}
	return 0;
}

void sysv_undo(struct restore *r)
{
	for (struct sysv_segment *g = r->sysv; g; g = g->next)
		if (g->made)
			shmctl(id_of(g), IPC_RMID, NULL);
}

uint64_t sysv_at(const struct restore *r, const VmaEntry *v)
{
	const struct sysv_segment *g = segment_find(r, v->shmid);

	return can_write(v) ? g->at_rw : g->at_ro;
}

bool sysv_is_readonly(const VmaEntry *v)
{
	return !can_write(v);
}
