// SPDX-License-Identifier: GPL-2.0-only
/* Raw sockets, with a filter of ICMP messages, a header of their own, and an address. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <linux/icmp.h>
#include <net.h>
#include <netinet/icmp6.h>
#include <string.h>

#define FILTER 0x00fffff7u /* all but echo replies */

int main(int argc, char **argv)
{
	struct net_addr addr = net_loopback(NET_V4, 0), now = { .len = sizeof(now.v6) };
	struct icmp_filter filter = { FILTER };
	struct icmp6_filter filter6, got6;
	int icmp, icmp6, own, on = 1;
	socklen_t len = sizeof(filter), len6 = sizeof(got6);

	test_init(argc, argv);
	icmp = must(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	must(setsockopt(icmp, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)));
	must(bind(icmp, &addr.sa, addr.len));
	icmp6 = must(socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6));
	ICMP6_FILTER_SETBLOCKALL(&filter6);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter6);
	must(setsockopt(icmp6, IPPROTO_ICMPV6, ICMP6_FILTER, &filter6, sizeof(filter6)));
	own = must(socket(AF_INET, SOCK_RAW, 253));
	must(setsockopt(own, IPPROTO_IP, IP_HDRINCL, &on, sizeof(on)));
	test_daemon();
	test_waitsig();

	filter.data = 0;
	must(getsockopt(icmp, SOL_RAW, ICMP_FILTER, &filter, &len));
	if (filter.data != FILTER)
		return fail("ICMP_FILTER is %#x", filter.data);
	must(getsockname(icmp, &now.sa, &now.len));
	if (now.v4.sin_addr.s_addr != addr.v4.sin_addr.s_addr)
		return fail("bound to %s", inet_ntoa(now.v4.sin_addr));
	must(getsockopt(icmp6, IPPROTO_ICMPV6, ICMP6_FILTER, &got6, &len6));
	if (memcmp(&filter6, &got6, sizeof(got6)) != 0)
		return fail("another ICMP6_FILTER");
	on = 0;
	len = sizeof(on);
	must(getsockopt(own, IPPROTO_IP, IP_HDRINCL, &on, &len));
	if (!on)
		return fail("no IP_HDRINCL any more");
	return pass();
}
