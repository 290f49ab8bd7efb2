// SPDX-License-Identifier: GPL-2.0-only
/*
 * File locks. Images: images/lock.proto. Tests: test/zdtm/static/lock*.
 *
 *	flock, OFD	of a description: in its fdinfo; any task that has it may lock again
 *	lease		of a description, with the number that its signal tells: in its fdinfo
 *	POSIX		of a table of descriptors: in the fdinfo, read through that table, of the
 *			description that set it. Closing any descriptor of the file ends it
 *
 * fdinfo is read once for each description anyway, through the first table that has it. Through the
 * others it is read only where F_GETLK says that there is a POSIX lock: to open /proc/locks takes
 * milliseconds, because the kernel waits until no processor uses locks (percpu_down_write).
 *
 * A lease that is being broken shows what it must become, not what it was: a read lease can be had
 * only of what is open for reading, and becomes nothing.
 *
 * On the way back, locks of descriptions are taken when all are open. POSIX locks and leases come
 * last of all, in the program of the task that has the table: when all that is not its own is
 * closed. Leases that were being broken crtool breaks again, when all is ready, without the signal,
 * which their owner has got already.
 */
#include "criu/files/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/map.h"
#include "criu/base/mem.h"
#include "criu/files/fown.h"
#include "criu/files/ghost.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"
#include "criu/kernel/syscalls.h"
#include "images/lock.pb-c.h"

#define LEASE_BREAKING 4u /* among the types of images: it must become the rest of it */

/* "a write lock of bytes 5 to 14 (POSIX)" */
static void describe(char *buf, size_t size, uint32_t sort, bool write, uint64_t start,
		     uint64_t end)
{
	static const char *const names[] = {
		[HELD_POSIX] = "POSIX",
		[HELD_FLOCK] = "flock",
		[HELD_OFD] = "OFD",
	};
	const char *what = write ? "write" : "read";

	if (sort == HELD_LEASE)
		snprintf(buf, size, "a %s lease", what);
	else if (sort == HELD_FLOCK)
		snprintf(buf, size, "%s lock (flock)", write ? "an exclusive" : "a shared");
	else if (end == UINT64_MAX)
		snprintf(buf, size, "a %s lock from byte %llu on (%s)", what,
			 (unsigned long long)start, names[sort]);
	else
		snprintf(buf, size, "a %s lock of bytes %llu to %llu (%s)", what,
			 (unsigned long long)start, (unsigned long long)end, names[sort]);
}

/* 0: of another sort. */
static uint32_t sort_of(const struct proc_lock *l)
{
	switch (l->type) {
	case PROC_LOCK_FLOCK:
		return HELD_FLOCK;
	case PROC_LOCK_POSIX:
	case PROC_LOCK_ACCESS:
		return HELD_POSIX;
	case PROC_LOCK_OFD:
		return HELD_OFD;
	case PROC_LOCK_LEASE:
		return HELD_LEASE;
	default:
		return 0;
	}
}

/* --- dump ----------------------------------------------------------------------- */

struct seen_lock {
	const struct task *task;
	int fd;
	uint32_t file; /* id of the description; 0: a POSIX lock */
	struct proc_lock l;
};

static void lock_add(struct dump *d, const struct task *t, int fd, uint32_t file,
		     const struct proc_lock *l)
{
	struct seen_lock *s = array_push(d->locks, d->nr_locks, d->cap_locks);

	*s = (struct seen_lock){ t, fd, file, *l };
}

/* Has anybody a POSIX lock on it? A file system that is no block device's may ask a server, who may
 * be in the tree: there, the answer is that somebody may. */
