// SPDX-License-Identifier: GPL-2.0-only
/* ITIMER_PROF: the time left and the interval. */
#include "zdtmtst.h"

#include <sys/time.h>

int main(int argc, char **argv)
{
	const struct itimerval wanted = {
		.it_value = { .tv_sec = 1000, .tv_usec = 300000 },
		.it_interval = { .tv_sec = 17, .tv_usec = 5000 },
	};
	struct itimerval now;
	double begun, left, most, least;

	test_init(argc, argv);
	begun = now_seconds();
	must(setitimer(ITIMER_PROF, &wanted, NULL));
	must(getitimer(ITIMER_PROF, &now));
	most = (double)now.it_value.tv_sec + (double)now.it_value.tv_usec / 1e6;
	test_daemon();
	test_waitsig();

	must(getitimer(ITIMER_PROF, &now));
	left = (double)now.it_value.tv_sec + (double)now.it_value.tv_usec / 1e6;
	/* It cannot have lost more than the time that has passed. */
	least = 1000.3 - (now_seconds() - begun) - 0.1;
	if (left < least || left > most + 0.1) /* each restore may round up to a clock tick */
		fail("%.3f s left, not between %.3f and %.3f", left, least, most);
	if (now.it_interval.tv_sec != 17 || now.it_interval.tv_usec != 5000)
		fail("the interval is %ld.%06ld", (long)now.it_interval.tv_sec,
		     (long)now.it_interval.tv_usec);
	return pass();
}
