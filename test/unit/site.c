// SPDX-License-Identifier: GPL-2.0-only
/* Code that makes system calls is found among other bytes, or not at all. */
#include <stdint.h>
#include <string.h>

#include "compel/remote.h"
#include "test/unit/test.h"

TEST(site_64bit)
{
	uint8_t text[64] = { 0 };
	struct remote_site s = remote_site_find(text, sizeof(text));

	CHECK(s.syscall_ret == UINT64_MAX && s.sigreturn == UINT64_MAX);
	memcpy(text + 5, "\x0f\x05\xc3", 3);
	memcpy(text + 64 - 7, "\xb8\x0f\0\0\0\x0f\x05", 7); /* up to the end */
	s = remote_site_find(text, sizeof(text));
	CHECK_INT_EQ(s.syscall_ret, 5);
	CHECK_INT_EQ(s.sigreturn, 64 - 7);
	CHECK(!s.is_32bit);
	s = remote_site_find(text, sizeof(text) - 1);
	CHECK(s.sigreturn == UINT64_MAX);
}

TEST(site_32bit)
{
	uint8_t text[64] = { 0 };
	struct remote_site s;

	/* __kernel_vsyscall() on a processor that has syscall: its first one is not it. */
	memcpy(text + 3, "\x0f\x05\xcd\x80\x5d\x5a\x59\xc3", 8);
	memcpy(text + 20, "\xb8\x77\0\0\0\xcd\x80", 7); /* sigreturn, of the older kind */
	s = remote_site_find_32bit(text, sizeof(text));
	CHECK_INT_EQ(s.syscall_ret, 5);
	CHECK(s.sigreturn == UINT64_MAX);
	memcpy(text + 40, "\xb8\xad\0\0\0\xcd\x80", 7);
	s = remote_site_find_32bit(text, sizeof(text));
	CHECK_INT_EQ(s.sigreturn, 40);
	CHECK(s.is_32bit);
}
