// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/maps and smaps: texts of Linux 6.18, then our own memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/uapi.h"
#include "test/unit/test.h"

static int maps_of(const char *text, struct proc_vmas *ret)
{
	return proc_maps_parse(text, strlen(text), ret);
}

TEST(kernel_maps_parses)
{
	struct proc_vmas l;

	if (!CHECK_INT_EQ(
		maps_of("55642df0d000-55642df0e000 r--p 00001000 fe:10 10953075     /tmp/f d\n"
			"556449865000-556449886000 rwxs 00000000 00:00 0 \n"
			"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0    [vsyscall]\n",
			&l),
		0))
		return;
	if (CHECK_INT_EQ(l.nr, 3)) {
		CHECK_INT_EQ(l.v[0].start, 0x55642df0d000);
		CHECK_INT_EQ(l.v[0].end, 0x55642df0e000);
		CHECK_INT_EQ(l.v[0].prot, PROT_READ);
		CHECK_INT_EQ(l.v[0].pgoff, 0x1000);
		CHECK_INT_EQ(l.v[0].dev_major, 0xfe);
		CHECK_INT_EQ(l.v[0].dev_minor, 0x10);
		CHECK_INT_EQ(l.v[0].ino, 10953075);
		CHECK_STR_EQ(l.v[0].path, "/tmp/f d");
		CHECK(!l.v[0].shared && !l.v[0].deleted && !l.v[0].vmflags_known);
		CHECK(l.v[1].shared);
		CHECK_INT_EQ(l.v[1].prot, PROT_READ | PROT_WRITE | PROT_EXEC);
		CHECK_STR_EQ(l.v[1].path, "");
		CHECK_INT_EQ(l.v[2].start, 0xffffffffff600000);
		CHECK_INT_EQ(l.v[2].special, PROC_VMA_VSYSCALL);
	}
	CHECK(proc_vmas_find(&l, 0x55642df0d000) == &l.v[0]);
	CHECK(proc_vmas_find(&l, 0x55642df0dfff) == &l.v[0]);
	CHECK(!proc_vmas_find(&l, 0x55642df0e000));
	CHECK(!proc_vmas_find(&l, 0));
	CHECK(proc_vmas_find(&l, 0x556449885fff) == &l.v[1]);
	CHECK(!proc_vmas_find(&l, 0xffffffffffffffff));
	proc_vmas_done(&l);
}

static const struct {
	const char *name, *path;
	enum proc_vma_special special;
	bool deleted;
} names[] = {
	{ "", "", PROC_VMA_NONE, false },
	{ "[heap]", "", PROC_VMA_HEAP, false },
	{ "[stack]", "", PROC_VMA_STACK, false },
	{ "[vdso]", "", PROC_VMA_VDSO, false },
	{ "[vvar]", "", PROC_VMA_VVAR, false },
	{ "[vvar_vclock]", "", PROC_VMA_VVAR_VCLOCK, false },
	{ "[uprobes]", "", PROC_VMA_UPROBES, false },
	{ "[anon:my heap]", "my heap", PROC_VMA_ANON_NAMED, false },
	{ "[anon:]", "", PROC_VMA_ANON_NAMED, false },
	{ "[anon_shmem:x]", "x", PROC_VMA_SHMEM_NAMED, false },
	{ "[anon:x", "[anon:x", PROC_VMA_OTHER, false },
	{ "[heap] (deleted)", "[heap] (deleted)", PROC_VMA_OTHER, false },
	{ "[sigpage]", "[sigpage]", PROC_VMA_OTHER, false },
	{ "/[aio] (deleted)", "/[aio]", PROC_VMA_NONE, true },
	{ "/memfd:a b (deleted)", "/memfd:a b", PROC_VMA_NONE, true },
	{ "/x (deleted) (deleted)", "/x (deleted)", PROC_VMA_NONE, true },
	{ "/a\\012b\\c\\", "/a\nb\\c\\", PROC_VMA_NONE, false },
	{ "/a\\012b\\c\\ (deleted)", "/a\nb\\c\\", PROC_VMA_NONE, true },
	{ "anon_inode:[perf_event]", "anon_inode:[perf_event]", PROC_VMA_NONE, false },
};

TEST(kernel_maps_names)
{
	char text[128];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct proc_vmas l;

		test_note("%s", names[i].name);
		snprintf(text, sizeof(text), "1000-2000 rw-p 00000000 00:00 0   %s\n",
			 names[i].name);
		if (!CHECK_INT_EQ(maps_of(text, &l), 0))
			continue;
		CHECK_STR_EQ(l.v[0].path, names[i].path);
		CHECK_INT_EQ(l.v[0].special, names[i].special);
		CHECK_INT_EQ(l.v[0].deleted, names[i].deleted);
		proc_vmas_done(&l);
	}
}

