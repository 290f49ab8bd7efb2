// SPDX-License-Identifier: GPL-2.0-only
/*
 * setsid(2) makes the group; its number cannot be chosen. Any member can show and set the
 * nice value, so one does it for all: the leader, or the first that is left where the leader
 * is dead. The session that crtool stands in for (--shell-job) is not the tree's.
 */
#include "criu/task/autogroup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"

#define NICE_MIN   (-20)
#define NICE_MAX   19
#define TRIES      100
#define PAUSE_MSEC 20

static bool speaks_for_session(const struct dump *d, const struct task *t)
{
	const struct task *root = d->tree.tasks[0], *leader, *other;

	if (t->sid == t->pid)
		return true;
	if (t->sid == root->sid && root->sid != root->pid)
		return false;
	leader = tree_find(&d->tree, t->sid);
	if (leader && task_is_alive(leader))
		return false;
	tasks_for_each(other, &d->tree)
		if (other->sid == t->sid && task_is_alive(other))
			return other == t;
	return false;
}

void autogroup_dump(const struct dump *d, const struct task *t, struct proc_buf *b,
		    TaskCoreEntry *e)
{
	cleanup_close int proc = speaks_for_session(d, t) ? proc_open(task_tid(t)) : -1;
	int nice;

	if (proc < 0 || proc_autogroup_read(proc, b, &nice) < 0)
		return;
	e->has_autogroup_nice = nice != 0;
	e->autogroup_nice = nice;
}

int autogroup_load_check(const TaskCoreEntry *e)
{
	if (e->has_autogroup_nice && (e->autogroup_nice < NICE_MIN || e->autogroup_nice > NICE_MAX))
		return fail_plain("autogroup with nice %d", e->autogroup_nice);
	return 0;
}

/* Whoever is not root may do this ten times a second on the whole machine. */
int autogroup_restore(const struct task *t)
{
	const TaskCoreEntry *tc = t->restore->cores[0]->tc;
	cleanup_close int fd = -1;
	char text[16];
	int r = -EAGAIN;

	if (!tc->has_autogroup_nice)
		return 0;
	fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(errno, "open /proc/self/autogroup");
	snprintf(text, sizeof(text), "%d", tc->autogroup_nice);
	for (int i = 0; i < TRIES && r == -EAGAIN; i++) {
		r = io_write(fd, text, strlen(text));
		if (r == -EAGAIN)
			poll(NULL, 0, PAUSE_MSEC);
	}
	return r < 0 ? fail(-r, "write %s to /proc/self/autogroup", text) : 0;
}
