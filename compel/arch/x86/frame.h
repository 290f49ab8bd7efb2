// SPDX-License-Identifier: GPL-2.0-only
/* A signal frame that brings a thread's registers back by rt_sigreturn(2). */
#pragma once
#include <stdint.h>

#include "compel/tracee.h"

#define FRAME_RED_ZONE 128

/*
 * Where, below top, a frame for these registers goes; its bytes in *ret_len. The first
 * eight are the slot that a `ret` takes, the ucontext follows at +8.
 */
uint64_t frame_place(const struct tracee_regs *regs, uint64_t top, uint32_t *ret_len);

/* The bytes of a frame that makes one system call on the way, see frame_build_call(). */
uint32_t frame_call_len(void);

/* A frame of frame_call_len() bytes: the slot and a ucontext that enters the code at rip with
 * rsp, rax, rdi and rsi; nothing else of the state matters there. */
void frame_build_call(uint8_t *buf, const struct tracee_regs *regs, uint64_t sigreturn,
		      const uint64_t call[5]);

/* Fill buf, ret_len bytes that will stand at `at`. sigreturn: what the slot holds. */
void frame_build(uint8_t *buf, uint64_t at, const struct tracee_regs *regs, uint64_t sigreturn);
