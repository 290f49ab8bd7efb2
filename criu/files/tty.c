// SPDX-License-Identifier: GPL-2.0-only
/*
 * Terminals. Images: images/tty.proto. Tests: test/unit/tty.c, test/shell_job.py,
 * test/zdtm/static/pty*. The dump is files/ttydump.c; ptys whose master is in the tree are
 * files/pty.c, and what is in them files/ptydata.c.
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
#include "criu/files/given.h"
#include "criu/files/kinds.h"
#include "criu/files/pty.h"
#include "criu/files/reg.h"
#include "criu/image/reader.h"

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

struct tty_file {
	struct file file;
	const TtyInfoEntry *info;
	const struct pty *pty; /* whose master is in the images; NULL */
	int hung_up; /* where its master has gone: the description, for all tasks; 0: not yet */
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

bool tty_is_pts(dev_t rdev)
{
	return is_pts_major(major(rdev));
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

TtyType tty_type(dev_t dev)
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

/* --- restore ------------------------------------------------------------------ */

static int info_check(const struct restore *r, const TtyInfoEntry *e)
{
	if ((e->type == TTY_TYPE__PTY || e->hung_up) && !e->pty)
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
	while ((ret = image_read_from(img, r->messages, &m)) > 0) {
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

/* The pty is in the images, with its master. /dev/tty is that of a session. */
static bool is_inside(const struct restore *r, const TtyInfoEntry *e)
{
	bool by_session = e->type == TTY_TYPE__CTTY && e->sid;

	if (is_master_device(e->rdev))
		return true;
	for (size_t i = 0; i < r->nr_ttys; i++) {
		const TtyInfoEntry *o = r->ttys[i];

		if (is_master_device(o->rdev) && o->pty &&
		    (e->pty ? o->pty->index == e->pty->index : by_session && o->sid == e->sid))
			return true;
	}
	return false;
}

/* It stays on its host, and is opened by its name: no session of the images has it. */
static bool is_device(const TtyInfoEntry *e)
{
	return e->type != TTY_TYPE__PTY && e->type != TTY_TYPE__CTTY && !e->sid;
}

/* /dev/tty and /dev/console are names of a terminal that has another one. */
static bool is_itself(const TtyInfoEntry *e)
{
	return e->type != TTY_TYPE__CTTY && e->type != TTY_TYPE__CONSOLE;
}

static bool is_given(const struct restore *r, const TtyInfoEntry *e)
{
	char name[64];

	given_tty_name(e->rdev, e->dev, name, sizeof(name));
	return e->type == TTY_TYPE__EXT_TTY || given_find(r, name) >= 0;
}

const TtyInfoEntry *tty_outside(const struct restore *r)
{
	const TtyInfoEntry *any = NULL;

	for (size_t i = 0; i < r->nr_ttys; i++) {
		const TtyInfoEntry *e = r->ttys[i];

		if (e->hung_up || is_device(e) || is_inside(r, e) || is_given(r, e))
			continue;
		if (is_itself(e))
			return e;
		any = e;
	}
	return any;
}

bool tty_is_needed(const struct restore *r)
{
	return tty_outside(r);
}

static const char *tty_name(const struct restore *r, const TtyFileEntry *e)
{
	const struct file *f = e->has_regf_id ? restore_find_file(r, e->regf_id) : NULL;

	return f && f->entry->reg ? f->entry->reg->name : "terminal";
}

static int outside_check(const struct restore *r, const TtyInfoEntry *e)
{
	const TtyInfoEntry *first = tty_outside(r);

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

static int master_load(struct restore *r, struct file *f, struct tty_file *t)
{
	const char *name = tty_name(r, f->entry->tty);
	struct pty *pty;
	int ret = pty_load(r, t->info, name[0] == '/' ? name : "/dev/ptmx", &pty);

	t->pty = ret < 0 ? NULL : pty;
	return ret;
}

static int device_check(const TtyInfoEntry *e, const char *name)
{
	struct stat st;

	if (name[0] != '/')
		return fail_plain("a terminal without a name");
	if (stat(name, &st) < 0)
		return fail(errno, "look for it");
	if (!S_ISCHR(st.st_mode) || (uint32_t)st.st_rdev != e->rdev)
		return fail_plain("is another device than it was");
	return 0;
}

static int device_load(struct restore *r, const TtyInfoEntry *info, const TtyFileEntry *e)
{
	const struct file *f = e->has_regf_id ? restore_find_file(r, e->regf_id) : NULL;

	if (f && f->entry->reg)
		reg_evade(r, f->entry->reg);
	return device_check(info, tty_name(r, e));
}

static int tty_given(struct restore *r, const FileEntry *fe, struct given_name *ret)
{
	const TtyInfoEntry *info;
	int err;

	if (!fe->tty)
		return 0;
	err = info_find(r, fe->tty->tty_info_id, &info);
	if (err < 0)
		return err;
	given_tty_name(info->rdev, info->dev, ret->text, sizeof(ret->text));
	ret->flags = fe->tty->flags;
	ret->fown = fe->tty->fown;
	return 1;
}

static int external_fail(const TtyInfoEntry *e)
{
	char name[64];

	given_tty_name(e->rdev, e->dev, name, sizeof(name));
	return fail_hint(fail_plain("a terminal that stays outside of the images"),
			 "try --inherit-fd fd[N]:%s", name);
}

/* The one that was given, and controls the session of this leader; -1: none. */
static int given_controlling(const struct restore *r, const struct task *t,
			     const TtyInfoEntry **ret)
{
	char name[64];

	for (size_t i = 0; i < r->nr_ttys; i++) {
		const TtyInfoEntry *e = r->ttys[i];

		if (e->type != TTY_TYPE__EXT_TTY || !e->sid || e->sid != (uint32_t)t->pid)
			continue;
		*ret = e;
		given_tty_name(e->rdev, e->dev, name, sizeof(name));
		return given_find(r, name);
	}
	return -1;
}

int tty_control(const struct restore *r, const struct task *t)
{
	const TtyInfoEntry *e;
	int fd = given_controlling(r, t, &e);

	if (fd < 0)
		return pty_control(r, t);
	return ioctl(fd, TIOCSCTTY, 0) < 0
		   ? fail(errno, "make what --inherit-fd gives the terminal of its session")
		   : 0;
}

int tty_foreground(const struct restore *r, const struct task *t)
{
	const TtyInfoEntry *e;
	int fd = given_controlling(r, t, &e);

	return fd < 0 ? pty_foreground(r, t) : tty_give_to_group(r, t, fd, (pid_t)e->pgrp);
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
	if (ret >= 0 && t->info->type == TTY_TYPE__EXT_TTY)
		ret = external_fail(t->info);
	else if (ret >= 0 && is_master_device(t->info->rdev))
		ret = master_load(r, f, t);
	else if (ret >= 0 && is_device(t->info))
		ret = device_load(r, t->info, e);
	else if (ret >= 0 && !t->info->hung_up && !is_inside(r, t->info))
		ret = outside_check(r, t->info);
	return ret < 0 ? fail_at(ret, "%s", tty_name(r, e)) : 0;
}

/* When all masters are known. */
static int slave_find(struct restore *r, struct tty_file *t)
{
	struct pty *pty;

	if (t->pty || t->info->hung_up || !is_inside(r, t->info))
		return 0;
	pty = t->info->pty ? pty_find(r, t->info->pty->index) : pty_of_session(r, t->info->sid);
	if (!pty)
		return fail_plain("files.img has no master of terminal %u", t->info->id);
	pty_has_slave(pty);
	t->pty = pty;
	return 0;
}

int ttys_load(struct restore *r)
{
	int ret = 0;

	for (size_t i = 0; i < r->nr_files && ret >= 0; i++) {
		struct file *f = r->files[i];

		if (f->kind == &tty_kind)
			ret = fail_at(slave_find(r, file_to(struct tty_file, f)), "%s",
				      tty_name(r, f->entry->tty));
	}
	return ret < 0 ? ret : ptys_load(r);
}

/* All that were of one pty. */
static int hang_up(struct restore *r, const TtyInfoEntry *info)
{
	cleanup_close int master = pty_new_master(info->pty->index);

	if (master < 0)
		return master;
	for (size_t i = 0; i < r->nr_files; i++) {
		struct tty_file *t = file_to(struct tty_file, r->files[i]);
		uint32_t flags;
		int fd;

		if (r->files[i]->kind != &tty_kind || t->info != info)
			continue;
		flags = r->files[i]->entry->tty->flags & ~(uint32_t)FLAGS_OF_OPEN;
		fd = ioctl(master, TIOCGPTPEER, (int)flags | O_NOCTTY);
		if (fd < 0)
			return fail(errno, "TIOCGPTPEER");
		t->hung_up = service_fd(r, fd);
		if (t->hung_up < 0)
			return t->hung_up;
	}
	return 0;
}

/* First those that hang up: their numbers may be others' now. */
int ttys_make(struct restore *r)
{
	int ret = 0;

	for (size_t i = 0; i < r->nr_files && ret >= 0; i++) {
		const struct file *f = r->files[i];
		const struct tty_file *t = file_to(const struct tty_file, f);

		if (f->kind == &tty_kind && t->info->hung_up && !t->hung_up)
			ret = fail_at(hang_up(r, t->info), "%s", tty_name(r, f->entry->tty));
	}
	return ret < 0 ? ret : ptys_make(r);
}

void ttys_done(struct restore *r)
{
	for (size_t i = 0; i < r->nr_files; i++) {
		struct tty_file *t = file_to(struct tty_file, r->files[i]);

		if (r->files[i]->kind == &tty_kind && t->hung_up > 0) {
			close(t->hung_up);
			t->hung_up = 0;
		}
	}
	ptys_done(r);
}

int ttys_finish(struct restore *r)
{
	int ret = ptys_finish(r);

	ttys_done(r);
	return ret;
}

static int hung_up_open(const struct tty_file *t)
{
	int fd = fcntl(t->hung_up, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? fail(errno, "duplicate a terminal that was hung up") : fd;
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

static int device_open(const char *name, int flags)
{
	int fd = open(name, flags);

	return fd < 0 ? fail(errno, "open it") : fd;
}

static int any_open(const struct restore *r, const struct file *f, int flags)
{
	const struct tty_file *t = file_to(const struct tty_file, f);
	int fd = -1;

	if (t->info->hung_up)
		return hung_up_open(t);
	if (is_device(t->info))
		return device_open(tty_name(r, f->entry->tty), flags);
	if (!t->pty)
		return terminal_reopen(r, t, flags);
	if (is_master_device(t->info->rdev))
		return pty_open_master(t->pty);
	/* The session that it was opened in: handed on to another, it goes by its own name. */
	if (t->info->type == TTY_TYPE__CTTY && (uint32_t)f->owner->sid == t->info->sid)
		fd = open("/dev/tty", flags);
	return fd >= 0 ? fd : pty_open_slave(t->pty, flags);
}

static int tty_open(struct restore *r, struct file *f)
{
	const TtyFileEntry *e = f->entry->tty;
	uint32_t flags = e->flags & ~(uint32_t)FLAGS_OF_OPEN;
	/* O_NONBLOCK: a serial line waits for its carrier. */
	cleanup_close int fd = any_open(r, f, (int)flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
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
	.given = tty_given,
	.open = tty_open,
};
