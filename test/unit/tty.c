// SPDX-License-Identifier: GPL-2.0-only
/* Modes of a terminal to an image and back. */
#include "criu/files/tty.h"

#include <string.h>

#include "test/unit/test.h"

static struct termios2 modes_any(void)
{
	struct termios2 t = {
		.c_iflag = 0x4500,
		.c_oflag = 5,
		.c_cflag = 0xbf,
		.c_lflag = 0x8a3b,
		.c_ispeed = 38400,
		.c_ospeed = 38400,
	};

	for (size_t i = 0; i < TTY_NCC; i++)
		t.c_cc[i] = (cc_t)(i * 13 + 3);
	return t;
}

TEST(tty_modes_come_back)
{
	struct termios2 t = modes_any(), back = { .c_line = 7 };
	uint32_t cc[TTY_NCC];
	TermiosEntry e;

	termios_to_image(&t, &e, cc);
	CHECK_INT_EQ(e.n_c_cc, TTY_NCC);
	termios_from_image(&e, &back);
	CHECK_INT_EQ(back.c_line, 7); /* the line discipline is not a mode */
	back.c_line = t.c_line;
	CHECK(!memcmp(&t, &back, sizeof(t)));
}

/* A pty's in the sample of CRIU 4.2: intr 3, quit 28, erase 127, kill 21, eof 4, ... */
TEST(tty_modes_of_criu)
{
	uint32_t cc[TTY_NCC] = { 360651779, 65540, 1708817, 370609938 };
	static const cc_t want[TTY_NCC] = { 3,	28, 127, 21, 4,	 0,  1,	 0, 17, 19,
					    26, 0,  18,	 15, 23, 22, 0, 0,  0 };
	struct termios2 t = { .c_ispeed = 9600, .c_ospeed = 9600 };
	TermiosEntry e = TERMIOS_ENTRY__INIT;

	e.c_iflag = 1280;
	e.c_oflag = 5;
	e.c_cflag = 191;
	e.c_lflag = 35387;
	e.c_cc = cc;
	e.n_c_cc = TTY_NCC;
	termios_from_image(&e, &t);
	CHECK(!memcmp(t.c_cc, want, sizeof(want)));
	CHECK_INT_EQ(t.c_lflag, 35387);
	CHECK_INT_EQ(t.c_ispeed, 9600); /* not in the image */
}

TEST(tty_characters_one_in_each_number)
{
	uint32_t cc[TTY_NCC];
	struct termios2 t = { 0 };
	TermiosEntry e = TERMIOS_ENTRY__INIT;

	for (size_t i = 0; i < TTY_NCC; i++)
		cc[i] = (uint32_t)i + 1;
	e.c_cc = cc;
	e.n_c_cc = TTY_NCC;
	termios_from_image(&e, &t);
	for (size_t i = 0; i < TTY_NCC; i++)
		CHECK_INT_EQ(t.c_cc[i], i + 1);
}

TEST(tty_characters_of_a_forged_image)
{
	uint32_t cc[64];
	struct termios2 t = { 0 };
	TermiosEntry e = TERMIOS_ENTRY__INIT;

	memset(cc, 0xff, sizeof(cc));
	e.c_cc = cc;
	for (e.n_c_cc = 0; e.n_c_cc <= 64; e.n_c_cc++)
		termios_from_image(&e, &t);
	CHECK_INT_EQ(t.c_cc[TTY_NCC - 1], 0xff);
	e.c_cc = NULL;
	e.n_c_cc = 0;
	memset(&t, 0x55, sizeof(t));
	termios_from_image(&e, &t);
	CHECK_INT_EQ(t.c_cc[0], 0x55); /* what is not there stays */
}
