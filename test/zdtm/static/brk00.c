// SPDX-License-Identifier: GPL-2.0-only
/* The heap below the program break: it keeps its contents and goes on growing. */
#include "zdtmtst.h"

#include <unistd.h>

#define SIZE 300000

int main(int argc, char **argv)
{
	uint8_t *first, *end, *more;

	test_init(argc, argv);
	first = (uint8_t *)must(sbrk(SIZE));
	datagen(first, SIZE, 1);
	end = (uint8_t *)must(sbrk(0));
	test_daemon();
	test_waitsig();

	if (sbrk(0) != end)
		return fail("the break is %p instead of %p", sbrk(0), (void *)end);
	if (datachk(first, SIZE, 1) != SIZE)
		return fail("byte %zu is wrong", datachk(first, SIZE, 1));
	more = sbrk(SIZE);
	if (more != end)
		return fail("the heap did not grow: %p instead of %p", (void *)more, (void *)end);
	datagen(more, SIZE, 2);
	if (datachk(first, SIZE, 1) != SIZE || datachk(more, SIZE, 2) != SIZE)
		return fail("old and new part are mixed up");
	must(sbrk(-2 * SIZE));
	if (sbrk(0) != first)
		return fail("the heap did not shrink");
	return pass();
}
