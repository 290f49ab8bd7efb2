// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/nftbatch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"

#define BUFFER_BYTES   65536
#define SEND_SLACK     65536 /* what the kernel accounts beside the bytes themselves */
#define ANSWER_SECONDS 10
#define TABLES         (NFNL_SUBSYS_NFTABLES << 8)

static void *put(struct nft_batch *b, const void *data, size_t size)
{
	size_t room = NLMSG_ALIGN(size);
	void *to;

	if (b->len + room > b->cap) {
		b->cap = (b->len + room) * 2 + BUFFER_BYTES;
		b->buf = mem_realloc(b->buf, b->cap, 1);
	}
	to = b->buf + b->len;
	memset(to, 0, room);
	if (data)
		memcpy(to, data, size);
	b->len += room;
	return to;
}

static void msg_end(struct nft_batch *b)
{
	struct nlmsghdr *h = (void *)(b->buf + b->msg);

	if (b->len)
		h->nlmsg_len = (uint32_t)(b->len - b->msg);
}

static void msg_begin(struct nft_batch *b, int type, int flags, int family, uint16_t res_id)
{
	struct nlmsghdr h = { .nlmsg_type = (uint16_t)type,
			      .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
			      .nlmsg_seq = ++b->seq };
	struct nfgenmsg gen = { .nfgen_family = (uint8_t)family, .res_id = res_id };

	msg_end(b);
	b->msg = b->len;
	put(b, &h, sizeof(h));
	put(b, &gen, sizeof(gen));
}

static void edge(struct nft_batch *b, int type, int flags)
{
	msg_begin(b, type, flags, NFPROTO_UNSPEC, htons(NFNL_SUBSYS_NFTABLES));
}

void nft_batch_msg(struct nft_batch *b, int type, int flags, int family)
{
	if (!b->len)
		edge(b, NFNL_MSG_BATCH_BEGIN, 0);
	msg_begin(b, TABLES | type, flags, family, 0);
}

void nft_batch_attr(struct nft_batch *b, int type, const void *data, size_t size)
{
	struct nlattr a = { .nla_type = (uint16_t)type, .nla_len = (uint16_t)(NLA_HDRLEN + size) };

	put(b, &a, sizeof(a));
	if (size)
		put(b, data, size);
}

void nft_batch_str(struct nft_batch *b, int type, const char *s)
{
	nft_batch_attr(b, type, s, strlen(s) + 1);
}

void nft_batch_u32(struct nft_batch *b, int type, uint32_t value)
{
	uint32_t big = htonl(value);

	nft_batch_attr(b, type, &big, sizeof(big));
}

size_t nft_batch_nest(struct nft_batch *b, int type)
{
	size_t at = b->len;

	nft_batch_attr(b, type | NLA_F_NESTED, NULL, 0);
	return at;
}

void nft_batch_end(struct nft_batch *b, size_t nest)
{
	struct nlattr *a = (void *)(b->buf + nest);

	a->nla_len = (uint16_t)(b->len - nest);
}

static int netfilter_open(size_t send_bytes)
{
	cleanup_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	int size = (int)(send_bytes + SEND_SLACK);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	return take_fd(&fd);
}

static ssize_t receive(int fd, void *buf, size_t size)
{
	ssize_t n;

	do {
		n = recv(fd, buf, size, 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* Until the answer to message `last`. The first error is the cause; those that follow are not. */
static int answers_read(int fd, uint32_t last)
{
	char buf[8192] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		ssize_t n = receive(fd, buf, sizeof(buf));
		int left = (int)n;

		if (n < 0)
			return (int)n;
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned int)left);
		     h = NLMSG_NEXT(h, left)) {
			const struct nlmsgerr *e = NLMSG_DATA(h);

			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)))
				continue;
			if (e->error || h->nlmsg_seq == last)
				return e->error;
		}
	}
}

int nft_batch_commit(struct nft_batch *b, int *ret_fd)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	cleanup_close int fd = netfilter_open(b->len);
	struct nlmsghdr *h;
	int r = fd < 0 ? fd : 0;

	/* It is asked for with the last of them: all answers come in the order of messages. */
	h = (void *)(b->buf + b->msg);
	h->nlmsg_flags |= NLM_F_ACK;
	edge(b, NFNL_MSG_BATCH_END, 0);
	msg_end(b);
	if (r >= 0 && sendto(fd, b->buf, b->len, 0, (void *)&kernel, sizeof(kernel)) < 0)
		r = -errno;
	if (r >= 0)
		r = answers_read(fd, b->seq - 1);
	b->len = b->msg = 0;
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return r;
}

void nft_batch_done(struct nft_batch *b)
{
	free(b->buf);
	*b = (struct nft_batch){ 0 };
}

int nft_table_exists(int family, const char *name)
{
	cleanup_close int fd = netfilter_open(0);
	struct nft_batch b = { 0 };
	int r = fd < 0 ? fd : 0;

	msg_begin(&b, TABLES | NFT_MSG_GETTABLE, NLM_F_ACK, family, 0);
	nft_batch_str(&b, NFTA_TABLE_NAME, name);
	msg_end(&b);
	if (r >= 0 && send(fd, b.buf, b.len, 0) < 0)
		r = -errno;
	if (r >= 0)
		r = answers_read(fd, b.seq);
	nft_batch_done(&b);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}
