// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pagemaps of a dump tell, when they are followed to their end, which bytes of which pages
 * images it consists of. A dump that builds upon it takes nothing else from its parents. So the
 * rest can go: the files keep their size, and have holes (fallocate(2)).
 *
 * What has lost pages is no dump of its own any more, and its inventory says so. That is written
 * first: whoever stops us in between has lost no more than a dump that was to be lost.
 */
#include "criu/mem/dedup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/image/chain.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"
#include "criu/mem/pagemap.h"
#include "images/inventory.pb-c.h"

/* Bytes of a pages image that are part of the dump. */
struct extent {
	uint32_t level, pages_id;
	uint64_t off, len;
};

struct dedup {
	struct image_dir *dir;
	struct image_chain *chain;
	enum dedup_what what;
	struct extent *v;
	size_t nr, cap;
	uint64_t freed;
};

/* The id in the name of an image of this kind. */
static bool id_of(enum image_kind kind, const char *name, uint64_t *ret)
{
	char same[IMAGE_NAME_MAX];
	const char *digit = name + strcspn(name, "0123456789");
	uint64_t id = strtoull(digit, NULL, 10);

	if (!*digit || !str_eq(image_file_name(kind, id, same), name))
		return false;
	*ret = id;
	return true;
}

/* Calls fn for each image of the kind. */
static int for_each_id(const struct image_dir *dir, enum image_kind kind,
		       int (*fn)(void *ctx, uint64_t id), void *ctx)
{
	int fd = openat(image_dir_fd(dir), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_closedir DIR *names = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;
	int r = 0;

	if (!names) {
		r = fail(errno, "%s: list", image_dir_path(dir));
		if (fd >= 0)
			close(fd);
		return r;
	}
	while (r >= 0 && (e = readdir(names))) {
		uint64_t id;

		if (id_of(kind, e->d_name, &id))
			r = fn(ctx, id);
	}
	return r;
}

/* --- what is needed -------------------------------------------------------------- */

static int list_add(struct dedup *x, enum image_kind kind, uint64_t id)
{
	struct page_list l = { .nr = 0 };
	int r = page_list_load(x->chain, kind, id, &l);

	for (size_t i = 0; i < l.nr && r > 0; i++) {
		const struct page_file *f = &l.files[l.runs[i].source];

		*array_push(x->v, x->nr, x->cap) =
		    (struct extent){ f->level, f->pages_id, l.runs[i].off, l.runs[i].len };
	}
	page_list_done(&l);
	return r < 0 ? r : 0;
}

static int add_task(void *ctx, uint64_t id)
{
	return list_add(ctx, IMAGE_PAGEMAP, id);
}

static int add_shmem(void *ctx, uint64_t id)
{
	return list_add(ctx, IMAGE_SHMEM_PAGEMAP, id);
}

static int by_place(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	if (x->level != y->level)
		return x->level < y->level ? -1 : 1;
	if (x->pages_id != y->pages_id)
		return x->pages_id < y->pages_id ? -1 : 1;
	return (x->off > y->off) - (x->off < y->off);
}

static int find_needed(struct dedup *x)
{
	int r = for_each_id(x->dir, IMAGE_PAGEMAP, add_task, x);

	if (r >= 0)
		r = for_each_id(x->dir, IMAGE_SHMEM_PAGEMAP, add_shmem, x);
	if (x->nr)
		qsort(x->v, x->nr, sizeof(*x->v), by_place);
	return r;
}

/* --- what goes ------------------------------------------------------------------- */

struct punching {
	struct dedup *x;
	const struct image_dir *dir;
	uint32_t level;
};

static int punch(int fd, uint64_t from, uint64_t to)
{
	if (from >= to)
		return 0;
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
		      (off_t)(to - from)) == 0)
		return 0;
	return fail_hint(fail(errno, "make a hole in page contents"),
			 "this needs a file system that can: ext4, xfs, btrfs, tmpfs");
}

/* Bytes that the file takes on the disk. */
static uint64_t room_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) < 0 ? 0 : (uint64_t)st.st_blocks * 512;
}

static int punch_file(const struct punching *p, uint64_t id, int fd, uint64_t size)
{
	struct dedup *x = p->x;
	uint64_t at = 0;
	int r = 0;

	for (size_t i = 0; i < x->nr && r >= 0; i++) {
		const struct extent *e = &x->v[i];

		if (e->level != p->level || e->pages_id != id)
			continue;
		if (x->what == DEDUP_RESTORED)
			r = punch(fd, e->off, e->off + e->len);
		else
			r = punch(fd, at, e->off);
		at = e->off + e->len > at ? e->off + e->len : at;
	}
	return r >= 0 && x->what == DEDUP_PARENTS ? punch(fd, at, size) : r;
}

static int punch_pages(void *ctx, uint64_t id)
{
	const struct punching *p = ctx;
	char name[IMAGE_NAME_MAX];
	cleanup_close int fd = -1;
	uint64_t before, after;
	struct stat st;
	int r;

	image_file_name(IMAGE_PAGES, id, name);
	fd = openat(image_dir_fd(p->dir), name,
		    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return fail(errno, "%s/%s", image_dir_path(p->dir), name);
	if (!S_ISREG(st.st_mode))
		return fail_plain("%s/%s: not a regular file", image_dir_path(p->dir), name);
	before = room_of(fd);
	r = punch_file(p, id, fd, (uint64_t)st.st_size);
	after = room_of(fd);
	p->x->freed += before > after ? before - after : 0;
	return fail_at(r, "%s/%s", image_dir_path(p->dir), name);
}

/* A dump that was one is none any more. */
static int mark(const struct image_dir *dir)
{
	ProtobufCMessage *m = NULL;
	struct image_dir *to = NULL;
	InventoryEntry *e;
	int r = image_get(dir, IMAGE_INVENTORY, 0, &m);

	if (r < 0)
		return r;
	e = (InventoryEntry *)m;
	if (!e->has_pre_dump_mode && !e->deduplicated) {
		e->has_deduplicated = e->deduplicated = true;
		r = image_dir_join(image_dir_path(dir), &to);
		if (r >= 0)
			r = image_put(to, IMAGE_INVENTORY, 0, &e->base);
		if (r >= 0)
			r = image_dir_renew_inventory(to);
		image_dir_free(to);
	}
	protobuf_c_message_free_unpacked(m, NULL);
	return r;
}

static int level_punch(struct dedup *x, uint32_t level)
{
	struct punching p = { x, NULL, level };
	int r = image_chain_dir(x->chain, level, &p.dir);

	if (r >= 0)
		r = mark(p.dir);
	return r < 0 ? r : for_each_id(p.dir, IMAGE_PAGES, punch_pages, &p);
}

int dedup_run(const char *path, enum dedup_what what)
{
	struct dedup x = { .what = what };
	size_t levels = 0;
	int r = image_dir_open(path, &x.dir);

	if (r >= 0) {
		x.chain = image_chain_new(x.dir);
		r = find_needed(&x);
	}
	if (r >= 0)
		r = image_chain_length(x.chain, &levels);
	for (uint32_t level = what == DEDUP_PARENTS ? 1 : 0; level < levels && r >= 0; level++)
		r = level_punch(&x, level);
	if (r >= 0)
		log_info("%s: %" PRIu64 " KiB freed in %zu earlier dumps", path, x.freed >> 10,
			 levels - 1);
	free(x.v);
	image_chain_free(x.chain);
	image_dir_free(x.dir);
	return r;
}
