// SPDX-License-Identifier: GPL-2.0-only
/*
 * Queues of unix sockets, as they are dumped. MSG_PEEK takes nothing out; SO_PEEK_OFF, which is
 * put back, lets it go on behind what it has shown. Whoever peeks at descriptors gets copies of
 * them: each is a file of the dump, and its number goes into the image. Images:
 * images/queue.proto.
 *
 * Nothing is asked that would take an error away (SO_ERROR, which each receive looks at where
 * there is nothing, or first of all: net/core/datagram.c).
 */
#include "criu/sock/queue.h"

#include <errno.h>
#include <limits.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/files/table.h"
#include "criu/image/writer.h"

#define RIGHTS_MAX   253 /* SCM_MAX_FD of the kernel */
#define CONTROL_ROOM (CMSG_SPACE(RIGHTS_MAX * sizeof(int)) + 1024)
#define PACKET_ROOM  (64 * 1024)

/* A message as it was peeked at, with room for the next one. */
struct peeked {
	uint8_t *data;
	size_t room, len;
	struct sockaddr_un from;
	size_t from_len; /* of its name; 0: none */
	int rights[RIGHTS_MAX];
	size_t nr_rights;
	bool has_creds;
	struct ucred creds;
	union {
		char control[CONTROL_ROOM];
		struct cmsghdr align;
	};
};

static void blocked(const struct queue_of *q, const char *what)
{
	blocker(NULL, "pid %d (%s): fd %d: a unix socket %s", (int)q->task->pid, q->task->comm,
		q->fd, what);
}

static int peek_off_set(const struct queue_of *q, int to)
{
	return setsockopt(q->lfd, SOL_SOCKET, SO_PEEK_OFF, &to, sizeof(to)) < 0
		   ? fail(errno, "SO_PEEK_OFF %d", to)
		   : 0;
}

/* SCM_PIDFD and the like are made by the kernel for who receives: they are closed. */
static void control_take(struct peeked *p, struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t len = c->cmsg_len - CMSG_LEN(0);

		if (c->cmsg_level != SOL_SOCKET)
			continue;
		if (c->cmsg_type == SCM_RIGHTS) {
			p->nr_rights = len / sizeof(int);
			memcpy(p->rights, CMSG_DATA(c), len);
		} else if (c->cmsg_type == SCM_CREDENTIALS && len == sizeof(p->creds)) {
			p->has_creds = true;
			memcpy(&p->creds, CMSG_DATA(c), len);
		} else if (c->cmsg_type == 4 /* SCM_PIDFD */ && len == sizeof(int)) {
			int pidfd;

			memcpy(&pidfd, CMSG_DATA(c), len);
			if (pidfd >= 0)
				close(pidfd);
		}
	}
}

static void rights_close(struct peeked *p)
{
	for (size_t i = 0; i < p->nr_rights; i++)
		close(p->rights[i]);
	p->nr_rights = 0;
}

/* 1: a message, 0: there is none (more). `at` is how far peeking has come; -1: at the start. Of a
 * stream at most `most` bytes. */
static int peek(const struct queue_of *q, struct peeked *p, int at, size_t most)
{
	for (;;) {
		struct iovec iov = { p->data, most < p->room ? most : p->room };
		struct msghdr msg = { .msg_name = &p->from,
				      .msg_namelen = sizeof(p->from),
				      .msg_iov = &iov,
				      .msg_iovlen = 1,
				      .msg_control = p->control,
				      .msg_controllen = sizeof(p->control) };
		ssize_t n =
		    recvmsg(q->lfd, &msg, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC);
		int r;

		if (n < 0)
			return errno == EAGAIN ? 0 : fail(errno, "peek at the queue of a socket");
		p->has_creds = false;
		p->nr_rights = 0;
		p->len = (size_t)n;
		control_take(p, &msg);
		if (msg.msg_flags & MSG_CTRUNC) {
			rights_close(p);
			return fail_plain("control messages in the queue of a socket are too long");
		}
		p->from_len = msg.msg_namelen > offsetof(struct sockaddr_un, sun_path)
				  ? msg.msg_namelen - offsetof(struct sockaddr_un, sun_path)
				  : 0;
		if (p->len <= p->room || q->type == SOCK_STREAM)
			return 1;
		/* A packet that is longer than the room for it. */
		rights_close(p);
		p->room = p->len;
		p->data = mem_realloc(p->data, p->room, 1);
		r = at >= 0 ? peek_off_set(q, at) : 0;
		if (r < 0)
			return r;
	}
}

