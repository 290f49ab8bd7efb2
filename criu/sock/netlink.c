// SPDX-License-Identifier: GPL-2.0-only
/*
 * Netlink sockets, netlink(7): protocol, number, groups, whom they are connected to, options.
 * sock_diag(7) tells what they are connected to, getsockopt(2) the groups, those above 32 too.
 * Nobody but the kernel can send as the kernel, so messages that wait cannot be kept. Images:
 * images/netlink.proto. Tests: test/zdtm/static/netlink*.
 */
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sockios.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/kernel/nl_diag.h"
#include "criu/sock/kinds.h"
#include "criu/sock/opts.h"

#define CONNECTED       1
#define GROUP_WORDS_MAX 4096

/* Those that are flags; the bits of netlink_sk_entry.options. */
static const int options[] = { NETLINK_PKTINFO,         NETLINK_BROADCAST_ERROR, NETLINK_NO_ENOBUFS,
			       NETLINK_LISTEN_ALL_NSID, NETLINK_CAP_ACK,         NETLINK_EXT_ACK,
			       NETLINK_GET_STRICT_CHK };

static bool netlink_match(const struct fd_probe *p)
{
	return p->family == AF_NETLINK;
}

/* True when it stands in the way. */
static bool netlink_blocked(const struct fd_probe *p, const struct netlink_diag *info)
{
	struct pollfd poll_in = { .fd = p->lfd, .events = POLLIN };
	const char *what = NULL;
	char name[64];

	if (!info)
		what = "of another network namespace";
	else if (info->has_ring)
		what = "with rings (NETLINK_RX_RING)";
	else if (info->dump_runs || (poll(&poll_in, 1, 0) > 0 && poll_in.revents & POLLIN))
		what = "with messages of the kernel that were not received yet";
	else if (poll_in.revents & POLLERR)
		what = "with an error that was not told yet";
	if (what)
		blocker(info ? "try again: it is about to be read" : NULL,
			"%s: %s: a netlink socket %s, which cannot be kept",
			fd_probe_name(p, name, sizeof(name)), p->link, what);
	return what;
}

/* One without a number is in no list of the kernel: 1 if it is one, of our network namespace. */
static int unbound_find(const struct dump *d, const struct fd_probe *p, struct netlink_diag *ret)
{
	cleanup_close int ns = ioctl(p->lfd, SIOCGSKNS);
	struct sockaddr_nl a = { 0 };
	socklen_t len = sizeof(a);
	struct stat st;

	if (getsockname(p->lfd, (void *)&a, &len) < 0)
		return fail(errno, "getsockname");
	if (a.nl_pid || ns < 0 || fstat(ns, &st) < 0 || st.st_ino != d->own_ns.net)
		return 0;
	*ret = (struct netlink_diag){ .ino = (uint32_t)p->st.st_ino };
	len = sizeof(int);
	if (getsockopt(p->lfd, SOL_SOCKET, SO_TYPE, &ret->type, &len) < 0 ||
	    getsockopt(p->lfd, SOL_SOCKET, SO_PROTOCOL, &ret->protocol, &len) < 0)
		return fail(errno, "SO_PROTOCOL");
	return 1;
}

static int groups_dump(struct dump *d, int lfd, NetlinkSkEntry *e)
{
	socklen_t len = 0;

	/* First how much room is needed. */
	if (getsockopt(lfd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, NULL, &len) < 0)
		return fail(errno, "NETLINK_LIST_MEMBERSHIPS");
	if (!len)
		return 0;
	e->groups = arena_alloc(&d->arena, len);
	if (getsockopt(lfd, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, e->groups, &len) < 0)
		return fail(errno, "NETLINK_LIST_MEMBERSHIPS");
	e->n_groups = len / sizeof(uint32_t);
	return 0;
}

static void options_dump(int lfd, int type, NetlinkSkEntry *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int on = 0;
		socklen_t len = sizeof(on);

		if (getsockopt(lfd, SOL_NETLINK, options[i], &on, &len) == 0 && on)
			e->options |= 1u << options[i];
	}
	e->has_options = e->options;
	e->has_type = true;
	e->type = (uint32_t)type;
}

