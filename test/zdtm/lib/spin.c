// SPDX-License-Identifier: GPL-2.0-only
/* Threads that spin in assembly with known registers until the test is over. */
#include "spin.h"

#include <stddef.h>

#include "zdtmtst.h"

uint32_t spin_on, spin_over;

struct spinner {
	void (*spin)(void *arg);
	void *arg;
};

static void *spinner_run(void *arg)
{
	struct spinner *spinner = arg;

	spinner->spin(spinner->arg);
	return NULL;
}

void spin_across(void (*spin)(void *arg), void *arg)
{
	struct spinner spinner = { .spin = spin, .arg = arg };
	pthread_t thread = test_thread(spinner_run, &spinner);

	while (!__atomic_load_n(&spin_on, __ATOMIC_SEQ_CST))
		continue;
	test_daemon();
	test_waitsig();
	__atomic_store_n(&spin_over, 1, __ATOMIC_SEQ_CST);
	must0(pthread_join(thread, NULL));
}
