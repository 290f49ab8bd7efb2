// SPDX-License-Identifier: GPL-2.0-only
/*
 * A connection of TCP comes back in repair mode: connect(2) then sends nothing, and what is written
 * goes into the queue that is named. Order: both sequence numbers, bind, connect, what was agreed
 * upon, the receive queue, what of the send queue has been sent. The rest of it is written outside
 * of repair mode, for it is to be sent; the lock drops it, so it stays in the queue.
 *
 * States after ESTABLISHED cannot be set. Our own FIN is made by shutdown(2), counted as sent in
 * repair mode; the FIN of the peer, and its ACK for ours, are segments that we write ourselves
 * (sock/segment.c). One that was still connecting connects again, with the same sequence number.
 *
 * All of it happens behind the lock, which goes when all tasks can run (sock/tcplive.c).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/image/reader.h"
#include "criu/sock/inet.h"
#include "criu/sock/inetaddr.h"
#include "criu/sock/opts.h"
#include "criu/sock/segment.h"
#include "criu/sock/tcpstate.h"

#define CHUNK         65536
#define QUEUE_MAX     (1u << 30) /* more than any buffer may hold */
#define WSCALE_MAX    14
#define STATE_TRIES   2000
#define STATE_WAIT_NS 1000000 /* each */
#define OPT_NOP       1

enum { OPT_MSS = 2, OPT_WINDOW = 3, OPT_SACK = 4, OPT_TIMESTAMP = 8 }; /* RFC 9293, 7323, 2018 */

static int set(int fd, int name, const char *text, const void *value, size_t size)
{
	return setsockopt(fd, IPPROTO_TCP, name, value, (socklen_t)size) < 0
		   ? fail(errno, "%s", text)
		   : 0;
}

static int set_int(int fd, int name, const char *text, int value)
{
	return set(fd, name, text, &value, sizeof(value));
}

static int repair(int fd, int mode)
{
	return set_int(fd, TCP_REPAIR, "TCP_REPAIR", mode);
}

/* --- load ----------------------------------------------------------------------- */

int tcp_stream_load(struct restore *r, const InetSkEntry *e, TcpStreamEntry **ret)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	TcpStreamEntry *t;
	uint64_t left;
	int got = image_reader_open(r->s->images, IMAGE_TCP_STREAM, e->ino, &img);

	if (got == 0)
		return fail_plain("tcp-stream-%x.img: is missing", e->ino);
	if (got > 0) {
		got = image_read_from(img, r->messages, &m);
		left = image_reader_left(img);
		image_reader_free(img);
		if (got == 0)
			return fail_plain("tcp-stream-%x.img: is empty", e->ino);
	}
	if (got < 0)
		return got;
	t = (TcpStreamEntry *)m;
	if (t->inq_len > QUEUE_MAX || t->outq_len > QUEUE_MAX || t->unsq_len > t->outq_len ||
	    left != (uint64_t)t->inq_len + t->outq_len)
		return fail_plain(
		    "tcp-stream-%x.img: queues of %u and %u bytes, %u of them unsent, "
		    "in %llu",
		    e->ino, t->inq_len, t->outq_len, t->unsq_len, (unsigned long long)left);
	if (t->snd_wscale > WSCALE_MAX || t->rcv_wscale > WSCALE_MAX || t->mss_clamp > UINT16_MAX)
		return fail_plain("tcp-stream-%x.img: window scales %u and %u, mss %u", e->ino,
				  t->snd_wscale, t->rcv_wscale, t->mss_clamp);
	*ret = t;
	return 0;
}

/* --- in the owner --------------------------------------------------------------- */

struct stream {
	int fd;
	const InetSkEntry *e;
	const TcpStreamEntry *t;
	struct image_reader *img;
};

static int queue_select(const struct stream *s, int queue)
{
	return set_int(s->fd, TCP_REPAIR_QUEUE, "TCP_REPAIR_QUEUE", queue);
}

static int sequence_set(const struct stream *s, int queue, uint32_t seq)
{
	int ret = queue_select(s, queue);

	return ret < 0 ? ret : set(s->fd, TCP_QUEUE_SEQ, "TCP_QUEUE_SEQ", &seq, sizeof(seq));
}

/* Of the first byte that is in the queue. */
static int sequences_set(const struct stream *s)
{
	const TcpStreamEntry *t = s->t;
	int ret = sequence_set(s, TCP_RECV_QUEUE,
			       t->inq_seq - t->inq_len - tcp_state_got_fin(s->e->state));

	return ret < 0 ? ret
		       : sequence_set(s, TCP_SEND_QUEUE,
				      t->outq_seq - t->outq_len - tcp_state_sent_fin(s->e->state));
}

