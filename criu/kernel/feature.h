// SPDX-License-Identifier: GPL-2.0-only
/* What this kernel can do: one table, each row a probe that tries the thing. */
#pragma once
#include <stddef.h>

enum feature {
	FEATURE_MNT_ID,
	FEATURE_MEM_DIRTY_TRACK,
	FEATURE_AIO_REMAP,
	FEATURE_TIMERFD,
	FEATURE_TUN,
	FEATURE_TUN_NS,
	FEATURE_USERNS,
	FEATURE_FDINFO_LOCK,
	FEATURE_SECCOMP_SUSPEND,
	FEATURE_SECCOMP_FILTERS,
	FEATURE_LOGINUID,
	FEATURE_CGROUPNS,
	FEATURE_AUTOFS,
	FEATURE_TCP_HALF_CLOSED,
	FEATURE_COMPAT_CR,
	FEATURE_UFFD,
	FEATURE_UFFD_NONCOOP,
	FEATURE_CAN_MAP_VDSO,
	FEATURE_SK_NS,
	FEATURE_SK_UNIX_FILE,
	FEATURE_NET_DIAG_RAW,
	FEATURE_NSID,
	FEATURE_LINK_NSID,
	FEATURE_KCMP_EPOLL,
	FEATURE_TIMENS,
	FEATURE_EXTERNAL_NET_NS,
	FEATURE_CLONE3_SET_TID,
	FEATURE_NEWIFINDEX,
	FEATURE_NFTABLES,
	FEATURE_HAS_IPT_LEGACY,
	FEATURE_PIDFD_STORE,
	FEATURE_NS_PID,
	FEATURE_APPARMOR_STACKING,
	FEATURE_NETWORK_LOCK_NFTABLES,
	FEATURE_SOCKOPT_BUF_LOCK,
	FEATURE_MEMFD_HUGETLB,
	FEATURE_MOVE_MOUNT_SET_GROUP,
	FEATURE_OPENAT2,
	FEATURE_GET_RSEQ_CONF,
	FEATURE_IPV6_FREEBIND,
	FEATURE_PAGEMAP_SCAN,
	FEATURE_TIMER_CR_IDS,
	FEATURE_OVERLAYFS_MAPS,
	FEATURE_BREAKPOINTS,
	FEATURE_PAGEMAP_SCAN_GUARD_PAGES,
	FEATURE_NUMA_POLICY,
	FEATURE_SCHED_DEADLINE,
	FEATURE_SCHED_SLICE,
	FEATURE_SCHED_UTIL_CLAMP,
	FEATURE_MDWE,
	FEATURE_MEMORY_MERGE,
	FEATURE_IO_FLUSHER,
	FEATURE_SPECULATION,
	FEATURE_CPUID_FAULT,
	FEATURE_SCHED_CORE,
	FEATURE_USER_DISPATCH,
	FEATURE_AUTOGROUP,
	FEATURE_PIDFD_THREAD,
	FEATURE_VSOCK,
	FEATURE_MPTCP,
	FEATURE_NR
};

enum feature_kind {
	FEATURE_CORE, /* without it dumps or restores of ordinary tasks are refused */
	FEATURE_EXTRA, /* some objects need it, or something is slower without */
	FEATURE_EXPERIMENTAL, /* for what is still experimental */
};

struct feature_info {
	const char *name; /* as `crtool check --feature` and the RPC know it */
	const char *what; /* one line, lower case: "pages written since a moment can be told" */
	const char *hint; /* when missing: kernel config or version */
	enum feature_kind kind;
	/* 1 there, 0 missing, -errno: could not be tried (-EPERM: ask as root). Leaves nothing. */
	int (*probe)(void);
};

const struct feature_info *feature_info(enum feature f);
/* The enum, or -ENOENT. */
int feature_by_name(const char *name);
/* 1, 0 or -errno as probe(); the first answer is kept for the life of the process. */
int feature_has(enum feature f);
/* Forget the answers: tests. */
void feature_forget(void);
