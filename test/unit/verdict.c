// SPDX-License-Identifier: GPL-2.0-only
/* Filters as libseccomp, systemd and hands write them. */
#include "criu/task/verdict.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "test/unit/test.h"

#define LOAD(field)     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define JEQ(k, jt, jf)  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, jt, jf)
#define RET(v)          BPF_STMT(BPF_RET | BPF_K, v)
#define ALLOW           RET(SECCOMP_RET_ALLOW)
#define KILL            RET(SECCOMP_RET_KILL_PROCESS)
#define ALLOWS(p, call) verdict_is_allow(p, sizeof(p) / sizeof((p)[0]), call)

TEST(verdict_of_a_list)
{
	const struct sock_filter p[] = {
		LOAD(arch), JEQ(AUDIT_ARCH_X86_64, 1, 0), KILL,
		LOAD(nr),   JEQ(SYS_munmap, 1, 0),        KILL,
		ALLOW,
	};

	CHECK(ALLOWS(p, SYS_munmap));
	CHECK(!ALLOWS(p, SYS_mmap));
}

TEST(verdict_that_depends_on_an_argument)
{
	const struct sock_filter p[] = {
		LOAD(nr), JEQ(SYS_munmap, 0, 2), LOAD(args[0]), JEQ(0, 1, 0), ALLOW, KILL,
	};

	CHECK(!ALLOWS(p, SYS_munmap));
	CHECK(ALLOWS(p, SYS_mmap));
}

/* What is not known may be computed with, as long as it decides nothing. */
TEST(verdict_beside_an_argument)
{
	const struct sock_filter p[] = {
		LOAD(args[1]),
		BPF_STMT(BPF_ST, 3),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		LOAD(nr),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 400, 1, 0),
		ALLOW,
		KILL,
	};
	const struct sock_filter q[] = {
		LOAD(args[1]),
		BPF_STMT(BPF_ST, 3),
		LOAD(nr),
		BPF_STMT(BPF_LDX | BPF_MEM, 3),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 0),
		ALLOW,
	};

	CHECK(ALLOWS(p, SYS_munmap));
	CHECK(!ALLOWS(p, 434));
	CHECK(!ALLOWS(q, SYS_munmap));
}

TEST(verdict_that_is_computed)
{
	const struct sock_filter p[] = {
		LOAD(nr),
		BPF_STMT(BPF_ALU | BPF_SUB | BPF_K, SYS_munmap),
		BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 16),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_IMM, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};

	CHECK(ALLOWS(p, SYS_munmap));
	CHECK(!ALLOWS(p, SYS_munmap + 1));
}

/* A call that is logged, or has another result, is not the call it was. */
TEST(verdict_that_is_no_plain_yes)
{
	const struct sock_filter log[] = { RET(SECCOMP_RET_LOG) };
	const struct sock_filter no[] = { RET(SECCOMP_RET_ERRNO | 1) };
	const struct sock_filter data[] = { RET(SECCOMP_RET_ALLOW | 77) };

	CHECK(!ALLOWS(log, SYS_munmap));
	CHECK(!ALLOWS(no, SYS_munmap));
	CHECK(ALLOWS(data, SYS_munmap));
}