TEST(kernel_maps_refuses)
{
	static const char *const bad[] = {
		"\n",
		"x",
		"1000-1000 rw-p 00000000 00:00 0 \n",
		"2000-1000 rw-p 00000000 00:00 0 \n",
		"1000-2000 rw-q 00000000 00:00 0 \n",
		"1000-2000 xw-p 00000000 00:00 0 \n",
		"1000-2000 rw- 00000000 00:00 0 \n",
		"1000-2000 rw-p g 00:00 0 \n",
		"1000-2000 rw-p 00000000 100000000:00 0 \n",
		"1000-2000 rw-p 00000000 00:00 x\n",
		"1000-2000 rw-p 00000000 00:00 0x \n",
		"1000-10000000000000000 rw-p 00000000 00:00 0 \n",
		"1000-2000 rw-p 00000000 00:00 18446744073709551616 \n",
		"1000-2000 rw-p 00000000 00:00 0 \nRss: 5 kB\n",
	};
	struct proc_vmas l = { .nr = 77 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		test_note("%s", bad[i]);
		CHECK_INT_EQ(maps_of(bad[i], &l), -EINVAL);
		CHECK_INT_EQ(l.nr, 77);
	}
	test_note(NULL);
	CHECK_INT_EQ(proc_maps_parse("", 0, &l), 0);
	CHECK_INT_EQ(l.nr, 0);
	CHECK_INT_EQ(proc_smaps_parse("Rss: 5 kB\n", 10, &l), -EINVAL);
}

static const char smaps_text[] =
    "1000-3000 r--p 00000000 fe:00 247498             /usr/bin/head\n"
    "Size:                  8 kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n"
    "Rss:                   7 kB\nPss:                   1 kB\nPss_Dirty:             1 kB\n"
    "Anonymous:             6 kB\nKSM:                   1 kB\nAnonHugePages:         5 kB\n"
    "Shared_Hugetlb:        3 kB\nPrivate_Hugetlb:       2 kB\nSwap:                  9 kB\n"
    "SwapPss:               1 kB\nLocked:                8 kB\nTHPeligible:           0\n"
    "ProtectionKey:         3\nVmFlags: rd mr gd sl dp \n"
    "4000-5000 rw-p 00000000 00:00 0 \n"
    "VmFlags: rd wr zz ?? \n"
    "Swap:                 11 kB\nRss:                  12 kB\n"
    "6000-7000 rw-p 00000000 00:00 0 \n";

TEST(kernel_smaps_parses)
{
	struct proc_vmas l;

	if (!CHECK_INT_EQ(proc_smaps_parse(smaps_text, sizeof(smaps_text) - 1, &l), 0))
		return;
	if (CHECK_INT_EQ(l.nr, 3)) {
		CHECK_INT_EQ(l.v[0].page_kb, 4);
		CHECK_INT_EQ(l.v[0].rss_kb, 7);
		CHECK_INT_EQ(l.v[0].anonymous_kb, 6);
		CHECK_INT_EQ(l.v[0].anon_huge_kb, 5);
		CHECK_INT_EQ(l.v[0].shared_hugetlb_kb, 3);
		CHECK_INT_EQ(l.v[0].private_hugetlb_kb, 2);
		CHECK_INT_EQ(l.v[0].swap_kb, 9);
		CHECK_INT_EQ(l.v[0].locked_kb, 8);
		CHECK_INT_EQ(l.v[0].pkey, 3);
		CHECK(l.v[0].vmflags_known);
		CHECK_INT_EQ(l.v[0].vmflags, PROC_VMF(RD) | PROC_VMF(MR) | PROC_VMF(GD) |
						 PROC_VMF(SL) | PROC_VMF(DP));
		CHECK_INT_EQ(l.v[1].vmflags, PROC_VMF(RD) | PROC_VMF(WR) | PROC_VMF_OTHER);
		CHECK_INT_EQ(l.v[1].rss_kb, 12);
		CHECK_INT_EQ(l.v[1].swap_kb, 11);
		CHECK(!l.v[2].vmflags_known);
	}
	proc_vmas_done(&l);
}

