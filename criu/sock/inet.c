// SPDX-License-Identifier: GPL-2.0-only
/*
 * IPv4 and IPv6 sockets: TCP, UDP, UDP-Lite, ICMP, raw. All of the state but that of a connection
 * is read by getsockopt(2), getsockname(2) and poll(2) through crtool's own descriptor, which
 * changes nothing. On the way back the owner makes a socket, sets what bind and connect look at,
 * binds, connects or listens, and sets the rest. Images: images/inet.proto.
 *
 * Connections of TCP are another matter: sock/tcp.c.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/files/fown.h"
#include "criu/files/given.h"
#include "criu/image/writer.h"
#include "criu/sock/guard.h"
#include "criu/sock/inet.h"
#include "criu/sock/inetaddr.h"
#include "criu/sock/inetlist.h"
#include "criu/sock/inetopts.h"
#include "criu/sock/kinds.h"
#include "criu/sock/mcast.h"
#include "criu/sock/md5.h"
#include "criu/sock/opts.h"
#include "criu/sock/tcpalike.h"
#include "criu/sock/tcpstate.h"
#include "criu/sock/udpqueue.h"
#include "images/tcp.pb-c.h"

#define BACKLOG_MAX  0x7fffffffu
#define UNSENT_TRIES 100 /* of a millisecond, until a packet has left */
#define NOT_KEPT     "which cannot be kept yet"

/* --- dump ----------------------------------------------------------------------- */

static int int_option(int fd, int level, int name, int fallback)
{
	int value = fallback;
	socklen_t len = sizeof(value);

	return getsockopt(fd, level, name, &value, &len) < 0 ? fallback : value;
}

static bool inet_match(const struct fd_probe *p)
{
	return p->family == AF_INET || p->family == AF_INET6;
}

static bool is_tcp(const InetSkEntry *e)
{
	return e->type == SOCK_STREAM;
}

bool tcp_is_connection(const InetSkEntry *e)
{
	return is_tcp(e) && e->state != TCP_CLOSE && e->state != TCP_LISTEN;
}

const char *tcp_text(const InetSkEntry *e, char buf[TCP_TEXT_MAX])
{
	char from[INET_TEXT_MAX], to[INET_TEXT_MAX];
	union inet_addr local, peer;

	inet_addr_local(e, &local);
	inet_addr_peer(e, &peer);
	inet_text(&local, from);
	if (e->dst_port)
		snprintf(buf, TCP_TEXT_MAX, "tcp %s to %s", from, inet_text(&peer, to));
	else
		snprintf(buf, TCP_TEXT_MAX, "tcp %s", from);
	return buf;
}

static const char *protocol_name(const InetSkEntry *e)
{
	switch (e->proto) {
	case IPPROTO_SCTP:
		return "SCTP";
	case IPPROTO_DCCP:
		return "DCCP";
	case 256: /* IPPROTO_SMC */
		return "SMC";
	default:
		return NULL;
	}
}

/* A new socket of the same sort, for the dump: what it has nobody has set. */
static int standard_of(struct dump *d, const InetSkEntry *e, uint32_t *ret)
{
	struct inet_dump *in = d->inet;
	unsigned int sort = inet_sort((int)e->family, (int)e->type, (int)e->proto);
	struct inet_standard *s;
	int fd;

	for (*ret = 0; *ret < in->nr_fresh; ++*ret)
		if (in->fresh[*ret].sort == sort && in->fresh[*ret].protocol == (int)e->proto)
			return 0;
	fd = socket((int)e->family, (int)e->type | SOCK_CLOEXEC, (int)e->proto);
	if (fd < 0)
		return fail(errno, "make a socket to compare with");
	s = array_push(in->fresh, in->nr_fresh, in->cap_fresh);
	s->sort = sort;
	s->protocol = (int)e->proto;
	s->fd = fd;
	inet_standard_read(s, e);
	return 0;
}

