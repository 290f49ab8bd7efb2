// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/byfork.h"

#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "criu/base/str.h"
#include "images/fown.pb-c.h"

static const struct fd_slot *slot_find(const struct task *t, int fd)
{
	const struct task_restore *tr = t->restore;
	size_t lo = 0, hi = tr->nr_slots;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (tr->slots[mid].fd < fd)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < tr->nr_slots && tr->slots[lo].fd == fd ? &tr->slots[lo] : NULL;
}

bool files_come_by_fork(const struct task *t)
{
	const struct task_restore *tr = t->restore;

	for (size_t i = 0; i < tr->nr_slots; i++) {
		const struct fd_slot *had = slot_find(t->parent, tr->slots[i].fd);

		if (!had || had->file != tr->slots[i].file)
			return false;
	}
	return !tr->nr_locks && !tr->nr_notices;
}

size_t files_keep_room(const struct task *t)
{
	return (2 * t->restore->nr_slots + 1) * sizeof(struct op);
}

static void descriptors_close(struct program *p, int first, int end)
{
	if (first < end)
		PROGRAM_SYSCALL(p, OP_WHAT_CLOSE, SYS_close_range, (uint64_t)first,
				(uint64_t)end - 1, 0);
}

void files_keep(struct program *p, const struct restore *r, const struct task *t)
{
	int from = 0;

	for (size_t i = 0; i < t->restore->nr_slots; i++) {
		const struct fd_slot *s = &t->restore->slots[i];

		descriptors_close(p, from, s->fd);
		from = s->fd + 1;
		if (s->cloexec != slot_find(t->parent, s->fd)->cloexec)
			PROGRAM_SYSCALL(p, OP_WHAT_CLOSE, SYS_fcntl, (uint64_t)s->fd, F_SETFD,
					s->cloexec ? FD_CLOEXEC : 0);
	}
	descriptors_close(p, from, r->service_base);
}

/* Whom its signals go to. */
static bool has_owner(const ProtobufCMessage *m)
{
	const ProtobufCMessageDescriptor *d = m->descriptor;

	for (unsigned int i = 0; i < d->n_fields; i++) {
		const ProtobufCFieldDescriptor *f = &d->fields[i];
		const ProtobufCMessage *part;

		if (f->type != PROTOBUF_C_TYPE_MESSAGE || f->label == PROTOBUF_C_LABEL_REPEATED)
			continue;
		memcpy(&part, (const char *)m + f->offset, sizeof(part));
		if (!part)
			continue;
		if (part->descriptor == &fown_entry__descriptor
			? ((const FownEntry *)(const void *)part)->pid
			: has_owner(part))
			return true;
	}
	return false;
}

static bool names_process(const struct file *f)
{
	switch (f->entry->type) {
	case FD_TYPES__REG:
		return !f->entry->reg || str_starts(f->entry->reg->name, "/proc/") ||
		       has_owner(&f->entry->base);
	case FD_TYPES__PIPE:
	case FD_TYPES__FIFO:
	case FD_TYPES__EVENTFD:
	case FD_TYPES__EVENTPOLL:
	case FD_TYPES__SIGNALFD:
	case FD_TYPES__TIMERFD:
	case FD_TYPES__INOTIFY:
	case FD_TYPES__INETSK:
	case FD_TYPES__MEMFD:
		return has_owner(&f->entry->base);
	default:
		return true;
	}
}

bool files_name_processes(const struct restore *r)
{
	for (size_t i = 0; i < r->nr_files; i++)
		if (names_process(r->files[i]))
			return true;
	return r->make_rounds || r->nr_ttys || r->userfaults || r->urings;
}
