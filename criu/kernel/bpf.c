// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/bpf.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"

#define READ_BYTES (64u << 10)

int bpf_call(int cmd, union bpf_attr *attr)
{
	int r = (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : r;
}

/* --- programs --------------------------------------------------------------------------- */

static void emit(struct bpf_code *c, int code, enum bpf_reg dst, enum bpf_reg src, int off, int imm)
{
	*array_push(c->insn, c->nr, c->cap) = (struct bpf_insn){
		.code = (uint8_t)code,
		.dst_reg = dst & 0xf,
		.src_reg = src & 0xf,
		.off = (int16_t)off,
		.imm = imm,
	};
}

static void mov(struct bpf_code *c, enum bpf_reg dst, enum bpf_reg src)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void mov_number(struct bpf_code *c, enum bpf_reg dst, int number)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, dst, BPF_R0, 0, number);
}

static void add_number(struct bpf_code *c, enum bpf_reg dst, int number)
{
	emit(c, BPF_ALU64 | BPF_ADD, dst, BPF_R0, 0, number); /* BPF_K is 0, too */
}

static void load(struct bpf_code *c, enum bpf_reg dst, enum bpf_reg at, int off)
{
	emit(c, BPF_LDX | BPF_DW | BPF_MEM, dst, at, off, 0);
}

static int width(size_t size)
{
	return size == 8 ? BPF_DW : size == 4 ? BPF_W : size == 2 ? BPF_H : BPF_B;
}

static void store(struct bpf_code *c, enum bpf_reg at, int off, enum bpf_reg src)
{
	emit(c, BPF_STX | BPF_DW | BPF_MEM, at, src, off, 0);
}

static void call(struct bpf_code *c, int func)
{
	emit(c, BPF_JMP | BPF_CALL, BPF_R0, BPF_R0, 0, func);
}

/* From the frame pointer. */
static int place(const struct bpf_code *c, size_t in_record)
{
	return (int)in_record - (int)c->record.size;
}

void bpf_code_begin(struct bpf_code *c, size_t record, int nr)
{
	bpf_code_begin_brief(c, &(struct bpf_record){ .size = record }, nr);
}

void bpf_code_begin_brief(struct bpf_code *c, const struct bpf_record *record, int nr)
{
	c->record = *record;
	load(c, BPF_R6, BPF_R1, 0); /* struct bpf_iter_meta */
	load(c, BPF_R7, BPF_R1, nr * 8);
	/* To the end: see bpf_code_end(). */
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_R7, BPF_R0, 0, 0);
	/* Its seq_file, which is first. Once: the verifier looks through the names of all types for
	 * what such a load brings. */
	load(c, BPF_R6, BPF_R6, 0);
	bpf_code_clear(c, 0, record->size);
}

void bpf_code_clear(struct bpf_code *c, size_t to, size_t size)
{
	mov_number(c, BPF_R8, 0);
	for (size_t i = 0; i < size; i += 8)
		store(c, BPF_FP, place(c, to + i), BPF_R8);
}

void bpf_code_argument(struct bpf_code *c, size_t to, int nr)
{
	load(c, BPF_R8, BPF_R1, nr * 8);
	store(c, BPF_FP, place(c, to), BPF_R8);
}

void bpf_code_argument32(struct bpf_code *c, size_t to, int nr)
{
	load(c, BPF_R8, BPF_R1, nr * 8);
	emit(c, BPF_ALU | BPF_MOV | BPF_X, BPF_R8, BPF_R8, 0, 0); /* clears the upper half */
	store(c, BPF_FP, place(c, to), BPF_R8);
}

void bpf_code_read(struct bpf_code *c, size_t to, size_t size, enum bpf_reg reg, int off)
{
	mov(c, BPF_R1, BPF_FP);
	add_number(c, BPF_R1, place(c, to));
	mov_number(c, BPF_R2, (int)size);
	mov(c, BPF_R3, reg);
	add_number(c, BPF_R3, off);
	call(c, BPF_FUNC_probe_read_kernel);
}

void bpf_code_load(struct bpf_code *c, size_t to, size_t size, enum bpf_reg reg, int off)
{
	emit(c, BPF_LDX | width(size) | BPF_MEM, BPF_R8, reg, off, 0);
	store(c, BPF_FP, place(c, to), BPF_R8);
}

