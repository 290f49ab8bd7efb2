// SPDX-License-Identifier: GPL-2.0-only
/* The local descriptor table of an address space: modify_ldt(2). */
#pragma once
#include "compel/remote.h"
#include "criu/core/dump.h"
#include "criu/core/program.h"
#include "images/mm.pb-c.h"

/* By the parasite that is in r and has told that there is one (has_ldt): into t->ldt. Speaks. */
int ldt_ask(struct task *t, struct remote *r);
void ldt_dump(const struct task *t, MmEntry *mm);
int ldt_load_check(const MmEntry *mm);
void ldt_restore(struct program *p, const MmEntry *mm);
/* Bytes of operations and data that it takes. */
size_t ldt_room(const MmEntry *mm);