static bool posix_possible(const struct fd_probe *p)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (p->no_locks)
		return false;
	if (S_ISREG(p->st.st_mode) && !major(p->st.st_dev))
		return true;
	return fcntl(p->lfd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

int locks_note(struct dump *d, const struct fd_probe *p, bool new)
{
	bool posix = false;
	struct proc_lock l;
	int r = 0;

	for (size_t at = 0;
	     p->info.nr_locks && (r = proc_lock_next(d->buf.data, d->buf.len, &at, &l)) > 0;)
		if (l.type == PROC_LOCK_POSIX)
			posix = true;
		else if (new)
			lock_add(d, p->task, p->fd, p->id, &l);
	if (r < 0)
		return fail(-r, "read locks in fdinfo");
	if ((posix || (new &&posix_possible(p))) && !map_get(&d->posix_files, p->id))
		map_put(&d->posix_files, p->id, d);
	return 0;
}

/* Every number of a description shows its locks: once is enough. */
static int posix_note(struct dump *d, const struct task *t, size_t index, struct map *seen)
{
	uint32_t id = t->fd_ids[index];
	struct proc_lock l;
	int r;

	map_put(seen, id, d);
	for (size_t at = 0; (r = proc_lock_next(d->buf.data, d->buf.len, &at, &l)) > 0;)
		if (l.type == PROC_LOCK_POSIX)
			lock_add(d, t, t->fds.v[index], 0, &l);
	return r < 0 ? fail(-r, "read locks in fdinfo") : 0;
}

static int table_locks(struct dump *d, const struct task *t)
{
	cleanup_close int proc = proc_open(task_tid(t));
	struct map seen = { 0 };
	int r = proc < 0 ? fail(-proc, "open /proc/%d", (int)task_tid(t)) : 0;

	for (size_t i = 0; i < t->fds.nr && r >= 0; i++) {
		struct proc_fdinfo info;

		if (!map_get(&d->posix_files, t->fd_ids[i]) || map_get(&seen, t->fd_ids[i]))
			continue;
		r = proc_fdinfo_read(proc, t->fds.v[i], &d->buf, &info);
		if (r < 0)
			r = fail(-r, "read fdinfo");
		else if (info.nr_locks)
			r = posix_note(d, t, i, &seen);
		r = fail_at(r, "fd %d", t->fds.v[i]);
	}
	map_done(&seen);
	return r;
}

/* Who took a lock is told by its pid: it takes it again, if it still has the description. */
static void owner_find(const struct dump *d, struct seen_lock *s)
{
	const struct task *t = tree_find(&d->tree, s->l.owner);

	if (!s->file || !t || t == s->task || !task_is_alive(t) || !t->fd_ids)
		return;
	for (size_t i = 0; i < t->fds.nr; i++)
		if (t->fd_ids[i] == s->file) {
			s->task = t;
			s->fd = t->fds.v[i];
			return;
		}
}

/* Who waits for the end of a lease, and is not in the tree; 0: nobody. What it waits for would end
 * with the tree, and not come back. */
static pid_t breaker_outside(const struct dump *d, const struct proc_lock *lease)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_lock l;
	bool ours = false;

	if (proc_read(AT_FDCWD, "/proc/locks", &b) < 0)
		return -1;
	/* Those that wait stand behind what they wait for, and have no file. */
	for (size_t at = 0; proc_lock_next(b.data, b.len, &at, &l) > 0;) {
		if (!l.waiting)
			ours = l.breaking && l.ino == lease->ino &&
			       l.dev_major == lease->dev_major && l.dev_minor == lease->dev_minor;
		else if (ours && l.breaker && !tree_find(&d->tree, l.owner))
			return l.owner ? l.owner : -1;
	}
	return 0;
}

/* True when it stands in the way. */
static bool lock_blocked(const struct dump *d, const struct seen_lock *s)
{
	char path[64], link[PATH_MAX], text[128];
	const char *hint = NULL, *but = "";
	pid_t breaker = s->l.breaking ? breaker_outside(d, &s->l) : 0;

	describe(text, sizeof(text), sort_of(&s->l), s->l.kind == F_WRLCK, s->l.start, s->l.end);
	if (!sort_of(&s->l) || s->l.type == PROC_LOCK_ACCESS || s->l.mandatory) {
		snprintf(text, sizeof(text), "a delegation or mandatory lock");
		but = ", which cannot be kept";
	} else if (breaker) {
		snprintf(text, sizeof(text),
			 "a lease that pid %d waits for, which is not in the tree", (int)breaker);
		but = ": it cannot be kept";
		hint = "try again: it is about to be given up";
	} else if (!d->s->opts->file_locks) {
		hint = "try --file-locks";
	} else {
		return false;
	}
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)task_tid(s->task), s->fd);
	if (proc_link(AT_FDCWD, path, link, sizeof(link)) < 0)
		snprintf(link, sizeof(link), "a file");
	blocker(hint, "pid %d (%s): fd %d: %s: %s%s", (int)s->task->pid, s->task->comm, s->fd, link,
		text, but);
	return true;
}

