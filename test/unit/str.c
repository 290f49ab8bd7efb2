// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/str.h"

#include <stdio.h>

#include "test/unit/test.h"

static bool becomes(const char *from, const char *to)
{
	char buf[64];

	snprintf(buf, sizeof(buf), "%s", from);
	str_make_printable(buf);
	return CHECK(str_eq(buf, to));
}

TEST(str_printable_keeps_text)
{
	becomes("", "");
	becomes("/tmp/a b\tc\n", "/tmp/a b\tc\n");
	becomes("/t\xc3\xa4st/\xe2\x82\xac/\xf0\x9f\x90\xa7",
		"/t\xc3\xa4st/\xe2\x82\xac/\xf0\x9f\x90\xa7");
}

TEST(str_printable_replaces_the_rest)
{
	becomes("a\x1b[2Jb\r", "a?[2Jb?");
	becomes("\x7f\x80\xff", "???");
	becomes("\xc3", "?");
	becomes("\xc3(", "?(");
	becomes("\xe2\x82", "??");
	becomes("\xc0\xaf", "??");
	becomes("\xc2\x9b"
		"31m",
		"??31m");
	becomes("\xf5\x80\x80\x80", "????");
	becomes("\xe0\x9f\xbf", "???");
	becomes("\xed\xa0\x80", "???");
	becomes("\xf0\x8f\xbf\xbf", "????");
	becomes("\xf4\x90\x80\x80", "????");
}

TEST(str_line_is_one)
{
	char buf[] = "/tmp/a\nError: \tb\xc3\xa4";

	str_make_line(buf);
	CHECK(str_eq(buf, "/tmp/a?Error: ?b\xc3\xa4"));
}
