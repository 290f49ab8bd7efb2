// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stopped thread that makes system calls and runs a blob for us.
 *
 * The rule at the head of everything here: the tracer may be killed between any two
 * instructions, and the thread must then find home alone. So, before its registers are
 * touched, a signal frame with them is laid out below its stack (past the red zone),
 * and its new registers always lead there:
 *
 *      rip -> "syscall; ret"        some bytes of the program or its libraries
 *      rsp -> address of "mov $15, %eax; syscall"     (rt_sigreturn)
 *             ucontext: all registers, the signal mask, the XSAVE area
 *
 * The order around a call is: frame, registers, signal mask; and back: mask, registers.
 * Between any two of these the thread, let go, ends in the frame or never left.
 * Where the interrupted system call was to be restarted, the frame restarts it.
 *
 * All functions are quiet: 0 or -errno.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "compel/blob/abi.h"
#include "compel/tracee.h"

/* Addresses, in the target, of code that ends in what the name says. */
struct remote_site {
	uint64_t syscall_ret; /* 0f 05 c3 */
	uint64_t sigreturn; /* mov $15, %eax or %rax; syscall */
};

/* Offsets in text[], UINT64_MAX where there is none. */
struct remote_site remote_site_find(const void *text, uint64_t len);

/* Bytes that serve as both, for a process that has neither: a place for them has to be
 * found, and what was there put back. */
extern const uint8_t remote_site_bytes[12];
#define REMOTE_SITE_SYSCALL_RET 0
#define REMOTE_SITE_SIGRETURN	3

struct remote {
	pid_t pid;
	const struct tracee_regs *regs; /* as the thread was interrupted; borrowed */
	struct remote_site site;
	int signo; /* the stop signal of a blob, see blob_exit */

	uint64_t frame; /* address of the return slot, the ucontext follows */
	uint8_t *under; /* what the frame covers */
	uint32_t frame_len;
	bool away; /* registers are not the thread's own */

	uint64_t region, region_len; /* the blob's mapping, 0 when there is none */
	uint64_t data; /* address of its writable part */
	const struct blob_header *blob;
};

/* Take the thread `regs` was read from. `top` is an address below which the frame goes,
 * 0 for its own stack pointer. Nothing is resumed yet. */
int remote_init(struct remote *r, pid_t tid, const struct tracee_regs *regs,
		const struct remote_site *site, uint64_t top);

/* *ret is the kernel's answer, -errno included. */
int remote_syscall(struct remote *r, long nr, const uint64_t arg[6], int64_t *ret);

/* Map the blob and data_len writable bytes, at r->data, after it. */
int remote_infect(struct remote *r, const void *blob, uint64_t blob_len, uint64_t data_len);

/*
 * Run the blob once to its blob_exit(). args stand at r->data + off and begin with the
 * struct blob_exit, which is filled here; they are written before, read back after.
 */
int remote_call(struct remote *r, uint64_t off, void *args, uint32_t args_len);

/* The same by another stopped thread of the process, which goes home by a frame inside
 * the data. Threads first: the leader's way home unmaps the blob. */
int remote_call_thread(struct remote *r, pid_t tid, const struct tracee_regs *regs, uint64_t off,
		       void *args, uint32_t args_len);

/* Unmap the blob, put back stack, signal mask and registers. Fine on any state. */
int remote_cure(struct remote *r);
void remote_done(struct remote *r);
