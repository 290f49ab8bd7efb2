// SPDX-License-Identifier: GPL-2.0-only
#include "criu/sock/inetlist.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/sock/inet.h"

_Static_assert(ARRAY_SIZE(((struct inet_dump *)NULL)->listed) == LIST_NR, "one for each");

static const struct {
	int protocol;
	uint32_t states;
} lists[LIST_NR] = {
	[LIST_TCP_LISTEN] = { IPPROTO_TCP, 1u << TCP_LISTEN },
	[LIST_TCP] = { IPPROTO_TCP, ((1u << (TCP_CLOSING + 1)) - 1) & ~(1u << TCP_LISTEN) &
					~(1u << TCP_TIME_WAIT) },
	[LIST_UDP] = { IPPROTO_UDP, ~0u },
	[LIST_UDPLITE] = { IPPROTO_UDPLITE, ~0u },
};

static void peer_fill(const struct inet_diag *s, union inet_addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sa.sa_family = s->family;
	ret->v4.sin_port = s->dst_port;
	if (s->family == AF_INET) {
		memcpy(&ret->v4.sin_addr, s->dst, sizeof(ret->v4.sin_addr));
		return;
	}
	memcpy(&ret->v6.sin6_addr, s->dst, sizeof(ret->v6.sin6_addr));
	if (IN6_IS_ADDR_LINKLOCAL(&ret->v6.sin6_addr))
		ret->v6.sin6_scope_id = s->ifindex;
}

static int keep(const struct inet_diag *s, void *ctx)
{
	struct dump *d = ctx;
	struct inet_known *k;

	if (!s->ino || (!s->shutdown && !s->nr_md5 && s->state != TCP_SYN_SENT) ||
	    map_get(&d->inet->known, s->ino))
		return 0;
	k = arena_alloc(&d->arena, sizeof(*k));
	k->state = s->state;
	k->shutdown = s->shutdown;
	peer_fill(s, &k->peer);
	k->nr_md5 = s->nr_md5;
	k->md5 = arena_dup(&d->arena, s->md5, s->nr_md5 * sizeof(*s->md5));
	map_put(&d->inet->known, s->ino, k);
	return 0;
}

/* A kernel without such sockets has no list of them. */
static int list_read(struct dump *d, enum inet_list list)
{
	static const int families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		int r =
		    inet_diag_each(families[i], lists[list].protocol, lists[list].states, keep, d);

		if (r < 0 && r != -ENOENT && r != -EINVAL && r != -EPROTONOSUPPORT)
			return fail(-r, "read the list of sockets (sock_diag)");
	}
	d->inet->listed[list] = true;
	return 0;
}

int inet_list_find(struct dump *d, enum inet_list list, uint64_t ino, const struct inet_known **ret)
{
	int r = d->inet->listed[list] ? 0 : list_read(d, list);

	if (r >= 0)
		*ret = map_get(&d->inet->known, ino);
	return r;
}
