// SPDX-License-Identifier: GPL-2.0-only
/*
 * POSIX message queues (mq_overview(7)). A queue has a name that its IPC namespace knows, and lives
 * until that is removed and nobody has it open. Images: images/mqueue.proto, as an extension of
 * ext_file_entry. Tests: test/zdtm/static/mqueue*.
 *
 * A queue that is still there at the restore is a file that is still there: it is opened, and what
 * is in it stays. One that is gone, or had no name at the dump, is made again with what was in it
 * (files/mqueuedata.c), by crtool, which opens all its descriptions before the name goes.
 *
 * Who is to be told of a message (mq_notify(3)) is told by the fd; with which value, only an
 * iterator of the kernel knows. A close(2) of any descriptor of the queue by that process ends it:
 * so it comes last, in the program of that task.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/holder.h"
#include "criu/files/kinds.h"
#include "criu/files/mqueuedata.h"
#include "criu/kernel/mqueue.h"

#define O_LARGEFILE_KERNEL 0100000 /* glibc's is 0 on 64 bits */
#define MODE_BITS          07777
#define MESSAGES_MAX       65536u /* HARD_MSGMAX of ipc_namespace.h */
#define MESSAGE_BYTES_MAX  (16u << 20) /* HARD_MSGSIZEMAX */
#define CONTENT_BYTES_MAX  (128ull << 20) /* of all messages: what a record of an image holds */
#define PRIORITY_MAX       32768u
#define NSEC               1000000000ull

static const char deleted_suffix[] = " (deleted)";

static bool mqueue_match(const struct fd_probe *p)
{
	struct statfs fs;

	return S_ISREG(p->st.st_mode) && p->st.st_size == MQUEUE_FILE_BYTES &&
	       !(p->info.flags & O_PATH) && fstatfs(p->lfd, &fs) == 0 &&
	       fs.f_type == MQUEUE_FS_MAGIC;
}

/* --- dump ----------------------------------------------------------------------- */

/* A queue that is looked at for the first time. */
struct look {
	const struct fd_probe *p;
	const char *name; /* with the slash */
	int fd; /* for reading and writing */
	struct mq_attr attr;
	struct mqueue_status status;
	pid_t outsider; /* has it open, too; 0: nobody has */
};

static uint64_t queue_key(const struct stat *st)
{
	return st->st_ino ^ (uint64_t)st->st_dev << 48;
}

/* Without the place where queues are mounted: those that mq_open(3) has opened show none. */
static char *name_of(struct dump *d, const struct fd_probe *p, char **ret_path)
{
	char *path = arena_strdup(&d->arena, p->link), *name;

	if (!p->st.st_nlink && str_ends(path, deleted_suffix))
		path[strlen(path) - strlen(deleted_suffix)] = '\0';
	name = strrchr(path, '/');
	if (name != path)
		*ret_path = path;
	return name;
}

static bool may_be(const char *link, const void *ctx)
{
	return strstr(link, ctx) != NULL;
}

static bool is_ours(const struct look *l)
{
	cleanup_close int fd = mqueue_open(l->name + 1, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, NULL);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == l->p->st.st_dev &&
	       st.st_ino == l->p->st.st_ino;
}

/* Why the messages are better left alone; NULL: they are not. */
static const char *why_not_read(struct dump *d, const struct look *l)
{
	char why[128];

	if (!l->attr.mq_curmsgs)
		return NULL;
	if (l->outsider)
		snprintf(why, sizeof(why), "pid %d, which is not in the tree, has it open",
			 (int)l->outsider);
	else if (l->status.pid)
		snprintf(why, sizeof(why), "pid %d waits to be told of the next (mq_notify)",
			 (int)l->status.pid);
	else if (l->status.bytes > CONTENT_BYTES_MAX)
		snprintf(why, sizeof(why), "they have %llu bytes",
			 (unsigned long long)l->status.bytes);
	else
		return NULL;
	return arena_strdup(&d->arena, why);
}

