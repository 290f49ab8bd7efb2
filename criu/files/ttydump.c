// SPDX-License-Identifier: GPL-2.0-only
/*
 * Terminals at a dump: see files/tty.c.
 *
 * Whether the master of a pty is in the tree is known only when all descriptors have been
 * seen. So a terminal is remembered, with a descriptor of it, and judged at the end. What is asked
 * of a master is the answer for its slave, without being in the slave's session.
 */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/files/fown.h"
#include "criu/files/given.h"
#include "criu/files/ptydata.h"
#include "criu/files/reg.h"
#include "criu/files/tty.h"
#include "criu/image/writer.h"

#define ID_OF_OTHERS 0x40000000u /* above all that are made of a pty's index */

enum tty_end { TTY_SLAVE /* or no pty at all */, TTY_MASTER, TTY_HUNG_UP };

/* A terminal that was met, by the name that it was met under. */
struct tty_seen {
	struct tty_seen *next;
	enum tty_end end;
	struct stat st;
	uint32_t device; /* what it really is: of /dev/tty and /dev/console another one */
	uint32_t id;
	int fd; /* ours */
	char *who, *link;
};

/* Ids of ptys are made of their index, as CRIU does: 2 N the slave, 2 N + 1 the master. */
static uint32_t id_choose(const struct dump *d, const struct tty_seen *of)
{
	uint32_t id = ID_OF_OTHERS;
	const struct tty_seen *s;

	if (of->end == TTY_MASTER)
		return minor((dev_t)of->device) * 2 + 1;
	if (of->end == TTY_SLAVE && tty_is_pts(of->st.st_rdev))
		id = minor(of->st.st_rdev) * 2;
	for (s = d->ttys; s; s = s->next)
		if (s->id == id)
			id = ID_OF_OTHERS;
	for (s = d->ttys; s && id >= ID_OF_OTHERS; s = s->next)
		if (s->id >= id)
			id = s->id + 1;
	return id;
}

static const struct tty_seen *seen_find(const struct dump *d, const struct tty_seen *like)
{
	const struct tty_seen *s;

	for (s = d->ttys; s; s = s->next)
		if (s->st.st_dev == like->st.st_dev && s->st.st_rdev == like->st.st_rdev &&
		    s->device == like->device && s->end == like->end)
			break;
	return s;
}

static int seen_get(struct dump *d, const struct fd_probe *p, struct tty_seen *like,
		    uint32_t *ret_id)
{
	const struct tty_seen *seen = seen_find(d, like);
	struct tty_seen *fresh;
	char name[64];

	if (seen) {
		*ret_id = seen->id;
		return 0;
	}
	*ret_id = like->id = id_choose(d, like);
	like->fd = fcntl(p->lfd, F_DUPFD_CLOEXEC, 0);
	if (like->fd < 0)
		return fail(errno, "duplicate it");
	like->who = arena_strdup(&d->arena, fd_probe_name(p, name, sizeof(name)));
	like->link = arena_strdup(&d->arena, p->link);
	like->next = d->ttys;
	fresh = arena_dup(&d->arena, like, sizeof(*like));
	d->ttys = fresh;
	return 0;
}

/* 1, or 0 after a blocker. */
static int what_is_it(const struct fd_probe *p, struct tty_seen *ret)
{
	char name[64];
	int r = tty_fd_device(p->lfd, &ret->device);

	ret->st = p->st;
	ret->end = tty_fd_is_master(p->lfd) ? TTY_MASTER : TTY_SLAVE;
	if (r >= 0)
		return 1;
	fd_probe_name(p, name, sizeof(name));
	if (r != -EIO) {
		blocker(NULL, "%s: %s: TIOCGDEV: %s", name, p->link, strerror(-r));
		return 0;
	}
	ret->end = TTY_HUNG_UP;
	ret->device = (uint32_t)p->st.st_rdev;
	if (tty_is_pts(p->st.st_rdev))
		return 1;
	blocker(NULL, "%s: %s: a terminal that was hung up, which cannot be kept yet", name,
		p->link);
	return 0;
}

int tty_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	TtyFileEntry e = TTY_FILE_ENTRY__INIT;
	struct tty_seen is = { 0 };
	FownEntry fown;
	int r;

	if (!what_is_it(p, &is))
		return 0;
	r = fown_dump_probe(p, &fown);
	if (r >= 0)
		r = seen_get(d, p, &is, &e.tty_info_id);
	if (r < 0)
		return r;
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.fown = &fown;
	e.has_regf_id = true;
	e.regf_id = ++d->next_file_id;
	fe.type = FD_TYPES__TTY;
	fe.tty = &e;
	r = dump_file_write(d, p->id, &fe);
	return r < 0 ? r : reg_dump_path(d, e.regf_id, p->link, &p->st, e.flags);
}

