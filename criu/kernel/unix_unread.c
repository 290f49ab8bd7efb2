// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/unix_unread.h"

#include <errno.h>
#include <linux/btf.h>
#include <linux/magic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/ownfile.h"

#define PIECE 256 /* a program has a stack of 512 bytes */

enum { SOCK = OWNFILE_MORE, UNIX, HEAD, SKB, PARMS };

static const struct btf_name kernel_names[] = {
	OWNFILE_NAMES,
	[SOCK] = { "sock", BTF_KIND_STRUCT, 0 },
	[UNIX] = { "unix_sock", BTF_KIND_STRUCT, 0 },
	[HEAD] = { "sk_buff_head", BTF_KIND_STRUCT, 0 },
	[SKB] = { "sk_buff", BTF_KIND_STRUCT, 0 },
	[PARMS] = { "unix_skb_parms", BTF_KIND_STRUCT, 0 },
};

struct record {
	struct ownfile file;
	uint64_t peer, skb, data, fp, urgent;
	uint32_t packets, len, paged, uid, gid, consumed;
	uint8_t piece[PIECE];
};

#define TO(field) offsetof(struct record, field)

/* Packet nr of the peer's queue, from byte `from` on. The sock is the first of a unix_sock. */
static int program_load(struct btf_layout *l, size_t nr, size_t from, int *ret)
{
	int queue = btf_at(l, SOCK, "sk_receive_queue"), cb = btf_at(l, SKB, "cb");
	int urgent = btf_at_optional(l, UNIX, "oob_skb");
	struct bpf_code c = { 0 };

	ownfile_begin(l, &c, sizeof(struct record));
	bpf_code_follow(&c, TO(peer), 8, TO(file.sock), btf_at(l, UNIX, "peer"));
	if (urgent)
		bpf_code_follow(&c, TO(urgent), 8, TO(peer), urgent);
	bpf_code_follow(&c, TO(packets), 4, TO(peer), queue + btf_at(l, HEAD, "qlen"));
	bpf_code_follow(&c, TO(skb), 8, TO(peer), queue + btf_at(l, HEAD, "next"));
	for (size_t i = 0; i < nr; i++)
		bpf_code_follow(&c, TO(skb), 8, TO(skb), btf_at(l, SKB, "next"));
	bpf_code_follow(&c, TO(len), 4, TO(skb), btf_at(l, SKB, "len"));
	bpf_code_follow(&c, TO(paged), 4, TO(skb), btf_at(l, SKB, "data_len"));
	bpf_code_follow(&c, TO(uid), 4, TO(skb), cb + btf_at(l, PARMS, "uid"));
	bpf_code_follow(&c, TO(gid), 4, TO(skb), cb + btf_at(l, PARMS, "gid"));
	bpf_code_follow(&c, TO(fp), 8, TO(skb), cb + btf_at(l, PARMS, "fp"));
	bpf_code_follow(&c, TO(consumed), 4, TO(skb), cb + btf_at(l, PARMS, "consumed"));
	bpf_code_follow(&c, TO(data), 8, TO(skb), btf_at(l, SKB, "data"));
	bpf_code_follow(&c, TO(piece), PIECE, TO(data), (int)from);
	return ownfile_end(l, &c, ret);
}

static int piece_read(struct btf_layout *l, uint64_t ino, size_t nr, size_t from,
		      struct record *ret)
{
	cleanup_close int prog = -1;
	int r = program_load(l, nr, from, &prog);

	if (r >= 0)
		r = ownfile_read(prog, sizeof(*ret), SOCKFS_MAGIC, ino, ret);
	return r ? r : -ENOENT;
}

/* 1, 0 or -errno as unix_unread_read(). */
static int packet_read(struct btf_layout *l, struct arena *a, uint64_t ino, size_t *room,
		       struct unix_unread *u)
{
	struct record rec;
	size_t at = 0;
	int r = piece_read(l, ino, u->nr, 0, &rec);

	if (r < 0)
		return r;
	if (rec.paged || rec.fp || rec.urgent || rec.consumed || rec.len > *room)
		return 0;
	*room -= rec.len;
	u->packets[u->nr].len = rec.len;
	u->packets[u->nr].uid = rec.uid;
	u->packets[u->nr].gid = rec.gid;
	u->packets[u->nr].data = arena_alloc(a, rec.len);
	while (at < rec.len) {
		size_t some = rec.len - at < PIECE ? rec.len - at : PIECE;

		memcpy(u->packets[u->nr].data + at, rec.piece, some);
		at += some;
		r = at < rec.len ? piece_read(l, ino, u->nr, at, &rec) : 0;
		if (r < 0)
			return r;
	}
	u->nr++;
	return 1;
}

int unix_unread_read(struct arena *a, uint64_t ino, struct unix_unread *ret)
{
	cleanup_btf_layout struct btf_layout l = { 0 };
	size_t room = UNIX_UNREAD_BYTES;
	struct record first;
	int r;

	ret->nr = 0;
	r = btf_layout_open(&l, kernel_names, ARRAY_SIZE(kernel_names));
	if (r >= 0)
		r = piece_read(&l, ino, 0, 0, &first);
	if (r < 0)
		return r;
	if (first.packets > UNIX_UNREAD_PACKETS)
		return 0;
	for (r = 1; r > 0 && ret->nr < first.packets;)
		r = packet_read(&l, a, ino, &room, ret);
	return r;
}
