// SPDX-License-Identifier: GPL-2.0-only
/*
 * Terminals. Images: images/tty.proto. Tests: test/unit/tty.c, test/shell_job.py.
 *
 * A terminal whose master lies outside of the tree (a window, a login) cannot be made again.
 * With --shell-job the one that crtool is started on takes its place: each description of
 * the old one becomes a description of that one. What is the terminal's and not a
 * description's (modes, foreground group) is done in files/terminal.c.
 *
 * Which session a terminal controls only a task of it may ask the terminal; /proc/PID/stat of
 * such a task tells everybody.
 */
#include "criu/files/tty.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"
#include "criu/files/reg.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"

/* Documentation/admin-guide/devices.txt of the kernel */
#define MAJOR_TTY       4 /* virtual consoles; from minor 64 on serial lines */
#define MAJOR_TTYAUX    5
#define MINOR_CTTY      0 /* /dev/tty */
#define MINOR_CONSOLE   1
#define MINOR_PTMX      2
#define MAJOR_PTM_FIRST 128 /* masters, as some files have them; 8 majors */
#define MAJOR_PTS_FIRST 136
#define MAJORS_PTS      8
#define MINOR_SERIAL    64
#define FLAGS_OF_OPEN   (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC)
#define ID_OF_OTHERS    0x40000000u /* above all that are made of a pty's index */

struct tty_file {
	struct file file;
	const TtyInfoEntry *info;
};

/* --- modes -------------------------------------------------------------------- */

void termios_to_image(const struct termios2 *t, TermiosEntry *e, uint32_t cc[TTY_NCC])
{
	*e = (TermiosEntry)TERMIOS_ENTRY__INIT;
	e->c_iflag = t->c_iflag;
	e->c_oflag = t->c_oflag;
	e->c_cflag = t->c_cflag;
	e->c_lflag = t->c_lflag;
	e->c_line = t->c_line;
	e->c_ispeed = t->c_ispeed;
	e->c_ospeed = t->c_ospeed;
	memset(cc, 0, TTY_NCC * sizeof(*cc));
	for (size_t i = 0; i < TTY_NCC; i++)
		cc[i / 4] |= (uint32_t)t->c_cc[i] << i % 4 * 8;
	e->n_c_cc = TTY_NCC;
	e->c_cc = cc;
}

/* Four in a number, as CRIU writes them, or one in each, as the format means it. */
static bool cc_is_packed(const TermiosEntry *e)
{
	for (size_t i = 0; i < e->n_c_cc; i++) {
		if (e->c_cc[i] > 0xff)
			return true;
		if (i >= (TTY_NCC + 3) / 4 && e->c_cc[i])
			return false;
	}
	return true;
}

void termios_from_image(const TermiosEntry *e, struct termios2 *t)
{
	bool packed = cc_is_packed(e);
	size_t per = packed ? 4 : 1;

	t->c_iflag = e->c_iflag;
	t->c_oflag = e->c_oflag;
	t->c_cflag = e->c_cflag;
	t->c_lflag = e->c_lflag;
	for (size_t i = 0; i < TTY_NCC && i / per < e->n_c_cc; i++)
		t->c_cc[i] = (cc_t)(e->c_cc[i / per] >> i % per * 8);
	/* CRIU writes 0; the kernel takes them only where the flags have BOTHER. */
	if (e->c_ispeed)
		t->c_ispeed = e->c_ispeed;
	if (e->c_ospeed)
		t->c_ospeed = e->c_ospeed;
}

/* --- what is it --------------------------------------------------------------- */

bool tty_fd_is_master(int fd)
{
	unsigned int index;

	return ioctl(fd, TIOCGPTN, &index) == 0;
}

int tty_fd_device(int fd, uint32_t *ret)
{
	unsigned int dev;

	if (ioctl(fd, TIOCGDEV, &dev) < 0)
		return -errno;
	*ret = dev;
	return 0;
}

static bool is_pts_major(unsigned int maj)
{
	return maj >= MAJOR_PTS_FIRST && maj < MAJOR_PTS_FIRST + MAJORS_PTS;
}

static bool is_tty_device(dev_t dev)
{
	unsigned int maj = major(dev);

	return maj == MAJOR_TTY || maj == MAJOR_TTYAUX || is_pts_major(maj);
}

