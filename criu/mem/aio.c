// SPDX-License-Identifier: GPL-2.0-only
/*
 * io_setup(2): a ring of events, mapped by the kernel; its address is the name of the context.
 * libaio reaps events by reading it, and moves the head on. The kernel has its own count of where
 * the next event goes and of how many requests fit.
 *
 * A dump stores the pages of the ring. On the way back they are read into other memory at that
 * place; the restorer sets up a context, lets so many requests that do nothing complete that head
 * and tail are where they were, copies the events and moves the ring into place
 * (criu/pie/restorer/aio.h). The kernel finds a context by an index that it has put into the ring;
 * rings come back in its order.
 *
 * Requests that are still running cannot be seen by anybody. Tests: test/zdtm/static/aio*.
 */
#include "criu/mem/aio.h"

#include <errno.h>
#include <fcntl.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/mem/vma.h"

#define HEAD_BYTES  32
#define EVENT_BYTES 32

struct aio_seen {
	uint64_t ino;
	struct aio_seen *next;
};

bool aio_is(const struct proc_vma *v)
{
	return v->shared && v->deleted && !v->dev_major && str_eq(v->path, "/[aio]");
}

/* io_setup(2) takes twice as many, and two, and what fills the last page. */
static uint32_t requests_of(uint64_t bytes)
{
	return (uint32_t)(((bytes - HEAD_BYTES) / EVENT_BYTES - 2) / 2);
}

void aio_dump(struct dump *d, const struct task *t, const struct proc_vma *v, MmEntry *mm)
{
	AioRingEntry *e = arena_message(&d->arena, AioRingEntry, AIO_RING_ENTRY__INIT);
	AioRingEntry **all = arena_array(&d->arena, AioRingEntry *, mm->n_aios + 1);
	struct aio_seen *s;

	for (s = d->aios; s; s = s->next)
		if (s->ino == v->ino)
			blocker(NULL,
				"pid %d (%s): mapping %llx-%llx: the ring of an AIO context that "
				"another process has, which cannot be kept",
				(int)t->pid, t->comm, (unsigned long long)v->start,
				(unsigned long long)v->end);
	s = arena_alloc(&d->arena, sizeof(*s));
	*s = (struct aio_seen){ v->ino, d->aios };
	d->aios = s;
	e->id = v->start;
	e->ring_len = (uint32_t)(v->end - v->start);
	e->nr_req = requests_of(v->end - v->start);
	for (size_t i = 0; i < mm->n_aios; i++)
		all[i] = mm->aios[i];
	all[mm->n_aios++] = e;
	mm->aios = all;
}

/* --- restore ---------------------------------------------------------------------- */

int aio_open(const struct restore *r, const MmEntry *mm)
{
	int fd;

	for (size_t i = 0; i < mm->n_vmas; i++) {
		if (!(mm->vmas[i]->status & VMA_AIORING))
			continue;
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		return fd < 0 ? fail(errno, "open /dev/null") : service_fd(r, fd);
	}
	return -1;
}

static size_t nr_rings(const MmEntry *mm)
{
	size_t nr = 0;

	for (size_t i = 0; i < mm->n_vmas; i++)
		nr += (mm->vmas[i]->status & VMA_AIORING) != 0;
	return nr;
}

size_t aio_room(const MmEntry *mm)
{
	return nr_rings(mm) * sizeof(struct op_iov) + 16 + sizeof(struct op);
}

void aio_restore(struct program *p, const MmEntry *mm, int fd)
{
	size_t nr = nr_rings(mm);
	struct op_iov *rings;
	struct op *op;

	if (!nr)
		return;
	rings = program_data(p, nr * sizeof(*rings));
	op = program_op(p, OP_AIO, OP_WHAT_AIO);
	op->arg[0] = (uint64_t)fd;
	op->arg[1] = (uint64_t)(uintptr_t)rings;
	op->arg[2] = nr;
	for (size_t i = 0; i < mm->n_vmas; i++) {
		const VmaEntry *v = mm->vmas[i];

		if (v->status & VMA_AIORING)
			*rings++ = (struct op_iov){ v->start, v->end - v->start };
	}
}
