// SPDX-License-Identifier: GPL-2.0-only
/*
 * The general registers are kept as they are to be when the thread runs on: an
 * interrupted system call that is to restart has its number in ax again and ip on the
 * instruction, as any reader of the format expects. The code of the restart is kept
 * beside (thread_core_entry.restart), and puts back what the kernel itself had there, so
 * that it decides again, a handler of a pending signal with SA_RESTART included.
 *
 * The extended registers are an XSAVE area in standard format: the places of its
 * components are the processor's to tell (CPUID leaf 0xd).
 */
#include "criu/task/regs.h"

#include <asm/ldt.h>
#include <cpuid.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"

#define XSTATE_LEGACY 512
#define XSTATE_HEADER 64
#define XSTATE_MIN    (XSTATE_LEGACY + XSTATE_HEADER)
#define TLS_FIRST     12
#define RESTARTBLOCK  516

enum xcomp {
	XCOMP_YMM = 2,
	XCOMP_BNDREGS = 3,
	XCOMP_BNDCSR = 4,
	XCOMP_OPMASK = 5,
	XCOMP_ZMM_HI256 = 6,
	XCOMP_HI16_ZMM = 7,
	XCOMP_PKRU = 9,
	XCOMP_NR = 10
};

static const char *const xcomp_name[XCOMP_NR] = {
	[XCOMP_YMM] = "AVX",
	[XCOMP_BNDREGS] = "MPX",
	[XCOMP_BNDCSR] = "MPX",
	[XCOMP_OPMASK] = "AVX-512",
	[XCOMP_ZMM_HI256] = "AVX-512",
	[XCOMP_HI16_ZMM] = "AVX-512",
	[XCOMP_PKRU] = "protection keys",
};

struct xcomp_place {
	uint32_t off, size; /* size 0: not on this processor */
};

/* Asked once, or by two threads the same at a time: in a virtual machine each CPUID is a trip to
 * the host. */
static const struct xlayout {
	bool known;
	uint32_t size;
	struct xcomp_place place[XCOMP_NR];
} * xlayout(void)
{
	static struct xlayout l;
	uint32_t enabled, b, c, d;

	if (__atomic_load_n(&l.known, __ATOMIC_ACQUIRE))
		return &l;
	__cpuid_count(0xd, 0, enabled, l.size, c, d);
	for (uint32_t i = XCOMP_YMM; i < XCOMP_NR; i++) {
		if (!(enabled & (1u << i)))
			continue;
		__cpuid_count(0xd, i, l.place[i].size, b, c, d);
		l.place[i].off = b;
	}
	__atomic_store_n(&l.known, true, __ATOMIC_RELEASE);
	return &l;
}

static struct xcomp_place xcomp_place(enum xcomp c)
{
	return xlayout()->place[c];
}

static uint64_t get(const uint8_t *x, size_t off, size_t size)
{
	uint64_t v = 0;

	memcpy(&v, x + off, size);
	return v;
}

/* Which member of user_x86_regs_entry is which of user_regs_struct. */
/* clang-format off */
#define FOR_EACH_GP(X) \
	X(r15, r15) X(r14, r14) X(r13, r13) X(r12, r12) X(bp, rbp) X(bx, rbx) \
	X(r11, r11) X(r10, r10) X(r9, r9) X(r8, r8) X(ax, rax) X(cx, rcx) X(dx, rdx) \
	X(si, rsi) X(di, rdi) X(orig_ax, orig_rax) X(ip, rip) X(cs, cs) \
	X(flags, eflags) X(sp, rsp) X(ss, ss) X(fs_base, fs_base) X(gs_base, gs_base) \
	X(ds, ds) X(es, es) X(fs, fs) X(gs, gs)
/* clang-format on */

/* struct rseq_cs of linux/rseq.h. */
struct rseq_section {
	uint32_t version, flags;
	uint64_t start_ip, post_commit_offset, abort_ip;
};

