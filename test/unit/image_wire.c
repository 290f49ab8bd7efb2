// SPDX-License-Identifier: GPL-2.0-only
/* criu/image/wire.c: records that protobuf-c would take, or would say nothing about. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "criu/image/wire.h"
#include "images/apparmor.pb-c.h"
#include "images/core.pb-c.h"
#include "images/file.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/mm.pb-c.h"
#include "images/netns.pb-c.h"
#include "images/pstree.pb-c.h"
#include "images/uts.pb-c.h"
#include "test/unit/test.h"

static char why[256];

#define BYTES(...)      (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })
#define GOOD(desc, ...) CHECK(wire_check(&desc##__descriptor, BYTES(__VA_ARGS__), why, sizeof(why)))
#define BAD(text, desc, ...)                                                                       \
	do {                                                                                       \
		why[0] = '\0';                                                                     \
		CHECK(!wire_check(&desc##__descriptor, BYTES(__VA_ARGS__), why, sizeof(why)));     \
		CHECK_STR_HAS(why, text);                                                          \
	} while (0)

TEST(wire_takes_what_is_right)
{
	GOOD(fs_entry, 8, 1, 16, 2);
	GOOD(fs_entry, 16, 2, 8, 1); /* any order */
	GOOD(fs_entry, 8, 1, 16, 2, 24, 0xff, 0xff, 0xff, 0xff, 0x0f);
	GOOD(pstree_entry, 8, 1, 16, 1, 24, 1, 32, 1, 40, 1, 40, 2);
	GOOD(pstree_entry, 8, 1, 16, 1, 24, 1, 32, 1, 42, 2, 1, 2); /* packed */
	GOOD(utsns_entry, 10, 1, 'a', 18, 0);
}

