// SPDX-License-Identifier: GPL-2.0-only
/* What madvise(2) has said about mappings, as far as it lasts. */
#include "zdtmtst.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define SIZE (16 * 4096)

static const struct {
	int advice;
	const char *flag;
	const char *name;
} advices[] = {
	{ MADV_DONTFORK, " dc", "DONTFORK" },     { MADV_DONTDUMP, " dd", "DONTDUMP" },
	{ MADV_WIPEONFORK, " wf", "WIPEONFORK" }, { MADV_HUGEPAGE, " hg", "HUGEPAGE" },
	{ MADV_NOHUGEPAGE, " nh", "NOHUGEPAGE" }, { MADV_MERGEABLE, " mg", "MERGEABLE" },
	{ MADV_SEQUENTIAL, " sr", "SEQUENTIAL" }, { MADV_RANDOM, " rr", "RANDOM" },
};

/* Does the mapping at ADDRESS have FLAG in its VmFlags? */
static bool has_flag(const void *address, const char *flag)
{
	FILE *smaps = fopen("/proc/self/smaps", "re");
	bool inside = false, found = false;
	unsigned long start, end;
	char line[1024];

	must(smaps ? 0 : -1);
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (unsigned long)address >= start && (unsigned long)address < end;
		else if (inside && !strncmp(line, "VmFlags:", 8))
			found = strstr(line, flag) != NULL;
	}
	fclose(smaps);
	return found;
}

int main(int argc, char **argv)
{
	uint8_t *areas[ARRAY_SIZE(advices)], *plain;

	test_init(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(advices); i++) {
		areas[i] = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
		datagen(areas[i], SIZE, (uint32_t)i);
		must(madvise(areas[i], SIZE, advices[i].advice));
	}
	plain = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(advices); i++) {
		if (!has_flag(areas[i], advices[i].flag))
			fail("MADV_%s is forgotten", advices[i].name);
		if (has_flag(plain, advices[i].flag))
			fail("MADV_%s is where it was not said", advices[i].name);
		if (datachk(areas[i], SIZE, (uint32_t)i) != SIZE)
			fail("the contents under MADV_%s are wrong", advices[i].name);
	}
	return pass();
}