static int addresses_dump(struct dump *d, int lfd, InetSkEntry *e)
{
	union inet_addr local = { .sa.sa_family = (sa_family_t)e->family }, peer;
	socklen_t len = sizeof(local), peer_len = sizeof(peer);
	bool connected = getpeername(lfd, &peer.sa, &peer_len) == 0;

	if (getsockname(lfd, &local.sa, &len) < 0)
		return fail(errno, "getsockname");
	inet_addr_put(d, e, &local, connected ? &peer : NULL);
	if (!is_tcp(e))
		e->state = connected ? TCP_ESTABLISHED : TCP_CLOSE;
	return 0;
}

static int known_of(struct dump *d, const InetSkEntry *e, const struct inet_known **ret)
{
	if (is_tcp(e))
		return inet_list_find(d, e->state == TCP_LISTEN ? LIST_TCP_LISTEN : LIST_TCP,
				      e->ino, ret);
	if (e->type == SOCK_DGRAM && e->proto == IPPROTO_UDP)
		return inet_list_find(d, LIST_UDP, e->ino, ret);
	if (e->type == SOCK_DGRAM && e->proto == IPPROTO_UDPLITE)
		return inet_list_find(d, LIST_UDPLITE, e->ino, ret);
	return 0;
}

/*
 * poll(2) tells all but one that is shut for sending only, which the list of the kernel has. Of a
 * connection, what is not a matter of FINs: it is shut for receiving.
 */
static void shutdown_dump(int lfd, const struct inet_known *k, InetSkEntry *e)
{
	struct pollfd p = { .fd = lfd, .events = POLLRDHUP };
	uint32_t how = k ? k->shutdown : 0;

	if (poll(&p, 1, 0) > 0 && p.revents & POLLRDHUP)
		how |= p.revents & POLLHUP ? SK_SHUTDOWN__BOTH : SK_SHUTDOWN__READ;
	if (tcp_is_connection(e))
		how = tcp_state_got_fin(e->state) ? 0 : how & SK_SHUTDOWN__READ;
	e->has_shutdown = how;
	e->shutdown = (SkShutdown)how;
}

/* One that is still connecting has a peer that getpeername(2) does not tell. */
static void connecting_dump(struct dump *d, const struct inet_known *k, InetSkEntry *e)
{
	union inet_addr local;

	inet_addr_local(e, &local);
	inet_addr_put(d, e, &local, &k->peer);
}

static void listener_dump(struct dump *d, const struct fd_probe *p, const struct tcp_info *info,
			  InetSkEntry *e)
{
	char name[64], text[TCP_TEXT_MAX];

	e->backlog = info->tcpi_sacked; /* of a listening one: the limit, and how many there are */
	if (info->tcpi_unacked && !d->s->opts->skip_in_flight)
		blocker("let the program accept them, or try --skip-in-flight, which resets them",
			"%s: %s: %u connections that nobody has accepted yet",
			fd_probe_name(p, name, sizeof(name)), tcp_text(e, text),
			info->tcpi_unacked);
}

static bool tcp_state_dump(const struct fd_probe *p, struct tcp_info *info, InetSkEntry *e)
{
	socklen_t len = sizeof(*info);

	memset(info, 0, sizeof(*info));
	if (getsockopt(p->lfd, IPPROTO_TCP, TCP_INFO, info, &len) == 0)
		e->state = info->tcpi_state;
	else
		e->state = TCP_CLOSE;
	/* Of MPTCP it is the state of a part of it. */
	if (int_option(p->lfd, SOL_SOCKET, SO_ACCEPTCONN, 0))
		e->state = TCP_LISTEN;
	return true;
}

