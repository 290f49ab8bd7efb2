// SPDX-License-Identifier: GPL-2.0-only
#include "criu/core/left.h"

#include "criu/image/writer.h"
#include "images/left.pb-c.h"

int left_note(const struct session *s, enum left_kind kind, uint32_t method)
{
	LeftEntry e = LEFT_ENTRY__INIT;
	struct image_writer *w = NULL;
	int r = image_writer_open(s->images, IMAGE_LEFT, (uint64_t)kind, &w);

	e.kind = (uint32_t)kind;
	e.run_id = (char *)(uintptr_t)s->run_id;
	e.has_network_lock_method = true;
	e.network_lock_method = method;
	if (r >= 0)
		r = image_write(w, &e.base);
	if (r >= 0)
		r = image_writer_close(&w);
	image_writer_free(w);
	return r;
}

int left_note_link(const struct session *s, struct left_notes *n, const char *path, uint64_t dev,
		   uint64_t ino)
{
	LeftEntry e = LEFT_ENTRY__INIT;
	int r = 0;

	if (!n->w)
		r = image_writer_open(s->images, IMAGE_LEFT, LEFT_LINK, &n->w);
	e.kind = LEFT_LINK;
	e.run_id = (char *)(uintptr_t)s->run_id;
	e.path = (char *)(uintptr_t)path;
	e.has_dev = e.has_ino = true;
	e.dev = dev;
	e.ino = ino;
	return r < 0 ? r : image_write(n->w, &e.base);
}

int left_notes_close(struct left_notes *n, int r)
{
	if (n->w && r >= 0)
		return image_writer_close(&n->w);
	n->w = image_writer_free(n->w);
	return r;
}
