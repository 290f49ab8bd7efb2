// SPDX-License-Identifier: GPL-2.0-only
/* What is in a BPF map. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct bpf_content {
	uint8_t *keys, *values; /* owned */
	size_t nr;
};

/* What bpf(2) takes for a value: of a map that has one for each processor, of all of them. 0: this
 * sort of map cannot be kept. */
size_t bpf_value_bytes(uint32_t type, uint32_t value_size);

/* All of it, by batches. 0, or -errno. */
int bpf_content_read(int fd, size_t key_size, size_t value_size, struct bpf_content *ret);
int bpf_content_write(int fd, size_t key_size, size_t value_size, const struct bpf_content *c);
void bpf_content_done(struct bpf_content *c);
