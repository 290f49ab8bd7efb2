// SPDX-License-Identifier: GPL-2.0-only
/* Steps that dump and pre-dump have in common; ctx is a struct dump. */
#pragma once
#include "criu/core/dump.h"

int dump_check_root(void *ctx);
int dump_open_images(void *ctx);
void dump_forget_images(void *ctx);
int dump_freeze(void *ctx);
void dump_thaw(void *ctx);
int dump_write_inventory(void *ctx);

void dump_dedup(struct dump *d);
void dump_done(struct dump *d);
