// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/nlsock.h"

#include <errno.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/mem.h"

/* A dump of sockets fills what it is given: fewer, larger pieces. */
#define RECEIVE_BYTES (256 * 1024)

struct nlsock {
	struct nl_sock *sk;
	struct nl_cb *cb;
	/* of the request that is under way */
	nlsock_fn *fn;
	void *ctx;
	int result;
};

static int on_message(struct nl_msg *msg, void *arg)
{
	struct nlsock *s = arg;

	/* What is left of the answer is taken, or the next request would get it. */
	if (s->result >= 0)
		s->result = s->fn(nlmsg_hdr(msg), s->ctx);
	return NL_OK;
}

/* Of a dump that breaks off: the end of it has the reason. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	const struct nlmsghdr *h = nlmsg_hdr(msg);
	struct nlsock *s = arg;

	if (nlmsg_datalen(h) >= (int)sizeof(int) && *(const int *)nlmsg_data(h) < 0)
		s->result = *(const int *)nlmsg_data(h);
	return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct nlsock *s = arg;

	(void)from;
	s->result = e->error < 0 ? e->error : -EPROTO;
	return NL_STOP;
}

static int connect_to(struct nlsock *s, int protocol)
{
	if (!s->sk || !s->cb)
		return -ENOMEM;
	errno = 0;
	if (nl_connect(s->sk, protocol) < 0)
		return errno ? -errno : -EPROTO;
	nl_socket_disable_auto_ack(s->sk);
	nl_socket_disable_msg_peek(s->sk);
	if (nl_socket_set_msg_buf_size(s->sk, RECEIVE_BYTES) < 0)
		return -ENOMEM;
	nl_cb_set(s->cb, NL_CB_VALID, NL_CB_CUSTOM, on_message, s);
	nl_cb_set(s->cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, s);
	nl_cb_err(s->cb, NL_CB_CUSTOM, on_error, s);
	return 0;
}

int nlsock_open(int protocol, struct nlsock **ret)
{
	struct nlsock *s = mem_alloc(sizeof(*s));
	int r;

	s->sk = nl_socket_alloc();
	s->cb = nl_cb_alloc(NL_CB_DEFAULT);
	r = connect_to(s, protocol);
	if (r < 0) {
		nlsock_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void nlsock_close(struct nlsock *s)
{
	int saved = errno;

	if (!s)
		return;
	if (s->cb)
		nl_cb_put(s->cb);
	if (s->sk)
		nl_socket_free(s->sk);
	free(s);
	errno = saved;
}

/* The library's own codes lose which errno it was. */
static int talk(struct nlsock *s, uint16_t type, int flags, const void *req, size_t len,
		nlsock_fn *fn, void *ctx)
{
	uint8_t copy[NLSOCK_CHANGE_MAX];
	int r;

	if (len > sizeof(copy))
		return -EMSGSIZE;
	memcpy(copy, req, len);
	s->fn = fn;
	s->ctx = ctx;
	s->result = 0;
	errno = 0;
	r = nl_send_simple(s->sk, type, flags, copy, len);
	if (r >= 0)
		r = nl_recvmsgs(s->sk, s->cb);
	if (s->result < 0)
		return s->result;
	return r >= 0 ? 0 : errno ? -errno : -EPROTO;
}

int nlsock_dump(struct nlsock *s, uint16_t type, const void *req, size_t len, nlsock_fn *fn,
		void *ctx)
{
	return talk(s, type, NLM_F_DUMP, req, len, fn, ctx);
}

int nlsock_ask(struct nlsock *s, uint16_t type, const void *req, size_t len, nlsock_fn *fn,
	       void *ctx)
{
	return talk(s, type, 0, req, len, fn, ctx);
}

static int ignore(const struct nlmsghdr *h, void *ctx)
{
	(void)h;
	(void)ctx;
	return 0;
}

int nlsock_change(struct nlsock *s, uint16_t type, int flags, const void *req, size_t len)
{
	return talk(s, type, NLM_F_ACK | flags, req, len, ignore, NULL);
}

int nlsock_attrs(const struct nlmsghdr *h, size_t head, const struct nlattr **ret, size_t max)
{
	const uint8_t *p = (const uint8_t *)h + NLMSG_HDRLEN + NLMSG_ALIGN(head);
	size_t left;

	memset(ret, 0, (max + 1) * sizeof(*ret));
	if (h->nlmsg_len < NLMSG_HDRLEN + head)
		return -EBADMSG;
	left = h->nlmsg_len - NLMSG_HDRLEN;
	left = left < NLMSG_ALIGN(head) ? 0 : left - NLMSG_ALIGN(head);
	while (left >= NLA_HDRLEN) {
		const struct nlattr *a = (const void *)p;
		size_t step = NLA_ALIGN(a->nla_len), type = a->nla_type & NLA_TYPE_MASK;

		if (a->nla_len < NLA_HDRLEN || a->nla_len > left)
			return -EBADMSG;
		if (type <= max)
			ret[type] = a;
		if (step >= left)
			return 0;
		p += step;
		left -= step;
	}
	return left ? -EBADMSG : 0;
}

const void *nlsock_attr_data(const struct nlattr *a)
{
	return (const uint8_t *)a + NLA_HDRLEN;
}

size_t nlsock_attr_len(const struct nlattr *a)
{
	return a->nla_len - (size_t)NLA_HDRLEN;
}