/* --- what stands in the way ------------------------------------------------------- */

static const struct tty_seen *master_find(const struct dump *d, uint32_t device)
{
	const struct tty_seen *s;

	for (s = d->ttys; s; s = s->next)
		if (s->end == TTY_MASTER && s->device == device)
			break;
	return s;
}

static const struct tty_seen *slave_find(const struct dump *d, uint32_t device)
{
	const struct tty_seen *s;

	for (s = d->ttys; s; s = s->next)
		if (s->end == TTY_SLAVE && s->device == device)
			break;
	return s;
}

/* A task whose session the terminal controls. */
static const struct task *controlled_task(const struct dump *d, uint32_t device)
{
	const struct task *t;

	tasks_for_each(t, &d->tree) {
		if (task_is_alive(t) && (uint32_t)t->stat.tty_nr == device)
			return t;
	}
	return NULL;
}

/* A console, a virtual terminal, a serial line, of which no process of the tree has been made the
 * master or the servant: it stays where it is, and so do its modes. */
static bool is_device(const struct dump *d, const struct tty_seen *s)
{
	TtyType type = tty_type(s->st.st_rdev);

	return type != TTY_TYPE__PTY && type != TTY_TYPE__CTTY && !controlled_task(d, s->device);
}

/* It is to be given at the restore. */
static bool is_external(const struct dump *d, const struct tty_seen *s)
{
	char name[64];

	given_tty_name((uint32_t)s->st.st_rdev, (uint32_t)s->st.st_dev, name, sizeof(name));
	return s->end == TTY_SLAVE && external_has(d, name);
}

static bool is_outside(const struct dump *d, const struct tty_seen *s)
{
	return s->end == TTY_SLAVE && !is_external(d, s) && !master_find(d, s->device) &&
	       !is_device(d, s);
}

static void outside_judge(const struct dump *d, const struct tty_seen *s)
{
	const struct task *t = controlled_task(d, s->device);
	const struct tty_seen *before = NULL;

	for (const struct tty_seen *o = s->next; o; o = o->next)
		if (is_outside(d, o))
			before = o;
	if (t && tree_find(&d->tree, t->sid))
		return; /* session_judge() speaks */
	if (!d->s->opts->shell_job)
		blocker("use --shell-job, and restore it on another terminal",
			"%s: %s: a terminal whose master is outside the tree", s->who, s->link);
	else if (before && before->device != s->device)
		blocker(NULL,
			"%s: %s: a second terminal whose master is outside the tree, where "
			"--shell-job can give only one",
			s->who, s->link);
}

static void master_judge(const struct dump *d, const struct tty_seen *s)
{
	struct pollfd p = { .fd = s->fd, .events = POLLPRI };
	int index = (int)minor((dev_t)s->device), packets = 0;
	pid_t sid;

	if (ioctl(s->fd, TIOCGSID, &sid) == 0 && (sid <= 0 || !tree_find(&d->tree, sid)))
		blocker("dump from the process on that has both",
			"%s: %s: the master of /dev/pts/%d, which controls session %d: its leader "
			"is outside the tree",
			s->who, s->link, index, (int)sid);
	if (ioctl(s->fd, TIOCGPKT, &packets) == 0 && packets && poll(&p, 1, 0) > 0 &&
	    p.revents & POLLPRI)
		blocker("try again: it is about to read it",
			"%s: %s: the master of /dev/pts/%d has not read what has happened to its "
			"modes (packet mode), which cannot be kept",
			s->who, s->link, index);
}

static void slave_judge(const struct tty_seen *s)
{
	int discipline = 0;

	if (ioctl(s->fd, TIOCGETD, &discipline) == 0 && discipline)
		blocker(NULL, "%s: %s: a terminal with line discipline %d, which cannot be kept",
			s->who, s->link, discipline);
}

/* A session has lost its terminal unless the master of it is in the tree. */
static void session_judge(const struct dump *d, const struct task *t)
{
	dev_t dev = (dev_t)(uint32_t)t->stat.tty_nr;
	char name[32];

	if (master_find(d, (uint32_t)dev))
		return;
	for (const struct tty_seen *s = d->ttys; s; s = s->next)
		if (s->device == (uint32_t)dev && is_external(d, s))
			return;
	if (tty_is_pts(dev))
		snprintf(name, sizeof(name), "/dev/pts/%u", minor(dev));
	else
		snprintf(name, sizeof(name), "device %u:%u", major(dev), minor(dev));
	blocker(
	    "dump from the process on that has the master",
	    "pid %d (%s): the terminal that controls its session, %s: its master is outside the "
	    "tree",
	    (int)t->pid, t->comm, name);
}

