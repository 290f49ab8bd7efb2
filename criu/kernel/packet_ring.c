// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/packet_ring.h"

#include <errno.h>
#include <linux/btf.h>
#include <linux/magic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "criu/kernel/ownfile.h"

#define TX_HAS_OFF_BIT 2 /* net/packet/internal.h: PACKET_SOCK_TX_HAS_OFF */

enum { PACKET = OWNFILE_MORE, RING, CORE };

static const struct btf_name kernel_names[] = {
	OWNFILE_NAMES,
	[PACKET] = { "packet_sock", BTF_KIND_STRUCT, 0 },
	[RING] = { "packet_ring_buffer", BTF_KIND_STRUCT, 0 },
	[CORE] = { "tpacket_kbdq_core", BTF_KIND_STRUCT, 0 },
};

struct record {
	struct ownfile file;
	uint32_t rx_head, tx_head, packets;
	uint16_t block;
	uint8_t frozen, padding;
	uint64_t opened, start, next, flags;
};

#define TO(field) offsetof(struct record, field)

/* The sock is the first member of a packet_sock. */
static int program_load(struct btf_layout *l, int *ret)
{
	int rx = btf_at(l, PACKET, "rx_ring"), head = btf_at(l, RING, "head");
	int core = rx + btf_at(l, RING, "prb_bdqc");
	int flags = btf_at_optional(l, PACKET, "flags");
	struct bpf_code c = { 0 };

	ownfile_begin(l, &c, sizeof(struct record));
	bpf_code_follow(&c, TO(rx_head), 4, TO(file.sock), rx + head);
	bpf_code_follow(&c, TO(tx_head), 4, TO(file.sock), btf_at(l, PACKET, "tx_ring") + head);
	bpf_code_follow(&c, TO(packets), 4, TO(file.sock), btf_at(l, PACKET, "stats"));
	bpf_code_follow(&c, TO(block), 2, TO(file.sock), core + btf_at(l, CORE, "kactive_blk_num"));
	bpf_code_follow(&c, TO(frozen), 1, TO(file.sock),
			core + btf_at(l, CORE, "reset_pending_on_curr_blk"));
	bpf_code_follow(&c, TO(opened), 8, TO(file.sock), core + btf_at(l, CORE, "knxt_seq_num"));
	bpf_code_follow(&c, TO(start), 8, TO(file.sock), core + btf_at(l, CORE, "pkblk_start"));
	bpf_code_follow(&c, TO(next), 8, TO(file.sock), core + btf_at(l, CORE, "nxt_offset"));
	if (flags)
		bpf_code_follow(&c, TO(flags), 8, TO(file.sock), flags);
	return ownfile_end(l, &c, ret);
}

int packet_position_open(void)
{
	cleanup_btf_layout struct btf_layout l = { 0 };
	int prog = -1, r;

	r = btf_layout_open(&l, kernel_names, ARRAY_SIZE(kernel_names));
	if (r >= 0)
		r = program_load(&l, &prog);
	return r < 0 ? r : prog;
}

int packet_position_read(int reader, uint64_t ino, struct packet_position *ret)
{
	struct record rec;
	int r = ownfile_read(reader, sizeof(rec), SOCKFS_MAGIC, ino, &rec);

	if (r <= 0)
		return r;
	*ret = (struct packet_position){
		.rx_frame = rec.rx_head,
		.tx_frame = rec.tx_head,
		.packets = rec.packets,
		.block = rec.block,
		.frozen = rec.frozen,
		.opened = rec.opened ? rec.opened - 1 : 0,
		.used = (uint32_t)(rec.next - rec.start),
		.tx_has_off = rec.flags & 1u << TX_HAS_OFF_BIT,
	};
	return 1;
}
