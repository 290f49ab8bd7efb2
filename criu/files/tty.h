// SPDX-License-Identifier: GPL-2.0-only
/* Terminals: what the kind, crtool's own terminal and the tests have in common. */
#pragma once
#include <asm/termbits.h> /* not to be had together with <termios.h> */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "criu/core/dump.h"
#include "criu/core/file.h"
#include "criu/core/restore.h"
#include "images/tty.pb-c.h"

#define TTY_NCC 19 /* control characters, as the kernel and images have them */

/* cc is what e->c_cc will be. */
void termios_to_image(const struct termios2 *t, TermiosEntry *e, uint32_t cc[TTY_NCC]);
/* What e says over what t has. */
void termios_from_image(const TermiosEntry *e, struct termios2 *t);

/* Is it the master of a pty? */
bool tty_fd_is_master(int fd);
/* The device number of the terminal behind fd, as st_rdev has it, be it opened as /dev/tty or by
 * its own name. 0, or -errno. Quiet. */
int tty_fd_device(int fd, uint32_t *ret);

/* The slave of a pty, by its st_rdev. */
bool tty_is_pts(dev_t rdev);
TtyType tty_type(dev_t rdev);

/* The kind's. */
int tty_dump(struct dump *d, const struct fd_probe *p);
/* When all descriptors have been seen: what stands in the way. */
void ttys_judge(const struct dump *d);
/* When nothing does: modes, and what is in the queues. Speaks. */
int ttys_write(struct dump *d);
void ttys_dump_done(struct dump *d);

/* When all files are loaded; in crtool before the first fork; when all tasks have what they need,
 * and when there is nothing more to do. Speak. */
int ttys_load(struct restore *r);
int ttys_make(struct restore *r);
int ttys_finish(struct restore *r);
void ttys_done(struct restore *r);

/* By a task that has just founded a session: its terminal. Speaks. */
int tty_control(const struct restore *r, const struct task *t);
/* The same, when all are in their groups: its foreground group. Speaks. */
int tty_foreground(const struct restore *r, const struct task *t);
/* The terminal outside of the tree whose place crtool's takes; NULL: the images have none. */
const TtyInfoEntry *tty_outside(const struct restore *r);
/* Some task has a descriptor of it. */
bool tty_is_needed(const struct restore *r);