/* True when it stands in the way. */
static bool queue_blocked(struct dump *d, struct look *l, const char *why)
{
	char name[64];

	fd_probe_name(l->p, name, sizeof(name));
	if (l->p->st.st_nlink && !is_ours(l))
		blocker(NULL,
			"%s: %s: a message queue of another IPC namespace, which cannot be kept "
			"yet",
			name, l->p->link);
	else if (!l->p->st.st_nlink && l->outsider)
		blocker("stop that process",
			"%s: %s: a message queue without a name that pid %d has open, too, which "
			"is not in the tree",
			name, l->p->link, (int)l->outsider);
	else if (!l->p->st.st_nlink && why)
		blocker("try again when it is empty",
			"%s: %s: %ld messages in a queue without a name, which cannot be kept: %s",
			name, l->p->link, l->attr.mq_curmsgs, why);
	else
		return false;
	(void)d;
	return true;
}

/* The number of the netlink socket in the task that is told through it; -1: it has none. */
static int socket_find(const struct task *t, uint64_t ino)
{
	cleanup_close int proc = proc_open(task_tid(t));
	cleanup_proc_fds struct proc_fds fds = { 0 };
	char wanted[64], link[64];

	snprintf(wanted, sizeof(wanted), "socket:[%llu]", (unsigned long long)ino);
	if (proc < 0 || proc_fds_read(proc, 0, &fds) < 0)
		return -1;
	for (size_t i = 0; i < fds.nr; i++)
		if (proc_fd_link(proc, fds.v[i], link, sizeof(link)) > 0 && str_eq(link, wanted))
			return fds.v[i];
	return -1;
}

/* 1, or 0: it stands in the way. */
static int notice_fill(struct dump *d, const struct look *l, const struct task *t,
		       MqueueNoticeEntry *e)
{
	struct mqueue_notice n = { 0 };
	int r = mqueue_notice_read(l->p->st.st_ino, &n), fd = -1;
	char name[64];

	fd_probe_name(l->p, name, sizeof(name));
	if (r == 1 && n.notify == SIGEV_THREAD)
		fd = socket_find(t, n.socket);
	if (r < 0)
		blocker("this needs Linux 5.8 with BTF, CAP_BPF and CAP_PERFMON",
			"%s: %s: the value that pid %d is to be told (mq_notify) cannot be read: "
			"%s",
			name, l->p->link, (int)t->pid, strerror(-r));
	else if (r == 1 && n.notify == SIGEV_THREAD && fd < 0)
		blocker(NULL,
			"%s: %s: pid %d is to be told (mq_notify) through a socket that it has "
			"closed",
			name, l->p->link, (int)t->pid);
	else if (r == 1 && n.notify == SIGEV_THREAD) {
		e->has_socket_fd = e->has_cookie = true;
		e->socket_fd = (uint32_t)fd;
		e->cookie.len = sizeof(n.cookie);
		e->cookie.data = arena_dup(&d->arena, n.cookie, sizeof(n.cookie));
		return 1;
	} else if (r == 1) {
		e->has_signo = e->has_value = true;
		e->signo = (uint32_t)n.signo;
		e->value = n.value;
		return 1;
	} else {
		return fail_plain("pid %d is to be told, and is not", (int)t->pid);
	}
	return 0;
}

static int notice_dump(struct dump *d, const struct look *l, MqueueQueueEntry *q)
{
	const struct task *t = l->status.pid ? tree_find(&d->tree, l->status.pid) : NULL;
	MqueueNoticeEntry *e;
	int r = 1;

	if (!t || !task_is_alive(t))
		return 1;
	e = arena_message(&d->arena, MqueueNoticeEntry, MQUEUE_NOTICE_ENTRY__INIT);
	e->pid = (uint32_t)t->pid;
	e->notify = (uint32_t)l->status.notify;
	if (l->status.notify != SIGEV_NONE)
		r = notice_fill(d, l, t, e);
	q->notice = e;
	return r;
}

static uint64_t nsec(struct timespec t)
{
	return (uint64_t)t.tv_sec * NSEC + (uint64_t)t.tv_nsec;
}

