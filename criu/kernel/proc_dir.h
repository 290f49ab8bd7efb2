// SPDX-License-Identifier: GPL-2.0-only
/* The numeric names of a directory: fd, task. */
#pragma once
#include <stddef.h>

/* proc_fds and proc_pids have the same members. */
struct proc_numbers {
	int *v;
	size_t nr, cap;
};

/* In directory order. Appends to what the caller frees, also on failure. */
int proc_dir_numbers(int dirfd, const char *path, struct proc_numbers *l);
