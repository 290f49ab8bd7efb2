// SPDX-License-Identifier: GPL-2.0-only
/* What a seccomp filter says of a system call whose arguments are not known. */
#pragma once
#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

/* True: SECCOMP_RET_ALLOW for every argument. False: something else, or it depends. */
bool verdict_is_allow(const struct sock_filter *insn, uint32_t len, int nr);
