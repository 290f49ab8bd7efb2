// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets of a restore are made, by crtool and by the tasks (unix_plan.c tells by whom and
 * why), before any file is opened; their owners take them from who has made them.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/un.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/unix_diag.h"
#include "criu/sock/unix.h"

#define TURN_WAIT_NS 50000

/* What who connects says first, to be told from strangers. */
struct announcement {
	uint64_t magic;
	uint32_t slot; /* of the one that is to be accepted */
	uint32_t pid; /* of crtool */
};

#define MAGIC 0x736b6361746f6f6c

/* --- in crtool ------------------------------------------------------------------ */

static int bind_named(struct unix_file *u, int fd)
{
	/* What only helps has a name that others may have by now, or that leads to another. */
	bool deleted = !u->e || u->e->deleted;

	return u->name_len ? unix_bind(fd, u, deleted, &u->has_file, &u->was_there) : 0;
}

int unix_create_all(struct restore *r)
{
	struct unix_plan *p = r->unix_plan;

	for (size_t i = 0; p && i < p->nr_files; i++) {
		struct unix_file *u = p->files[i];
		int fd, ret;

		if (u->how != UNIX_ALONE)
			continue;
		fd = socket(AF_UNIX, (int)u->type | SOCK_CLOEXEC, 0);
		if (fd < 0)
			return fail(errno, "unix socket");
		broker_give(r, u->slot, fd);
		ret = bind_named(u, fd);
		if (ret < 0)
			return task_fail_at(u->e ? fail_at(ret, "fd %d", u->file.owner_fd) : ret,
					    u->file.owner);
	}
	return 0;
}

void unix_undo(struct restore *r)
{
	const struct unix_plan *p = r->unix_plan;

	/* A dead socket's file is as good as another's. */
	for (size_t i = 0; p && i < p->nr_files; i++)
		if (p->files[i]->has_file && !p->files[i]->was_there)
			unix_unbind(p->files[i]);
}

