// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets, unix(7), as they are dumped. The kernel's list of them (kernel/unix_diag.h) tells
 * the peer, who waits to be accepted and what is shut down; crtool's own descriptor tells name,
 * options and SO_PEERCRED, and shows what is in the queue (queue.c). Who is whose peer is known
 * when all descriptors are: so entries are written at the end. Images: images/unix.proto. Tests:
 * test/zdtm/static/unix*.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sockios.h>
#include <linux/un.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/files/fown.h"
#include "criu/kernel/unix_diag.h"
#include "criu/kernel/unix_unread.h"
#include "criu/sock/opts.h"
#include "criu/sock/queue.h"
#include "criu/sock/unix.h"

/* A socket that the tree has. */
struct unix_seen {
	struct unix_seen *next;
	const struct task *task; /* and fd: for messages */
	int fd;
	const struct unix_diag *info;
	const char *lost; /* why what it has sent, and nobody has accepted, cannot be kept; NULL */
	UnixSkEntry e;
};

/* One whose queue has descriptors in it. */
struct unix_later {
	struct unix_later *next;
	struct queue_of queue;
};

struct unix_all {
	struct map infos; /* all of the network namespace, by ino */
	struct map seen; /* struct unix_seen by ino */
	struct map
	    waiting; /* by ino of who waits to be accepted: the struct unix_seen that listens */
	struct map outside; /* by ino: peers outside of the tree that have an entry */
	struct unix_seen *first, **last;
	struct unix_later *later;
};

static int info_keep(const struct unix_diag *u, void *ctx)
{
	struct dump *d = ctx;
	struct unix_diag *copy;

	if (!u->ino || map_get(&d->unix_all->infos, u->ino))
		return 0;
	copy = arena_dup(&d->arena, u, sizeof(*u));
	if (u->nr_pending)
		copy->pending =
		    arena_dup(&d->arena, u->pending, u->nr_pending * sizeof(*u->pending));
	map_put(&d->unix_all->infos, u->ino, copy);
	return 0;
}

/* The list is read once, at the first of them. One that was passed over, because another one
 * before it went away meanwhile, is looked for again. */
static int info_find(struct dump *d, ino_t ino, const struct unix_diag **ret)
{
	int r = 0;

	if (!d->unix_all) {
		d->unix_all = arena_alloc(&d->arena, sizeof(*d->unix_all));
		d->unix_all->last = &d->unix_all->first;
		r = unix_diag_each(info_keep, d);
	}
	*ret = map_get(&d->unix_all->infos, ino);
	if (r >= 0 && !*ret) {
		r = unix_diag_each(info_keep, d);
		*ret = map_get(&d->unix_all->infos, ino);
	}
	return r < 0 ? fail(-r, "read the list of unix sockets") : 0;
}

void unix_dump_done(struct dump *d)
{
	struct unix_all *all = d->unix_all;

	if (!all)
		return;
	map_done(&all->infos);
	map_done(&all->seen);
	map_done(&all->waiting);
	map_done(&all->outside);
	for (struct unix_later *l = all->later; l; l = l->next)
		close(l->queue.lfd);
}

bool unix_match(const struct fd_probe *p)
{
	return p->family == AF_UNIX;
}

/* --- names ---------------------------------------------------------------------- */

static char *dir_of(struct arena *a, const char *path, const char *name)
{
	size_t len = strlen(path) - strlen(name);
	char *dir = arena_strdup(a, path);

	/* "/name" goes, of a file in the root directory only "name". */
	dir[len > 1 ? len - 1 : 1] = '\0';
	return dir;
}

