// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/fd and /proc/PID/fdinfo. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "criu/kernel/proc_file.h"

/* Open descriptors in ascending order. */
struct proc_fds {
	int *v;
	size_t nr, cap;
};

/* ret is written over. tid 0: of the process; a thread has its own without CLONE_FILES. */
int proc_fds_read(int dirfd, pid_t tid, struct proc_fds *ret);
void proc_fds_done(struct proc_fds *l);

#define cleanup_proc_fds __attribute__((cleanup(proc_fds_done)))

/* The link of fd/N, NUL-terminated: its length, or -errno (-ENAMETOOLONG: size is small). */
int proc_fd_link(int dirfd, int fd, char *buf, size_t size);

#define PROC_USERFAULT_API (1u << 31)

/*
 * What fdinfo says of one descriptor. pos, flags, mnt_id, ino are of every file (mnt_id
 * since 3.15, ino since 5.14), the rest only of its kind: has_* tells.
 */
struct proc_fdinfo {
	int64_t pos;
	uint32_t flags; /* O_*, with O_CLOEXEC when the descriptor has FD_CLOEXEC */
	int mnt_id; /* -1: not printed */
	uint64_t ino; /* 0: not printed */

	bool has_eventfd, has_sigmask, has_timerfd, has_pidfd, has_scm_fds;
	bool has_userfaultfd, has_bpf_map;
	uint64_t eventfd_count;
	int eventfd_id; /* -1: not printed */
	bool eventfd_semaphore; /* printed since 6.5; else false */
	bool has_eventfd_semaphore;

	uint64_t sigmask;

	int clockid;
	uint64_t ticks;
	uint32_t settime_flags;
	struct itimerspec timer; /* it_value is what remains */

	pid_t pid; /* of a pidfd: -1 reaped, 0 outside of our namespace */
	pid_t ns_pid; /* innermost; 0: not printed, as for the reaped */

	bool bpf_frozen; /* of a BPF map */
	uint32_t bpf_map_id;
	uint64_t bpf_memlock; /* bytes */

	uint64_t userfault_pending; /* faults that nobody has read yet */
	uint32_t
	    userfault_features; /* of UFFDIO_API, with PROC_USERFAULT_API when that was called */

	uint64_t scm_fds; /* descriptors in flight in a unix socket's queue */

	/* Lines to be taken one by one with the functions below. */
	size_t nr_locks, nr_epoll, nr_inotify, nr_fanotify;
};

int proc_fdinfo_parse(const char *text, size_t len, struct proc_fdinfo *ret);
/* b keeps the text for the iterators. */
int proc_fdinfo_read(int dirfd, int fd, struct proc_buf *b, struct proc_fdinfo *ret);

/*
 * Lines of one sort: *cursor starts at 0. 1 and *ret, 0 at the end, or -EINVAL.
 *
 *	for (size_t at = 0; (r = proc_epoll_next(b.data, b.len, &at, &e)) > 0;)
 */
struct proc_epoll {
	int tfd; /* the number at the time of EPOLL_CTL_ADD; may be closed or another's now */
	uint32_t events;
	uint64_t data;
	uint64_t pos;
	uint64_t ino;
	uint64_t sdev; /* kernel's old dev_t encoding, as printed */
	bool has_ino;
};
int proc_epoll_next(const char *text, size_t len, size_t *cursor, struct proc_epoll *ret);

/* A file handle as exportfs made it: for open_by_handle_at. */
#define PROC_HANDLE_MAX 128
struct proc_handle {
	uint32_t bytes, type;
	uint8_t data[PROC_HANDLE_MAX];
};

struct proc_inotify {
	uint32_t wd;
	uint64_t ino, sdev;
	uint32_t mask, ignored_mask;
	bool has_handle;
	struct proc_handle handle;
};
int proc_inotify_next(const char *text, size_t len, size_t *cursor, struct proc_inotify *ret);

enum proc_fanotify_kind {
	PROC_FANOTIFY_GROUP,
	PROC_FANOTIFY_MOUNT,
	PROC_FANOTIFY_INODE,
	PROC_FANOTIFY_SB
};

/* The first line (GROUP) has init_flags and event_flags, each mark the rest. */
struct proc_fanotify {
	enum proc_fanotify_kind kind;
	uint32_t init_flags, event_flags;
	uint64_t ino, sdev;
	int mnt_id;
	uint32_t mflags;
	uint64_t mask, ignored_mask;
	bool has_handle;
	struct proc_handle handle;
};
int proc_fanotify_next(const char *text, size_t len, size_t *cursor, struct proc_fanotify *ret);

enum proc_lock_type {
	PROC_LOCK_FLOCK,
	PROC_LOCK_POSIX,
	PROC_LOCK_OFD,
	PROC_LOCK_LEASE,
	PROC_LOCK_DELEG,
	PROC_LOCK_ACCESS,
	PROC_LOCK_OTHER
};

/* A "lock:" line of fdinfo, or a line of /proc/locks. */
struct proc_lock {
	uint64_t id;
	bool waiting; /* "->": blocked on the lock before it (only /proc/locks) */
	enum proc_lock_type type;
	bool mandatory; /* MSNFS and old kernels' mandatory locks */
	bool breaking, breaker; /* leases: must go; who waits for that (only /proc/locks) */
	short kind; /* F_RDLCK, F_WRLCK, F_UNLCK; of a breaking lease what it must become */
	pid_t owner; /* 0: outside of our pid namespace; -1: OFD */
	uint32_t dev_major, dev_minor;
	uint64_t ino;
	uint64_t start, end; /* bytes; end UINT64_MAX: EOF */
};
int proc_lock_next(const char *text, size_t len, size_t *cursor, struct proc_lock *ret);
