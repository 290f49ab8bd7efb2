// SPDX-License-Identifier: GPL-2.0-only
/* Multicast groups that sockets have joined, of all sources, of some, of all but some. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <net.h>
#include <net/if.h>
#include <string.h>

static struct sockaddr_storage address(const char *text)
{
	struct sockaddr_storage a = { 0 };
	struct sockaddr_in *v4 = (void *)&a;
	struct sockaddr_in6 *v6 = (void *)&a;

	a.ss_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	must(inet_pton(a.ss_family, text,
		       a.ss_family == AF_INET ? (void *)&v4->sin_addr : &v6->sin6_addr) == 1
		 ? 0
		 : -1);
	return a;
}

static const struct membership {
	const char *group, *only, *but;
} memberships[] = {
	{ "239.77.1.1", NULL, NULL },          { "239.77.1.2", "127.0.0.1", NULL },
	{ "239.77.1.3", NULL, "10.99.99.99" }, { "ff15::77:1", NULL, NULL },
	{ "ff15::77:2", "::1", NULL },
};
#define NR (sizeof(memberships) / sizeof(memberships[0]))

static void join(int fd, const struct membership *m)
{
	struct group_source_req one = { .gsr_interface = if_nametoindex("lo") };
	struct group_req all = { .gr_interface = one.gsr_interface };
	int level;

	all.gr_group = one.gsr_group = address(m->group);
	level = all.gr_group.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	if (m->only || m->but)
		one.gsr_source = address(m->only ? m->only : m->but);
	if (m->only) {
		must(setsockopt(fd, level, MCAST_JOIN_SOURCE_GROUP, &one, sizeof(one)));
		return;
	}
	must(setsockopt(fd, level, MCAST_JOIN_GROUP, &all, sizeof(all)));
	if (m->but)
		must(setsockopt(fd, level, MCAST_BLOCK_SOURCE, &one, sizeof(one)));
}

struct filter {
	uint32_t mode, nr;
	struct sockaddr_storage source;
};

/* mode 99: it is no member. */
static struct filter filter_of(int fd, const struct membership *m)
{
	union {
		struct group_filter f;
		char room[GROUP_FILTER_SIZE(4)];
	} u = { .f = { .gf_interface = if_nametoindex("lo"), .gf_numsrc = 4 } };
	struct filter ret = { .mode = 99 };
	socklen_t len = sizeof(u);

	u.f.gf_group = address(m->group);
	if (getsockopt(fd, u.f.gf_group.ss_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6,
		       MCAST_MSFILTER, &u, &len) < 0)
		return ret;
	ret.mode = u.f.gf_fmode;
	ret.nr = u.f.gf_numsrc;
	if (ret.nr)
		ret.source = u.f.gf_slist[0];
	return ret;
}

int main(int argc, char **argv)
{
	struct filter before[NR], now;
	int fd[NR], stranger;

	test_init(argc, argv);
	stranger = must(socket(AF_INET, SOCK_DGRAM, 0));
	for (size_t i = 0; i < NR; i++) {
		struct net_addr any = { .len = sizeof(any.v6) };

		any.sa.sa_family = address(memberships[i].group).ss_family;
		fd[i] = must(socket(any.sa.sa_family, SOCK_DGRAM, 0));
		memset(&any.v6, 0, sizeof(any.v6));
		any.sa.sa_family = address(memberships[i].group).ss_family;
		must(bind(fd[i], &any.sa, any.len));
		join(fd[i], &memberships[i]);
		before[i] = filter_of(fd[i], &memberships[i]);
		expect(before[i].mode != 99, "%s: no member", memberships[i].group);
	}
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < NR; i++) {
		now = filter_of(fd[i], &memberships[i]);
		if (memcmp(&now, &before[i], sizeof(now)) != 0)
			return fail("%s: mode %u with %u sources", memberships[i].group, now.mode,
				    now.nr);
	}
	if (filter_of(stranger, &memberships[0]).mode != 99)
		return fail("one that has joined nothing is a member");
	return pass();
}
