// SPDX-License-Identifier: GPL-2.0-only
/* A thread for which CPUID is a fault (ARCH_SET_CPUID), beside one for which it is not. */
#include "pair.h"
#include "zdtmtst.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void set(int may)
{
	must(syscall(SYS_arch_prctl, ARCH_SET_CPUID, may));
}

static void check(const char *who, int may)
{
	int now = (int)must(syscall(SYS_arch_prctl, ARCH_GET_CPUID, 0));

	expect(now == may, "%s: ARCH_GET_CPUID: %d", who, now);
}

int main(int argc, char **argv)
{
	return test_pair(argc, argv, set, check, 0, 1);
}
