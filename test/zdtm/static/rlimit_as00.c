// SPDX-License-Identifier: GPL-2.0-only
/* A process with hardly any room left in its address space (RLIMIT_AS). */
#include "zdtmtst.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>

#define SIZE (1 << 20)
#define PAGE 4096

int main(int argc, char **argv)
{
	struct rlimit limit;
	uint8_t *memory;
	char text[128];

	test_init(argc, argv);
	memory = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	datagen(memory, SIZE, 1);
	file_read_text("/proc/self/statm", text, sizeof(text));
	must(getrlimit(RLIMIT_AS, &limit));
	limit.rlim_cur = strtoul(text, NULL, 10) * PAGE + PAGE;
	must(setrlimit(RLIMIT_AS, &limit));
	test_daemon();
	test_waitsig();

	if (mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ||
	    errno != ENOMEM)
		fail("the limit is gone");
	if (datachk(memory, SIZE, 1) != SIZE)
		fail("the memory is damaged");
	return pass();
}
