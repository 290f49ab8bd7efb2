// SPDX-License-Identifier: GPL-2.0-only
/* All registers of a thread of 32-bit code that makes no system call: general, segments with
 * one from the GDT, x87 and SSE. */
#include <asm/ldt.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "zdtmtst.h"

#define GENERAL        7 /* eax ebx ecx edx esi edi ebp */
#define FLAGS          7
#define DIRECTION_FLAG 0x400
#define SEGMENTS       6
#define X87_DEPTH      3
#define XMM_BYTES      128

/* What the segment of fs begins at, so that the loop needs no general register. */
static struct {
	uint32_t value, on, over;
} far = { .value = 0x0ddba11 };

struct registers {
	uint32_t in[GENERAL + 1], out[GENERAL + 1];
	uint32_t sp_in, sp_out;
	uint16_t segment_in[SEGMENTS], segment_out[SEGMENTS]; /* cs ds es fs gs ss */
	uint32_t far_value;
	uint32_t fs;
	double x87_in[X87_DEPTH], x87_out[X87_DEPTH];
	uint8_t xmm_in[XMM_BYTES], xmm_out[XMM_BYTES];
};

#define OUT     "32"
#define SP      "64"
#define SEG     "72"
#define SEG_OUT "84"
#define FAR     "96"
#define FS      "100"
#define X87     "104"
#define X87_OUT "128"
#define XMM     "152"
#define XMM_OUT "280"

_Static_assert(offsetof(struct registers, segment_in) == 72, "SEG");
_Static_assert(offsetof(struct registers, x87_in) == 104, "X87");
_Static_assert(offsetof(struct registers, xmm_out) == 280, "XMM_OUT");

void regs_spin(struct registers *registers);

/* clang-format off */
asm("	.text\n"
    "regs_spin:\n"
    "	pushal\n"
    "	push %fs\n"
    "	mov 40(%esp), %ebp\n" /* the argument: the registers */
    "	mov " FS "(%ebp), %fs\n"
    "	fninit\n"
    "	fldl " X87 "(%ebp); fldl " X87 "+8(%ebp); fldl " X87 "+16(%ebp)\n"
    "	movdqu " XMM "(%ebp), %xmm0; movdqu " XMM "+16(%ebp), %xmm1\n"
    "	movdqu " XMM "+32(%ebp), %xmm2; movdqu " XMM "+48(%ebp), %xmm3\n"
    "	movdqu " XMM "+64(%ebp), %xmm4; movdqu " XMM "+80(%ebp), %xmm5\n"
    "	movdqu " XMM "+96(%ebp), %xmm6; movdqu " XMM "+112(%ebp), %xmm7\n"
    "	mov %cs, " SEG "(%ebp); mov %ds, " SEG "+2(%ebp); mov %es, " SEG "+4(%ebp)\n"
    "	mov %fs, " SEG "+6(%ebp); mov %gs, " SEG "+8(%ebp); mov %ss, " SEG "+10(%ebp)\n"
    "	push %ebp\n" /* to be found again at the end */
    "	mov %esp, " SP "(%ebp)\n"
    "	mov 0(%ebp), %eax; mov 4(%ebp), %ebx; mov 8(%ebp), %ecx\n"
    "	mov 12(%ebp), %edx; mov 16(%ebp), %esi; mov 20(%ebp), %edi\n"
    "	mov 24(%ebp), %ebp\n"
    "	std\n"
    "	movl $1, %fs:4\n"
    "9:	cmpl $0, %fs:8\n"
    "	je 9b\n"
    "	pushfl\n"
    "	cld\n"
    "	push %ebp\n"
    "	mov 8(%esp), %ebp\n"
    "	mov %eax, " OUT "(%ebp); mov %ebx, " OUT "+4(%ebp); mov %ecx, " OUT "+8(%ebp)\n"
    "	mov %edx, " OUT "+12(%ebp); mov %esi, " OUT "+16(%ebp); mov %edi, " OUT "+20(%ebp)\n"
    "	pop %eax; mov %eax, " OUT "+24(%ebp)\n"
    "	pop %eax; mov %eax, " OUT "+28(%ebp)\n"
    "	mov %esp, " SP "+4(%ebp)\n"
    "	pop %ebp\n"
    "	mov %cs, " SEG_OUT "(%ebp); mov %ds, " SEG_OUT "+2(%ebp); mov %es, " SEG_OUT "+4(%ebp)\n"
    "	mov %fs, " SEG_OUT "+6(%ebp); mov %gs, " SEG_OUT "+8(%ebp); mov %ss, " SEG_OUT "+10(%ebp)\n"
    "	mov %fs:0, %eax; mov %eax, " FAR "(%ebp)\n"
    "	fstpl " X87_OUT "+16(%ebp); fstpl " X87_OUT "+8(%ebp); fstpl " X87_OUT "(%ebp)\n"
    "	movdqu %xmm0, " XMM_OUT "(%ebp); movdqu %xmm1, " XMM_OUT "+16(%ebp)\n"
    "	movdqu %xmm2, " XMM_OUT "+32(%ebp); movdqu %xmm3, " XMM_OUT "+48(%ebp)\n"
    "	movdqu %xmm4, " XMM_OUT "+64(%ebp); movdqu %xmm5, " XMM_OUT "+80(%ebp)\n"
    "	movdqu %xmm6, " XMM_OUT "+96(%ebp); movdqu %xmm7, " XMM_OUT "+112(%ebp)\n"
    "	pop %fs\n"
    "	popal\n"
    "	ret\n");
