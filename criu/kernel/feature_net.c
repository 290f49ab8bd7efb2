// SPDX-License-Identifier: GPL-2.0-only
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/socket.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/kernel/feature_probe.h"

/* The namespace of a device that exists only in a namespace that ends with the child. */
static int tun_ns_child(void)
{
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	cleanup_close int ns = -1;
	struct ifreq ifr = { .ifr_name = "crtool", .ifr_flags = IFF_TUN | IFF_NO_PI };

	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		return probe_missing(errno);
	ns = ioctl(fd, TUNGETDEVNETNS);
	return ns < 0 ? probe_missing(errno) : 1;
}

int probe_tun_ns(void)
{
	return probe_in_netns(tun_ns_child);
}

static int loopback_up(int fd)
{
	struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	return ioctl(fd, SIOCSIFFLAGS, &ifr) < 0 ? -errno : 0;
}

/* Both ends of a connection over loopback. */
static int tcp_pair(int *ret_client, int *ret_server)
{
	struct sockaddr_in addr = { .sin_family = AF_INET,
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	cleanup_close int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cleanup_close int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(addr);
	int server, r;

	if (listener < 0 || client < 0)
		return -errno;
	r = loopback_up(client);
	if (r < 0)
		return r;
	if (listen(listener, 1) < 0 || getsockname(listener, (void *)&addr, &len) < 0)
		return -errno;
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(client, (const void *)&addr, sizeof(addr)) < 0)
		return -errno;
	server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (server < 0)
		return -errno;
	*ret_server = server;
	*ret_client = take_fd(&client);
	return 0;
}

static int repair_set(int fd, int mode)
{
	return setsockopt(fd, SOL_TCP, TCP_REPAIR, &mode, sizeof(mode)) < 0 ? -errno : 0;
}

/* EPERM is the answer to who may not repair at all, and, of old kernels, to the half closed. */
static int half_closed_child(void)
{
	int client = -1, server = -1, r = tcp_pair(&client, &server);

	if (r < 0)
		return r;
	r = repair_set(client, TCP_REPAIR_ON);
	if (r < 0)
		return probe_missing(-r);
	r = repair_set(client, TCP_REPAIR_OFF);
	if (r < 0 || shutdown(client, SHUT_WR) < 0)
		return r < 0 ? r : -errno;
	r = repair_set(client, TCP_REPAIR_ON);
	if (r == -EPERM)
		return 0;
	return r < 0 ? probe_missing(-r) : 1;
}

int probe_tcp_half_closed(void)
{
	return probe_in_netns(half_closed_child);
}

int probe_sk_ns(void)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cleanup_close int ns = -1;

	if (fd < 0)
		return -errno;
	ns = ioctl(fd, SIOCGSKNS);
	return ns < 0 ? probe_missing(errno) : 1;
}

/* A send buffer whose size is locked says so, and can be unlocked. */
int probe_sockopt_buf_lock(void)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint32_t value = SOCK_SNDBUF_LOCK;
	socklen_t len = sizeof(value);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &value, sizeof(value)) < 0)
		return probe_missing(errno);
	value = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_BUF_LOCK, &value, &len) < 0)
		return probe_missing(errno);
	return value == SOCK_SNDBUF_LOCK;
}

int probe_ipv6_freebind(void)
{
	cleanup_close int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int one = 1, value = 0;
	socklen_t len = sizeof(value);

	if (fd < 0 || setsockopt(fd, SOL_IPV6, IPV6_FREEBIND, &one, sizeof(one)) < 0 ||
	    getsockopt(fd, SOL_IPV6, IPV6_FREEBIND, &value, &len) < 0)
		return probe_missing(errno);
	return value == 1;
}

static int probe_socket(int family, int protocol)
{
	cleanup_close int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, protocol);

	if (fd >= 0)
		return 1;
	return errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT || errno == ENOPROTOOPT
		   ? 0
		   : probe_missing(errno);
}

int probe_vsock(void)
{
	return probe_socket(AF_VSOCK, 0);
}

int probe_mptcp(void)
{
	return probe_socket(AF_INET, IPPROTO_MPTCP);
}

/* linux/netfilter_ipv4/ip_tables.h, which does not go with net/if.h */
#define IPT_SO_GET_INFO_ 64
struct ipt_info {
	char name[32];
	unsigned int valid_hooks, hook_entry[5], underflow[5], num_entries, size;
};

/* Asking creates the table, so it is asked in a namespace that goes away. */
static int ipt_child(void)
{
	cleanup_close int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	struct ipt_info info = { .name = "filter" };
	socklen_t len = sizeof(info);

	if (fd < 0)
		return -errno;
	if (getsockopt(fd, SOL_IP, IPT_SO_GET_INFO_, &info, &len) < 0)
		return probe_missing(errno);
	return 1;
}

int probe_has_ipt_legacy(void)
{
	return probe_in_netns(ipt_child);
}

/* Leave a network namespace, and come back by a descriptor of it. */
static int external_child(void)
{
	cleanup_close int ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct stat there, here;

	if (ns < 0 || fstat(ns, &there) < 0 || unshare(CLONE_NEWNET) < 0 ||
	    setns(ns, CLONE_NEWNET) < 0 || stat("/proc/self/ns/net", &here) < 0)
		return probe_missing(errno);
	return here.st_ino == there.st_ino && here.st_dev == there.st_dev;
}

int probe_external_net_ns(void)
{
	return probe_in_child(external_child);
}
