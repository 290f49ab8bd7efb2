// SPDX-License-Identifier: GPL-2.0-only
/* Which programs a task was made for, from a directory that stands for its /proc. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/task/compat.h"
#include "test/unit/test.h"

static void file_write(int dir, const char *name, const void *data, size_t len)
{
	cleanup_close int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && write(fd, data, len) == (ssize_t)len);
}

static int proc_make(uint16_t machine, const void *auxv, size_t len)
{
	char path[] = "/tmp/crtool-unit-XXXXXX";
	Elf32_Ehdr head = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32 },
		.e_machine = machine,
	};
	int dir = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY) : -1;

	CHECK(dir >= 0);
	file_write(dir, "auxv", auxv, len);
	file_write(dir, "exe", &head, sizeof(head));
	return dir;
}

static void proc_end(int dir)
{
	char link[32], path[128] = "";

	unlinkat(dir, "auxv", 0);
	unlinkat(dir, "exe", 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	CHECK(readlink(link, path, sizeof(path) - 1) > 0 && rmdir(path) == 0);
	close(dir);
}

static int abi_of(uint64_t end, uint16_t machine, const void *auxv, size_t len)
{
	struct proc_vma v[] = { { .start = end - 4096, .end = end },
				{ .start = 1ull << 63, .special = PROC_VMA_VSYSCALL } };
	struct task t = { .abi = TASK_ABI_X32, .vmas = { .v = v, .nr = 2 } };
	int dir = proc_make(machine, auxv, len);
	struct proc_buf b = { 0 };

	CHECK_INT_EQ(compat_read(&t, dir, &b), 0);
	proc_buf_done(&b);
	proc_end(dir);
	return t.abi;
}

TEST(compat_by_auxv)
{
	const uint32_t auxv32[] = { 32, 0xf7fb95e0, 33, 0xf7fb9000, 0, 0 };
	const uint64_t auxv64[] = { 33, 0x7ffff000, 16, 0x178bfbff, 0, 0 };
	const uint64_t low = 0xffffe000, high = 0x7ffffffff000;

	CHECK_INT_EQ(abi_of(low, EM_386, auxv32, sizeof(auxv32)), TASK_ABI_32);
	CHECK_INT_EQ(abi_of(low, EM_X86_64, auxv32, sizeof(auxv32)), TASK_ABI_X32);
	/* A 64-bit program that keeps below 4 GiB, or that has an odd auxv. */
	CHECK_INT_EQ(abi_of(low, EM_X86_64, auxv64, sizeof(auxv64)), TASK_ABI_64);
	CHECK_INT_EQ(abi_of(high, EM_386, auxv32, sizeof(auxv32)), TASK_ABI_64);
}