static int netlink_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	NetlinkSkEntry e = NETLINK_SK_ENTRY__INIT;
	FownEntry fown;
	struct netlink_diag info;
	int r = netlink_diag_find((uint32_t)p->st.st_ino, &info);

	if (r < 0)
		return fail(-r, "read the list of netlink sockets");
	if (!r)
		r = unbound_find(d, p, &info);
	if (r < 0)
		return r;
	if (netlink_blocked(p, r ? &info : NULL))
		return 0;
	r = fown_dump_probe(p, &fown);
	if (r >= 0)
		r = sk_opts_dump(d, p, &e.opts);
	if (r >= 0)
		r = groups_dump(d, p->lfd, &e);
	if (r < 0)
		return r;
	options_dump(p->lfd, info.type, &e);
	e.id = p->id;
	e.ino = info.ino;
	e.protocol = (uint32_t)info.protocol;
	e.state = (uint32_t)info.state;
	e.flags = fd_probe_flags(p);
	e.portid = info.portid;
	e.dst_portid = info.dst_portid;
	e.dst_group = info.dst_group;
	e.fown = &fown;
	fe.type = FD_TYPES__NETLINKSK;
	fe.nlsk = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

static int netlink_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	const NetlinkSkEntry *e = fe->nlsk;

	(void)r;
	(void)f;
	if (!e)
		return fail_plain("has no part of a netlink socket");
	if (e->has_type && e->type != SOCK_RAW && e->type != SOCK_DGRAM)
		return fail_plain("a netlink socket of type %u", e->type);
	if (e->protocol >= MAX_LINKS)
		return fail_plain("netlink protocol %u", e->protocol);
	if (e->n_groups > GROUP_WORDS_MAX)
		return fail_plain("a netlink socket with %zu words of groups", e->n_groups);
	if (e->dst_group > 32)
		return fail_plain("a netlink socket connected to group %u", e->dst_group);
	return sk_opts_load(e->opts);
}

static int groups_join(int fd, const NetlinkSkEntry *e)
{
	for (size_t i = 0; i < e->n_groups; i++)
		for (unsigned int bit = 0; bit < 32; bit++) {
			int group = (int)(i * 32 + bit + 1);

			if (!(e->groups[i] & 1u << bit))
				continue;
			if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group,
				       sizeof(group)) < 0)
				return fail(errno, "join netlink group %d", group);
		}
	return 0;
}

static int options_set(int fd, const NetlinkSkEntry *e)
{
	const int on = 1;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (e->options & 1u << options[i] &&
		    setsockopt(fd, SOL_NETLINK, options[i], &on, sizeof(on)) < 0)
			return fail(errno, "netlink option %d", options[i]);
	return 0;
}

static int names_set(int fd, const NetlinkSkEntry *e)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_pid = e->portid };
	struct sockaddr_nl to = { .nl_family = AF_NETLINK,
				  .nl_pid = e->dst_portid,
				  .nl_groups = e->dst_group ? 1u << (e->dst_group - 1) : 0 };

	if (e->portid && bind(fd, (void *)&own, sizeof(own)) < 0)
		return fail_hint(fail(errno, "bind to number %u", e->portid),
				 "another netlink socket has this number");
	/* One that never was is bound by connect(2), to any number. */
	if (e->portid && (e->state == CONNECTED || e->dst_portid || e->dst_group) &&
	    connect(fd, (void *)&to, sizeof(to)) < 0)
		return fail(errno, "connect to number %u, group %u", e->dst_portid, e->dst_group);
	return 0;
}

static int netlink_open(struct restore *r, struct file *f)
{
	const NetlinkSkEntry *e = f->entry->nlsk;
	int type = e->has_type ? (int)e->type : SOCK_RAW;
	cleanup_close int fd = socket(AF_NETLINK, type | SOCK_CLOEXEC, (int)e->protocol);
	int ret;

	(void)r;
	if (fd < 0)
		return fail(errno, "netlink socket of protocol %u", e->protocol);
	ret = sk_opts_restore_early(fd, e->opts);
	if (ret >= 0)
		ret = names_set(fd, e);
	if (ret >= 0)
		ret = options_set(fd, e);
	if (ret >= 0)
		ret = groups_join(fd, e);
	if (ret >= 0)
		ret = sk_opts_restore_late(fd, e->opts);
	if (ret >= 0)
		ret = status_restore(fd, e->flags, e->fown);
	return ret < 0 ? fail_at(ret, "netlink socket") : take_fd(&fd);
}

const struct file_kind netlink_kind = {
	.name = "netlink",
	.type = FD_TYPES__NETLINKSK,
	.size = sizeof(struct file),
	.match = netlink_match,
	.dump = netlink_dump,
	.load = netlink_load,
	.open = netlink_open,
};
