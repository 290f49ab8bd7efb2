// SPDX-License-Identifier: GPL-2.0-only
#include <asm/prctl.h>
#include <errno.h>
#include <sys/prctl.h>
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
