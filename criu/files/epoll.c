// SPDX-License-Identifier: GPL-2.0-only
/*
 * epoll(7): a list of files with the events that are wanted of each. Images:
 * images/eventpoll.proto. Tests: test/zdtm/static/epoll*.
 *
 * A file is listed by the number under which it was added, which may have been closed since, or
 * be another file's; kcmp(2) tells which description is meant. So it is looked for among all
 * that the tree has, and the image has its id. On the way back each is added under its number
 * again, for that is what fdinfo shows and EPOLL_CTL_MOD wants: what has the number meanwhile
 * steps aside for a moment. That is done last, when nobody takes descriptors from anybody.
 *
 * A one-shot watch that has fired listens to nothing, not even to errors, and none can be added
 * like that. It is added for everything, and made to fire, if the file has anything to say.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"
#include "criu/files/load.h"
#include "criu/kernel/kcmp.h"
#include "criu/kernel/syscalls.h"

/* Since Linux 6.9; not in the headers of glibc 2.36. */
struct busy_poll {
	uint32_t usecs;
	uint16_t budget;
	uint8_t prefer, pad;
};

#define GET_BUSY_POLL _IOR(0x8a, 0x02, struct busy_poll)
#define SET_BUSY_POLL _IOW(0x8a, 0x01, struct busy_poll)

#define LISTENS_TO_NOTHING(events)                                                                 \
	(!((events) & ~(uint32_t)(EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)))

/* An epoll file whose entry is written when all other files are known. */
struct epoll_seen {
	struct epoll_seen *next;
	const struct task *task;
	int fd;
	EventpollFileEntry e;
};

static bool epoll_match(const struct fd_probe *p)
{
	return str_eq(p->link, "anon_inode:[eventpoll]");
}

static EventpollTfdEntry *target_new(struct arena *a, const struct proc_epoll *from)
{
	EventpollTfdEntry *t = arena_message(a, EventpollTfdEntry, EVENTPOLL_TFD_ENTRY__INIT);

	t->tfd = (uint32_t)from->tfd;
	t->events = from->events;
	t->data = from->data;
	t->has_dev = t->has_inode = t->has_pos = from->has_ino;
	t->dev = (uint32_t)from->sdev;
	t->inode = from->ino;
	t->pos = from->pos;
	return t;
}

static int targets_read(struct dump *d, const struct fd_probe *p, EventpollFileEntry *e)
{
	struct proc_epoll one;
	size_t at = 0;
	int r;

	e->tfd = arena_array(&d->arena, EventpollTfdEntry *, p->info.nr_epoll);
	while ((r = proc_epoll_next(d->buf.data, d->buf.len, &at, &one)) > 0 &&
	       e->n_tfd < p->info.nr_epoll)
		e->tfd[e->n_tfd++] = target_new(&d->arena, &one);
	return r < 0 ? fail(-r, "read fdinfo of an epoll file") : 0;
}

static void busy_poll_read(int lfd, EventpollFileEntry *e)
{
	struct busy_poll b = { 0 };

	if (ioctl(lfd, GET_BUSY_POLL, &b) < 0 || (!b.usecs && !b.budget && !b.prefer))
		return;
	e->has_busy_poll_usecs = e->has_busy_poll_budget = e->has_prefer_busy_poll = true;
	e->busy_poll_usecs = b.usecs;
	e->busy_poll_budget = b.budget;
	e->prefer_busy_poll = b.prefer;
}

/* fdinfo, in the buffer of the dump, is read first. */
static int epoll_dump(struct dump *d, const struct fd_probe *p)
{
	struct epoll_seen *s = arena_alloc(&d->arena, sizeof(*s));
	int r;

	s->e = (EventpollFileEntry)EVENTPOLL_FILE_ENTRY__INIT;
	r = targets_read(d, p, &s->e);
	s->e.fown = arena_alloc(&d->arena, sizeof(*s->e.fown));
	if (r >= 0)
		r = fown_dump_probe(p, s->e.fown);
	if (r < 0)
		return r;
	busy_poll_read(p->lfd, &s->e);
	s->task = p->task;
	s->fd = p->fd;
	s->e.id = p->id;
	s->e.flags = fd_probe_flags(p);
	s->next = d->epolls;
	d->epolls = s;
	return 0;
}

