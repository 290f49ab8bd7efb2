// SPDX-License-Identifier: GPL-2.0-only
/* The whole width of the AVX registers of a thread that makes no system call. */
#include <string.h>

#include "spin.h"
#include "zdtmtst.h"

#define BYTES (16 * 32)

void avx_spin(void *bytes);

/* clang-format off */
#define EACH(op) \
	op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) \
	op(8) op(9) op(10) op(11) op(12) op(13) op(14) op(15)
#define LOAD(n) "	vmovups " #n "*32(%rdi), %ymm" #n "\n"
#define STORE(n) "	vmovups %ymm" #n ", 512+" #n "*32(%rdi)\n"

asm("	.text\n"
    "avx_spin:\n" EACH(LOAD) SPIN_LOOP EACH(STORE)
    "	vzeroupper\n"
    "	ret\n");
/* clang-format on */

int main(int argc, char **argv)
{
	static uint8_t bytes[2 * BYTES];
	size_t good;

	test_init(argc, argv);
	datagen(bytes, BYTES, 3);
	spin_across(avx_spin, bytes);

	good = datachk(bytes + BYTES, BYTES, 3);
	if (good != BYTES)
		return fail("ymm%zu differs at byte %zu", good / 32, good % 32);
	return pass();
}
