// SPDX-License-Identifier: GPL-2.0-only
/* The smaller files of /proc/PID: threads, children, limits, timers, namespaces, ... */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include "criu/kernel/proc_file.h"

struct proc_pids {
	pid_t *v;
	size_t nr, cap;
};

/* The threads in the order of the kernel's list: the leader first. ret is written over. */
int proc_threads_read(int dirfd, struct proc_pids *ret);
/*
 * The children of one thread, or of all threads when tid is 0. Exact only when threads and
 * children stand still. -ENOENT without CONFIG_PROC_CHILDREN. ret is written over.
 */
int proc_children_read(int dirfd, pid_t tid, struct proc_buf *b, struct proc_pids *ret);
int proc_children_parse(const char *text, size_t len, struct proc_pids *ret); /* appends */
void proc_pids_done(struct proc_pids *l);

#define cleanup_proc_pids __attribute__((cleanup(proc_pids_done)))

/* By RLIMIT_*. All of them must be there. */
struct proc_limits {
	struct rlimit64 limit[RLIM_NLIMITS];
};

int proc_limits_parse(const char *text, size_t len, struct proc_limits *ret);
int proc_limits_read(int dirfd, struct proc_buf *b, struct proc_limits *ret);

/* A POSIX timer. */
struct proc_timer {
	int id;
	int signo;
	uint64_t sigval; /* sival_ptr */
	int notify; /* SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, SIGEV_THREAD_ID */
	pid_t notify_pid; /* process, or thread with SIGEV_THREAD_ID */
	int clockid;
};

/* In ascending order of id. */
struct proc_timers {
	struct proc_timer *v;
	size_t nr, cap;
};

int proc_timers_parse(const char *text, size_t len, struct proc_timers *ret);
int proc_timers_read(int dirfd, struct proc_buf *b, struct proc_timers *ret);
void proc_timers_done(struct proc_timers *l);

#define cleanup_proc_timers __attribute__((cleanup(proc_timers_done)))

/* Where a thread sleeps. nr -1: blocked, but not in a system call; then args are 0. */
struct proc_syscall {
	bool running; /* all else is 0 */
	long nr;
	uint64_t arg[6];
	uint64_t sp, pc;
};

int proc_syscall_parse(const char *text, size_t len, struct proc_syscall *ret);
int proc_syscall_of(pid_t tid, struct proc_buf *b, struct proc_syscall *ret);

/* Pairs up to and with AT_NULL, as they are in the file; nr counts words. -E2BIG: too many. */
int proc_auxv_read(int dirfd, struct proc_buf *b, uint64_t *ret, size_t max, size_t *ret_nr);

/* One number each. loginuid 4294967295: unset. */
int proc_personality_read(int dirfd, pid_t tid, struct proc_buf *b, uint32_t *ret);
int proc_oom_score_adj_read(int dirfd, struct proc_buf *b, int *ret);
/* No pid is as high. */
int proc_pid_max_read(struct proc_buf *b, uint32_t *ret);
int proc_loginuid_read(int dirfd, struct proc_buf *b, uint32_t *ret);
int proc_sessionid_read(int dirfd, struct proc_buf *b, uint32_t *ret);
int proc_coredump_filter_read(int dirfd, struct proc_buf *b, uint32_t *ret);
/* Of any thread by its tid: the file is only in /proc/TID, not in task/TID. procfd is the
 * fd of a /proc mount, or -1 for /proc. */
int proc_timerslack_read(int procfd, pid_t tid, struct proc_buf *b, uint64_t *ret_ns);
/* -ENOENT without CONFIG_SCHED_AUTOGROUP, or in no group: no session leader has made one. */
int proc_autogroup_read(int dirfd, struct proc_buf *b, int *ret_nice);

/* When the thread last went on a cpu or had its time accounted there, by the scheduler's
 * clock (about CLOCK_MONOTONIC since boot), and how often it went to sleep by itself. -ENOENT:
 * no such file in this kernel. */
int proc_sched_read(int dirfd, pid_t tid, struct proc_buf *b, uint64_t *ret_ns,
		    uint64_t *ret_switches);
int proc_sched_parse(const char *text, size_t len, uint64_t *ret_ns, uint64_t *ret_switches);

/* exe, cwd, root: the link text. The length, or -errno; -ENOENT: a kernel thread or zombie. */
int proc_exe_link(int dirfd, char *buf, size_t size);
int proc_cwd_link(int dirfd, pid_t tid, char *buf, size_t size);
int proc_root_link(int dirfd, pid_t tid, char *buf, size_t size);

/* Inode numbers; 0: this kernel has no such namespace. */
struct proc_ns {
	uint64_t pid, pid_for_children, net, ipc, uts, mnt, user, cgroup, time, time_for_children;
};

int proc_ns_read(int dirfd, pid_t tid, struct proc_ns *ret);
/* "net:[4026531833]": 0 and the number, or -EINVAL. */
int proc_ns_link_parse(const char *link, uint64_t *ret);
