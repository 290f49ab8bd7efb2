// SPDX-License-Identifier: GPL-2.0-only
/*
 * Packet sockets, packet(7): protocol, interface, memberships, fanout, options. sock_diag(7) tells
 * nearly all of it. Packets come from a wire, and are missed while nobody is there: what waits
 * is not kept, but in rings (packet_ring.c). Images: images/packet.proto. Tests:
 * test/zdtm/static/packet*.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/kernel/nl_diag.h"
#include "criu/kernel/uapi.h"
#include "criu/sock/kinds.h"
#include "criu/sock/opts.h"
#include "criu/sock/packet_ring.h"

#define NO_FANOUT UINT32_MAX

/* Numbers that are set as they are read; of the image the has_ of optional ones, 0 of others. */
static const struct packet_option {
	int name;
	const char *text;
	size_t has, value;
} options[] = {
#define NEEDED(name, field)                                                                        \
	{                                                                                          \
		name, #name, 0, offsetof(PacketSockEntry, field)                                   \
	}
#define OURS(name, field)                                                                          \
	{                                                                                          \
		name, #name, offsetof(PacketSockEntry, has_##field),                               \
		    offsetof(PacketSockEntry, field)                                               \
	}
	NEEDED(PACKET_VERSION, version),
	NEEDED(PACKET_RESERVE, reserve),
	NEEDED(PACKET_AUXDATA, aux_data),
	NEEDED(PACKET_ORIGDEV, orig_dev),
	NEEDED(PACKET_VNET_HDR, vnet_hdr),
	NEEDED(PACKET_LOSS, loss),
	NEEDED(PACKET_TIMESTAMP, timestamp),
	NEEDED(PACKET_COPY_THRESH, copy_thresh),
	OURS(PACKET_VNET_HDR_SZ, vnet_hdr_size),
	OURS(PACKET_QDISC_BYPASS, qdisc_bypass),
	OURS(PACKET_IGNORE_OUTGOING, ignore_outgoing),
};

static bool packet_match(const struct fd_probe *p)
{
	return p->family == AF_PACKET;
}

/* True when it stands in the way. */
static bool packet_blocked(const struct fd_probe *p, const struct packet_diag *info)
{
	unsigned int kind = info && info->has_fanout ? info->fanout >> 16 & 0xff : 0;
	const char *what = NULL;
	char name[64];

	if (!info)
		what = "of another network namespace";
	else if (info->type == SOCK_PACKET)
		what = "of the obsolete type SOCK_PACKET";
	else if (kind == PACKET_FANOUT_CBPF || kind == PACKET_FANOUT_EBPF)
		what = "in a fanout group with a program, which nobody can read";
	if (what)
		blocker(NULL, "%s: %s: a packet socket %s, which cannot be kept",
			fd_probe_name(p, name, sizeof(name)), p->link, what);
	return what;
}

static void members_dump(struct dump *d, const struct packet_diag *info, PacketSockEntry *e)
{
	e->mclist = arena_array(&d->arena, PacketMclist *, info->nr_members);
	for (size_t i = 0; i < info->nr_members; i++) {
		const struct packet_member *from = &info->members[i];
		PacketMclist *m = arena_message(&d->arena, PacketMclist, PACKET_MCLIST__INIT);

		m->index = from->index;
		m->type = from->type;
		m->addr.len = from->len;
		m->addr.data = arena_dup(&d->arena, from->addr, from->len);
		e->mclist[e->n_mclist++] = m;
	}
}

static void entry_fill(const struct packet_diag *info, PacketSockEntry *e)
{
	e->type = (uint32_t)info->type;
	e->protocol = info->protocol;
	e->ifindex = info->ifindex;
	e->version = info->version;
	e->reserve = info->reserve;
	e->aux_data = info->aux_data;
	e->orig_dev = info->orig_dev;
	e->vnet_hdr = info->vnet_hdr;
	e->loss = info->loss;
	e->timestamp = info->timestamp;
	e->copy_thresh = info->copy_thresh;
	e->has_fanout = info->has_fanout;
	e->fanout = info->has_fanout ? info->fanout : NO_FANOUT;
}

static void ours_dump(int lfd, PacketSockEntry *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int value = 0;
		socklen_t len = sizeof(value);

		if (!options[i].has ||
		    getsockopt(lfd, SOL_PACKET, options[i].name, &value, &len) < 0 || !value)
			continue;
		*(int *)((char *)e + options[i].has) = 1;
		*(int *)((char *)e + options[i].value) = value;
	}
}

static int packet_write(struct dump *d, const struct fd_probe *p, const struct packet_diag *info)
{
	FileEntry fe = FILE_ENTRY__INIT;
	PacketSockEntry e = PACKET_SOCK_ENTRY__INIT;
	char ifname[IF_NAMESIZE];
	FownEntry fown;
	int r = fown_dump_probe(p, &fown);

	if (r >= 0)
		r = sk_opts_dump(d, p, &e.opts);
	if (r >= 0)
		r = rings_dump(d, p, info, &e);
	if (r < 0)
		return r;
	entry_fill(info, &e);
	members_dump(d, info, &e);
	ours_dump(p->lfd, &e);
	if (e.ifindex && if_indextoname(e.ifindex, ifname))
		e.ifname = ifname;
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.fown = &fown;
	fe.type = FD_TYPES__PACKETSK;
	fe.psk = &e;
	return dump_file_write(d, p->id, &fe);
}