TEST(kernel_smaps_refuses)
{
	static const char *const bad[] = {
		"Rss:",
		"Rss: x kB",
		"Rss: 18446744073709551616 kB",
		"ProtectionKey: 256",
		"KernelPageSize: 4294967296 kB",
		"VmFlags: r",
		"VmFlags: rdx",
		"VmFlags: rd w",
		"VmFlags: rd\nVmFlags: wr",
	};
	char text[256];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct proc_vmas l;

		test_note("%s", bad[i]);
		snprintf(text, sizeof(text), "1000-2000 rw-p 00000000 00:00 0 \n%s\n", bad[i]);
		CHECK_INT_EQ(proc_smaps_parse(text, strlen(text), &l), -EINVAL);
	}
}

static void *map(int prot, int flags, int fd)
{
	return mmap(NULL, 3 * PAGE_BYTES, prot, flags, fd, 0);
}

static const struct proc_vma *find(const struct proc_vmas *l, const void *p)
{
	return proc_vmas_find(l, (uint64_t)(uintptr_t)p);
}

TEST(kernel_smaps_of_own_memory)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_vmas l = { 0 }, quick = { 0 };
	char path[160];
	const struct proc_vma *v;
	struct stat st;
	char *anon, *file, *shared;
	int dir, fd;

	snprintf(path, sizeof(path), "%s/new\nline \\012 x", test_dir());
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (!CHECK(fd >= 0 && ftruncate(fd, 4 * PAGE_BYTES) == 0 && fstat(fd, &st) == 0))
		return;
	anon = map(PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	file = map(PROT_READ, MAP_SHARED, fd);
	shared = map(PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1);
	anon[0] = anon[PAGE_BYTES] = 1;
	CHECK(madvise(anon, 3 * PAGE_BYTES, MADV_DONTDUMP) == 0);
	CHECK(unlink(path) == 0);
	dir = proc_open(getpid());
	CHECK_INT_EQ(proc_smaps_read(dir, &b, &l), 0);
	CHECK_INT_EQ(proc_maps_read(dir, &b, &quick), 0);
	v = find(&l, anon);
	if (CHECK(v)) {
		CHECK_INT_EQ(v->start, (uintptr_t)anon);
		CHECK_INT_EQ(v->end, (uintptr_t)anon + 3 * PAGE_BYTES);
		CHECK_INT_EQ(v->anonymous_kb, 8);
		CHECK_INT_EQ(v->page_kb, 4);
		CHECK(v->vmflags_known && !(v->vmflags & PROC_VMF_OTHER));
		CHECK_INT_EQ(v->vmflags &
				 (PROC_VMF(RD) | PROC_VMF(WR) | PROC_VMF(EX) | PROC_VMF(DD)),
			     PROC_VMF(RD) | PROC_VMF(WR) | PROC_VMF(DD));
	}
	v = find(&quick, file);
	if (CHECK(v)) {
		CHECK(v->shared && v->deleted);
		CHECK_INT_EQ(v->ino, st.st_ino);
		CHECK_INT_EQ(makedev(v->dev_major, v->dev_minor), st.st_dev);
		CHECK_STR_HAS(v->path, "/new\nline ");
	}
	v = find(&quick, shared);
	CHECK(v && v->shared && v->deleted && strcmp(v->path, "/dev/zero") == 0);
	v = find(&quick, &dir);
	CHECK(v && v->special == PROC_VMA_STACK);
	for (size_t i = 1; i < l.nr; i++)
		CHECK(l.v[i - 1].end <= l.v[i].start);
	proc_vmas_done(&l);
	proc_vmas_done(&quick);
	close(dir);
}

/* More text than one buffer holds, each line with a long name. */
TEST(kernel_maps_of_thousands)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_vmas l = { 0 };
	char path[256];
	size_t mine = 0;
	int dir, fd;

	snprintf(path, sizeof(path), "%s/%0150d", test_dir(), 7);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(fd >= 0 && ftruncate(fd, PAGE_BYTES) == 0);
	for (int i = 0; i < 3000; i++)
		if (!CHECK(mmap(NULL, PAGE_BYTES, i % 2 ? PROT_READ : PROT_NONE, MAP_SHARED, fd,
				0) != MAP_FAILED))
			return;
	dir = proc_open(getpid());
	CHECK_INT_EQ(proc_maps_read(dir, &b, &l), 0);
	for (size_t i = 0; i < l.nr; i++)
		mine += strcmp(l.v[i].path, path) == 0;
	CHECK(mine == 3000);
	CHECK(b.cap < 100000); /* a piece at a time */
	proc_vmas_done(&l);
	close(dir);
}
