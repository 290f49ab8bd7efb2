// SPDX-License-Identifier: GPL-2.0-only
/* Probes by netlink: a few fixed requests, built by hand in a buffer of the stack. */
#include <netinet/in.h> /* before linux/in.h, which then leaves out what is here */

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/net_namespace.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/kernel/feature_probe.h"

#ifndef IFLA_NEW_IFINDEX
#define IFLA_NEW_IFINDEX 49
#endif

/* One message, or a batch of them: at is the current one. */
struct request {
	union {
		char bytes[1024];
		struct nlmsghdr first;
	};
	size_t len, at;
};

static struct nlmsghdr *msg(struct request *q)
{
	return (void *)(q->bytes + q->at);
}

/* The requests are ours and fit: see the size of the buffer. */
static void *put(struct request *q, const void *data, size_t size)
{
	void *to = q->bytes + q->len;

	memset(to, 0, NLMSG_ALIGN(size));
	if (data)
		memcpy(to, data, size);
	q->len += NLMSG_ALIGN(size);
	msg(q)->nlmsg_len = (uint32_t)(q->len - q->at);
	return to;
}

static void msg_start(struct request *q, int type, int flags, const void *head, size_t size)
{
	struct nlmsghdr h = {
		.nlmsg_type = (uint16_t)type,
		.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
		.nlmsg_seq = 1,
	};

	q->at = q->len;
	put(q, &h, sizeof(h));
	put(q, head, size);
}

static struct nlattr *attr(struct request *q, int type, const void *data, size_t size)
{
	struct nlattr h = { .nla_type = (uint16_t)type, .nla_len = (uint16_t)(NLA_HDRLEN + size) };
	struct nlattr *a = put(q, &h, sizeof(h));

	if (size)
		put(q, data, size);
	return a;
}

static void attr_u32(struct request *q, int type, uint32_t value)
{
	attr(q, type, &value, sizeof(value));
}

static void attr_str(struct request *q, int type, const char *s)
{
	attr(q, type, s, strlen(s) + 1);
}

/* What was put since belongs into the attribute. */
static void attr_end(struct request *q, struct nlattr *a)
{
	a->nla_len = (uint16_t)(q->bytes + q->len - (char *)a);
}

/*
 * Sends, and receives one datagram: its length, or -errno of the transport. Each asks for
 * something that is answered at once, so there is no waiting for ever.
 */
static ssize_t talk(int protocol, const struct request *q, char *reply, size_t size)
{
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	struct timeval patience = { .tv_sec = 5 };
	ssize_t n;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    send(fd, q->bytes, q->len, 0) < 0)
		return -errno;
	do {
		n = recv(fd, reply, size, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n < (ssize_t)sizeof(struct nlmsghdr) ? -EBADMSG : n;
}

union reply {
	char bytes[16384];
	struct nlmsghdr h;
};

/* 0: the reply is no error, or an acknowledgement; else the -errno that the kernel sent. */
static int talk_result(int protocol, const struct request *q, union reply *reply, ssize_t *ret_len)
{
	ssize_t n;

	reply->h = (struct nlmsghdr){ 0 };
	n = talk(protocol, q, reply->bytes, sizeof(reply->bytes));
	if (n < 0)
		return (int)n;
	*ret_len = n;
	/* A dump that cannot begin ends with its error. */
	if ((reply->h.nlmsg_type == NLMSG_ERROR || reply->h.nlmsg_type == NLMSG_DONE) &&
	    n >= (ssize_t)NLMSG_LENGTH(sizeof(int)))
		return *(const int *)NLMSG_DATA(&reply->h);
	return 0;
}

static int talk_missing(int protocol, const struct request *q)
{
	union reply reply;
	ssize_t len;
	int r = talk_result(protocol, q, &reply, &len);

	return r < 0 ? probe_missing(-r) : 1;
}

int probe_net_diag_raw(void)
{
	struct inet_diag_req_v2 req = {
		.sdiag_family = AF_INET,
		.sdiag_protocol = IPPROTO_RAW,
		.idiag_states = ~0u,
	};
	struct request q = { .len = 0 };

	msg_start(&q, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, sizeof(req));
	return talk_missing(NETLINK_SOCK_DIAG, &q);
}

static int self_netns(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int probe_nsid(void)
{
	struct rtgenmsg gen = { .rtgen_family = AF_UNSPEC };
	struct request q = { .len = 0 };
	cleanup_close int ns = self_netns();

	if (ns < 0)
		return probe_missing(-ns);
	msg_start(&q, RTM_GETNSID, 0, &gen, sizeof(gen));
	attr_u32(&q, NETNSA_FD, (uint32_t)ns);
	return talk_missing(NETLINK_ROUTE, &q);
}

/* A veth pair "crt0" and "crt1"; the second one in peer_ns unless that is negative. */
static int veth_new(int peer_ns)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct request q = { .len = 0 };
	struct nlattr *link, *data, *peer;
	union reply reply;
	ssize_t len;

	msg_start(&q, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, &info, sizeof(info));
	attr_str(&q, IFLA_IFNAME, "crt0");
	link = attr(&q, IFLA_LINKINFO, NULL, 0);
	attr_str(&q, IFLA_INFO_KIND, "veth");
	data = attr(&q, IFLA_INFO_DATA, NULL, 0);
	peer = attr(&q, VETH_INFO_PEER, NULL, 0);
	put(&q, &info, sizeof(info));
	attr_str(&q, IFLA_IFNAME, "crt1");
	if (peer_ns >= 0)
		attr_u32(&q, IFLA_NET_NS_FD, (uint32_t)peer_ns);
	attr_end(&q, peer);
	attr_end(&q, data);
	attr_end(&q, link);
	return talk_result(NETLINK_ROUTE, &q, &reply, &len);
}

static bool reply_has_attr(const union reply *reply, ssize_t len, int type)
{
	const struct nlmsghdr *h = &reply->h;
	const char *p = reply->bytes + NLMSG_SPACE(sizeof(struct ifinfomsg));
	const char *end = reply->bytes + (h->nlmsg_len < len ? h->nlmsg_len : len);

	while (end - p >= NLA_HDRLEN) {
		const struct nlattr *a = (const void *)p;

		if (a->nla_len < NLA_HDRLEN || a->nla_len > end - p)
			return false;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return true;
		p += NLA_ALIGN(a->nla_len);
	}
	return false;
}

/* Two namespaces, we in the second one; the first is returned. */
static int netns_pair(void)
{
	cleanup_close int ns = self_netns();

	if (ns < 0)
		return ns;
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	return take_fd(&ns);
}

static int link_nsid_child(void)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct request q = { .len = 0 };
	union reply reply;
	ssize_t len;
	int other = netns_pair(), r;

	if (other < 0)
		return other;
	r = veth_new(other);
	if (r < 0)
		return r;
	msg_start(&q, RTM_GETLINK, 0, &info, sizeof(info));
	attr_str(&q, IFLA_IFNAME, "crt0");
	r = talk_result(NETLINK_ROUTE, &q, &reply, &len);
	if (r < 0)
		return r;
	return reply_has_attr(&reply, len, IFLA_LINK_NETNSID);
}