static void seen_judge(const struct dump *d, const struct tty_seen *s)
{
	if (s->end == TTY_SLAVE)
		slave_judge(s);
	if (s->end == TTY_MASTER)
		master_judge(d, s);
	else if (is_outside(d, s))
		outside_judge(d, s);
}

void ttys_judge(const struct dump *d)
{
	const struct task *t;

	for (const struct tty_seen *s = d->ttys; s; s = s->next)
		seen_judge(d, s);
	tasks_for_each(t, &d->tree) {
		if (task_is_alive(t) && t->sid == t->pid && t->stat.tty_nr)
			session_judge(d, t);
	}
}

/* --- images ----------------------------------------------------------------------- */

static int modes_dump(struct dump *d, int fd, TtyInfoEntry *e)
{
	struct termios2 modes = { 0 }, locked = { 0 };
	struct winsize size = { 0 };

	if (ioctl(fd, TCGETS2, &modes) < 0)
		return fail(errno, "TCGETS2");
	if (ioctl(fd, TIOCGLCKTRMIOS, &locked) < 0)
		return fail(errno, "TIOCGLCKTRMIOS");
	if (ioctl(fd, TIOCGWINSZ, &size) < 0)
		return fail(errno, "TIOCGWINSZ");
	e->termios = arena_alloc(&d->arena, sizeof(*e->termios));
	e->termios_locked = arena_alloc(&d->arena, sizeof(*e->termios_locked));
	e->winsize = arena_message(&d->arena, WinsizeEntry, WINSIZE_ENTRY__INIT);
	termios_to_image(&modes, e->termios, arena_array(&d->arena, uint32_t, TTY_NCC));
	termios_to_image(&locked, e->termios_locked, arena_array(&d->arena, uint32_t, TTY_NCC));
	e->winsize->ws_row = size.ws_row;
	e->winsize->ws_col = size.ws_col;
	e->winsize->ws_xpixel = size.ws_xpixel;
	e->winsize->ws_ypixel = size.ws_ypixel;
	return 0;
}

static void session_of(const struct dump *d, uint32_t device, TtyInfoEntry *e)
{
	const struct tty_seen *master = master_find(d, device);
	const struct task *t = controlled_task(d, device);
	pid_t sid = t ? t->sid : 0, group = t ? t->stat.tpgid : 0;

	if (master && (ioctl(master->fd, TIOCGSID, &sid) < 0 || sid < 0))
		sid = 0;
	if (master && (!sid || ioctl(master->fd, TIOCGPGRP, &group) < 0))
		group = 0;
	e->sid = (uint32_t)sid;
	e->pgrp = group > 0 ? (uint32_t)group : 0;
}

static int info_write(struct dump *d, const TtyInfoEntry *e)
{
	int r = 0;

	if (!d->tty_info_img)
		r = image_writer_open(d->s->images, IMAGE_TTY_INFO, 0, &d->tty_info_img);
	return r < 0 ? r : image_write(d->tty_info_img, &e->base);
}

static bool slave_is_closed(int master)
{
	struct pollfd p = { .fd = master };

	return poll(&p, 1, 0) > 0 && p.revents & POLLHUP;
}

static int master_state(const struct tty_seen *s, TtyInfoEntry *e)
{
	int locked = 0, packets = 0;

	if (ioctl(s->fd, TIOCGPTLCK, &locked) < 0)
		return fail(errno, "TIOCGPTLCK");
	if (ioctl(s->fd, TIOCGPKT, &packets) < 0)
		return fail(errno, "TIOCGPKT");
	e->locked = locked;
	e->packet_mode = packets;
	e->has_slave_closed = e->slave_closed = slave_is_closed(s->fd);
	return 0;
}

static void place(TtyInfoEntry *e, const struct stat *st)
{
	e->rdev = (uint32_t)st->st_rdev;
	e->has_dev = e->has_uid = e->has_gid = e->has_mode = true;
	e->dev = (uint32_t)st->st_dev;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->mode = st->st_mode & 07777;
}

