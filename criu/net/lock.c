// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock of connections by nftables: a table crtool-RUNID of the family inet, of which all is
 * made in one transaction. Two sets have the ends of connections, local address, local port, remote
 * address, remote port; a chain for what comes in and one for what goes out look each packet up
 * there. A connection more is an element more: neither the transaction nor a packet that is none of
 * ours gets noticeably slower by it.
 *
 * A packet that is dropped on its way out is one that was not sent, to TCP: it stays in the queue.
 *
 * Images: run id and method stand in inventory.img. Tests: test/zdtm/static/tcp_lock*.
 */
#include "criu/net/lock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/net/iptables.h"
#include "criu/net/nftbatch.h"

#define PRIORITY          (-350) /* after fragments have been put together, before all others */
#define ELEMENTS_A_MSG    1000 /* an attribute holds less than 64 KiB */
#define ELEMENTS_A_COMMIT 16000
/* How the library numbers the types of nft(8): for those who list the table. */
#define TYPE_IPV4         7u
#define TYPE_IPV6         8u
#define TYPE_SERVICE      13u

/* A register for each 4 bytes of what is looked up: addresses, and ports with two zeros. */
struct layout {
	const char *set;
	int family, nfproto;
	unsigned int address; /* bytes */
	unsigned int source, destination; /* where they stand in the header */
	uint32_t type;
};

static const struct layout layouts[] = {
	{ "v4", AF_INET, NFPROTO_IPV4, 4, 12, 16, TYPE_IPV4 },
	{ "v6", AF_INET6, NFPROTO_IPV6, 16, 8, 24, TYPE_IPV6 },
};

static unsigned int key_size(const struct layout *l)
{
	return 2 * (l->address + 4);
}

const char *netlock_name(enum network_lock method, const char *run_id, char *buf, size_t size)
{
	if (method == NETWORK_LOCK_IPTABLES)
		return iptables_lock_name(run_id, buf, size);
	snprintf(buf, size, "crtool-%s", run_id);
	return buf;
}

/* --- rules -------------------------------------------------------------------- */

struct expr {
	size_t elem, data;
};

static struct expr expr_begin(struct nft_batch *b, const char *name)
{
	struct expr e;

	e.elem = nft_batch_nest(b, NFTA_LIST_ELEM);
	nft_batch_str(b, NFTA_EXPR_NAME, name);
	e.data = nft_batch_nest(b, NFTA_EXPR_DATA);
	return e;
}

static void expr_end(struct nft_batch *b, struct expr e)
{
	nft_batch_end(b, e.data);
	nft_batch_end(b, e.elem);
}

/* meta KEY == value, or != */
static void match_meta(struct nft_batch *b, uint32_t key, uint32_t op, const void *value,
		       size_t size)
{
	struct expr e = expr_begin(b, "meta");
	size_t data;

	nft_batch_u32(b, NFTA_META_KEY, key);
	nft_batch_u32(b, NFTA_META_DREG, NFT_REG_1);
	expr_end(b, e);
	e = expr_begin(b, "cmp");
	nft_batch_u32(b, NFTA_CMP_SREG, NFT_REG_1);
	nft_batch_u32(b, NFTA_CMP_OP, op);
	data = nft_batch_nest(b, NFTA_CMP_DATA);
	nft_batch_attr(b, NFTA_DATA_VALUE, value, size);
	nft_batch_end(b, data);
	expr_end(b, e);
}

static unsigned int load(struct nft_batch *b, unsigned int reg, uint32_t base, unsigned int at,
			 unsigned int size)
{
	struct expr e = expr_begin(b, "payload");

	nft_batch_u32(b, NFTA_PAYLOAD_DREG, reg);
	nft_batch_u32(b, NFTA_PAYLOAD_BASE, base);
	nft_batch_u32(b, NFTA_PAYLOAD_OFFSET, at);
	nft_batch_u32(b, NFTA_PAYLOAD_LEN, size);
	expr_end(b, e);
	return reg + (size + 3) / 4;
}

