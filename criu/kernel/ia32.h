// SPDX-License-Identifier: GPL-2.0-only
/* System calls as 32-bit code makes them, for what differs. Only where there are 32-bit tasks:
 * a kernel without CONFIG_IA32_EMULATION answers with SIGSEGV. Quiet. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Numbers: arch/x86/entry/syscalls/syscall_32.tbl. */
#define IA32_NR_OPEN            5
#define IA32_NR_RT_SIGACTION    174
#define IA32_NR_SET_ROBUST_LIST 311
#define IA32_NR_GET_ROBUST_LIST 312

/* What set_robust_list(2) of 32-bit code was told, which the 64-bit call does not see. */
int ia32_get_robust_list(pid_t tid, uint64_t *ret_head, size_t *ret_len);

/* open(2) without O_LARGEFILE, which the 64-bit call adds. */
#define IA32_O_LARGEFILE 0100000
int ia32_open(const char *path, int flags);
