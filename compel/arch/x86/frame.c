// SPDX-License-Identifier: GPL-2.0-only
/*
 * Layout: arch/x86/include/uapi/asm/{sigcontext,ucontext}.h; what the kernel makes of it:
 * arch/x86/kernel/signal_64.c, fpu/signal.c.
 *
 *      at      return slot
 *      at+8    struct kernel_ucontext
 *      ...     XSAVE area, 64-byte aligned, with its two magic words
 */
#include "compel/arch/x86/frame.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#define UC_FLAGS_64   0x7 /* FP_XSTATE, SIGCONTEXT_SS, STRICT_RESTORE_SS */
#define XSTATE_MAGIC1 0x46505853u
#define XSTATE_MAGIC2 0x46505845u
#define SW_RESERVED   464 /* bytes 464..511 of the legacy area belong to software */
#define SS_INVALID    0x7fff /* no valid ss_flags: the kernel keeps the stack it has */

struct kernel_sigcontext {
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, eflags;
	uint16_t cs, gs, fs, ss;
	uint64_t err, trapno, oldmask, cr2, fpstate, reserved[8];
};

struct kernel_ucontext {
	uint64_t flags, link;
	uint64_t ss_sp;
	int32_t ss_flags, pad;
	uint64_t ss_size;
	struct kernel_sigcontext mc;
	uint64_t sigmask;
};

struct xstate_sw {
	uint32_t magic1, extended_size;
	uint64_t xfeatures;
	uint32_t xstate_size;
};

#define FRAME_HEAD (8 + sizeof(struct kernel_ucontext))

static uint64_t place(const struct tracee_regs *regs, uint64_t top, uint32_t *ret_len)
{
	uint64_t xstate = (top - regs->xstate_len - FRAME_XSTATE_END) & ~63ull;
	uint64_t at = ((xstate - FRAME_HEAD) & ~15ull) - 8;

	*ret_len = (uint32_t)(xstate + regs->xstate_len + FRAME_XSTATE_END - at);
	return at;
}

void frame_restart(const struct user_regs_struct *gp, uint64_t *ret_rax, uint64_t *ret_rip)
{
	int64_t ax = tracee_runs_32bit(gp) ? (int32_t)gp->rax : (int64_t)gp->rax;
	bool again = (int64_t)gp->orig_rax >= 0 && ax <= -512 && ax >= -516;

	*ret_rax = again ? gp->orig_rax : gp->rax;
	*ret_rip = again ? gp->rip - 2 : gp->rip;
}

static void frame_regs(struct kernel_sigcontext *mc, const struct user_regs_struct *gp)
{
	*mc = (struct kernel_sigcontext){
		.r8 = gp->r8,
		.r9 = gp->r9,
		.r10 = gp->r10,
		.r11 = gp->r11,
		.r12 = gp->r12,
		.r13 = gp->r13,
		.r14 = gp->r14,
		.r15 = gp->r15,
		.rdi = gp->rdi,
		.rsi = gp->rsi,
		.rbp = gp->rbp,
		.rbx = gp->rbx,
		.rdx = gp->rdx,
		.rcx = gp->rcx,
		.rsp = gp->rsp,
		.eflags = gp->eflags,
		.cs = (uint16_t)gp->cs,
		.gs = (uint16_t)gp->gs,
		.fs = (uint16_t)gp->fs,
		.ss = (uint16_t)gp->ss,
	};
	frame_restart(gp, &mc->rax, &mc->rip);
}

void frame_xstate(uint8_t *x, const struct tracee_regs *regs, uint32_t extra)
{
	struct xstate_sw sw = {
		.magic1 = XSTATE_MAGIC1,
		.extended_size = regs->xstate_len + FRAME_XSTATE_END + extra,
		.xstate_size = regs->xstate_len,
	};
	const uint32_t magic2 = XSTATE_MAGIC2;

	memcpy(x, regs->xstate, regs->xstate_len);
	/* The regset holds the mask of enabled features where the frame has its header. */
	memcpy(&sw.xfeatures, x + SW_RESERVED, 8);
	memset(x + SW_RESERVED, 0, 48);
	memcpy(x + SW_RESERVED, &sw, sizeof(sw));
	memcpy(x + regs->xstate_len, &magic2, FRAME_XSTATE_END);
}

static void build(uint8_t *buf, uint64_t at, const struct tracee_regs *regs, uint64_t sigreturn)
{
	struct kernel_ucontext *uc = (void *)(buf + 8);
	uint64_t xstate = (at + FRAME_HEAD + 63) & ~63ull;

	memcpy(buf, &sigreturn, 8);
	uc->flags = UC_FLAGS_64;
	uc->ss_flags = SS_INVALID;
	uc->sigmask = regs->sigmask;
	frame_regs(&uc->mc, &regs->gp);
	uc->mc.fpstate = xstate;
	frame_xstate(buf + (xstate - at), regs, 0);
}

/* Without an XSAVE area the registers of that kind are reset: the last frame has them. */
static void build_call(uint8_t *buf, const struct tracee_regs *regs, uint64_t sigreturn,
		       const uint64_t call[5])
{
	struct kernel_ucontext *uc = (void *)(buf + 8);

	memcpy(buf, &sigreturn, 8);
	uc->flags = UC_FLAGS_64 & ~1u;
	uc->ss_flags = SS_INVALID;
	uc->sigmask = regs->sigmask;
	frame_regs(&uc->mc, &regs->gp);
	uc->mc.cs = TRACEE_CS_64;
	uc->mc.ss = TRACEE_SS_64;
	uc->mc.rip = call[0];
	uc->mc.rsp = call[1];
	uc->mc.rax = call[2];
	uc->mc.rdi = call[3];
	uc->mc.rsi = call[4];
}

static void set_call(struct user_regs_struct *gp, long nr, const uint64_t arg[6])
{
	gp->rax = (unsigned long long)nr;
	gp->rdi = arg[0];
	gp->rsi = arg[1];
	gp->rdx = arg[2];
	gp->r10 = arg[3];
	gp->r8 = arg[4];
	gp->r9 = arg[5];
}

const struct frame_kind frame_64bit = {
	.nr_mmap = SYS_mmap,
	.nr_munmap = SYS_munmap,
	.nr_time = SYS_time,
	.call_len = (FRAME_HEAD + 15) & ~15u,
	.place = place,
	.build = build,
	.build_call = build_call,
	.set_call = set_call,
};