/* A thread that was stopped inside a restartable sequence is sent to its abort handler, as
 * by any other preemption: the sequence may not go on elsewhere. */
static bool rseq_abort(const struct thread *th, uint64_t *ip)
{
	struct rseq_section cs;

	if (!th->rseq_cs || tracee_mem_read(th->tid, th->rseq_cs, &cs, sizeof(cs)) < 0)
		return false;
	if (*ip - cs.start_ip >= cs.post_commit_offset)
		return false;
	*ip = cs.abort_ip;
	return true;
}

static UserX86RegsEntry *gp_dump(struct arena *a, const struct task *t, const struct thread *th)
{
	UserX86RegsEntry *e = arena_message(a, UserX86RegsEntry, USER_X86_REGS_ENTRY__INIT);

#define X(field, reg) e->field = th->regs.gp.reg;
	FOR_EACH_GP(X)
#undef X
	e->has_mode = true;
	e->mode = t->abi == TASK_ABI_32 ? USER_X86_REGS_MODE__COMPAT : USER_X86_REGS_MODE__NATIVE;
	if (rseq_abort(th, &e->ip) || !th->restart)
		return e;
	if (th->restart == RESTARTBLOCK) {
		if (th->restart_nr >= 0)
			e->orig_ax = (uint64_t)th->restart_nr;
		e->ax = (uint64_t)-EINTR;
	} else {
		e->ax = e->orig_ax;
		e->ip -= 2;
	}
	return e;
}

static uint32_t *words32(struct arena *a, const uint8_t *from, size_t nr)
{
	return arena_dup(a, from, nr * 4);
}

#define XCOMP32(e, field, x, len, c)                                                               \
	do {                                                                                       \
		struct xcomp_place p_ = xcomp_place(c);                                            \
		if (p_.size && p_.off + p_.size <= (len)) {                                        \
			(e)->n_##field = p_.size / sizeof((e)->field[0]);                          \
			(e)->field = arena_dup(a, (x) + p_.off, p_.size);                          \
		}                                                                                  \
	} while (0)

static UserX86XsaveEntry *xsave_dump(struct arena *a, const uint8_t *x, size_t len)
{
	UserX86XsaveEntry *e = arena_message(a, UserX86XsaveEntry, USER_X86_XSAVE_ENTRY__INIT);

	e->xstate_bv = get(x, XSTATE_LEGACY, 8);
	XCOMP32(e, ymmh_space, x, len, XCOMP_YMM);
	XCOMP32(e, bndreg_state, x, len, XCOMP_BNDREGS);
	XCOMP32(e, bndcsr_state, x, len, XCOMP_BNDCSR);
	XCOMP32(e, opmask_reg, x, len, XCOMP_OPMASK);
	XCOMP32(e, zmm_upper, x, len, XCOMP_ZMM_HI256);
	XCOMP32(e, hi16_zmm, x, len, XCOMP_HI16_ZMM);
	XCOMP32(e, pkru, x, len, XCOMP_PKRU);
	return e;
}

static UserX86FpregsEntry *fpregs_dump(struct arena *a, const struct tracee_regs *regs)
{
	UserX86FpregsEntry *e = arena_message(a, UserX86FpregsEntry, USER_X86_FPREGS_ENTRY__INIT);
	const uint8_t *x = regs->xstate;

	e->cwd = (uint32_t)get(x, 0, 2);
	e->swd = (uint32_t)get(x, 2, 2);
	e->twd = (uint32_t)get(x, 4, 2);
	e->fop = (uint32_t)get(x, 6, 2);
	e->rip = get(x, 8, 8);
	e->rdp = get(x, 16, 8);
	e->mxcsr = (uint32_t)get(x, 24, 4);
	e->mxcsr_mask = (uint32_t)get(x, 28, 4);
	e->n_st_space = 32;
	e->st_space = words32(a, x + 32, 32);
	e->n_xmm_space = 64;
	e->xmm_space = words32(a, x + 160, 64);
	if (regs->xstate_len >= XSTATE_MIN) {
		e->xsave = xsave_dump(a, x, regs->xstate_len);
		if (e->xsave->xstate_bv >> XCOMP_NR) {
			e->has_xsave_raw = true;
			e->xsave_raw.len = regs->xstate_len;
			e->xsave_raw.data = arena_dup(a, x, regs->xstate_len);
		}
	}
	return e;
}

