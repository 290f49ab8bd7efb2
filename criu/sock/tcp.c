// SPDX-License-Identifier: GPL-2.0-only
/*
 * Connections of TCP, as TCP_REPAIR shows them: sequence numbers, both queues, what was agreed upon
 * with the peer, windows. Images: images/tcp.proto, one for each connection.
 *
 * When all connections are known, their packets are dropped (net/lock.c), and only then one is
 * read: what has come before is in the queue, what comes later the peer sends again. Each is in
 * repair mode just as long as it is read, for a task that runs then would be told EPERM. Where the
 * tree is killed, crtool's own descriptors are the last ones. They are closed in repair mode, so no
 * FIN or RST goes to the peer. sock/guard.c has what happens when crtool is killed.
 *
 * A FIN takes a sequence number: in the numbers of the image it counts, in the lengths it does not.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/core/left.h"
#include "criu/image/writer.h"
#include "criu/sock/guard.h"
#include "criu/sock/inet.h"
#include "criu/sock/inetaddr.h"
#include "criu/sock/tcpstate.h"

static int get(int fd, int name, const char *text, void *ret, socklen_t size)
{
	socklen_t len = size;

	return getsockopt(fd, IPPROTO_TCP, name, ret, &len) < 0 ? fail(errno, "%s", text) : 0;
}

static int set(int fd, int name, const char *text, int value)
{
	if (setsockopt(fd, IPPROTO_TCP, name, &value, sizeof(value)) < 0)
		return fail(errno, "%s %d", text, value);
	return 0;
}

int tcp_repair_end(int fd, bool reuseaddr, bool probe)
{
	const int off = probe ? TCP_REPAIR_OFF : TCP_REPAIR_OFF_NO_WP, reuse = reuseaddr;

	/* Repair mode takes SO_REUSEADDR for its own, and leaves it switched off. */
	if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &off, sizeof(off)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse)) < 0)
		return -errno;
	return 0;
}

/* --- one connection ------------------------------------------------------------- */

/* Behind what the worker's buffer has already. */
static int queue_read(struct inet_worker *w, size_t at, int fd, int queue, uint32_t len,
		      uint32_t *ret_seq)
{
	ssize_t n;
	int r = set(fd, TCP_REPAIR_QUEUE, "TCP_REPAIR_QUEUE", queue);

	if (r >= 0)
		r = get(fd, TCP_QUEUE_SEQ, "TCP_QUEUE_SEQ", ret_seq, sizeof(*ret_seq));
	if (r < 0 || !len)
		return r;
	n = recv(fd, w->buf + at, len, MSG_PEEK | MSG_DONTWAIT);
	if (n < 0)
		return fail(errno, "read %u bytes of a queue", len);
	return (size_t)n == len ? 0 : fail_plain("a queue had %zd bytes instead of %u", n, len);
}

static int queues_read(struct inet_worker *w, int fd, TcpStreamEntry *t)
{
	size_t size = (size_t)t->inq_len + t->outq_len;
	int r;

	if (w->cap < size) {
		w->cap = size;
		w->buf = mem_realloc(w->buf, w->cap, 1);
	}
	r = queue_read(w, 0, fd, TCP_RECV_QUEUE, t->inq_len, &t->inq_seq);
	if (r >= 0)
		r = queue_read(w, t->inq_len, fd, TCP_SEND_QUEUE, t->outq_len, &t->outq_seq);
	return r < 0 ? r : set(fd, TCP_REPAIR_QUEUE, "TCP_REPAIR_QUEUE", TCP_NO_QUEUE);
}

static int window_dump(int fd, TcpStreamEntry *t)
{
	struct tcp_repair_window w;
	int r = get(fd, TCP_REPAIR_WINDOW, "TCP_REPAIR_WINDOW", &w, sizeof(w));

	if (r < 0)
		return r;
	t->has_snd_wl1 = t->has_snd_wnd = t->has_max_window = true;
	t->has_rcv_wnd = t->has_rcv_wup = true;
	t->snd_wl1 = w.snd_wl1;
	t->snd_wnd = w.snd_wnd;
	t->max_window = w.max_window;
	t->rcv_wnd = w.rcv_wnd;
	t->rcv_wup = w.rcv_wup;
	return 0;
}

