// SPDX-License-Identifier: GPL-2.0-only
/*
 * The probes behind feature.h, and what they share. Each returns as feature_info.probe().
 * A probe that would change its process does so in a child, which ends with it.
 */
#pragma once
#include <stdbool.h>
#include <sys/types.h>

/* What errno says of a call that was tried: 0 for "no such thing", else -errno. */
int probe_missing(int err);

/*
 * Runs fn in a child that has our memory and descriptors and is single-threaded: its
 * result, or 0 when a signal killed it. The child must not allocate: it may have been
 * forked from a thread while another one held the lock. It sends no SIGCHLD.
 */
int probe_in_child(int (*fn)(void));
/* The same in a network namespace of its own, whose loopback is down. */
int probe_in_netns(int (*fn)(void));
/* The same in a mount namespace of its own, with an empty tmpfs in the place of /proc; procfd
 * is the real one. */
int probe_in_tmpfs(int (*fn)(int procfd));

/*
 * Runs fn on a child that is stopped by ptrace (PTRACE_SEIZE with these options), after
 * setup was run in it (may be NULL; >= 0 or -errno). The child dies after fn.
 */
int probe_tracee(unsigned long options, int (*setup)(void), int (*fn)(pid_t pid));

/* The next stop of the tracee: its signal, or -ECHILD when it died. Leaves it to be reaped. */
int probe_tracee_wait(pid_t pid);

/* Does the file hold the text? 1, 0, or -errno. Does not allocate. */
int probe_file_has(int dirfd, const char *path, const char *text);

/* feature_file.c */
int probe_mnt_id(void);
int probe_timerfd(void);
int probe_fdinfo_lock(void);
int probe_kcmp_epoll(void);
int probe_openat2(void);
int probe_pidfd_store(void);
int probe_pidfd_thread(void);
int probe_vsock(void);
int probe_mptcp(void);
int probe_tun(void);
int probe_loginuid(void);
int probe_ns_pid(void);
int probe_apparmor_stacking(void);
int probe_sk_unix_file(void);
int probe_autofs(void);
int probe_move_mount_set_group(void);
int probe_overlayfs_maps(void);

/* feature_mem.c */
int probe_mem_dirty_track(void);
int probe_uffd(void);
int probe_uffd_noncoop(void);
int probe_pagemap_scan(void);
int probe_pagemap_scan_guard_pages(void);
int probe_aio_remap(void);
int probe_memfd_hugetlb(void);
int probe_can_map_vdso(void);
int probe_compat_cr(void);

/* feature_task.c */
int probe_seccomp_suspend(void);
int probe_seccomp_filters(void);
int probe_get_rseq_conf(void);
int probe_breakpoints(void);
int probe_clone3_set_tid(void);
int probe_timer_cr_ids(void);
int probe_numa_policy(void);
int probe_sched_deadline(void);
int probe_sched_slice(void);
int probe_sched_util_clamp(void);

/* feature_prctl.c */
int probe_mdwe(void);
int probe_memory_merge(void);
int probe_io_flusher(void);
int probe_speculation(void);
int probe_cpuid_fault(void);
int probe_sched_core(void);
int probe_user_dispatch(void);
int probe_autogroup(void);
int probe_userns(void);
int probe_cgroupns(void);
int probe_timens(void);

/* feature_net.c */
int probe_tun_ns(void);
int probe_tcp_half_closed(void);
int probe_sk_ns(void);
int probe_sockopt_buf_lock(void);
int probe_ipv6_freebind(void);
int probe_has_ipt_legacy(void);
int probe_external_net_ns(void);

/* feature_netlink.c */
int probe_net_diag_raw(void);
int probe_nsid(void);
int probe_link_nsid(void);
int probe_newifindex(void);
int probe_nftables(void);
int probe_network_lock_nftables(void);