static void drop_those_of(struct nft_batch *b, const char *set)
{
	struct expr e = expr_begin(b, "lookup");
	size_t data, verdict;

	nft_batch_str(b, NFTA_LOOKUP_SET, set);
	nft_batch_u32(b, NFTA_LOOKUP_SREG, NFT_REG32_00);
	expr_end(b, e);
	e = expr_begin(b, "immediate");
	nft_batch_u32(b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nft_batch_nest(b, NFTA_IMMEDIATE_DATA);
	verdict = nft_batch_nest(b, NFTA_DATA_VERDICT);
	nft_batch_u32(b, NFTA_VERDICT_CODE, NF_DROP);
	nft_batch_end(b, verdict);
	nft_batch_end(b, data);
	expr_end(b, e);
}

static void rule_put(struct nft_batch *b, const char *table, const char *chain,
		     const struct layout *l, bool comes_in)
{
	const uint8_t proto = (uint8_t)l->nfproto, tcp = IPPROTO_TCP;
	const uint32_t mark = NETLOCK_MARK;
	unsigned int reg = NFT_REG32_00;
	size_t exprs;

	nft_batch_msg(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFPROTO_INET);
	nft_batch_str(b, NFTA_RULE_TABLE, table);
	nft_batch_str(b, NFTA_RULE_CHAIN, chain);
	exprs = nft_batch_nest(b, NFTA_RULE_EXPRESSIONS);
	match_meta(b, NFT_META_NFPROTO, NFT_CMP_EQ, &proto, sizeof(proto));
	match_meta(b, NFT_META_L4PROTO, NFT_CMP_EQ, &tcp, sizeof(tcp));
	match_meta(b, NFT_META_MARK, NFT_CMP_NEQ, &mark, sizeof(mark));
	reg = load(b, reg, NFT_PAYLOAD_NETWORK_HEADER, comes_in ? l->destination : l->source,
		   l->address);
	reg = load(b, reg, NFT_PAYLOAD_TRANSPORT_HEADER, comes_in ? 2 : 0, 2);
	reg = load(b, reg, NFT_PAYLOAD_NETWORK_HEADER, comes_in ? l->source : l->destination,
		   l->address);
	load(b, reg, NFT_PAYLOAD_TRANSPORT_HEADER, comes_in ? 0 : 2, 2);
	drop_those_of(b, l->set);
	nft_batch_end(b, exprs);
}

/* --- table, chains, sets ------------------------------------------------------ */

static void chain_put(struct nft_batch *b, const char *table, const char *chain, uint32_t hook)
{
	size_t nest;

	nft_batch_msg(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFPROTO_INET);
	nft_batch_str(b, NFTA_CHAIN_TABLE, table);
	nft_batch_str(b, NFTA_CHAIN_NAME, chain);
	nest = nft_batch_nest(b, NFTA_CHAIN_HOOK);
	nft_batch_u32(b, NFTA_HOOK_HOOKNUM, hook);
	nft_batch_u32(b, NFTA_HOOK_PRIORITY, (uint32_t)PRIORITY);
	nft_batch_end(b, nest);
	nft_batch_str(b, NFTA_CHAIN_TYPE, "filter");
	nft_batch_u32(b, NFTA_CHAIN_POLICY, NF_ACCEPT);
}

static void set_put(struct nft_batch *b, const char *table, const struct layout *l, uint32_t id)
{
	uint32_t half = l->type << 6 | TYPE_SERVICE;

	nft_batch_msg(b, NFT_MSG_NEWSET, NLM_F_CREATE, NFPROTO_INET);
	nft_batch_str(b, NFTA_SET_TABLE, table);
	nft_batch_str(b, NFTA_SET_NAME, l->set);
	nft_batch_u32(b, NFTA_SET_ID, id);
	nft_batch_u32(b, NFTA_SET_FLAGS, 0);
	nft_batch_u32(b, NFTA_SET_KEY_TYPE, half << 12 | half);
	nft_batch_u32(b, NFTA_SET_KEY_LEN, key_size(l));
}

static void frame_put(struct nft_batch *b, const char *table)
{
	nft_batch_msg(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, NFPROTO_INET);
	nft_batch_str(b, NFTA_TABLE_NAME, table);
	chain_put(b, table, "in", NF_INET_LOCAL_IN);
	chain_put(b, table, "out", NF_INET_LOCAL_OUT);
	for (size_t i = 0; i < ARRAY_SIZE(layouts); i++) {
		set_put(b, table, &layouts[i], (uint32_t)i + 1);
		rule_put(b, table, "in", &layouts[i], true);
		rule_put(b, table, "out", &layouts[i], false);
	}
}

static void element_put(struct nft_batch *b, const struct layout *l, const struct net_conn *c)
{
	uint8_t key[40] = { 0 }, *at = key;
	size_t elem = nft_batch_nest(b, NFTA_LIST_ELEM), data;

	memcpy(at, c->local, l->address);
	memcpy(at += l->address, &c->local_port, 2);
	memcpy(at += 4, c->remote, l->address);
	memcpy(at + l->address, &c->remote_port, 2);
	data = nft_batch_nest(b, NFTA_SET_ELEM_KEY);
	nft_batch_attr(b, NFTA_DATA_VALUE, key, key_size(l));
	nft_batch_end(b, data);
	nft_batch_end(b, elem);
}

/* As many as one message holds; returns how many connections it has looked at. */
static size_t elements_put(struct nft_batch *b, const char *table, const struct layout *l,
			   const struct net_conn *conns, size_t nr)
{
	size_t list = 0, put = 0, i;

	for (i = 0; i < nr && put < ELEMENTS_A_MSG; i++) {
		if (conns[i].family != l->family)
			continue;
		if (!put++) {
			nft_batch_msg(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, NFPROTO_INET);
			nft_batch_str(b, NFTA_SET_ELEM_LIST_TABLE, table);
			nft_batch_str(b, NFTA_SET_ELEM_LIST_SET, l->set);
			list = nft_batch_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS);
		}
		element_put(b, l, &conns[i]);
	}
	if (put)
		nft_batch_end(b, list);
	return i;
}

