// SPDX-License-Identifier: GPL-2.0-only
/* NUMA memory policies: on which nodes a thread, or a mapping, has its pages. */
#pragma once
#include <stdbool.h>

#include "compel/remote.h"
#include "criu/core/dump.h"
#include "criu/core/restore.h"
#include "images/mm.pb-c.h"

/* The machine has one node and cannot get a second one. */
bool mempolicy_one_node(void);

/*
 * Those of mappings, into t->policies, by the parasite that is in r with room bytes for its
 * data, and has told (mpol_some) that there may be one. 0.5 us for each mapping. Speaks.
 */
int mempolicy_ask(struct task *t, struct remote *r, uint64_t room);
/* Of t->vmas.v[index]; NULL: none. */
const struct parasite_policy *mempolicy_of(const struct task *t, size_t index);

/* As an image has it. */
int mempolicy_check(uint32_t mode, size_t nr_words);
/* Of the thread. */
void mempolicy_set(struct program *p, uint32_t mode, const uint64_t *nodes, size_t nr_words);
/* crtool's own, if it has one, must not be inherited. */
void mempolicy_inherited(struct inherited *i);
void mempolicy_reset(struct program *p, const struct inherited *had);
/* Of a mapping that has just been made. */
void mempolicy_bind(struct program *p, const VmaEntry *v);
/* Bytes of data that the last two take for a mapping. */
#define MEMPOLICY_ROOM (PARASITE_NODE_WORDS * 8 + 16)
