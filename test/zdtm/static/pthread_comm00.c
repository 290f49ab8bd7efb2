// SPDX-License-Identifier: GPL-2.0-only
/* Every thread has a name of its own. */
#include "zdtmtst.h"

#include <stdio.h>
#include <string.h>

#define THREADS 4

static uint32_t over;

static void *sleeper(void *arg)
{
	(void)arg;
	futex_wait_change(&over, 0);
	return NULL;
}

static void name_of(int i, char name[16])
{
	snprintf(name, 16, "thread (%d)", i);
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	char wanted[16], name[16];

	test_init(argc, argv);
	for (int i = 0; i < THREADS; i++) {
		threads[i] = test_thread(sleeper, NULL);
		name_of(i, wanted);
		must0(pthread_setname_np(threads[i], wanted));
	}
	must0(pthread_setname_np(pthread_self(), "the main one"));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < THREADS; i++) {
		name_of(i, wanted);
		must0(pthread_getname_np(threads[i], name, sizeof(name)));
		if (strcmp(name, wanted))
			fail("a thread is called \"%s\" instead of \"%s\"", name, wanted);
	}
	must0(pthread_getname_np(pthread_self(), name, sizeof(name)));
	if (strcmp(name, "the main one"))
		fail("the main thread is called \"%s\"", name);
	over = 1;
	futex_wake_all(&over);
	for (int i = 0; i < THREADS; i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
