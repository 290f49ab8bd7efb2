// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets, unix(7): the kind, and what owners do on the way back. Images: images/unix.proto,
 * images/queue.proto. Tests: test/zdtm/static/unix*.
 *
 *	unix_dump.c	dump; queue.c what waits in it
 *	unix_plan.c	restore: images, and who makes what
 *	unix_make.c	restore: it is made, before any file is opened; unix_name.c bound
 *	here		opened (taken from who has made it), filled, given its options
 *
 * A queue is filled by the owner of the socket, through the other end, so that all that it was sent
 * comes in its order. What cuts connections or has effects on others comes after that; the options,
 * and who is told about it, when nobody fills any queue any more.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/un.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/files/fown.h"
#include "criu/files/given.h"
#include "criu/files/load.h"
#include "criu/kernel/unix_diag.h"
#include "criu/sock/kinds.h"
#include "criu/sock/opts.h"
#include "criu/sock/unix.h"

#define RIGHTS_MAX 253 /* SCM_MAX_FD of the kernel */
#define HOPS_MAX   1000u
#define WHOLE_MAX  32768u

static int unix_open(struct restore *r, struct file *f)
{
	return broker_take_own(r, file_to(struct unix_file, f)->slot);
}

/* --- queues --------------------------------------------------------------------- */

/* A queue that is being filled. */
struct filling {
	struct restore *r;
	struct unix_file *to;
	int fd; /* of it */
	int peer; /* the other end; -1: not needed yet */
};

/* A socket of the plan that may be another's, or nobody's. */
static int socket_take(const struct restore *r, const struct task *t, const struct unix_file *u)
{
	return u->e ? file_take(r, t, &u->file) : broker_take(r, u->slot);
}

static int peer_open(struct filling *q)
{
	if (q->peer < 0)
		q->peer = socket_take(q->r, q->to->file.owner, q->to->peer);
	return q->peer < 0 ? q->peer : 0;
}

/* The other end, where it was sent from there. */
static bool from_peer(const struct unix_file *to, const SkPacketEntry *e)
{
	const struct unix_file *peer = to->peer;

	/* One that has connected here by name is not connected yet. */
	if (!peer || to->how == UNIX_ALONE)
		return to->type != SOCK_DGRAM && peer && peer->how != UNIX_OUTSIDE;
	return to->type != SOCK_DGRAM ||
	       (peer->name_len == e->sender.len &&
		(!peer->name_len || !memcmp(peer->name, e->sender.data, e->sender.len)));
}

/* Somebody who is gone, or was never connected: another one under its name. */
static int stranger_open(const struct filling *q, const SkPacketEntry *e)
{
	struct unix_file as = { .name_len = e->sender.len };
	char name[UNIX_NAME_MAX + 1] = "";
	cleanup_close int fd = -1;
	const struct unix_file *known;
	bool made = false, was = false;
	int r;

	if (e->sender.len) {
		known = unix_by_name(q->r, SOCK_DGRAM, e->sender.data, e->sender.len);
		if (known)
			return socket_take(q->r, q->to->file.owner, known);
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(errno, "unix socket");
	if (e->sender.len)
		memcpy(name, e->sender.data, e->sender.len);
	as.name = (const uint8_t *)name;
	r = e->sender.len ? unix_bind(fd, &as, true, &made, &was) : 0;
	return r < 0 ? r : take_fd(&fd);
}

struct sending {
	int fd;
	struct msghdr msg;
};

static int do_send(void *ctx)
{
	const struct sending *s = ctx;
	ssize_t n = sendmsg(s->fd, &s->msg, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	return (size_t)n == s->msg.msg_iov->iov_len ? 0 : -EMSGSIZE;
}

union control {
	char bytes[CMSG_SPACE(RIGHTS_MAX * sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))];
	struct cmsghdr align;
};

static void control_put(struct msghdr *msg, int type, const void *data, size_t len)
{
	struct cmsghdr *c = (void *)((char *)msg->msg_control + msg->msg_controllen);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
	msg->msg_controllen += CMSG_SPACE(len);
}

static int rights_take(const struct filling *q, const ScmEntry *scm, int *rights)
{
	for (size_t i = 0; i < scm->n_rights; i++) {
		const struct file *f = restore_find_file(q->r, scm->rights[i]);

		rights[i] = file_take(q->r, q->to->file.owner, f);
		if (rights[i] < 0)
			return rights[i];
	}
	return 0;
}

/* Room for all that may come; what it is to be is set later. */
static void room_make(int fd)
{
	int most = INT_MAX / 2;

	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &most, sizeof(most)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &most, sizeof(most));
}

/* Whoever has sent it may be gone; then one of its number says so. What is small goes wholly or not
 * at all; of what is large, a part would. */
