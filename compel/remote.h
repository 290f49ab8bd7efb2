// SPDX-License-Identifier: GPL-2.0-only
/*
 * A stopped thread that makes system calls and runs a blob for us.
 *
 * The rule at the head of everything here: the tracer may be killed between any two
 * instructions, and the thread must then find home alone, and leave nothing. So, before
 * its registers are touched, two signal frames are laid out below its stack (past the red
 * zone), and its new registers always lead into them:
 *
 *	detour	-> rt_sigreturn	registers that call munmap of the blob's range
 *	home	-> rt_sigreturn	all its own registers, the signal mask, the XSAVE area
 *
 * An arrow is a slot on the stack that a `ret` takes; it holds the address of code of the
 * program or its libraries that calls rt_sigreturn(2), and system calls are made by a
 * "syscall; ret" found there, too. While the blob's mapping may exist, the slot is the
 * detour's; the mapping has an address that is known in advance.
 *
 * The order around a call is: frames, registers, signal mask; and back: mask, registers.
 * Where the interrupted system call was to be restarted, the home frame restarts it.
 *
 * Other threads of the process may run the blob, each in a slot. The leader then stands in
 * blob_leave(), and unmaps only what nobody is inside of: the last thing that a thread
 * does on its way home is a system call, made outside of the blob, that writes to the word
 * of its slot, which the leader watches.
 *
 * A 32-bit program has no "syscall"; but its vdso has "int $0x80", which makes 32-bit calls in
 * 64-bit mode, too. The frames then are of the 32-bit kind; between them all code runs in 64-bit
 * mode, and the last one leads back to 32-bit mode.
 *
 * A thread under seccomp may be killed for a system call that it would never make itself.
 * As long as it is traced, seccomp can be suspended (tracee_suspend_seccomp()); what it does
 * when the tracer is killed counts again. So for a `wary` one, whose filters are not known to
 * allow what is described above, every way home leads through
 * rt_sigreturn(2) alone, which each mode and each filter of sense allows: nobody unmaps the
 * blob then, so it would be left behind. A system call of ours begins as rt_sigreturn(2), and
 * becomes another one while the thread stands in its entry. What remains are the moments
 * between that, or the start of the blob, and the kernel's look at the call, and the blob's
 * own run: about 50 us for a thread in which SIGKILL of the tracer can cost its life.
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
	uint64_t syscall_ret; /* 0f 05 c3; of 32-bit calls: cd 80, three pops, ret */
	uint64_t sigreturn; /* mov $15, %eax or %rax; syscall; or mov $173, %eax; int $0x80 */
	bool is_32bit;
};

/* Offsets in text[], UINT64_MAX where there is none. */
struct remote_site remote_site_find(const void *text, uint64_t len);
/* The same for 32-bit calls, in the text of a vdso. */
struct remote_site remote_site_find_32bit(const void *text, uint64_t len);

/* Bytes that serve as both, for a process that has neither: a place for them has to be
 * found, and what was there put back. */
extern const uint8_t remote_site_bytes[12];
#define REMOTE_SITE_SYSCALL_RET 0
#define REMOTE_SITE_SIGRETURN   3

/* Bytes of a stack that are ours for a while. */
struct remote_frames {
	uint64_t at, home; /* addresses: of all of it, of the frame that leads home */
	uint8_t *under; /* what it covers; owned */
	uint32_t len;
};

struct remote {
	pid_t pid; /* of the thread, which stands for the leader where that has ended */
	const struct tracee_regs *regs; /* as the thread was interrupted; borrowed */
	struct remote_site site;
	pid_t tgid; /* of its process; 0: it is the leader */
	int signo; /* the stop signal of a blob, see blob_exit */
	bool wary; /* seccomp bars the usual way home: see above */

	struct remote_frames frames; /* frames.at, as stack pointer, leads to the detour */
	bool away; /* registers are not the thread's own */
	long nr; /* the system call that has begun */

	uint64_t region, region_len; /* of the blob's mapping */
	bool mapped;
	bool waits; /* the leader stands in blob_leave() */
	uint64_t data; /* address of its writable part */
	uint64_t leave; /* address of the leader's struct blob_wait */
	const void *blob; /* begins with a struct blob_header; borrowed */
	uint64_t blob_len;
};

/* Bytes of address space that the blob takes. */
uint64_t remote_region_len(uint64_t blob_len, uint64_t data_len);

/*
 * Take the thread `regs` was read from. `top` is an address below which the frames go, 0
 * for its own stack pointer. region: region_len bytes of address space where nothing is
 * mapped. Nothing is resumed yet.
 */
int remote_init(struct remote *r, pid_t tid, const struct tracee_regs *regs,
		const struct remote_site *site, uint64_t top, uint64_t region, uint64_t region_len);

/*
 * What follows comes in parts, each of which lets the thread run on, and waits first for what
 * the part before has begun: whoever visits many tasks does one part for all of them, then
 * the next. A part is not done after one that has returned an error; remote_cure_*() always are.
 */

/* Map the blob and data_len writable bytes, at r->data, after it. */
int remote_infect_begin(struct remote *r, const void *blob, uint64_t blob_len, uint64_t data_len);
int remote_infect_enter(struct remote *r);
int remote_infect_end(struct remote *r);
int remote_infect(struct remote *r, const void *blob, uint64_t blob_len, uint64_t data_len);

/*
 * Run the blob once to its blob_exit(). args stand at r->data + off and begin with the
 * struct blob_exit, which is filled here; they are written before, read back after.
 */
int remote_call_begin(struct remote *r, uint64_t off, void *args, uint32_t args_len);
int remote_call_end(struct remote *r, uint64_t off, void *args, uint32_t args_len);

/* A call by another stopped thread of the process. */
struct remote_thread {
	pid_t tid;
	const struct tracee_regs *regs; /* as it was interrupted; borrowed */
	void *args; /* as in remote_call_begin() */
	uint32_t args_len; /* at most REMOTE_ARGS_MAX */
	int err;
	struct remote_frames frames; /* remote's */
	bool away;
};

#define REMOTE_THREADS  BLOB_SLOTS
#define REMOTE_ARGS_MAX 1024u

/*
 * At most REMOTE_THREADS threads run the blob at the same time, and are as they were afterwards.
 * Returns the first error; each has its own in err. Before remote_call_begin().
 */
int remote_call_threads(struct remote *r, struct remote_thread *th, size_t nr);

/* Unmap the blob, put back stack, signal mask and registers. Fine on any state. */
int remote_cure_begin(struct remote *r);
int remote_cure_enter(struct remote *r);
int remote_cure_end(struct remote *r);