int probe_link_nsid(void)
{
	return probe_in_netns(link_nsid_child);
}

#define NEW_IFINDEX 0x777

/* A device goes to another namespace and gets there the index that we want. */
static int newifindex_child(void)
{
	struct ifinfomsg info = { .ifi_family = AF_UNSPEC };
	struct request q = { .len = 0 };
	char name[IF_NAMESIZE];
	union reply reply;
	ssize_t len;
	int other = netns_pair(), r;

	if (other < 0)
		return other;
	r = veth_new(-1);
	if (r < 0)
		return r;
	msg_start(&q, RTM_NEWLINK, NLM_F_ACK, &info, sizeof(info));
	attr_str(&q, IFLA_IFNAME, "crt1");
	attr_u32(&q, IFLA_NET_NS_FD, (uint32_t)other);
	attr_u32(&q, IFLA_NEW_IFINDEX, NEW_IFINDEX);
	r = talk_result(NETLINK_ROUTE, &q, &reply, &len);
	if (r < 0)
		return probe_missing(-r);
	if (setns(other, CLONE_NEWNET) < 0)
		return -errno;
	return if_indextoname(NEW_IFINDEX, name) && strcmp(name, "crt1") == 0;
}

int probe_newifindex(void)
{
	return probe_in_netns(newifindex_child);
}

static const struct nfgenmsg nf_inet = { .nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0 };

int probe_nftables(void)
{
	struct request q = { .len = 0 };

	msg_start(&q, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0, &nf_inet, sizeof(nf_inet));
	return talk_missing(NETLINK_NETFILTER, &q);
}

static void batch_edge(struct request *q, int type)
{
	struct nfgenmsg gen = { .res_id = htons(NFNL_SUBSYS_NFTABLES) };

	msg_start(q, type, 0, &gen, sizeof(gen));
}

/* One transaction: a table and a chain that drops what comes in. The last one is answered. */
static int nft_lock_child(void)
{
	struct request q = { .len = 0 };
	struct nlattr *hook;

	batch_edge(&q, NFNL_MSG_BATCH_BEGIN);
	msg_start(&q, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, NLM_F_CREATE, &nf_inet,
		  sizeof(nf_inet));
	attr_str(&q, NFTA_TABLE_NAME, "crtool");
	msg_start(&q, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN, NLM_F_CREATE | NLM_F_ACK,
		  &nf_inet, sizeof(nf_inet));
	attr_str(&q, NFTA_CHAIN_TABLE, "crtool");
	attr_str(&q, NFTA_CHAIN_NAME, "input");
	hook = attr(&q, NFTA_CHAIN_HOOK | NLA_F_NESTED, NULL, 0);
	attr_u32(&q, NFTA_HOOK_HOOKNUM, htonl(NF_INET_LOCAL_IN));
	attr_u32(&q, NFTA_HOOK_PRIORITY, 0);
	attr_end(&q, hook);
	attr_str(&q, NFTA_CHAIN_TYPE, "filter");
	attr_u32(&q, NFTA_CHAIN_POLICY, htonl(NF_DROP));
	batch_edge(&q, NFNL_MSG_BATCH_END);
	return talk_missing(NETLINK_NETFILTER, &q);
}

int probe_network_lock_nftables(void)
{
	return probe_in_netns(nft_lock_child);
}