static int agreed_dump(int fd, const struct tcp_info *info, TcpStreamEntry *t)
{
	int r = get(fd, TCP_MAXSEG, "TCP_MAXSEG", &t->mss_clamp, sizeof(t->mss_clamp));

	t->opt_mask = info->tcpi_options;
	t->snd_wscale = info->tcpi_snd_wscale;
	t->has_rcv_wscale = true;
	t->rcv_wscale = info->tcpi_rcv_wscale;
	t->has_timestamp = true;
	return r < 0 ? r
		     : get(fd, TCP_TIMESTAMP, "TCP_TIMESTAMP", &t->timestamp, sizeof(t->timestamp));
}

static int lengths_dump(int fd, uint32_t state, TcpStreamEntry *t)
{
	int in = 0, out = 0, unsent = 0;

	if (ioctl(fd, SIOCINQ, &in) < 0 || ioctl(fd, SIOCOUTQ, &out) < 0 ||
	    ioctl(fd, SIOCOUTQNSD, &unsent) < 0)
		return fail(errno, "lengths of queues");
	if (tcp_state_sent_fin(state) && out > 0)
		out--;
	if (tcp_state_sent_fin(state) && unsent > 0)
		unsent--;
	t->inq_len = (uint32_t)in;
	t->outq_len = (uint32_t)out;
	t->has_unsq_len = true;
	t->unsq_len = (uint32_t)unsent;
	return 0;
}

/* Bytes out of band have their place in the queue, which nobody can write. */
bool tcp_has_urgent(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLPRI };

	return poll(&p, 1, 0) > 0 && p.revents & POLLPRI;
}

static int stream_write(struct dump *d, const struct inet_worker *w, const struct tcp_seen *s,
			const TcpStreamEntry *t)
{
	struct image_writer *img = NULL;
	int r = image_writer_open(d->s->images, IMAGE_TCP_STREAM, s->e->ino, &img);

	if (r >= 0)
		r = image_write(img, &t->base);
	if (r >= 0 && t->inq_len)
		r = image_write_raw(img, w->buf, t->inq_len);
	if (r >= 0 && t->outq_len)
		r = image_write_raw(img, w->buf + t->inq_len, t->outq_len);
	if (r >= 0)
		r = image_writer_close(&img);
	image_writer_free(img);
	return r;
}

/* In repair mode: nothing that could take its time. */
static int stream_ask(struct inet_worker *w, const struct tcp_seen *s, const struct tcp_info *info,
		      TcpStreamEntry *t)
{
	int r = set(s->lfd, TCP_REPAIR, "TCP_REPAIR", TCP_REPAIR_ON);

	if (r >= 0)
		r = lengths_dump(s->lfd, s->e->state, t);
	if (r >= 0)
		r = agreed_dump(s->lfd, info, t);
	if (r >= 0 && s->e->state != TCP_SYN_SENT)
		r = window_dump(s->lfd, t);
	return r < 0 ? r : queues_read(w, s->lfd, t);
}

static int stream_dump(struct dump *d, struct tcp_seen *s, unsigned int worker)
{
	struct inet_worker *w = &d->inet->workers[worker];
	TcpStreamEntry t = TCP_STREAM_ENTRY__INIT;
	struct tcp_info info = { 0 };
	bool reuseaddr = s->e->opts->reuseaddr;
	int r = get(s->lfd, TCP_INFO, "TCP_INFO", &info, sizeof(info)), back;

	if (r < 0)
		return r;
	/* Meanwhile it may have gone on, until the lock was there. */
	s->e->state = info.tcpi_state;
	if (!tcp_is_connection(s->e))
		return 0;
	if (tcp_has_urgent(s->lfd))
		return fail_plain(TCP_URGENT);
	tcp_guard_reads(d->inet->guard, worker, s->lfd, reuseaddr);
	r = stream_ask(w, s, &info, &t);
	back = tcp_repair_end(s->lfd, reuseaddr, false);
	tcp_guard_has_read(d->inet->guard, worker);
	if (r >= 0 && back < 0)
		r = fail(-back, "leave repair mode");
	return r < 0 ? r : stream_write(d, w, s, &t);
}