static int lock_write(struct image_writer *w, const struct seen_lock *s)
{
	FileLockEntry e = FILE_LOCK_ENTRY__INIT;

	e.flag = sort_of(&s->l);
	e.type = (uint32_t)s->l.kind | (s->l.breaking ? LEASE_BREAKING : 0);
	e.pid = s->task->pid;
	e.fd = s->fd;
	e.start = (int64_t)s->l.start;
	e.len = s->l.end == UINT64_MAX ? 0 : (int64_t)(s->l.end - s->l.start + 1);
	return image_write(w, &e.base);
}

static int locks_write(struct dump *d)
{
	struct image_writer *w = NULL;
	int r = image_writer_open(d->s->images, IMAGE_FILE_LOCKS, 0, &w);

	for (size_t i = 0; i < d->nr_locks && r >= 0; i++)
		r = lock_write(w, &d->locks[i]);
	if (r >= 0)
		r = image_writer_close(&w);
	image_writer_free(w);
	return r;
}

int locks_dump(struct dump *d)
{
	bool blocked = false;
	struct task *t;

	tasks_for_each(t, &d->tree) {
		int r;

		/* fd_ids: the first that has the table. */
		if (!d->posix_files.nr || !task_is_alive(t) || !t->fd_ids)
			continue;
		r = table_locks(d, t);
		if (r < 0)
			return task_fail_at(r, t);
	}
	for (size_t i = 0; i < d->nr_locks; i++) {
		owner_find(d, &d->locks[i]);
		blocked |= lock_blocked(d, &d->locks[i]);
	}
	return blocked || !d->nr_locks ? 0 : locks_write(d);
}

void locks_dump_done(struct dump *d)
{
	free(d->locks);
	map_done(&d->posix_files);
}

/* --- restore -------------------------------------------------------------------- */

