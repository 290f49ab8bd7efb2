// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/nl_diag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#ifndef NDIAG_FLAG_CB_RUNNING
#define NDIAG_FLAG_CB_RUNNING 1
#endif

/* Copies an attribute that must have just this size; 0 too when it is not there. */
static int take(const struct nlattr *a, void *ret, size_t size)
{
	if (!a)
		return 0;
	if (nlsock_attr_len(a) != size)
		return -EBADMSG;
	memcpy(ret, nlsock_attr_data(a), size);
	return 0;
}

int netlink_diag_parse(const struct nlmsghdr *h, struct netlink_diag *ret)
{
	const struct nlattr *a[NETLINK_DIAG_FLAGS + 1];
	const struct netlink_diag_msg *m = NLMSG_DATA(h);
	uint32_t flags = 0;
	int r = nlsock_attrs(h, sizeof(*m), a, NETLINK_DIAG_FLAGS);

	if (r < 0)
		return r;
	if (m->ndiag_family != AF_NETLINK || take(a[NETLINK_DIAG_FLAGS], &flags, sizeof(flags)) < 0)
		return -EBADMSG;
	*ret = (struct netlink_diag){
		.ino = m->ndiag_ino,
		.type = m->ndiag_type,
		.protocol = m->ndiag_protocol,
		.state = m->ndiag_state,
		.portid = m->ndiag_portid,
		.dst_portid = m->ndiag_dst_portid,
		.dst_group = m->ndiag_dst_group,
		.has_flags = a[NETLINK_DIAG_FLAGS],
		.dump_runs = flags & NDIAG_FLAG_CB_RUNNING,
		.has_ring = a[NETLINK_DIAG_RX_RING] || a[NETLINK_DIAG_TX_RING],
	};
	return 0;
}

static int members_parse(const struct nlattr *a, struct packet_diag *p)
{
	size_t nr = a ? nlsock_attr_len(a) / sizeof(struct packet_diag_mclist) : 0;
	const uint8_t *data = a ? nlsock_attr_data(a) : NULL;

	if (a && nlsock_attr_len(a) % sizeof(struct packet_diag_mclist))
		return -EBADMSG;
	if (nr > PACKET_MEMBERS_MAX)
		return -EBADMSG;
	p->nr_members = nr;
	for (size_t i = 0; i < nr; i++) {
		struct packet_diag_mclist m;
		struct packet_member *to = &p->members[i];

		memcpy(&m, data + i * sizeof(m), sizeof(m));
		if (m.pdmc_alen > sizeof(to->addr))
			return -EBADMSG;
		to->index = m.pdmc_index;
		to->type = m.pdmc_type;
		to->len = m.pdmc_alen;
		memcpy(to->addr, m.pdmc_addr, sizeof(to->addr));
	}
	return 0;
}

static int ring_parse(const struct nlattr *a, struct packet_ring_config *ret)
{
	struct packet_diag_ring r = { 0 };
	int err = take(a, &r, sizeof(r));

	if (err < 0 || (a && !r.pdr_block_nr))
		return -EBADMSG;
	*ret = (struct packet_ring_config){ r.pdr_block_size, r.pdr_block_nr,   r.pdr_frame_size,
					    r.pdr_frame_nr,   r.pdr_retire_tmo, r.pdr_sizeof_priv,
					    r.pdr_features };
	return 0;
}

int packet_diag_parse(const struct nlmsghdr *h, struct packet_diag *ret)
{
	const struct nlattr *a[PACKET_DIAG_MAX + 1];
	const struct packet_diag_msg *m = NLMSG_DATA(h);
	struct packet_diag_info info = { 0 };
	int r = nlsock_attrs(h, sizeof(*m), a, PACKET_DIAG_MAX);

	if (r < 0)
		return r;
	*ret = (struct packet_diag){ 0 };
	if (m->pdiag_family != AF_PACKET || take(a[PACKET_DIAG_INFO], &info, sizeof(info)) < 0 ||
	    take(a[PACKET_DIAG_FANOUT], &ret->fanout, sizeof(ret->fanout)) < 0 ||
	    ring_parse(a[PACKET_DIAG_RX_RING], &ret->rx) < 0 ||
	    ring_parse(a[PACKET_DIAG_TX_RING], &ret->tx) < 0 ||
	    members_parse(a[PACKET_DIAG_MCLIST], ret) < 0)
		return -EBADMSG;
	ret->ino = m->pdiag_ino;
	ret->type = m->pdiag_type;
	ret->protocol = m->pdiag_num;
	ret->has_info = a[PACKET_DIAG_INFO];
	ret->ifindex = info.pdi_index;
	ret->version = info.pdi_version;
	ret->reserve = info.pdi_reserve;
	ret->copy_thresh = info.pdi_copy_thresh;
	ret->timestamp = info.pdi_tstamp;
	ret->aux_data = info.pdi_flags & PDI_AUXDATA;
	ret->orig_dev = info.pdi_flags & PDI_ORIGDEV;
	ret->vnet_hdr = info.pdi_flags & PDI_VNETHDR;
	ret->loss = info.pdi_flags & PDI_LOSS;
	ret->has_fanout = a[PACKET_DIAG_FANOUT];
	return 0;
}

struct search {
	uint32_t ino;
	bool found;
	union {
		struct netlink_diag *netlink;
		struct packet_diag *packet;
	};
};

static int on_netlink(const struct nlmsghdr *h, void *ctx)
{
	const struct netlink_diag_msg *m = NLMSG_DATA(h);
	struct search *s = ctx;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || m->ndiag_ino != s->ino)
		return 0;
	s->found = true;
	return netlink_diag_parse(h, s->netlink);
}

static int on_packet(const struct nlmsghdr *h, void *ctx)
{
	const struct packet_diag_msg *m = NLMSG_DATA(h);
	struct search *s = ctx;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || m->pdiag_ino != s->ino)
		return 0;
	s->found = true;
	return packet_diag_parse(h, s->packet);
}

static int search(const void *req, size_t len, nlsock_fn *fn, struct search *s)
{
	struct nlsock *sock;
	int r = nlsock_open(NETLINK_SOCK_DIAG, &sock);

	if (r < 0)
		return r;
	r = nlsock_dump(sock, SOCK_DIAG_BY_FAMILY, req, len, fn, s);
	nlsock_close(sock);
	return r < 0 ? r : s->found;
}

int netlink_diag_find(uint32_t ino, struct netlink_diag *ret)
{
	struct netlink_diag_req req = {
		.sdiag_family = AF_NETLINK,
		.sdiag_protocol = NDIAG_PROTO_ALL,
		.ndiag_show = NDIAG_SHOW_RING_CFG | NDIAG_SHOW_FLAGS,
	};
	struct search s = { .ino = ino, .netlink = ret };

	return search(&req, sizeof(req), on_netlink, &s);
}

int packet_diag_find(uint32_t ino, struct packet_diag *ret)
{
	struct packet_diag_req req = {
		.sdiag_family = AF_PACKET,
		.pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_MCLIST | PACKET_SHOW_RING_CFG |
			      PACKET_SHOW_FANOUT,
	};
	struct search s = { .ino = ino, .packet = ret };

	return search(&req, sizeof(req), on_packet, &s);
}
