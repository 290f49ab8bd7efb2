// SPDX-License-Identifier: GPL-2.0-only
/* A 64-bit program with a thread in 32-bit code, as emulators of other systems have them. */
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "zdtmtst.h"

#define STACK_BYTES 65536
#define CODE_BYTES  4096

struct far {
	uint64_t r12;
	uint32_t on, over;
	uint8_t *stack_top;
	uint8_t stack[STACK_BYTES];
	uint8_t code[CODE_BYTES];
};

extern const uint8_t far_begin[], far_end[];

/* It runs from low memory: a far return to it has an address of 32 bits. */
/* clang-format off */
asm("	.text\n"
    "far_begin:\n"
    "	push %rbx; push %rbp; push %r12; push %r13\n"
    "	mov %rsp, %r12\n"
    "	mov 16(%rdi), %rsp\n"
    "	mov $0x2b, %eax\n" /* what 64-bit code need not have */
    "	mov %eax, %ds; mov %eax, %es\n"
    "	lea 2f(%rip), %rax\n"
    "	movl $0x23, -4(%rsp)\n"
    "	movl %eax, -8(%rsp)\n"
    "	sub $8, %rsp\n"
    "	lcall *(%rsp)\n"
    "	mov %r12, 0(%rdi)\n"
    "	mov %r12, %rsp\n"
    "	pop %r13; pop %r12; pop %rbp; pop %rbx\n"
    "	ret\n"
    "	.code32\n"
    "2:	movl $1, 8(%edi)\n"
    "9:	cmpl $0, 12(%edi)\n"
    "	je 9b\n"
    "	lret\n"
    "	.code64\n"
    "far_end:\n");
/* clang-format on */

static void *spinner(void *arg)
{
	struct far *far = arg;
	void (*code)(struct far *) = (void (*)(struct far *))(uintptr_t)far->code;

	code(far);
	return NULL;
}

int main(int argc, char **argv)
{
	struct far *far;
	pthread_t thread;

	test_init(argc, argv);
	far = mmap(NULL, sizeof(*far), PROT_READ | PROT_WRITE | PROT_EXEC,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	expect(far != MAP_FAILED, "no low memory");
	memcpy(far->code, far_begin, (size_t)(far_end - far_begin));
	far->stack_top = far->code;
	thread = test_thread(spinner, far);
	while (!__atomic_load_n(&far->on, __ATOMIC_SEQ_CST))
		continue;
	test_daemon();
	test_waitsig();
	__atomic_store_n(&far->over, 1, __ATOMIC_SEQ_CST);
	must0(pthread_join(thread, NULL));
	if (far->r12 >> 32 == 0)
		return fail("r12, which 32-bit code does not have, is %#lx",
			    (unsigned long)far->r12);
	return pass();
}