/* True: it is refused. */
static bool tcp_refuse(struct dump *d, const struct fd_probe *p, const InetSkEntry *e)
{
	char name[64], text[TCP_TEXT_MAX], ulp[32] = "";
	socklen_t len = sizeof(ulp) - 1;
	const struct options *o = d->s->opts;

	fd_probe_name(p, name, sizeof(name));
	tcp_text(e, text);
	if (e->proto != IPPROTO_TCP && e->state != TCP_CLOSE && e->state != TCP_LISTEN)
		blocker(NULL, "%s: %s: an MPTCP connection, " NOT_KEPT, name, text);
	else if (e->proto == IPPROTO_TCP &&
		 getsockopt(p->lfd, IPPROTO_TCP, TCP_ULP, ulp, &len) == 0 && len && ulp[0])
		blocker(NULL,
			"%s: %s: a TCP socket with the upper layer protocol \"%s\", whose state "
			"cannot be read",
			name, text, ulp);
	else if (int_option(p->lfd, IPPROTO_TCP, TCP_REPAIR, 0) > 0)
		blocker("wait until it is done, or end it",
			"%s: %s: a TCP socket that somebody else repairs", name, text);
	else if (e->state == TCP_SYN_RECV)
		blocker("try again in a moment", "%s: %s: a connection that is just being made",
			name, text);
	else if (tcp_is_connection(e) && !o->tcp_established && !o->tcp_close)
		blocker("try --tcp-established, which keeps connections, or --tcp-close",
			"%s: %s: a TCP connection", name, text);
	else if (tcp_is_connection(e) && o->tcp_established && tcp_has_urgent(p->lfd))
		blocker("let the program receive it, or try --tcp-close", "%s: %s: " TCP_URGENT,
			name, text);
	else
		return false;
	return true;
}

/* What does not leave is a part of a datagram (UDP_CORK, MSG_MORE). */
static bool has_unsent(int lfd)
{
	const struct timespec tick = { .tv_nsec = 1000000 };
	int bytes = 0;

	for (int i = 0; i < UNSENT_TRIES; i++) {
		if (ioctl(lfd, SIOCOUTQ, &bytes) < 0 || bytes == 0)
			return false;
		nanosleep(&tick, NULL);
	}
	return true;
}

/* What comes to a raw socket comes to others as well: it cannot be sent again for this one. */
static bool keeps_queue(const InetSkEntry *e)
{
	return e->type == SOCK_DGRAM && e->proto == IPPROTO_UDP;
}

static void datagrams_judge(const struct fd_probe *p, const InetSkEntry *e)
{
	char name[64], byte;

	fd_probe_name(p, name, sizeof(name));
	if (!keeps_queue(e) && recv(p->lfd, &byte, 1, MSG_PEEK | MSG_DONTWAIT | MSG_TRUNC) >= 0)
		blocker("let the program receive them",
			"%s: %s: datagrams that were not received yet, " NOT_KEPT, name, p->link);
	if (has_unsent(p->lfd))
		blocker(NULL,
			"%s: %s: a datagram that is not complete (UDP_CORK, MSG_MORE), " NOT_KEPT,
			name, p->link);
}

static void owner_dump(const struct fd_probe *p, InetSkEntry *e)
{
	e->has_uid = p->st.st_uid != 0;
	e->uid = p->st.st_uid;
	e->has_gid = p->st.st_gid != 0;
	e->gid = p->st.st_gid;
}

/* What has its place in lists of the dump. */
static int entry_begin(struct dump *d, const struct fd_probe *p, InetSkEntry *e,
		       uint32_t *ret_standard)
{
	const struct inet_known *k = NULL;
	int r = known_of(d, e, &k);

	if (r < 0)
		return r;
	if (k && k->nr_md5)
		md5_dump(d, k->md5, k->nr_md5, e);
	if (k && e->state == TCP_SYN_SENT && is_tcp(e))
		connecting_dump(d, k, e);
	owner_dump(p, e);
	shutdown_dump(p->lfd, k, e);
	r = mcast_dump(d, p->lfd, e);
	return r < 0 ? r : standard_of(d, e, ret_standard);
}

