// SPDX-License-Identifier: GPL-2.0-only
/* One nftables transaction: messages that the kernel takes all, or none of. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. Offsets, for the buffer moves when it grows. */
struct nft_batch {
	uint8_t *buf;
	size_t len, cap;
	size_t msg; /* where the last message begins */
	uint32_t seq;
};

/* NFT_MSG_*, NLM_F_*, NFPROTO_* */
void nft_batch_msg(struct nft_batch *b, int type, int flags, int family);
void nft_batch_attr(struct nft_batch *b, int type, const void *data, size_t size);
void nft_batch_str(struct nft_batch *b, int type, const char *s);
/* In network byte order, as all numbers of nftables. */
void nft_batch_u32(struct nft_batch *b, int type, uint32_t value);
/* What is put before nft_batch_end() goes into it. */
size_t nft_batch_nest(struct nft_batch *b, int type);
void nft_batch_end(struct nft_batch *b, size_t nest);

/*
 * Sends it: 0, or -errno as the kernel says it of the first message that it refuses. Quiet; the
 * batch is empty then. ret_fd: the socket, or -1; NULL: it is closed. What was removed is freed
 * when nobody can look at it any more, for which the kernel lets whoever closes a socket of
 * netfilter wait, 10 to 30 ms (nft_rcv_nl_event()).
 */
int nft_batch_commit(struct nft_batch *b, int *ret_fd);
void nft_batch_done(struct nft_batch *b);

/* 1: this table is there, 0: it is not, or -errno. Quiet. */
int nft_table_exists(int family, const char *name);
