// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "criu/kernel/feature_probe.h"
#include "criu/kernel/syscalls.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static int tracee_nothing(pid_t pid)
{
	(void)pid;
	return 1;
}

static int probe_option(int r)
{
	return r < 0 ? probe_missing(-r) : r;
}

int probe_seccomp_suspend(void)
{
	return probe_option(probe_tracee(PTRACE_O_SUSPEND_SECCOMP, NULL, tracee_nothing));
}

static int filter_install(void)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog prog = { .len = 1, .filter = &allow };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		return -errno;
	return 0;
}

/* Without a buffer the answer is the number of instructions. */
static int filter_get(pid_t pid)
{
	long r = ptrace(PTRACE_SECCOMP_GET_FILTER, pid, 0, NULL);

	return r < 0 ? probe_missing(errno) : r == 1;
}

int probe_seccomp_filters(void)
{
	return probe_option(probe_tracee(0, filter_install, filter_get));
}

static int rseq_conf_get(pid_t pid)
{
	struct __ptrace_rseq_configuration conf;
	long r = ptrace(PTRACE_GET_RSEQ_CONFIGURATION, pid, sizeof(conf), &conf);

	/* EIO: no such request */
	return r == (long)sizeof(conf) ? 1 : r < 0 && errno != EIO ? probe_missing(errno) : 0;
}

int probe_get_rseq_conf(void)
{
	return probe_option(probe_tracee(0, NULL, rseq_conf_get));
}

#ifdef __x86_64__
static __attribute__((noinline)) void breakpoint_here(void)
{
	_exit(0);
}

static long debugreg_poke(pid_t pid, size_t nr, unsigned long value)
{
	return ptrace(PTRACE_POKEUSER, pid,
		      offsetof(struct user, u_debugreg) + nr * sizeof(unsigned long), value);
}

/* Debug register 0 on a function (it is at the same place in the child), then run to it. */
static int breakpoint_run(pid_t pid)
{
	struct user_regs_struct regs;
	unsigned long to = (unsigned long)breakpoint_here;
	int r;

	if (debugreg_poke(pid, 0, to) < 0 || debugreg_poke(pid, 7, 1) < 0)
		return 0;
	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
		return -errno;
	regs.rip = to;
	regs.orig_rax = -1ul;
	regs.rsp = (regs.rsp - 256) & ~15ul;
	if (ptrace(PTRACE_SETREGS, pid, 0, &regs) < 0 || ptrace(PTRACE_CONT, pid, 0, 0) < 0)
		return -errno;
	r = probe_tracee_wait(pid);
	if (r != SIGTRAP)
		return 0;
	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
		return -errno;
	return regs.rip == to;
}

int probe_breakpoints(void)
{
	return probe_tracee(0, NULL, breakpoint_run);
}
#else
int probe_breakpoints(void)
{
	return 0;
}
#endif

/* A pid that was just free; should somebody take it first, EEXIST shows as much. */
static pid_t free_pid(void)
{
	struct clone_args args = { 0 };
	pid_t pid = sys_clone3(&args);
	int status;

	if (!pid)
		_exit(0);
	while (pid > 0 && waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return pid;
}

int probe_clone3_set_tid(void)
{
	pid_t want = free_pid(), pid;
	int status;

	if (want < 0)
		return probe_missing(-want);
	pid = sys_clone_pid(0, 0, want);
	if (!pid)
		_exit(0);
	if (pid == -EEXIST)
		return 1;
	if (pid == -E2BIG) /* the structure is known, set_tid is not */
		return 0;
	if (pid < 0)
		return probe_missing(-pid);
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return pid == want;
}

int probe_numa_policy(void)
{
	int mode;

	return syscall(SYS_get_mempolicy, &mode, NULL, 0, 0, 0) < 0 ? probe_missing(errno) : 1;
}

/* Has the policy for the moment before its end. */
static int deadline_child(void)
{
	struct sys_sched_attr attr = {
		.policy = 6, .runtime = 100000, .deadline = 1000000000, .period = 1000000000
	};

	return sys_sched_setattr(0, &attr) < 0 ? probe_missing(errno) : 1;
}

int probe_sched_deadline(void)
{
	return probe_in_child(deadline_child);
}

static int slice_child(void)
{
	struct sys_sched_attr attr = { .policy = SCHED_OTHER };
	int r = sys_sched_setattr(0, &attr);

	if (r >= 0)
		r = sys_sched_getattr(0, &attr);
	return r < 0 ? probe_missing(-r) : attr.runtime != 0;
}

int probe_sched_slice(void)
{
	return probe_in_child(slice_child);
}

/* Without them all numbers are 0. */
int probe_sched_util_clamp(void)
{
	struct sys_sched_attr attr;
	int r = sys_sched_getattr(0, &attr);

	return r < 0 ? probe_missing(-r) : attr.util_max != 0;
}

#define TIMER_ID 1000

static int timer_ids_child(void)
{
	int id = TIMER_ID;

	if (prctl(PR_TIMER_CREATE_RESTORE_IDS, PR_TIMER_CREATE_RESTORE_IDS_ON, 0, 0, 0) < 0)
		return probe_missing(errno);
	if (syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id) < 0)
		return probe_missing(errno);
	return id == TIMER_ID;
}

int probe_timer_cr_ids(void)
{
	return probe_in_child(timer_ids_child);
}

static int unshare_child(int flag)
{
	return unshare(flag) < 0 ? probe_missing(errno) : 1;
}

static int userns_child(void)
{
	return unshare_child(CLONE_NEWUSER);
}

int probe_userns(void)
{
	return probe_in_child(userns_child);
}

static int cgroupns_child(void)
{
	return unshare_child(CLONE_NEWCGROUP);
}

int probe_cgroupns(void)
{
	return probe_in_child(cgroupns_child);
}

/* The namespace is for children, and its clocks can be set before the first one. */
static int timens_child(void)
{
	int r = unshare_child(CLONE_NEWTIME);

	if (r <= 0)
		return r;
	return access("/proc/self/timens_offsets", W_OK) == 0;
}

int probe_timens(void)
{
	return probe_in_child(timens_child);
}
