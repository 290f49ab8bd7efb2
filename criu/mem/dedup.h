// SPDX-License-Identifier: GPL-2.0-only
/* Pages of a chain of dumps that nobody needs any more: their room is given back. */
#pragma once
#include "criu/core/session.h"

enum dedup_what {
	DEDUP_PARENTS, /* in the dumps that this one builds upon, what it does not take from them */
	DEDUP_RESTORED, /* all that it consists of, here and there: it has been restored */
};

/* path: a complete dump or pre-dump. Speaks. */
int dedup_run(const char *path, enum dedup_what what);
