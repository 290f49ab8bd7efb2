// SPDX-License-Identifier: GPL-2.0-only
/* Keys of MD5 signatures: of a listener, and of a connection that is signed. */
#include "zdtmtst.h"

#include <errno.h>
#include <net.h>
#include <netinet/tcp.h>
#include <string.h>
#include <unistd.h>

static void key_set(int fd, enum net_way way, const char *key)
{
	struct tcp_md5sig sig = { .tcpm_keylen = (uint16_t)strlen(key) };
	struct net_addr peer = net_loopback(way, 0);

	memcpy(&sig.tcpm_addr, &peer.sa, peer.len);
	memcpy(sig.tcpm_key, key, sig.tcpm_keylen);
	must(setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &sig, sizeof(sig)));
}

static void connect_signed(enum net_way way, int listener, const struct net_addr *addr, int end[2])
{
	end[0] = must(socket(net_family(way), SOCK_STREAM, 0));
	key_set(end[0], way, "a key");
	must(connect(end[0], &addr->sa, addr->len));
	end[1] = must(accept(listener, NULL, NULL));
}

int main(int argc, char **argv)
{
	int listener[NET_WAYS], end[NET_WAYS][2], more[2], unsigned_one;
	struct timeval patience = { .tv_usec = 200000 };
	struct net_addr addr[NET_WAYS];

	test_init(argc, argv);
	for (enum net_way w = 0; w < NET_WAYS; w++) {
		listener[w] = tcp_listener(w, &addr[w]);
		key_set(listener[w], w, "a key");
		connect_signed(w, listener[w], &addr[w], end[w]);
	}
	/* In a state that takes a segment of the peer to get to. */
	must(shutdown(end[0][0], SHUT_WR));
	tcp_wait_state(end[0][1], TCP_CLOSE_WAIT);
	test_daemon();
	test_waitsig();

	for (enum net_way w = 0; w < NET_WAYS; w++) {
		if (!tcp_transfer(end[w][1], end[w][0], 1 << 18, w))
			return fail("%s: the connection", net_name(w));
		connect_signed(w, listener[w], &addr[w], more);
		if (!tcp_transfer(more[0], more[1], 1 << 18, w))
			return fail("%s: a new connection", net_name(w));
		/* Nobody answers one without a key: it gives up when its patience ends. */
		unsigned_one = must(socket(net_family(w), SOCK_STREAM, 0));
		must(
		    setsockopt(unsigned_one, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)));
		if (connect(unsigned_one, &addr[w].sa, addr[w].len) == 0 || errno != EINPROGRESS)
			return fail("%s: connected without a key", net_name(w));
	}
	return pass();
}
