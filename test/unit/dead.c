// SPDX-License-Identifier: GPL-2.0-only
/* Which wait statuses a process can have that has ended. */
#include "criu/task/dead.h"

#include <signal.h>

#include "test/unit/test.h"

TEST(dead_statuses)
{
	static const int good[] = { 0,       42 << 8,        255 << 8, SIGKILL, SIGTERM,
				    SIGSEGV, SIGSEGV | 0x80, SIGUSR1,  SIGALRM, SIGSYS,
				    64 };
	static const int bad[] = { SIGSTOP,  SIGTSTP, SIGCONT, SIGCHLD, SIGURG,
				   SIGWINCH, SIGTTIN, SIGTTOU, 65,      0x7f,
				   0xffff,   0x137f,  1 << 16, -1,      SIGKILL | 1 << 8 };

	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		CHECK(dead_can_end_as(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		CHECK(!dead_can_end_as(bad[i]));
}