void bpf_code_load_from(struct bpf_code *c, size_t to, size_t size, size_t from, int off)
{
	load(c, BPF_R8, BPF_FP, place(c, from));
	bpf_code_load(c, to, size, BPF_R8, off);
}

size_t bpf_code_skip(struct bpf_code *c, size_t at, uint32_t mask, uint32_t value)
{
	load(c, BPF_R8, BPF_FP, place(c, at));
	if (mask != UINT32_MAX)
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_R8, BPF_R0, 0, (int)mask);
	emit(c, BPF_JMP | BPF_JEQ | BPF_K, BPF_R8, BPF_R0, 0, (int)value);
	return c->nr - 1;
}

void bpf_code_skip_to(struct bpf_code *c, size_t skip)
{
	c->insn[skip].off = (int16_t)(c->nr - skip - 1);
}

void bpf_code_follow(struct bpf_code *c, size_t to, size_t size, size_t from, int off)
{
	load(c, BPF_R8, BPF_FP, place(c, from));
	bpf_code_read(c, to, size, BPF_R8, off);
}

void bpf_code_element(struct bpf_code *c, size_t to, size_t at, size_t index, int factor)
{
	load(c, BPF_R8, BPF_FP, place(c, index));
	emit(c, BPF_ALU64 | BPF_MUL | BPF_K, BPF_R8, BPF_R0, 0, factor);
	load(c, BPF_R1, BPF_FP, place(c, at));
	emit(c, BPF_ALU64 | BPF_ADD | BPF_X, BPF_R8, BPF_R1, 0, 0);
	store(c, BPF_FP, place(c, to), BPF_R8);
}

void bpf_code_path(struct bpf_code *c, size_t to, size_t size, size_t len, enum bpf_reg reg,
		   int off)
{
	mov(c, BPF_R1, reg);
	add_number(c, BPF_R1, off);
	mov(c, BPF_R2, BPF_FP);
	add_number(c, BPF_R2, place(c, to));
	mov_number(c, BPF_R3, (int)size);
	call(c, BPF_FUNC_d_path);
	store(c, BPF_FP, place(c, len), BPF_R0);
}

void bpf_code_current(struct bpf_code *c, size_t to)
{
	call(c, BPF_FUNC_get_current_task);
	store(c, BPF_FP, place(c, to), BPF_R0);
}

void bpf_code_user_regs(struct bpf_code *c, size_t to, enum bpf_reg reg)
{
	mov(c, BPF_R1, reg);
	call(c, BPF_FUNC_task_pt_regs);
	store(c, BPF_FP, place(c, to), BPF_R0);
}

static void mov_wide(struct bpf_code *c, enum bpf_reg dst, int kind, uint64_t number)
{
	/* BPF_LD and BPF_IMM are 0. */
	emit(c, BPF_DW, dst, (enum bpf_reg)kind, 0, (int)(uint32_t)number);
	emit(c, 0, BPF_R0, BPF_R0, 0, (int)(number >> 32));
}

void bpf_code_own(struct bpf_code *c, size_t to, size_t size, const void *from)
{
	mov(c, BPF_R1, BPF_FP);
	add_number(c, BPF_R1, place(c, to));
	mov_number(c, BPF_R2, (int)size);
	mov_wide(c, BPF_R3, 0, (uintptr_t)from);
	call(c, BPF_FUNC_probe_read_user);
}

void bpf_code_map(struct bpf_code *c, size_t to, int map)
{
	mov_wide(c, BPF_R8, BPF_PSEUDO_MAP_FD, (uint64_t)map);
	store(c, BPF_FP, place(c, to), BPF_R8);
}

void bpf_code_percpu(struct bpf_code *c, size_t to, int map, unsigned int cpu)
{
	mov_number(c, BPF_R8, 0);
	store(c, BPF_FP, place(c, to), BPF_R8); /* the key */
	mov_wide(c, BPF_R1, BPF_PSEUDO_MAP_FD, (uint64_t)map);
	mov(c, BPF_R2, BPF_FP);
	add_number(c, BPF_R2, place(c, to));
	mov_number(c, BPF_R3, (int)cpu);
	call(c, BPF_FUNC_map_lookup_percpu_elem);
	store(c, BPF_FP, place(c, to), BPF_R0); /* unseen: it would have two ways from here on */
}

/* The size is in BPF_R3. */
static void write_out(struct bpf_code *c, size_t at)
{
	mov(c, BPF_R1, BPF_R6);
	mov(c, BPF_R2, BPF_FP);
	add_number(c, BPF_R2, place(c, at));
	call(c, BPF_FUNC_seq_write);
}