/* The directory that a relative name starts from; NULL: cannot be told. */
static char *name_dir(struct dump *d, const struct task *t, const char *path, const char *name)
{
	size_t len = strlen(path), n = strlen(name);
	cleanup_free char *there = NULL;
	const char *cwd = t->cwd.path;
	struct stat a, b;

	if (n < len && str_ends(path, name) && path[len - n - 1] == '/' && !strstr(name, "./"))
		return dir_of(&d->arena, path, name);
	/* With a . or .. in it: from where the task is, if that leads there. */
	if (!cwd || asprintf(&there, "%s/%s", cwd, name) < 0)
		return NULL;
	if (stat(there, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	    a.st_ino == b.st_ino)
		return arena_strdup(&d->arena, cwd);
	return NULL;
}

/* The file that it is bound to, and whether its name still leads there. */
static int file_dump(struct dump *d, const struct fd_probe *p, UnixSkEntry *e)
{
	char link[64], path[PATH_MAX], name[64];
	cleanup_close int fd = ioctl(p->lfd, SIOCUNIXFILE);
	struct stat st, now;
	ssize_t n;

	if (fd < 0)
		return fail(errno, "SIOCUNIXFILE");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0 || fstat(fd, &st) < 0)
		return fail(errno, "the file that a socket is bound to");
	path[n] = '\0';
	e->file_perms = arena_message(&d->arena, FilePermsEntry, FILE_PERMS_ENTRY__INIT);
	e->file_perms->mode = st.st_mode;
	e->file_perms->uid = st.st_uid;
	e->file_perms->gid = st.st_gid;
	e->has_deleted = true;
	e->deleted = lstat(path, &now) < 0 || now.st_dev != st.st_dev || now.st_ino != st.st_ino;
	if (e->name.data[0] == '/' || e->deleted)
		return 0;
	e->name_dir = name_dir(d, p->to ? p->to : p->task, path, (char *)e->name.data);
	if (!e->name_dir)
		blocker(NULL,
			"%s: %s: a unix socket bound to the relative name %s, and from which "
			"directory cannot be told",
			fd_probe_name(p, name, sizeof(name)), p->link, (char *)e->name.data);
	return 0;
}

static int name_dump(struct dump *d, const struct fd_probe *p, const struct unix_diag *info,
		     UnixSkEntry *e)
{
	/* One byte more, so that a path is a string. */
	e->name.data = arena_alloc(&d->arena, UNIX_NAME_MAX + 1);
	e->name.len = info->name_len;
	memcpy(e->name.data, info->name, info->name_len);
	return info->name_len && info->name[0] ? file_dump(d, p, e) : 0;
}

/* --- one socket ----------------------------------------------------------------- */

static int peercred_dump(struct dump *d, int lfd, UnixSkEntry *e)
{
	struct ucred c = { 0 };
	socklen_t len = sizeof(c);

	if (getsockopt(lfd, SOL_SOCKET, SO_PEERCRED, &c, &len) < 0)
		return fail(errno, "SO_PEERCRED");
	if (c.pid <= 0)
		return 0;
	e->has_peer_pid = e->has_peer_uid = e->has_peer_gid = true;
	e->peer_pid = (uint32_t)c.pid;
	e->peer_uid = c.uid;
	e->peer_gid = c.gid;
	len = 0;
	if (getsockopt(lfd, SOL_SOCKET, SO_PEERGROUPS, NULL, &len) == 0 || errno != ERANGE)
		return 0;
	e->peer_groups = arena_alloc(&d->arena, len);
	if (getsockopt(lfd, SOL_SOCKET, SO_PEERGROUPS, e->peer_groups, &len) < 0)
		return fail(errno, "SO_PEERGROUPS");
	e->n_peer_groups = len / sizeof(gid_t);
	return 0;
}

/* The name of the peer, in case that it is closed, or counts as closed; whether it has left
 * something unread. */
static void closed_dump(struct dump *d, int lfd, const struct unix_diag *info, UnixSkEntry *e)
{
	struct pollfd p = { .fd = lfd };
	struct sockaddr_un peer;
	socklen_t len = sizeof(peer);

	/* The peer of one that waits to be accepted has no number either. */
	if (!info->has_peer)
		return;
	e->has_closed_peer = !info->peer && (info->type == SOCK_DGRAM || info->shutdown == 3);
	if (!e->has_closed_peer && !d->s->opts->unix_close)
		return;
	if (getpeername(lfd, (void *)&peer, &len) == 0 &&
	    len > offsetof(struct sockaddr_un, sun_path)) {
		e->closed_peer.len = len - offsetof(struct sockaddr_un, sun_path);
		e->closed_peer.data = arena_dup(&d->arena, peer.sun_path, e->closed_peer.len);
	}
	if (e->has_closed_peer && poll(&p, 1, 0) > 0 && p.revents & POLLERR)
		e->has_reset = e->reset = true;
}

