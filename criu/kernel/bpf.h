// SPDX-License-Identifier: GPL-2.0-only
/*
 * Small BPF programs for the iterators of the kernel (Linux 5.8; bpf(2), and
 * Documentation/bpf/bpf_iterators.rst): built here, instruction by instruction.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct bpf_insn;
union bpf_attr;

/* bpf(2): its result, or -errno. cmd: BPF_* */
int bpf_call(int cmd, union bpf_attr *attr);

/* Bytes that are written out for each object. Where the 64 bits at `empty` are 0, only the first
 * `brief` of them; 0: always all. */
struct bpf_record {
	size_t size, brief, empty;
};

/* Zero-initialise. */
struct bpf_code {
	struct bpf_insn *insn; /* owned */
	size_t nr, cap;
	struct bpf_record record; /* on its stack */
	bool is_written;
};

enum bpf_reg {
	BPF_R0,
	BPF_R1,
	BPF_R2,
	BPF_R3,
	BPF_R4,
	BPF_R5,
	BPF_R6,
	BPF_R7,
	BPF_R8,
	BPF_R9,
	BPF_FP
};

/*
 * The program sees one object after the other. bpf_code_begin: goes on only where argument nr of
 * the iterator (from 1) is not NULL, which is then in BPF_R7. Then fields are read to their
 * places in the record, from an address that is a register or lies in the record. Last
 * bpf_code_end writes the record out.
 */
void bpf_code_begin(struct bpf_code *c, size_t record, int nr);
/* The same with records that may be brief. */
void bpf_code_begin_brief(struct bpf_code *c, const struct bpf_record *record, int nr);
/* record[to] = argument nr, before anything else is read. The second: of 32 bits, which the kernel
 * hands over in a place for 64. */
void bpf_code_argument(struct bpf_code *c, size_t to, int nr);
void bpf_code_argument32(struct bpf_code *c, size_t to, int nr);
/* size bytes at reg + off of the kernel's memory; 0 where they cannot be read. */
void bpf_code_read(struct bpf_code *c, size_t to, size_t size, enum bpf_reg reg, int off);
/* Zeros. Of 8 bytes each. */
void bpf_code_clear(struct bpf_code *c, size_t to, size_t size);
/* A tenth of the price, and only of what the kernel knows the type of: an argument, and whatever
 * a member leads to that has a type. In the record it takes eight bytes, of any size. */
void bpf_code_load(struct bpf_code *c, size_t to, size_t size, enum bpf_reg reg, int off);
void bpf_code_load_from(struct bpf_code *c, size_t to, size_t size, size_t from, int off);
/* What follows, up to bpf_code_skip_to() of what was returned, is not done where record[at] & mask
 * is value: 64 bits; with the mask UINT32_MAX, where all of them are. */
size_t bpf_code_skip(struct bpf_code *c, size_t at, uint32_t mask, uint32_t value);
void bpf_code_skip_to(struct bpf_code *c, size_t skip);
/* The same as bpf_code_read() at what the record has at `from` + off. */
void bpf_code_follow(struct bpf_code *c, size_t to, size_t size, size_t from, int off);
/* record[to] = record[at] + record[index] * factor: 64-bit numbers. */
void bpf_code_element(struct bpf_code *c, size_t to, size_t at, size_t index, int factor);
/* d_path() of the struct path at reg + off: at most size bytes, with a NUL; record[len] = how many,
 * or -errno. Behind them is nonsense. */
void bpf_code_path(struct bpf_code *c, size_t to, size_t size, size_t len, enum bpf_reg reg,
		   int off);
/* record[to] = the task that runs the program: crtool's. */
void bpf_code_current(struct bpf_code *c, size_t to);
/* record[to] = where the registers of the program are that the task in reg runs: a struct pt_regs
 * whose members can be loaded. Linux 5.15. */
void bpf_code_user_regs(struct bpf_code *c, size_t to, enum bpf_reg reg);
/* size bytes of crtool's own memory; 0 where they are not there. */
void bpf_code_own(struct bpf_code *c, size_t to, size_t size, const void *from);
/* record[to] = the address of a map. */
void bpf_code_map(struct bpf_code *c, size_t to, int map);
/* record[to] = the address of the first entry that the map (BPF_MAP_TYPE_PERCPU_ARRAY, of 4 bytes
 * to a key) has for a processor; 0: there is no such processor. Linux 5.19. */
void bpf_code_percpu(struct bpf_code *c, size_t to, int map, unsigned int cpu);
/* Writes a part of the record now: nothing is written at the end then. */
void bpf_code_write(struct bpf_code *c, size_t at, size_t size);
/* The same of size bytes of the kernel's memory, at what the record has at `from` + off: by way of
 * record[part], of part_size bytes. */
void bpf_code_copy(struct bpf_code *c, size_t part, size_t part_size, size_t from, int off,
		   size_t size);
/* 0, or -errno of bpf(2): the program's fd is *ret. func: of the iterator (BTF id). */
int bpf_code_end(struct bpf_code *c, uint32_t func, int *ret);

/*
 * What a program says of all tasks of crtool's pid namespace, of those of one process, or of one
 * thread (6.1): fn is called with whole records. 0, what fn has returned below 0, or -errno.
 */
enum bpf_of { BPF_OF_ALL, BPF_OF_PROCESS, BPF_OF_THREAD };
typedef int bpf_record_fn(void *arg, const void *record);
int bpf_iterate(int prog, size_t record, enum bpf_of of, pid_t pid, bpf_record_fn *fn, void *arg);
int bpf_iterate_brief(int prog, const struct bpf_record *record, enum bpf_of of, pid_t pid,
		      bpf_record_fn *fn, void *arg);