static const struct fd_slot *slot_of(const struct task *t, int fd)
{
	const struct task_restore *tr = t->restore->fdtable->restore;
	size_t lo = 0, hi = tr->nr_slots;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (tr->slots[mid].fd == fd)
			return &tr->slots[mid];
		if (tr->slots[mid].fd < fd)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static uint64_t end_of(const struct held_lock *l)
{
	return l->len ? (uint64_t)l->start + (uint64_t)l->len - 1 : UINT64_MAX;
}

/* What it must have been; -1: nothing becomes that. */
static int type_before(const FileLockEntry *e, const struct file *f)
{
	uint32_t flags = f->entry->reg ? f->entry->reg->flags : O_RDWR;

	switch (e->type) {
	case LEASE_BREAKING | F_RDLCK:
		return F_WRLCK;
	case LEASE_BREAKING | F_UNLCK:
		return (flags & O_ACCMODE) == O_RDONLY ? F_RDLCK : F_WRLCK;
	default:
		return -1;
	}
}

static int entry_load(struct restore *r, const FileLockEntry *e)
{
	bool breaking = e->flag == HELD_LEASE && e->type & LEASE_BREAKING;
	struct task *t = tree_find(&r->tree, e->pid);
	int type = (int)e->type;
	struct task_restore *tr;

	if (e->flag != HELD_POSIX && e->flag != HELD_FLOCK && e->flag != HELD_OFD &&
	    e->flag != HELD_LEASE)
		return fail_plain("a lock with flag %u", e->flag);
	if (!breaking && e->type != F_RDLCK && e->type != F_WRLCK)
		return fail_plain("a lock of type %u", e->type);
	if (e->start < 0 || e->len < 0 || e->len > INT64_MAX - e->start)
		return fail_plain("a lock of %lld bytes at %lld", (long long)e->len,
				  (long long)e->start);
	if (!t || !task_is_alive(t))
		return fail_plain("a lock of pid %d, which is not in the images", e->pid);
	if (!slot_of(t, e->fd))
		return fail_plain("pid %d: a lock of fd %d, which it does not have", e->pid, e->fd);
	if (breaking)
		type = type_before(e, slot_of(t, e->fd)->file);
	if (type < 0)
		return fail_plain("pid %d: a lease of fd %d of type %u", e->pid, e->fd, e->type);
	if (e->flag == HELD_POSIX || e->flag == HELD_LEASE)
		t = tree_find(&r->tree, t->restore->fdtable->pid);
	tr = t->restore;
	*array_push(tr->locks, tr->nr_locks, tr->cap_locks) = (struct held_lock){
		.sort = e->flag,
		.type = (short)type,
		.breaking = breaking,
		.breaks_to = (short)(e->type & ~LEASE_BREAKING),
		.fd = e->fd,
		.start = e->start,
		.len = e->len,
	};
	return 0;
}

/* Locks that are held now, by inode number. */
struct other {
	struct other *next;
	struct proc_lock l;
};

static int others_read(struct restore *r, struct map *others)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_lock l;
	int ret = proc_read(AT_FDCWD, "/proc/locks", &b);

	if (ret < 0)
		return fail(-ret, "read /proc/locks");
	for (size_t at = 0; (ret = proc_lock_next(b.data, b.len, &at, &l)) > 0;) {
		struct other *o, *first = map_get(others, l.ino);

		if (l.waiting || l.type == PROC_LOCK_LEASE)
			continue;
		o = arena_alloc(&r->arena, sizeof(*o));
		*o = (struct other){ .l = l };
		if (!first) {
			map_put(others, l.ino, o);
			continue;
		}
		o->next = first->next;
		first->next = o;
	}
	return ret < 0 ? fail(-ret, "read /proc/locks") : 0;
}

/* Who has what we want; 0: nobody. */
static pid_t rival(const struct map *others, const struct stat *st, const struct held_lock *l)
{
	const struct other *o = map_get(others, st->st_ino);

	for (; o && l->sort != HELD_LEASE; o = o->next) {
		if (o->l.dev_major != major(st->st_dev) || o->l.dev_minor != minor(st->st_dev) ||
		    (sort_of(&o->l) == HELD_FLOCK) != (l->sort == HELD_FLOCK))
			continue;
		if ((o->l.kind == F_WRLCK || l->type == F_WRLCK) && o->l.start <= end_of(l) &&
		    (uint64_t)l->start <= o->l.end)
			return o->l.owner ? o->l.owner : -1;
	}
	return 0;
}

static void rival_describe(pid_t pid, char *buf, size_t size)
{
	cleanup_proc_buf struct proc_buf b = { 0 };

	if (pid <= 0)
		snprintf(buf, size, "a process that /proc/locks does not name");
	else if (proc_read_of(pid, "comm", &b) < 0 || !b.len)
		snprintf(buf, size, "pid %d", (int)pid);
	else
		snprintf(buf, size, "pid %d (%.*s)", (int)pid, (int)b.len - 1, b.data);
}

/* A file that is made anew is nobody else's. */
static void lock_check(struct restore *r, const struct task *t, const struct held_lock *l,
		       const struct map *others)
{
	const struct file *f = slot_of(t, l->fd)->file;
	const RegFileEntry *reg = f->entry->reg;
	char text[128], who[128];
	struct stat st;
	pid_t pid;

	if (!reg || ghost_of(r, f->id) || stat(reg->name, &st) < 0)
		return;
	pid = rival(others, &st, l);
	if (!pid)
		return;
	describe(text, sizeof(text), l->sort, l->type == F_WRLCK, (uint64_t)l->start, end_of(l));
	rival_describe(pid, who, sizeof(who));
	blocker("stop that process, or let it unlock the file",
		"pid %d (%s): fd %d: %s: %s cannot be had: %s has a lock", (int)t->pid, t->comm,
		l->fd, reg->name, text, who);
}

