// SPDX-License-Identifier: GPL-2.0-only
/*
 * Ptys whose master is in the images.
 *
 * crtool makes them before the first fork. A process has its controlling terminal from its parent,
 * by fork, and only the leader of a session can take one (drivers/tty/tty_jobctrl.c: tiocsctty()):
 * so the leader does that before it has children. All tasks have both ends of all ptys until they
 * begin to run; the owner of a master takes the one that is there, slaves are opened anew.
 *
 * Programs know a pty by its number: by ttyname(3), in utmp, in variables of their own. One with
 * another number would have them act on somebody else's terminal, so a number that is taken is an
 * error. The kernel gives out the lowest that is free: what is below is opened, too, and closed
 * again.
 */
#include "criu/files/pty.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/files/ptydata.h"
#include "criu/files/tty.h"
#include "criu/image/reader.h"

#define INDEX_MAX    (1u << 20) /* NR_UNIX98_PTY_MAX */
#define PTMX         "/dev/ptmx"
#define LOCK_TRIES   500
#define LOCK_WAIT_MS 2
#define QUEUE_MAX    65536u
#define MODE_BITS    07777u

struct pty {
	struct pty *next; /* by ascending index */
	uint32_t index;
	const char *name; /* of the master */
	const TtyInfoEntry *master, *slave; /* slave may be NULL */
	struct pty_queue out, in;
	bool has_slave;
	int master_fd, slave_fd; /* service descriptors; -1 */
};

/* --- load --------------------------------------------------------------------- */

struct pty *pty_find(const struct restore *r, uint32_t index)
{
	struct pty *p;

	for (p = r->ptys; p; p = p->next)
		if (p->index == index)
			break;
	return p;
}

/* The slave's if there is one: a master in an image of CRIU may have none of its own. */
static const TtyInfoEntry *info_of(const struct pty *p)
{
	return p->slave ? p->slave : p->master;
}

static uint32_t session_of(const struct pty *p)
{
	return p->slave && p->slave->sid ? p->slave->sid : p->master->sid;
}

struct pty *pty_of_session(const struct restore *r, uint32_t sid)
{
	struct pty *p;

	for (p = sid ? r->ptys : NULL; p; p = p->next)
		if (session_of(p) == sid)
			break;
	return p;
}

static const TtyInfoEntry *slave_info(const struct restore *r, uint32_t index)
{
	for (size_t i = 0; i < r->nr_ttys; i++) {
		const TtyInfoEntry *e = r->ttys[i];

		if (e->pty && e->pty->index == index && tty_is_pts(e->rdev) && !e->hung_up)
			return e;
	}
	return NULL;
}

static int session_check(const struct restore *r, const struct pty *p)
{
	uint32_t sid = session_of(p);
	const struct task *leader = sid ? tree_find(&r->tree, (pid_t)sid) : NULL;
	const struct pty *other = pty_of_session(r, sid);

	if (!sid)
		return 0;
	if (!leader || !task_is_alive(leader) || leader->sid != leader->pid)
		return fail_plain("/dev/pts/%u controls session %u, whose leader is not in "
				  "the images",
				  p->index, sid);
	if (other)
		return fail_plain("/dev/pts/%u and /dev/pts/%u control the same session %u",
				  p->index, other->index, sid);
	return 0;
}

static void slave_path(const struct pty *p, char *buf, size_t size)
{
	snprintf(buf, size, "/dev/pts/%u", p->index);
}

static int number_taken(const struct pty *p)
{
	return fail_hint(fail_plain("the pty has to be number %u again, and somebody else has "
				    "/dev/pts/%u",
				    p->index, p->index),
			 "close that terminal (fuser /dev/pts/%u names who has it)", p->index);
}

/*
 * Another crtool that restores holds numbers for a moment that it does not want. Whoever keeps the
 * lock for longer than that is none, and must not keep us. -1: there is no lock.
 */
