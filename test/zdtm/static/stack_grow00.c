// SPDX-License-Identifier: GPL-2.0-only
/* The main thread's stack goes on growing. */
#include "zdtmtst.h"

#define DEPTH 500
#define FRAME 8192

static int __attribute__((noinline)) descend(uint32_t depth)
{
	volatile uint8_t frame[FRAME];
	int bad = 0;

	datagen((void *)frame, sizeof(frame), depth);
	if (depth)
		bad = descend(depth - 1);
	return bad + (datachk((void *)frame, sizeof(frame), depth) != sizeof(frame));
}

int main(int argc, char **argv)
{
	uint8_t frame[FRAME];
	int bad;

	test_init(argc, argv);
	datagen(frame, sizeof(frame), 1);
	test_daemon();
	test_waitsig();

	if (datachk(frame, sizeof(frame), 1) != sizeof(frame))
		return fail("the frame of main is damaged");
	bad = descend(DEPTH);
	if (bad)
		return fail("%d frames are damaged", bad);
	return pass();
}
