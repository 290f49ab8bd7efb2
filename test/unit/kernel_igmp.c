// SPDX-License-Identifier: GPL-2.0-only
/* Lists of multicast groups: as kernels print them, cut at each byte, and the live ones. */
#include "criu/kernel/proc_igmp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "test/unit/test.h"

static const char igmp[] = "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
			   "1\tlo        :     1      V3\n"
			   "\t\t\t\t010000E0     1 0:00000000\t\t0\n"
			   "4\teth0      :     2      V3\n"
			   "\t\t\t\tFB0000E0     1 0:00000000\t\t0\n"
			   "\t\t\t\t010000E0     1 0:00000000\t\t0\n";
static const char igmp6[] =
    "1    lo              ff020000000000000000000000000001     1 0000000C 0\n"
    "2    ifb0            ff15000000000000000000000077abcd     1 00000008 0\n";

TEST(kernel_igmp_parse)
{
	struct proc_igmps l = { 0 };

	CHECK_INT_EQ(proc_igmp_parse(igmp, sizeof(igmp) - 1, &l), 0);
	CHECK_INT_EQ(l.nr, 3);
	CHECK_INT_EQ(l.v[0].ifindex, 1);
	CHECK_INT_EQ(l.v[1].ifindex, 4);
	CHECK(memcmp(l.v[1].group, "\xe0\x00\x00\xfb", 4) == 0);
	CHECK_INT_EQ(proc_igmp6_parse(igmp6, sizeof(igmp6) - 1, &l), 0);
	CHECK_INT_EQ(l.nr, 5);
	CHECK_INT_EQ(l.v[4].family, AF_INET6);
	CHECK_INT_EQ(l.v[4].ifindex, 2);
	CHECK(memcmp(l.v[4].group + 13, "\x77\xab\xcd", 3) == 0);
	proc_igmps_done(&l);
}

static void cut(const char *text, size_t len,
		int (*parse)(const char *text, size_t len, struct proc_igmps *ret))
{
	for (size_t n = 0; n <= len; n++) {
		struct proc_igmps l = { 0 };
		char *copy = malloc(n ? n : 1);
		int r;

		memcpy(copy, text, n);
		r = parse(copy, n, &l);
		CHECK(r == 0 || r == -EINVAL);
		if (n)
			copy[n / 2] = 'x';
		r = parse(copy, n, &l);
		CHECK(r == 0 || r == -EINVAL);
		proc_igmps_done(&l);
		free(copy);
	}
}

TEST(kernel_igmp_hostile)
{
	cut(igmp, sizeof(igmp) - 1, proc_igmp_parse);
	cut(igmp6, sizeof(igmp6) - 1, proc_igmp6_parse);
}

TEST(kernel_igmp_live)
{
	struct proc_igmps l = { 0 };

	CHECK_INT_EQ(proc_igmps_read(&l), 0);
	proc_igmps_done(&l);
}
