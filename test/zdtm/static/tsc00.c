// SPDX-License-Identifier: GPL-2.0-only
/* A thread that may not read the time stamp counter (PR_SET_TSC), beside one that may. */
#include "pair.h"
#include "zdtmtst.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <x86intrin.h>

static __thread sigjmp_buf back;

static void on_fault(int sig)
{
	(void)sig;
	siglongjmp(back, 1);
}

static void set(int mode)
{
	must(prctl(PR_SET_TSC, mode, 0, 0, 0));
}

static void check(const char *who, int mode)
{
	int now = 0, faults;

	must(prctl(PR_GET_TSC, &now, 0, 0, 0));
	expect(now == mode, "%s has mode %d", who, now);
	signal(SIGSEGV, on_fault);
	faults = sigsetjmp(back, 1);
	if (!faults)
		(void)__rdtsc();
	expect(faults == (mode == PR_TSC_SIGSEGV), "%s: %s", who, faults ? "a fault" : "no fault");
}

int main(int argc, char **argv)
{
	return test_pair(argc, argv, set, check, PR_TSC_SIGSEGV, PR_TSC_ENABLE);
}
