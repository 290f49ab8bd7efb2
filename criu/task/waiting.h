// SPDX-License-Identifier: GPL-2.0-only
/* How long a thread that waits for a time has been waiting. */
#pragma once
#include "criu/core/dump.h"

/* Before the thread is interrupted: when it fell asleep, CLOCK_MONOTONIC in ns; 0: it is in
 * no call that has a time of its own, or this kernel does not tell. */
uint64_t waiting_since(struct dump *d, pid_t tid);

/* After: th->restart_nr and th->restart_left of a thread that would go on by
 * restart_syscall(2). */
void waiting_left(const struct dump *d, struct thread *th);
