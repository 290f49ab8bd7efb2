// SPDX-License-Identifier: GPL-2.0-only
/* The general registers and the direction flag of a thread that makes no system call. */
#include <string.h>

#include "spin.h"
#include "zdtmtst.h"

/* rax rbx rcx rdx rsi rdi rbp r8 ... r15, then the flags. */
#define GENERAL        15
#define DIRECTION_FLAG 0x400

struct registers {
	uint64_t in[GENERAL];
	uint64_t out[GENERAL + 1];
};

void regs_spin(void *registers);

/* clang-format off */
asm("	.text\n"
    "regs_spin:\n"
    "	push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
    "	push %rdi\n"
    "	mov 0(%rdi), %rax;	mov 8(%rdi), %rbx;	mov 16(%rdi), %rcx\n"
    "	mov 24(%rdi), %rdx;	mov 32(%rdi), %rsi;	mov 48(%rdi), %rbp\n"
    "	mov 56(%rdi), %r8;	mov 64(%rdi), %r9;	mov 72(%rdi), %r10\n"
    "	mov 80(%rdi), %r11;	mov 88(%rdi), %r12;	mov 96(%rdi), %r13\n"
    "	mov 104(%rdi), %r14;	mov 112(%rdi), %r15;	mov 40(%rdi), %rdi\n"
    "	std\n" SPIN_LOOP
    "	pushf\n"
    "	cld\n"
    "	push %rdi\n"
    "	mov 16(%rsp), %rdi\n"
    "	mov %rax, 120(%rdi);	mov %rbx, 128(%rdi);	mov %rcx, 136(%rdi)\n"
    "	mov %rdx, 144(%rdi);	mov %rsi, 152(%rdi);	mov %rbp, 168(%rdi)\n"
    "	mov %r8, 176(%rdi);	mov %r9, 184(%rdi);	mov %r10, 192(%rdi)\n"
    "	mov %r11, 200(%rdi);	mov %r12, 208(%rdi);	mov %r13, 216(%rdi)\n"
    "	mov %r14, 224(%rdi);	mov %r15, 232(%rdi)\n"
    "	pop %rax;	mov %rax, 160(%rdi)\n"
    "	pop %rax;	mov %rax, 240(%rdi)\n"
    "	pop %rdi\n"
    "	pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n");
/* clang-format on */

int main(int argc, char **argv)
{
	static const char *const names[GENERAL] = { "rax", "rbx", "rcx", "rdx", "rsi",
						    "rdi", "rbp", "r8",  "r9",  "r10",
						    "r11", "r12", "r13", "r14", "r15" };
	static struct registers registers;

	test_init(argc, argv);
	datagen(registers.in, sizeof(registers.in), 1);
	spin_across(regs_spin, &registers);

	for (int i = 0; i < GENERAL; i++)
		if (registers.out[i] != registers.in[i])
			fail("%s is %#lx instead of %#lx", names[i],
			     (unsigned long)registers.out[i], (unsigned long)registers.in[i]);
	if (!(registers.out[GENERAL] & DIRECTION_FLAG))
		fail("the direction flag is clear");
	return pass();
}