static int rights_dump(struct dump *d, const struct queue_of *q, struct peeked *p, ScmEntry *scm)
{
	scm->type = SCM_RIGHTS;
	scm->n_rights = p->nr_rights;
	scm->rights = arena_array(&d->arena, uint32_t, p->nr_rights);
	for (size_t i = 0; i < p->nr_rights; i++) {
		int fd = p->rights[i], r;

		p->rights[i] = -1; /* is taken */
		r = flight_dump(d, q->task, q->fd, fd, &scm->rights[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int message_dump(struct dump *d, const struct queue_of *q, struct peeked *p)
{
	SkPacketEntry e = SK_PACKET_ENTRY__INIT;
	ScmEntry rights = SCM_ENTRY__INIT, creds = SCM_ENTRY__INIT, *scm[2];
	int r = 0;

	e.id_for = q->id;
	e.length = (uint32_t)p->len;
	e.scm = scm;
	if (p->nr_rights) {
		scm[e.n_scm++] = &rights;
		r = rights_dump(d, q, p, &rights);
	}
	/* Nobody's: none were asked for when it was sent. */
	if (p->has_creds && p->creds.pid) {
		scm[e.n_scm++] = &creds;
		creds.type = SCM_CREDENTIALS;
		creds.has_pid = creds.has_uid = creds.has_gid = true;
		creds.pid = (uint32_t)p->creds.pid;
		creds.uid = p->creds.uid;
		creds.gid = p->creds.gid;
	}
	if (p->from_len) {
		e.has_sender = true;
		e.sender.len = p->from_len;
		e.sender.data = (uint8_t *)p->from.sun_path;
	}
	if (r >= 0 && !d->sk_queues_img)
		r = image_writer_open(d->s->images, IMAGE_SK_QUEUES, 0, &d->sk_queues_img);
	if (r >= 0)
		r = image_write(d->sk_queues_img, &e.base);
	return r < 0 ? r : image_write_raw(d->sk_queues_img, p->data, p->len);
}

/*
 * A stream shows descriptors together with what was sent before them, however little of that is
 * asked for. What is copied is copied buffer by buffer, each wholly or not at all: where the last
 * byte has no room, all but the last buffer comes, and that is the one with the descriptors.
 * Returns the bytes before it, from `at` on.
 */
static ssize_t before_rights(const struct queue_of *q, size_t at, size_t len)
{
	size_t room = PAGE_UP(len - 1), size = room + PAGE_BYTES;
	char *map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t n = -1;
	int r, err;

	if (map == MAP_FAILED)
		return fail(errno, "mmap");
	r = peek_off_set(q, (int)at);
	if (r >= 0 && mprotect(map + room, PAGE_BYTES, PROT_NONE) == 0)
		n = recv(q->lfd, map + room - (len - 1), len, MSG_PEEK | MSG_DONTWAIT);
	err = errno;
	munmap(map, size);
	if (r >= 0)
		r = peek_off_set(q, (int)at);
	if (r < 0)
		return r;
	if (n < 0 && err != EFAULT)
		return fail(err, "peek at the queue of a socket");
	return n < 0 ? 0 : n;
}

/* What is before them becomes a message of its own. */
static int rights_split(const struct queue_of *q, struct peeked *p, size_t at)
{
	ssize_t before = before_rights(q, at, p->len);
	int r;

	rights_close(p);
	if (before < 0)
		return (int)before;
	r = peek(q, p, (int)at, before ? (size_t)before : SIZE_MAX);
	/* It would show them again. */
	if (before)
		rights_close(p);
	return r;
}

/* The other side will send nothing more. */
static bool is_ended(int lfd)
{
	struct pollfd p = { .fd = lfd, .events = POLLRDHUP };

	return poll(&p, 1, 0) > 0 && p.revents & POLLRDHUP;
}

/* With SO_PEEK_OFF, from the start: message by message. `bytes`: where a stream ends. */
static int messages_dump(struct dump *d, const struct queue_of *q, struct peeked *p, size_t bytes)
{
	size_t at = 0, rights = 0;
	int r = peek_off_set(q, 0);

	while (r >= 0 && (q->type != SOCK_STREAM || at < bytes)) {
		r = peek(q, p, (int)at, SIZE_MAX);
		if (r > 0 && q->type == SOCK_STREAM && p->nr_rights)
			r = rights_split(q, p, at);
		if (r <= 0)
			break;
		/* The end, and not an empty packet. */
		if (!p->len && !p->nr_rights && q->type != SOCK_DGRAM && is_ended(q->lfd))
			break;
		at += p->len;
		rights += p->nr_rights;
		r = at > INT_MAX ? fail(EFBIG, "the queue of a socket") : message_dump(d, q, p);
		rights_close(p);
	}
	if (r >= 0 && rights != q->rights)
		blocked(q, "that has been sent descriptors which it does not want to receive any "
			   "more (SO_PASSRIGHTS)");
	return r;
}

static int queue_dump(struct dump *d, const struct queue_of *q, struct peeked *p, size_t bytes)
{
	int r, back;

	/* A stream without descriptors is one piece, mostly. */
	if (q->type == SOCK_STREAM && q->peek_off < 0 && !q->rights) {
		r = peek(q, p, -1, SIZE_MAX);
		if (r > 0 && p->len == bytes)
			return message_dump(d, q, p);
		if (r < 0)
			return r;
	}
	r = messages_dump(d, q, p, bytes);
	back = peek_off_set(q, q->peek_off);
	return r < 0 ? r : back;
}

int sk_queue_dump(struct dump *d, const struct queue_of *q)
{
	struct pollfd state = { .fd = q->lfd, .events = POLLIN | POLLPRI };
	struct peeked *p;
	int bytes = 0, r;

	if (ioctl(q->lfd, SIOCINQ, &bytes) < 0)
		return fail(errno, "SIOCINQ");
	if (poll(&state, 1, 0) <= 0 || !(state.revents & POLLIN) ||
	    (q->type == SOCK_STREAM && !bytes))
		return 0;
	/* Of a stream, what there is comes before the error. */
	if (q->type != SOCK_STREAM && state.revents & POLLERR) {
		if (bytes)
			blocked(q, "with packets and an error that was not told yet");
		return 0;
	}
	if (state.revents & POLLPRI) {
		blocked(q, "with urgent data (MSG_OOB) that was not received yet");
		return 0;
	}
	p = mem_alloc(sizeof(*p));
	p->room = bytes > PACKET_ROOM || q->type == SOCK_STREAM ? (size_t)bytes : PACKET_ROOM;
	p->data = mem_realloc(NULL, p->room, 1);
	r = queue_dump(d, q, p, (size_t)bytes);
	free(p->data);
	free(p);
	return r;
}