/* What only the socket knows: a hundred questions. 1: it has a filter that cannot be read. */
static int entry_ask(struct arena *a, int lfd, const struct inet_standard *standard, InetSkEntry *e)
{
	int r, filter = 0;

	e->fown = arena_alloc(a, sizeof(*e->fown));
	r = fown_dump(lfd, e->fown);
	if (r >= 0)
		r = filter = sk_opts_read(a, lfd, &e->opts);
	if (r >= 0)
		r = inet_opts_dump(a, lfd, standard, e);
	return r < 0 ? r : filter;
}

static int entry_fill(struct dump *d, const struct fd_probe *p, InetSkEntry *e)
{
	uint32_t standard;
	int r = entry_begin(d, p, e, &standard);

	if (r >= 0)
		r = entry_ask(&d->arena, p->lfd, &d->inet->fresh[standard], e);
	if (r > 0)
		sk_opts_refuse_filter(p);
	return r < 0 ? r : 0;
}

static int entry_write(struct dump *d, uint32_t id, InetSkEntry *e)
{
	FileEntry fe = FILE_ENTRY__INIT;

	fe.type = FD_TYPES__INETSK;
	fe.isk = e;
	return dump_file_write(d, id, &fe);
}

static int tcp_socket_dump(struct dump *d, const struct fd_probe *p, InetSkEntry *e)
{
	struct tcp_info info;
	uint32_t standard;
	int r;

	tcp_state_dump(p, &info, e);
	if (tcp_refuse(d, p, e))
		return 0;
	if (tcp_is_connection(e) && !d->s->opts->tcp_established)
		e->state = TCP_CLOSE; /* --tcp-close */
	if (e->state == TCP_LISTEN)
		listener_dump(d, p, &info, e);
	if (tcp_is_connection(e)) {
		r = entry_begin(d, p, e, &standard);
		return r < 0 ? r : tcp_see(d, p, standard, e);
	}
	r = entry_fill(d, p, e);
	return r < 0 ? r : entry_write(d, p->id, e);
}

static InetSkEntry *entry_new(struct dump *d, const struct fd_probe *p)
{
	InetSkEntry *e = arena_message(&d->arena, InetSkEntry, INET_SK_ENTRY__INIT);

	if (!d->inet)
		d->inet = arena_alloc(&d->arena, sizeof(*d->inet));
	d->inet->late_fd = -1;
	e->id = p->id;
	e->ino = (uint32_t)p->st.st_ino;
	e->flags = fd_probe_flags(p);
	e->family = (uint32_t)p->family;
	e->type = (uint32_t)int_option(p->lfd, SOL_SOCKET, SO_TYPE, 0);
	e->proto = (uint32_t)int_option(p->lfd, SOL_SOCKET, SO_PROTOCOL, 0);
	return e;
}

static int inet_dump(struct dump *d, const struct fd_probe *p)
{
	InetSkEntry *e = entry_new(d, p);
	char name[64];
	int r;

	if (!inet_sort((int)e->family, (int)e->type, (int)e->proto)) {
		const char *protocol = protocol_name(e);

		fd_probe_name(p, name, sizeof(name));
		if (protocol)
			blocker(NULL, "%s: %s: a socket of %s, " NOT_KEPT, name, p->link, protocol);
		else
			blocker(NULL, "%s: %s: a socket of protocol %u, " NOT_KEPT, name, p->link,
				e->proto);
		return 0;
	}
	r = addresses_dump(d, p->lfd, e);
	if (r < 0)
		return r;
	if (is_tcp(e))
		return tcp_socket_dump(d, p, e);
	datagrams_judge(p, e);
	r = entry_fill(d, p, e);
	if (r >= 0 && keeps_queue(e))
		r = udp_queue_dump(d, p, e);
	return r < 0 ? r : entry_write(d, p->id, e);
}

static int ask_work(void *ctx, size_t i, unsigned int worker)
{
	struct inet_dump *in = ((struct dump *)ctx)->inet;
	struct tcp_seen *s = in->seen[i];
	int r;

	if (s->like && !s->is_proof)
		return 0;
	r = entry_ask(&in->workers[worker].arena, s->lfd, &in->fresh[s->standard], s->e);
	s->has_filter = r > 0;
	return r < 0 ? tcp_seen_fail_at(r, s) : 0;
}

