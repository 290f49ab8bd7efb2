// SPDX-License-Identifier: GPL-2.0-only
/*
 * A 32-bit task differs from a 64-bit one in less than it seems. Any thread may run 32-bit
 * code or 64-bit code, as its code segment says, and any code may make calls of either kind:
 * "int $0x80" is a 32-bit call, "syscall" in a 64-bit segment a 64-bit one. So the parasite
 * and the restorer are the 64-bit ones. What only 32-bit calls can read or set:
 *
 *	signal dispositions	the kernel remembers that a handler wants a 32-bit frame
 *	robust list		each kind has its own
 *	timed waits		restart_syscall has another number; see task/restart.c
 *	vdso			32-bit code; see mem/vdso.c
 *
 * What execve(2) alone can set stays as crtool has it: that the address space ends at 4 GiB
 * (of new mappings the kind of the call decides), that there is no vsyscall page, and that a
 * core file is a 32-bit one. Tests: test/zdtm/static/compat_*, and those in test/zdtm/compat.list.
 */
#include "criu/task/compat.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/kernel/feature.h"
#include "criu/kernel/proc.h"

#define AUXV_MAX   128
#define VDSO_BYTES (4 * PAGE_BYTES) /* more than there has been so far */
#define END_32BIT  (1ull << 32)

/* Nothing lies above 4 GiB but the vsyscall page, which is everybody's. */
static bool is_low(const struct proc_vmas *vmas)
{
	for (size_t i = vmas->nr; i-- > 0;)
		if (vmas->v[i].special != PROC_VMA_VSYSCALL)
			return vmas->v[i].end <= END_32BIT;
	return false;
}

/* An x32 program is a 32-bit file for the 64-bit processor. */
static int exe_is_x32(int proc, bool *ret)
{
	cleanup_close int fd = openat(proc, "exe", O_RDONLY | O_CLOEXEC);
	Elf32_Ehdr h = { 0 };
	int r = fd < 0 ? -errno : io_pread(fd, &h, sizeof(h), 0);

	if (r < 0)
		return r;
	*ret = h.e_ident[EI_CLASS] == ELFCLASS32 && h.e_machine == EM_X86_64;
	return 0;
}

/* Pairs of 32-bit words, looked at as 64-bit ones, have a value in the upper half of the
 * first type. */
int compat_read(struct task *t, int proc, struct proc_buf *b)
{
	uint64_t words[AUXV_MAX] = { 0 };
	bool x32 = false;
	size_t nr;
	int r;

	t->abi = TASK_ABI_64;
	if (!is_low(&t->vmas))
		return 0;
	r = proc_auxv_read(proc, b, words, AUXV_MAX, &nr);
	if (r < 0 || !(words[0] >> 32))
		return r;
	r = exe_is_x32(proc, &x32);
	t->abi = x32 ? TASK_ABI_X32 : TASK_ABI_32;
	return r;
}

/* A frame for 32-bit code has no room for the registers of 64-bit code. */
static bool all_run_32bit(const struct task *t)
{
	for (size_t i = 0; i < t->nr_threads; i++)
		if (!tracee_runs_32bit(&t->threads[i].regs.gp))
			return false;
	return true;
}

bool compat_site(const struct task *t, struct remote_site *ret)
{
	uint8_t text[VDSO_BYTES];

	for (size_t i = 0; i < t->vmas.nr; i++) {
		const struct proc_vma *v = &t->vmas.v[i];
		uint64_t len = v->end - v->start;
		struct remote_site s;

		if (v->special != PROC_VMA_VDSO || len > sizeof(text))
			continue;
		if (!all_run_32bit(t) || tracee_mem_read(t->pid, v->start, text, len) < 0)
			return false;
		s = remote_site_find_32bit(text, len);
		if (s.syscall_ret == UINT64_MAX || s.sigreturn == UINT64_MAX)
			return false;
		s.syscall_ret += v->start;
		s.sigreturn += v->start;
		*ret = s;
		return true;
	}
	return false;
}

int compat_load(struct task *t)
{
	struct task_restore *tr = t->restore;
	/* A main thread that has ended has no registers. */
	size_t first = t->nr_threads && !tr->cores[0]->thread_info ? 1 : 0;

	for (size_t i = first; i < t->nr_threads; i++) {
		const UserX86RegsEntry *gp = tr->cores[i]->thread_info->gpregs;
		bool compat = gp->has_mode && gp->mode == USER_X86_REGS_MODE__COMPAT;

		if (i == first)
			t->abi = compat ? TASK_ABI_32 : TASK_ABI_64;
		tr->runs_32bit |= compat || gp->cs != TRACEE_CS_64;
	}
	if (!tr->runs_32bit || feature_has(FEATURE_COMPAT_CR) > 0)
		return 0;
	return fail_hint(fail_plain("runs 32-bit code, which this kernel cannot"),
			 "it needs CONFIG_IA32_EMULATION, and ia32_emulation=1 if that is off by "
			 "default");
}