static int ends_set(const struct stream *s)
{
	char text[INET_TEXT_MAX];
	union inet_addr a;
	socklen_t len = inet_addr_local(s->e, &a);

	if (bind(s->fd, &a.sa, len) < 0)
		return fail(errno, "bind %s", inet_text(&a, text));
	len = inet_addr_peer(s->e, &a);
	if (connect(s->fd, &a.sa, len) < 0 && errno != EINPROGRESS)
		return fail_hint(fail(errno, "connect to %s", inet_text(&a, text)),
				 errno == EADDRNOTAVAIL
				     ? "end what has this connection on this host"
				     : "see whether there is a route to the peer");
	return 0;
}

static int agreed_set(const struct stream *s)
{
	const TcpStreamEntry *t = s->t;
	struct tcp_repair_opt o[4] = { { OPT_MSS, t->mss_clamp } };
	size_t nr = 1;
	int ret;

	if (t->opt_mask & TCPI_OPT_WSCALE)
		o[nr++] =
		    (struct tcp_repair_opt){ OPT_WINDOW, t->snd_wscale | t->rcv_wscale << 16 };
	if (t->opt_mask & TCPI_OPT_SACK)
		o[nr++] = (struct tcp_repair_opt){ OPT_SACK, 0 };
	if (t->opt_mask & TCPI_OPT_TIMESTAMPS)
		o[nr++] = (struct tcp_repair_opt){ OPT_TIMESTAMP, 0 };
	ret = set(s->fd, TCP_REPAIR_OPTIONS, "TCP_REPAIR_OPTIONS", o, nr * sizeof(*o));
	if (ret >= 0 && t->has_timestamp)
		ret =
		    set(s->fd, TCP_TIMESTAMP, "TCP_TIMESTAMP", &t->timestamp, sizeof(t->timestamp));
	return ret;
}

static int window_set(const struct stream *s)
{
	const TcpStreamEntry *t = s->t;
	struct tcp_repair_window w = { t->snd_wl1, t->snd_wnd, t->max_window, t->rcv_wnd,
				       t->rcv_wup };

	if (!t->has_snd_wnd)
		return 0;
	return set(s->fd, TCP_REPAIR_WINDOW, "TCP_REPAIR_WINDOW", &w, sizeof(w));
}

/* Nothing may have to wait for room: what was in it was in it with the overhead of another time. */
static int room_make(const struct stream *s)
{
	int rcv = (int)(s->t->inq_len + CHUNK), snd = (int)(s->t->outq_len + CHUNK);

	if (s->t->inq_len && setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &rcv, sizeof(rcv)) < 0)
		return fail(errno, "SO_RCVBUFFORCE %d", rcv);
	if (s->t->outq_len && setsockopt(s->fd, SOL_SOCKET, SO_SNDBUFFORCE, &snd, sizeof(snd)) < 0)
		return fail(errno, "SO_SNDBUFFORCE %d", snd);
	return 0;
}

/* The next bytes of the image. Smaller pieces where there is no memory in one. */
static int queue_write(const struct stream *s, uint32_t len)
{
	uint8_t *buf = len ? mem_alloc(CHUNK) : NULL;
	int ret = 0;

	while (len && ret >= 0) {
		size_t size = len < CHUNK ? len : CHUNK, at = 0, piece = size;

		ret = image_read_raw(s->img, buf, size);
		while (ret >= 0 && at < size) {
			ssize_t n = send(s->fd, buf + at, piece < size - at ? piece : size - at,
					 MSG_DONTWAIT | MSG_NOSIGNAL);

			if (n > 0)
				at += (size_t)n;
			else if (errno == ENOMEM && piece > 1024)
				piece /= 2;
			else
				ret = fail(errno, "write %u bytes of a queue", len);
		}
		len -= (uint32_t)size;
	}
	free(buf);
	return ret;
}

static uint32_t state_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) < 0 ? 0 : info.tcpi_state;
}

/* It is received as any packet is: mostly before the call returns, if not a moment later. */
static int segment_receive(const struct stream *s, bool fin, uint32_t ack, uint32_t state)
{
	const TcpStreamEntry *t = s->t;
	uint32_t window = t->snd_wnd >> t->snd_wscale;
	const struct timespec tick = { .tv_nsec = STATE_WAIT_NS };
	struct tcp_segment seg = { .seq = t->inq_seq - tcp_state_got_fin(s->e->state),
				   .ack = ack,
				   .fin = fin,
				   .window =
				       (uint16_t)(window > UINT16_MAX ? UINT16_MAX : window) };
	union inet_addr local, peer;
	int ret;

	inet_addr_local(s->e, &local);
	inet_addr_peer(s->e, &peer);
	inet_conn(&local, &peer, &seg.conn);
	seg.scope = local.sa.sa_family == AF_INET6 ? local.v6.sin6_scope_id : 0;
	ret = tcp_segment_send(&seg);
	for (int i = 0; ret >= 0 && i < STATE_TRIES; i++) {
		if (state_of(s->fd) == state)
			return 0;
		nanosleep(&tick, NULL);
	}
	return ret < 0 ? ret
		       : fail_hint(
			     fail_plain("stays in state %u instead of %u", state_of(s->fd), state),
			     "see whether a firewall drops packets on the loopback");
}

