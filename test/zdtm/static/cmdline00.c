// SPDX-License-Identifier: GPL-2.0-only
/* A command line that the process has overwritten in place, as daemons do to show their state. */
#include "zdtmtst.h"

#include <string.h>

int main(int argc, char **argv)
{
	static const char title[] = "zdtm: [writer] 3 clients";
	char text[4096];
	size_t room;

	test_init(argc, argv);
	room = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) + 1 - argv[0]);
	expect(room > sizeof(title), "the arguments are too short");
	memset(argv[0], 0, room);
	memcpy(argv[0], title, sizeof(title));
	test_daemon();
	test_waitsig();

	if (strcmp(argv[0], title))
		return fail("the memory says \"%s\"", argv[0]);
	if (file_read_text("/proc/self/cmdline", text, sizeof(text)) != room)
		return fail("the command line has another length");
	if (memcmp(text, argv[0], room))
		return fail("/proc/self/cmdline says \"%s\"", text);
	return pass();
}
