// SPDX-License-Identifier: GPL-2.0-only
/*
 * memfd_secret(2): memory that only those see who have it mapped; not even the kernel has it in its
 * own mapping, so neither process_vm_readv(2) nor /proc/PID/mem can read it. It cannot be opened
 * again either: there is one description of it. Images: images/secretmem.proto. Tests:
 * test/zdtm/static/secretmem*.
 *
 * Where somebody has the descriptor, crtool maps it. Where all have closed it, the parasite copies
 * what is mapped. Pages that were never touched are not, and so stay. The images have it in clear.
 */
#include "criu/files/secretmem.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"
#include "criu/kernel/syscalls.h"
#include "criu/pie/abi/parasite.h"
#include "criu/task/ask.h"

#define SIZE_MAX_KEPT (128ull << 20) /* a record of an image has 256 MiB at most */
#define MODE_BITS     07777
#define PAUSE_NS      20000
#define PAUSES        250000 /* at least five seconds */

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

struct secret_seen {
	uint32_t id;
};

bool secretmem_is(const char *link, const struct stat *st)
{
	return S_ISREG(st->st_mode) && str_eq(link, "/secretmem (deleted)");
}

static bool secretmem_match(const struct fd_probe *p)
{
	return secretmem_is(p->link, &p->st);
}

static void run_add(struct dump *d, SecretmemEntry *e, uint64_t offset, const void *data,
		    uint64_t len)
{
	SecretmemRunEntry **more = arena_array(&d->arena, SecretmemRunEntry *, e->n_runs + 1);
	SecretmemRunEntry *run =
	    arena_message(&d->arena, SecretmemRunEntry, SECRETMEM_RUN_ENTRY__INIT);

	for (size_t i = 0; i < e->n_runs; i++)
		more[i] = e->runs[i];
	run->offset = offset;
	run->data.len = len;
	run->data.data = arena_dup(&d->arena, data, len);
	more[e->n_runs++] = run;
	e->runs = more;
}

static SecretmemEntry *entry_new(struct dump *d, const struct stat *st, uint32_t flags)
{
	SecretmemEntry *e = arena_message(&d->arena, SecretmemEntry, SECRETMEM_ENTRY__INIT);

	e->flags = flags;
	e->size = (uint64_t)st->st_size;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->mode = st->st_mode;
	return e;
}

static int secret_write(struct dump *d, uint32_t id, SecretmemEntry *e, FownEntry *fown,
			uint64_t ino)
{
	FileEntry fe = FILE_ENTRY__INIT;
	ExtFileEntry ext = EXT_FILE_ENTRY__INIT;
	struct secret_seen *s = arena_alloc(&d->arena, sizeof(*s));

	s->id = id;
	map_put(&d->secretmems, ino, s);
	ext.id = id;
	ext.fown = fown;
	ext.secretmem = e;
	fe.type = FD_TYPES__EXT;
	fe.ext = &ext;
	return dump_file_write(d, id, &fe);
}

/* --- by its descriptor -------------------------------------------------------------- */

static int contents_read(struct dump *d, int fd, SecretmemEntry *e)
{
	size_t len = PAGE_UP(e->size), pages = len / PAGE_BYTES;
	cleanup_free unsigned char *there = mem_alloc(pages + 1);
	uint8_t *at = len ? mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0) : NULL;
	int err = 0;

	if (!len)
		return 0;
	if (at == MAP_FAILED)
		return fail(errno, "map secret memory");
	if (mincore(at, len, there) < 0)
		err = -errno;
	for (size_t i = 0, to; i < pages && !err; i = to) {
		for (to = i + 1; to < pages && there[to] == there[i];)
			to++;
		if (there[i] & 1)
			run_add(d, e, i * PAGE_BYTES, at + i * PAGE_BYTES, (to - i) * PAGE_BYTES);
	}
	munmap(at, len);
	return err < 0 ? fail(-err, "mincore of secret memory") : 0;
}

static int secretmem_dump(struct dump *d, const struct fd_probe *p)
{
	SecretmemEntry *e = entry_new(d, &p->st, fd_probe_flags(p));
	char name[64];
	FownEntry fown;
	int r;

	if (e->size > SIZE_MAX_KEPT) {
		blocker(NULL, "%s: secret memory of %llu bytes, which cannot be kept yet",
			fd_probe_name(p, name, sizeof(name)), (unsigned long long)e->size);
		return 0;
	}
	r = fown_dump_probe(p, &fown);
	if (r >= 0)
		r = contents_read(d, p->lfd, e);
	return r < 0 ? r : secret_write(d, p->id, e, &fown, p->st.st_ino);
}