/* What has descriptors in it waits until all others are known: sockets in queues of sockets in
 * queues may be nested as deep as somebody likes. */
static int queue_dump(struct dump *d, const struct fd_probe *p, const struct unix_seen *s)
{
	struct queue_of q = {
		.task = s->task,
		.fd = s->fd,
		.lfd = p->lfd,
		.id = p->id,
		.type = s->info->type,
		.peek_off = s->e.opts->has_so_peek_off ? s->e.opts->so_peek_off : -1,
		.rights = p->info.scm_fds,
	};
	struct unix_later *l;

	if (s->info->state == TCP_LISTEN)
		return 0;
	if (!q.rights)
		return sk_queue_dump(d, &q);
	q.lfd = fcntl(p->lfd, F_DUPFD_CLOEXEC, 0);
	if (q.lfd < 0)
		return fail(errno, "dup");
	l = arena_alloc(&d->arena, sizeof(*l));
	*l = (struct unix_later){ d->unix_all->later, q };
	d->unix_all->later = l;
	return 0;
}

/* The queue is one that only the kernel has. */
static void unread_dump(struct dump *d, struct unix_seen *s)
{
	const struct unix_diag *i = s->info;
	struct unix_unread u;
	int r;

	if (i->state != TCP_ESTABLISHED || i->type == SOCK_DGRAM || !i->has_peer || i->peer ||
	    i->shutdown == 3 || !i->sent)
		return;
	r = unix_unread_read(&d->arena, i->ino, &u);
	if (r <= 0) {
		s->lost = r ? strerror(-r) : "it is too much, or not only bytes";
		return;
	}
	s->e.unread = arena_array(&d->arena, UnixUnreadEntry *, u.nr);
	for (size_t n = 0; n < u.nr; n++) {
		UnixUnreadEntry *e =
		    arena_message(&d->arena, UnixUnreadEntry, UNIX_UNREAD_ENTRY__INIT);

		e->data.data = u.packets[n].data;
		e->data.len = u.packets[n].len;
		e->uid = u.packets[n].uid;
		e->gid = u.packets[n].gid;
		s->e.unread[s->e.n_unread++] = e;
	}
}

static int seen_fill(struct dump *d, const struct fd_probe *p, struct unix_seen *s)
{
	UnixSkEntry *e = &s->e;
	int r;

	*e = (UnixSkEntry)UNIX_SK_ENTRY__INIT;
	e->id = p->id;
	e->ino = s->info->ino;
	e->type = (uint32_t)s->info->type;
	e->state = (uint32_t)s->info->state;
	e->flags = fd_probe_flags(p);
	e->backlog = s->info->state == TCP_LISTEN ? s->info->sent : 0;
	e->has_shutdown = s->info->shutdown;
	e->shutdown = (SkShutdown)(s->info->shutdown & 3);
	e->fown = arena_alloc(&d->arena, sizeof(*e->fown));
	r = fown_dump_probe(p, e->fown);
	if (r >= 0)
		r = sk_opts_dump(d, p, &e->opts);
	if (r >= 0)
		r = name_dump(d, p, s->info, e);
	if (r >= 0)
		r = peercred_dump(d, p->lfd, e);
	closed_dump(d, p->lfd, s->info, e);
	unread_dump(d, s);
	return r;
}

int unix_dump(struct dump *d, const struct fd_probe *p)
{
	const struct unix_diag *info;
	struct unix_seen *s;
	char name[64];
	int r = info_find(d, p->st.st_ino, &info);

	if (r < 0)
		return r;
	if (!info) {
		blocker(NULL,
			"%s: %s: a unix socket of another network namespace, which cannot be "
			"kept yet",
			fd_probe_name(p, name, sizeof(name)), p->link);
		return 0;
	}
	s = arena_alloc(&d->arena, sizeof(*s));
	s->task = p->to ? p->to : p->task;
	s->fd = p->to ? p->to_fd : p->fd;
	s->info = info;
	*d->unix_all->last = s;
	d->unix_all->last = &s->next;
	map_put(&d->unix_all->seen, info->ino, s);
	r = seen_fill(d, p, s);
	return r < 0 ? r : queue_dump(d, p, s);
}

