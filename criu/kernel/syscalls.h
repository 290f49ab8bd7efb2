// SPDX-License-Identifier: GPL-2.0-only
/* System calls that glibc 2.36 has no wrapper for, and a few whose wrapper we want quiet:
 * each returns >= 0 or -errno. */
#pragma once
#include <errno.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "criu/kernel/uapi.h"

static inline long sys_result(long r)
{
	return r < 0 ? -errno : r;
}

/*
 * Without a stack it returns twice, like fork: do not use it with CLONE_VM. set_tid lists
 * pids innermost namespace first (5.5; CAP_CHECKPOINT_RESTORE in their user namespaces).
 */
static inline pid_t sys_clone3(const struct clone_args *args)
{
	return (pid_t)sys_result(syscall(SYS_clone3, args, sizeof(*args)));
}

/* A child that has this pid in our pid namespace. flags: CLONE_*; exit_signal may be 0. */
static inline pid_t sys_clone_pid(uint64_t flags, int exit_signal, pid_t pid)
{
	struct clone_args args = {
		.flags = flags,
		.exit_signal = (uint64_t)exit_signal,
		.set_tid = (uint64_t)(uintptr_t)&pid,
		.set_tid_size = 1,
	};

	return sys_clone3(&args);
}

/* Of a thread, since Linux 6.9. */
#ifndef PIDFD_THREAD
#define PIDFD_THREAD O_EXCL
#endif

static inline int sys_pidfd_open(pid_t pid, unsigned int flags)
{
	return (int)sys_result(syscall(SYS_pidfd_open, pid, flags));
}

/* The new descriptor is O_CLOEXEC. */
static inline int sys_pidfd_getfd(int pidfd, int fd)
{
	return (int)sys_result(syscall(SYS_pidfd_getfd, pidfd, fd, 0));
}

static inline int sys_pidfd_send_signal(int pidfd, int sig, const siginfo_t *info)
{
	return (int)sys_result(syscall(SYS_pidfd_send_signal, pidfd, sig, info, 0));
}

/* With an si_code that claims the kernel sent it: only to oneself. */
static inline int sys_rt_sigqueueinfo(pid_t pid, int sig, const siginfo_t *info)
{
	return (int)sys_result(syscall(SYS_rt_sigqueueinfo, pid, sig, info));
}

static inline int sys_rt_tgsigqueueinfo(pid_t tgid, pid_t tid, int sig, const siginfo_t *info)
{
	return (int)sys_result(syscall(SYS_rt_tgsigqueueinfo, tgid, tid, sig, info));
}

static inline int sys_tgkill(pid_t tgid, pid_t tid, int sig)
{
	return (int)sys_result(syscall(SYS_tgkill, tgid, tid, sig));
}

static inline int sys_get_robust_list(pid_t tid, uint64_t *ret_head, size_t *ret_len)
{
	void *head = NULL;
	size_t len = 0;
	long r = sys_result(syscall(SYS_get_robust_list, tid, &head, &len));

	if (r < 0)
		return (int)r;
	*ret_head = (uint64_t)(uintptr_t)head;
	*ret_len = len;
	return 0;
}

/* struct sched_attr of the kernel, under a name that no libc header has. */
struct sys_sched_attr {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period; /* ns */
	uint32_t util_min, util_max;
};

/* attr->size is set here. */
static inline int sys_sched_setattr(pid_t tid, struct sys_sched_attr *attr)
{
	attr->size = sizeof(*attr);
	return (int)sys_result(syscall(SYS_sched_setattr, tid, attr, 0));
}

static inline int sys_sched_getattr(pid_t tid, struct sys_sched_attr *ret)
{
	struct sys_sched_attr attr = { .size = sizeof(attr) };
	long r = sys_result(syscall(SYS_sched_getattr, tid, &attr, sizeof(attr), 0));

	if (r < 0)
		return (int)r;
	*ret = attr;
	return 0;
}

/* which: 1 process (or thread), 2 process group, 3 user. */
#define SYS_IOPRIO_WHO_PROCESS 1

static inline int sys_ioprio_get(int which, int who)
{
	return (int)sys_result(syscall(SYS_ioprio_get, which, who));
}

static inline int sys_ioprio_set(int which, int who, int ioprio)
{
	return (int)sys_result(syscall(SYS_ioprio_set, which, who, ioprio));
}

static inline int sys_openat2(int dirfd, const char *path, const struct open_how *how)
{
	return (int)sys_result(syscall(SYS_openat2, dirfd, path, how, sizeof(*how)));
}

/* Below dirfd as if it were /: what a path of a task needs. resolve adds RESOLVE_*. */
static inline int sys_open_in_root(int dirfd, const char *path, int flags, mode_t mode,
				   uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)flags,
		.mode = mode,
		.resolve = RESOLVE_IN_ROOT | resolve,
	};

	return sys_openat2(dirfd, path, &how);
}

static inline int sys_membarrier(int cmd, unsigned int flags, int cpu)
{
	return (int)sys_result(syscall(SYS_membarrier, cmd, flags, cpu));
}

/* Bytes that were advised (5.10; fewer than asked for is possible). */
static inline ssize_t sys_process_madvise(int pidfd, const struct iovec *vec, size_t nr, int advice)
{
	return sys_result(syscall(SYS_process_madvise, pidfd, vec, nr, advice, 0));
}

static inline int sys_userfaultfd(int flags)
{
	return (int)sys_result(syscall(SYS_userfaultfd, flags));
}

static inline int sys_mseal(void *addr, size_t len)
{
	return (int)sys_result(syscall(SYS_mseal, addr, len, 0));
}
