// SPDX-License-Identifier: GPL-2.0-only
/* How long a thread that waits for a time has been waiting. */
#pragma once
#include "criu/core/dump.h"

/* Before the thread is interrupted: since when it is asleep; zeros: it is in no call that has a
 * time of its own, or this kernel does not tell. no_code: it shows no place in its program, so
 * it runs, or is a thread of the kernel's that has none. */
struct asleep waiting_look(struct dump *d, pid_t tid, bool *ret_no_code);

/* After: th->restart_nr and th->restart_left of a thread that would go on by
 * restart_syscall(2). */
void waiting_left(const struct dump *d, struct thread *th);

/* The last before the tree is let go, when a later dump is to build upon this one: d->waits. */
void waiting_note(struct dump *d);
