// SPDX-License-Identifier: GPL-2.0-only
/* Other programs, as those who configure a network use them. */
#include "zdtmtst.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMAND_BYTES 512
#define OUTPUT_BYTES  65536

void command_run(const char *fmt, ...)
{
	char text[COMMAND_BYTES];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	expect(system(text) == 0, "%s", text);
}

char *command_output(const char *fmt, ...)
{
	char text[COMMAND_BYTES], *buf = calloc(1, OUTPUT_BYTES);
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f = popen(text, "r");
	must(f && buf ? 0 : -1);
	expect(fread(buf, 1, OUTPUT_BYTES - 1, f) > 0, "%s: says nothing", text);
	expect(pclose(f) == 0, "%s", text);
	return buf;
}

bool same_lines(const char *before, const char *after)
{
	while (*before || *after) {
		int b = (int)strcspn(before, "\n"), a = (int)strcspn(after, "\n");

		if (a != b || strncmp(before, after, (size_t)b) != 0) {
			test_msg("before: %.*s\n", b, before);
			test_msg("after:  %.*s\n", a, after);
			return false;
		}
		before += b + (before[b] != '\0');
		after += a + (after[a] != '\0');
	}
	return true;
}
