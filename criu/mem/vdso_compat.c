// SPDX-License-Identifier: GPL-2.0-only
/*
 * The vdso of 32-bit tasks. A process has one vdso, and crtool has that of 64-bit code; so a
 * child gives up its own and asks for the other one, to see what it is like. A task that is
 * restored does the same, in the hole, when nothing else is left there.
 */
#include <asm/prctl.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/mem/vdso.h"

#ifndef ARCH_MAP_VDSO_32
#define ARCH_MAP_VDSO_32 0x2002
#endif

#define CODE_MAX (64 * 1024ul)

/* Memory that the child shares with us. */
struct answer {
	int err;
	struct vdso vdso;
	uint8_t code[CODE_MAX];
};

static int compat_ask(const struct vdso *own, struct answer *a)
{
	int err;

	for (size_t i = 0; i < own->nr; i++)
		munmap((void *)(uintptr_t)own->part[i].start,
		       own->part[i].end - own->part[i].start);
	if (syscall(SYS_arch_prctl, ARCH_MAP_VDSO_32, 0) < 0)
		return -errno;
	err = vdso_of(getpid(), &a->vdso);
	if (err < 0)
		return err;
	for (size_t i = 0; i < a->vdso.nr; i++) {
		uint64_t start = a->vdso.part[i].start, len = a->vdso.part[i].end - start;

		if (a->vdso.part[i].code && len <= CODE_MAX)
			memcpy(a->code, (const void *)(uintptr_t)start, len);
	}
	return 0;
}

static int child_run(const struct vdso *own, struct answer *a)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		a->err = compat_ask(own, a);
		_exit(0);
	}
	while (waitpid(pid, NULL, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return a->err;
}

int vdso_find_compat(const struct vdso *own, struct vdso *ret)
{
	struct answer *a =
	    mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int err;

	if (a == MAP_FAILED)
		return fail(errno, "map %zu bytes", sizeof(*a));
	a->err = -ECHILD;
	err = child_run(own, a);
	if (err >= 0) {
		*ret = a->vdso;
		ret->code = mem_dup(a->code, CODE_MAX);
	}
	munmap(a, sizeof(*a));
	return err < 0 ? fail(-err, "map the vdso of 32-bit tasks") : 0;
}

void vdso_make_compat(struct program *p, const struct vdso *compat, uint64_t parking)
{
	uint64_t code = 0;
	struct op *op;

	for (size_t i = 0; i < compat->nr; i++)
		if (compat->part[i].code)
			code += compat->part[i].end - compat->part[i].start;
	PROGRAM_SYSCALL(p, OP_WHAT_VDSO, SYS_munmap, parking, vdso_room(compat));
	op = PROGRAM_SYSCALL(p, OP_WHAT_VDSO, SYS_arch_prctl, ARCH_MAP_VDSO_32, parking);
	op->flags |= OP_EXPECT;
	op->expect = (int64_t)code;
}
