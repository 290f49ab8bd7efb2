// SPDX-License-Identifier: GPL-2.0-only
#include "filters.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOAD_NR BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define MOST    32

static long install(struct sock_filter *insn, unsigned int len, uint32_t flags)
{
	struct sock_fprog prog = { (unsigned short)len, insn };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

long filter_add(long nr, uint32_t verdict, uint32_t flags)
{
	struct sock_filter insn[] = {
		LOAD_NR,
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, verdict),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};

	return install(insn, 4, flags);
}

long filter_only(const long *list)
{
	struct sock_filter insn[2 * MOST + 2] = { LOAD_NR };
	unsigned int len = 1;

	for (; *list >= 0 && len < 2 * MOST; list++) {
		insn[len++] =
		    (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)*list, 0, 1);
		insn[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	}
	insn[len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	return install(insn, len, 0);
}
