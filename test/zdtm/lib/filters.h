// SPDX-License-Identifier: GPL-2.0-only
/* seccomp filters that single out one system call. */
#pragma once

#include <stdint.h>

/* For system call NR the verdict is VERDICT (SECCOMP_RET_*), all others are allowed. FLAGS are
 * SECCOMP_FILTER_FLAG_*. What seccomp(2) returns; the caller has no_new_privs or may do without. */
long filter_add(long nr, uint32_t verdict, uint32_t flags);
/* Only the calls of the list, which ends with -1, are allowed: any other ends the process. */
long filter_only(const long *list);
