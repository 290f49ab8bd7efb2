// SPDX-License-Identifier: GPL-2.0-only
/* Pages that are a task's own: there, or swapped out, and neither of a file nor the zero page. */
#pragma once
#include "criu/core/task.h"
#include "criu/kernel/pagemap.h"

/* /proc/PID/pagemap. Speaks. */
int scan_open(const struct task *t);

/* By that. Appends, in order; also of mappings that do not count. report: PAGE_IS_* that tell one
 * page from another. Speaks. */
int scan_own_pages(int fd, const struct task *t, uint64_t report, struct pagemap_regions *ret);

/* What in a registered mapping is write-protected, also what was never there. Speaks. */
int scan_protected(const struct task *t, uint64_t start, uint64_t end, struct pagemap_regions *ret);

/* Write-protects those that are not, where a userfaultfd is asked for that. known: what was found
 * just before, with marks told from others; NULL: not known. Speaks. */
int scan_and_protect(const struct task *t, const struct pagemap_regions *known);

/*
 * Both of a task that runs, and may end at any moment, by its pagemap. The second only of what is
 * in its list of mappings, before which fd was opened: appended is what had no mark and has one
 * now; of what is written from then on the mark goes again. Speaking.
 */
int scan_running(int fd, const struct task *t, uint64_t report, struct pagemap_regions *ret);
int scan_running_and_protect(int fd, const struct task *t, struct pagemap_regions *ret);