static bool is_target(const struct epoll_seen *s, const EventpollTfdEntry *e, uint32_t toff,
		      const struct task *t, int fd)
{
	int order = 1;

	return kcmp_epoll(task_tid(t), fd, task_tid(s->task), s->fd, (int)e->tfd, toff, &order) >=
		   0 &&
	       order == 0;
}

/* The id of what is watched, 0: nobody in the tree has it open. */
static uint32_t target_find(const struct dump *d, const struct epoll_seen *s,
			    const EventpollTfdEntry *e, uint32_t toff)
{
	const struct task *t = s->task;

	for (size_t i = 0; i < t->fds.nr; i++)
		if (t->fds.v[i] == (int)e->tfd && is_target(s, e, toff, t, t->fds.v[i]))
			return t->fd_ids[i];
	tasks_for_each(t, &d->tree) {
		for (size_t i = 0; t->fd_ids && i < t->fds.nr; i++)
			if (is_target(s, e, toff, t, t->fds.v[i]))
				return t->fd_ids[i];
	}
	return 0;
}

/* How many before number i have its number, too. */
static uint32_t same_before(const EventpollFileEntry *e, size_t i)
{
	uint32_t nr = 0;

	for (size_t j = 0; j < i; j++)
		nr += e->tfd[j]->tfd == e->tfd[i]->tfd;
	return nr;
}

static int epoll_write(struct dump *d, struct epoll_seen *s)
{
	FileEntry fe = FILE_ENTRY__INIT;

	for (size_t i = 0; i < s->e.n_tfd; i++) {
		EventpollTfdEntry *e = s->e.tfd[i];

		e->has_file = true;
		e->file = target_find(d, s, e, same_before(&s->e, i));
		if (!e->file)
			blocker(NULL,
				"pid %d (%s): fd %d: an epoll file that watches what was fd %u, "
				"which no process of the tree has open",
				(int)s->task->pid, s->task->comm, s->fd, e->tfd);
		/* It is not there yet when watches are set. */
		else if (map_get(&d->late_files, e->file))
			blocker(
			    NULL,
			    "pid %d (%s): fd %d: an epoll file that watches fd %u, which is of a "
			    "thread: this cannot be kept yet",
			    (int)s->task->pid, s->task->comm, s->fd, e->tfd);
	}
	fe.type = FD_TYPES__EVENTPOLL;
	fe.epfd = &s->e;
	return dump_file_write(d, s->e.id, &fe);
}

static int epoll_dump_end(struct dump *d)
{
	for (struct epoll_seen *s = d->epolls; s; s = s->next) {
		int r = epoll_write(d, s);

		if (r < 0)
			return fail_at(task_fail_at(r, s->task), "fd %d", s->fd);
	}
	return 0;
}

/* --- restore ------------------------------------------------------------------ */

struct epoll_file {
	struct file file;
	int *target; /* of each entry: a descriptor of it that is ours, -1; owned */
};

static int epoll_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	const EventpollFileEntry *e = fe->epfd;

	(void)f;
	if (!e)
		return fail_plain("has no part of an epoll file");
	for (size_t i = 0; i < e->n_tfd; i++) {
		const struct file *to = restore_find_file(r, e->tfd[i]->file);

		if (e->tfd[i]->tfd > INT32_MAX)
			return fail_plain("epoll: a watch of number %u", e->tfd[i]->tfd);
		if (e->tfd[i]->has_file && (!to || !to->owner))
			return fail_plain("epoll: watches file %u, which nobody has open",
					  e->tfd[i]->file);
	}
	return 0;
}

static int epoll_open(struct restore *r, struct file *f)
{
	const EventpollFileEntry *e = f->entry->epfd;
	struct busy_poll b = { e->busy_poll_usecs, (uint16_t)e->busy_poll_budget,
			       e->prefer_busy_poll, 0 };
	cleanup_close int fd = epoll_create1(EPOLL_CLOEXEC);
	int ret;

	(void)r;
	if (fd < 0)
		return fail(errno, "epoll_create");
	if (e->has_busy_poll_usecs && ioctl(fd, SET_BUSY_POLL, &b) < 0)
		return fail(errno, "epoll: set busy poll parameters");
	ret = fail_at(status_restore(fd, e->flags, e->fown), "epoll");
	return ret < 0 ? ret : take_fd(&fd);
}

