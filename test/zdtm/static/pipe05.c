// SPDX-License-Identifier: GPL-2.0-only
/* Pipes without a writer: one with data left, one empty. Both come to their end. */
#include "zdtmtst.h"

#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int full[2], empty[2];
	char text[16] = "";

	test_init(argc, argv);
	must(pipe(full));
	must(pipe(empty));
	must(write(full[1], "last words", 10));
	must(close(full[1]));
	must(close(empty[1]));
	test_daemon();
	test_waitsig();

	if (read(full[0], text, sizeof(text)) != 10 || strcmp(text, "last words"))
		fail("the data is \"%s\"", text);
	if (read(full[0], text, sizeof(text)) != 0)
		fail("the pipe does not end after its data");
	if (read(empty[0], text, sizeof(text)) != 0)
		fail("the empty pipe does not end");
	return pass();
}
