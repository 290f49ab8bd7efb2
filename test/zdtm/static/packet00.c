// SPDX-License-Identifier: GPL-2.0-only
/* Packet sockets: interface, protocol, options, membership, fanout, a filter; packets arrive. */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct {
	int name, value;
} options[] = {
	{ PACKET_VERSION, TPACKET_V2 }, { PACKET_AUXDATA, 1 },     { PACKET_ORIGDEV, 1 },
	{ PACKET_RESERVE, 16 },         { PACKET_COPY_THRESH, 3 }, { PACKET_QDISC_BYPASS, 1 },
	{ PACKET_IGNORE_OUTGOING, 1 },  { PACKET_TIMESTAMP, 64 },
};

#define NR (sizeof(options) / sizeof(options[0]))

/* Ours among all that there is on the interface: UDP to this port. */
static void filter(int fd, uint16_t port)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 3),
		BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 22),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog prog = { sizeof(code) / sizeof(code[0]), code };

	must(setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)));
}

int main(int argc, char **argv)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP) };
	struct packet_mreq m = { .mr_type = PACKET_MR_ALLMULTI };
	struct sockaddr_in to = { .sin_family = AF_INET };
	int fd, other, udp, fanout = 0, group, is;
	socklen_t len = sizeof(to);
	char got[128];
	ssize_t n;

	test_init(argc, argv);
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	udp = must(socket(AF_INET, SOCK_DGRAM, 0));
	must(bind(udp, (void *)&to, sizeof(to)));
	must(getsockname(udp, (void *)&to, &len));
	must(close(udp));
	fd = must(socket(AF_PACKET, SOCK_DGRAM, 0));
	a.sll_ifindex = m.mr_ifindex = (int)if_nametoindex("lo");
	filter(fd, ntohs(to.sin_port));
	must(bind(fd, (void *)&a, sizeof(a)));
	must(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)));
	for (size_t i = 0; i < NR; i++)
		must(setsockopt(fd, SOL_PACKET, options[i].name, &options[i].value, sizeof(int)));
	other = must(socket(AF_PACKET, SOCK_RAW, 0));
	a.sll_protocol = htons(0x88b5); /* for experiments: nobody sends it */
	must(bind(other, (void *)&a, sizeof(a)));
	group = 4321 | PACKET_FANOUT_CPU << 16;
	must(setsockopt(other, SOL_PACKET, PACKET_FANOUT, &group, sizeof(group)));
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < NR; i++) {
		len = sizeof(is);
		must(getsockopt(fd, SOL_PACKET, options[i].name, &is, &len));
		if (is != options[i].value && options[i].name != PACKET_COPY_THRESH)
			return fail("option %d is %d", options[i].name, is);
	}
	len = sizeof(fanout);
	must(getsockopt(other, SOL_PACKET, PACKET_FANOUT, &fanout, &len));
	if (fanout != group)
		return fail("fanout is %#x instead of %#x", fanout, group);
	len = sizeof(a);
	must(getsockname(other, (void *)&a, &len));
	if (a.sll_protocol != htons(0x88b5) || a.sll_ifindex != m.mr_ifindex)
		return fail("bound to protocol %#x, interface %d", ntohs(a.sll_protocol),
			    a.sll_ifindex);
	if (setsockopt(fd, SOL_PACKET, PACKET_DROP_MEMBERSHIP, &m, sizeof(m)) < 0)
		return fail("the membership is gone");
	udp = must(socket(AF_INET, SOCK_DGRAM, 0));
	must(sendto(udp, "knock", 5, 0, (void *)&to, sizeof(to)));
	n = recv(fd, got, sizeof(got), 0);
	if (n != 33 || memcmp(got + 28, "knock", 5) != 0)
		return fail("received %zd bytes", n);
	return pass();
}
