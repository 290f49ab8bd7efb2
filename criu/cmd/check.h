// SPDX-License-Identifier: GPL-2.0-only
/* `crtool check`: what the kernel is asked for, and what is printed about it. */
#pragma once
#include "criu/core/options.h"

struct session;

/* Every --feature is the name of one, or "list"; otherwise an error, for exit code 2. */
int check_usage(const struct options *o);
/*
 * Prints on standard output what is missing, or what was asked for. 0, with an exit status of 0,
 * when nothing is missing.
 */
int check_run(struct session *s, int *ret_status);
