// SPDX-License-Identifier: GPL-2.0-only
/* Options that all sockets have: SOL_SOCKET, socket(7). */
#pragma once
#include "criu/core/file.h"
#include "images/sk-opts.pb-c.h"

/*
 * dump: all of them, in the arena of the dump. A filter that cannot be read becomes a blocker.
 * Speaks.
 */
int sk_opts_dump(struct dump *d, const struct fd_probe *p, SkOptsEntry **ret);
/* The same for many threads, each with an arena of its own. 1: it has such a filter. */
int sk_opts_read(struct arena *a, int fd, SkOptsEntry **ret);
/* The same of one that has the options of another, but for the sizes of its buffers. */
int sk_opts_read_like(struct arena *a, int fd, const SkOptsEntry *like, SkOptsEntry **ret);
void sk_opts_refuse_filter(const struct fd_probe *p);

/* restore, in crtool: can the image be right? Speaks. */
int sk_opts_load(const SkOptsEntry *e);

/*
 * restore, in the owner, on a socket that is as socket(2) made it; all of them speak.
 *
 * early	before bind and connect: what these look at
 * buffers	sizes and their locks. A queue that is to be filled may need larger ones before:
 *		may be called at any time, also without early and late
 * late		when the queues are full, and nothing is to come but resume: filters, what makes
 *		control messages, limits of time. Sets SO_REUSEADDR and SO_REUSEPORT again, for
 *		who had to set them otherwise to be able to bind. Calls buffers
 */
int sk_opts_restore_early(int fd, const SkOptsEntry *e);
int sk_opts_restore_buffers(int fd, const SkOptsEntry *e);
int sk_opts_restore_late(int fd, const SkOptsEntry *e);