/* 1, or 0: it stands in the way. */
static int queue_dump(struct dump *d, struct look *l, MqueueEntry *e)
{
	MqueueQueueEntry *q = arena_message(&d->arena, MqueueQueueEntry, MQUEUE_QUEUE_ENTRY__INIT);
	const struct stat *st = &l->p->st;
	const char *why;
	int r;

	if (l->attr.mq_curmsgs || !st->st_nlink)
		l->outsider = holder_outside(d, st, may_be, l->name);
	why = why_not_read(d, l);
	if (queue_blocked(d, l, why))
		return 0;
	q->mode = st->st_mode;
	q->uid = st->st_uid;
	q->gid = st->st_gid;
	q->max_msg = (uint64_t)l->attr.mq_maxmsg;
	q->msg_size = (uint64_t)l->attr.mq_msgsize;
	q->has_unlinked = q->unlinked = !st->st_nlink;
	q->atime = nsec(st->st_atim);
	q->mtime = nsec(st->st_mtim);
	r = notice_dump(d, l, q);
	if (r > 0 && why) {
		q->has_unsaved = true;
		q->unsaved = (uint64_t)l->attr.mq_curmsgs;
		q->unsaved_why = (char *)(uintptr_t)why;
	} else if (r > 0 && l->attr.mq_curmsgs && !d->trial) {
		int took = mqueue_content_dump(d, l->fd, (uint64_t)l->attr.mq_curmsgs,
					       l->status.bytes, q->msg_size, q);

		r = took < 0 ? took : r;
	}
	e->queue = q;
	return r;
}

static int first_dump(struct dump *d, const struct fd_probe *p, MqueueEntry *e)
{
	struct look l = { .p = p, .name = e->name };
	char path[32];
	cleanup_close int fd = -1;
	int r;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->lfd);
	l.fd = fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, "open it for reading and writing");
	r = mqueue_attr(fd, &l.attr);
	if (r < 0)
		return fail(-r, "mq_getattr");
	r = mqueue_status_read(fd, &l.status);
	return r < 0 ? fail(-r, "read its state") : queue_dump(d, &l, e);
}

static int mqueue_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	ExtFileEntry ext = EXT_FILE_ENTRY__INIT;
	MqueueEntry e = MQUEUE_ENTRY__INIT;
	uintptr_t first = (uintptr_t)map_get(&d->mqueues, queue_key(&p->st));
	FownEntry fown;
	int r = fown_dump_probe(p, &fown), flags;

	e.name = name_of(d, p, &e.path);
	if (r >= 0)
		r = first ? 1 : first_dump(d, p, &e);
	if (r <= 0)
		return r;
	if (!first)
		map_put(&d->mqueues, queue_key(&p->st), (void *)(first = p->id));
	flags = fcntl(p->lfd, F_GETFL);
	if (flags < 0)
		return fail(errno, "F_GETFL");
	e.flags = (uint32_t)flags;
	e.pos = (uint64_t)p->info.pos;
	e.queue_id = (uint32_t)first;
	ext.id = p->id;
	ext.fown = &fown;
	ext.mqueue = &e;
	fe.type = FD_TYPES__EXT;
	fe.ext = &ext;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore -------------------------------------------------------------------- */

struct mqueue_file {
	struct file file;
	struct mqueue_file *next; /* of the same queue */
	int slot; /* broker number */
	/* of the first */
	bool exists; /* still, or for other processes */
	bool ours; /* has a name, and would not without us */
};

static const MqueueEntry *entry_of(const struct file *f)
{
	return f->entry->ext->mqueue;
}

static bool mqueue_reads(const FileEntry *fe)
{
	return fe->ext && fe->ext->mqueue;
}

/* With the first description only; NULL. */
static const MqueueQueueEntry *queue_of(const struct file *f)
{
	const MqueueEntry *e = f->kind->reads == mqueue_reads ? entry_of(f) : NULL;

	return e && e->queue_id == f->id ? e->queue : NULL;
}

static bool name_is_good(const char *name)
{
	return name[0] == '/' && name[1] && !strchr(name + 1, '/') && strlen(name) <= NAME_MAX &&
	       !str_eq(name, "/.") && !str_eq(name, "/..");
}

static int content_check(const MqueueQueueEntry *q)
{
	if (!S_ISREG(q->mode))
		return fail_plain("mode %o", q->mode);
	if (!q->max_msg || q->max_msg > MESSAGES_MAX || !q->msg_size ||
	    q->msg_size > MESSAGE_BYTES_MAX || q->n_messages > q->max_msg)
		return fail_plain("%zu messages in a queue for %llu of %llu bytes", q->n_messages,
				  (unsigned long long)q->max_msg, (unsigned long long)q->msg_size);
	for (size_t i = 0; i < q->n_messages; i++)
		if (q->messages[i]->data.len > q->msg_size ||
		    q->messages[i]->priority >= PRIORITY_MAX)
			return fail_plain("a message of %zu bytes with priority %u",
					  q->messages[i]->data.len, q->messages[i]->priority);
	return 0;
}