static int info_dump(struct dump *d, const struct tty_seen *s, TtyInfoEntry *e)
{
	int exclusive = 0, r = 0;

	e->id = s->id;
	e->type = is_external(d, s) ? TTY_TYPE__EXT_TTY : tty_type(s->st.st_rdev);
	place(e, &s->st);
	if (e->type == TTY_TYPE__PTY) {
		e->pty = arena_message(&d->arena, TtyPtyEntry, TTY_PTY_ENTRY__INIT);
		e->pty->index = minor((dev_t)s->device);
	}
	if (s->end == TTY_HUNG_UP) {
		e->has_hung_up = e->hung_up = true;
		return info_write(d, e);
	}
	if (ioctl(s->fd, TIOCGEXCL, &exclusive) < 0)
		return fail(errno, "TIOCGEXCL");
	e->exclusive = exclusive;
	session_of(d, s->device, e);
	if (s->end == TTY_MASTER)
		r = master_state(s, e);
	if (r >= 0)
		r = modes_dump(d, s->fd, e);
	return r < 0 ? r : info_write(d, e);
}

/* A slave that nobody has open still has an owner. */
static int closed_slave_dump(struct dump *d, const struct tty_seen *s)
{
	TtyInfoEntry e = TTY_INFO_ENTRY__INIT;
	TtyPtyEntry pty = TTY_PTY_ENTRY__INIT;
	char path[32];
	struct stat st;
	int r;

	for (const struct tty_seen *o = d->ttys; o; o = o->next)
		if (o->id == s->id - 1)
			return 0;
	snprintf(path, sizeof(path), "/dev/pts/%u", minor((dev_t)s->device));
	if (stat(path, &st) < 0 || st.st_rdev != (dev_t)s->device)
		return 0;
	pty.index = minor((dev_t)s->device);
	e.id = s->id - 1;
	e.type = TTY_TYPE__PTY;
	e.pty = &pty;
	place(&e, &st);
	session_of(d, s->device, &e);
	r = modes_dump(d, s->fd, &e);
	return r < 0 ? r : info_write(d, &e);
}

static int queue_write(struct dump *d, uint32_t id, const struct pty_queue *q)
{
	TtyDataEntry e = TTY_DATA_ENTRY__INIT;
	int r = 0;

	if (!q->len && !q->nr_lines)
		return 0;
	if (!d->tty_data_img)
		r = image_writer_open(d->s->images, IMAGE_TTY_DATA, 0, &d->tty_data_img);
	e.tty_id = id;
	e.data.data = q->data;
	e.data.len = q->len;
	e.lines = q->lines;
	e.n_lines = q->nr_lines;
	return r < 0 ? r : image_write(d->tty_data_img, &e.base);
}

/* Where no task has the slave open, nothing that is opened for it must be closed again: that is
 * what the master would be told. */
static int queues_dump(struct dump *d, const struct tty_seen *master, TtyInfoEntry *e)
{
	bool is_open = slave_find(d, master->device);
	cleanup_close int slave = -1;
	struct pty_queue out = { 0 }, in = { 0 };
	enum pty_flow flow = PTY_GOES_ON;
	int r = 0;

	if (is_open)
		slave = ioctl(master->fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (is_open && slave < 0 && errno != EIO)
		return fail(errno, "%s: TIOCGPTPEER", master->link);
	if (slave >= 0)
		r = pty_input_look(master->fd, slave, &in);
	if (r >= 0)
		r = pty_output_look(master->fd, slave, &out, &flow);
	if (r >= 0)
		r = queue_write(d, master->id, &out);
	if (r >= 0)
		r = queue_write(d, master->id - 1, &in);
	e->has_stopped = e->stopped = flow != PTY_GOES_ON;
	e->has_by_tcflow = e->by_tcflow = flow == PTY_STOPPED_BY_TCFLOW;
	pty_queue_done(&in);
	pty_queue_done(&out);
	return r < 0 ? fail_at(r, "%s: %s", master->who, master->link) : 0;
}

int ttys_write(struct dump *d)
{
	int r = 0;

	for (const struct tty_seen *s = d->ttys; s && r >= 0; s = s->next) {
		TtyInfoEntry e = TTY_INFO_ENTRY__INIT;

		if (s->end == TTY_MASTER)
			r = queues_dump(d, s, &e);
		if (r >= 0)
			r = fail_at(info_dump(d, s, &e), "%s: %s", s->who, s->link);
		if (r >= 0 && s->end == TTY_MASTER)
			r = fail_at(closed_slave_dump(d, s), "%s: %s", s->who, s->link);
	}
	if (d->tty_info_img && r >= 0)
		r = image_writer_close(&d->tty_info_img);
	if (d->tty_data_img && r >= 0)
		r = image_writer_close(&d->tty_data_img);
	return r;
}

void ttys_dump_done(struct dump *d)
{
	image_writer_free(d->tty_info_img);
	image_writer_free(d->tty_data_img);
	for (const struct tty_seen *s = d->ttys; s; s = s->next)
		close(s->fd);
}
