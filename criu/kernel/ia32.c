// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/ia32.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define LOW_BYTES 4096

static long call(long nr, uint64_t a, uint64_t b, uint64_t c)
{
	__asm__ volatile("int $0x80"
			 : "+a"(nr)
			 : "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	return nr;
}

/* Memory that such a call can reach. */
static void *low_new(void)
{
	return mmap(NULL, LOW_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
}

int ia32_get_robust_list(pid_t tid, uint64_t *ret_head, size_t *ret_len)
{
	uint32_t *low = low_new();
	uint64_t at = (uint64_t)(uintptr_t)low;
	long r;

	if (low == MAP_FAILED)
		return -errno;
	r = call(IA32_NR_GET_ROBUST_LIST, (uint64_t)tid, at, at + sizeof(*low));
	if (r >= 0) {
		*ret_head = low[0];
		*ret_len = low[1];
	}
	munmap(low, LOW_BYTES);
	return (int)r;
}

int ia32_open(const char *path, int flags)
{
	size_t len = strlen(path) + 1;
	char *low;
	long r;

	if (len > LOW_BYTES)
		return -ENAMETOOLONG;
	low = low_new();
	if (low == MAP_FAILED)
		return -errno;
	memcpy(low, path, len);
	r = call(IA32_NR_OPEN, (uint64_t)(uintptr_t)low, (uint64_t)(unsigned int)flags, 0);
	munmap(low, LOW_BYTES);
	return (int)r;
}
