// SPDX-License-Identifier: GPL-2.0-only
/* NUMA memory policies of mappings, mbind(2): many, of several kinds, also of a part of one. */
#include "zdtmtst.h"

#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NODE_BITS 1025
#define PAGE      4096ul
#define RANGES    40

static char *filename;
TEST_OPTION(filename, string, "file to map", true);

static void set(char *at, size_t len, int mode, unsigned long node)
{
	unsigned long nodes[16] = { node };

	must(syscall(SYS_mbind, at, len, mode, nodes, NODE_BITS, 0));
}

static void check(const char *what, const char *at, int mode, unsigned long node)
{
	unsigned long nodes[16] = { 0 };
	int now = -1;

	must(syscall(SYS_get_mempolicy, &now, nodes, NODE_BITS, at, MPOL_F_ADDR));
	if (now != mode || nodes[0] != node)
		fail("%s has mode %#x and nodes %#lx", what, now, nodes[0]);
}

int main(int argc, char **argv)
{
	char *many, *shared, *file, *none;

	test_init(argc, argv);
	many = map_anon(2 * RANGES * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(many, 2 * RANGES * PAGE, 1);
	for (size_t i = 0; i < RANGES; i++)
		set(many + 2 * i * PAGE, PAGE, i % 2 ? MPOL_BIND : MPOL_INTERLEAVE, 1);
	shared = (char *)must(
	    (long)mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	set(shared + PAGE, PAGE, MPOL_PREFERRED | MPOL_F_STATIC_NODES, 1);
	file = (char *)must((long)mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
				       file_make(filename, 2 * PAGE, 2), 0));
	set(file, 2 * PAGE, MPOL_LOCAL, 0);
	none = map_anon(PAGE, PROT_NONE, 0);
	set(none, PAGE, MPOL_BIND, 1);
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < RANGES; i++) {
		check("a mapping", many + 2 * i * PAGE, i % 2 ? MPOL_BIND : MPOL_INTERLEAVE, 1);
		check("a mapping without", many + (2 * i + 1) * PAGE, MPOL_DEFAULT, 0);
	}
	check("the start of shared memory", shared, MPOL_DEFAULT, 0);
	check("the middle of shared memory", shared + PAGE, MPOL_PREFERRED | MPOL_F_STATIC_NODES,
	      1);
	check("the end of shared memory", shared + 2 * PAGE, MPOL_DEFAULT, 0);
	check("a file", file + PAGE, MPOL_LOCAL, 0);
	check("what cannot be read", none, MPOL_BIND, 1);
	if (datachk(many, 2 * RANGES * PAGE, 1) != 2 * RANGES * PAGE)
		fail("the contents are others");
	return pass();
}
