// SPDX-License-Identifier: GPL-2.0-only
/* A 32-bit program with a thread in 64-bit code: registers that 32-bit code does not have. */
#include <string.h>

#include "zdtmtst.h"

#define EXTRA 8 /* r8 to r15 */

struct far {
	uint64_t in[EXTRA], out[EXTRA];
	uint32_t on, over;
};

void far_spin(struct far *far);

/* The second half of it is 64-bit code, which is entered and left by far calls. */
/* clang-format off */
asm("	.text\n"
    "far_spin:\n"
    "	push %ebx; push %esi; push %edi; push %ebp\n"
    "	mov 20(%esp), %edi\n"
    "	call 1f\n"
    "1:	pop %eax\n"
    "	add $(2f - 1b), %eax\n"
    "	push $0x33; push %eax\n"
    "	lcall *(%esp)\n"
    "	add $8, %esp\n"
    "	pop %ebp; pop %edi; pop %esi; pop %ebx\n"
    "	ret\n"
    "	.code64\n"
    "2:	mov %edi, %edi\n"
    "	mov 0(%rdi), %r8; mov 8(%rdi), %r9; mov 16(%rdi), %r10; mov 24(%rdi), %r11\n"
    "	mov 32(%rdi), %r12; mov 40(%rdi), %r13; mov 48(%rdi), %r14; mov 56(%rdi), %r15\n"
    "	movl $1, 128(%rdi)\n"
    "9:	cmpl $0, 132(%rdi)\n"
    "	je 9b\n"
    "	mov %r8, 64(%rdi); mov %r9, 72(%rdi); mov %r10, 80(%rdi); mov %r11, 88(%rdi)\n"
    "	mov %r12, 96(%rdi); mov %r13, 104(%rdi); mov %r14, 112(%rdi); mov %r15, 120(%rdi)\n"
    "	lretl\n" /* 32-bit operands: what lcall has pushed */
    "	.code32\n");
/* clang-format on */

static void *spinner(void *far)
{
	far_spin(far);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct far far;
	pthread_t thread;

	test_init(argc, argv);
	datagen(far.in, sizeof(far.in), 1);
	thread = test_thread(spinner, &far);
	while (!__atomic_load_n(&far.on, __ATOMIC_SEQ_CST))
		continue;
	test_daemon();
	test_waitsig();
	__atomic_store_n(&far.over, 1, __ATOMIC_SEQ_CST);
	must0(pthread_join(thread, NULL));
	for (int i = 0; i < EXTRA; i++)
		if (far.out[i] != far.in[i])
			fail("r%d is %#llx instead of %#llx", 8 + i, (unsigned long long)far.out[i],
			     (unsigned long long)far.in[i]);
	return pass();
}