TEST(wire_takes_negative_numbers)
{
	GOOD(netns_id, 8, 1, 16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
	BAD("netnsid_value", netns_id, 8, 1, 16, 0xff, 0xff, 0xff, 0xff, 0x0f);
	BAD("netnsid_value", netns_id, 8, 1, 16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 3);
}

TEST(wire_names_what_is_missing)
{
	BAD("root_id: missing", fs_entry, 8, 1);
	BAD("cwd_id: missing", fs_entry, 16, 1);
	BAD("reg.fown.uid: missing", file_entry, 8, 1, 16, 1, 26, 10, 8, 1, 16, 1, 24, 0, 42, 0, 50,
	    0);
	CHECK(!wire_check(&fs_entry__descriptor, (const uint8_t *)"", 0, why, sizeof(why)));
}

TEST(wire_refuses_what_stands_twice)
{
	BAD("cwd_id: there twice", fs_entry, 8, 1, 16, 2, 8, 1);
	BAD("nodename: there twice", utsns_entry, 10, 1, 'a', 10, 1, 'b', 18, 0);
}

TEST(wire_refuses_other_types)
{
	BAD("cwd_id: encoded as another type", fs_entry, 10, 1, 1, 16, 2);
	BAD("cwd_id: encoded as another type", fs_entry, 13, 1, 0, 0, 0, 16, 2);
	BAD("nodename: encoded as another type", utsns_entry, 8, 1, 18, 0);
}

TEST(wire_refuses_numbers_out_of_range)
{
	BAD("cwd_id: 4294967296 does not fit", fs_entry, 8, 0x80, 0x80, 0x80, 0x80, 0x10, 16, 2);
	BAD("cwd_id: a broken number", fs_entry, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 0x02, 16, 2);
	BAD("root_id: a broken number", fs_entry, 8, 1, 16, 0x80);
	BAD("thp_disabled: 2 is neither", mm_entry, 0x88, 1, 2);
}

TEST(wire_refuses_unknown_enum_values)
{
	GOOD(file_entry, 8, 0xff, 0xff, 3, 16, 1);
	BAD("type: unknown value 77", file_entry, 8, 77, 16, 1);
	BAD("type: unknown value -1", file_entry, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 1, 16, 1);
	BAD("type: unknown value 4294967297", file_entry, 8, 0x81, 0x80, 0x80, 0x80, 0x10, 16, 1);
}

TEST(wire_refuses_nul_in_strings)
{
	BAD("nodename: a NUL", utsns_entry, 10, 2, 'a', 0, 18, 0);
}

TEST(wire_refuses_lengths_beyond_the_end)
{
	BAD("nodename: longer", utsns_entry, 10, 4, 'a', 18, 0);
	BAD("nodename: longer", utsns_entry, 10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	    0xff, 1, 18, 0);
	/* inside a message, its end counts */
	BAD("reg.name: longer", file_entry, 8, 1, 16, 1, 26, 3, 50, 3, 'a', 'b', 'c');
}

TEST(wire_skips_unknown_fields)
{
	GOOD(fs_entry, 8, 1, 16, 2, 0xc0, 0x3e, 5); /* 1000: varint */
	GOOD(fs_entry, 8, 1, 16, 2, 0xc2, 0x3e, 1, 'x');
	GOOD(fs_entry, 0xc1, 0x3e, 1, 2, 3, 4, 5, 6, 7, 8, 8, 1, 16, 2);
	GOOD(fs_entry, 0xc5, 0x3e, 1, 2, 3, 4, 8, 1, 16, 2);
	BAD("unknown field 1000", fs_entry, 8, 1, 16, 2, 0xc2, 0x3e, 2, 'x');
	BAD("unknown field 1000", fs_entry, 8, 1, 16, 2, 0xc1, 0x3e, 1);
	BAD("unknown field 1000", fs_entry, 8, 1, 16, 2, 0xc3, 0x3e); /* a group */
	BAD("no field", fs_entry, 8, 1, 16, 2, 0, 0);
	BAD("no field", fs_entry, 8, 1, 16, 2, 0x80);
}

TEST(wire_bounds_unknown_fields)
{
	uint8_t buf[4 + 3 * (WIRE_UNKNOWN_MAX + 1)] = { 8, 1, 16, 2 };
	size_t size = 4;

	for (unsigned int i = 0; i <= WIRE_UNKNOWN_MAX; i++) {
		CHECK(wire_check(&fs_entry__descriptor, buf, size, why, sizeof(why)));
		memcpy(buf + size, (const uint8_t[]){ 0xc0, 0x3e, 1 }, 3);
		size += 3;
	}
	CHECK(!wire_check(&fs_entry__descriptor, buf, size, why, sizeof(why)));
}

/* aa_namespace { name = "", namespaces = { the same, one level less } } */
static size_t nest(uint8_t *buf, size_t cap, unsigned int depth)
{
	size_t at = cap;

	for (unsigned int i = 0; i < depth; i++) {
		size_t size = cap - at;

		if (i) {
			if (size >> 7)
				buf[--at] = (uint8_t)(size >> 7);
			buf[--at] = (uint8_t)(size & 0x7f) | (size >> 7 ? 0x80 : 0);
			buf[--at] = 26;
		}
		buf[--at] = 0;
		buf[--at] = 10;
	}
	memmove(buf, buf + at, cap - at);
	return cap - at;
}

TEST(wire_bounds_depth)
{
	static uint8_t buf[8192];
	size_t size;

	size = nest(buf, sizeof(buf), WIRE_DEPTH_MAX + 1);
	if (!CHECK(wire_check(&aa_namespace__descriptor, buf, size, why, sizeof(why))))
		CHECK_STR_EQ(why, "");
	size = nest(buf, sizeof(buf), WIRE_DEPTH_MAX + 2);
	CHECK(!wire_check(&aa_namespace__descriptor, buf, size, why, sizeof(why)));
	/* The path does not fit in `why`: it is cut off, and that is all. */
	CHECK(strlen(why) < sizeof(why));
}
