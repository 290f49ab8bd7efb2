// SPDX-License-Identifier: GPL-2.0-only
#include "criu/sock/inetaddr.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"

#define V6_WORDS 4

const char *inet_text(const union inet_addr *a, char buf[INET_TEXT_MAX])
{
	char addr[INET6_ADDRSTRLEN] = "", name[IF_NAMESIZE] = "";

	if (a->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &a->v4.sin_addr, addr, sizeof(addr));
		snprintf(buf, INET_TEXT_MAX, "%s:%u", addr, ntohs(a->v4.sin_port));
		return buf;
	}
	inet_ntop(AF_INET6, &a->v6.sin6_addr, addr, sizeof(addr));
	if (a->v6.sin6_scope_id && !if_indextoname(a->v6.sin6_scope_id, name))
		snprintf(name, sizeof(name), "%u", a->v6.sin6_scope_id);
	snprintf(buf, INET_TEXT_MAX, "[%s%s%s]:%u", addr, name[0] ? "%" : "", name,
		 ntohs(a->v6.sin6_port));
	return buf;
}

static uint32_t *words(struct dump *d, const union inet_addr *a, size_t *ret_nr)
{
	bool v6 = a->sa.sa_family == AF_INET6;
	const void *from = v6 ? (const void *)&a->v6.sin6_addr : &a->v4.sin_addr;

	*ret_nr = v6 ? V6_WORDS : 1;
	return arena_dup(&d->arena, from, *ret_nr * sizeof(uint32_t));
}

void inet_addr_put(struct dump *d, InetSkEntry *e, const union inet_addr *local,
		   const union inet_addr *peer)
{
	char name[IF_NAMESIZE];
	uint32_t scope = 0;

	e->src_addr = words(d, local, &e->n_src_addr);
	e->src_port = ntohs(local->v4.sin_port); /* at the same place in both */
	if (peer) {
		e->dst_addr = words(d, peer, &e->n_dst_addr);
		e->dst_port = ntohs(peer->v4.sin_port);
	}
	if (local->sa.sa_family == AF_INET6)
		scope = local->v6.sin6_scope_id;
	if (!scope && peer && peer->sa.sa_family == AF_INET6)
		scope = peer->v6.sin6_scope_id;
	if (scope && if_indextoname(scope, name))
		e->ifname = arena_strdup(&d->arena, name);
}

int inet_addr_load(const InetSkEntry *e)
{
	size_t want = e->family == AF_INET6 ? V6_WORDS : 1;

	if (e->src_port > UINT16_MAX || e->dst_port > UINT16_MAX)
		return fail_plain("an inet socket with port %u",
				  e->src_port > UINT16_MAX ? e->src_port : e->dst_port);
	if ((e->n_src_addr && e->n_src_addr != want) || (e->n_dst_addr && e->n_dst_addr != want))
		return fail_plain("an inet socket with an address of %zu words",
				  e->n_src_addr != want ? e->n_src_addr : e->n_dst_addr);
	if (e->ifname && (strlen(e->ifname) >= IF_NAMESIZE || !if_nametoindex(e->ifname)))
		return fail_hint(
		    fail_plain("an address of interface %s, which is not there", e->ifname),
		    "make an interface of that name");
	return 0;
}

static socklen_t addr_get(const InetSkEntry *e, const uint32_t *from, size_t nr, uint32_t port,
			  union inet_addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->sa.sa_family = (sa_family_t)e->family;
	ret->v4.sin_port = htons((uint16_t)port);
	if (e->family != AF_INET6) {
		memcpy(&ret->v4.sin_addr, from, nr * sizeof(*from));
		return sizeof(ret->v4);
	}
	memcpy(&ret->v6.sin6_addr, from, nr * sizeof(*from));
	/* The kernel wants it of these alone, and tells it of these alone. */
	if (e->ifname && (IN6_IS_ADDR_LINKLOCAL(&ret->v6.sin6_addr) ||
			  IN6_IS_ADDR_MC_LINKLOCAL(&ret->v6.sin6_addr)))
		ret->v6.sin6_scope_id = if_nametoindex(e->ifname);
	return sizeof(ret->v6);
}

socklen_t inet_addr_local(const InetSkEntry *e, union inet_addr *ret)
{
	return addr_get(e, e->src_addr, e->n_src_addr, e->src_port, ret);
}

socklen_t inet_addr_peer(const InetSkEntry *e, union inet_addr *ret)
{
	return addr_get(e, e->dst_addr, e->n_dst_addr, e->dst_port, ret);
}

bool inet_addr_is_any(const union inet_addr *a)
{
	return a->sa.sa_family == AF_INET6 ? IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr)
					   : !a->v4.sin_addr.s_addr;
}

static void conn_end(const union inet_addr *a, int family, uint8_t *addr, uint16_t *port)
{
	const uint8_t *v6 = a->v6.sin6_addr.s6_addr;

	*port = a->v4.sin_port;
	if (a->sa.sa_family == AF_INET)
		memcpy(addr, &a->v4.sin_addr, 4);
	else
		memcpy(addr, family == AF_INET ? v6 + 12 : v6, family == AF_INET ? 4 : 16);
}

void inet_conn(const union inet_addr *local, const union inet_addr *peer, struct net_conn *ret)
{
	bool v6 = peer->sa.sa_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(&peer->v6.sin6_addr);

	memset(ret, 0, sizeof(*ret));
	ret->family = v6 ? AF_INET6 : AF_INET;
	conn_end(local, ret->family, ret->local, &ret->local_port);
	conn_end(peer, ret->family, ret->remote, &ret->remote_port);
}
