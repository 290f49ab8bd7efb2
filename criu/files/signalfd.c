// SPDX-License-Identifier: GPL-2.0-only
/*
 * signalfd(2): a mask, which fdinfo shows. What it would read are the pending signals of
 * whoever reads; those are the tasks'. Images: images/signalfd.proto. Tests:
 * test/zdtm/static/signalfd*.
 */
#include <errno.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"

static bool signalfd_match(const struct fd_probe *p)
{
	return str_eq(p->link, "anon_inode:[signalfd]");
}

static int signalfd_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	SignalfdEntry e = SIGNALFD_ENTRY__INIT;
	FownEntry fown;
	int r = fown_dump_probe(p, &fown);

	if (r < 0)
		return r;
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.fown = &fown;
	e.sigmask = p->info.sigmask;
	fe.type = FD_TYPES__SIGNALFD;
	fe.sgfd = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

static int signalfd_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	(void)r;
	(void)f;
	return fe->sgfd ? 0 : fail_plain("has no part of a signalfd");
}

/* The bare system call: signalfd(3) would drop the signals that libc uses itself. */
static int signalfd_open(struct restore *r, struct file *f)
{
	const SignalfdEntry *e = f->entry->sgfd;
	cleanup_close int fd = (int)syscall(SYS_signalfd4, -1, &e->sigmask, 8, SFD_CLOEXEC);
	int ret;

	(void)r;
	if (fd < 0)
		return fail(errno, "signalfd");
	ret = fail_at(status_restore(fd, e->flags, e->fown), "signalfd");
	return ret < 0 ? ret : take_fd(&fd);
}

const struct file_kind signalfd_kind = {
	.name = "signalfd",
	.type = FD_TYPES__SIGNALFD,
	.size = sizeof(struct file),
	.match = signalfd_match,
	.dump = signalfd_dump,
	.load = signalfd_load,
	.open = signalfd_open,
};
