// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a dump on top of another writes while the tree stands still are new pages of a file: each
 * has to be found in memory and on the disk first, and whoever wants many while a disk is busy with
 * what the dump before has written is held up (balance_dirty_pages(); a virtual machine may have
 * to ask its host for memory). So as many zeros as there will be changed pages, as far as is known,
 * are written before the freeze. To write over them is a plain copy.
 */
#include "criu/mem/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/image/dir.h"
#include "criu/image/writer.h"
#include "criu/kernel/pagemap.h"
#include "criu/kernel/proc.h"
#include "criu/mem/dirty.h"
#include "criu/mem/scan.h"
#include "criu/mem/vma.h"

#define LEAST_BYTES (1ull << 20)
#define MOST_BYTES  (1ull << 30)
#define AT_ONCE     (1ull << 20)
#define ROUNDS      4
/* What a scan of all that is mapped finds, and a dump does not write: the vdso's data. */
#define SPARE_BYTES (16 * PAGE_BYTES)

static uint64_t bytes_with(const struct pagemap_regions *l, uint64_t mark)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < l->nr; i++)
		if (l->v[i].categories & mark)
			bytes += l->v[i].end - l->v[i].start;
	return bytes;
}

uint64_t place_bytes_changed(pid_t pid, uint64_t mark)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int proc = proc_open(pid);
	cleanup_close int fd = proc < 0 ? -1 : openat(proc, "pagemap", O_RDONLY | O_CLOEXEC);
	struct pagemap_regions found = { 0 };
	struct task t = { .pid = pid };
	uint64_t bytes = 0;

	if (fd >= 0 && proc_stat_read(proc, 0, &b, &t.stat) >= 0 &&
	    proc_maps_read(proc, &b, &t.vmas) >= 0) {
		if (scan_running(fd, &t, mark | PAGE_IS_WPALLOWED, &found) >= 0)
			bytes = bytes_with(&found, mark);
		else
			error_reset(); /* the freeze will show what is wrong */
	}
	pagemap_regions_done(&found);
	proc_vmas_done(&t.vmas);
	return bytes;
}

/* Until so many are there. A full disk is told by who has something to write. */
static bool zeros_write(const struct session *s, struct page_place *p, uint64_t bytes)
{
	cleanup_free uint8_t *zeros = mem_alloc(AT_ONCE);

	while (p->bytes < bytes && session_interrupted(s) >= 0) {
		uint64_t n = bytes - p->bytes < AT_ONCE ? bytes - p->bytes : AT_ONCE;

		if (io_pwrite(p->fd, zeros, n, (off_t)p->bytes) < 0)
			break;
		p->bytes += n;
	}
	return p->bytes >= bytes;
}

static uint64_t room_wanted(pid_t pid, uint64_t mark)
{
	uint64_t bytes = place_bytes_changed(pid, mark);

	if (bytes < LEAST_BYTES)
		return 0;
	return bytes < MOST_BYTES ? bytes - SPARE_BYTES : MOST_BYTES;
}

/* Meanwhile it goes on writing: what it has written then is much less. */
static void place_make(void *ctx, pid_t pid, uint64_t mark)
{
	struct dump *d = ctx;
	uint64_t bytes = room_wanted(pid, mark);
	struct page_place p = { .pid = pid };

	if (!bytes)
		return;
	p.pages_id = d->next_pages_id++;
	p.fd = image_create_raw(d->s->images, IMAGE_PAGES, p.pages_id);
	if (p.fd < 0)
		return;
	for (int i = 0; i < ROUNDS && zeros_write(d->s, &p, bytes); i++) {
		bytes = room_wanted(pid, mark);
		if (bytes < p.bytes + LEAST_BYTES)
			break;
	}
	log_debug("pid %d: room for %llu pages that have changed", (int)pid,
		  (unsigned long long)(p.bytes / PAGE_BYTES));
	*array_push(d->places, d->nr_places, d->cap_places) = p;
}

void places_make(struct dump *d)
{
	/* Whoever runs on is copied first, and the copy written later. */
	if (d->s->opts->end != END_RUNNING)
		dirty_known_each(d, place_make, d);
}

struct page_place place_take(struct dump *d, pid_t pid, uint32_t new_id)
{
	struct page_place ret = { .pid = pid, .pages_id = new_id, .fd = -1 };

	for (size_t i = 0; i < d->nr_places; i++) {
		if (d->places[i].pid != pid || d->places[i].fd < 0)
			continue;
		ret = d->places[i];
		d->places[i].fd = -1;
		break;
	}
	return ret;
}

void places_done(struct dump *d)
{
	for (size_t i = 0; i < d->nr_places; i++) {
		const struct page_place *p = &d->places[i];

		if (p->fd < 0)
			continue;
		close(p->fd);
		if (d->s->images)
			image_remove_raw(d->s->images, IMAGE_PAGES, p->pages_id);
	}
	free(d->places);
	d->places = NULL;
	d->nr_places = d->cap_places = 0;
}
