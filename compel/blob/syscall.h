// SPDX-License-Identifier: GPL-2.0-only
/* System calls without a libc: the kernel's return value, -errno included. */
#pragma once
#include <asm/unistd.h>
#include <stdint.h>

static inline long blob_syscall(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
				uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	long r;

	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return r;
}

#define BLOB_ADDR(p)            ((uint64_t)(uintptr_t)(p))
#define blob_syscall0(nr)       blob_syscall(nr, 0, 0, 0, 0, 0, 0)
#define blob_syscall1(nr, a)    blob_syscall(nr, (uint64_t)(a), 0, 0, 0, 0, 0)
#define blob_syscall2(nr, a, b) blob_syscall(nr, (uint64_t)(a), (uint64_t)(b), 0, 0, 0, 0)
#define blob_syscall3(nr, a, b, c)                                                                 \
	blob_syscall(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), 0, 0, 0)
#define blob_syscall4(nr, a, b, c, d)                                                              \
	blob_syscall(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d), 0, 0)
#define blob_syscall5(nr, a, b, c, d, e)                                                           \
	blob_syscall(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d),               \
		     (uint64_t)(e), 0)
#define blob_syscall6(nr, a, b, c, d, e, f)                                                        \
	blob_syscall(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), (uint64_t)(d),               \
		     (uint64_t)(e), (uint64_t)(f))
