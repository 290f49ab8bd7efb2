// SPDX-License-Identifier: GPL-2.0-only
/* set_thread_area(2) of 32-bit code: the entries of the GDT that a thread has are its own, in
 * each of several processes and in each of their threads. */
#include "zdtmtst.h"

#include <asm/ldt.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CHILDREN 6

static struct user_desc entry_new(unsigned int nr)
{
	struct user_desc d = {
		.entry_number = (unsigned int)-1,
		.base_addr = 0x10000000 + nr * 0x1000,
		.limit = 0x1000 + nr,
		.seg_32bit = 1,
		.limit_in_pages = nr % 2,
		.useable = 1,
	};

	must(syscall(SYS_set_thread_area, &d));
	return d;
}

static void entry_check(const struct user_desc *set, const char *who)
{
	struct user_desc got = { .entry_number = set->entry_number };

	must(syscall(SYS_get_thread_area, &got));
	expect(!memcmp(&got, set, sizeof(got)), "%s: entry %u: base %#x, limit %#x", who,
	       set->entry_number, got.base_addr, got.limit);
}

static uint32_t begun, over;

static void *thread_fn(void *arg)
{
	struct user_desc d = entry_new((unsigned int)(uintptr_t)arg);

	__atomic_store_n(&begun, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(&begun);
	futex_wait_change(&over, 0);
	entry_check(&d, "thread");
	return NULL;
}

struct child {
	struct ready *ready;
	uintptr_t nr;
};

static int child(void *arg)
{
	const struct child *c = arg;
	struct user_desc d = entry_new((unsigned int)c->nr);
	pthread_t thread = test_thread(thread_fn, (void *)(c->nr + CHILDREN));

	futex_wait_change(&begun, 0);
	ready_report(c->ready);
	test_waitsig();
	entry_check(&d, "process");
	__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(&over);
	must0(pthread_join(thread, NULL));
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	struct child c = { .ready = &ready };
	pid_t pids[CHILDREN];

	test_init(argc, argv);
	ready_init(&ready);
	for (c.nr = 0; c.nr < CHILDREN; c.nr++)
		pids[c.nr] = test_child(child, &c);
	ready_collect(&ready, CHILDREN);
	test_daemon();
	test_waitsig();

	for (int i = 0; i < CHILDREN; i++)
		if (!test_stop(pids[i], "child"))
			fail("child %d is not well", i);
	return pass();
}
