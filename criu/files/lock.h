// SPDX-License-Identifier: GPL-2.0-only
/* File locks: flock(2), fcntl(2), leases. */
#pragma once
#include "criu/core/file.h"
#include "criu/core/restore.h"

/* d->buf holds the fdinfo of p, which is a description that was not seen before, or is known. */
int locks_note(struct dump *d, const struct fd_probe *p, bool new);
/* When all tables are known: filelocks.img, or a blocker for each lock. */
int locks_dump(struct dump *d);
void locks_dump_done(struct dump *d);

/* In crtool, when tables are loaded: filelocks.img, and that nobody else has the locks. */
int locks_load(struct restore *r);
/* In the task: those of descriptions. The others come in its program. */
int locks_restore(const struct task *t);
/* In crtool, when all is ready: leases that were being broken are broken again. */
int leases_arm(struct restore *r);
