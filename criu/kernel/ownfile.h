// SPDX-License-Identifier: GPL-2.0-only
/*
 * What no call shows of a file that crtool has open: a BPF iterator over its own descriptors reads
 * it in the kernel.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "criu/kernel/bpf.h"
#include "criu/kernel/btf.h"

/* What names begin with, for btf_layout_open(): the user's own follow from OWNFILE_MORE on. */
enum { OWNFILE_FILE, OWNFILE_INODE, OWNFILE_SUPER, OWNFILE_SOCKET, OWNFILE_ITER, OWNFILE_MORE };

#define OWNFILE_NAMES                                                                              \
	[OWNFILE_FILE] = { "file", BTF_KIND_STRUCT, 0 },                                           \
	[OWNFILE_INODE] = { "inode", BTF_KIND_STRUCT, 0 },                                         \
	[OWNFILE_SUPER] = { "super_block", BTF_KIND_STRUCT, 0 },                                   \
	[OWNFILE_SOCKET] = { "socket", BTF_KIND_STRUCT, 0 },                                       \
	[OWNFILE_ITER] = { "bpf_iter_task_file", BTF_KIND_FUNC, 0 }

/* What records begin with. What the user adds is nonsense for files of another kind; so are socket
 * and sock where it is none. */
struct ownfile {
	uint64_t fd;
	uint64_t inode, ino, super, magic; /* magic: as f_type of statfs(2) */
	uint64_t socket, sock;
};

/* c: empty. Reads these; the user's members follow. record: bytes of a whole one. */
void ownfile_begin(struct btf_layout *l, struct bpf_code *c, size_t record);
/* 0, or -errno: the program's fd is *ret; -ENOTSUP: not all was found that the layout was asked. */
int ownfile_end(const struct btf_layout *l, struct bpf_code *c, int *ret);
/* The record of the file with that number of that file system: 1, 0: it is not open, or -errno. */
int ownfile_read(int prog, size_t record, uint64_t magic, uint64_t ino, void *ret);
