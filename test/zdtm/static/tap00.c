// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tap device as a virtual machine has it: port of a bridge, with a header of virtio, offloads,
 * two queues of which one is detached, and no carrier; another one that is persistent.
 */
#include "zdtmtst.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#ifndef TUNSETCARRIER
#define TUNSETCARRIER _IOW('T', 226, int)
#endif

static char name[IFNAMSIZ], bridge[IFNAMSIZ], stays[IFNAMSIZ];

static char *look(const char *device)
{
	/* Whether it is up is found out when a file is attached to one that has stayed. */
	return command_output("{ ip -d link show dev %s; ip addr show dev %s; } | "
			      "sed 's/ state [A-Z]* / /; /valid_lft/d'",
			      device, device);
}

static int queue_new(const char *device, int flags)
{
	struct ifreq ifr = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | flags) };
	int fd = (int)must(open("/dev/net/tun", O_RDWR | O_CLOEXEC));

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", device);
	must(ioctl(fd, TUNSETIFF, &ifr));
	return fd;
}

static int flags_of(int fd)
{
	struct ifreq ifr;

	must(ioctl(fd, TUNGETIFF, &ifr));
	return (uint16_t)ifr.ifr_flags;
}

static const char *check(const int *fd, const int *flags)
{
	int size = 0, is_le = 0;

	for (int i = 0; i < 3; i++)
		if (flags_of(fd[i]) != flags[i])
			return "a queue has other flags";
	must(ioctl(fd[0], TUNGETVNETHDRSZ, &size));
	must(ioctl(fd[1], TUNGETVNETLE, &is_le));
	return size != 12 ? "another size of the header" : !is_le ? "another order of bytes" : NULL;
}

int main(int argc, char **argv)
{
	const char *before[2], *after[2];
	const int wanted = IFF_MULTI_QUEUE | IFF_VNET_HDR;
	struct ifreq detach = { .ifr_flags = IFF_DETACH_QUEUE };
	int fd[3], flags[3], size = 12, yes = 1, no = 0, id;
	const char *wrong;

	test_init(argc, argv);
	id = (int)getpid() % 32768;
	snprintf(name, sizeof(name), "zq%d", id);
	snprintf(bridge, sizeof(bridge), "zb%d", id);
	snprintf(stays, sizeof(stays), "zp%d", id);
	command_run("ip link add %s type bridge", bridge);
	fd[0] = queue_new(name, wanted);
	fd[1] = queue_new(name, wanted);
	fd[2] = queue_new(stays, 0);
	must(ioctl(fd[0], TUNSETVNETHDRSZ, &size));
	must(ioctl(fd[0], TUNSETOFFLOAD, TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6));
	must(ioctl(fd[1], TUNSETVNETLE, &yes));
	must(ioctl(fd[0], TUNSETCARRIER, &no));
	must(ioctl(fd[1], TUNSETQUEUE, &detach));
	must(ioctl(fd[2], TUNSETPERSIST, 1ul));
	command_run("ip link set dev %s master %s address 02:00:00:12:34:56 up", name, bridge);
	command_run("ip link set dev %s up", stays);
	for (int i = 0; i < 3; i++)
		flags[i] = flags_of(fd[i]);
	expect(flags[1] & IFF_DETACH_QUEUE, "the queue is not detached");
	before[0] = look(name);
	before[1] = look(stays);

	test_daemon();
	test_waitsig();

	after[0] = look(name);
	after[1] = look(stays);
	wrong = check(fd, flags);
	must(ioctl(fd[2], TUNSETPERSIST, 0ul));
	command_run("ip link del %s", bridge);
	for (int i = 0; i < 2; i++)
		if (!same_lines(before[i], after[i]))
			return fail("an interface is not as it was");
	return wrong ? fail("%s", wrong) : pass();
}