static int ask_others_work(void *ctx, size_t i, unsigned int worker)
{
	struct inet_dump *in = ((struct dump *)ctx)->inet;
	struct tcp_seen *s = in->seen[i];

	if (!s->like || s->is_proof)
		return 0;
	s->has_filter = s->like->has_filter;
	return tcp_seen_fail_at(connection_dump_like(&in->workers[worker].arena, s), s);
}

/* After the first of each sort. */
static int others_ask(struct dump *d)
{
	const struct inet_dump *in = d->inet;
	bool others = false, proven = true;

	for (size_t i = 0; i < in->nr_seen; i++) {
		const struct tcp_seen *s = in->seen[i];

		others |= s->like && !s->is_proof;
		proven &= !s->is_proof || connection_is_like(s);
	}
	if (!others)
		return 0;
	if (proven)
		return parallel_for(in->nr_seen, ask_others_work, d);
	log_info("each connection is asked for its options: some that look alike differ");
	for (size_t i = 0; i < in->nr_seen; i++)
		in->seen[i]->like = NULL;
	return parallel_for(in->nr_seen, ask_work, d);
}

static int connections_ask(struct dump *d)
{
	const struct inet_dump *in = d->inet;
	int r;

	connections_compare(d);
	r = parallel_for(in->nr_seen, ask_work, d);
	if (r >= 0)
		r = others_ask(d);
	for (size_t i = 0; i < in->nr_seen && r >= 0; i++) {
		const struct tcp_seen *s = in->seen[i];
		char link[32];
		struct fd_probe p = {
			.task = s->task, .fd = s->fd, .to = s->to, .to_fd = s->to_fd, .link = link
		};

		snprintf(link, sizeof(link), "socket:[%u]", s->e->ino);
		if (s->has_filter)
			sk_opts_refuse_filter(&p);
	}
	return r;
}

/* When all connections are known: one lock for them. */
static int inet_dump_end(struct dump *d)
{
	const struct inet_dump *in = d->inet;
	int r;

	if (!in)
		return 0;
	r = udp_queue_dump_end(d);
	if (r >= 0)
		r = connections_ask(d);
	if (r < 0 || !in->nr_seen || d->trial || blockers_count())
		return r;
	r = tcp_dump(d);
	for (size_t i = 0; i < in->nr_seen && r >= 0; i++)
		r = entry_write(d, in->seen[i]->e->id, in->seen[i]->e);
	return r;
}

void inet_dump_done(struct dump *d)
{
	struct inet_dump *in = d->inet;

	if (!in)
		return;
	for (size_t i = 0; i < in->nr_seen; i++) {
		if (in->given_up)
			tcp_bury(in->seen[i]->lfd);
		else
			close(in->seen[i]->lfd);
	}
	free(in->seen);
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++) {
		arena_done(&in->workers[i].arena);
		free(in->workers[i].buf);
	}
	tcp_guard_end(in->guard);
	if (in->late_fd >= 0)
		close(in->late_fd);
	for (size_t i = 0; i < in->nr_fresh; i++)
		close(in->fresh[i].fd);
	free(in->fresh);
	image_writer_free(in->queues_img);
	map_done(&in->known);
	free(in->buf);
	d->inet = NULL;
}

/* --- restore -------------------------------------------------------------------- */

struct inet_file {
	struct file file;
	TcpStreamEntry *stream; /* of a connection that is to be one again */
};

