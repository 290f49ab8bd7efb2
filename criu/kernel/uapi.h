// SPDX-License-Identifier: GPL-2.0-only
/*
 * Constants and structures of Linux that the headers of Debian 12 (6.1) lack. From the
 * kernel's uapi headers, by value; the version is the first that has them.
 *
 * linux/fs.h, pidfd.h, eventpoll.h and ptrace.h do not go with glibc's headers of the same
 * subject, so they are not included here. Where a later glibc has a structure of the same
 * name, ours is called sys_*.
 */
#pragma once
#include <linux/ioctl.h>
#include <linux/memfd.h>
#include <linux/nsfs.h>
#include <linux/prctl.h>
#include <linux/types.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>

/* fs.h, 6.7: PAGEMAP_SCAN. Include linux/fs.h, if at all, before this file. */
#ifndef PAGEMAP_SCAN
#define PAGE_IS_WPALLOWED (1ull << 0)
#define PAGE_IS_WRITTEN   (1ull << 1)
#define PAGE_IS_FILE      (1ull << 2)
#define PAGE_IS_PRESENT   (1ull << 3)
#define PAGE_IS_SWAPPED   (1ull << 4)
#define PAGE_IS_PFNZERO   (1ull << 5)
#define PAGE_IS_HUGE      (1ull << 6)

struct page_region {
	__u64 start, end;
	__u64 categories;
};

#define PM_SCAN_WP_MATCHING   (1 << 0)
#define PM_SCAN_CHECK_WPASYNC (1 << 1)

struct pm_scan_arg {
	__u64 size, flags;
	__u64 start, end, walk_end;
	__u64 vec, vec_len;
	__u64 max_pages;
	__u64 category_inverted, category_mask, category_anyof_mask, return_mask;
};

#define PAGEMAP_SCAN _IOWR('f', 16, struct pm_scan_arg)
#endif
#ifndef PAGE_IS_SOFT_DIRTY /* 6.7 */
#define PAGE_IS_SOFT_DIRTY (1ull << 7)
#endif
#ifndef PAGE_IS_GUARD /* 6.15 */
#define PAGE_IS_GUARD (1ull << 8)
#endif

/* Entries of /proc/PID/pagemap (Documentation/admin-guide/mm/pagemap.rst) */
#define PM_ENTRY_PFN        ((1ull << 55) - 1)
#define PM_ENTRY_SOFT_DIRTY (1ull << 55)
#define PM_ENTRY_EXCLUSIVE  (1ull << 56)
#define PM_ENTRY_UFFD_WP    (1ull << 57)
#define PM_ENTRY_GUARD      (1ull << 58) /* 6.15 */
#define PM_ENTRY_FILE       (1ull << 61)
#define PM_ENTRY_SWAP       (1ull << 62)
#define PM_ENTRY_PRESENT    (1ull << 63)

/* mman.h, mman-common.h */
#ifndef MADV_GUARD_INSTALL /* 6.13 */
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif
#ifndef MAP_DROPPABLE /* 6.11 */
#define MAP_DROPPABLE 0x08
#endif

/* memfd.h, fcntl.h: 6.3 */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008u
#define MFD_EXEC        0x0010u
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

/* prctl.h */
#ifndef PR_SET_MDWE /* 6.3; NO_INHERIT 6.6 */
#define PR_SET_MDWE 65
#define PR_GET_MDWE 66
#endif
#ifndef PR_MDWE_REFUSE_EXEC_GAIN
#define PR_MDWE_REFUSE_EXEC_GAIN (1ul << 0)
#endif
#ifndef PR_MDWE_NO_INHERIT
#define PR_MDWE_NO_INHERIT (1ul << 1)
#endif
#ifndef PR_SET_MEMORY_MERGE /* 6.4 */
#define PR_SET_MEMORY_MERGE 67
#define PR_GET_MEMORY_MERGE 68
#endif
#ifndef PR_GET_AUXV /* 6.4 */
#define PR_GET_AUXV 0x41555856
#endif
#ifndef PR_TIMER_CREATE_RESTORE_IDS /* 6.15 */
#define PR_TIMER_CREATE_RESTORE_IDS     77
#define PR_TIMER_CREATE_RESTORE_IDS_OFF 0
#define PR_TIMER_CREATE_RESTORE_IDS_ON  1
#define PR_TIMER_CREATE_RESTORE_IDS_GET 2
#endif

