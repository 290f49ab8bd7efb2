// SPDX-License-Identifier: GPL-2.0-only
/* The permission to use AMX, and a tile with data. */
#include "zdtmtst.h"

#include <immintrin.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GET_PERM  0x1022 /* ARCH_GET_XCOMP_PERM, Linux 5.16 */
#define REQ_PERM  0x1023
#define TILE_DATA 18

/* LDTILECFG: Intel SDM vol. 1, 18.2. */
struct config {
	uint8_t palette, start_row, reserved[14];
	uint16_t bytes[16]; /* of a row */
	uint8_t rows[16];
} __attribute__((aligned(64)));

static uint8_t in[16][64] __attribute__((aligned(64))), out[16][64] __attribute__((aligned(64)));

__attribute__((target("amx-tile"))) static void load(void)
{
	struct config c = { .palette = 1, .bytes = { 64 }, .rows = { 16 } };

	_tile_loadconfig(&c);
	_tile_loadd(0, in, 64);
}

__attribute__((target("amx-tile"))) static void store(void)
{
	_tile_stored(0, out, 64);
	_tile_release();
}

int main(int argc, char **argv)
{
	uint64_t perm = 0;

	test_init(argc, argv);
	must(syscall(SYS_arch_prctl, REQ_PERM, TILE_DATA));
	datagen(in, sizeof(in), 1);
	load();
	test_daemon();
	test_waitsig();

	must(syscall(SYS_arch_prctl, GET_PERM, &perm));
	if (!(perm & 1ull << TILE_DATA))
		return fail("the permission is %#llx", (unsigned long long)perm);
	store();
	if (memcmp(in, out, sizeof(in)) != 0)
		return fail("the tile has other data");
	return pass();
}
