// SPDX-License-Identifier: GPL-2.0-only
/* Credentials of a thread. */
#pragma once
#include "criu/core/dump.h"
#include "criu/core/program.h"
#include "criu/core/restore.h"
#include "images/creds.pb-c.h"

CredsEntry *creds_dump(struct arena *a, const struct thread *th);

/* What tasks have from crtool. Speaks. */
int creds_inherited(struct restore *r);
/* A thread is born to the same: nothing is to be done. */
bool creds_are_inherited(const struct inherited *had, const CredsEntry *e);
int creds_load_check(const CredsEntry *e);
/* Operations of the thread itself, the last but the parent-death signal: credentials
 * that change reset it. */
void creds_restore(struct program *p, const CredsEntry *e);