static int packet_dump(struct dump *d, const struct fd_probe *p)
{
	struct packet_diag *info = arena_alloc(&d->arena, sizeof(*info));
	int r = packet_diag_find((uint32_t)p->st.st_ino, info);

	if (r < 0)
		return fail(-r, "read the list of packet sockets");
	return packet_blocked(p, r ? info : NULL) ? 0 : packet_write(d, p, info);
}

/* --- restore ------------------------------------------------------------------ */

static int packet_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	const PacketSockEntry *e = fe->psk;
	int ret;

	(void)r;
	(void)f;
	if (!e)
		return fail_plain("has no part of a packet socket");
	if (e->type != SOCK_RAW && e->type != SOCK_DGRAM)
		return fail_plain("a packet socket of type %u", e->type);
	if (e->protocol > UINT16_MAX)
		return fail_plain("a packet socket of protocol %u", e->protocol);
	for (size_t i = 0; i < e->n_mclist; i++)
		if (e->mclist[i]->addr.len > PACKET_ADDR_MAX || e->mclist[i]->type > UINT16_MAX)
			return fail_plain("a packet socket with a membership of type %u",
					  e->mclist[i]->type);
	ret = rings_load(e);
	return ret < 0 ? ret : sk_opts_load(e->opts);
}

static int options_set(int fd, const PacketSockEntry *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		const struct packet_option *o = &options[i];
		int value = *(const int *)((const char *)e + o->value);

		if (o->has ? !*(const int *)((const char *)e + o->has) : !value)
			continue;
		if (setsockopt(fd, SOL_PACKET, o->name, &value, sizeof(value)) < 0)
			return fail(errno, "%s %d", o->text, value);
	}
	return 0;
}

/* Of this host: an interface is known by its name. */
static int interface_of(const PacketSockEntry *e, int *ret)
{
	unsigned int index = e->ifname ? if_nametoindex(e->ifname) : e->ifindex;

	*ret = (int)index;
	return e->ifname && !index ? fail(errno, "interface %s", e->ifname) : 0;
}

static int bind_to(int fd, const PacketSockEntry *e)
{
	struct sockaddr_ll a = { .sll_family = AF_PACKET,
				 .sll_protocol = htons((uint16_t)e->protocol) };
	int ret = interface_of(e, &a.sll_ifindex);

	if (ret < 0 || (!e->protocol && !e->ifindex))
		return ret;
	if (bind(fd, (void *)&a, sizeof(a)) < 0)
		return fail(errno, "bind to protocol %#x, interface %s", e->protocol,
			    e->ifname ? e->ifname : "0");
	return 0;
}

static int members_join(int fd, const PacketSockEntry *e)
{
	for (size_t i = 0; i < e->n_mclist; i++) {
		const PacketMclist *m = e->mclist[i];
		struct packet_mreq_long {
			struct packet_mreq req;
			uint8_t more[PACKET_ADDR_MAX];
		} mreq = { .req = { .mr_ifindex = (int)m->index,
				    .mr_type = (unsigned short)m->type,
				    .mr_alen = (unsigned short)m->addr.len } };

		if (m->addr.len)
			memcpy((uint8_t *)&mreq + offsetof(struct packet_mreq, mr_address),
			       m->addr.data, m->addr.len);
		if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &mreq, sizeof(mreq)) < 0)
			return fail(errno, "membership of type %u on interface %u", m->type,
				    m->index);
	}
	return 0;
}

/* It hears nothing until its own filter, or none, takes the place of one that drops all. */
static int filter_set(int fd, const PacketSockEntry *e)
{
	const int none = 0;
	int ret = 0;

	if (!e->opts->n_so_filter &&
	    setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none)) < 0)
		ret = fail(errno, "SO_DETACH_FILTER");
	return ret < 0 ? ret : sk_opts_restore_late(fd, e->opts);
}

static int packet_set(int fd, const PacketSockEntry *e)
{
	int fanout = (int)e->fanout;
	int ret = sk_opts_restore_early(fd, e->opts);

	if (ret >= 0)
		ret = options_set(fd, e);
	if (ret >= 0)
		ret = rings_restore(fd, e);
	if (ret >= 0)
		ret = packet_deafen(fd);
	if (ret >= 0)
		ret = bind_to(fd, e);
	if (ret >= 0)
		ret = filter_set(fd, e);
	if (ret >= 0)
		ret = members_join(fd, e);
	if (ret >= 0 && e->fanout != NO_FANOUT &&
	    setsockopt(fd, SOL_PACKET, PACKET_FANOUT, &fanout, sizeof(fanout)) < 0)
		ret = fail(errno, "PACKET_FANOUT %#x", e->fanout);
	return ret < 0 ? ret : status_restore(fd, e->flags, e->fown);
}

static int packet_open(struct restore *r, struct file *f)
{
	const PacketSockEntry *e = f->entry->psk;
	cleanup_close int fd = socket(AF_PACKET, (int)e->type | SOCK_CLOEXEC, 0);
	int ret;

	(void)r;
	if (fd < 0)
		return fail(errno, "packet socket");
	ret = fail_at(packet_set(fd, e), "packet socket");
	return ret < 0 ? ret : take_fd(&fd);
}

const struct file_kind packet_kind = {
	.name = "packet",
	.type = FD_TYPES__PACKETSK,
	.size = sizeof(struct file),
	.match = packet_match,
	.dump = packet_dump,
	.load = packet_load,
	.open = packet_open,
};
