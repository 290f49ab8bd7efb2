// SPDX-License-Identifier: GPL-2.0-only
/* Expirations that were not read are there afterwards, and an interval goes on. */
#include "zdtmtst.h"

#include <poll.h>
#include <sys/timerfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct itimerspec fast = { .it_value = { 0, 1000000 }, .it_interval = { 0, 10000000 } };
	struct itimerspec once = { .it_value = { 0, 1 } };
	uint64_t first = 0, last = 0;
	int often, single;

	test_init(argc, argv);
	often = must(timerfd_create(CLOCK_MONOTONIC, 0));
	single = must(timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK));
	must(timerfd_settime(often, 0, &fast, NULL));
	must(timerfd_settime(single, 0, &once, NULL));
	must(poll(&(struct pollfd){ single, POLLIN, 0 }, 1, -1));
	must(poll(&(struct pollfd){ often, POLLIN, 0 }, 1, -1));
	test_daemon();
	test_waitsig();

	if (read(single, &first, sizeof(first)) != sizeof(first) || first != 1)
		return fail("expired once, and %llu times were read", (unsigned long long)first);
	if (read(single, &first, sizeof(first)) > 0)
		return fail("it expired once more");
	if (read(often, &first, sizeof(first)) != sizeof(first) || first < 2)
		return fail("expired %llu times", (unsigned long long)first);
	if (read(often, &last, sizeof(last)) != sizeof(last) || last < 1)
		return fail("it does not go on");
	return pass();
}
