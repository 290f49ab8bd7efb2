// SPDX-License-Identifier: GPL-2.0-only
/*
 * crtool stands between the shell and the job that it restores, as sudo(8) does with its
 * command: the shell knows only crtool's process group and gives the terminal to that one;
 * crtool hands it on to the group of the job, and takes it back when the job stops or ends.
 *
 * The modes of the dump come back only when the job had the terminal then: otherwise they were
 * somebody else's, mostly those of a shell at its prompt. The size is the new terminal's.
 */
#include "criu/files/terminal.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/files/tty.h"

/* --- finding it --------------------------------------------------------------- */

/* 0, or -errno: it is not the caller's controlling terminal. */
static int group_read(int fd, pid_t *ret)
{
	return ioctl(fd, TIOCGPGRP, ret) < 0 ? -errno : 0;
}

/* A slave of a pty, or what else a program may have for its terminal. */
static bool is_terminal(int fd)
{
	uint32_t dev;

	return tty_fd_device(fd, &dev) == 0 && !tty_fd_is_master(fd);
}

/* Opened by another name than /dev/tty, which is somebody else's in another session. */
static bool has_own_name(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_rdev != makedev(5, 0);
}

/* The name in /dev of a device, as sysfs tells; ptys are not there. */
static int device_name(uint32_t dev, char *buf, size_t size)
{
	char link[64], to[PATH_MAX];
	const char *last;
	ssize_t n;

	if (major((dev_t)dev) == 136) {
		snprintf(buf, size, "/dev/pts/%u", minor((dev_t)dev));
		return 0;
	}
	snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major((dev_t)dev), minor((dev_t)dev));
	n = readlink(link, to, sizeof(to) - 1);
	if (n < 0)
		return -errno;
	to[n] = '\0';
	last = strrchr(to, '/');
	return snprintf(buf, size, "/dev/%s", last ? last + 1 : to) < (int)size ? 0 : -ENAMETOOLONG;
}

/* The controlling terminal by its own name, else as /dev/tty; -1: there is none. */
static int open_controlling(void)
{
	cleanup_close int tty = -1, named = -1;
	char name[NAME_MAX + 8];
	uint32_t dev;
	pid_t group;

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (is_terminal(fd) && has_own_name(fd) && group_read(fd, &group) == 0)
			return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	tty = open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (tty < 0 || tty_fd_device(tty, &dev) < 0)
		return -1;
	if (device_name(dev, name, sizeof(name)) == 0)
		named = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	if (named >= 0 && is_terminal(named) && group_read(named, &group) == 0)
		return take_fd(&named);
	return take_fd(&tty);
}

static int open_standard(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (is_terminal(fd))
			return fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return -1;
}

int terminal_open(struct restore *r)
{
	int fd;

	if (!r->s->opts->shell_job)
		return 0;
	fd = open_controlling();
	r->terminal->controls = fd >= 0;
	if (fd < 0)
		fd = open_standard();
	if (fd < 0 && tty_is_needed(r))
		return fail_hint(
		    fail_plain("the job has a terminal, and crtool has none to give it"),
		    "run it in a terminal, or with one as its standard input");
	if (fd < 0)
		return 0;
	fd = service_fd(r, fd);
	if (fd < 0)
		return fd;
	r->tty_fd = fd;
	return 0;
}

/* --- handing it on ------------------------------------------------------------ */

static bool group_exists(const struct restore *r, pid_t group)
{
	const struct task *t;

	tasks_for_each(t, &r->tree) {
		if (task_is_alive(t) && t->pgid == group)
			return true;
	}
	return false;
}

/* The group of the tree that had the terminal at the dump; 0: it was in the background. */
static pid_t group_of_dump(const struct restore *r)
{
	const TtyInfoEntry *info = tty_outside(r);
	pid_t group = info ? (pid_t)info->pgrp : 0;

	return group > 0 && group_exists(r, group) ? group : 0;
}

static bool is_front(const struct restore *r)
{
	pid_t group;

	return group_read(r->tty_fd, &group) == 0 && group == getpgrp();
}