int unix_dump_inner(struct dump *d)
{
	struct unix_all *all = d->unix_all;

	while (all && all->later) {
		struct unix_later *l = all->later;
		int r = sk_queue_dump(d, &l->queue);

		if (r < 0)
			return fail_at(task_fail_at(r, l->queue.task), "fd %d", l->queue.fd);
		/* Others may have come to the front of the list. */
		for (struct unix_later **at = &all->later; *at; at = &(*at)->next)
			if (*at == l) {
				*at = l->next;
				break;
			}
		close(l->queue.lfd);
	}
	return 0;
}

/* --- who with whom ---------------------------------------------------------------- */

static void seen_blocked(const struct unix_seen *s, const char *hint, const char *what)
{
	blocker(hint, "pid %d (%s): fd %d: socket:[%u]: %s", (int)s->task->pid, s->task->comm,
		s->fd, s->e.ino, what);
}

static const char *type_name(int type)
{
	return type == SOCK_STREAM ? "stream" : type == SOCK_DGRAM ? "datagram" : "seqpacket";
}

/* By --external. */
static bool is_named(const struct dump *d, uint32_t ino)
{
	const struct options *o = d->s->opts;

	for (size_t i = 0; i < o->nr_external_unix; i++)
		if (o->external_unix[i] == ino)
			return true;
	return false;
}

static bool is_allowed(const struct dump *d, uint32_t own, uint32_t peer)
{
	return d->s->opts->ext_unix_sk || is_named(d, own) || (peer && is_named(d, peer));
}

/* Nobody can connect to it: at the restore it has to be given, connected. What it has not received
 * would be lost. */
static int given_judge(struct unix_seen *s, char *what, size_t size)
{
	s->e.uflags |= UNIX_INHERITED;
	s->e.peer = s->info->peer;
	if (!s->info->queued)
		return 0;
	strncat(what, " and has data that was not received", size - strlen(what) - 1);
	seen_blocked(s, "let the program receive it", what);
	return 0;
}

/* As if the peer were closed at this moment: what it has not read is told as an error. */
static int count_as_closed(struct unix_seen *s)
{
	s->e.peer = 0;
	s->e.has_closed_peer = true;
	s->e.has_reset = s->e.reset = s->info->type != SOCK_DGRAM && s->info->sent;
	return 0;
}

/* An entry without a descriptor: its name is all that is needed of it. */
static int outside_write(struct dump *d, const struct unix_diag *u)
{
	FileEntry fe = FILE_ENTRY__INIT;
	UnixSkEntry e = UNIX_SK_ENTRY__INIT;
	FownEntry fown = FOWN_ENTRY__INIT;
	SkOptsEntry opts = SK_OPTS_ENTRY__INIT;

	if (map_get(&d->unix_all->outside, u->ino))
		return 0;
	map_put(&d->unix_all->outside, u->ino, d);
	e.id = ++d->next_file_id;
	e.ino = u->ino;
	e.type = (uint32_t)u->type;
	e.state = (uint32_t)u->state;
	e.flags = O_RDWR;
	e.uflags = UNIX_EXTERNAL;
	e.fown = &fown;
	e.opts = &opts;
	e.name.len = u->name_len;
	e.name.data = (uint8_t *)(uintptr_t)u->name;
	fe.type = FD_TYPES__UNIXSK;
	fe.usk = &e;
	return dump_file_write(d, e.id, &fe);
}

static int outside_judge(struct dump *d, struct unix_seen *s)
{
	const struct unix_diag *peer = map_get(&d->unix_all->infos, s->info->peer);
	bool allowed = is_allowed(d, s->e.ino, s->info->peer);
	char name[UNIX_NAME_MAX + 3], what[256];

	if (d->s->opts->unix_close && !(allowed && peer && peer->name_len) &&
	    !is_named(d, s->e.ino))
		return count_as_closed(s);

	unix_name_text(peer ? peer->name : NULL, peer ? peer->name_len : 0, name, sizeof(name));
	snprintf(what, sizeof(what),
		 "a unix %s socket that is connected to socket:[%u]%s, which is not in the tree",
		 type_name(s->info->type), s->info->peer, name);
	if (!allowed) {
		seen_blocked(s,
			     "try --ext-unix-sk, or --external unix[INO], which connects to "
			     "its name at the restore, or --unix-close",
			     what);
		return 0;
	}
	if ((!peer || !peer->name_len) && is_named(d, s->e.ino))
		return given_judge(s, what, sizeof(what));
	if (!peer || !peer->name_len) {
		strncat(what, " and has no name to connect to", sizeof(what) - strlen(what) - 1);
		seen_blocked(s, "try --unix-close", what);
		return 0;
	}
	s->e.peer = s->info->peer;
	return outside_write(d, peer);
}

