// SPDX-License-Identifier: GPL-2.0-only
/* Names of anonymous mappings (PR_SET_VMA_ANON_NAME), where the kernel has them. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#define SIZE (1 << 20)

#ifndef PR_SET_VMA
#define PR_SET_VMA           0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

/* How often /proc/self/maps has the name. */
static int count(const char *name)
{
	int fd = must(open("/proc/self/maps", O_RDONLY)), nr = 0;
	static char text[SIZE];
	size_t len = 0;
	ssize_t n;

	memset(text, 0, sizeof(text));
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	for (const char *at = text; (at = strstr(at, name)); at++)
		nr++;
	return nr;
}

int main(int argc, char **argv)
{
	bool has_names;
	char *mem;

	test_init(argc, argv);
	mem = map_anon(3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE);
	mem[4096] = 1;
	has_names = !prctl(PR_SET_VMA, PR_SET_VMA_ANON_NAME, mem + 4096, 4096, "the middle");
	test_daemon();
	test_waitsig();

	if (count("[anon:the middle]") != has_names)
		return fail("the name is there %d times", count("[anon:the middle]"));
	return pass();
}