/* The queue that has the name now. */
static int same_check(const MqueueEntry *e, int fd)
{
	const MqueueQueueEntry *q = e->queue;
	struct mq_attr a;
	struct stat st;
	int r = mqueue_attr(fd, &a);

	if (r < 0 || fstat(fd, &st) < 0)
		return fail(r < 0 ? -r : errno, "%s: mq_getattr", e->name);
	if ((uint64_t)a.mq_maxmsg == q->max_msg && (uint64_t)a.mq_msgsize == q->msg_size &&
	    st.st_uid == q->uid && st.st_gid == q->gid && st.st_mode == q->mode)
		return 0;
	return fail_hint(fail_plain("%s is another message queue now: for %ld messages of %ld "
				    "bytes, owner %u:%u, mode %o; it was for %llu of %llu bytes, "
				    "owner %u:%u, mode %o",
				    e->name, a.mq_maxmsg, a.mq_msgsize, st.st_uid, st.st_gid,
				    st.st_mode & MODE_BITS, (unsigned long long)q->max_msg,
				    (unsigned long long)q->msg_size, q->uid, q->gid,
				    q->mode & MODE_BITS),
			 "remove it (mq_unlink(3)), to have that of the dump");
}

static int name_check(struct mqueue_file *m, const MqueueEntry *e)
{
	cleanup_close int fd = mqueue_open(e->name + 1, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0, NULL);

	m->exists = fd >= 0;
	if (fd >= 0)
		return same_check(e, fd);
	if (fd != -ENOENT)
		return fail(-fd, "mq_open %s", e->name);
	if (e->queue->unsaved)
		return fail_plain("%s is gone, and %llu messages with it, which the dump had left "
				  "in it: %s",
				  e->name, (unsigned long long)e->queue->unsaved,
				  e->queue->unsaved_why ? e->queue->unsaved_why
							: "why, it does not "
							  "tell");
	return 0;
}

static int queue_add(struct restore *r, struct mqueue_file *m, const MqueueEntry *e)
{
	int ret;

	if (!queue_of(&m->file)) {
		struct mqueue_file *first = map_get(&r->mqueues, e->queue_id);

		if (!first)
			return fail_plain("%s: queue %u is not in the images", e->name,
					  e->queue_id);
		m->next = first->next;
		first->next = m;
		return 0;
	}
	ret = fail_at(content_check(e->queue), "%s", e->name);
	if (ret >= 0 && !e->queue->unlinked)
		ret = name_check(m, e);
	if (ret >= 0)
		map_put(&r->mqueues, e->queue_id, m);
	return ret;
}

static int mqueue_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct mqueue_file *m = file_to(struct mqueue_file, f);
	const MqueueEntry *e = fe->ext->mqueue;

	if (!name_is_good(e->name))
		return fail_plain("a message queue named %s", e->name);
	if (e->path && e->path[0] != '/')
		return fail_plain("%s: opened as %s", e->name, e->path);
	if ((e->flags & O_ACCMODE) == O_ACCMODE || e->pos > INT64_MAX)
		return fail_plain("%s: flags %o, position %llu", e->name, e->flags,
				  (unsigned long long)e->pos);
	m->slot = restore_add_broker(r);
	return m->slot < 0 ? m->slot : queue_add(r, m, e);
}

/* --- who is to be told ------------------------------------------------------------ */

static const struct fd_slot *slot_of_queue(const struct task_restore *tr, uint32_t queue_id)
{
	for (size_t i = 0; i < tr->nr_slots; i++) {
		const struct file *f = tr->slots[i].file;

		if (f->entry->type == FD_TYPES__EXT && mqueue_reads(f->entry) &&
		    entry_of(f)->queue_id == queue_id)
			return &tr->slots[i];
	}
	return NULL;
}

