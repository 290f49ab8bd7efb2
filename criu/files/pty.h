// SPDX-License-Identifier: GPL-2.0-only
/* Ptys whose master is in the images, at a restore. */
#pragma once
#include "criu/core/restore.h"

/* A master has been met, with the flags of its file; name is what it was opened by. Speaks. */
int pty_load(struct restore *r, const TtyInfoEntry *master, const char *name, struct pty **ret);
/* Somebody has the slave. */
void pty_has_slave(struct pty *p);
/* NULL: the master is not in the images. */
struct pty *pty_find(const struct restore *r, uint32_t index);
/* The pty that controls this session; NULL. */
struct pty *pty_of_session(const struct restore *r, uint32_t sid);

/* When all files are loaded: what was in them; that nobody else has their numbers. Speaks. */
int ptys_load(struct restore *r);

/* In crtool, before the first fork: all tasks have them then, until they run. Speaks. */
int ptys_make(struct restore *r);
/* A master, unlocked, with this number if it is free, for those that are to lose theirs. Speaks. */
int pty_new_master(uint32_t number);
/* In a session leader that has just become one, before its children are made: they have the
 * terminal from it by fork. Speaks. */
int pty_control(const struct restore *r, const struct task *t);
/* In it, when all process groups are there: the foreground one. Speaks. */
int pty_foreground(const struct restore *r, const struct task *t);
/* The same of any terminal of its session. A group that has gone since would get nothing anyway. */
int tty_give_to_group(const struct restore *r, const struct task *leader, int fd, pid_t group);
/* In crtool, when every task has what it needs of them. Speaks. */
int ptys_finish(struct restore *r);
void ptys_done(struct restore *r);

/* In a task: new descriptors. Speaks. */
int pty_open_master(const struct pty *p);
int pty_open_slave(const struct pty *p, int flags);
