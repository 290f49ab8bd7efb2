// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/feature.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "criu/kernel/feature_probe.h"

/* clang-format off */
#define ROW(id, kind, probe, name, what, hint) \
	[FEATURE_##id] = { name, what, hint, FEATURE_##kind, probe }

static const struct feature_info features[FEATURE_NR] = {
	ROW(MNT_ID, CORE, probe_mnt_id, "mnt_id",
	    "fdinfo names the mount of a file",
	    "Linux 3.15"),
	ROW(MEM_DIRTY_TRACK, EXTRA, probe_mem_dirty_track, "mem_dirty_track",
	    "pages written since a moment can be told",
	    "CONFIG_MEM_SOFT_DIRTY, or CONFIG_USERFAULTFD and Linux 6.7"),
	ROW(AIO_REMAP, EXTRA, probe_aio_remap, "aio_remap",
	    "an AIO ring can be moved",
	    "CONFIG_AIO, Linux 3.19"),
	ROW(TIMERFD, CORE, probe_timerfd, "timerfd",
	    "the state of a timerfd can be read and set",
	    "CONFIG_TIMERFD, CONFIG_CHECKPOINT_RESTORE, Linux 3.17"),
	ROW(TUN, EXTRA, probe_tun, "tun",
	    "tun and tap devices",
	    "CONFIG_TUN and /dev/net/tun"),
	ROW(TUN_NS, EXTRA, probe_tun_ns, "tun_ns",
	    "the network namespace of a tun device can be told",
	    "CONFIG_TUN, Linux 5.4"),
	ROW(USERNS, EXTRA, probe_userns, "userns",
	    "user namespaces",
	    "CONFIG_USER_NS; sysctl user.max_user_namespaces"),
	ROW(FDINFO_LOCK, CORE, probe_fdinfo_lock, "fdinfo_lock",
	    "fdinfo shows file locks",
	    "Linux 4.1"),
	ROW(SECCOMP_SUSPEND, EXTRA, probe_seccomp_suspend, "seccomp_suspend",
	    "seccomp can be suspended by ptrace",
	    "CONFIG_SECCOMP, CONFIG_CHECKPOINT_RESTORE, Linux 4.3"),
	ROW(SECCOMP_FILTERS, EXTRA, probe_seccomp_filters, "seccomp_filters",
	    "seccomp filters can be read",
	    "CONFIG_SECCOMP_FILTER, CONFIG_CHECKPOINT_RESTORE, Linux 4.4"),
	ROW(LOGINUID, EXTRA, probe_loginuid, "loginuid",
	    "the audit login uid can be read and set",
	    "CONFIG_AUDIT; or it is made immutable"),
	ROW(CGROUPNS, EXTRA, probe_cgroupns, "cgroupns",
	    "cgroup namespaces",
	    "CONFIG_CGROUPS, Linux 4.6"),
	ROW(AUTOFS, EXPERIMENTAL, probe_autofs, "autofs",
	    "mount options of autofs name its pipe",
	    "CONFIG_AUTOFS_FS, Linux 4.15"),
	ROW(TCP_HALF_CLOSED, EXTRA, probe_tcp_half_closed, "tcp_half_closed",
	    "TCP connections in closing states can be repaired",
	    "Linux 4.17"),
	ROW(COMPAT_CR, EXTRA, probe_compat_cr, "compat_cr",
	    "32-bit tasks can be restored",
	    "CONFIG_IA32_EMULATION (and not ia32_emulation=off), Linux 4.9"),
	ROW(UFFD, EXTRA, probe_uffd, "uffd",
	    "userfaultfd",
	    "CONFIG_USERFAULTFD"),
	ROW(UFFD_NONCOOP, EXTRA, probe_uffd_noncoop, "uffd-noncoop",
	    "userfaultfd tells of fork, remap, unmap and removal",
	    "CONFIG_USERFAULTFD, Linux 4.12"),
	ROW(CAN_MAP_VDSO, CORE, probe_can_map_vdso, "can_map_vdso",
	    "the vdso can be mapped by arch_prctl",
	    "x86, CONFIG_CHECKPOINT_RESTORE, Linux 4.9"),
	ROW(SK_NS, EXTRA, probe_sk_ns, "sk_ns",
	    "the network namespace of a socket can be told",
	    "CONFIG_NET_NS, Linux 4.10"),
	ROW(SK_UNIX_FILE, EXTRA, probe_sk_unix_file, "sk_unix_file",
	    "the file of a bound unix socket can be opened",
	    "Linux 4.15"),
	ROW(NET_DIAG_RAW, EXTRA, probe_net_diag_raw, "net_diag_raw",
	    "raw sockets are listed by sock_diag",
	    "CONFIG_INET_RAW_DIAG"),
	ROW(NSID, EXTRA, probe_nsid, "nsid",
	    "network namespaces have ids for each other",
	    "Linux 4.0"),
	ROW(LINK_NSID, EXTRA, probe_link_nsid, "link_nsid",
	    "a link tells where its peer is",
	    "Linux 4.0 (tried with CONFIG_VETH)"),
	ROW(KCMP_EPOLL, CORE, probe_kcmp_epoll, "kcmp_epoll",
	    "kcmp, also of targets of epoll",
	    "CONFIG_KCMP or CONFIG_CHECKPOINT_RESTORE, Linux 4.13"),
	ROW(TIMENS, EXTRA, probe_timens, "timens",
	    "time namespaces",
	    "CONFIG_TIME_NS, Linux 5.6"),
	ROW(EXTERNAL_NET_NS, EXTRA, probe_external_net_ns, "external_net_ns",
	    "a network namespace can be entered by a descriptor",
	    "CONFIG_NET_NS"),
	ROW(CLONE3_SET_TID, CORE, probe_clone3_set_tid, "clone3_set_tid",
	    "clone3 takes the pid of the child",
	    "Linux 5.5"),
	ROW(NEWIFINDEX, EXTRA, probe_newifindex, "newifindex",
	    "a link that changes its namespace can be given an index",
	    "Linux 5.13 (tried with CONFIG_VETH)"),
	ROW(NFTABLES, EXTRA, probe_nftables, "nftables",
	    "nftables",
	    "CONFIG_NF_TABLES"),
	ROW(HAS_IPT_LEGACY, EXTRA, probe_has_ipt_legacy, "has_ipt_legacy",
	    "iptables of the old kind",
	    "CONFIG_IP_NF_IPTABLES, CONFIG_IP_NF_FILTER"),
	ROW(PIDFD_STORE, CORE, probe_pidfd_store, "pidfd_store",
	    "processes and their files can be had by pidfd",
	    "Linux 5.6"),
	ROW(NS_PID, CORE, probe_ns_pid, "ns_pid",
	    "status shows the pids of all levels",
	    "Linux 4.1"),
	ROW(APPARMOR_STACKING, EXPERIMENTAL, probe_apparmor_stacking, "apparmor_stacking",
	    "AppArmor profiles can be stacked",
	    "CONFIG_SECURITY_APPARMOR, Linux 4.13"),
	ROW(NETWORK_LOCK_NFTABLES, EXTRA, probe_network_lock_nftables, "network_lock_nftables",
	    "the network can be locked by nftables",
	    "CONFIG_NF_TABLES_INET; or --network-lock iptables"),
	ROW(SOCKOPT_BUF_LOCK, EXTRA, probe_sockopt_buf_lock, "sockopt_buf_lock",
	    "SO_BUF_LOCK",
	    "Linux 5.15"),
	ROW(MEMFD_HUGETLB, EXTRA, probe_memfd_hugetlb, "memfd_hugetlb",
	    "memfd of huge pages",
	    "CONFIG_HUGETLBFS, CONFIG_MEMFD_CREATE, Linux 4.16"),
	ROW(MOVE_MOUNT_SET_GROUP, EXTRA, probe_move_mount_set_group, "move_mount_set_group",
	    "a mount can join the peer group of another",
	    "Linux 5.15"),
	ROW(OPENAT2, CORE, probe_openat2, "openat2",
	    "openat2",
	    "Linux 5.6"),
	ROW(GET_RSEQ_CONF, CORE, probe_get_rseq_conf, "get_rseq_conf",
	    "ptrace tells the rseq area of a thread",
	    "CONFIG_RSEQ, Linux 5.13"),
	ROW(IPV6_FREEBIND, EXTRA, probe_ipv6_freebind, "ipv6_freebind",
	    "IPV6_FREEBIND",
	    "CONFIG_IPV6, Linux 4.15"),
	ROW(PAGEMAP_SCAN, EXTRA, probe_pagemap_scan, "pagemap_scan",
	    "PAGEMAP_SCAN",
	    "CONFIG_PROC_PAGE_MONITOR, Linux 6.7"),
	ROW(TIMER_CR_IDS, EXTRA, probe_timer_cr_ids, "timer_cr_ids",
	    "timer_create takes the id of the timer",
	    "CONFIG_POSIX_TIMERS, Linux 6.15"),
	ROW(OVERLAYFS_MAPS, EXTRA, probe_overlayfs_maps, "overlayfs_maps",
	    "mappings of overlayfs name the file of the overlay",
	    "CONFIG_OVERLAY_FS, Linux 6.8"),
	ROW(BREAKPOINTS, EXTRA, probe_breakpoints, "breakpoints",
	    "hardware breakpoints by ptrace",
	    "CONFIG_HAVE_HW_BREAKPOINT, CONFIG_PERF_EVENTS"),
	ROW(PAGEMAP_SCAN_GUARD_PAGES, EXTRA, probe_pagemap_scan_guard_pages,
	    "pagemap_scan_guard_pages",
	    "PAGEMAP_SCAN tells guard pages",
	    "Linux 6.15"),
	ROW(NUMA_POLICY, EXTRA, probe_numa_policy, "numa_policy",
	    "NUMA memory policies",
	    "CONFIG_NUMA"),
	ROW(SCHED_DEADLINE, EXTRA, probe_sched_deadline, "sched_deadline",
	    "the deadline scheduling policy",
	    "CAP_SYS_NICE, all processors of the machine, and time left on them"),
	ROW(SCHED_SLICE, EXTRA, probe_sched_slice, "sched_slice",
	    "a thread can ask for the length of its time slice",
	    "Linux 6.12"),
	ROW(SCHED_UTIL_CLAMP, EXTRA, probe_sched_util_clamp, "sched_util_clamp",
	    "utilization clamps of threads",
	    "CONFIG_UCLAMP_TASK, Linux 5.3"),
	ROW(MDWE, EXTRA, probe_mdwe, "mdwe",
	    "memory that is written can be kept from being executed",
	    "Linux 6.3"),
	ROW(MEMORY_MERGE, EXTRA, probe_memory_merge, "memory_merge",
	    "all memory of a process can be offered for merging",
	    "CONFIG_KSM, Linux 6.4"),
	ROW(IO_FLUSHER, EXTRA, probe_io_flusher, "io_flusher",
	    "a thread can be an I/O flusher",
	    "CAP_SYS_RESOURCE, Linux 5.6"),
	ROW(SPECULATION, EXTRA, probe_speculation, "speculation",
	    "a thread can choose how the processor speculates",
	    "a processor that is affected; kernel parameter spec_store_bypass_disable"),
	ROW(CPUID_FAULT, EXTRA, probe_cpuid_fault, "cpuid_fault",
	    "CPUID can be made a fault",
	    "a processor, or hypervisor, with CPUID faulting"),
	ROW(SCHED_CORE, EXTRA, probe_sched_core, "sched_core",
	    "core scheduling: who runs beside whom",
	    "a processor with several threads in a core, CONFIG_SCHED_CORE"),
	ROW(USER_DISPATCH, EXTRA, probe_user_dispatch, "user_dispatch",
	    "syscall user dispatch can be read and set",
	    "Linux 6.4"),
	ROW(AUTOGROUP, EXTRA, probe_autogroup, "autogroup",
	    "sessions have a nice value",
	    "CONFIG_SCHED_AUTOGROUP"),
	ROW(PIDFD_THREAD, EXTRA, probe_pidfd_thread, "pidfd_thread",
	    "a pidfd can be of a thread",
	    "Linux 6.9"),
	ROW(VSOCK, EXTRA, probe_vsock, "vsock",
	    "there are sockets between virtual machines and their host",
	    "CONFIG_VSOCKETS"),
	ROW(MPTCP, EXTRA, probe_mptcp, "mptcp",
	    "there are sockets of MPTCP",
	    "CONFIG_MPTCP, net.mptcp.enabled"),
};
/* clang-format on */

/* Answers + 1, so that 0 is "not asked yet"; -errno + 1 never is 0 either. */
static atomic_int answers[FEATURE_NR];

#define ANSWER_NOT_ASKED 0

const struct feature_info *feature_info(enum feature f)
{
	return &features[f];
}

int feature_by_name(const char *name)
{
	for (int f = 0; f < FEATURE_NR; f++)
		if (strcmp(features[f].name, name) == 0)
			return f;
	return -ENOENT;
}

int feature_has(enum feature f)
{
	int answer = atomic_load(&answers[f]);

	if (answer == ANSWER_NOT_ASKED) {
		answer = features[f].probe() + 1;
		atomic_store(&answers[f], answer);
	}
	return answer - 1;
}

void feature_forget(void)
{
	for (int f = 0; f < FEATURE_NR; f++)
		atomic_store(&answers[f], ANSWER_NOT_ASKED);
}