void bpf_code_write(struct bpf_code *c, size_t at, size_t size)
{
	mov_number(c, BPF_R3, (int)size);
	write_out(c, at);
	c->is_written = true;
}

void bpf_code_copy(struct bpf_code *c, size_t part, size_t part_size, size_t from, int off,
		   size_t size)
{
	for (size_t at = 0; at < size; at += part_size) {
		size_t len = size - at < part_size ? size - at : part_size;

		bpf_code_follow(c, part, len, from, off + (int)at);
		bpf_code_write(c, part, len);
	}
}

static void record_size(struct bpf_code *c)
{
	mov_number(c, BPF_R3, (int)c->record.size);
	if (!c->record.brief)
		return;
	load(c, BPF_R8, BPF_FP, place(c, c->record.empty));
	emit(c, BPF_JMP | BPF_JNE | BPF_K, BPF_R8, BPF_R0, 1, 0);
	mov_number(c, BPF_R3, (int)c->record.brief);
}

int bpf_code_end(struct bpf_code *c, uint32_t func, int *ret)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_TRACING,
		.expected_attach_type = BPF_TRACE_ITER,
	};
	int r;

	if (!c->is_written) {
		record_size(c);
		write_out(c, 0);
	}
	c->insn[2].off = (int16_t)(c->nr - 3);
	mov_number(c, BPF_R0, 0);
	emit(c, BPF_JMP | BPF_EXIT, BPF_R0, BPF_R0, 0, 0);

	attr.attach_btf_id = func;
	attr.insns = (uintptr_t)c->insn;
	attr.insn_cnt = (uint32_t)c->nr;
	attr.license = (uintptr_t) "GPL";
	r = bpf_call(BPF_PROG_LOAD, &attr);
	free(c->insn);
	*c = (struct bpf_code){ 0 };
	if (r >= 0)
		*ret = r;
	return r < 0 ? r : 0;
}

/* --- running them ----------------------------------------------------------------------- */

static int iterator_open(int prog, enum bpf_of of, pid_t pid)
{
	union bpf_iter_link_info which = { 0 };
	union bpf_attr attr = { 0 };
	int link, r;

	attr.link_create.prog_fd = (uint32_t)prog;
	attr.link_create.attach_type = BPF_TRACE_ITER;
	if (of == BPF_OF_THREAD)
		which.task.tid = (uint32_t)pid;
	else
		which.task.pid = (uint32_t)pid;
	if (of != BPF_OF_ALL) {
		attr.link_create.iter_info = (uintptr_t)&which;
		attr.link_create.iter_info_len = sizeof(which);
	}
	link = bpf_call(BPF_LINK_CREATE, &attr);
	if (link < 0)
		return link;
	attr = (union bpf_attr){ .iter_create = { .link_fd = (uint32_t)link } };
	r = bpf_call(BPF_ITER_CREATE, &attr);
	close(link);
	return r;
}

/* 0: it is not all there. */
static size_t record_len(const struct bpf_record *record, const char *at, size_t left)
{
	uint64_t word = 1;
	size_t len;

	if (record->brief && left >= record->brief)
		memcpy(&word, at + record->empty, sizeof(word));
	len = word ? record->size : record->brief;
	return len <= left ? len : 0;
}

int bpf_iterate(int prog, size_t record, enum bpf_of of, pid_t pid, bpf_record_fn *fn, void *arg)
{
	return bpf_iterate_brief(prog, &(struct bpf_record){ .size = record }, of, pid, fn, arg);
}

/* A read gives whole records or less: what is left of one comes with the next. */
int bpf_iterate_brief(int prog, const struct bpf_record *record, enum bpf_of of, pid_t pid,
		      bpf_record_fn *fn, void *arg)
{
	cleanup_close int fd = iterator_open(prog, of, pid);
	char buf[READ_BYTES];
	size_t have = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		ssize_t n = read(fd, buf + have, sizeof(buf) - have);
		size_t at = 0, len;

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : have ? -EIO : 0;
		have += (size_t)n;
		for (; (len = record_len(record, buf + at, have - at)); at += len) {
			int r = fn(arg, buf + at);

			if (r < 0)
				return r;
		}
		have -= at;
		memmove(buf, buf + at, have);
	}
}