static int notice_load(struct restore *r, const MqueueEntry *e)
{
	const MqueueNoticeEntry *n = e->queue->notice;
	struct task *t = tree_find(&r->tree, (pid_t)n->pid);
	const struct fd_slot *slot;
	struct held_notice *h;

	if (!t || !task_is_alive(t))
		return fail_plain("pid %u is to be told, and is not in the images", n->pid);
	slot = slot_of_queue(t->restore->fdtable->restore, e->queue_id);
	if (!slot)
		return fail_plain("pid %u is to be told, and does not have it open", n->pid);
	if (n->notify != SIGEV_SIGNAL && n->notify != SIGEV_NONE && n->notify != SIGEV_THREAD)
		return fail_plain("pid %u is to be told in way %u", n->pid, n->notify);
	if ((n->notify == SIGEV_SIGNAL && n->signo >= NSIG) ||
	    (n->notify == SIGEV_THREAD &&
	     (!n->has_socket_fd || !n->has_cookie || n->cookie.len != MQUEUE_COOKIE)))
		return fail_plain("pid %u is to be told by signal %u, and %zu bytes", n->pid,
				  n->signo, n->cookie.len);
	h = array_push(t->restore->notices, t->restore->nr_notices, t->restore->cap_notices);
	h->fd = slot->fd;
	h->notify = (int)n->notify;
	h->signo = n->notify == SIGEV_THREAD ? (int)n->socket_fd : (int)n->signo;
	h->value = n->value;
	if (n->has_cookie)
		memcpy(h->cookie, n->cookie.data, sizeof(h->cookie));
	return 0;
}

static int mqueue_load_end(struct restore *r)
{
	for (size_t i = 0; i < r->nr_files; i++) {
		const struct file *f = r->files[i];
		const MqueueQueueEntry *q = queue_of(f);
		int ret = q && q->notice ? notice_load(r, entry_of(f)) : 0;

		if (ret < 0)
			return fail_at(ret, "message queue %s", entry_of(f)->name);
	}
	return 0;
}

/* --- making it ---------------------------------------------------------------------- */

static const char *hint_of(int err)
{
	switch (err) {
	case EINVAL:
		return "raise /proc/sys/fs/mqueue/msg_max and msgsize_max, or run crtool with "
		       "CAP_SYS_RESOURCE";
	case EMFILE:
		return "raise the limit of crtool (RLIMIT_MSGQUEUE)";
	case ENOSPC:
		return "raise /proc/sys/fs/mqueue/queues_max";
	default:
		return NULL;
	}
}

/* Nobody but root can open it before it is complete. name: as it is called now. */
static int queue_new(const MqueueEntry *e, char *name, size_t size)
{
	struct mq_attr attr = { .mq_maxmsg = (long)e->queue->max_msg,
				.mq_msgsize = (long)e->queue->msg_size };
	int flags = O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK | O_CLOEXEC, fd;

	snprintf(name, size, "%s", e->name);
	fd = mqueue_open(name + 1, flags, 0, &attr);
	if (fd == -EEXIST && e->queue->unlinked) {
		snprintf(name, size, "/crtool-%d-%u", (int)getpid(), e->queue_id);
		fd = mqueue_open(name + 1, flags, 0, &attr);
	}
	if (fd >= 0)
		return fd;
	fail(-fd, "make a queue for %ld messages of %ld bytes", attr.mq_maxmsg, attr.mq_msgsize);
	return hint_of(-fd) ? fail_hint(fd, "%s", hint_of(-fd)) : fd;
}

/*
 * As it was opened once: by mq_open(3), by its path where queues are mounted, or through /proc.
 * What mq_open(3) opens is close-on-exec anyway; O_CLOEXEC then stays among its flags.
 */