static int nft_fail(int err, const char *what, const char *table)
{
	int r = fail(err, "network lock: %s the nftables table %s", what, table);

	return fail_hint(r, err == EPERM
				? "this needs CAP_NET_ADMIN"
				: "try --network-lock iptables; skip locks nothing, and peers that "
				  "send meanwhile end the connection");
}

static int nft_make(const char *table, const struct net_conn *conns, size_t nr)
{
	struct nft_batch b = { 0 };
	int r = nft_table_exists(NFPROTO_INET, table);

	if (r == 0)
		frame_put(&b, table);
	for (size_t at = 0; r >= 0 && at < nr;) {
		size_t upto = nr - at < ELEMENTS_A_COMMIT ? nr : at + ELEMENTS_A_COMMIT;

		for (size_t i = 0; i < ARRAY_SIZE(layouts); i++)
			for (size_t from = at; from < upto;)
				from +=
				    elements_put(&b, table, &layouts[i], conns + from, upto - from);
		r = nft_batch_commit(&b, NULL);
		at = upto;
	}
	nft_batch_done(&b);
	return r < 0 ? nft_fail(-r, "make", table) : 0;
}

static int nft_remove(const char *table, int *ret_fd)
{
	struct nft_batch b = { 0 };
	int r;

	nft_batch_msg(&b, NFT_MSG_DELTABLE, 0, NFPROTO_INET);
	nft_batch_str(&b, NFTA_TABLE_NAME, table);
	r = nft_batch_commit(&b, ret_fd);
	nft_batch_done(&b);
	return r < 0 && r != -ENOENT ? nft_fail(-r, "remove", table) : 0;
}

int netlock_make(enum network_lock method, const char *run_id, const struct net_conn *conns,
		 size_t nr)
{
	char name[64];

	if (method == NETWORK_LOCK_SKIP || !nr)
		return 0;
	netlock_name(method, run_id, name, sizeof(name));
	if (method == NETWORK_LOCK_IPTABLES)
		return iptables_lock(name, conns, nr);
	return nft_make(name, conns, nr);
}

int netlock_remove(enum network_lock method, const char *run_id, int *ret_fd)
{
	char name[64];

	if (ret_fd)
		*ret_fd = -1;
	if (method == NETWORK_LOCK_SKIP)
		return 0;
	netlock_name(method, run_id, name, sizeof(name));
	return method == NETWORK_LOCK_IPTABLES ? iptables_unlock(name) : nft_remove(name, ret_fd);
}

int netlock_exists(enum network_lock method, const char *run_id)
{
	char name[64];
	int r = 0;

	netlock_name(method, run_id, name, sizeof(name));
	if (method == NETWORK_LOCK_IPTABLES)
		return iptables_lock_exists(name);
	if (method == NETWORK_LOCK_NFTABLES)
		r = nft_table_exists(NFPROTO_INET, name);
	/* A kernel without nftables has no lock of it. */
	if (r == -EPROTONOSUPPORT || r == -EOPNOTSUPP)
		return 0;
	return r < 0 ? nft_fail(-r, "look for", name) : r;
}
