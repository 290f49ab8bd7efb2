// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/packet_ring.h"

#include <errno.h>
#include <linux/btf.h>
#include <linux/magic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "criu/kernel/bpf.h"
#include "criu/kernel/btf.h"

#define TX_HAS_OFF_BIT 2 /* net/packet/internal.h: PACKET_SOCK_TX_HAS_OFF */

enum { FILE_, INODE, SUPER, SOCKET, PACKET, RING, CORE, ITER };

static const struct btf_name kernel_names[] = {
	[FILE_] = { "file", BTF_KIND_STRUCT, 0 },
	[INODE] = { "inode", BTF_KIND_STRUCT, 0 },
	[SUPER] = { "super_block", BTF_KIND_STRUCT, 0 },
	[SOCKET] = { "socket", BTF_KIND_STRUCT, 0 },
	[PACKET] = { "packet_sock", BTF_KIND_STRUCT, 0 },
	[RING] = { "packet_ring_buffer", BTF_KIND_STRUCT, 0 },
	[CORE] = { "tpacket_kbdq_core", BTF_KIND_STRUCT, 0 },
	[ITER] = { "bpf_iter_task_file", BTF_KIND_FUNC, 0 },
};

/* What the program writes for each descriptor: of other files it is nonsense. */
struct record {
	uint64_t inode, ino, super, magic, socket, sock;
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

	bpf_code_begin(&c, sizeof(struct record), 3);
	bpf_code_read(&c, TO(inode), 8, BPF_R7, btf_at(l, FILE_, "f_inode"));
	bpf_code_follow(&c, TO(ino), 8, TO(inode), btf_at(l, INODE, "i_ino"));
	bpf_code_follow(&c, TO(super), 8, TO(inode), btf_at(l, INODE, "i_sb"));
	bpf_code_follow(&c, TO(magic), 8, TO(super), btf_at(l, SUPER, "s_magic"));
	bpf_code_read(&c, TO(socket), 8, BPF_R7, btf_at(l, FILE_, "private_data"));
	bpf_code_follow(&c, TO(sock), 8, TO(socket), btf_at(l, SOCKET, "sk"));
	bpf_code_follow(&c, TO(rx_head), 4, TO(sock), rx + head);
	bpf_code_follow(&c, TO(tx_head), 4, TO(sock), btf_at(l, PACKET, "tx_ring") + head);
	bpf_code_follow(&c, TO(packets), 4, TO(sock), btf_at(l, PACKET, "stats"));
	bpf_code_follow(&c, TO(block), 2, TO(sock), core + btf_at(l, CORE, "kactive_blk_num"));
	bpf_code_follow(&c, TO(frozen), 1, TO(sock),
			core + btf_at(l, CORE, "reset_pending_on_curr_blk"));
	bpf_code_follow(&c, TO(opened), 8, TO(sock), core + btf_at(l, CORE, "knxt_seq_num"));
	bpf_code_follow(&c, TO(start), 8, TO(sock), core + btf_at(l, CORE, "pkblk_start"));
	bpf_code_follow(&c, TO(next), 8, TO(sock), core + btf_at(l, CORE, "nxt_offset"));
	if (flags)
		bpf_code_follow(&c, TO(flags), 8, TO(sock), flags);
	return bpf_code_end(&c, l->names[ITER].id, ret);
}

struct search {
	uint64_t ino;
	bool found;
	struct record record;
};

static int record_look(void *arg, const void *record)
{
	const struct record *r = record;
	struct search *s = arg;

	if (r->magic == SOCKFS_MAGIC && r->ino == s->ino) {
		s->record = *r;
		s->found = true;
	}
	return 0;
}

int packet_position_open(void)
{
	struct btf_name names[ARRAY_SIZE(kernel_names)];
	cleanup_btf_layout struct btf_layout l = { 0 };
	int prog = -1, r;

	memcpy(names, kernel_names, sizeof(names));
	r = btf_layout_open(&l, names, ARRAY_SIZE(names));
	if (r >= 0)
		r = program_load(&l, &prog);
	if (r >= 0 && l.missing) {
		close(prog);
		r = -ENOTSUP;
	}
	return r < 0 ? r : prog;
}

int packet_position_read(int reader, uint64_t ino, struct packet_position *ret)
{
	const size_t size = sizeof(struct record);
	struct search s = { .ino = ino };
	int r = bpf_iterate(reader, size, BPF_OF_PROCESS, getpid(), record_look, &s);

	/* Before 6.1 there is no way to ask for one process. */
	if (r == -EINVAL)
		r = bpf_iterate(reader, size, BPF_OF_ALL, 0, record_look, &s);
	if (r < 0 || !s.found)
		return r;
	*ret = (struct packet_position){
		.rx_frame = s.record.rx_head,
		.tx_frame = s.record.tx_head,
		.packets = s.record.packets,
		.block = s.record.block,
		.frozen = s.record.frozen,
		.opened = s.record.opened ? s.record.opened - 1 : 0,
		.used = (uint32_t)(s.record.next - s.record.start),
		.tx_has_off = s.record.flags & 1u << TX_HAS_OFF_BIT,
	};
	return 1;
}
