// SPDX-License-Identifier: GPL-2.0-only
/*
 * The restore program: what a task has still to do when nothing of crtool is mapped any
 * more but this. Built by the host, run by the restorer blob, one list of operations per
 * thread. Fixed-size integers and addresses inside the hole only.
 *
 * The hole is the one range that is free in the address space of every task to be
 * restored and of crtool:
 *
 *	stage area        shared by crtool and all tasks
 *	blob              code, shared as well
 *	shared memory     segments that are to be shared, waiting to be mapped in place
 *	staging           huge pages that are filled and moved to their places, a piece a reader
 *	program           operations and their data, stacks of the threads
 *	parking           vdso and its data pages between old place and new
 */
#pragma once
#include <stdint.h>

enum op_kind {
	OP_END, /* report, and wait to be picked up by the tracer */
	OP_SYSCALL,
	OP_SYSCALL32, /* as 32-bit code makes it, int $0x80; up to five arguments */
	OP_READ, /* fd, file offset, iovec array, how many, total bytes: no short counts */
	OP_READ_LARGE, /* struct large_read: by several threads, and by way of huge pages */
	OP_CLONE, /* flags, tid, stack top, list of operations of the thread */
	OP_FORK, /* pid, stack top, list of operations, exit signal, uint8_t: see restore.created */
	OP_OPEN, /* fd of a directory, name, flags, number here */
	OP_STAGE, /* report that the one before is done, wait for stage arg[0]; pidfd of crtool */
	OP_TIMER, /* clock, sigevent, wanted id: timer_create until it is that one */
	OP_AIO, /* fd of /dev/null, array of ring and length, how many */
	OP_TAKE_FD, /* pidfd, its number there, number here, flags of dup3 */
	OP_SIGQUEUE, /* siginfo array, how many, tid or 0 for the process */
};

#define HUGE_BYTES   (2ull << 20)
#define READ_PIECE   (2 * HUGE_BYTES) /* that a reader takes at a time */
#define STAGING_STEP (READ_PIECE + HUGE_BYTES) /* apart, so that they are mappings of their own */
#define READERS_MAX  8
#define READER_STACK 8192ull

enum op_flag {
	OP_ANY = 1, /* failure is fine */
	OP_EXPECT = 2, /* the result must be .expect */
};

/* What the operation is for: the host makes a message of it (core/program.c). */
enum op_what {
	OP_WHAT_NONE,
	OP_WHAT_RSEQ,
	OP_WHAT_UNMAP,
	OP_WHAT_VDSO,
	OP_WHAT_MAP,
	OP_WHAT_SHMEM,
	OP_WHAT_READ,
	OP_WHAT_PROTECT,
	OP_WHAT_ADVISE,
	OP_WHAT_LOCK,
	OP_WHAT_MM,
	OP_WHAT_CLOSE,
	OP_WHAT_THREAD,
	OP_WHAT_FORK,
	OP_WHAT_OPEN,
	OP_WHAT_RLIMIT,
	OP_WHAT_SIGNAL,
	OP_WHAT_TIMER,
	OP_WHAT_CREDS,
	OP_WHAT_PRCTL,
	OP_WHAT_SAS,
	OP_WHAT_SCHED,
	OP_WHAT_MEMPOLICY,
	OP_WHAT_MBIND,
	OP_WHAT_LDT,
	OP_WHAT_IOPRIO,
	OP_WHAT_WAIT,
	OP_WHAT_SECCOMP,
	OP_WHAT_FILE_LOCK,
	OP_WHAT_MQ_NOTIFY,
	OP_WHAT_LATE,
	OP_WHAT_SEAL,
	OP_WHAT_AIO,
	OP_WHAT_PKEY,
	OP_WHAT_USERFAULT,
	OP_WHAT_URING,
	OP_WHAT_URING_REGISTER,
};

struct op {
	uint16_t kind, flags;
	uint16_t what, pad;
	int64_t nr;
	uint64_t arg[6];
	int64_t expect;
};

struct op_iov {
	uint64_t base, len;
};

/* A whole number of huge pages; those of by_huge begin where a huge page can. */
struct read_range {
	uint64_t addr, len, off; /* off: in the file */
	uint32_t fd;
	uint16_t rights, by_huge;
};

struct large_read {
	uint64_t ranges, total; /* struct read_range[], and the bytes of all of them */
	uint64_t spans, nr_spans; /* struct op_iov[]: mappings that have a range of by_huge */
	uint64_t reads, nr_reads; /* struct op[], as of OP_READ: what is small, but much */
	uint64_t staging; /* of the first reader; 0: no huge pages */
	uint64_t nr_readers, stacks; /* stacks of all but the first, which is the task itself */
	uint64_t numbers, nr_numbers; /* int32_t[], for their threads */
	/* The readers': the first byte of the ranges, and the first of the reads, that nobody has
	 * taken. */
	uint64_t next, next_read;
	int64_t err; /* of whom it failed */
};

/*
 * Where all tasks and crtool meet. stage and busy are futex words. Whoever claims `failed`
 * first fills the rest; crtool then reads it and kills the tree.
 */
struct stage_area {
	uint32_t stage; /* enum stage: which one runs */
	uint32_t busy; /* how many have not finished it */
	uint32_t failed;
	uint32_t told; /* the text or the operation below is complete */
	int32_t pid, err;
	uint32_t is_op;
	uint32_t patience_ms; /* whoever waits looks after the others this often */
	uint64_t read_bytes; /* of page contents, by all tasks */
	/* Huge pages were found to cost more than small ones: so many bytes go by small ones before
	 * the next try, and that was the last such distance. */
	uint64_t huge_distance, huge_last_distance;
	struct op op;
	char text[2048]; /* from the host code of a task */
	uint8_t scratch[64]; /* of crtool, for one call of a task at a time */
};

/* First argument of the restorer. */
struct restorer_args {
	uint64_t area; /* struct stage_area */
	uint64_t ops; /* struct op[], the leader's list */
	int32_t pid, tid;
};
