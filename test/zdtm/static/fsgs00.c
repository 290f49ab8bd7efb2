// SPDX-License-Identifier: GPL-2.0-only
/* The segment bases of two threads: fs is the C library's, gs is ours. */
#include "zdtmtst.h"

#include <asm/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static pthread_barrier_t barrier;
static uint32_t over;

static uint64_t through_gs(void)
{
	uint64_t value;

	asm volatile("mov %%gs:8, %0" : "=r"(value));
	return value;
}

static void base_check(unsigned long fs, const uint64_t *gs)
{
	unsigned long now;

	must(syscall(SYS_arch_prctl, ARCH_GET_FS, &now));
	if (now != fs)
		fail("fs base is %#lx instead of %#lx", now, fs);
	must(syscall(SYS_arch_prctl, ARCH_GET_GS, &now));
	if (now != (unsigned long)gs)
		fail("gs base is %#lx instead of %p", now, (const void *)gs);
	else if (through_gs() != gs[1])
		fail("gs:8 is %#lx", (unsigned long)through_gs());
}

static void *thread_fn(void *arg)
{
	uint64_t area[2] = { 0, (uint64_t)(uintptr_t)arg };
	unsigned long fs;

	must(syscall(SYS_arch_prctl, ARCH_SET_GS, area));
	must(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	base_check(fs, area);
	return NULL;
}

int main(int argc, char **argv)
{
	static uint64_t area[2] = { 0, 0x1122334455667788 };
	pthread_t thread;
	unsigned long fs;

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, 2));
	thread = test_thread(thread_fn, &thread);
	must(syscall(SYS_arch_prctl, ARCH_SET_GS, area));
	must(syscall(SYS_arch_prctl, ARCH_GET_FS, &fs));
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	base_check(fs, area);
	over = 1;
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	return pass();
}