/* --- by the parasite ---------------------------------------------------------------- */

struct copying {
	struct dump *d;
	SecretmemEntry *e;
	const struct proc_vma *v;
};

/* What the parasite has put into its file. */
static int copy_take(const struct copying *c, int fd)
{
	off_t len = (off_t)(c->v->end - c->v->start), at = 0, end;

	while ((at = lseek(fd, at, SEEK_DATA)) >= 0 && at < len) {
		cleanup_free uint8_t *data = NULL;
		int err;

		end = lseek(fd, at, SEEK_HOLE);
		if (end < 0)
			return -errno;
		data = mem_alloc((size_t)(end - at));
		err = io_pread(fd, data, (size_t)(end - at), at);
		if (err < 0)
			return err;
		run_add(c->d, c->e, c->v->pgoff + (uint64_t)at, data, (uint64_t)(end - at));
		at = end;
	}
	return at < 0 && errno != ENXIO ? -errno : 0;
}

static int copy_wait(const struct copying *c, const struct task *t, const struct remote *r)
{
	const struct timespec pause = { 0, PAUSE_NS };
	struct parasite_secret_args now = { .fd = -1 };
	cleanup_close int pidfd = sys_pidfd_open(t->pid, 0);
	cleanup_close int fd = -1;

	for (unsigned int i = 0; i < PAUSES && now.fd < 0; i++) {
		int err = tracee_mem_read(r->pid, r->data, &now, sizeof(now));

		if (err >= 0)
			err = now.err;
		if (err < 0)
			return err;
		if (now.fd < 0)
			nanosleep(&pause, NULL);
	}
	if (now.fd < 0 || pidfd < 0)
		return pidfd < 0 ? pidfd : -ETIMEDOUT;
	fd = sys_pidfd_getfd(pidfd, now.fd);
	return fd < 0 ? fd : copy_take(c, fd);
}

static int copy_ask(void *ctx, const struct task *t, struct remote *r)
{
	const struct copying *c = ctx;
	struct parasite_secret_args args = { .command = PARASITE_SECRET,
					     .fd = -1,
					     .addr = c->v->start,
					     .len = c->v->end - c->v->start };
	const uint32_t yes = 1;
	int ret, err = remote_call_begin(r, 0, &args, sizeof(args));

	if (err < 0)
		return fail(-err, "run the parasite");
	ret = copy_wait(c, t, r);
	tracee_mem_write(r->pid, r->data + offsetof(struct parasite_secret_args, taken), &yes,
			 sizeof(yes));
	err = remote_call_end(r, 0, &args, sizeof(args));
	ret = ret < 0 ? ret : err;
	return ret < 0 ? fail(-ret, "copy secret memory at %llx", (unsigned long long)c->v->start)
		       : 0;
}

static bool is_part(const struct proc_vma *a, const struct proc_vma *b)
{
	return a->ino == b->ino && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor;
}

/* One of a task before, or of this one, has the same part of it. */
static bool is_copied(const struct dump *d, const struct proc_vma *v)
{
	const struct task *t;

	tasks_for_each(t, &d->tree)
		for (size_t i = 0; i < t->vmas.nr; i++) {
			const struct proc_vma *o = &t->vmas.v[i];

			if (o == v)
				return false;
			if (is_part(o, v) && o->pgoff <= v->pgoff && o->prot &&
			    o->pgoff + (o->end - o->start) >= v->pgoff + (v->end - v->start))
				return true;
		}
	return false;
}

/* Everything that anybody in the tree has mapped of it. */
static int parts_copy(struct dump *d, const struct proc_vma *like, SecretmemEntry *e)
{
	struct task *t;

	tasks_for_each(t, &d->tree)
		for (size_t i = 0; i < t->vmas.nr; i++) {
			struct copying c = { d, e, &t->vmas.v[i] };
			int r;

			if (!t->inner || !is_part(c.v, like) || !(c.v->prot & PROT_READ) ||
			    is_copied(d, c.v))
				continue;
			r = ask_again(d, t, copy_ask, &c);
			if (r < 0)
				return r;
		}
	return 0;
}

