// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys of TCP MD5 signatures (RFC 2385): the kernel's list of sockets has them, for those with
 * CAP_NET_ADMIN; on the way back TCP_MD5SIG_EXT.
 */
#include "criu/sock/md5.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "criu/base/error.h"
#include "criu/sock/inetaddr.h"

void md5_dump(struct dump *d, const struct inet_md5 *keys, size_t nr, InetSkEntry *e)
{
	e->md5 = arena_array(&d->arena, InetMd5Entry *, nr);
	for (size_t i = 0; i < nr; i++) {
		const struct inet_md5 *from = &keys[i];
		InetMd5Entry *m = arena_message(&d->arena, InetMd5Entry, INET_MD5_ENTRY__INIT);

		m->peer.data = arena_dup(&d->arena, from->addr, sizeof(from->addr));
		m->peer.len = from->family == AF_INET6 ? 16 : 4;
		m->prefix = from->prefix;
		m->key.data = arena_dup(&d->arena, from->key, sizeof(from->key));
		m->key.len = from->key_len;
		e->md5[e->n_md5++] = m;
	}
}

int md5_load(const InetSkEntry *e)
{
	for (size_t i = 0; i < e->n_md5; i++) {
		const InetMd5Entry *m = e->md5[i];

		if ((m->peer.len != 4 && (m->peer.len != 16 || e->family != AF_INET6)) ||
		    m->prefix > m->peer.len * 8 || m->key.len > TCP_MD5SIG_MAXKEYLEN ||
		    e->type != SOCK_STREAM)
			return fail_plain("a TCP_MD5SIG key of %zu bytes for a peer of %zu, /%u",
					  m->key.len, m->peer.len, m->prefix);
	}
	return 0;
}

/* An IPv6 socket has keys for IPv4 under addresses that are mapped. */
static void peer_fill(const InetSkEntry *e, const InetMd5Entry *m, union inet_addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sa.sa_family = (sa_family_t)e->family;
	if (e->family != AF_INET6) {
		memcpy(&ret->v4.sin_addr, m->peer.data, sizeof(ret->v4.sin_addr));
	} else if (m->peer.len == 4) {
		memset(ret->v6.sin6_addr.s6_addr + 10, 0xff, 2);
		memcpy(ret->v6.sin6_addr.s6_addr + 12, m->peer.data, 4);
	} else {
		memcpy(&ret->v6.sin6_addr, m->peer.data, m->peer.len);
	}
}

int md5_restore(int fd, const InetSkEntry *e)
{
	for (size_t i = 0; i < e->n_md5; i++) {
		const InetMd5Entry *m = e->md5[i];
		struct tcp_md5sig sig = { .tcpm_flags = TCP_MD5SIG_FLAG_PREFIX,
					  .tcpm_prefixlen = (uint8_t)m->prefix,
					  .tcpm_keylen = (uint16_t)m->key.len };
		union inet_addr peer;

		peer_fill(e, m, &peer);
		memcpy(&sig.tcpm_addr, &peer, sizeof(peer));
		memcpy(sig.tcpm_key, m->key.data, m->key.len);
		if (setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG_EXT, &sig, sizeof(sig)) < 0)
			return fail(errno, "TCP_MD5SIG_EXT");
	}
	return 0;
}
