// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files of /proc of many tasks that are alike: what an iterator of the kernel shows to be equal
 * for two of them (taskview.h) is read for the first only. Without a view all is read.
 * One of these serves one thread of crtool, and tasks that stand still.
 */
#pragma once
#include <sys/stat.h>

#include "criu/kernel/proc_fd.h"
#include "criu/kernel/proc_stat.h"
#include "criu/kernel/proc_task.h"
#include "criu/kernel/proc_vma.h"
#include "criu/kernel/procview.h"
#include "criu/kernel/taskview.h"

struct alike_ns {
	struct view_ns key;
	struct proc_ns ns;
};

struct alike_status {
	struct view_status key;
	struct proc_status status;
};

struct alike_link {
	enum view_link which;
	struct view_path key;
	char *path;
	struct stat st;
};

#define ALIKE_NO_FLAGS UINT64_MAX /* of vsyscall, which is not the task's, and not in the view */

struct alike_flags {
	uint64_t raw;
	uint64_t vmflags;
	uint8_t pkey;
};

/* Of a process. */
struct alike_maps {
	const struct view_process *of; /* whose places are these */
	struct view_vma *seen;
	size_t nr_seen;
	struct proc_vmas list;
};

struct alike_auxv {
	const struct view_process *of;
	uint64_t *words;
	size_t nr;
};

struct alike_fds {
	const struct view_process *of;
	int *fd;
	size_t nr;
};

struct alike_stat {
	const struct view_process *of;
	struct proc_stat stat;
};

/* Files of /proc/PID that are one number. */
struct proc_numbers {
	int oom_score_adj;
	uint32_t coredump_filter, loginuid;
	bool has_coredump_filter, has_loginuid;
};

struct alike_numbers {
	struct view_numbers key;
	struct proc_numbers numbers;
};

/* Zero-initialise but for the view, which the caller owns; NULL: there is none. */
struct alike {
	const struct taskview *view;
	struct alike_ns *ns;
	size_t nr_ns, cap_ns;
	struct alike_status *statuses;
	size_t nr_statuses, cap_statuses;
	struct alike_link *links;
	size_t nr_links, cap_links;
	struct alike_flags *flags;
	size_t nr_flags, cap_flags;
	struct alike_maps *maps;
	size_t nr_maps, cap_maps;
	struct alike_auxv *auxvs;
	size_t nr_auxvs, cap_auxvs;
	struct alike_fds *fds;
	size_t nr_fds, cap_fds;
	struct alike_numbers *numbers;
	size_t nr_numbers, cap_numbers;
	struct alike_stat *stats;
	size_t nr_stats, cap_stats;
	struct view_vma *vmas; /* of one task at a time */
	size_t cap_vmas;
};

/* NULL: there is no view, or it is not in it. */
const struct view_thread *alike_seen(const struct alike *a, pid_t tid);

/* As proc_ns_read() of a process. */
int alike_ns_read(struct alike *a, pid_t pid, int proc, struct proc_ns *ret);
/* As proc_status_of() any thread; but of what is neither its name nor in struct view_status it
 * may say 0, with signals that it does not have pending. */
int alike_status_read(struct alike *a, pid_t tid, struct proc_buf *b, struct proc_status *ret);
/* As proc_stat_read() of a process; but what it counts and what is of the main thread only may be
 * 0: the state, times, priorities. */
int alike_stat_read(struct alike *a, pid_t pid, int proc, struct proc_buf *b,
		    struct proc_stat *ret);
/* As proc_limits_read(). */
int alike_limits_read(struct alike *a, pid_t tid, int proc, struct proc_buf *b,
		      struct proc_limits *ret);
/* As proc_smaps_read(), but what smaps counts may be 0 (not where memory is of huge pages). */
int alike_smaps_read(struct alike *a, pid_t pid, int proc, struct proc_buf *b,
		     struct proc_vmas *ret);
/* As proc_timers_read(). */
int alike_timers_read(struct alike *a, pid_t pid, int proc, struct proc_buf *b,
		      struct proc_timers *ret);
/* As proc_auxv_read(). */
int alike_auxv_read(struct alike *a, pid_t pid, int proc, struct proc_buf *b, uint64_t *ret,
		    size_t max, size_t *ret_nr);
int alike_numbers_read(struct alike *a, pid_t tid, struct proc_buf *b, struct proc_numbers *ret);
/* They are, for certain: alike_fds_read() is the best way then. */
bool alike_fds_are_few(const struct alike *a, pid_t pid);
/* As proc_fds_read() of a process. */
int alike_fds_read(struct alike *a, pid_t pid, int proc, struct proc_fds *ret);
/* A link of /proc/PID, and what it leads to. *ret_path is the caller's. */
int alike_link_read(struct alike *a, pid_t tid, int proc, enum view_link which, char **ret_path,
		    struct stat *ret_st);
/* What mappings of crtool's own tell of flags: alike_probe.c. a has a view, of which only mappings
 * are asked. */
int alike_learn_flags(struct alike *a);
/* What a word of the kernel says, by what others have said: false where they do not tell. */
bool alike_flags_know(const struct alike_flags *seen, size_t nr, uint64_t raw,
		      struct alike_flags *ret);
/* The same for another one, which has learnt nothing yet. */
void alike_take_flags(struct alike *a, const struct alike *from);
void alike_done(struct alike *a);