/* userfaultfd.h */
#ifndef UFFD_FEATURE_WP_UNPOPULATED /* 6.4 */
#define UFFD_FEATURE_WP_UNPOPULATED (1 << 13)
#endif
#ifndef UFFD_FEATURE_POISON /* 6.6 */
#define UFFD_FEATURE_POISON (1 << 14)
#endif
#ifndef UFFD_FEATURE_WP_ASYNC /* 6.7 */
#define UFFD_FEATURE_WP_ASYNC (1 << 15)
#endif
#ifndef UFFD_FEATURE_MOVE /* 6.8 */
#define UFFD_FEATURE_MOVE (1 << 16)
#endif
#ifndef UFFDIO_POISON
#define _UFFDIO_POISON 0x08
struct uffdio_poison {
	struct {
		__u64 start, len;
	} range;
	__u64 mode;
	__s64 updated;
};
#define UFFDIO_POISON _IOWR(0xAA, _UFFDIO_POISON, struct uffdio_poison)
#endif
#ifndef UFFDIO_MOVE
#define _UFFDIO_MOVE                     0x05
#define UFFDIO_MOVE_MODE_DONTWAKE        (1ull << 0)
#define UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES (1ull << 1)
struct uffdio_move {
	__u64 dst, src, len;
	__u64 mode;
	__s64 move;
};
#define UFFDIO_MOVE _IOWR(0xAA, _UFFDIO_MOVE, struct uffdio_move)
#endif

/* timerfd.h, whose include of linux/fcntl.h does not go with fcntl.h */
#ifndef TFD_IOC_SET_TICKS
#define TFD_IOC_SET_TICKS _IOW('T', 0, __u64)
#endif

/* pidfd.h */
#ifndef PIDFD_THREAD /* 6.9; O_EXCL */
#define PIDFD_THREAD 00000200
#endif
#ifndef PIDFD_SIGNAL_THREAD /* 6.9 */
#define PIDFD_SIGNAL_THREAD        (1u << 0)
#define PIDFD_SIGNAL_THREAD_GROUP  (1u << 1)
#define PIDFD_SIGNAL_PROCESS_GROUP (1u << 2)
#endif
/* 6.13; exit_code 6.15 */
#define SYS_PIDFD_INFO_PID      (1ull << 0)
#define SYS_PIDFD_INFO_CREDS    (1ull << 1)
#define SYS_PIDFD_INFO_CGROUPID (1ull << 2)
#define SYS_PIDFD_INFO_EXIT     (1ull << 3)
struct sys_pidfd_info {
	__u64 mask; /* asked for; then: what is there */
	__u64 cgroupid;
	__u32 pid, tgid, ppid;
	__u32 ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
	__s32 exit_code;
};
#define SYS_PIDFD_GET_INFO _IOWR(0xFF, 11, struct sys_pidfd_info)

/* nsfs.h */
#ifndef NS_GET_MNTNS_ID /* 6.10 */
#define NS_GET_MNTNS_ID _IOR(0xb7, 0x5, __u64)
#endif
#ifndef NS_GET_PID_FROM_PIDNS /* 6.11 */
#define NS_GET_PID_FROM_PIDNS  _IOR(0xb7, 0x6, int)
#define NS_GET_TGID_FROM_PIDNS _IOR(0xb7, 0x7, int)
#define NS_GET_PID_IN_PIDNS    _IOR(0xb7, 0x8, int)
#define NS_GET_TGID_IN_PIDNS   _IOR(0xb7, 0x9, int)
#endif

/* eventpoll.h: 6.9 */
struct sys_epoll_params {
	__u32 busy_poll_usecs;
	__u16 busy_poll_budget;
	__u8 prefer_busy_poll;
	__u8 pad;
};
#define SYS_EPIOCSPARAMS _IOW(0x8A, 0x01, struct sys_epoll_params)
#define SYS_EPIOCGPARAMS _IOR(0x8A, 0x02, struct sys_epoll_params)

/* asm-generic/socket.h */
#ifndef SO_PASSPIDFD /* 6.5 */
#define SO_PASSPIDFD 76
#define SO_PEERPIDFD 77
#endif
#ifndef SO_RCVPRIORITY /* 6.14 */
#define SO_RCVPRIORITY 82
#endif
#ifndef SO_PASSRIGHTS /* 6.16 */
#define SO_PASSRIGHTS 83
#endif

/* if_packet.h: 6.5 */
#ifndef PACKET_VNET_HDR_SZ
#define PACKET_VNET_HDR_SZ 24
#endif

/* ptrace.h: 6.4 */
struct sys_ptrace_sud_config {
	__u64 mode, selector, offset, len;
};
#define SYS_PTRACE_SET_SUD 0x4210
#define SYS_PTRACE_GET_SUD 0x4211

/* unistd.h: the numbers are the same on every architecture since 5.1 */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif
#ifndef SYS_statmount
#define SYS_statmount 457
#endif
#ifndef SYS_listmount
#define SYS_listmount 458
#endif
#ifndef SYS_lsm_get_self_attr
#define SYS_lsm_get_self_attr 459
#endif
#ifndef SYS_mseal
#define SYS_mseal 462
#endif

/* linux/fanotify.h: 5.19, 6.0, 6.14 */
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x00000200
#endif
#ifndef FAN_MARK_IGNORE
#define FAN_MARK_IGNORE 0x00000400
#endif
#ifndef FAN_PRE_ACCESS
#define FAN_PRE_ACCESS 0x00100000
#endif
