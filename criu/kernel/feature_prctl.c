// SPDX-License-Identifier: GPL-2.0-only
#include <asm/prctl.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/kernel/feature_probe.h"
#include "criu/kernel/uapi.h"

static int probe_get(int what)
{
	return prctl(what, 0, 0, 0, 0) < 0 ? probe_missing(errno) : 1;
}

int probe_mdwe(void)
{
	return probe_get(PR_GET_MDWE);
}

int probe_memory_merge(void)
{
	return probe_get(PR_GET_MEMORY_MERGE);
}

/* Whoever may not ask may not set it either. */
int probe_io_flusher(void)
{
	int r = probe_get(PR_GET_IO_FLUSHER);

	return r == -EPERM ? 0 : r;
}

int probe_speculation(void)
{
	int r = prctl(PR_GET_SPECULATION_CTRL, PR_SPEC_STORE_BYPASS, 0, 0, 0);

	return r < 0 ? probe_missing(errno) : (r & PR_SPEC_PRCTL) != 0;
}

#ifdef __x86_64__
static int cpuid_child(void)
{
	return syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0) == 0;
}

int probe_cpuid_fault(void)
{
	return probe_in_child(cpuid_child);
}
#else
int probe_cpuid_fault(void)
{
	return 0;
}
#endif

int probe_sched_core(void)
{
	unsigned long cookie = 0;

	return prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, 0, PR_SCHED_CORE_SCOPE_THREAD, &cookie) < 0
		   ? probe_missing(errno)
		   : 1;
}

static int dispatch_get(pid_t pid)
{
	struct sys_ptrace_sud_config c;
	long r = ptrace(SYS_PTRACE_GET_SUD, pid, sizeof(c), &c);

	/* EIO: no such request */
	return r == 0 ? 1 : errno != EIO ? probe_missing(errno) : 0;
}

int probe_user_dispatch(void)
{
	return probe_tracee(0, NULL, dispatch_get);
}

/* Only a process whose session was made after boot has one. */
static int autogroup_child(void)
{
	setsid();
	return probe_file_has(AT_FDCWD, "/proc/self/autogroup", " nice ");
}

int probe_autogroup(void)
{
	int r = probe_in_child(autogroup_child);

	return r == -ENOENT ? 0 : r;
}
