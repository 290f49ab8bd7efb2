// SPDX-License-Identifier: GPL-2.0-only
/* Datagrams that were not received yet: from whom, in which order, empty and large ones. */
#include "zdtmtst.h"

#include <net.h>
#include <string.h>
#include <unistd.h>

static const size_t sizes[] = { 5, 0, 1400, 0, 40000, 3 };
#define NR    (sizeof(sizes) / sizeof(sizes[0]))
#define LARGE 40000

struct way {
	struct net_addr at, from[2];
	int bound, senders[2], connected, peek_off;
};

static void way_make(struct way *w, enum net_way way)
{
	static char buf[LARGE];

	*w = (struct way){ .at = net_loopback(way, 0), .peek_off = 3 };
	w->bound = must(socket(net_family(way), SOCK_DGRAM, 0));
	must(bind(w->bound, &w->at.sa, w->at.len));
	must(getsockname(w->bound, &w->at.sa, &w->at.len));
	for (int i = 0; i < 2; i++) {
		w->senders[i] = must(socket(net_family(way), SOCK_DGRAM, 0));
		must(connect(w->senders[i], &w->at.sa, w->at.len));
		w->from[i].len = sizeof(w->from[i].v6);
		must(getsockname(w->senders[i], &w->from[i].sa, &w->from[i].len));
	}
	for (size_t i = 0; i < NR; i++) {
		datagen(buf, sizes[i], (uint32_t)i);
		must(send(w->senders[i % 2], buf, sizes[i], 0));
	}
	/* The other direction: to one that is connected, and peeks. */
	w->connected = w->senders[0];
	must(setsockopt(w->connected, SOL_SOCKET, SO_PEEK_OFF, &w->peek_off, sizeof(w->peek_off)));
	must(sendto(w->bound, "answer", 6, 0, &w->from[0].sa, w->from[0].len));
}

static bool queue_is_there(const struct way *w, const char *name)
{
	static char buf[LARGE + 1];
	struct net_addr from;

	for (size_t i = 0; i < NR; i++) {
		ssize_t n;

		memset(&from, 0, sizeof(from));
		from.len = sizeof(from.v6);
		n = recvfrom(w->bound, buf, sizeof(buf), MSG_DONTWAIT, &from.sa, &from.len);
		if (n != (ssize_t)sizes[i] || datachk(buf, sizes[i], (uint32_t)i) != sizes[i]) {
			test_msg("%s: datagram %zu has %zd bytes\n", name, i, n);
			return false;
		}
		if (from.len != w->from[i % 2].len ||
		    memcmp(&from.sa, &w->from[i % 2].sa, from.len) != 0) {
			test_msg("%s: datagram %zu is of somebody else\n", name, i);
			return false;
		}
	}
	return recv(w->bound, buf, sizeof(buf), MSG_DONTWAIT) < 0;
}

int main(int argc, char **argv)
{
	struct way ways[NET_WAYS];
	char buf[16] = "";
	int off;

	test_init(argc, argv);
	for (enum net_way w = 0; w < NET_WAYS; w++)
		way_make(&ways[w], w);
	test_daemon();
	test_waitsig();

	for (enum net_way w = 0; w < NET_WAYS; w++) {
		socklen_t len = sizeof(off);

		if (!queue_is_there(&ways[w], net_name(w)))
			return fail("%s: the queue", net_name(w));
		must(getsockopt(ways[w].connected, SOL_SOCKET, SO_PEEK_OFF, &off, &len));
		if (off != ways[w].peek_off)
			return fail("%s: SO_PEEK_OFF is %d", net_name(w), off);
		if (recv(ways[w].connected, buf, sizeof(buf), MSG_DONTWAIT) != 6 ||
		    memcmp(buf, "answer", 6) != 0)
			return fail("%s: the connected one has \"%s\"", net_name(w), buf);
	}
	return pass();
}
