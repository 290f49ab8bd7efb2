// SPDX-License-Identifier: GPL-2.0-only
/* The x87 stack, its control word, and the SSE control register with rounding and masks. */
#include <string.h>

#include "spin.h"
#include "zdtmtst.h"

struct fpu {
	double in[2]; /* 0: st0, 8: st1 */
	double out[2]; /* 16, 24 */
	uint32_t mxcsr_in, mxcsr_out; /* 32, 36 */
	uint16_t control_in, control_out; /* 40, 42 */
};

void fpu_spin(void *fpu);

/* clang-format off */
asm("	.text\n"
    "fpu_spin:\n"
    "	sub $8, %rsp\n"
    "	fnstcw (%rsp)\n"
    "	stmxcsr 4(%rsp)\n"
    "	fldcw 40(%rdi)\n"
    "	ldmxcsr 32(%rdi)\n"
    "	fldl 8(%rdi)\n"
    "	fldl 0(%rdi)\n" SPIN_LOOP
    "	fstpl 16(%rdi)\n"
    "	fstpl 24(%rdi)\n"
    "	fnstcw 42(%rdi)\n"
    "	stmxcsr 36(%rdi)\n"
    "	fldcw (%rsp)\n"
    "	ldmxcsr 4(%rsp)\n"
    "	add $8, %rsp\n"
    "	ret\n");
/* clang-format on */

int main(int argc, char **argv)
{
	static struct fpu fpu = {
		.in = { 3.25, -1.0e300 },
		.mxcsr_in = 0x1f80 | 0x6000 | 0x8000 | 0x20, /* to zero, flush, inexact seen */
		.control_in = 0x037f | 0x0400, /* down */
	};

	test_init(argc, argv);
	spin_across(fpu_spin, &fpu);

	if (memcmp(fpu.in, fpu.out, sizeof(fpu.in)))
		fail("st0 is %g, st1 is %g", fpu.out[0], fpu.out[1]);
	if (fpu.control_out != fpu.control_in)
		fail("the control word is %#x instead of %#x", fpu.control_out, fpu.control_in);
	if (fpu.mxcsr_out != fpu.mxcsr_in)
		fail("mxcsr is %#x instead of %#x", fpu.mxcsr_out, fpu.mxcsr_in);
	return pass();
}
