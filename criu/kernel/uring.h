// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_uring(7) as the kernel has it: what fdinfo does not tell of a ring, and of its threads. Read
 * from the kernel's memory (peek.h), whose layout is that of Linux 6.13 and later; on others
 * uring_view_open() says so. Whoever uses a ring has to stand still.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "criu/kernel/btf.h"
#include "criu/kernel/peek.h"

#define URING_FIELDS   32
#define URING_RING_FDS 16 /* IO_RINGFD_REG_MAX: that a thread can have registered */

struct uring_view {
	struct btf_layout layout;
	struct peek peek;
	int tasks, files; /* programs */
	int ring_at[URING_FIELDS], thread_at[8], node_at[4], buf_at[3]; /* offsets in bytes */
};

/* -ENOTSUP: another layout; -EPERM: BPF is not allowed. */
int uring_view_open(struct uring_view *ret);
void uring_view_done(struct uring_view *v);

/* A descriptor: addresses of its file, and of what that is to its kind: a ring, an eventfd. */
struct uring_fd {
	uint64_t fd, file, object;
};

/* Of a process; how many, in ascending order; *ret is to be freed. */
ssize_t uring_fds_read(const struct uring_view *v, pid_t pid, struct uring_fd **ret);

/* Addresses are those of the kernel; 0: there is none. */
struct uring_ring {
	uint32_t setup_flags, sq_entries, cq_entries;
	uint32_t sq_head, cq_tail; /* the kernel's own, which is what counts */
	uint64_t issuer; /* the only thread that may submit */
	uint64_t mm; /* of who has made it */
	uint64_t files, buffers; /* tables */
	uint32_t nr_files, nr_buffers, alloc_start, alloc_end;
	uint64_t event; /* IORING_REGISTER_EVENTFD */
	bool event_async;
	uint32_t clock, workers[2]; /* IORING_REGISTER_CLOCK, _IOWQ_MAX_WORKERS */
	bool has_buffer_rings, has_personalities, has_receive_rings, has_poller, has_restrictions;
	bool has_overflow, has_napi, has_wait_region;
};

int uring_ring_read(const struct uring_view *v, uint64_t ring, struct uring_ring *ret);

/* A slot of a table. object 0: nothing in it. */
struct uring_slot {
	uint64_t object; /* the file, or 1 of a buffer */
	uint64_t tag;
	uint64_t addr, len; /* of a buffer, in bytes */
	bool is_kernels; /* a buffer that no process has */
};

/* ret: room for nr. */
int uring_files_read(const struct uring_view *v, const struct uring_ring *r,
		     struct uring_slot *ret);
int uring_buffers_read(const struct uring_view *v, const struct uring_ring *r,
		       struct uring_slot *ret);

struct uring_thread {
	uint64_t task, mm;
	int64_t requests; /* that it has submitted, and that are not over */
	uint64_t ring_files[URING_RING_FDS]; /* IORING_REGISTER_RING_FDS */
};

int uring_thread_read(const struct uring_view *v, pid_t tid, struct uring_thread *ret);