int secretmem_dump_mapped(struct dump *d, const struct proc_vma *v, const struct stat *st,
			  uint32_t *ret_id)
{
	const struct secret_seen *s = map_get(&d->secretmems, st->st_ino);
	FownEntry fown = FOWN_ENTRY__INIT;
	SecretmemEntry *e;
	int r;

	*ret_id = s ? s->id : ++d->next_file_id;
	if (s)
		return 0;
	e = entry_new(d, st, O_RDWR);
	if (e->size > SIZE_MAX_KEPT) {
		blocker(NULL, "secret memory of %llu bytes, which cannot be kept yet",
			(unsigned long long)e->size);
		return 0;
	}
	r = parts_copy(d, v, e);
	return r < 0 ? r : secret_write(d, *ret_id, e, &fown, st->st_ino);
}

/* --- restore ------------------------------------------------------------------ */

struct secret_file {
	struct file file;
	int fd; /* crtool's, which tasks have, too */
};

static bool secretmem_reads(const FileEntry *fe)
{
	return fe->ext && fe->ext->secretmem;
}

static int secretmem_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	const SecretmemEntry *e = fe->ext->secretmem;

	(void)r;
	file_to(struct secret_file, f)->fd = -1;
	if (e->size > SIZE_MAX_KEPT || !S_ISREG(e->mode))
		return fail_plain("secret memory of %llu bytes, mode %o",
				  (unsigned long long)e->size, e->mode);
	for (size_t i = 0; i < e->n_runs; i++) {
		uint64_t at = e->runs[i]->offset, len = e->runs[i]->data.len;

		if ((at | len) & PAGE_REST || at > PAGE_UP(e->size) || len > PAGE_UP(e->size) - at)
			return fail_plain("secret memory of %llu bytes with %llu bytes at %llu",
					  (unsigned long long)e->size, (unsigned long long)len,
					  (unsigned long long)at);
	}
	return 0;
}

static int contents_write(const SecretmemEntry *e, int fd)
{
	size_t len = PAGE_UP(e->size);
	uint8_t *at;

	if (!len)
		return 0;
	if (ftruncate(fd, (off_t)e->size) < 0)
		return fail(errno, "secret memory: make it %llu bytes long",
			    (unsigned long long)e->size);
	at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return fail(errno, "map secret memory of %llu bytes", (unsigned long long)e->size);
	for (size_t i = 0; i < e->n_runs; i++)
		memcpy(at + e->runs[i]->offset, e->runs[i]->data.data, e->runs[i]->data.len);
	munmap(at, len);
	return 0;
}

static int secret_make(struct restore *r, struct secret_file *s)
{
	const SecretmemEntry *e = s->file.entry->ext->secretmem;
	int fd = (int)syscall(SYS_memfd_secret, O_CLOEXEC);

	fd = fd < 0 ? fail_hint(fail(errno, "memfd_secret"),
				"this kernel may want secretmem.enable=1 on its command line")
		    : service_fd(r, fd);
	if (fd < 0)
		return fd;
	s->fd = fd;
	if (fchown(fd, e->uid, e->gid) < 0 || fchmod(fd, e->mode & MODE_BITS) < 0)
		return fail(errno, "secret memory: owner %u:%u, mode %o", e->uid, e->gid, e->mode);
	return contents_write(e, fd);
}

int secretmems_make(struct restore *r)
{
	for (size_t i = 0; i < r->nr_files; i++) {
		struct file *f = r->files[i];
		int ret =
		    f->kind == &secretmem_kind ? secret_make(r, file_to(struct secret_file, f)) : 0;

		if (ret < 0)
			return fail_at(ret, "file %u", f->id);
	}
	return 0;
}

int secretmem_open_mapped(const struct file *f)
{
	int fd = fcntl(file_to(const struct secret_file, f)->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? fail(errno, "dup") : fd;
}

static int secretmem_open(struct restore *r, struct file *f)
{
	const ExtFileEntry *e = f->entry->ext;
	cleanup_close int fd = secretmem_open_mapped(f);
	int ret = fd < 0 ? fd : status_restore(fd, e->secretmem->flags, e->fown);

	(void)r;
	return ret < 0 ? ret : take_fd(&fd);
}

static void secretmem_done(struct file *f)
{
	struct secret_file *s = file_to(struct secret_file, f);

	if (s->fd > 0)
		close(s->fd);
}

const struct file_kind secretmem_kind = {
	.name = "secretmem",
	.type = FD_TYPES__EXT,
	.size = sizeof(struct secret_file),
	.match = secretmem_match,
	.dump = secretmem_dump,
	.reads = secretmem_reads,
	.load = secretmem_load,
	.open = secretmem_open,
	.done = secretmem_done,
};
