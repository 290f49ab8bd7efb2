// SPDX-License-Identifier: GPL-2.0-only
/* Whom a file's signals go to: a process, a process group or a thread, and which signal. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static struct {
	int type, sig, fd;
} owners[] = {
	{ F_OWNER_PID, SIGUSR1, -1 },
	{ F_OWNER_PGRP, 0, -1 },
	{ F_OWNER_TID, SIGALRM, -1 },
	{ -1, SIGUSR2, -1 }, /* a signal, and nobody to send it to */
};

static void owner_set(size_t i)
{
	struct f_owner_ex owner = { .type = owners[i].type, .pid = getpid() };
	int ends[2];

	must0(pipe(ends));
	owners[i].fd = ends[i % 2];
	must0(fcntl(owners[i].fd, F_SETSIG, owners[i].sig));
	if (owners[i].type >= 0)
		must0(fcntl(owners[i].fd, F_SETOWN_EX, &owner));
}

static const char *owner_check(size_t i)
{
	struct f_owner_ex owner = { 0 };

	if (fcntl(owners[i].fd, F_GETSIG) != owners[i].sig)
		return "another signal";
	if (fcntl(owners[i].fd, F_GETOWN_EX, &owner) < 0)
		return "F_GETOWN_EX is refused";
	if (owners[i].type < 0)
		return owner.pid ? "an owner where there was none" : NULL;
	if (owner.pid != getpid())
		return "another owner";
	return (int)owner.type == owners[i].type ? NULL : "another type of owner";
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		owner_set(i);
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(owners); i++) {
		const char *wrong = owner_check(i);

		if (wrong)
			return fail("file %zu: %s", i, wrong);
	}
	return pass();
}
