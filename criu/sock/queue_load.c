// SPDX-License-Identifier: GPL-2.0-only
/* Queues of unix sockets, as they are loaded: sk-queues.img. */
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/core/restore.h"
#include "criu/image/reader.h"
#include "criu/kernel/unix_diag.h"
#include "criu/sock/queue.h"

#define MESSAGE_MAX (1u << 30)
#define RIGHTS_MAX  253 /* SCM_MAX_FD of the kernel */

static int entry_check(const struct image_reader *img, const SkPacketEntry *e)
{
	size_t rights = 0;

	if (e->length > MESSAGE_MAX || e->length > image_reader_left(img))
		return fail_plain("a message of %u bytes, more than there are", e->length);
	for (size_t i = 0; i < e->n_scm; i++)
		rights += e->scm[i]->n_rights;
	if (rights > RIGHTS_MAX)
		return fail_plain("%zu descriptors in one message", rights);
	if (e->sender.len > UNIX_NAME_MAX)
		return fail_plain("a sender with a name of %zu bytes", e->sender.len);
	if (e->n_scm > 2)
		return fail_plain("%zu control messages", e->n_scm);
	return 0;
}

static int message_load(struct restore *r, struct image_reader *img, const SkPacketEntry *e,
			sk_queue_fn *find)
{
	struct sk_queue *q = find(r, e->id_for);
	struct sk_message *m;
	int ret = entry_check(img, e);

	if (ret < 0)
		return fail_at(ret, "%s", image_reader_where(img));
	if (!q)
		return image_skip_raw(img, e->length);
	m = arena_alloc(&r->arena, sizeof(*m));
	m->e = e;
	m->data = arena_alloc(&r->arena, e->length);
	*q->last = m;
	q->last = &m->next;
	return image_read_raw(img, m->data, e->length);
}

int sk_queues_load(struct restore *r, sk_queue_fn *find)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int ret = image_reader_open(r->s->images, IMAGE_SK_QUEUES, 0, &img);

	if (ret <= 0)
		return ret;
	while ((ret = image_read_from(img, r->messages, &m)) > 0) {
		ret = message_load(r, img, (const SkPacketEntry *)m, find);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	return ret < 0 ? ret : 0;
}