/* An address that this host does not have is found before there is any process. */
static int address_check(struct restore *r, const InetSkEntry *e)
{
	const InetSkEntry *before = r->address_ok;
	cleanup_close int fd = -1;
	char text[INET_TEXT_MAX];
	union inet_addr a;
	socklen_t len = inet_addr_local(e, &a);
	bool anywhere = e->ip_opts && e->ip_opts->freebind;

	for (size_t i = 0; i < e->n_more_opts; i++)
		anywhere |= e->more_opts[i]->name == IP_TRANSPARENT ||
			    e->more_opts[i]->name == IPV6_TRANSPARENT;
	if (inet_addr_is_any(&a) || anywhere)
		return 0;
	/* Most are the same. */
	if (before && before->family == e->family && before->n_src_addr == e->n_src_addr &&
	    memcmp(before->src_addr, e->src_addr, e->n_src_addr * sizeof(*e->src_addr)) == 0)
		return 0;
	r->address_ok = e;
	a.v4.sin_port = 0;
	fd = socket((int)e->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(errno, "make a socket");
	if (bind(fd, &a.sa, len) == 0 || errno != EADDRNOTAVAIL)
		return 0;
	inet_addr_local(e, &a);
	r->address_ok = NULL;
	return fail_hint(fail_plain("%s %s: this host does not have the address",
				    is_tcp(e) ? "tcp" : "socket", inet_text(&a, text)),
			 tcp_is_connection(e) ? "give it to an interface, or try --tcp-close"
					      : "give it to an interface");
}

static int inet_given(struct restore *r, const FileEntry *fe, struct given_name *ret)
{
	(void)r;
	if (!fe->isk)
		return 0;
	snprintf(ret->text, sizeof(ret->text), "socket:[%u]", fe->isk->ino);
	ret->flags = fe->isk->flags;
	ret->fown = fe->isk->fown;
	return 1;
}

static int inet_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct inet_file *p = file_to(struct inet_file, f);
	InetSkEntry *e = fe->isk;
	int ret;

	if (!e)
		return fail_plain("has no part of an inet socket");
	if (!inet_sort((int)e->family, (int)e->type, (int)e->proto))
		return fail_plain("an inet socket of family %u, type %u, protocol %u", e->family,
				  e->type, e->proto);
	if (e->state < TCP_ESTABLISHED || e->state > TCP_CLOSING)
		return fail_plain("an inet socket in state %u", e->state);
	if (tcp_is_connection(e) && (r->s->opts->tcp_close || r->inventory->tcp_close))
		e->state = TCP_CLOSE;
	ret = inet_addr_load(e);
	if (ret >= 0)
		ret = sk_opts_load(e->opts);
	if (ret >= 0)
		ret = inet_opts_load(e);
	if (ret >= 0)
		ret = md5_load(e);
	if (ret >= 0)
		ret = mcast_load(e);
	if (ret >= 0)
		ret = address_check(r, e);
	if (ret >= 0)
		ret = udp_queues_load(r);
	return ret >= 0 && tcp_is_connection(e) ? tcp_stream_load(r, e, &p->stream) : ret;
}

/* Who may join a group of SO_REUSEPORT, and which rules of a firewall apply. */
static int owner_restore(int fd, const InetSkEntry *e)
{
	if (!e->uid && !e->gid)
		return 0;
	if (fchown(fd, e->uid, e->gid) < 0)
		return fail(errno, "chown the socket to %u:%u", e->uid, e->gid);
	return 0;
}