static int send_as(struct sending *s, const struct ucred *creds)
{
	struct identity id = { creds ? creds->pid : 0, 0, 0, NULL, 0 };
	int r;

	if (s->msg.msg_iov->iov_len > WHOLE_MAX)
		room_make(s->fd);
	r = do_send(s);
	if (r == -EAGAIN) {
		room_make(s->fd);
		r = do_send(s);
	}
	return r == -ESRCH ? as_identity(&id, do_send, s) : r;
}

static int message_send(const struct filling *q, const struct sk_message *m, int fd,
			struct sockaddr_un *to, socklen_t to_len)
{
	const SkPacketEntry *e = m->e;
	struct iovec iov = { m->data, e->length };
	union control control = { 0 };
	struct sending s = { fd,
			     { .msg_name = to_len ? to : NULL,
			       .msg_namelen = to_len,
			       .msg_iov = &iov,
			       .msg_iovlen = 1,
			       .msg_control = control.bytes } };
	struct ucred creds;
	int rights[RIGHTS_MAX], r = 0;
	size_t nr = 0;
	bool has_creds = false;

	for (size_t i = 0; i < e->n_scm && r >= 0; i++) {
		const ScmEntry *scm = e->scm[i];

		if (scm->type == SCM_RIGHTS && scm->n_rights && !nr) {
			r = rights_take(q, scm, rights);
			nr = scm->n_rights;
			if (r >= 0)
				control_put(&s.msg, SCM_RIGHTS, rights, nr * sizeof(int));
		} else if (scm->type == SCM_CREDENTIALS && scm->has_pid && !has_creds) {
			creds = (struct ucred){ (pid_t)scm->pid, scm->uid, scm->gid };
			has_creds = true;
			control_put(&s.msg, SCM_CREDENTIALS, &creds, sizeof(creds));
		}
	}
	if (r >= 0) {
		r = send_as(&s, has_creds ? &creds : NULL);
		r = r < 0 ? fail(-r, "send %u bytes to its queue", e->length) : 0;
	}
	for (size_t i = 0; i < nr && r >= 0; i++)
		close(rights[i]);
	return r;
}

static int stranger_send(const struct filling *q, const struct sk_message *m)
{
	cleanup_close int from = stranger_open(q, m->e), file = -1;
	struct sockaddr_un addr;
	unsigned int len = 0;
	int r;

	if (from < 0)
		return from;
	r = unix_address(q->fd, &addr, &len, &file);
	if (r < 0)
		return fail(-r, "the address that a packet was sent to");
	return message_send(q, m, from, &addr, len);
}

