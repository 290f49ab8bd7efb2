// SPDX-License-Identifier: GPL-2.0-only
/* The sixteen SSE registers of a thread that makes no system call. */
#include <string.h>

#include "spin.h"
#include "zdtmtst.h"

#define BYTES (16 * 16)

void sse_spin(void *bytes);

/* clang-format off */
#define EACH(op) \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) \
	op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD(n) "	movups " #n "*16(%rdi), %xmm" #n "\n"
#define STORE(n) "	movups %xmm" #n ", 256+" #n "*16(%rdi)\n"

asm("	.text\n"
    "sse_spin:\n" EACH(LOAD) SPIN_LOOP EACH(STORE)
    "	ret\n");
/* clang-format on */

int main(int argc, char **argv)
{
	static uint8_t bytes[2 * BYTES];
	size_t good;

	test_init(argc, argv);
	datagen(bytes, BYTES, 2);
	spin_across(sse_spin, bytes);

	good = datachk(bytes + BYTES, BYTES, 2);
	if (good != BYTES)
		return fail("xmm%zu differs at byte %zu", good / 16, good % 16);
	return pass();
}
