// SPDX-License-Identifier: GPL-2.0-only
/* The kernel's code in the process: the clock it tells is the one the system call tells. */
#include "zdtmtst.h"

#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const clockid_t clocks[] = {
	CLOCK_REALTIME,         CLOCK_MONOTONIC, CLOCK_REALTIME_COARSE,
	CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME,  CLOCK_TAI,
};

static double seconds(const struct timespec *ts)
{
	return (double)ts->tv_sec + (double)ts->tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct timespec first, between, last;
	const char *vdso;

	test_init(argc, argv);
	vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	expect(vdso, "this kernel gives no vdso");
	test_daemon();
	test_waitsig();

	if ((const char *)getauxval(AT_SYSINFO_EHDR) != vdso || memcmp(vdso, "\177ELF", 4))
		return fail("the vdso is not at %p any more", (const void *)vdso);
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		must(syscall(SYS_clock_gettime, clocks[i], &first));
		must(clock_gettime(clocks[i], &between));
		must(syscall(SYS_clock_gettime, clocks[i], &last));
		if (seconds(&between) < seconds(&first) || seconds(&between) > seconds(&last))
			fail("clock %d: %.9f is not between %.9f and %.9f", clocks[i],
			     seconds(&between), seconds(&first), seconds(&last));
	}
	if (sched_getcpu() < 0)
		fail("getcpu does not work");
	return pass();
}