static bool is_master_device(dev_t dev)
{
	unsigned int maj = major(dev);

	return dev == makedev(MAJOR_TTYAUX, MINOR_PTMX) ||
	       (maj >= MAJOR_PTM_FIRST && maj < MAJOR_PTS_FIRST);
}

static TtyType type_of_device(dev_t dev)
{
	if (is_pts_major(major(dev)) || is_master_device(dev))
		return TTY_TYPE__PTY;
	if (dev == makedev(MAJOR_TTYAUX, MINOR_CTTY))
		return TTY_TYPE__CTTY;
	if (dev == makedev(MAJOR_TTYAUX, MINOR_CONSOLE))
		return TTY_TYPE__CONSOLE;
	if (major(dev) == MAJOR_TTY && minor(dev) < MINOR_SERIAL)
		return TTY_TYPE__VT;
	return TTY_TYPE__SERIAL;
}

static bool tty_match(const struct fd_probe *p)
{
	uint32_t dev;

	return S_ISCHR(p->st.st_mode) && !(p->info.flags & O_PATH) &&
	       (is_tty_device(p->st.st_rdev) || tty_fd_device(p->lfd, &dev) == 0);
}

/* --- dump --------------------------------------------------------------------- */

/* A terminal that was met, by the name that it was met under. */
struct tty_seen {
	struct tty_seen *next;
	uint64_t dev, rdev; /* st_dev, st_rdev */
	uint32_t device; /* what it really is: of /dev/tty and /dev/console another one */
	uint32_t id;
};

static const struct tty_seen *seen_find(const struct dump *d, const struct stat *st,
					uint32_t device)
{
	const struct tty_seen *s;

	for (s = d->ttys; s; s = s->next)
		if (s->dev == st->st_dev && s->rdev == st->st_rdev && s->device == device)
			break;
	return s;
}

