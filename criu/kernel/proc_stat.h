// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/stat and /proc/PID/status. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "criu/kernel/proc_file.h"

/* Flags of struct proc_stat (include/linux/sched.h of the kernel; stable since 2.6). */
#define PROC_PF_EXITING     0x00000004u
#define PROC_PF_IO_WORKER   0x00000010u
#define PROC_PF_FORKNOEXEC  0x00000040u
#define PROC_PF_USER_WORKER 0x00004000u /* since 6.4 */
#define PROC_PF_KTHREAD     0x00200000u

/* A comm is 15 bytes; kernel workers get up to 63. */
#define PROC_COMM_MAX 64

/* Addresses are 0 and exit_code is 0 without permission to ptrace the task. */
struct proc_stat {
	pid_t pid;
	char comm[PROC_COMM_MAX]; /* as it is: any byte but NUL */
	char state; /* R S D T t Z X I P */
	pid_t ppid, pgrp, session;
	int tty_nr; /* kernel's new_encode_dev */
	pid_t tpgid; /* -1: none */
	uint32_t flags; /* PROC_PF_* and the rest of PF_* */
	uint64_t min_flt, maj_flt;
	uint64_t utime, stime; /* clock ticks */
	int priority, nice, num_threads;
	uint64_t starttime; /* clock ticks after boot, in the reader's time namespace */
	uint64_t vsize, rss_pages;
	uint64_t start_code, end_code, start_stack;
	uint64_t wchan;
	int exit_signal; /* -1: a thread that is not the leader */
	int processor;
	uint32_t rt_priority, policy; /* SCHED_* */
	uint64_t start_data, end_data, start_brk;
	uint64_t arg_start, arg_end, env_start, env_end;
	int exit_code; /* as wait(2) has it */
};

int proc_stat_parse(const char *text, size_t len, struct proc_stat *ret);
int proc_stat_read(int dirfd, pid_t tid, struct proc_buf *b, struct proc_stat *ret);

/* Levels of pid namespaces: the initial one and MAX_PID_NS_LEVEL below it. */
#define PROC_NS_PID_MAX 33

struct proc_status {
	char comm[PROC_COMM_MAX]; /* decoded */
	char state;
	uint32_t umask;
	pid_t tgid, pid, ppid, tracer_pid; /* in the pid namespace of the /proc mount */
	uint32_t uid[4], gid[4]; /* real, effective, saved, fs: in the reader's user namespace */
	uint32_t *groups; /* owned: proc_status_done */
	size_t nr_groups;
	pid_t ns_pid[PROC_NS_PID_MAX]; /* outermost first; the last is the task's own */
	size_t nr_ns_pid;
	pid_t ns_pgid, ns_sid; /* the innermost; 0: outside of that namespace */
	bool kthread, core_dumping, thp_enabled, no_new_privs;
	bool shstk; /* x86_Thread_features has a shadow stack */
	uint32_t threads;
	uint64_t vm_size_kb, vm_lck_kb, vm_rss_kb, vm_swap_kb;
	uint64_t sig_pnd, shd_pnd, sig_blk, sig_ign, sig_cgt; /* bit 0 is signal 1 */
	uint64_t cap_inh, cap_prm, cap_eff, cap_bnd, cap_amb;
	uint32_t seccomp; /* SECCOMP_MODE_* */
	uint32_t seccomp_filters;
};

/* On success the caller owns ret->groups. What a kernel does not print is 0 (nr_ns_pid too). */
int proc_status_parse(const char *text, size_t len, struct proc_status *ret);
int proc_status_read(int dirfd, pid_t tid, struct proc_buf *b, struct proc_status *ret);
/* Of any thread, by its number alone. */
int proc_status_of(pid_t tid, struct proc_buf *b, struct proc_status *ret);
void proc_status_done(struct proc_status *s);

#define cleanup_proc_status __attribute__((cleanup(proc_status_done)))
