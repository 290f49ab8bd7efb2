// SPDX-License-Identifier: GPL-2.0-only
/* Page contents on their way out: a pages-N.img and the pagemap that lists what is in it. */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "criu/core/session.h"
#include "criu/image/writer.h"
#include "criu/mem/copy.h"
#include "criu/mem/place.h"

/* pagemap_entry.flags */
enum page_flag { PAGE_IN_PARENT = 1, PAGE_LAZY = 2, PAGE_PRESENT = 4 };

/* Beside those, for page_out_range(): its contents come later than those of others. */
#define PAGE_LATER 0x10000u

struct page_out {
	struct session *s;
	struct image_writer *map;
	struct page_room *room;
	struct page_copy copy; /* from the task to pages-N.img */
	uint64_t bytes; /* of pages-N.img */
	uint64_t room_bytes; /* that it had before */
	struct page_pieces now, later; /* what has a place there, but no contents yet */
	uint64_t written; /* pages */
	uint64_t in_parent; /* pages that were left to the parent dump */

	/* the run that the next range may extend */
	uint64_t run_start, run_end;
	uint32_t run_flags, run_same_as;
};

/* kind: IMAGE_PAGEMAP or IMAGE_SHMEM_PAGEMAP with its id; place: its descriptor is taken. */
int page_out_open(struct page_out *o, struct session *s, struct page_room *room,
		  enum image_kind kind, uint64_t id, struct page_place place, pid_t pid);
/* Memory of the task, in ascending order. It gets its place; its contents come by
 * page_out_contents(). */
int page_out_range(struct page_out *o, uint64_t start, uint64_t end, uint32_t flags);
/* The same page, at the same address, as that of another process: stored there. */
int page_out_same(struct page_out *o, uint64_t start, uint64_t end, uint32_t same_as);
/* What a file has at off: shared memory. vaddr: what the pagemap calls it. */
int page_out_file(struct page_out *o, int fd, uint64_t off, uint64_t len);
int page_out_contents(struct page_out *o);
/* The pagemap is complete: what is still to be copied moves to another one, for which o then need
 * not be kept. */
int page_out_keep(struct page_out *o, struct page_out *ret);
int page_out_close(struct page_out *o);
void page_out_done(struct page_out *o);
