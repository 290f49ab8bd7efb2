// SPDX-License-Identifier: GPL-2.0-only
#pragma once
#include <linux/sched.h>

/* A new thread on the stack that ca names; it runs start(arg), which never returns. The kernel's
 * answer in the caller. */
long clone_on(const struct clone_args *ca, void (*start)(void *arg), void *arg);
