// SPDX-License-Identifier: GPL-2.0-only
/* Reads an image to its end, whatever its kind: for unit tests and the fuzzer. */
#pragma once
#include <stdlib.h>

#include "criu/image/reader.h"
#include "images/bpfmap.pb-c.h"
#include "images/ghost.pb-c.h"
#include "images/ipc.pb-c.h"
#include "images/pipe.pb-c.h"
#include "images/queue.pb-c.h"
#include "images/tcp.pb-c.h"

/* How many raw bytes follow the record. */
static inline uint64_t walk_raw_size(const struct image_reader *r, const ProtobufCMessage *m)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;

	if (d == &pipe_data_entry__descriptor)
		return ((const PipeDataEntry *)m)->bytes;
	if (d == &sk_packet_entry__descriptor)
		return ((const SkPacketEntry *)m)->length;
	if (d == &tcp_stream_entry__descriptor)
		return (uint64_t)((const TcpStreamEntry *)m)->inq_len +
		       ((const TcpStreamEntry *)m)->outq_len;
	if (d == &bpfmap_data_entry__descriptor)
		return (uint64_t)((const BpfmapDataEntry *)m)->keys_bytes +
		       ((const BpfmapDataEntry *)m)->values_bytes;
	if (d == &ghost_chunk_entry__descriptor)
		return ((const GhostChunkEntry *)m)->len;
	if (d == &ghost_file_entry__descriptor)
		return ((const GhostFileEntry *)m)->chunks ? 0 : image_reader_left(r);
	if (d == &ipc_shm_entry__descriptor && !((const IpcShmEntry *)m)->in_pagemaps)
		return (((const IpcShmEntry *)m)->size + 3) & ~3ull;
	if (d == &ipc_sem_entry__descriptor)
		return ((uint64_t)((const IpcSemEntry *)m)->nsems * 2 + 7) & ~7ull;
	if (d == &ipc_msg__descriptor)
		return ((uint64_t)((const IpcMsg *)m)->msize + 7) & ~7ull;
	return 0;
}

/* Small runs are read, long ones passed over: both ways get used. */
static inline int walk_raw(struct image_reader *r, uint64_t size)
{
	char buf[2048];

	return size <= sizeof(buf) ? image_read_raw(r, buf, (size_t)size) : image_skip_raw(r, size);
}

static inline int walk_messages(struct image_reader *r, uint32_t nr)
{
	while (nr--) {
		ProtobufCMessage *m;
		int err = image_read_as(r, &ipc_msg__descriptor, &m);

		if (err < 0)
			return err;
		err = walk_raw(r, walk_raw_size(r, m));
		protobuf_c_message_free_unpacked(m, NULL);
		if (err < 0)
			return err;
	}
	return 0;
}

/* The number of records, or an error. */
static inline int walk_records(struct image_reader *r)
{
	int nr = 0;

	for (;;) {
		ProtobufCMessage *m;
		int err = image_read(r, &m);

		if (err <= 0)
			return err < 0 ? err : nr;
		nr++;
		err = walk_raw(r, walk_raw_size(r, m));
		if (err >= 0 && m->descriptor == &ipc_msg_entry__descriptor)
			err = walk_messages(r, ((IpcMsgEntry *)m)->qnum);
		protobuf_c_message_free_unpacked(m, NULL);
		if (err < 0)
			return err;
	}
}

/* The number of records, -ENOENT if there is no such file, or an error. */
static inline int walk_image(const struct image_dir *d, enum image_kind kind, uint64_t id)
{
	struct image_reader *r;
	int err;

	err = image_reader_open(d, kind, id, &r);
	if (err <= 0)
		return err < 0 ? err : -2;
	err = walk_records(r);
	image_reader_free(r);
	return err;
}