static int numbers_lock(void)
{
	int fd = open("/dev/pts", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (int i = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && i < LOCK_TRIES; i++)
		poll(NULL, 0, LOCK_WAIT_MS);
	return fd;
}

static int number_check(const struct pty *p)
{
	cleanup_close int lock = numbers_lock();
	struct stat st;
	char path[32];

	slave_path(p, path, sizeof(path));
	return stat(path, &st) == 0 ? number_taken(p) : 0;
}

int pty_load(struct restore *r, const TtyInfoEntry *master, const char *name, struct pty **ret)
{
	struct pty *p, **at = &r->ptys;
	int err;

	if (!master->pty || master->pty->index >= INDEX_MAX)
		return fail_plain("a master without a number that a pty can have");
	if (pty_find(r, master->pty->index))
		return fail_plain("a second master of /dev/pts/%u", master->pty->index);
	p = arena_alloc(&r->arena, sizeof(*p));
	p->index = master->pty->index;
	p->name = name;
	p->master = master;
	p->slave = slave_info(r, p->index);
	p->master_fd = p->slave_fd = -1;
	err = session_check(r, p);
	if (err >= 0)
		err = number_check(p);
	if (err < 0)
		return err;
	while (*at && (*at)->index < p->index)
		at = &(*at)->next;
	p->next = *at;
	*at = p;
	*ret = p;
	return 0;
}

void pty_has_slave(struct pty *p)
{
	p->has_slave = true;
}

static int queue_load(struct pty_queue *q, const TtyDataEntry *e)
{
	size_t in_lines = 0;

	if (q->data || q->lines)
		return fail_plain("terminal %u twice", e->tty_id);
	if (e->data.len > QUEUE_MAX || e->n_lines > QUEUE_MAX)
		return fail_plain("terminal %u has %zu bytes in %zu lines, which no queue can hold",
				  e->tty_id, e->data.len, e->n_lines);
	for (size_t i = 0; i < e->n_lines; i++) {
		if (e->lines[i] > e->data.len - in_lines)
			return fail_plain("lines of terminal %u are longer than its %zu bytes",
					  e->tty_id, e->data.len);
		in_lines += e->lines[i];
	}
	if (e->data.len)
		q->data = mem_dup(e->data.data, e->data.len);
	q->len = e->data.len;
	if (e->n_lines)
		q->lines = mem_dup(e->lines, e->n_lines * sizeof(*e->lines));
	q->nr_lines = e->n_lines;
	return 0;
}

/* Images of CRIU have no lengths of lines. */
static void lines_find(struct pty *p)
{
	const TermiosEntry *modes = info_of(p)->termios;
	struct pty_queue *q = &p->in;
	size_t start = 0;

	if (q->nr_lines || !modes || !(modes->c_lflag & ICANON))
		return;
	for (size_t i = 0; i < q->len; i++) {
		if (q->data[i] != '\n')
			continue;
		*array_push(q->lines, q->nr_lines, q->cap_lines) = (uint32_t)(i + 1 - start);
		start = i + 1;
	}
}

static struct pty_queue *queue_of(const struct restore *r, uint32_t id)
{
	for (struct pty *p = r->ptys; p; p = p->next) {
		if (p->master->id == id)
			return &p->out;
		if (p->slave && p->slave->id == id)
			return &p->in;
	}
	return NULL;
}

static int queues_read(struct restore *r)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int ret = image_reader_open(r->s->images, IMAGE_TTY_DATA, 0, &img);

	if (ret <= 0)
		return ret;
	while ((ret = image_read(img, &m)) > 0) {
		const TtyDataEntry *e = (const TtyDataEntry *)m;
		struct pty_queue *q = queue_of(r, e->tty_id);

		ret = q ? fail_at(queue_load(q, e), "%s", image_reader_where(img)) : 0;
		protobuf_c_message_free_unpacked(m, NULL);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	for (struct pty *p = r->ptys; p && ret >= 0; p = p->next)
		lines_find(p);
	return ret;
}

int ptys_load(struct restore *r)
{
	return r->ptys ? queues_read(r) : 0;
}

/* --- make --------------------------------------------------------------------- */

static int master_new(const char *name, uint32_t *ret_index)
{
	cleanup_close int fd = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	unsigned int index;

	if (fd < 0)
		return fail(errno, "open it");
	if (ioctl(fd, TIOCGPTN, &index) < 0)
		return fail(errno, "TIOCGPTN");
	*ret_index = index;
	return take_fd(&fd);
}

struct spares {
	int *fds;
	size_t nr, cap;
};

static void spares_done(struct spares *s)
{
	for (size_t i = 0; i < s->nr; i++)
		close(s->fds[i]);
	free(s->fds);
}

/* The one with this number; the last of the spares where that cannot be had. */
static int number_open(const char *name, uint32_t number, struct spares *spares, bool *ret_has)
{
	for (;;) {
		uint32_t index = 0;
		int fd = master_new(name, &index);

		*ret_has = fd >= 0 && index == number;
		if (fd < 0 || index >= number)
			return fd;
		*array_push(spares->fds, spares->nr, spares->cap) = fd;
	}
}

static int master_open(const struct pty *p, struct spares *spares)
{
	bool has;
	int fd = number_open(p->name, p->index, spares, &has);

	if (fd < 0 || has)
		return fd;
	close(fd);
	return number_taken(p);
}

/* Ascending, so what is below one of them is ours, or somebody's, or a spare. */
static int masters_open(struct restore *r)
{
	cleanup_close int lock = r->ptys ? numbers_lock() : -1;
	struct spares spares = { 0 };
	int ret = 0;

	for (struct pty *p = r->ptys; p && ret >= 0; p = p->next) {
		ret = fail_at(master_open(p, &spares), "%s", p->name);
		if (ret >= 0)
			ret = p->master_fd = service_fd(r, ret);
	}
	spares_done(&spares);
	return ret;
}

int pty_new_master(uint32_t number)
{
	cleanup_close int lock = numbers_lock();
	struct spares spares = { 0 };
	int unlocked = 0;
	bool has;
	cleanup_close int fd = number_open(PTMX, number, &spares, &has);

	spares_done(&spares);
	if (fd >= 0 && ioctl(fd, TIOCSPTLCK, &unlocked) < 0)
		return fail(errno, "TIOCSPTLCK");
	return take_fd(&fd);
}

static int place_restore(const struct pty *p)
{
	const TtyInfoEntry *e = info_of(p);
	char path[32];

	if (!p->slave)
		return 0;
	slave_path(p, path, sizeof(path));
	if (e->has_uid && e->has_gid && lchown(path, e->uid, e->gid) < 0)
		return fail(errno, "change the owner of %s to %u:%u", path, e->uid, e->gid);
	if (e->has_mode && chmod(path, e->mode & MODE_BITS) < 0)
		return fail(errno, "change the mode of %s to %o", path, e->mode & MODE_BITS);
	return 0;
}

/* With O_CLOEXEC, that would be among the flags of the description for ever. */
static int slave_new(const struct pty *p, int flags)
{
	int fd = ioctl(p->master_fd, TIOCGPTPEER, (flags | O_NOCTTY) & ~O_CLOEXEC);

	return fd < 0 ? fail(errno, "open /dev/pts/%u", p->index) : fd;
}

/* One that was never open stays so: once it has been, the master is told when it is closed. */
static bool wants_slave(const struct pty *p)
{
	return p->has_slave || p->master->slave_closed || session_of(p) || p->in.len ||
	       p->in.nr_lines || p->master->stopped;
}

static int slave_make(const struct restore *r, struct pty *p)
{
	int unlocked = 0, fd;

	if (ioctl(p->master_fd, TIOCSPTLCK, &unlocked) < 0)
		return fail(errno, "TIOCSPTLCK");
	if (!wants_slave(p))
		return 0;
	fd = slave_new(p, O_RDWR | O_NONBLOCK);
	if (fd >= 0)
		fd = p->slave_fd = service_fd(r, fd);
	return fd;
}

static int size_restore(const struct pty *p)
{
	const WinsizeEntry *e = info_of(p)->winsize;
	struct winsize size;

	if (!e)
		return 0;
	size = (struct winsize){ (unsigned short)e->ws_row, (unsigned short)e->ws_col,
				 (unsigned short)e->ws_xpixel, (unsigned short)e->ws_ypixel };
	return ioctl(p->master_fd, TIOCSWINSZ, &size) < 0 ? fail(errno, "TIOCSWINSZ") : 0;
}

static int modes_restore(const struct pty *p)
{
	const TermiosEntry *e = info_of(p)->termios;
	struct termios2 modes;

	if (!e)
		return 0;
	if (ioctl(p->master_fd, TCGETS2, &modes) < 0)
		return fail(errno, "TCGETS2");
	termios_from_image(e, &modes);
	return ioctl(p->master_fd, TCSETS2, &modes) < 0 ? fail(errno, "TCSETS2") : 0;
}

static int modes_lock(const struct pty *p)
{
	const TermiosEntry *e = info_of(p)->termios_locked;
	static const struct termios2 none;
	struct termios2 locked = none;

	if (!e)
		return 0;
	termios_from_image(e, &locked);
	if (!memcmp(&locked, &none, sizeof(none)))
		return 0;
	return ioctl(p->master_fd, TIOCSLCKTRMIOS, &locked) < 0 ? fail(errno, "TIOCSLCKTRMIOS") : 0;
}

static int queues_restore(const struct pty *p)
{
	int r = pty_output_put(p->master_fd, p->slave_fd, &p->out);

	if (r >= 0 && p->slave_fd >= 0)
		r = pty_input_put(p->master_fd, p->slave_fd, &p->in);
	if (r >= 0 && p->master->stopped)
		r = pty_output_stop(p->master_fd, p->slave_fd,
				    p->master->by_tcflow ? PTY_STOPPED_BY_TCFLOW : PTY_STOPPED);
	return r;
}

static int pty_make(const struct restore *r, struct pty *p)
{
	int packets = 1, ret = slave_make(r, p);

	if (ret >= 0)
		ret = place_restore(p);
	if (ret >= 0)
		ret = size_restore(p);
	if (ret >= 0)
		ret = modes_restore(p);
	if (ret >= 0)
		ret = queues_restore(p);
	if (ret >= 0)
		ret = modes_lock(p);
	if (ret >= 0 && p->master->packet_mode && ioctl(p->master_fd, TIOCPKT, &packets) < 0)
		ret = fail(errno, "TIOCPKT");
	return ret;
}

int ptys_make(struct restore *r)
{
	int ret = masters_open(r);

	for (struct pty *p = r->ptys; p && ret >= 0; p = p->next)
		ret = fail_at(pty_make(r, p), "/dev/pts/%u", p->index);
	return ret;
}

/* --- in the tasks ------------------------------------------------------------- */

int pty_control(const struct restore *r, const struct task *t)
{
	const struct pty *p = pty_of_session(r, (uint32_t)t->pid);

	if (!p || ioctl(p->slave_fd, TIOCSCTTY, 0) == 0)
		return 0;
	return fail(errno, "make /dev/pts/%u the terminal of its session", p->index);
}

static bool group_exists(const struct restore *r, const struct task *leader, uint32_t group)
{
	const struct task *t;

	tasks_for_each(t, &r->tree) {
		if (t->sid == leader->sid && (uint32_t)t->pgid == group)
			return true;
	}
	return false;
}

int tty_give_to_group(const struct restore *r, const struct task *leader, int fd, pid_t group)
{
	if (!group_exists(r, leader, (uint32_t)group))
		return 0;
	return ioctl(fd, TIOCSPGRP, &group) < 0
		   ? fail(errno, "make group %d the foreground group", (int)group)
		   : 0;
}

int pty_foreground(const struct restore *r, const struct task *t)
{
	const struct pty *p = pty_of_session(r, (uint32_t)t->pid);
	pid_t group;

	if (!p)
		return 0;
	group = (pid_t)(p->slave && p->slave->sid ? p->slave->pgrp : p->master->pgrp);
	return fail_at(tty_give_to_group(r, t, p->slave_fd, group), "/dev/pts/%u", p->index);
}

int pty_open_master(const struct pty *p)
{
	int fd = fcntl(p->master_fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? fail(errno, "duplicate the master of /dev/pts/%u", p->index) : fd;
}

int pty_open_slave(const struct pty *p, int flags)
{
	return slave_new(p, flags);
}

/* --- end ---------------------------------------------------------------------- */

static int pty_finish(const struct pty *p)
{
	int locked = 1;

	if (p->slave && p->slave->exclusive && p->slave_fd >= 0 && ioctl(p->slave_fd, TIOCEXCL) < 0)
		return fail(errno, "TIOCEXCL");
	if (p->master->exclusive && ioctl(p->master_fd, TIOCEXCL) < 0)
		return fail(errno, "TIOCEXCL");
	if (p->master->locked && ioctl(p->master_fd, TIOCSPTLCK, &locked) < 0)
		return fail(errno, "TIOCSPTLCK");
	return 0;
}

int ptys_finish(struct restore *r)
{
	int ret = 0;

	for (const struct pty *p = r->ptys; p && ret >= 0; p = p->next)
		ret = fail_at(pty_finish(p), "/dev/pts/%u", p->index);
	ptys_done(r);
	return ret;
}

void ptys_done(struct restore *r)
{
	for (struct pty *p = r->ptys; p; p = p->next) {
		if (p->master_fd >= 0)
			close(p->master_fd);
		if (p->slave_fd >= 0)
			close(p->slave_fd);
		p->master_fd = p->slave_fd = -1;
		pty_queue_done(&p->in);
		pty_queue_done(&p->out);
	}
}
