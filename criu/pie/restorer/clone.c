// SPDX-License-Identifier: GPL-2.0-only
#include "criu/pie/restorer/clone.h"

#include <asm/unistd.h>

/* The new thread starts on its own stack, with nothing but two registers. */
long clone_on(const struct clone_args *ca, void (*start)(void *arg), void *arg)
{
	register void *its __asm__("r12") = arg;
	register void (*go)(void *arg) __asm__("r13") = start;
	long ret;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "and $-16, %%rsp\n\t"
			 "call *%%r13\n\t"
			 "1:"
			 : "=a"(ret)
			 : "a"(__NR_clone3), "D"(ca), "S"(sizeof(*ca)), "r"(its), "r"(go)
			 : "rcx", "r11", "memory");
	return ret;
}