static int description_open(const MqueueEntry *e, const char *name, int any)
{
	int flags = (int)(e->flags & ~(uint32_t)FLAGS_OF_OPEN), fd = -1;
	char path[PATH_MAX];

	if (!e->path && !(e->flags & O_LARGEFILE_KERNEL))
		return mqueue_open(name + 1, flags, 0, NULL);
	if (e->path) {
		int dir = (int)(strrchr(e->path, '/') - e->path);

		snprintf(path, sizeof(path), "%.*s%s", dir, e->path, name);
		fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);
	}
	if (fd < 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", any);
		fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

static bool is_same(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev &&
	       x.st_ino == y.st_ino;
}

static int descriptions_open(struct restore *r, const struct mqueue_file *first, const char *name,
			     int any)
{
	for (const struct mqueue_file *m = first; m; m = m->next) {
		const MqueueEntry *e = entry_of(&m->file);
		cleanup_close int fd = description_open(e, name, any);

		if (fd < 0)
			return fail(-fd, "open it with flags %o", e->flags);
		if (!is_same(fd, any))
			return fail_plain("%s is another file", e->path ? e->path : name);
		if (!(e->flags & O_NONBLOCK) && fcntl(fd, F_SETFL, (int)e->flags) < 0)
			return fail(errno, "F_SETFL %o", e->flags);
		if (e->pos && lseek(fd, (off_t)e->pos, SEEK_SET) < 0)
			return fail(errno, "seek to %llu", (unsigned long long)e->pos);
		broker_give(r, m->slot, take_fd(&fd));
	}
	return 0;
}

static int attributes_restore(int fd, const MqueueQueueEntry *q)
{
	struct timespec times[] = { { (time_t)(q->atime / NSEC), (long)(q->atime % NSEC) },
				    { (time_t)(q->mtime / NSEC), (long)(q->mtime % NSEC) } };

	if (fchown(fd, q->uid, q->gid) < 0)
		return fail(errno, "change its owner to %u:%u", q->uid, q->gid);
	if (futimens(fd, times) < 0)
		return fail(errno, "set its times");
	return fchmod(fd, q->mode & MODE_BITS) < 0
		   ? fail(errno, "change its mode to %o", q->mode & MODE_BITS)
		   : 0;
}

static int queue_make(struct restore *r, struct mqueue_file *m)
{
	const MqueueEntry *e = entry_of(&m->file);
	char name[NAME_MAX + 2];
	cleanup_close int fd = -1;
	int ret = 0;

	snprintf(name, sizeof(name), "%s", e->name);
	if (m->exists) {
		fd = mqueue_open(name + 1, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0, NULL);
		return fd < 0 ? fail(-fd, "mq_open") : descriptions_open(r, m, name, fd);
	}
	fd = queue_new(e, name, sizeof(name));
	if (fd < 0)
		return fd;
	m->ours = true;
	ret = mqueue_content_fill(fd, e->queue);
	if (ret >= 0)
		ret = descriptions_open(r, m, name, fd);
	if (ret >= 0)
		ret = attributes_restore(fd, e->queue);
	if (e->queue->unlinked) {
		mqueue_unlink(name + 1);
		m->ours = false;
	}
	return ret;
}

/* Those that have no name any more have it only while nobody else has. */
static int some_make(struct restore *r, bool unlinked)
{
	for (size_t i = 0; i < r->nr_files; i++) {
		struct file *f = r->files[i];
		const MqueueQueueEntry *q = queue_of(f);
		int ret = q && (bool)q->unlinked == unlinked
			      ? queue_make(r, file_to(struct mqueue_file, f))
			      : 0;

		if (ret < 0)
			return task_fail_at(
			    fail_at(ret, "fd %d: message queue %s", f->owner_fd, entry_of(f)->name),
			    f->owner);
	}
	return 0;
}

static int mqueue_create_all(struct restore *r)
{
	int ret = some_make(r, true);

	return ret < 0 ? ret : some_make(r, false);
}

static void mqueue_undo(struct restore *r)
{
	for (size_t i = 0; i < r->nr_files; i++) {
		struct file *f = r->files[i];

		if (f->kind->reads == mqueue_reads && file_to(struct mqueue_file, f)->ours)
			mqueue_unlink(entry_of(f)->name + 1);
	}
}

static int mqueue_open_own(struct restore *r, struct file *f)
{
	cleanup_close int fd = broker_take(r, file_to(struct mqueue_file, f)->slot);
	int ret = fd < 0 ? fd : fown_restore(fd, f->entry->ext->fown);

	return ret < 0 ? fail_at(ret, "message queue %s", entry_of(f)->name) : take_fd(&fd);
}

const struct file_kind mqueue_kind = {
	.name = "mqueue",
	.type = FD_TYPES__EXT,
	.size = sizeof(struct mqueue_file),
	.match = mqueue_match,
	.dump = mqueue_dump,
	.reads = mqueue_reads,
	.load = mqueue_load,
	.load_end = mqueue_load_end,
	.create_all = mqueue_create_all,
	.undo = mqueue_undo,
	.open = mqueue_open_own,
};
