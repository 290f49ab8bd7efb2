// SPDX-License-Identifier: GPL-2.0-only
/*
 * eventfd(2): a counter of 64 bits. Its fdinfo tells the count, and since Linux 6.5 whether
 * it is a semaphore. On the way back it is made with its count. Images:
 * images/eventfd.proto. Tests: test/zdtm/static/eventfd*.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/eventfd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"

static bool eventfd_match(const struct fd_probe *p)
{
	return str_eq(p->link, "anon_inode:[eventfd]");
}

static int eventfd_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	EventfdFileEntry e = EVENTFD_FILE_ENTRY__INIT;
	FownEntry fown;
	int r = fown_dump_probe(p, &fown);

	if (r < 0)
		return r;
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.fown = &fown;
	e.counter = p->info.eventfd_count;
	e.has_semaphore = e.semaphore = p->info.eventfd_semaphore;
	fe.type = FD_TYPES__EVENTFD;
	fe.efd = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

/* Before the first fork: what the image says can be made. The greatest count is one less
 * than fits, for write(2) would wait. */
static int eventfd_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	(void)r;
	(void)f;
	if (!fe->efd)
		return fail_plain("has no part of an eventfd");
	if (fe->efd->counter == UINT64_MAX)
		return fail_plain("an eventfd with count %" PRIu64, fe->efd->counter);
	return 0;
}

/* With the count and the flags that eventfd(2) itself takes: of the count, 32 bits. */
static int eventfd_make(const EventfdFileEntry *e, bool *ret_counted)
{
	int flags = EFD_CLOEXEC | (e->semaphore ? EFD_SEMAPHORE : 0) |
		    (e->flags & O_NONBLOCK ? EFD_NONBLOCK : 0);

	*ret_counted = e->counter <= UINT32_MAX;
	return eventfd(*ret_counted ? (unsigned int)e->counter : 0, flags);
}

static int flags_restore(int fd, const EventfdFileEntry *e)
{
	if ((e->flags & ~(uint32_t)O_NONBLOCK) == O_RDWR)
		return fown_restore(fd, e->fown);
	return status_restore(fd, e->flags, e->fown);
}

/* In the task that owns it. */
static int eventfd_open(struct restore *r, struct file *f)
{
	const EventfdFileEntry *e = f->entry->efd;
	bool counted = false;
	cleanup_close int fd = eventfd_make(e, &counted);
	int ret;

	(void)r;
	if (fd < 0)
		return fail(errno, "eventfd");
	ret = counted ? 0 : io_write(fd, &e->counter, sizeof(e->counter));
	if (ret < 0)
		return fail(-ret, "eventfd: write the count %" PRIu64, e->counter);
	ret = fail_at(flags_restore(fd, e), "eventfd");
	return ret < 0 ? ret : take_fd(&fd);
}

const struct file_kind eventfd_kind = {
	.name = "eventfd",
	.type = FD_TYPES__EVENTFD,
	.size = sizeof(struct file),
	.match = eventfd_match,
	.dump = eventfd_dump,
	.load = eventfd_load,
	.open = eventfd_open,
};
