// SPDX-License-Identifier: GPL-2.0-only
/* Interval timers and POSIX timers. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/program.h"
#include "images/signal.pb-c.h"
#include "images/timer.pb-c.h"

/* When all tasks have been asked, which began at since_us: clock_us(). Speaks. */
int timers_settle(struct dump *d, uint64_t since_us);
TaskTimersEntry *timers_dump(struct arena *a, const struct task *t);

int timers_load_check(const TaskTimersEntry *e);
/* Created early, armed last: they count from the moment they are armed. */
void timers_restore(struct program *p, const TaskTimersEntry *e);
/* pending: signals that are queued already. */
void timers_arm(struct program *p, const TaskTimersEntry *e, const SignalQueueEntry *pending);
