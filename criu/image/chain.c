// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each dump of a chain names in its inventory the run that made its parent. So a directory that
 * was written anew, or exchanged, is found out before a page of it is believed. Older images, and
 * those of CRIU, name none.
 */
#include "criu/image/chain.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/image/reader.h"
#include "images/inventory.pb-c.h"

struct image_chain {
	pthread_mutex_t lock;
	struct image_dir **dirs;
	size_t nr, cap;
};

struct image_chain *image_chain_new(struct image_dir *first)
{
	struct image_chain *c = mem_alloc(sizeof(*c));

	pthread_mutex_init(&c->lock, NULL);
	*array_push(c->dirs, c->nr, c->cap) = first;
	return c;
}

/* 1, or 0 when there is none. */
static int inventory_of(const struct image_dir *d, InventoryEntry **ret)
{
	struct image_reader *img;
	ProtobufCMessage *m = NULL;
	int r = image_reader_open(d, IMAGE_INVENTORY, 0, &img);

	if (r <= 0)
		return r;
	r = image_read(img, &m);
	image_reader_free(img);
	*ret = (InventoryEntry *)m;
	return r;
}

static int same_run(const struct image_dir *child, const struct image_dir *parent)
{
	InventoryEntry *c = NULL, *p = NULL;
	int r = inventory_of(child, &c);

	if (r > 0 && c->parent_run_id)
		r = inventory_of(parent, &p);
	if (r > 0 && c->parent_run_id && !p->dump_criu_run_id)
		r = fail_plain("%s: is not the dump that %s builds upon: it does not tell which "
			       "run made it",
			       image_dir_path(parent), image_dir_path(child));
	else if (r > 0 && c->parent_run_id && !str_eq(c->parent_run_id, p->dump_criu_run_id))
		r = fail_plain("%s: is not the dump that %s builds upon: run %s made it, not %s",
			       image_dir_path(parent), image_dir_path(child), p->dump_criu_run_id,
			       c->parent_run_id);
	if (c)
		protobuf_c_message_free_unpacked(&c->base, NULL);
	if (p)
		protobuf_c_message_free_unpacked(&p->base, NULL);
	return r < 0 ? r : 0;
}

bool image_chain_has(const struct image_chain *c, const struct stat *st)
{
	struct stat own;

	for (size_t i = 0; i < c->nr; i++)
		if (fstat(image_dir_fd(c->dirs[i]), &own) == 0 && own.st_dev == st->st_dev &&
		    own.st_ino == st->st_ino)
			return true;
	return false;
}

/* Links that lead back would be followed for ever. */
static int same_dir(const struct image_chain *c, const struct image_dir *parent)
{
	struct stat st;

	if (fstat(image_dir_fd(parent), &st) < 0)
		return fail(errno, "stat %s", image_dir_path(parent));
	return image_chain_has(c, &st)
		   ? fail_plain("%s: the dumps build upon each other in a circle",
				image_dir_path(parent))
		   : 0;
}

/* 0: there is none. */
static int chain_grow(struct image_chain *c)
{
	const struct image_dir *child = c->dirs[c->nr - 1];
	struct image_dir *parent = NULL;
	int r = image_dir_open_parent(child, &parent);

	if (r <= 0)
		return r;
	r = same_dir(c, parent);
	if (r >= 0)
		r = same_run(child, parent);
	if (r < 0)
		image_dir_free(parent);
	else
		*array_push(c->dirs, c->nr, c->cap) = parent;
	return r < 0 ? r : 1;
}

int image_chain_dir(struct image_chain *c, unsigned int level, const struct image_dir **ret)
{
	int r = 0;

	pthread_mutex_lock(&c->lock);
	while (c->nr <= level && r >= 0) {
		r = chain_grow(c);
		if (r == 0)
			r = fail_plain("%s: has pages in an earlier dump, but no link %s to it",
				       image_dir_path(c->dirs[c->nr - 1]), IMAGE_PARENT_LINK);
	}
	if (r >= 0)
		*ret = c->dirs[level];
	pthread_mutex_unlock(&c->lock);
	return r;
}

int image_chain_length(struct image_chain *c, size_t *ret)
{
	int r;

	pthread_mutex_lock(&c->lock);
	do {
		r = chain_grow(c);
	} while (r > 0);
	*ret = c->nr;
	pthread_mutex_unlock(&c->lock);
	return r;
}

int image_chain_raise_fd(struct image_chain *c, int lowest)
{
	int r = 0;

	for (size_t i = 0; i < c->nr && r >= 0; i++)
		r = image_dir_raise_fd(c->dirs[i], lowest);
	return r;
}

struct image_chain *image_chain_free(struct image_chain *c)
{
	if (!c)
		return NULL;
	for (size_t i = 1; i < c->nr; i++)
		image_dir_free(c->dirs[i]);
	pthread_mutex_destroy(&c->lock);
	free(c->dirs);
	free(c);
	return NULL;
}
