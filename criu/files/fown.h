// SPDX-License-Identifier: GPL-2.0-only
/* Whom a file's readiness signals go to: F_SETOWN, F_SETSIG. */
#pragma once
#include <fcntl.h>
#include <sys/types.h>

#include "criu/core/file.h"
#include "images/fown.pb-c.h"

/* Who gets the signals, and by whose rights: of who has said so. */
struct file_owner {
	struct f_owner_ex who;
	uid_t uid, euid;
};

/* Flags of open(2) that are of no open file: not to be given to it again. */
#define FLAGS_OF_OPEN (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC)

/* Speak. */
int fown_get(int fd, struct file_owner *ret);
int fown_set(int fd, const struct file_owner *o);

/* Of a description that crtool holds as lfd. Speaks. */
int fown_dump(int lfd, FownEntry *ret);
/* The same, where the probe may know that there is none. */
int fown_dump_probe(const struct fd_probe *p, FownEntry *ret);
/* In the task, on a file that is open. Speaks. */
int fown_restore(int fd, const FownEntry *e);
/* The same, and the flags that F_SETFL can set. */
int status_restore(int fd, uint32_t flags, const FownEntry *e);
