// SPDX-License-Identifier: GPL-2.0-only
/* All memory offered for merging (PR_SET_MEMORY_MERGE), but for one mapping; and a child's not. */
#include "zdtmtst.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#ifndef PR_SET_MEMORY_MERGE /* Linux 6.4 */
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif

#define SIZE 65536ul

/* VmFlags of the mapping has "mg". */
static bool offered(const char *at)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long start = 0, end;
	char line[4096];
	bool found = false;

	expect(f, "no smaps");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			found = start <= (unsigned long)at && (unsigned long)at < end;
		else if (found && !strncmp(line, "VmFlags:", 8))
			break;
	}
	fclose(f);
	expect(found, "no mapping at %p", (const void *)at);
	return strstr(line, " mg");
}

static int child(void *arg)
{
	must(prctl(PR_SET_MEMORY_MERGE, 0, 0, 0, 0));
	ready_report(arg);
	test_waitsig();
	expect(must(prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0)) == 0, "the child's is offered");
	expect(!offered(map_anon(SIZE, PROT_READ | PROT_WRITE, 0)), "the child's new is offered");
	return 0;
}

int main(int argc, char **argv)
{
	char *mine, *not_mine;
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	must(prctl(PR_SET_MEMORY_MERGE, 1, 0, 0, 0));
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	mine = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	not_mine = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	datagen(mine, SIZE, 1);
	datagen(not_mine, SIZE, 1);
	must(madvise(not_mine, SIZE, MADV_UNMERGEABLE));
	test_daemon();
	test_waitsig();

	if (must(prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0)) != 1)
		fail("the process is not offered any more");
	if (!offered(mine) || !offered(map_anon(SIZE, PROT_READ, 0)))
		fail("a mapping is not offered any more");
	if (offered(not_mine))
		fail("a mapping is offered that was not");
	if (datachk(mine, SIZE, 1) != SIZE || datachk(not_mine, SIZE, 1) != SIZE)
		fail("the contents are others");
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	return pass();
}
