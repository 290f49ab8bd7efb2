// SPDX-License-Identifier: GPL-2.0-only
/* Work that has to be done under the name of a certain process: the kernel notes who did it. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct identity {
	pid_t pid; /* 0: whoever */
	uid_t uid;
	gid_t gid;
	const uint32_t *groups;
	size_t nr_groups;
};

/*
 * Runs fn, which returns >= 0 or -errno, with these effective ids; and by a process of this number:
 * ourselves, or one that is made for it, has our descriptors and ends. Where the number is taken,
 * by ourselves after all, with a warning. Quiet.
 */
int as_identity(const struct identity *id, int (*fn)(void *ctx), void *ctx);