/* What the task itself has under this number; NULL: nothing. */
static const struct fd_slot *slot_of(const struct task *t, uint32_t fd)
{
	const struct task_restore *tr = t->restore;

	for (size_t i = 0; i < tr->nr_slots; i++)
		if (tr->slots[i].fd == (int)fd)
			return &tr->slots[i];
	return NULL;
}

static bool is_in_place(const struct task *t, const EventpollTfdEntry *e)
{
	const struct fd_slot *s = slot_of(t, e->tfd);

	return s && (!e->has_file || s->file->id == e->file);
}

/* While all owners have theirs where they belong. */
static int epoll_connect(struct restore *r, struct file *f, int fd)
{
	struct epoll_file *p = file_to(struct epoll_file, f);
	const EventpollFileEntry *e = f->entry->epfd;

	(void)fd;
	p->target = mem_alloc((e->n_tfd + 1) * sizeof(*p->target));
	for (size_t i = 0; i < e->n_tfd; i++) {
		p->target[i] = -1;
		if (is_in_place(f->owner, e->tfd[i]))
			continue;
		if (!e->tfd[i]->has_file)
			return fail_plain("epoll: watches fd %u, which is not open",
					  e->tfd[i]->tfd);
		p->target[i] = file_take(r, f->owner, restore_find_file(r, e->tfd[i]->file));
		if (p->target[i] < 0)
			return p->target[i];
	}
	return 0;
}

static int add(int efd, const EventpollTfdEntry *e)
{
	struct epoll_event ev = { .events = e->events, .data.u64 = e->data };

	if (LISTENS_TO_NOTHING(e->events))
		ev.events |= EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLRDHUP;
	if (epoll_ctl(efd, EPOLL_CTL_ADD, (int)e->tfd, &ev) < 0)
		return fail(errno, "epoll: add fd %u for events %#x", e->tfd, e->events);
	if (LISTENS_TO_NOTHING(e->events) && epoll_wait(efd, &ev, 1, 0) < 0)
		return fail(errno, "epoll: wait for fd %u", e->tfd);
	return 0;
}

/* With `target` under the number for as long as it takes. */
static int add_aside(const struct restore *r, int efd, const EventpollTfdEntry *e, int target)
{
	int number = (int)e->tfd, flags = fcntl(number, F_GETFD), ret;
	cleanup_close int aside = flags < 0 ? -1 : fcntl(number, F_DUPFD_CLOEXEC, r->service_base);

	if (flags >= 0 && aside < 0)
		return fail(errno, "dup of fd %d", number);
	/* The epoll file itself may have the number. */
	if (dup3(target, number, O_CLOEXEC) < 0)
		return fail(errno, "dup to %d", number);
	ret = add(efd == number ? aside : efd, e);
	if (aside < 0)
		close(number);
	else if (dup3(aside, number, flags & FD_CLOEXEC ? O_CLOEXEC : 0) < 0)
		return fail(errno, "dup to %d", number);
	return ret;
}

/* Those that are to have fired already come first: nothing else can come up then. */
static int epoll_watch(struct restore *r, struct file *f, int fd)
{
	struct epoll_file *p = file_to(struct epoll_file, f);
	const EventpollFileEntry *e = f->entry->epfd;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < e->n_tfd; i++) {
			int ret;

			if (LISTENS_TO_NOTHING(e->tfd[i]->events) == pass)
				continue;
			ret = p->target[i] < 0 ? add(fd, e->tfd[i])
					       : add_aside(r, fd, e->tfd[i], p->target[i]);
			if (ret < 0)
				return ret;
			if (p->target[i] >= 0)
				close(p->target[i]);
		}
	}
	free(p->target);
	return 0;
}

const struct file_kind epoll_kind = {
	.name = "epoll",
	.type = FD_TYPES__EVENTPOLL,
	.size = sizeof(struct epoll_file),
	.match = epoll_match,
	.dump = epoll_dump,
	.dump_end = epoll_dump_end,
	.load = epoll_load,
	.open = epoll_open,
	.connect = epoll_connect,
	.watch = epoll_watch,
};
