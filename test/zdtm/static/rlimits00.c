// SPDX-License-Identifier: GPL-2.0-only
/* Resource limits, soft below hard, and some hard ones lowered. */
#include "zdtmtst.h"

#include <sys/resource.h>

static const struct {
	int resource;
	rlim_t soft, hard; /* 0: stays what it is */
} limits[] = {
	{ RLIMIT_FSIZE, 1ul << 40, 0 },    { RLIMIT_DATA, 1ul << 41, 1ul << 42 },
	{ RLIMIT_STACK, 4 << 20, 0 },      { RLIMIT_CORE, 4096, 1 << 20 },
	{ RLIMIT_NOFILE, 300, 400 },       { RLIMIT_AS, 1ul << 44, 1ul << 45 },
	{ RLIMIT_SIGPENDING, 100, 1000 },  { RLIMIT_LOCKS, 17, 18 },
	{ RLIMIT_MSGQUEUE, 10000, 20000 }, { RLIMIT_MEMLOCK, 65536, 131072 },
	{ RLIMIT_CPU, 5000, 6000 },        { RLIMIT_RTTIME, 1 << 20, 1 << 21 },
};

int main(int argc, char **argv)
{
	struct rlimit before[RLIMIT_NLIMITS], now;

	test_init(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		must(getrlimit(limits[i].resource, &now));
		now.rlim_cur = limits[i].soft;
		if (limits[i].hard)
			now.rlim_max = limits[i].hard;
		must(setrlimit(limits[i].resource, &now));
	}
	for (int i = 0; i < RLIMIT_NLIMITS; i++)
		must(getrlimit(i, &before[i]));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < RLIMIT_NLIMITS; i++) {
		must(getrlimit(i, &now));
		if (now.rlim_cur != before[i].rlim_cur)
			fail("soft limit %d is %#lx instead of %#lx", i, now.rlim_cur,
			     before[i].rlim_cur);
		if (now.rlim_max != before[i].rlim_max)
			fail("hard limit %d is %#lx instead of %#lx", i, now.rlim_max,
			     before[i].rlim_max);
	}
	return pass();
}
