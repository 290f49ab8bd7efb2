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