/* Ids of ptys are made of their index, as CRIU does: 2 N the slave, 2 N + 1 the master. */
static uint32_t id_choose(const struct dump *d, const struct stat *st)
{
	bool pts = is_pts_major(major(st->st_rdev));
	uint32_t id = pts ? minor(st->st_rdev) * 2 : ID_OF_OTHERS;
	const struct tty_seen *s;

	for (s = d->ttys; s; s = s->next)
		if (s->id == id)
			id = ID_OF_OTHERS;
	for (s = d->ttys; s && id >= ID_OF_OTHERS; s = s->next)
		if (s->id >= id)
			id = s->id + 1;
	return id;
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

static int info_dump(struct dump *d, const struct fd_probe *p, const struct tty_seen *seen)
{
	const struct task *t = controlled_task(d, seen->device);
	TtyInfoEntry e = TTY_INFO_ENTRY__INIT;
	TtyPtyEntry pty = TTY_PTY_ENTRY__INIT;
	int exclusive = 0, r;

	if (ioctl(p->lfd, TIOCGEXCL, &exclusive) < 0)
		return fail(errno, "TIOCGEXCL");
	e.id = seen->id;
	e.type = type_of_device(p->st.st_rdev);
	e.exclusive = exclusive;
	e.sid = t ? (uint32_t)t->sid : 0;
	e.pgrp = t && t->stat.tpgid > 0 ? (uint32_t)t->stat.tpgid : 0;
	e.rdev = (uint32_t)p->st.st_rdev;
	e.has_dev = e.has_uid = e.has_gid = true;
	e.dev = (uint32_t)p->st.st_dev;
	e.uid = p->st.st_uid;
	e.gid = p->st.st_gid;
	if (e.type == TTY_TYPE__PTY) {
		pty.index = minor(p->st.st_rdev);
		e.pty = &pty;
	}
	r = modes_dump(d, p->lfd, &e);
	if (r < 0)
		return r;
	if (!d->tty_info_img)
		r = image_writer_open(d->s->images, IMAGE_TTY_INFO, 0, &d->tty_info_img);
	return r < 0 ? r : image_write(d->tty_info_img, &e.base);
}

/* True when it stands in the way. */
static bool outside_blocked(const struct dump *d, const struct fd_probe *p, uint32_t device)
{
	const struct task *t = controlled_task(d, device);
	char name[64];

	if (t && tree_find(&d->tree, t->sid))
		return true; /* session_block() speaks */
	fd_probe_name(p, name, sizeof(name));
	if (!d->s->opts->shell_job)
		blocker("use --shell-job, and restore it on another terminal",
			"%s: %s: a terminal whose master is outside the tree", name, p->link);
	else if (d->ttys && d->ttys->device != device)
		blocker(NULL,
			"%s: %s: a second terminal whose master is outside the tree, where "
			"--shell-job can give only one",
			name, p->link);
	else
		return false;
	return true;
}

static bool tty_blocked(const struct dump *d, const struct fd_probe *p, uint32_t *ret_device)
{
	char name[64];
	int r;

	fd_probe_name(p, name, sizeof(name));
	if (tty_fd_is_master(p->lfd)) {
		blocker(NULL,
			"%s: %s: a terminal whose master is in the tree, which cannot be kept yet",
			name, p->link);
		return true;
	}
	r = tty_fd_device(p->lfd, ret_device);
	if (r == -EIO) {
		blocker(NULL, "%s: %s: a terminal that was hung up, which cannot be kept yet", name,
			p->link);
		return true;
	}
	if (r < 0) {
		blocker(NULL, "%s: %s: TIOCGDEV: %s", name, p->link, strerror(-r));
		return true;
	}
	return outside_blocked(d, p, *ret_device);
}

static int seen_get(struct dump *d, const struct fd_probe *p, uint32_t device, uint32_t *ret_id)
{
	const struct tty_seen *seen = seen_find(d, &p->st, device);
	struct tty_seen *fresh;

	if (seen) {
		*ret_id = seen->id;
		return 0;
	}
	fresh = arena_alloc(&d->arena, sizeof(*fresh));
	*fresh = (struct tty_seen){
		.next = d->ttys,
		.dev = p->st.st_dev,
		.rdev = p->st.st_rdev,
		.device = device,
		.id = id_choose(d, &p->st),
	};
	d->ttys = fresh;
	*ret_id = fresh->id;
	return info_dump(d, p, fresh);
}

static int tty_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	TtyFileEntry e = TTY_FILE_ENTRY__INIT;
	FownEntry fown;
	uint32_t device = 0;
	int r;

	if (tty_blocked(d, p, &device))
		return 0;
	r = fown_dump(p->lfd, &fown);
	if (r >= 0)
		r = seen_get(d, p, device, &e.tty_info_id);
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

/* A session has lost its terminal unless the master of it is in the tree. */
static void session_block(const struct task *t)
{
	dev_t dev = (dev_t)(uint32_t)t->stat.tty_nr;
	char name[32];

	if (is_pts_major(major(dev)))
		snprintf(name, sizeof(name), "/dev/pts/%u", minor(dev));
	else
		snprintf(name, sizeof(name), "device %u:%u", major(dev), minor(dev));
	blocker(
	    "dump from the process on that has the master",
	    "pid %d (%s): the terminal that controls its session, %s: its master is outside the "
	    "tree",
	    (int)t->pid, t->comm, name);
}

void ttys_check_sessions(const struct dump *d)
{
	const struct task *t;

	tasks_for_each(t, &d->tree) {
		if (task_is_alive(t) && t->sid == t->pid && t->stat.tty_nr)
			session_block(t);
	}
}

/* --- restore ------------------------------------------------------------------ */

static int info_check(const struct restore *r, const TtyInfoEntry *e)
{
	if (e->type == TTY_TYPE__PTY && !e->pty)
		return fail_plain("tty-info.img: terminal %u has no part of a pty", e->id);
	for (size_t i = 0; r->ttys && i < r->nr_ttys; i++)
		if (r->ttys[i]->id == e->id)
			return fail_plain("tty-info.img: terminal %u twice", e->id);
	return 0;
}

static int infos_read(struct restore *r)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	size_t cap = 0;
	int ret = image_reader_open(r->s->images, IMAGE_TTY_INFO, 0, &img);

	if (ret <= 0)
		return ret < 0 ? ret : fail_plain("tty-info.img is missing");
	while ((ret = image_read_from(img, &r->messages, &m)) > 0) {
		ret = info_check(r, (TtyInfoEntry *)m);
		if (ret < 0)
			break;
		*array_push(r->ttys, r->nr_ttys, cap) = (TtyInfoEntry *)m;
	}
	image_reader_free(img);
	return ret;
}

static int info_find(struct restore *r, uint32_t id, const TtyInfoEntry **ret)
{
	int err = r->ttys ? 0 : infos_read(r);

	if (err < 0)
		return err;
	for (size_t i = 0; r->ttys && i < r->nr_ttys; i++) {
		if (r->ttys[i]->id == id) {
			*ret = r->ttys[i];
			return 0;
		}
	}
	return fail_plain("tty-info.img has no terminal %u", id);
}