/* Done by a background process it would stop it; with the signal blocked, it is just done. */
static void block_ttou(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/*
 * Flags and characters. Speed and the like come along from one pty to another, where they
 * mean nothing; on a line they belong to the line.
 */
static int modes_restore(struct restore *r, const TtyInfoEntry *info)
{
	struct termios2 modes = r->terminal->found;
	uint32_t dev;

	if (!info || !info->termios)
		return 0;
	termios_from_image(info->termios, &modes);
	if (info->type != TTY_TYPE__PTY || tty_fd_device(r->tty_fd, &dev) < 0 ||
	    major((dev_t)dev) != 136) {
		modes.c_cflag = r->terminal->found.c_cflag;
		modes.c_ispeed = r->terminal->found.c_ispeed;
		modes.c_ospeed = r->terminal->found.c_ospeed;
	}
	if (ioctl(r->tty_fd, TCSETS2, &modes) < 0)
		return fail(errno, "set the modes of the terminal");
	if (info->exclusive && ioctl(r->tty_fd, TIOCEXCL) < 0)
		return fail(errno, "TIOCEXCL of the terminal");
	return 0;
}

static int group_give(struct restore *r, pid_t group)
{
	if (group == getpgrp())
		return 0;
	if (ioctl(r->tty_fd, TIOCSPGRP, &group) < 0)
		return -errno;
	r->terminal->given = group;
	return 0;
}

static bool is_waited_for(const struct restore *r)
{
	return !r->s->opts->detach && !r->s->opts->sibling;
}

int terminal_give(struct restore *r)
{
	const struct task *root = r->tree.tasks[0];
	struct terminal *term = r->terminal;
	pid_t group = group_of_dump(r);
	int ret;

	if (r->tty_fd < 0 || (term->controls && !is_front(r)))
		return 0;
	block_ttou();
	if (ioctl(r->tty_fd, TCGETS2, &term->found) < 0)
		return fail(errno, "read the modes of the terminal");
	term->has_found = true;
	ret = group ? modes_restore(r, tty_outside(r)) : 0;
	if (ret < 0 || !term->controls || root->sid == root->pid)
		return ret;
	/* Whoever is waited for in the foreground has to get the keys. */
	if (!group && is_waited_for(r))
		group = root->pgid == root->pid ? root->pid : 0;
	/* A group that is not in the images has become crtool's, which has it. */
	if (!group || (group == root->pgid && root->pgid != root->pid))
		return 0;
	ret = group_give(r, group);
	return ret < 0
		   ? fail(-ret, "make group %d the foreground group of the terminal", (int)group)
		   : 0;
}

/* From the group that we gave it to, or one that is no more; never from the shell. */
static bool group_take(struct restore *r)
{
	pid_t own = getpgrp(), group;

	if (!r->terminal->given || group_read(r->tty_fd, &group) < 0)
		return false;
	if (group != r->terminal->given && group != own &&
	    !(group > 0 && kill(-group, 0) < 0 && errno == ESRCH))
		return false;
	if (group != own && ioctl(r->tty_fd, TIOCSPGRP, &own) < 0)
		return false;
	r->terminal->given = 0;
	return true;
}

static void modes_set(const struct restore *r, const struct termios2 *modes)
{
	if (ioctl(r->tty_fd, TCSETS2, modes) < 0)
		log_warn("the modes of the terminal: %s", strerror(errno));
}

void terminal_take_back(struct restore *r)
{
	if (r->tty_fd < 0 || !r->terminal->has_found)
		return;
	modes_set(r, &r->terminal->found);
	group_take(r);
}

/*
 * A program that has drawn a screen draws it again when it is told that the size has changed.
 * That is so, or what it drew is gone; that it has drawn one is known by its reading single keys.
 * Sent when it runs, so that it meets the handler that it left with.
 */
void terminal_redraw(const struct restore *r)
{
	const TtyInfoEntry *info = tty_outside(r);
	pid_t group = group_of_dump(r);
	struct winsize size;
	bool same;

	if (r->tty_fd < 0 || !group || !info->winsize || ioctl(r->tty_fd, TIOCGWINSZ, &size) < 0)
		return;
	same = size.ws_row == info->winsize->ws_row && size.ws_col == info->winsize->ws_col;
	if (same && info->termios && info->termios->c_lflag & ICANON)
		return;
	for (size_t i = 0; i < r->tree.nr; i++)
		if (task_is_alive(r->tree.tasks[i]) && r->tree.tasks[i]->pgid == group)
			kill(r->tree.tasks[i]->pid, SIGWINCH);
}

/* --- while the job runs ------------------------------------------------------- */

void terminal_job_stopped(struct restore *r)
{
	struct terminal *term = r->terminal;

	if (r->tty_fd < 0 || !term->given)
		return;
	term->has_left = ioctl(r->tty_fd, TCGETS2, &term->left) == 0;
	if (group_take(r) && term->has_found)
		modes_set(r, &term->found);
}

bool terminal_job_continued(struct restore *r, pid_t group)
{
	struct terminal *term = r->terminal;

	if (r->tty_fd < 0 || group <= 0 || group == getpgrp() || !is_front(r))
		return false;
	block_ttou();
	if (!term->has_found)
		term->has_found = ioctl(r->tty_fd, TCGETS2, &term->found) == 0;
	if (group_give(r, group) < 0)
		return false;
	if (term->has_left)
		modes_set(r, &term->left);
	term->has_left = false;
	return true;
}

/* A job that ends by itself leaves the modes as it wants them: stty(1) is one, too. */
void terminal_job_ended(struct restore *r, bool killed)
{
	if (r->tty_fd >= 0 && group_take(r) && killed && r->terminal->has_found)
		modes_set(r, &r->terminal->found);
}
