// SPDX-License-Identifier: GPL-2.0-only
#include "criu/core/ident.h"

#include <stdlib.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/kcmp.h"

struct ident_waiting {
	struct ident_file file;
	uint32_t id;
};

/* Where it is, or would be; *ret_found says which. */
static int ident_search(const struct ident *i, int type, pid_t pid, int fd, size_t *ret_at,
			bool *ret_found)
{
	size_t lo = 0, hi = i->nr;

	*ret_found = false;
	while (lo < hi) {
		size_t mid = (lo + hi) / 2;
		const struct ident_seen *s = &i->seen[mid];
		int order = 0, r;

		r = kcmp_order(pid, s->pid, (enum kcmp_type)type, (unsigned long)fd,
			       (unsigned long)s->fd, &order);
		if (r < 0)
			return fail(-r, "kcmp with pid %d fd %d", (int)s->pid, s->fd);
		if (order == 0) {
			*ret_found = true;
			lo = mid;
			break;
		}
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	*ret_at = lo;
	return 0;
}

static void ident_insert(struct ident *i, size_t at, const struct ident_seen *new)
{
	array_push(i->seen, i->nr, i->cap);
	memmove(&i->seen[at + 1], &i->seen[at], (i->nr - 1 - at) * sizeof(*new));
	i->seen[at] = *new;
}

static int ident_get_from(struct ident *i, int type, pid_t pid, int fd, uint32_t *last,
			  uint32_t *ret_id)
{
	struct ident_seen new = { .pid = pid, .fd = fd };
	bool found;
	size_t at = 0;
	int r;

	r = ident_search(i, type, pid, fd, &at, &found);
	if (r < 0)
		return r;
	if (found) {
		*ret_id = i->seen[at].id;
		return 0;
	}
	*ret_id = new.id = ++*last;
	ident_insert(i, at, &new);
	return 1;
}

int ident_get(struct ident *i, int type, pid_t pid, int fd, uint32_t *ret_id)
{
	return ident_get_from(i, type, pid, fd, &i->last, ret_id);
}

void ident_done(struct ident *i)
{
	free(i->seen);
	*i = (struct ident){ 0 };
}

void ident_set_init(struct ident_set *s, uint32_t *last)
{
	*s = (struct ident_set){ .cap = 64 };
	s->last = last;
	s->buckets = mem_alloc(s->cap * sizeof(*s->buckets));
}

static struct ident_bucket *bucket_find(struct ident_bucket *b, size_t cap, uint64_t dev,
					uint64_t ino)
{
	size_t at = (size_t)((ino ^ dev) * 0x9e3779b97f4a7c15ull >> 20) & (cap - 1);

	while (b[at].ident.nr && (b[at].dev != dev || b[at].ino != ino))
		at = (at + 1) & (cap - 1);
	return &b[at];
}

static void ident_set_grow(struct ident_set *s)
{
	size_t cap = s->cap * 2;
	struct ident_bucket *b = mem_alloc(cap * sizeof(*b));

	for (size_t i = 0; i < s->cap; i++)
		if (s->buckets[i].ident.nr)
			*bucket_find(b, cap, s->buckets[i].dev, s->buckets[i].ino) = s->buckets[i];
	free(s->buckets);
	s->buckets = b;
	s->cap = cap;
}

static struct ident_bucket *bucket_of(struct ident_set *s, const struct ident_file *f)
{
	struct ident_bucket *b;

	if (s->nr * 2 >= s->cap)
		ident_set_grow(s);
	b = bucket_find(s->buckets, s->cap, f->dev, f->ino);
	if (!b->ident.nr) {
		b->dev = f->dev;
		b->ino = f->ino;
		s->nr++;
	}
	return b;
}

/* Now that there is somebody to be compared with. */
static int waiting_sort(struct ident_set *s)
{
	s->is_mixed = true;
	for (size_t i = 0; i < s->nr_waiting; i++) {
		const struct ident_waiting *w = &s->waiting[i];
		const struct ident_seen new = { w->file.pid, w->file.fd, w->id };
		struct ident *in = &bucket_of(s, &w->file)->ident;
		size_t at = 0;
		bool found;
		int r = ident_search(in, KCMP_FILE, new.pid, new.fd, &at, &found);

		if (r < 0)
			return r;
		ident_insert(in, at, &new);
	}
	s->nr_waiting = 0;
	return 0;
}

static int get_compared(struct ident_set *s, const struct ident_file *f, uint32_t *ret_id)
{
	int r = s->is_mixed ? 0 : waiting_sort(s);

	return r < 0 ? r
		     : ident_get_from(&bucket_of(s, f)->ident, KCMP_FILE, f->pid, f->fd, s->last,
				      ret_id);
}

int ident_set_get(struct ident_set *s, const struct ident_file *f, uint32_t *ret_id)
{
	uintptr_t id = f->address ? (uintptr_t)map_get(&s->by_address, f->address) : 0;
	int r = 1;

	*ret_id = (uint32_t)id;
	if (id)
		return 0;
	if (!f->address || s->is_mixed) {
		r = get_compared(s, f, ret_id);
	} else {
		*ret_id = ++*s->last;
		*array_push(s->waiting, s->nr_waiting, s->cap_waiting) =
		    (struct ident_waiting){ *f, *ret_id };
	}
	if (r >= 0 && f->address)
		map_put(&s->by_address, f->address, (void *)(uintptr_t)*ret_id);
	return r;
}

void ident_set_done(struct ident_set *s)
{
	for (size_t i = 0; i < s->cap; i++)
		free(s->buckets[i].ident.seen);
	free(s->buckets);
	free(s->waiting);
	map_done(&s->by_address);
	*s = (struct ident_set){ 0 };
}
