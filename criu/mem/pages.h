// SPDX-License-Identifier: GPL-2.0-only
/* Page contents on their way out: a pages-N.img and the pagemap that lists what is in it. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "criu/core/session.h"
#include "criu/image/writer.h"

/* pagemap_entry.flags */
enum page_flag { PAGE_IN_PARENT = 1, PAGE_LAZY = 2, PAGE_PRESENT = 4 };

/* Beside those, for page_out_range(): only its place is made now, see page_out_later(). */
#define PAGE_LATER 0x10000u

/* What page contents go through: of one page_out at a time. Zero-initialise. */
struct page_room {
	uint8_t *buf;
	struct iovec *iov;
};

void page_room_done(struct page_room *room);

struct page_out {
	struct session *s;
	struct image_writer *map;
	int fd; /* pages-N.img */
	uint8_t *buf; /* of its room */
	uint64_t written; /* pages */
	uint64_t in_parent; /* pages that were left to the parent dump */
	uint64_t write_us;

	/* the run that the next range may extend */
	uint64_t run_start, run_end;
	uint32_t run_flags, run_same_as;

	/* ranges of the target that wait to be copied */
	struct iovec *iov;
	size_t nr_iov;
	uint64_t queued; /* bytes */
	pid_t pid;
	struct page_later {
		uint64_t addr, len, off;
	} * later; /* what has a place in the image, but no contents yet */
	size_t nr_later, cap_later;
	bool gently; /* pages may be shared after a fork: see pages.c */
	bool runs_on; /* pages may be gone when they are to be read */
	int mem; /* /proc/PID/mem, opened when needed; -1 */
};

/* kind: IMAGE_PAGEMAP or IMAGE_SHMEM_PAGEMAP with its id; pages_id: of pages-N.img. */
int page_out_open(struct page_out *o, struct session *s, struct page_room *room,
		  enum image_kind kind, uint64_t id, uint32_t pages_id, pid_t pid);
/* Memory of the task, in ascending order. */
int page_out_range(struct page_out *o, uint64_t start, uint64_t end, uint32_t flags);
/* The same page, at the same address, as that of another process: stored there. */
int page_out_same(struct page_out *o, uint64_t start, uint64_t end, uint32_t same_as);
/* What a file has at off: shared memory. vaddr: what the pagemap calls it. */
int page_out_file(struct page_out *o, int fd, uint64_t off, uint64_t len);
/* Moves what was left out to another one, for which o then need not be kept. */
int page_out_keep(struct page_out *o, struct page_out *ret);
/* The contents of that, of another process that has them at the same addresses. */
int page_out_later(struct page_out *o, struct page_room *room, pid_t pid);
int page_out_close(struct page_out *o);
void page_out_done(struct page_out *o);
