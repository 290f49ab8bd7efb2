// SPDX-License-Identifier: GPL-2.0-only
/* The local descriptor table: segments of several kinds, one of them in gs; and a child's copy. */
#include "zdtmtst.h"

#include <asm/ldt.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_LDT  0
#define WRITE_LDT 0x11
#define LAST      700 /* more than one page of descriptors */
#define PAGE      4096

static uint64_t before[LDT_ENTRIES], now[LDT_ENTRIES];

static void set(unsigned int entry, uint32_t base, struct user_desc desc)
{
	desc.entry_number = entry;
	desc.base_addr = base;
	must(syscall(SYS_modify_ldt, WRITE_LDT, &desc, sizeof(desc)));
}

static long get(uint64_t *to)
{
	memset(to, 0, sizeof(before));
	return must(syscall(SYS_modify_ldt, READ_LDT, to, sizeof(before)));
}

static void check(const char *who)
{
	get(now);
	for (int i = 0; i < LDT_ENTRIES; i++)
		expect(now[i] == before[i], "%s: descriptor %d is %016llx instead of %016llx", who,
		       i, (unsigned long long)now[i], (unsigned long long)before[i]);
}

static int child(void *arg)
{
	ready_report(arg);
	test_waitsig();
	check("the child");
	return 0;
}

/* By the segment register. */
static uint32_t read_gs(void)
{
	uint32_t value;

	__asm__ volatile("movl %%gs:8, %0" : "=r"(value));
	return value;
}

int main(int argc, char **argv)
{
	uint32_t *low, base;
	struct ready ready;
	uint16_t sel = 5 << 3 | 7, gs;
	pid_t pid;

	test_init(argc, argv);
	low = (uint32_t *)must((long)mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
	low[2] = 0x12345678;
	base = (uint32_t)(uintptr_t)low;
	set(5, base, (struct user_desc){ .limit = 4095, .seg_32bit = 1, .useable = 1 });
	set(6, base,
	    (struct user_desc){
		.limit = 0xfffff, .seg_32bit = 1, .limit_in_pages = 1, .read_exec_only = 1 });
	set(7, 0xfedcba98,
	    (struct user_desc){
		.limit = 0x12345, .seg_32bit = 1, .contents = MODIFY_LDT_CONTENTS_CODE });
	set(LAST, 0x1000, (struct user_desc){ .limit = 7, .seg_32bit = 1, .seg_not_present = 1 });
	get(before);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	__asm__ volatile("movw %0, %%gs" : : "r"(sel));
	expect(read_gs() == 0x12345678, "gs does not work");
	test_daemon();
	test_waitsig();

	__asm__ volatile("movw %%gs, %0" : "=r"(gs));
	if (gs != sel)
		fail("gs is %#x", gs);
	if (read_gs() != 0x12345678)
		fail("there is %#x behind gs", read_gs());
	check("the parent");
	__asm__ volatile("movw %0, %%gs" : : "r"(sel));
	if (read_gs() != 0x12345678)
		fail("after another load there is %#x behind gs", read_gs());
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	return pass();
}
