// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the kernel's iterators show of threads, mappings and open files, for a fiftieth of what a
 * text of /proc costs. It is the kernel's own memory, whose meaning changes from one version to
 * the next, so it is not understood but compared: whatever is equal here for two threads that
 * stand still reads the same in /proc, and need be read there only once.
 *
 * Wants Linux 6.1 with BTF, CAP_BPF and CAP_PERFMON (or CAP_SYS_ADMIN); else all is read.
 */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VIEW_COMM 16

/* Signals that may stop a thread for us: those that are ignored by default. */
#define VIEW_SIGNALS                                                                               \
	{                                                                                          \
		SIGURG, SIGWINCH, SIGCHLD                                                          \
	}
#define VIEW_SIGNALS_NR 3

/* Everything of a user's and group's ids, capabilities and securebits. */
#define VIEW_CREDS 96

enum view_link { VIEW_EXE, VIEW_CWD, VIEW_ROOT, VIEW_LINKS };

struct proc_pids;

struct view_thread {
	pid_t tid; /* in crtool's pid namespace */
	char comm[VIEW_COMM]; /* as prctl(PR_SET_NAME) took it; NUL-terminated */
	/* The same: the same name spaces, all of them. */
	struct view_ns {
		uint64_t nsproxy, user, pid;
	} ns;
	uint64_t mm, files, fs, cgroups; /* the same object, and no other */
	/* The same: the same link in /proc/PID, to the same file. */
	struct view_path {
		uint64_t mount, dentry;
	} links[VIEW_LINKS];
	/* The same, and nothing pending: the same credentials, seccomp mode and number of filters,
	 * no_new_privs, umask, features of the processor, signal mask; and VIEW_SIGNALS are handled
	 * or not alike; in the sense of /proc/PID/status. */
	struct view_status {
		uint64_t umask;
		uint64_t seccomp_mode, seccomp_filters, seccomp_filter;
		uint64_t atomic_flags, features, blocked;
		uint64_t handlers[VIEW_SIGNALS_NR];
		uint8_t creds[VIEW_CREDS];
	} status;
	/* The same: the same answers to what a thread is asked from inside (pie/abi/parasite.h),
	 * but for PR_GET_TID_ADDRESS. */
	struct view_inside {
		uint64_t sas_sp, sas_size, sas_flags, pdeath_signal;
		uint64_t timer_slack, timer_slack_default;
		uint64_t policy, priority, io_context, mempolicy;
		uint64_t flags, thread_flags, atomic_flags;
		uint8_t creds[VIEW_CREDS];
	} inside;
	uint64_t clear_child_tid; /* PR_GET_TID_ADDRESS */
	bool has_tls; /* set_thread_area(2): perhaps */
	bool has_pending; /* a signal, of its own or of the process */
};

/* What a thread was doing. */
struct view_call {
	pid_t tid;
	uint64_t leader; /* the same: threads of one process */
	bool is_asleep; /* or stands still */
	bool is_worker; /* of io_uring, or another that the kernel has made for itself */
	/* Asleep in a system call, as /proc/TID/syscall has it: -1, in none. */
	long nr;
	uint64_t arg[6], pc;
};

/* Who belongs to whom, and what else is worth to be known before threads are asked. */
struct view_kin {
	pid_t tid;
	uint64_t task, leader, parent; /* the same: the same thread */
	bool is_alone; /* the only thread of its process */
	bool has_children; /* of its own: not those of other threads of its process */
	uint64_t syscall_work; /* 0: the kernel does nothing more at its system calls */
	/* struct rseq, if this kernel keeps it as others have: to be checked with one of them. */
	uint64_t rseq;
	uint32_t rseq_len, rseq_sig;
};

#define VIEW_LINK 256

/*
 * An open file of a thread. What fdinfo says of a file for which neither more_info nor locks are
 * set is its position, its flags, the id of its mount and its inode's number; of an eventfd also
 * the members of events.
 */
struct view_file {
	uint64_t fd;
	uint64_t file; /* the same: the same open file description */
	uint64_t ops; /* the same: files of one kind */
	uint64_t mount; /* the same: the same mnt_id */
	uint64_t pos, flags, ino, mode;
	uint64_t more_info, locks; /* lines of its kind; locks or leases: perhaps */
	uint64_t inode; /* the same: the same inode */
	uint64_t owner; /* 0: F_GETOWN and F_GETSIG say 0 */
	/* Only if it is an eventfd. */
	struct view_events {
		uint64_t count;
		uint32_t flags; /* EFD_* */
		int32_t id;
	} events;
	uint64_t content; /* the kernel's, of its kind */
	/* Of the link of /proc/PID/fd, with a NUL; below 0: it is longer; 0: of what has no name of
	 * its own, a FIFO, a socket or what is not in a file system. */
	int64_t link_len;
	char *link; /* owned; NULL: not known */
};

struct taskview {
	int threads, processes, vmas, files, calls, kinship; /* programs; -1: no view of these */
	struct view_thread *v; /* sorted by tid */
	size_t nr, cap;
	struct view_process *process; /* the same: procview.h */
	size_t nr_processes, cap_processes;
	size_t process_bytes; /* that its program writes */
	bool has_rss; /* of processes: this kernel counts as it has since 6.2 */
	struct view_vma *vma; /* of all processes, one after the other */
	struct view_run *run; /* where those of each are */
	size_t nr_runs;
	struct view_call *call; /* the same */
	size_t nr_calls, cap_calls;
	struct view_kin *kin; /* the same */
	size_t nr_kin, cap_kin;
};

/* Of what there is to be a view. */
enum {
	VIEW_OF_THREADS = 1,
	VIEW_OF_VMAS = 2,
	VIEW_OF_FILES = 4,
	VIEW_OF_CALLS = 8,
	VIEW_OF_PROCESSES = 16,
	VIEW_OF_KIN = 32,
	VIEW_OF_ALL = 63
};

/* 0, or -errno where this kernel or crtool's capabilities do not allow it: nothing is there. */
int taskview_open(struct taskview *ret, unsigned int of);
/* All threads of so many processes, none of them twice, as they are now; nr 0: of the pid
 * namespace. 0, or -errno. */
int taskview_read(struct taskview *v, const pid_t *pids, size_t nr);
/* NULL: it was not there. */
const struct view_thread *taskview_find(const struct taskview *v, pid_t tid);
/* What all of them are doing at the moment. 0, or -errno. */
int taskview_read_calls(struct taskview *v);
/* NULL: it was not there. */
const struct view_call *taskview_call(const struct taskview *v, pid_t tid);
/* Appends the threads that a process had then. */
void taskview_call_threads(const struct taskview *v, pid_t pid, struct proc_pids *ret);
/* Who belongs to whom at the moment. 0, or -errno. */
int taskview_read_kin(struct taskview *v);
/* NULL: it was not there. */
const struct view_kin *taskview_kin(const struct taskview *v, pid_t tid);
/* The open files of a thread by number: how many, of which at most max are written; or -errno. From
 * any thread. */
ssize_t taskview_files(const struct taskview *v, pid_t tid, struct view_file *ret, size_t max);
/* The links of so many. */
void view_files_done(struct view_file *v, size_t nr);
void taskview_done(struct taskview *v);
