// SPDX-License-Identifier: GPL-2.0-only
/* A signal frame that brings a thread's registers back by rt_sigreturn(2). */
#pragma once
#include <stdint.h>

#include "compel/tracee.h"

#define FRAME_RED_ZONE 128

/* Of 64-bit system calls, or of 32-bit ones: both made in 64-bit mode. */
struct frame_kind {
	long nr_mmap, nr_munmap, nr_time;
	/* Bytes that the code which makes a system call takes off the stack before its `ret`. */
	uint32_t popped;
	/* Bytes of a frame that makes one system call on the way, see build_call(). */
	uint32_t call_len;

	/*
	 * Where, below top, a frame for these registers goes; its bytes in *ret_len. The first
	 * eight are the slot that a `ret` takes, the rest follows.
	 */
	uint64_t (*place)(const struct tracee_regs *regs, uint64_t top, uint32_t *ret_len);
	/* Fill buf, ret_len bytes that will stand at `at`. sigreturn: what the slot holds. */
	void (*build)(uint8_t *buf, uint64_t at, const struct tracee_regs *regs,
		      uint64_t sigreturn);
	/* A frame of call_len bytes: the slot, and registers that enter the code at rip with rsp,
	 * number and two arguments; nothing else of the state matters there. */
	void (*build_call)(uint8_t *buf, const struct tracee_regs *regs, uint64_t sigreturn,
			   const uint64_t call[5]);
	/* Number and arguments, in the registers that a call takes them from. */
	void (*set_call)(struct user_regs_struct *gp, long nr, const uint64_t arg[6]);
};

extern const struct frame_kind frame_64bit, frame_32bit;

/*
 * What both kinds have in common: the XSAVE area with its magic words, extra bytes of its
 * surroundings counted in, and the restart of the interrupted call, done in advance. A call with
 * a timeout of its own starts over: its remaining time is known to the kernel alone.
 */
void frame_xstate(uint8_t *x, const struct tracee_regs *regs, uint32_t extra);
#define FRAME_XSTATE_END 4 /* bytes behind it */
void frame_restart(const struct user_regs_struct *gp, uint64_t *ret_rax, uint64_t *ret_rip);