void tcp_bury(int fd)
{
	const int on = TCP_REPAIR_ON;

	setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on));
	close(fd);
}

/* --- all of them ---------------------------------------------------------------- */

int tcp_see(struct dump *d, const struct fd_probe *p, uint32_t standard, InetSkEntry *e)
{
	struct tcp_seen *s = arena_alloc(&d->arena, sizeof(*s));

	/* One descriptor for each connection. */
	if (!d->inet->nr_seen && io_fds_unlimited() < 0)
		log_warn("the limit of open files stays as it is");
	s->lfd = fcntl(p->lfd, F_DUPFD_CLOEXEC, 0);
	if (s->lfd < 0)
		return fail_hint(fail(errno, "keep a descriptor of a TCP connection"),
				 "raise the limit of open files (ulimit -Hn) above the number of "
				 "connections");
	s->task = p->task;
	s->fd = p->fd;
	s->to = p->to;
	s->to_fd = p->to_fd;
	s->standard = standard;
	s->e = e;
	*array_push(d->inet->seen, d->inet->nr_seen, d->inet->cap_seen) = s;
	return 0;
}

int tcp_seen_fail_at(int r, const struct tcp_seen *s)
{
	char text[TCP_TEXT_MAX];

	return task_fail_at(fail_at(fail_at(r, "%s", tcp_text(s->e, text)), "fd %d", s->fd),
			    s->task);
}

static int lock_make(struct dump *d)
{
	struct inet_dump *in = d->inet;
	struct net_conn *conns = mem_alloc(in->nr_seen * sizeof(*conns));
	size_t nr = 0;
	int r;

	for (; nr < in->nr_seen; nr++) {
		union inet_addr local, peer;

		inet_addr_local(in->seen[nr]->e, &local);
		inet_addr_peer(in->seen[nr]->e, &peer);
		inet_conn(&local, &peer, &conns[nr]);
	}
	r = d->s->opts->network_lock == NETWORK_LOCK_SKIP
		? 0
		: left_note(d->s, LEFT_NETWORK_LOCK, (uint32_t)d->s->opts->network_lock);
	if (r >= 0) {
		in->locked = true;
		tcp_guard_lock(in->guard);
		r = netlock_make(d->s->opts->network_lock, d->s->run_id, conns, nr);
	}
	free(conns);
	return r < 0 ? r : netlock_settle();
}

static int stream_work(void *ctx, size_t i, unsigned int worker)
{
	struct dump *d = ctx;
	struct tcp_seen *s = d->inet->seen[i];
	int r = tcp_seen_fail_at(stream_dump(d, s, worker), s);

	return r < 0 ? r : session_interrupted(d->s);
}

int tcp_dump(struct dump *d)
{
	struct inet_dump *in = d->inet;
	int r = tcp_guard_start(d->s->opts->network_lock, d->s->run_id, in->nr_seen, &in->guard);

	if (r < 0)
		return r;
	for (size_t i = 0; i < in->nr_seen; i++)
		tcp_guard_add(in->guard, in->seen[i]->lfd, in->seen[i]->e->opts->reuseaddr);
	r = lock_make(d);
	return r < 0 ? r : parallel_for(in->nr_seen, stream_work, d);
}

int tcp_release(struct dump *d)
{
	struct inet_dump *in = d->inet;
	int r = 0;

	if (!in || !in->guard)
		return 0;
	if (in->locked)
		r = netlock_remove(d->s->opts->network_lock, d->s->run_id, &in->late_fd);
	in->locked = in->given_up = false;
	tcp_guard_end(in->guard);
	in->guard = NULL;
	return r;
}

void tcp_give_up(struct dump *d)
{
	if (!d->inet || !d->inet->guard)
		return;
	d->inet->given_up = true;
	tcp_guard_give_up(d->inet->guard, d->tree.tasks[0]->pid);
}