int regs_read_tls(struct thread *th, bool may_have)
{
	int r = 0;

	for (unsigned int i = 0; i < THREAD_TLS_ENTRIES && !may_have; i++)
		th->tls[i] = (struct user_desc){ .entry_number = TLS_FIRST + i,
						 .read_exec_only = 1,
						 .seg_not_present = 1 };
	for (int i = 0; i < THREAD_TLS_ENTRIES && r >= 0 && may_have; i++)
		r = tracee_get_tls(th->tid, TLS_FIRST + i, &th->tls[i]);
	return r;
}

static UserDescT *tls_dump(struct arena *a, const struct user_desc *d)
{
	UserDescT *e = arena_message(a, UserDescT, USER_DESC_T__INIT);

	e->entry_number = d->entry_number;
	e->base_addr = d->base_addr;
	e->limit = d->limit;
	e->seg_32bit = d->seg_32bit;
	e->contents_h = d->contents & 2;
	e->contents_l = d->contents & 1;
	e->read_exec_only = d->read_exec_only;
	e->limit_in_pages = d->limit_in_pages;
	e->seg_not_present = d->seg_not_present;
	e->usable = d->useable;
	return e;
}

ThreadInfoX86 *regs_dump(struct arena *a, const struct task *t, const struct thread *th)
{
	ThreadInfoX86 *e = arena_message(a, ThreadInfoX86, THREAD_INFO_X86__INIT);

	e->clear_tid_addr = th->inner.clear_child_tid;
	e->gpregs = gp_dump(a, t, th);
	e->fpregs = fpregs_dump(a, &th->regs);
	e->n_tls = THREAD_TLS_ENTRIES;
	e->tls = arena_array(a, UserDescT *, THREAD_TLS_ENTRIES);
	for (size_t i = 0; i < THREAD_TLS_ENTRIES; i++)
		e->tls[i] = tls_dump(a, &th->tls[i]);
	return e;
}

void regs_load_gp(const ThreadInfoX86 *ti, int restart, struct user_regs_struct *gp)
{
	const UserX86RegsEntry *e = ti->gpregs;

#define X(field, reg) gp->reg = e->field;
	FOR_EACH_GP(X)
#undef X
	/* 32-bit images have 32 bits of it. */
	if (tracee_runs_32bit(gp))
		gp->orig_rax = (uint64_t)(int64_t)(int32_t)gp->orig_rax;
	if (!restart)
		return;
	if (restart != RESTARTBLOCK)
		gp->rip += 2;
	gp->rax = (uint64_t) - (int64_t)restart;
}

static void put(uint8_t *x, size_t off, uint64_t v, size_t size)
{
	memcpy(x + off, &v, size);
}

/* One component, from words of the image to its place, unless x is NULL. */
static int xcomp_load(uint8_t *x, uint64_t *bv, enum xcomp c, const void *words, size_t len,
		      bool ignore_cpu)
{
	struct xcomp_place p = xcomp_place(c);

	if (!(*bv & (1ull << c)))
		return 0;
	if (p.size && len >= p.size) {
		if (x)
			memcpy(x + p.off, words, p.size);
		return 0;
	}
	if (!ignore_cpu && !p.size)
		return fail_hint(
		    fail_plain("uses %s registers, which this processor does not have",
			       xcomp_name[c]),
		    "try --cpu-cap=none to go on without them: code that was chosen for "
		    "the other processor may end with SIGILL");
	if (!ignore_cpu)
		return fail_plain("%s registers: %zu bytes in the image, %u on this processor",
				  xcomp_name[c], len, p.size);
	*bv &= ~(1ull << c);
	return 0;
}

