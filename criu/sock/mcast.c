// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing lists the groups of a socket. But the kernel tells the filter of a group that a socket
 * has joined, and refuses it for others: so each group that some interface is a member of is asked
 * for. On the way back MCAST_JOIN_GROUP, and the filter where it is not of all sources.
 */
#include "criu/sock/mcast.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/proc_igmp.h"
#include "criu/sock/inet.h"

#define SOURCES_MAX 512 /* more than net.ipv4.igmp_max_msf is by default, of any socket */

static int level_of(int family)
{
	return family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

static void addr_set(struct sockaddr_storage *a, int family, const uint8_t *bytes)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	memset(a, 0, sizeof(*a));
	memcpy(&v4.sin_addr, bytes, sizeof(v4.sin_addr));
	if (family != AF_INET6) {
		memcpy(a, &v4, sizeof(v4));
		return;
	}
	memcpy(&v6.sin6_addr, bytes, sizeof(v6.sin6_addr));
	memcpy(a, &v6, sizeof(v6));
}

static const uint8_t *addr_bytes(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)a)->sin6_addr.s6_addr
					: (const void *)&((const struct sockaddr_in *)a)->sin_addr;
}

static void bytes_put(struct dump *d, ProtobufCBinaryData *to, const struct sockaddr_storage *a)
{
	to->len = a->ss_family == AF_INET6 ? 16 : 4;
	to->data = arena_dup(&d->arena, addr_bytes(a), to->len);
}

static void group_put(struct dump *d, InetSkEntry *e, const struct group_filter *f, size_t nr)
{
	InetGroupEntry *g = arena_message(&d->arena, InetGroupEntry, INET_GROUP_ENTRY__INIT);
	char name[IF_NAMESIZE] = "";

	if_indextoname(f->gf_interface, name);
	g->ifname = arena_strdup(&d->arena, name);
	bytes_put(d, &g->group, &f->gf_group);
	g->has_exclude = g->exclude = f->gf_fmode == MCAST_EXCLUDE;
	g->sources = arena_array(&d->arena, ProtobufCBinaryData, nr);
	for (size_t i = 0; i < nr; i++)
		bytes_put(d, &g->sources[g->n_sources++], &f->gf_slist[i]);
	e->groups[e->n_groups++] = g;
}

static int group_ask(struct dump *d, int fd, const struct proc_igmp *m, InetSkEntry *e)
{
	size_t size = GROUP_FILTER_SIZE(SOURCES_MAX);
	cleanup_free struct group_filter *f = mem_alloc(size);
	socklen_t len = (socklen_t)size;

	f->gf_interface = m->ifindex;
	f->gf_numsrc = SOURCES_MAX;
	addr_set(&f->gf_group, m->family, m->group);
	/* Not a member: EADDRNOTAVAIL, or for want of any membership EINVAL. */
	if (getsockopt(fd, level_of(m->family), MCAST_MSFILTER, f, &len) < 0)
		return 0;
	if (f->gf_numsrc > SOURCES_MAX)
		return fail_plain("a multicast group with %u sources", f->gf_numsrc);
	group_put(d, e, f, f->gf_numsrc);
	return 0;
}

int mcast_dump(struct dump *d, int fd, InetSkEntry *e)
{
	struct proc_igmps l = { 0 };
	int r;

	if (e->type == SOCK_STREAM)
		return 0;
	r = proc_igmps_read(&l);
	if (r < 0)
		r = fail(-r, "read the multicast groups of interfaces");
	else
		e->groups = arena_array(&d->arena, InetGroupEntry *, l.nr);
	for (size_t i = 0; i < l.nr && r >= 0; i++)
		if (l.v[i].family == (int)e->family ||
		    (e->family == AF_INET6 && e->type != SOCK_RAW))
			r = group_ask(d, fd, &l.v[i], e);
	proc_igmps_done(&l);
	return r;
}

/* --- restore -------------------------------------------------------------------- */

int mcast_load(const InetSkEntry *e)
{
	for (size_t i = 0; i < e->n_groups; i++) {
		const InetGroupEntry *g = e->groups[i];

		if ((g->group.len != 4 && g->group.len != 16) || g->n_sources > SOURCES_MAX)
			return fail_plain("a multicast group of %zu bytes with %zu sources",
					  g->group.len, g->n_sources);
		for (size_t j = 0; j < g->n_sources; j++)
			if (g->sources[j].len != g->group.len)
				return fail_plain("a source of %zu bytes of a multicast group",
						  g->sources[j].len);
		if (strlen(g->ifname) >= IF_NAMESIZE || !if_nametoindex(g->ifname))
			return fail_hint(fail_plain("a multicast group at interface %s, which is "
						    "not there",
						    g->ifname),
					 "make an interface of that name");
	}
	return 0;
}

static int group_join(int fd, const InetGroupEntry *g)
{
	int family = g->group.len == 16 ? AF_INET6 : AF_INET;
	struct group_req join = { .gr_interface = if_nametoindex(g->ifname) };
	size_t size = GROUP_FILTER_SIZE(g->n_sources ? g->n_sources : 1);
	cleanup_free struct group_filter *f = mem_alloc(size);

	addr_set(&join.gr_group, family, g->group.data);
	if (setsockopt(fd, level_of(family), MCAST_JOIN_GROUP, &join, sizeof(join)) < 0)
		return fail(errno, "join a multicast group at interface %s", g->ifname);
	if (g->exclude && !g->n_sources)
		return 0;
	f->gf_interface = join.gr_interface;
	f->gf_group = join.gr_group;
	f->gf_fmode = g->exclude ? MCAST_EXCLUDE : MCAST_INCLUDE;
	f->gf_numsrc = (uint32_t)g->n_sources;
	for (size_t i = 0; i < g->n_sources; i++)
		addr_set(&f->gf_slist[i], family, g->sources[i].data);
	if (setsockopt(fd, level_of(family), MCAST_MSFILTER, f,
		       (socklen_t)GROUP_FILTER_SIZE(g->n_sources)) < 0)
		return fail(errno, "set the sources of a multicast group");
	return 0;
}

int mcast_restore(int fd, const InetSkEntry *e)
{
	for (size_t i = 0; i < e->n_groups; i++) {
		int ret = group_join(fd, e->groups[i]);

		if (ret < 0)
			return ret;
	}
	return 0;
}
