// SPDX-License-Identifier: GPL-2.0-only
/* Sending the parasite into stopped tasks to ask what only they can ask. */
#pragma once
#include "criu/core/dump.h"

/* Fills task->inner and thread->inner of every task that is alive. */
int ask_tasks(struct dump *d);