/* clang-format on */

static void *spinner(void *registers)
{
	struct registers *r = registers;
	struct user_desc d = {
		.entry_number = (unsigned int)-1,
		.base_addr = (unsigned int)(uintptr_t)&far,
		.limit = sizeof(far) - 1,
		.seg_32bit = 1,
		.useable = 1,
	};

	must(syscall(SYS_set_thread_area, &d));
	r->fs = d.entry_number << 3 | 3;
	regs_spin(r);
	return NULL;
}

int main(int argc, char **argv)
{
	static const char *const names[GENERAL] = {
		"eax", "ebx", "ecx", "edx", "esi", "edi", "ebp"
	};
	static struct registers r;
	pthread_t thread;

	test_init(argc, argv);
	datagen(r.in, sizeof(r.in), 1);
	datagen(r.xmm_in, sizeof(r.xmm_in), 2);
	for (int i = 0; i < X87_DEPTH; i++)
		r.x87_in[i] = 1.5 + i / 3.0;
	thread = test_thread(spinner, &r);
	while (!__atomic_load_n(&far.on, __ATOMIC_SEQ_CST))
		continue;
	test_daemon();
	test_waitsig();
	__atomic_store_n(&far.over, 1, __ATOMIC_SEQ_CST);
	must0(pthread_join(thread, NULL));

	for (int i = 0; i < GENERAL; i++)
		if (r.out[i] != r.in[i])
			fail("%s is %#x instead of %#x", names[i], r.out[i], r.in[i]);
	if (!(r.out[FLAGS] & DIRECTION_FLAG))
		fail("the direction flag is clear");
	if (r.sp_out != r.sp_in)
		fail("esp is %#x instead of %#x", r.sp_out, r.sp_in);
	for (int i = 0; i < SEGMENTS; i++)
		if (r.segment_out[i] != r.segment_in[i])
			fail("segment register %d is %#x instead of %#x", i, r.segment_out[i],
			     r.segment_in[i]);
	if (r.far_value != far.value)
		fail("fs leads to %#x", r.far_value);
	for (int i = 0; i < X87_DEPTH; i++)
		if (r.x87_out[i] < r.x87_in[i] || r.x87_out[i] > r.x87_in[i])
			fail("x87 register %d is %f instead of %f", i, r.x87_out[i], r.x87_in[i]);
	if (memcmp(r.xmm_in, r.xmm_out, XMM_BYTES) != 0)
		fail("SSE registers are others");
	return pass();
}
