// SPDX-License-Identifier: GPL-2.0-only
/* A child of crtool that has to end its work whatever becomes of crtool. */
#pragma once
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

/* In the child: signals for crtool's group, or for its name, are none for it. */
static inline void stand_apart(const char *name)
{
	setsid();
	prctl(PR_SET_NAME, name);
	for (int sig = 1; sig < SIGRTMIN; sig++)
		signal(sig, SIG_IGN);
}