static bool has_master(const struct restore *r, const TtyInfoEntry *e)
{
	for (size_t i = 0; r->ttys && i < r->nr_ttys; i++) {
		const TtyInfoEntry *o = r->ttys[i];

		if (is_master_device(o->rdev) && o->pty && e->pty && o->pty->index == e->pty->index)
			return true;
	}
	return false;
}

/* /dev/tty and /dev/console are names of a terminal that has another one. */
static bool is_itself(const TtyInfoEntry *e)
{
	return e->type != TTY_TYPE__CTTY && e->type != TTY_TYPE__CONSOLE;
}

const TtyInfoEntry *tty_outside(const struct restore *r)
{
	const TtyInfoEntry *any = NULL;

	for (size_t i = 0; r->ttys && i < r->nr_ttys; i++) {
		if (is_itself(r->ttys[i]))
			return r->ttys[i];
		any = r->ttys[i];
	}
	return any;
}

bool tty_is_needed(const struct restore *r)
{
	return r->nr_ttys > 0;
}

static const char *tty_name(const struct restore *r, const TtyFileEntry *e)
{
	const struct file *f = e->has_regf_id ? restore_find_file(r, e->regf_id) : NULL;

	return f && f->entry->reg ? f->entry->reg->name : "terminal";
}

static int outside_check(const struct restore *r, const TtyInfoEntry *e)
{
	const TtyInfoEntry *first = tty_outside(r);

	if (is_master_device(e->rdev) || has_master(r, e))
		return fail_plain(
		    "a terminal whose master is in the images, which cannot be restored "
		    "yet");
	if (!r->s->opts->shell_job)
		return fail_hint(fail_plain("a terminal whose master is outside the images"),
				 "try --shell-job, on a terminal that is to take its place");
	if (e->sid && tree_find(&r->tree, (pid_t)e->sid))
		return fail_plain(
		    "controls session %u of the images, but its master is not in them", e->sid);
	if (is_itself(e) && (first->rdev != e->rdev || first->dev != e->dev))
		return fail_plain("a second terminal whose master is outside the images");
	return 0;
}

static int tty_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct tty_file *t = file_to(struct tty_file, f);
	const TtyFileEntry *e = fe->tty;
	int ret;

	if (!e)
		return fail_plain("has no part of a terminal");
	if ((e->flags & O_ACCMODE) == O_ACCMODE)
		return fail_plain("a terminal with flags %o", e->flags);
	ret = info_find(r, e->tty_info_id, &t->info);
	if (ret >= 0)
		ret = outside_check(r, t->info);
	return ret < 0 ? fail_at(ret, "%s", tty_name(r, e)) : 0;
}

/*
 * By way of /proc a new description of whatever crtool has found. /dev/tty stays what it is
 * where it is the same terminal: in crtool's session.
 */
static int terminal_reopen(const struct restore *r, const struct tty_file *t, int flags)
{
	char path[32];
	int fd = -1;

	if (t->info->type == TTY_TYPE__CTTY)
		fd = open("/dev/tty", flags);
	if (fd >= 0)
		return fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", r->tty_fd);
	fd = open(path, flags);
	return fd < 0 ? fail(errno, "open the terminal of crtool") : fd;
}

static int tty_open(struct restore *r, struct file *f)
{
	const struct tty_file *t = file_to(struct tty_file, f);
	const TtyFileEntry *e = f->entry->tty;
	uint32_t flags = e->flags & ~(uint32_t)FLAGS_OF_OPEN;
	/* O_NONBLOCK: a serial line waits for its carrier. */
	cleanup_close int fd =
	    terminal_reopen(r, t, (int)flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	int ret;

	if (fd < 0)
		return fail_at(fd, "%s", tty_name(r, e));
	ret = status_restore(fd, flags, e->fown);
	return ret < 0 ? fail_at(ret, "%s", tty_name(r, e)) : take_fd(&fd);
}

const struct file_kind tty_kind = {
	.name = "tty",
	.type = FD_TYPES__TTY,
	.size = sizeof(struct tty_file),
	.match = tty_match,
	.dump = tty_dump,
	.load = tty_load,
	.open = tty_open,
};