/* An early answer with a name: whoever locks it after this is found when it is locked. */
static int locks_check(struct restore *r)
{
	struct map others = { 0 };
	struct task *t;
	int ret = others_read(r, &others);

	tasks_for_each(t, &r->tree) {
		for (size_t i = 0; ret >= 0 && t->restore && i < t->restore->nr_locks; i++)
			lock_check(r, t, &t->restore->locks[i], &others);
	}
	map_done(&others);
	return ret < 0 ? ret : blockers_fail();
}

int locks_load(struct restore *r)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int ret = image_reader_open(r->s->images, IMAGE_FILE_LOCKS, 0, &img);

	if (ret <= 0)
		return ret;
	while ((ret = image_read(img, &m)) > 0) {
		ret = entry_load(r, (const FileLockEntry *)m);
		if (ret < 0)
			fail_at(ret, "%s", image_reader_where(img));
		protobuf_c_message_free_unpacked(m, NULL);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	return ret < 0 ? ret : locks_check(r);
}

static int lock_take(const struct held_lock *l)
{
	struct flock range = {
		.l_type = l->type, .l_whence = SEEK_SET, .l_start = l->start, .l_len = l->len
	};
	char text[128];
	int ret;

	if (l->sort == HELD_FLOCK)
		ret = flock(l->fd, (l->type == F_WRLCK ? LOCK_EX : LOCK_SH) | LOCK_NB);
	else
		ret = fcntl(l->fd, F_OFD_SETLK, &range);
	if (ret >= 0)
		return 0;
	describe(text, sizeof(text), l->sort, l->type == F_WRLCK, (uint64_t)l->start, end_of(l));
	return errno == EAGAIN
		   ? fail_plain("fd %d: %s cannot be had: another process has a lock", l->fd, text)
		   : fail(errno, "fd %d: %s", l->fd, text);
}

int locks_restore(const struct task *t)
{
	const struct task_restore *tr = t->restore;
	int ret = 0;

	for (size_t i = 0; i < tr->nr_locks && ret >= 0; i++)
		if (tr->locks[i].sort == HELD_FLOCK || tr->locks[i].sort == HELD_OFD)
			ret = lock_take(&tr->locks[i]);
	return ret;
}

/* --- leases that are being broken ----------------------------------------------- */

/* As somebody who wants the file; the owner's signal has been sent before the dump. */
static int lease_break(const struct held_lock *l, int fd)
{
	const struct file_owner nobody = { .who.type = F_OWNER_PID };
	struct file_owner owner;
	int flags = O_NONBLOCK | O_CLOEXEC | (l->breaks_to == F_RDLCK ? O_RDONLY : O_WRONLY);
	cleanup_close int other = -1;
	char path[32];
	int r = fown_get(fd, &owner), err;

	if (r >= 0)
		r = fown_set(fd, &nobody);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	other = open(path, flags);
	err = other < 0 ? errno : 0;
	r = fown_set(fd, &owner);
	if (r < 0)
		return r;
	if (err == EWOULDBLOCK)
		return 0;
	return err ? fail(err, "break its lease") : fail_plain("its lease is gone");
}

static int task_leases_arm(const struct task *t)
{
	const struct task_restore *tr = t->restore;

	for (size_t i = 0; i < tr->nr_locks; i++) {
		const struct held_lock *l = &tr->locks[i];
		cleanup_close int pidfd = -1, fd = -1;
		int ret;

		if (!l->breaking)
			continue;
		pidfd = sys_pidfd_open(t->pid, 0);
		fd = pidfd < 0 ? pidfd : sys_pidfd_getfd(pidfd, l->fd);
		ret = fd < 0 ? fail(-fd, "pidfd_getfd") : lease_break(l, fd);
		if (ret < 0)
			return task_fail_at(fail_at(ret, "fd %d", l->fd), t);
	}
	return 0;
}

int leases_arm(struct restore *r)
{
	struct task *t;

	tasks_for_each(t, &r->tree) {
		int ret = t->restore ? task_leases_arm(t) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}
