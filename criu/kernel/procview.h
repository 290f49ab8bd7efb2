// SPDX-License-Identifier: GPL-2.0-only
/*
 * What taskview.h is to threads this is to processes and their mappings: the kernel's own memory,
 * to be compared.
 */
#pragma once
#include <sys/resource.h>

#include "criu/kernel/taskview.h"

#define VIEW_PLACES  11
#define VIEW_AUXV    64 /* words */
#define VIEW_ACTIONS 256
#define VIEW_FDS     1024
#define VIEW_FILES   64

/* A process whose main thread is there. */
struct view_process {
	pid_t pid; /* in crtool's pid namespace */
	uint64_t mm; /* the same object, and no other */
	/* The same, and alike mappings: the same in /proc/PID/maps. */
	uint64_t places[VIEW_PLACES]; /* where program, heap, stack, arguments lie */
	uint64_t auxv[VIEW_AUXV]; /* the same: the same auxiliary vector */
	/* The same, and the same places: the same answers to what a process is asked from inside
	 * (pie/abi/parasite.h) beyond those of its main thread, but for timers that run,
	 * descriptors, and memory policies of mappings. */
	struct view_shared {
		uint64_t def_flags, mm_flags, membarrier, ldt, personality, subreaper;
		uint64_t real_timer, real_interval, cpu_timers[4];
		uint64_t actions[VIEW_ACTIONS];
	} inside;
	/* The same: the same oom_score_adj, loginuid and coredump_filter in /proc/PID. */
	struct view_numbers {
		uint64_t oom_score, login, mm_flags;
	} numbers;
	/* The same, and the same places: the same in /proc/PID/stat, but for what is of its main
	 * thread, what it counts, and its memory. */
	struct view_stat {
		uint64_t parent, group, session, tty, flags, exit_signal, exit_code;
		uint64_t group_flags, group_exit_code;
	} stat;
	uint64_t rss_pages; /* as in stat, where the view has them */
	struct rlimit64 limits[RLIM_NLIMITS];
	bool has_timers; /* timer_create(2): perhaps */
	bool has_fds; /* they are all here, which are below VIEW_FDS: */
	uint64_t files[VIEW_FILES]; /* by number; the same: the same open file description */
	uint64_t open_fds[VIEW_FDS / 64]; /* the same: the same numbers */
	uint64_t close_on_exec[VIEW_FDS / 64]; /* the same, and the same numbers: the same flags */
};

/* What is equal for two mappings reads the same in /proc/PID/maps, but for [heap] and [stack]. */
struct view_vma {
	uint64_t start;
	uint64_t flags; /* the same: the same permissions, VmFlags and protection key */
	uint64_t end, pgoff, file, ops, special, name;
	uint64_t policy; /* 0: no memory policy */
};

/* Of those of pids, which are sorted for that, as they are now. 0, or -errno. */
int taskview_read_processes(struct taskview *v, pid_t *pids, size_t nr);
/* NULL: it was not there. */
const struct view_process *taskview_process(const struct taskview *v, pid_t pid);
/* Whether two processes have the same open file description by a number: 1, 0; -1: not known. */
int taskview_same_file(const struct taskview *v, pid_t a, pid_t b, int fd);
/* The mappings of all address spaces that are in mms, unless there are more than max. One pass over
 * all processes of the pid namespace takes a fifth of the time of one for each. */
void taskview_read_vmas(struct taskview *v, const uint64_t *mms, size_t nr, size_t max);
/* Those of one of them, in ascending order, without the vsyscall page: how many; 0: not known. */
size_t taskview_vmas_of(const struct taskview *v, uint64_t mm, const struct view_vma **ret);
/* Those of a process: how many, of which at most max are written; or -errno. From any thread. */
ssize_t taskview_vmas(const struct taskview *v, pid_t pid, struct view_vma *ret, size_t max);