#define XLOAD(c, field)                                                                            \
	if (r >= 0)                                                                                \
	r = xcomp_load(x, &bv, c, e->field, e->n_##field * sizeof(e->field[0]), ignore_cpu)

static int xsave_load(const UserX86XsaveEntry *e, uint8_t *x, bool ignore_cpu)
{
	uint64_t bv = e->xstate_bv;
	int r = 0;

	XLOAD(XCOMP_YMM, ymmh_space);
	XLOAD(XCOMP_BNDREGS, bndreg_state);
	XLOAD(XCOMP_BNDCSR, bndcsr_state);
	XLOAD(XCOMP_OPMASK, opmask_reg);
	XLOAD(XCOMP_ZMM_HI256, zmm_upper);
	XLOAD(XCOMP_HI16_ZMM, hi16_zmm);
	XLOAD(XCOMP_PKRU, pkru);
	if (r >= 0 && x)
		put(x, XSTATE_LEGACY, bv & ((1ull << XCOMP_NR) - 1), 8);
	return r;
}

static void legacy_load(const UserX86FpregsEntry *e, uint8_t *x)
{
	put(x, 0, e->cwd, 2);
	put(x, 2, e->swd, 2);
	put(x, 4, e->twd, 2);
	put(x, 6, e->fop, 2);
	put(x, 8, e->rip, 8);
	put(x, 16, e->rdp, 8);
	put(x, 24, e->mxcsr, 4);
	put(x, 28, e->mxcsr_mask, 4);
	memcpy(x + 32, e->st_space, 32 * 4);
	memcpy(x + 160, e->xmm_space, 64 * 4);
	/* x87 and SSE are in use unless the XSAVE header says otherwise. */
	put(x, XSTATE_LEGACY, 3, 8);
}

static bool is_raw(const UserX86FpregsEntry *e)
{
	return e->has_xsave_raw && e->xsave_raw.len == xlayout()->size;
}

int regs_load_check(const ThreadInfoX86 *ti, bool ignore_cpu)
{
	const UserX86FpregsEntry *fp = ti->fpregs;

	if (fp->n_st_space != 32 || fp->n_xmm_space != 64)
		return fail_plain(
		    "floating point registers: %zu and %zu words instead of 32 and 64",
		    fp->n_st_space, fp->n_xmm_space);
	return is_raw(fp) || !fp->xsave ? 0 : xsave_load(fp->xsave, NULL, ignore_cpu);
}

size_t regs_xstate_len(void)
{
	return xlayout()->size;
}

void regs_load_xstate(const ThreadInfoX86 *ti, uint8_t *x)
{
	const UserX86FpregsEntry *fp = ti->fpregs;

	memset(x, 0, xlayout()->size);
	legacy_load(fp, x);
	if (is_raw(fp))
		memcpy(x, fp->xsave_raw.data, xlayout()->size);
	else if (fp->xsave)
		xsave_load(fp->xsave, x, true);
}

size_t regs_load_tls(const ThreadInfoX86 *ti, struct user_desc *ret, size_t max)
{
	size_t nr = 0;

	for (size_t i = 0; i < ti->n_tls && nr < max; i++) {
		const UserDescT *e = ti->tls[i];

		if (e->entry_number < TLS_FIRST ||
		    e->entry_number >= TLS_FIRST + THREAD_TLS_ENTRIES || e->seg_not_present)
			continue;
		ret[nr++] = (struct user_desc){
			.entry_number = e->entry_number,
			.base_addr = e->base_addr,
			.limit = e->limit,
			.seg_32bit = e->seg_32bit,
			.contents = (e->contents_h ? 2u : 0u) | (e->contents_l ? 1u : 0u),
			.read_exec_only = e->read_exec_only,
			.limit_in_pages = e->limit_in_pages,
			.seg_not_present = e->seg_not_present,
			.useable = e->usable,
		};
	}
	return nr;
}
