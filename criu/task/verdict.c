// SPDX-License-Identifier: GPL-2.0-only
/*
 * A filter is a program of classic BPF that looks at struct seccomp_data: the number, the
 * architecture, the address of the instruction and six arguments. It is run here with
 * the first two alone; all that is made of the others is not known, and a jump on it ends
 * the run. The kernel has checked the program; a hostile image never gets here.
 */
#include "criu/task/verdict.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>

#include "criu/base/mem.h"

struct value {
	uint32_t v;
	bool known;
};

struct machine {
	struct value a, x, mem[BPF_MEMWORDS];
	int nr;
};

static struct value just(uint32_t v)
{
	return (struct value){ v, true };
}

static struct value data_at(const struct machine *m, uint32_t off)
{
	if (off == offsetof(struct seccomp_data, nr))
		return just((uint32_t)m->nr);
	if (off == offsetof(struct seccomp_data, arch))
		return just(AUDIT_ARCH_X86_64);
	return (struct value){ 0, false };
}

static struct value load(const struct machine *m, const struct sock_filter *i)
{
	switch (BPF_MODE(i->code)) {
	case BPF_ABS:
		return data_at(m, i->k);
	case BPF_LEN:
		return just(sizeof(struct seccomp_data));
	case BPF_IMM:
		return just(i->k);
	case BPF_MEM:
		return m->mem[i->k % BPF_MEMWORDS];
	default:
		return (struct value){ 0, false };
	}
}

static struct value alu(struct value a, struct value b, uint16_t op)
{
	struct value r = { 0, a.known && b.known };

	switch (op) {
	case BPF_ADD:
		r.v = a.v + b.v;
		break;
	case BPF_SUB:
		r.v = a.v - b.v;
		break;
	case BPF_MUL:
		r.v = a.v * b.v;
		break;
	case BPF_OR:
		r.v = a.v | b.v;
		break;
	case BPF_AND:
		r.v = a.v & b.v;
		break;
	case BPF_XOR:
		r.v = a.v ^ b.v;
		break;
	case BPF_LSH:
		r.v = b.v < 32 ? a.v << b.v : 0;
		break;
	case BPF_RSH:
		r.v = b.v < 32 ? a.v >> b.v : 0;
		break;
	case BPF_NEG:
		r = (struct value){ -a.v, a.known };
		break;
	default:
		r.known = false;
	}
	return r;
}

static bool jumps(struct value a, struct value b, uint16_t op)
{
	switch (op) {
	case BPF_JEQ:
		return a.v == b.v;
	case BPF_JGT:
		return a.v > b.v;
	case BPF_JGE:
		return a.v >= b.v;
	default:
		return a.v & b.v;
	}
}

/* Everything but jumps and the end. */
static void step(struct machine *m, const struct sock_filter *i, struct value operand)
{
	switch (BPF_CLASS(i->code)) {
	case BPF_LD:
		m->a = load(m, i);
		break;
	case BPF_LDX:
		m->x = load(m, i);
		break;
	case BPF_ST:
		m->mem[i->k % BPF_MEMWORDS] = m->a;
		break;
	case BPF_STX:
		m->mem[i->k % BPF_MEMWORDS] = m->x;
		break;
	case BPF_ALU:
		m->a = alu(m->a, operand, BPF_OP(i->code));
		break;
	default: /* BPF_MISC */
		if (BPF_MISCOP(i->code) == BPF_TAX)
			m->x = m->a;
		else
			m->a = m->x;
	}
}

bool verdict_is_allow(const struct sock_filter *insn, uint32_t len, int nr)
{
	struct machine m = { .a = { 0, true }, .x = { 0, true }, .nr = nr };

	/* Jumps lead forward: at most len steps. */
	for (uint32_t pc = 0; pc < len; pc++) {
		const struct sock_filter *i = &insn[pc];
		struct value operand = BPF_SRC(i->code) == BPF_X ? m.x : just(i->k);

		if (BPF_CLASS(i->code) == BPF_RET) {
			struct value v = BPF_RVAL(i->code) == BPF_A ? m.a : just(i->k);

			return v.known && (v.v & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ALLOW;
		}
		if (BPF_CLASS(i->code) != BPF_JMP) {
			step(&m, i, operand);
			continue;
		}
		if (BPF_OP(i->code) == BPF_JA) {
			pc += i->k;
			continue;
		}
		if (!m.a.known || !operand.known)
			return false;
		pc += jumps(m.a, operand, BPF_OP(i->code)) ? i->jt : i->jf;
	}
	return false;
}
