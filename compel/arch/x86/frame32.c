// SPDX-License-Identifier: GPL-2.0-only
/*
 * The frame of 32-bit code, as the 32-bit rt_sigreturn(2) takes it; it is made in 64-bit mode
 * all the same, so the slot has eight bytes. Layout: arch/x86/include/asm/{sigframe,ia32}.h,
 * uapi/asm/sigcontext.h; what the kernel makes of it: arch/x86/kernel/signal_32.c, fpu/regset.c.
 *
 *	at	return slot; its upper half, 0, is where the kernel's frame begins
 *	at+8	struct kernel_frame32
 *	...	x87 registers as FSAVE has them, then the XSAVE area, 64-byte aligned
 */
#include <string.h>

#include "compel/arch/x86/frame.h"

#define SS_INVALID   0x7fff /* no valid ss_flags: the kernel keeps the stack it has */
#define SIGINFO_SIZE 128
#define POPPED       24 /* three registers, in 64-bit mode */

struct kernel_sigcontext32 {
	uint16_t gs, gsh, fs, fsh, es, esh, ds, dsh;
	uint32_t di, si, bp, sp, bx, dx, cx, ax, trapno, err, ip;
	uint16_t cs, csh;
	uint32_t flags, sp_at_signal;
	uint16_t ss, ssh;
	uint32_t fpstate, oldmask, cr2;
};

struct kernel_frame32 {
	uint32_t sig, info_at, uc_at;
	uint8_t info[SIGINFO_SIZE];
	uint32_t uc_flags, uc_link;
	uint32_t ss_sp;
	int32_t ss_flags;
	uint32_t ss_size;
	struct kernel_sigcontext32 mc;
	uint32_t sigmask[2];
};

/* struct user_i387_ia32_struct and a status word: the tags say which registers are in use. */
struct fsave {
	uint32_t cwd, swd, twd, fip, fcs, foo, fos;
	uint8_t st[8][10];
	uint32_t status;
};

/* The beginning of the XSAVE area. */
struct fxsave {
	uint16_t cwd, swd, twd, fop;
	uint64_t rip, rdp;
	uint32_t mxcsr, mxcsr_mask;
	uint8_t st[8][16];
};

#define FRAME_HEAD (8 + sizeof(struct kernel_frame32))

static uint64_t place(const struct tracee_regs *regs, uint64_t top, uint32_t *ret_len)
{
	uint64_t xstate = (top - regs->xstate_len - FRAME_XSTATE_END) & ~63ull;
	uint64_t at = (xstate - sizeof(struct fsave) - FRAME_HEAD) & ~15ull;

	*ret_len = (uint32_t)(xstate + regs->xstate_len + FRAME_XSTATE_END - at);
	return at;
}

static void frame_regs(uint8_t *buf, const struct tracee_regs *regs, uint64_t sigreturn)
{
	struct kernel_frame32 *f = (void *)(buf + 8);
	const struct user_regs_struct *gp = &regs->gp;
	uint64_t ax, ip;

	frame_restart(gp, &ax, &ip);
	memcpy(buf, &sigreturn, 8);
	f->ss_flags = SS_INVALID;
	memcpy(f->sigmask, &regs->sigmask, sizeof(f->sigmask));
	f->mc = (struct kernel_sigcontext32){
		.gs = (uint16_t)gp->gs,
		.fs = (uint16_t)gp->fs,
		.es = (uint16_t)gp->es,
		.ds = (uint16_t)gp->ds,
		.di = (uint32_t)gp->rdi,
		.si = (uint32_t)gp->rsi,
		.bp = (uint32_t)gp->rbp,
		.sp = (uint32_t)gp->rsp,
		.bx = (uint32_t)gp->rbx,
		.dx = (uint32_t)gp->rdx,
		.cx = (uint32_t)gp->rcx,
		.ax = (uint32_t)ax,
		.ip = (uint32_t)ip,
		.cs = (uint16_t)gp->cs,
		.flags = (uint32_t)gp->eflags,
		.ss = (uint16_t)gp->ss,
	};
}

/* FXSAVE has a bit for each register in use, FSAVE two, which are set for those that are not. */
static struct fsave fsave_of(const uint8_t *xstate)
{
	struct fsave s = { .twd = 0xffff0000 };
	struct fxsave x;

	memcpy(&x, xstate, sizeof(x));
	s.cwd = x.cwd | 0xffff0000u;
	s.swd = x.swd | 0xffff0000u;
	s.fip = (uint32_t)x.rip;
	s.fcs = (uint32_t)x.fop << 16;
	s.foo = (uint32_t)x.rdp;
	s.status = x.swd;
	for (unsigned int i = 0; i < 8; i++) {
		if (!(x.twd & 1u << i))
			s.twd |= 3u << 2 * i;
		memcpy(s.st[i], x.st[i], sizeof(s.st[i]));
	}
	return s;
}

static void build(uint8_t *buf, uint64_t at, const struct tracee_regs *regs, uint64_t sigreturn)
{
	struct kernel_frame32 *f = (void *)(buf + 8);
	const struct fsave fsave = fsave_of(regs->xstate);
	uint64_t xstate = (at + FRAME_HEAD + sizeof(fsave) + 63) & ~63ull;
	uint64_t fpstate = xstate - sizeof(fsave);

	frame_regs(buf, regs, sigreturn);
	f->mc.fpstate = (uint32_t)fpstate;
	memcpy(buf + (fpstate - at), &fsave, sizeof(fsave));
	frame_xstate(buf + (xstate - at), regs, sizeof(fsave));
}

static void build_call(uint8_t *buf, const struct tracee_regs *regs, uint64_t sigreturn,
		       const uint64_t call[5])
{
	struct kernel_frame32 *f = (void *)(buf + 8);

	frame_regs(buf, regs, sigreturn);
	f->mc.cs = TRACEE_CS_64;
	f->mc.ss = TRACEE_SS_64;
	f->mc.ip = (uint32_t)call[0];
	f->mc.sp = (uint32_t)call[1];
	f->mc.ax = (uint32_t)call[2];
	f->mc.bx = (uint32_t)call[3];
	f->mc.cx = (uint32_t)call[4];
}

static void set_call(struct user_regs_struct *gp, long nr, const uint64_t arg[6])
{
	gp->rax = (unsigned long long)nr;
	gp->rbx = arg[0];
	gp->rcx = arg[1];
	gp->rdx = arg[2];
	gp->rsi = arg[3];
	gp->rdi = arg[4];
	gp->rbp = arg[5];
}

/* Numbers: arch/x86/entry/syscalls/syscall_32.tbl. The mmap is mmap2. */
const struct frame_kind frame_32bit = {
	.nr_mmap = 192,
	.nr_munmap = 91,
	.nr_time = 13,
	.popped = POPPED,
	.call_len = (FRAME_HEAD + 15) & ~15u,
	.place = place,
	.build = build,
	.build_call = build_call,
	.set_call = set_call,
};
