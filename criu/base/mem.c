// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *mem_check(void *p)
{
	static const char msg[] = "crtool: out of memory\n";

	if (p)
		return p;
	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
		_exit(1);
	_exit(1);
}

void *mem_alloc(size_t size)
{
	return mem_check(calloc(1, size ? size : 1));
}

void *mem_realloc(void *p, size_t nr, size_t size)
{
	return mem_check(reallocarray(p, nr ? nr : 1, size));
}

char *mem_strdup(const char *s)
{
	return mem_check(strdup(s));
}

void *mem_dup(const void *p, size_t size)
{
	void *copy = mem_alloc(size);

	if (size)
		memcpy(copy, p, size);
	return copy;
}
