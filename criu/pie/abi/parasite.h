// SPDX-License-Identifier: GPL-2.0-only
/* What the parasite blob finds out from inside a task: there is no other way to ask. */
#pragma once
#include <stdint.h>

#include "compel/blob/abi.h"

#define PARASITE_NSIG       64
#define PARASITE_NODE_WORDS 16 /* 1024 NUMA nodes, which is the kernel's own limit */

#define PARASITE_SPECULATIONS 3 /* kinds of PR_SET_SPECULATION_CTRL */

/* What not every machine has, so that it need not be asked for. */
enum parasite_wanted {
	PARASITE_SPECULATION = 1, /* and the bits after it: one for each kind */
	PARASITE_CPUID = 1 << PARASITE_SPECULATIONS,
	PARASITE_XCOMP = PARASITE_CPUID << 1,
};

/* As the kernel's struct sigaction. */
struct parasite_sigaction {
	uint64_t handler, flags, restorer, mask;
};

struct parasite_itimer {
	uint64_t interval_sec, interval_usec, value_sec, value_usec;
};

struct parasite_timer {
	int32_t id; /* in: from /proc/PID/timers */
	int32_t overrun;
	uint64_t interval_sec, interval_nsec, value_sec, value_nsec;
};

struct parasite_thread {
	uint64_t sas_sp, sas_size;
	uint32_t sas_flags;
	uint32_t pdeath_sig;
	uint64_t clear_child_tid;
	uint32_t securebits;
	uint32_t ioprio;
	uint64_t timer_slack, timer_slack_default; /* ns */
	uint32_t mempolicy; /* MPOL_* with its flags */
	uint32_t mce_kill; /* PR_MCE_KILL_* */
	uint64_t mempolicy_nodes[PARASITE_NODE_WORDS];
	uint16_t speculation[PARASITE_SPECULATIONS]; /* PR_SPEC_* by kind; 0: not asked for */
	uint16_t io_flusher, no_tsc, no_cpuid;
};

/* data of a call for a single thread */
struct parasite_thread_args {
	struct blob_exit exit;
	uint32_t command; /* PARASITE_THREAD */
	int32_t err; /* 0, or -errno of the call named by err_nr */
	uint32_t err_nr;
	uint32_t wanted; /* in: enum parasite_wanted */
	struct parasite_thread thread;
};

/* data of a call for the leader: the same at the same places, and what all threads share */
struct parasite_process_args {
	struct blob_exit exit;
	uint32_t command; /* PARASITE_PROCESS */
	int32_t err;
	uint32_t err_nr;
	uint32_t wanted; /* in */
	struct parasite_thread thread;
	struct parasite_sigaction sa[PARASITE_NSIG];
	struct parasite_itimer itimer[3];
	uint32_t nr_timers; /* in */
	uint32_t mdwe, memory_merge;
	uint32_t has_ldt;
	uint64_t xcomp_perm; /* bit n: state component n of XSAVE; 0: not asked for */
	uint64_t brk;
	uint32_t dumpable, child_subreaper, thp_disabled, membarrier;
	uint64_t untouched; /* in: a page of the blob's mapping that nobody has touched */
	uint32_t lock_future, personality; /* the first: it is there, by mlockall(MCL_FUTURE) */
	uint32_t nr_fds;
	uint32_t lock_on_fault; /* mlockall(MCL_FUTURE | MCL_ONFAULT) */
	uint16_t one_node; /* in: there is no other NUMA node, and never will be */
	uint16_t mpol_some; /* mappings may have memory policies */
	struct parasite_timer timer[];
	/* then nr_fds descriptors, see parasite_fds() */
};

/* In: numbers; out: their flags (FD_CLOEXEC). */
static inline int32_t *parasite_fds(struct parasite_process_args *a)
{
	return (int32_t *)&a->timer[a->nr_timers];
}

/* The memory policy of a mapping. */
struct parasite_policy {
	uint32_t index; /* in addr[] of the question */
	uint32_t mode;
	uint64_t nodes[PARASITE_NODE_WORDS];
};

#define PARASITE_POLICIES_AT_ONCE 4

/* data of a call for the leader that asks for policies of mappings */
struct parasite_policies_args {
	struct blob_exit exit;
	uint32_t command; /* PARASITE_POLICIES */
	int32_t err;
	uint32_t nr, nr_found;
	uint32_t next; /* the first of addr[] that was not asked for, or nr */
	uint32_t pad;
	struct parasite_policy found[PARASITE_POLICIES_AT_ONCE];
	uint64_t addr[];
};

#define PARASITE_LDT_AT_ONCE 256

/* data of a call for the leader that asks for a part of the local descriptor table */
struct parasite_ldt_args {
	struct blob_exit exit;
	uint32_t command; /* PARASITE_LDT */
	int32_t err;
	uint32_t from; /* in: the first entry */
	uint32_t end; /* one behind the last that is used */
	uint64_t entry[PARASITE_LDT_AT_ONCE];
};

/* data of a call for the leader that makes a userfaultfd and waits until it has been taken */
struct parasite_uffd_args {
	struct blob_exit exit;
	uint32_t command; /* PARASITE_UFFD */
	int32_t err;
	int32_t fd; /* -1: not there yet */
	uint32_t taken; /* set from outside */
};

#define PARASITE_ROOM_PAGES 2

/* data of a call for the leader that maps two pages and waits until they were looked at: one of
 * shared memory that can never be written to, one that was never touched */
struct parasite_room_args {
	struct blob_exit exit;
	uint32_t command; /* PARASITE_ROOM */
	int32_t err;
	uint64_t at; /* in: where nothing is mapped */
	uint32_t made; /* they are there */
	uint32_t done; /* set from outside */
};

/* data of a call for the leader that copies memory that only it sees into a file, and waits until
 * that has been taken: pages that are not there are holes */
struct parasite_secret_args {
	struct blob_exit exit;
	uint32_t command; /* PARASITE_SECRET */
	int32_t err;
	uint64_t addr, len; /* in */
	int32_t fd; /* -1: not there yet */
	uint32_t taken; /* set from outside */
};

/* data of a call for the leader that makes a copy of the process, which does nothing */
struct parasite_copy_args {
	struct blob_exit exit;
	uint32_t command; /* PARASITE_COPY */
	int32_t err;
	int32_t pid; /* of the copy */
	uint32_t stay; /* set from outside, in the copy */
};

#define PARASITE_URINGS 8

/* data of a call for any thread that has what is over of its requests told of in these rings */
struct parasite_uring_args {
	struct blob_exit exit;
	uint32_t command; /* PARASITE_URING */
	int32_t err; /* unused: what comes of it is seen from outside */
	uint32_t nr;
	int32_t fd[PARASITE_URINGS];
};

enum parasite_command {
	PARASITE_THREAD = 1,
	PARASITE_PROCESS,
	PARASITE_POLICIES,
	PARASITE_LDT,
	PARASITE_UFFD,
	PARASITE_COPY,
	PARASITE_ROOM,
	PARASITE_SECRET,
	PARASITE_URING,
};