/* 1: it was one of ours, 0: a stranger. */
static int accept_one(struct restore *r, int at)
{
	struct announcement a;
	int fd = accept4(at, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return fail(errno, "accept");
	if (recv(fd, &a, sizeof(a), MSG_DONTWAIT) != sizeof(a) || a.magic != MAGIC ||
	    a.pid != (uint32_t)r->crtool_pid || a.slot >= r->nr_brokers) {
		close(fd);
		return 0;
	}
	broker_give(r, (int)a.slot, fd);
	return 1;
}

/* One for each that has connected in the round: which is which, it says itself. */
static int accept_all(struct restore *r, unsigned int round)
{
	const struct unix_plan *p = r->unix_plan;

	for (size_t i = 0; i < p->nr_connects; i++) {
		const struct unix_deed *d = p->connects[i];
		int ret = d->round == round ? 0 : 1;

		while (!ret)
			ret = accept_one(r, r->brokers[d->b->slot].fd);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Pairs that got names later. */
static int pairs_bind(struct restore *r)
{
	const struct unix_plan *p = r->unix_plan;

	for (size_t i = 0; i < p->nr_files; i++) {
		struct unix_file *u = p->files[i];
		cleanup_close int fd = -1;
		int ret;

		if (u->how != UNIX_PAIR || !u->name_len)
			continue;
		fd = broker_take(r, u->slot);
		ret = fd < 0 ? fd : bind_named(u, fd);
		if (ret < 0)
			return task_fail_at(ret, u->file.owner);
	}
	return 0;
}

int unix_made(struct restore *r, unsigned int round)
{
	if (!r->unix_plan)
		return 0;
	return round == 0 ? pairs_bind(r) : accept_all(r, round);
}

/* --- in the tasks --------------------------------------------------------------- */

/* A deed under way: what happens may happen in a child, which has the descriptors and the memory
 * of brokers in common with us, and nothing else. */
struct doing {
	struct restore *r;
	const struct unix_deed *d;
	pid_t pid; /* whose descriptors they are */
	int fd, target;
};

static int raise_fd(const struct restore *r, int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, r->service_base), err = errno;

	close(fd);
	return up < 0 ? -err : up;
}

static int do_pair(void *ctx)
{
	const struct doing *w = ctx;
	const struct unix_file *ends[2] = { w->d->a, w->d->b };
	int sv[2];

	if (socketpair(AF_UNIX, (int)w->d->a->type | SOCK_CLOEXEC, 0, sv) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		sv[i] = raise_fd(w->r, sv[i]);
		if (sv[i] < 0)
			return sv[i];
		broker_give_from(w->r, ends[i]->slot, sv[i], w->pid);
	}
	return 0;
}

static int do_listen(void *ctx)
{
	const struct doing *w = ctx;

	return listen(w->fd, w->d->backlog) < 0 ? -errno : 0;
}

static int do_connect(void *ctx)
{
	const struct doing *w = ctx;
	const struct unix_file *peer = w->d->a->peer;
	struct announcement a = { MAGIC, peer ? (uint32_t)peer->slot : 0,
				  (uint32_t)w->r->crtool_pid };
	int r = unix_connect_to(w->fd, w->target);

	if (r >= 0 && w->d->announces && send(w->fd, &a, sizeof(a), MSG_NOSIGNAL) != sizeof(a))
		r = -errno;
	return r;
}

/* The number that stands there is that of the last whose turn it was. */
static void turn_wait(const struct restore *r, int turn)
{
	const struct timespec ts = { .tv_nsec = TURN_WAIT_NS };

	while (__atomic_load_n(&r->brokers[r->unix_plan->turns].pid, __ATOMIC_SEQ_CST) < turn) {
		if (stage_failed(r->stage))
			_exit(1);
		nanosleep(&ts, NULL);
	}
}

static void turn_done(const struct restore *r)
{
	__atomic_add_fetch(&r->brokers[r->unix_plan->turns].pid, 1, __ATOMIC_SEQ_CST);
}

static int deed_do(struct restore *r, const struct unix_deed *d)
{
	static int (*const fns[])(void *) = { [UNIX_MAKE_PAIR] = do_pair,
					      [UNIX_MAKE_LISTEN] = do_listen,
					      [UNIX_MAKE_CONNECT] = do_connect };
	static const char *const names[] = { [UNIX_MAKE_PAIR] = "socketpair",
					     [UNIX_MAKE_LISTEN] = "listen",
					     [UNIX_MAKE_CONNECT] = "connect" };
	cleanup_close int fd = -1, target = -1;
	struct doing w = { r, d, getpid(), -1, -1 };
	char name[UNIX_NAME_MAX + 3];
	int ret;

	if (d->sort != UNIX_MAKE_PAIR) {
		fd = w.fd = broker_take(r, d->a->slot);
		if (fd < 0)
			return fd;
	}
	if (d->sort == UNIX_MAKE_CONNECT) {
		target = w.target = broker_take(r, d->b->slot);
		if (target < 0)
			return target;
	}
	if (d->turn >= 0)
		turn_wait(r, d->turn);
	ret = as_identity(&d->id, fns[d->sort], &w);
	if (d->turn >= 0)
		turn_done(r);
	if (ret >= 0)
		return 0;
	unix_name_text(d->b ? d->b->name : d->a->name, d->b ? d->b->name_len : d->a->name_len, name,
		       sizeof(name));
	fail(-ret, "unix socket: %s%s", names[d->sort], name);
	/* Until they are where they belong, they have numbers above all that are. */
	return ret == -EMFILE
		   ? fail_hint(ret, "raise the hard limit of open files (ulimit -Hn) to twice the "
				    "number of sockets")
		   : ret;
}

int unix_make(struct restore *r, const struct task *t, unsigned int round)
{
	const struct unix_deeds *all =
	    r->unix_plan ? map_get(&r->unix_plan->deeds, (uint64_t)t->pid) : NULL;

	for (const struct unix_deed *d = all ? all->first : NULL; d; d = d->next) {
		int ret = d->round == round ? deed_do(r, d) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}
