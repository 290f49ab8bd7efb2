// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tun device that ends with its file, and with it what was configured: number, MTU, flags, owner,
 * addresses, routes, settings. A socket is bound to an address of it; what it sends is read, and
 * what is written, it receives. A second file is not attached yet.
 */
#include "zdtmtst.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static char name[IFNAMSIZ], net[32];

/* What the commands tell of it. */
static char *look(void)
{
	return command_output("ip -d link show dev %s; ip addr show dev %s | grep -v valid_lft; "
			      "ip route show table all dev %s; ip -6 route show table all dev %s; "
			      "cd /sys/class/net/%s && cat owner group; "
			      "cat /proc/sys/net/ipv4/conf/%s/rp_filter "
			      "/proc/sys/net/ipv6/conf/%s/addr_gen_mode",
			      name, name, name, name, name, name, name);
}

static int tun_new(void)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = (int)must(open("/dev/net/tun", O_RDWR)), sndbuf = 70000;

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	must(ioctl(fd, TUNSETIFF, &ifr));
	must(ioctl(fd, TUNSETOWNER, 1234ul));
	must(ioctl(fd, TUNSETGROUP, 4321ul));
	must(ioctl(fd, TUNSETSNDBUF, &sndbuf));
	return fd;
}

static int udp_new(struct sockaddr_in *peer)
{
	struct sockaddr_in own = { .sin_family = AF_INET, .sin_port = htons(5353) };
	int fd = (int)must(socket(AF_INET, SOCK_DGRAM, 0));
	char text[64];

	*peer = own;
	snprintf(text, sizeof(text), "%s.1", net);
	inet_pton(AF_INET, text, &own.sin_addr);
	snprintf(text, sizeof(text), "%s.77", net);
	inet_pton(AF_INET, text, &peer->sin_addr);
	must(bind(fd, (void *)&own, sizeof(own)));
	return fd;
}

static uint16_t checksum(const void *p, size_t len)
{
	const uint16_t *w = p;
	uint32_t sum = 0;

	for (size_t i = 0; i < len / 2; i++)
		sum += w[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The datagram that has come, back to who has sent it. */
static bool echo(int tun, const char *text)
{
	struct {
		struct iphdr ip;
		struct udphdr udp;
		char data[1000];
	} p;
	struct pollfd pfd = { .fd = tun, .events = POLLIN };
	uint32_t addr;
	ssize_t n;

	do {
		must(poll(&pfd, 1, -1));
		n = must(read(tun, &p, sizeof(p)));
	} while (p.ip.version != 4 || p.ip.protocol != IPPROTO_UDP || ntohs(p.udp.dest) != 5353);
	if (n != (ssize_t)(sizeof(p.ip) + sizeof(p.udp) + strlen(text)) ||
	    memcmp(p.data, text, strlen(text)) != 0)
		return false;
	addr = p.ip.saddr;
	p.ip.saddr = p.ip.daddr;
	p.ip.daddr = addr;
	p.ip.check = 0;
	p.ip.check = checksum(&p.ip, sizeof(p.ip));
	p.udp.check = 0;
	return must(write(tun, &p, (size_t)n)) == n;
}

int main(int argc, char **argv)
{
	const char *before;
	int tun, unattached, udp, sndbuf = 0, id;
	struct sockaddr_in peer;
	struct ifreq ifr;
	char data[16] = "";

	test_init(argc, argv);
	id = (int)getpid() % 32768;
	snprintf(name, sizeof(name), "zt%d", id);
	snprintf(net, sizeof(net), "198.18.%d", id % 256);
	unattached = (int)must(open("/dev/net/tun", O_RDWR | O_NONBLOCK));
	tun = tun_new();
	command_run("sysctl -qw net.ipv4.conf.%s.rp_filter=2", name);
	command_run("ip link set dev %s mtu 1380 txqueuelen 77 up", name);
	command_run("ip addr add %s.1/24 dev %s", net, name);
	command_run("ip addr add %s.2/24 dev %s label %s:2 noprefixroute", net, name, name);
	command_run("ip addr add fd00:%x::1/64 dev %s nodad", id, name);
	command_run("ip route add 198.19.%d.0/26 via %s.9 dev %s metric 7", id % 256, net, name);
	command_run("ip route add 198.19.%d.64/26 dev %s table 4711 mtu 1300", id % 256, name);
	command_run("ip -6 route add fd01:%x::/64 via fd00:%x::9 dev %s", id, id, name);
	udp = udp_new(&peer);
	before = look();

	test_daemon();
	test_waitsig();

	if (!same_lines(before, look()))
		return fail("the interface is not as it was");
	must(ioctl(tun, TUNGETSNDBUF, &sndbuf));
	if (sndbuf != 70000)
		return fail("its buffer has %d bytes", sndbuf);
	must(sendto(udp, "hello", 5, 0, (void *)&peer, sizeof(peer)));
	if (!echo(tun, "hello"))
		return fail("another packet was sent than came");
	if (must(recv(udp, data, sizeof(data), 0)) != 5 || memcmp(data, "hello", 5) != 0)
		return fail("got %s", data);
	if (ioctl(unattached, TUNGETIFF, &ifr) == 0 || errno != EBADFD)
		return fail("the second file is attached to %s", ifr.ifr_name);
	return pass();
}
