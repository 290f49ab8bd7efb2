// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/inet_diag.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "criu/kernel/nlsock.h"

#define ATTR_MAX INET_DIAG_MD5SIG

_Static_assert(INET_MD5_KEY_MAX == TCP_MD5SIG_MAXKEYLEN, "as the kernel has it");

static int md5_parse(const struct nlattr *a, struct inet_diag *s)
{
	struct tcp_diag_md5sig one;
	const uint8_t *p = a ? nlsock_attr_data(a) : NULL;
	size_t len = a ? nlsock_attr_len(a) : 0;

	if (len % sizeof(one))
		return -EBADMSG;
	if (len / sizeof(one) > INET_MD5_MAX)
		return -E2BIG;
	for (; len; p += sizeof(one), len -= sizeof(one)) {
		struct inet_md5 *m = &s->md5[s->nr_md5];

		memcpy(&one, p, sizeof(one));
		/* The kernel leaves room for keys that have gone meanwhile. */
		if (!one.tcpm_family)
			continue;
		if (one.tcpm_keylen > INET_MD5_KEY_MAX || one.tcpm_prefixlen > 128)
			return -EBADMSG;
		m->family = one.tcpm_family;
		m->prefix = one.tcpm_prefixlen;
		m->key_len = one.tcpm_keylen;
		memcpy(m->addr, one.tcpm_addr, sizeof(m->addr));
		memcpy(m->key, one.tcpm_key, m->key_len);
		s->nr_md5++;
	}
	return 0;
}

int inet_diag_parse(const struct nlmsghdr *h, struct inet_diag *ret)
{
	const struct nlattr *a[ATTR_MAX + 1];
	const struct inet_diag_msg *m = NLMSG_DATA(h);
	struct inet_diag s = { 0 };
	int r = nlsock_attrs(h, sizeof(*m), a, ATTR_MAX);

	if (r < 0)
		return r;
	if (m->idiag_family != AF_INET && m->idiag_family != AF_INET6)
		return -EBADMSG;
	s.ino = m->idiag_inode;
	s.family = m->idiag_family;
	s.state = m->idiag_state;
	s.src_port = m->id.idiag_sport;
	s.dst_port = m->id.idiag_dport;
	memcpy(s.src, m->id.idiag_src, sizeof(s.src));
	memcpy(s.dst, m->id.idiag_dst, sizeof(s.dst));
	s.ifindex = m->id.idiag_if;
	s.receive_queue = m->idiag_rqueue;
	s.send_queue = m->idiag_wqueue;
	if (a[INET_DIAG_SHUTDOWN]) {
		if (nlsock_attr_len(a[INET_DIAG_SHUTDOWN]) != sizeof(s.shutdown))
			return -EBADMSG;
		s.has_shutdown = true;
		s.shutdown = *(const uint8_t *)nlsock_attr_data(a[INET_DIAG_SHUTDOWN]);
	}
	r = md5_parse(a[INET_DIAG_MD5SIG], &s);
	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

struct each {
	inet_diag_fn *fn;
	void *ctx;
};

static int on_message(const struct nlmsghdr *h, void *ctx)
{
	const struct each *e = ctx;
	struct inet_diag s;
	int r = inet_diag_parse(h, &s);

	return r < 0 ? r : e->fn(&s, e->ctx);
}

int inet_diag_each(int family, int protocol, uint32_t states, inet_diag_fn *fn, void *ctx)
{
	struct inet_diag_req_v2 req = {
		.sdiag_family = (uint8_t)family,
		.sdiag_protocol = (uint8_t)protocol,
		/* Keys of MD5 signatures come with what a protocol tells of itself. */
		.idiag_ext = 1 << (INET_DIAG_INFO - 1),
		.idiag_states = states,
	};
	struct each e = { fn, ctx };
	struct nlsock *s;
	int r = nlsock_open(NETLINK_SOCK_DIAG, &s);

	if (r < 0)
		return r;
	r = nlsock_dump(s, SOCK_DIAG_BY_FAMILY, &req, sizeof(req), on_message, &e);
	nlsock_close(s);
	return r;
}