static int queue_fill(struct filling *q)
{
	for (const struct sk_message *m = q->to->queue.first; m; m = m->next) {
		int r;

		if (!from_peer(q->to, m->e)) {
			r = stranger_send(q, m);
		} else {
			r = peer_open(q);
			if (r >= 0)
				r = message_send(q, m, q->peer, NULL, 0);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* What was sent before anybody has accepted it; nobody has yet. */
static int unread_send(const struct filling *q)
{
	const UnixSkEntry *e = q->to->e;
	int r = 0;

	for (size_t i = 0; i < e->n_unread && r >= 0; i++) {
		SkPacketEntry packet = SK_PACKET_ENTRY__INIT;
		ScmEntry scm = SCM_ENTRY__INIT, *creds = &scm;
		struct sk_message m = { .e = &packet, .data = e->unread[i]->data.data };

		scm.type = SCM_CREDENTIALS;
		scm.has_pid = true;
		scm.pid = (uint32_t)getpid();
		scm.uid = e->unread[i]->uid;
		scm.gid = e->unread[i]->gid;
		packet.length = (uint32_t)e->unread[i]->data.len;
		packet.scm = &creds;
		packet.n_scm = 1;
		r = message_send(q, &m, q->fd, NULL, 0);
	}
	return r;
}

/* --- connections ---------------------------------------------------------------- */

/* The other end goes; what it has not read is told us as an error. */
static int peer_close(struct filling *q)
{
	const struct unix_file *u = q->to;
	const struct broker *b = &q->r->brokers[u->peer->slot];
	char c = 0;

	if (u->e->reset && send(q->fd, &c, 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		return fail(errno, "send to a peer that is to be closed");
	if (q->peer >= 0)
		close(q->peer);
	q->peer = -1;
	if (b->pid == getpid())
		close(b->fd);
	return 0;
}

/* A name outside of the tree. */
static int outside_connect(const struct unix_file *u, int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len =
	    u->peer->name_len < sizeof(addr.sun_path) ? u->peer->name_len : sizeof(addr.sun_path);
	char name[UNIX_NAME_MAX + 3];

	memcpy(addr.sun_path, u->peer->name, len);
	if (connect(fd, (void *)&addr, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) ==
	    0)
		return 0;
	unix_name_text(u->peer->name, u->peer->name_len, name, sizeof(name));
	return fail_hint(fail(errno, "unix socket: connect to%s", name),
			 "what it was connected to has to be there again");
}

static int datagram_connect(struct restore *r, const struct unix_file *u)
{
	cleanup_close int fd = socket_take(r, NULL, u), peer = socket_take(r, NULL, u->peer);
	int ret;

	if (fd < 0 || peer < 0)
		return fd < 0 ? fd : peer;
	ret = unix_connect_to(fd, peer);
	return ret < 0 ? fail_at(task_fail_at(fail(-ret, "unix socket: connect"), u->file.owner),
				 "fd %d", u->file.owner_fd)
		       : 0;
}

/* How far it is to one that is connected to nobody, or that is connected back. */
static unsigned int hops(const struct unix_file *u)
{
	unsigned int nr = 0;

	/* There is no longer ring: the last one could not have been connected. */
	for (; u->peer && u->peer != u && u->peer->peer != u && nr < HOPS_MAX; u = u->peer)
		nr++;
	return nr;
}

/*
 * Nobody can connect to a datagram socket that is connected to somebody else: so who is further
 * away comes first.
 */
static int unix_connected(struct restore *r)
{
	const struct unix_plan *p = r->unix_plan;
	unsigned int next = 0;

	for (unsigned int now = HOPS_MAX + 1; p && now-- > 0; now = next) {
		next = 0;
		for (size_t i = 0; i < p->nr_files; i++) {
			const struct unix_file *u = p->files[i];
			unsigned int far;
			int ret;

			if (u->how != UNIX_ALONE || u->type != SOCK_DGRAM || !u->peer ||
			    u->peer->how == UNIX_OUTSIDE)
				continue;
			far = hops(u);
			ret = far == now ? datagram_connect(r, u) : 0;
			if (ret < 0)
				return ret;
			if (far < now && far + 1 > next)
				next = far + 1;
		}
	}
	return 0;
}

static int unix_connect(struct restore *r, struct file *f, int fd)
{
	struct unix_file *u = file_to(struct unix_file, f);
	struct filling q = { r, u, fd, -1 };
	int ret = queue_fill(&q);

	if (ret >= 0 && u->waits)
		ret = unread_send(&q);
	if (ret >= 0 && u->peer && u->peer->how == UNIX_OUTSIDE)
		ret = outside_connect(u, fd);
	else if (ret >= 0 && u->peer && !u->peer->e)
		ret = peer_close(&q);
	else if (ret >= 0 && u->e->shutdown & SK_SHUTDOWN__READ && shutdown(fd, SHUT_RD) < 0)
		ret = fail(errno, "shutdown");
	if (q.peer >= 0)
		close(q.peer);
	return ret;
}

/* Of a connection, the other end has done that by its SHUT_RD. */
static int unix_watch(struct restore *r, struct file *f, int fd)
{
	const struct unix_file *u = file_to(struct unix_file, f);
	bool closed = u->peer && !u->peer->e;
	int ret;

	(void)r;
	if (!closed && u->e->shutdown & SK_SHUTDOWN__WRITE && shutdown(fd, SHUT_WR) < 0)
		return fail(errno, "shutdown");
	if (u->type == SOCK_DGRAM && u->e->shutdown & SK_SHUTDOWN__READ &&
	    shutdown(fd, SHUT_RD) < 0)
		return fail(errno, "shutdown");
	ret = sk_opts_restore_early(fd, u->e->opts);
	if (ret >= 0)
		ret = sk_opts_restore_late(fd, u->e->opts);
	return ret < 0 ? ret : status_restore(fd, u->e->flags, u->e->fown);
}

static int unix_given(struct restore *r, const FileEntry *fe, struct given_name *ret)
{
	(void)r;
	if (!fe->usk || fe->usk->uflags & UNIX_EXTERNAL)
		return 0;
	snprintf(ret->text, sizeof(ret->text), "socket:[%u]", fe->usk->ino);
	ret->flags = fe->usk->flags;
	ret->fown = fe->usk->fown;
	return 1;
}

const struct file_kind unix_kind = {
	.name = "unix",
	.type = FD_TYPES__UNIXSK,
	.size = sizeof(struct unix_file),
	.match = unix_match,
	.dump = unix_dump,
	.dump_inner = unix_dump_inner,
	.dump_end = unix_dump_end,
	.adopt = unix_adopt,
	.load = unix_load,
	.given = unix_given,
	.load_end = unix_plan,
	.create_all = unix_create_all,
	.undo = unix_undo,
	.make = unix_make,
	.made = unix_made,
	.open = unix_open,
	.connect = unix_connect,
	.connected = unix_connected,
	.watch = unix_watch,
};