/* Our FIN: one that was sent is counted as such in repair mode. */
static int fin_send(const struct stream *s)
{
	int ret =
	    s->t->unsq_len ? repair(s->fd, TCP_REPAIR_OFF_NO_WP) : queue_select(s, TCP_SEND_QUEUE);

	if (ret >= 0 && shutdown(s->fd, SHUT_WR) < 0)
		ret = fail(errno, "shutdown");
	if (ret >= 0 && s->t->unsq_len)
		ret = repair(s->fd, TCP_REPAIR_ON);
	return ret < 0 ? ret : queue_select(s, TCP_NO_QUEUE);
}

static int fins_exchange(const struct stream *s)
{
	const TcpStreamEntry *t = s->t;
	uint32_t state = s->e->state, unacked = t->outq_seq - t->outq_len - 1;
	int ret = 0;

	switch (state) {
	case TCP_FIN_WAIT1:
		return fin_send(s);
	case TCP_FIN_WAIT2:
		ret = fin_send(s);
		return ret < 0 ? ret : segment_receive(s, false, t->outq_seq, state);
	case TCP_CLOSING:
		ret = fin_send(s);
		return ret < 0 ? ret : segment_receive(s, true, unacked, state);
	case TCP_CLOSE_WAIT:
		return segment_receive(s, true, t->outq_seq - t->outq_len, state);
	case TCP_LAST_ACK:
		ret = segment_receive(s, true, unacked, TCP_CLOSE_WAIT);
		return ret < 0 ? ret : fin_send(s);
	default:
		return 0;
	}
}

static int queues_restore(const struct stream *s)
{
	const TcpStreamEntry *t = s->t;
	int ret = room_make(s);

	if (ret >= 0)
		ret = queue_select(s, TCP_RECV_QUEUE);
	if (ret >= 0)
		ret = queue_write(s, t->inq_len);
	if (ret >= 0)
		ret = queue_select(s, TCP_SEND_QUEUE);
	if (ret >= 0)
		ret = queue_write(s, t->outq_len - t->unsq_len);
	if (ret >= 0)
		ret = queue_select(s, TCP_NO_QUEUE);
	if (ret < 0 || !t->unsq_len)
		return ret;
	ret = repair(s->fd, TCP_REPAIR_OFF_NO_WP);
	if (ret >= 0)
		ret = queue_write(s, t->unsq_len);
	return ret < 0 ? ret : repair(s->fd, TCP_REPAIR_ON);
}

static int established(const struct stream *s)
{
	int ret = sequences_set(s);

	if (ret >= 0)
		ret = ends_set(s);
	if (ret >= 0)
		ret = agreed_set(s);
	if (ret >= 0)
		ret = queues_restore(s);
	if (ret >= 0)
		ret = fins_exchange(s);
	return ret < 0 ? ret : window_set(s);
}

/* The number of the SYN is the one before the first byte. */
static int connecting(const struct stream *s)
{
	int ret = sequence_set(s, TCP_SEND_QUEUE, s->t->outq_seq - 1);
	union inet_addr a;
	socklen_t len = inet_addr_local(s->e, &a);

	if (ret >= 0 && bind(s->fd, &a.sa, len) < 0)
		return fail(errno, "bind");
	if (ret >= 0)
		ret = repair(s->fd, TCP_REPAIR_OFF_NO_WP);
	len = inet_addr_peer(s->e, &a);
	if (ret >= 0 && connect(s->fd, &a.sa, len) < 0 && errno != EINPROGRESS)
		return fail(errno, "connect");
	if (ret >= 0)
		ret = repair(s->fd, TCP_REPAIR_ON);
	if (ret >= 0 && s->t->has_timestamp)
		ret = set(s->fd, TCP_TIMESTAMP, "TCP_TIMESTAMP", &s->t->timestamp,
			  sizeof(s->t->timestamp));
	return ret;
}

int tcp_stream_open(struct restore *r, const InetSkEntry *e, const TcpStreamEntry *t, int fd)
{
	struct stream s = { .fd = fd, .e = e, .t = t };
	char text[TCP_TEXT_MAX];
	ProtobufCMessage *m = NULL;
	int ret = image_reader_open(r->s->images, IMAGE_TCP_STREAM, e->ino, &s.img);

	if (ret == 0)
		return fail_plain("tcp-stream-%x.img: is missing", e->ino);
	if (ret < 0)
		return ret;
	ret = image_read(s.img, &m);
	if (ret > 0)
		protobuf_c_message_free_unpacked(m, NULL);
	if (ret >= 0)
		ret = repair(fd, TCP_REPAIR_ON);
	if (ret >= 0)
		ret = e->state == TCP_SYN_SENT ? connecting(&s) : established(&s);
	image_reader_free(s.img);
	return fail_at(ret, "%s", tcp_text(e, text));
}