static int bind_to(int fd, const InetSkEntry *e)
{
	const int on = 1;
	char text[INET_TEXT_MAX];
	union inet_addr a;
	socklen_t len = inet_addr_local(e, &a);
	bool raw = e->type == SOCK_RAW;

	if (inet_addr_is_any(&a) && (raw || !e->src_port))
		return 0;
	/* Connections of its own have the port already. It is set as it was at the end. */
	if (is_tcp(e) && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return fail(errno, "SO_REUSEADDR");
	if (raw)
		a.v4.sin_port = 0;
	if (bind(fd, &a.sa, len) == 0)
		return 0;
	return fail_hint(
	    fail(errno, "%s %s: bind", is_tcp(e) ? "tcp" : "socket", inet_text(&a, text)),
	    errno == EADDRINUSE ? "stop the process that holds the port"
				: "see whether the address and the port may be used");
}

static int datagram_connect(int fd, const InetSkEntry *e)
{
	char text[INET_TEXT_MAX];
	union inet_addr a;
	socklen_t len = inet_addr_peer(e, &a);

	if (e->state != TCP_ESTABLISHED || !e->n_dst_addr)
		return 0;
	return connect(fd, &a.sa, len) < 0 ? fail(errno, "connect to %s", inet_text(&a, text)) : 0;
}

static int listen_again(int fd, const InetSkEntry *e)
{
	char text[TCP_TEXT_MAX];
	uint32_t backlog = e->backlog > BACKLOG_MAX ? BACKLOG_MAX : e->backlog;

	if (listen(fd, (int)backlog) == 0)
		return 0;
	return fail_hint(fail(errno, "%s: listen", tcp_text(e, text)),
			 "stop the process that holds the port");
}

/* Where the kernel says that it is not connected it does it nevertheless. */
static int shutdown_again(int fd, const InetSkEntry *e)
{
	if (!e->has_shutdown || e->shutdown == SK_SHUTDOWN__NONE ||
	    (is_tcp(e) && !tcp_is_connection(e)))
		return 0;
	if (shutdown(fd, (int)e->shutdown - 1) < 0 && errno != ENOTCONN)
		return fail(errno, "shutdown");
	return 0;
}

static int idle_open(int fd, const InetSkEntry *e)
{
	/* Of a connection that is over: nobody has its port any more. */
	bool over = is_tcp(e) && (e->n_dst_addr || (e->has_shutdown && e->shutdown));
	int ret = over ? 0 : bind_to(fd, e);

	if (ret >= 0 && !is_tcp(e))
		ret = datagram_connect(fd, e);
	if (ret >= 0 && is_tcp(e) && e->state == TCP_LISTEN)
		ret = listen_again(fd, e);
	return ret;
}

static int inet_open(struct restore *r, struct file *f)
{
	const struct inet_file *p = file_to(struct inet_file, f);
	const InetSkEntry *e = f->entry->isk;
	const int on = 1;
	cleanup_close int fd =
	    socket((int)e->family, (int)e->type | SOCK_CLOEXEC | SOCK_NONBLOCK, (int)e->proto);
	int ret;

	if (fd < 0)
		return fail(errno, "make a socket of family %u, type %u, protocol %u", e->family,
			    e->type, e->proto);
	ret = owner_restore(fd, e);
	if (ret >= 0)
		ret = sk_opts_restore_early(fd, e->opts);
	if (ret >= 0)
		ret = inet_opts_restore_early(fd, e);
	if (ret >= 0)
		ret = p->stream ? tcp_stream_open(r, e, p->stream, fd) : idle_open(fd, e);
	if (ret >= 0 && e->type == SOCK_DGRAM)
		ret = udp_queue_restore(r, e, fd);
	if (ret >= 0)
		ret = shutdown_again(fd, e);
	if (ret >= 0)
		ret = md5_restore(fd, e);
	if (ret >= 0)
		ret = mcast_restore(fd, e);
	if (ret >= 0)
		ret = inet_opts_restore_late(fd, e);
	if (ret >= 0)
		ret = sk_opts_restore_late(fd, e->opts);
	/* Others are still to be bound to its port. */
	if (ret >= 0 && p->stream && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0)
		return fail(errno, "SO_REUSEADDR");
	if (ret >= 0)
		ret = status_restore(fd, e->flags, e->fown);
	return ret < 0 ? ret : take_fd(&fd);
}

/* Connections are not live before all tasks are. */
static int inet_arm(struct restore *r, struct file *f, int fd)
{
	return file_to(struct inet_file, f)->stream ? tcp_keep(r, f->entry->isk, fd) : 0;
}

const struct file_kind inet_kind = {
	.name = "inet",
	.type = FD_TYPES__INETSK,
	.size = sizeof(struct inet_file),
	.match = inet_match,
	.dump = inet_dump,
	.dump_end = inet_dump_end,
	.load = inet_load,
	.given = inet_given,
	.open = inet_open,
	.arm = inet_arm,
};
