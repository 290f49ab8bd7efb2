// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "criu/files/bpfmap.h"
#include "criu/kernel/bpf.h"

#define BATCH_FIRST 4096u
#define BATCH_MAX   (64u << 20)
#define CURSOR_MIN  8 /* of a hash: 4 bytes; of others: a key */

size_t bpf_value_bytes(uint32_t type, uint32_t value_size)
{
	switch (type) {
	case BPF_MAP_TYPE_HASH:
	case BPF_MAP_TYPE_ARRAY:
	case BPF_MAP_TYPE_LRU_HASH:
	case BPF_MAP_TYPE_LPM_TRIE:
		return value_size;
	case BPF_MAP_TYPE_PERCPU_HASH:
	case BPF_MAP_TYPE_PERCPU_ARRAY:
	case BPF_MAP_TYPE_LRU_PERCPU_HASH:
		return ((size_t)value_size + 7) / 8 * 8 * (size_t)sysconf(_SC_NPROCESSORS_CONF);
	default:
		return 0;
	}
}

struct reading {
	size_t key_size, value_size, cap;
	uint32_t batch;
	uint8_t *cursor[2]; /* of the batch, and of the next */
	bool going;
	struct bpf_content c;
};

static void make_room(struct reading *r)
{
	size_t want = r->c.nr + r->batch;

	if (want <= r->cap)
		return;
	r->cap = want + r->cap / 2;
	r->c.keys = mem_realloc(r->c.keys, r->cap, r->key_size);
	r->c.values = mem_realloc(r->c.values, r->cap, r->value_size);
}

/* 1: there is more, 0: that was all. What hashes to the same place comes in one batch. */
static int batch_read(struct reading *r, int fd)
{
	union bpf_attr a = { .batch = { .map_fd = (uint32_t)fd, .count = r->batch } };
	uint8_t *next = r->cursor[1];
	int err;

	make_room(r);
	a.batch.in_batch = r->going ? (uintptr_t)r->cursor[0] : 0;
	a.batch.out_batch = (uintptr_t)next;
	a.batch.keys = (uintptr_t)(r->c.keys + r->c.nr * r->key_size);
	a.batch.values = (uintptr_t)(r->c.values + r->c.nr * r->value_size);
	err = bpf_call(BPF_MAP_LOOKUP_BATCH, &a);
	if (err == -ENOSPC && r->batch < BATCH_MAX) {
		r->batch *= 2;
		return 1;
	}
	if (err < 0 && err != -ENOENT)
		return err;
	r->c.nr += a.batch.count;
	r->cursor[1] = r->cursor[0];
	r->cursor[0] = next;
	r->going = true;
	return err == 0;
}

int bpf_content_read(int fd, size_t key_size, size_t value_size, struct bpf_content *ret)
{
	size_t cursor = key_size > CURSOR_MIN ? key_size : CURSOR_MIN;
	struct reading r = { .key_size = key_size,
			     .value_size = value_size,
			     .batch = BATCH_FIRST,
			     .cursor = { mem_alloc(cursor), mem_alloc(cursor) } };
	int err = 1;

	while (err > 0)
		err = batch_read(&r, fd);
	free(r.cursor[0]);
	free(r.cursor[1]);
	if (err < 0)
		bpf_content_done(&r.c);
	else
		*ret = r.c;
	return err;
}

int bpf_content_write(int fd, size_t key_size, size_t value_size, const struct bpf_content *c)
{
	for (size_t done = 0; done < c->nr;) {
		size_t left = c->nr - done;
		union bpf_attr a = {
			.batch = { .map_fd = (uint32_t)fd,
				   .count = left < BATCH_MAX ? (uint32_t)left : BATCH_MAX,
				   .keys = (uintptr_t)(c->keys + done * key_size),
				   .values = (uintptr_t)(c->values + done * value_size) },
		};
		int err = bpf_call(BPF_MAP_UPDATE_BATCH, &a);

		if (err < 0)
			return err;
		done += a.batch.count;
	}
	return 0;
}

void bpf_content_done(struct bpf_content *c)
{
	free(c->keys);
	free(c->values);
	*c = (struct bpf_content){ .nr = 0 };
}