/* Who waits to be accepted: false where it stays behind. */
static bool pending_judge_one(struct dump *d, struct unix_seen *s, uint32_t ino)
{
	const struct unix_seen *from = ino ? map_get(&d->unix_all->seen, ino) : NULL;
	char what[160];

	if (!ino) {
		seen_blocked(s, "try again when it was accepted",
			     "a unix socket with a connection that was closed before it was "
			     "accepted");
	} else if (!from && d->s->opts->unix_close) {
		return false;
	} else if (!from) {
		snprintf(
		    what, sizeof(what),
		    "a unix socket at which socket:[%u], which is not in the tree, waits to be "
		    "accepted",
		    ino);
		seen_blocked(s, "try again when it was accepted, or --unix-close", what);
	} else if (from->lost) {
		snprintf(what, sizeof(what),
			 "a unix socket that has sent something and was not accepted yet, which "
			 "cannot be read: %s",
			 from->lost);
		seen_blocked(from, "try again when it was accepted", what);
	}
	return true;
}

static void pending_judge(struct dump *d, struct unix_seen *s)
{
	s->e.pending = arena_array(&d->arena, uint32_t, s->info->nr_pending);
	for (size_t i = 0; i < s->info->nr_pending; i++)
		if (pending_judge_one(d, s, s->info->pending[i]))
			s->e.pending[s->e.n_pending++] = s->info->pending[i];
}

/* A stream or a sequence of packets. */
static int connected_judge(struct dump *d, struct unix_seen *s)
{
	const struct unix_seen *at = map_get(&d->unix_all->waiting, s->e.ino);

	if (s->info->peer) {
		if (!map_get(&d->unix_all->seen, s->info->peer))
			return outside_judge(d, s);
		s->e.peer = s->info->peer;
	} else if (at) {
		s->e.peer = at->e.ino;
		s->e.has_closed_peer = false;
	} else if (s->info->shutdown != 3 && d->s->opts->unix_close) {
		return count_as_closed(s);
	} else if (s->info->shutdown != 3) {
		seen_blocked(s, "try again when it was accepted, or --unix-close",
			     "a unix socket that waits to be accepted by a process which is not in "
			     "the tree");
	}
	return 0;
}

static int datagram_judge(struct dump *d, struct unix_seen *s)
{
	if (!s->info->peer)
		return 0;
	if (!map_get(&d->unix_all->seen, s->info->peer))
		return outside_judge(d, s);
	s->e.peer = s->info->peer;
	return 0;
}

static int seen_write(struct dump *d, struct unix_seen *s)
{
	FileEntry fe = FILE_ENTRY__INIT;
	int r = 0;

	if (s->info->state == TCP_LISTEN)
		pending_judge(d, s);
	else if (s->info->type == SOCK_DGRAM)
		r = datagram_judge(d, s);
	else if (s->info->state == TCP_ESTABLISHED)
		r = connected_judge(d, s);
	fe.type = FD_TYPES__UNIXSK;
	fe.usk = &s->e;
	return r < 0 ? r : dump_file_write(d, s->e.id, &fe);
}

int unix_dump_end(struct dump *d)
{
	struct unix_all *all = d->unix_all;

	if (!all)
		return 0;
	for (struct unix_seen *s = all->first; s; s = s->next)
		for (size_t i = 0; i < s->info->nr_pending; i++)
			if (s->info->pending[i] && !map_get(&all->waiting, s->info->pending[i]))
				map_put(&all->waiting, s->info->pending[i], s);
	for (struct unix_seen *s = all->first; s; s = s->next) {
		int r = seen_write(d, s);

		if (r < 0)
			return fail_at(task_fail_at(r, s->task), "fd %d", s->fd);
	}
	return 0;
}
