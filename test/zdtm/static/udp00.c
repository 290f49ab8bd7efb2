// SPDX-License-Identifier: GPL-2.0-only
/* UDP sockets, bound and connected, exchange datagrams; one that is only bound hears of anybody. */
#include "zdtmtst.h"

#include <net.h>
#include <string.h>
#include <unistd.h>

struct trio {
	struct net_addr at, of; /* of the bound and of the connected one */
	int bound, connected, neither;
};

static struct trio trio_make(enum net_way way)
{
	struct trio t = { .at = net_loopback(way, 0), .of = { .len = sizeof(t.of.v6) } };

	t.bound = must(socket(net_family(way), SOCK_DGRAM, 0));
	must(bind(t.bound, &t.at.sa, t.at.len));
	must(getsockname(t.bound, &t.at.sa, &t.at.len));
	t.connected = must(socket(net_family(way), SOCK_DGRAM, 0));
	must(connect(t.connected, &t.at.sa, t.at.len));
	must(getsockname(t.connected, &t.of.sa, &t.of.len));
	t.neither = must(socket(net_family(way), SOCK_DGRAM, 0));
	return t;
}

static bool trio_works(const struct trio *t)
{
	struct net_addr from = { .len = sizeof(from.v6) };
	char buf[16] = "";

	memset(&from.v6, 0, sizeof(from.v6));
	if (send(t->connected, "ask", 3, 0) != 3 ||
	    recvfrom(t->bound, buf, sizeof(buf), 0, &from.sa, &from.len) != 3)
		return false;
	if (from.len != t->of.len || memcmp(&from.sa, &t->of.sa, from.len) != 0)
		return false;
	if (sendto(t->bound, "answer", 6, 0, &from.sa, from.len) != 6 ||
	    recv(t->connected, buf, sizeof(buf), 0) != 6)
		return false;
	return sendto(t->neither, "any", 3, 0, &t->at.sa, t->at.len) == 3 &&
	       recv(t->bound, buf, sizeof(buf), 0) == 3 && memcmp(buf, "any", 3) == 0;
}

int main(int argc, char **argv)
{
	struct trio t[NET_WAYS];

	test_init(argc, argv);
	for (enum net_way w = 0; w < NET_WAYS; w++) {
		t[w] = trio_make(w);
		expect(trio_works(&t[w]), "%s", net_name(w));
	}
	test_daemon();
	test_waitsig();
	for (enum net_way w = 0; w < NET_WAYS; w++)
		if (!trio_works(&t[w]))
			return fail("%s", net_name(w));
	return pass();
}
