// SPDX-License-Identifier: GPL-2.0-only
/* Threads of one process with different user ids, groups and capabilities. */
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "caps.h"
#include "zdtmtst.h"

#define THREADS  3
#define FIRST_ID 100
#define ID_STEP  3

static pthread_barrier_t barrier;
static uint32_t over;

/* The C library would change the ids of all threads: so ask the kernel itself. */
static void *thread_fn(void *arg)
{
	uint32_t id = (uint32_t)(intptr_t)arg, real, effective, saved;
	gid_t groups[2] = { id, id + 1 }, seen[3];
	struct caps before, now;

	must(syscall(SYS_setgroups, 2, groups));
	must(syscall(SYS_setresgid, id, id + 1, id + 2));
	caps_get(&before);
	before.permitted &= ~(1ull << (CAP_SYS_PACCT + (id - FIRST_ID) / ID_STEP));
	before.effective &= before.permitted;
	caps_set(&before);
	must(syscall(SYS_setresuid, id, 0, id + 2));
	caps_get(&before);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);

	must(syscall(SYS_getresuid, &real, &effective, &saved));
	expect(real == id && effective == 0 && saved == id + 2, "user ids %u %u %u", real,
	       effective, saved);
	must(syscall(SYS_getresgid, &real, &effective, &saved));
	expect(real == id && effective == id + 1 && saved == id + 2, "group ids %u %u %u", real,
	       effective, saved);
	expect(must(syscall(SYS_getgroups, 3, seen)) == 2 && seen[0] == groups[0] &&
		   seen[1] == groups[1],
	       "thread %u has other groups", id);
	caps_get(&now);
	expect(now.permitted == before.permitted && now.effective == before.effective,
	       "thread %u: permitted %#lx instead of %#lx", id, (unsigned long)now.permitted,
	       (unsigned long)before.permitted);
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	test_init(argc, argv);
	must0(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = test_thread(thread_fn, (void *)(FIRST_ID + ID_STEP * i));
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	if (getuid() || geteuid())
		fail("the main thread is user %u, %u", getuid(), geteuid());
	over = 1;
	futex_wake_all(&over);
	for (int i = 0; i < THREADS; i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
