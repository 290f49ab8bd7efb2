// SPDX-License-Identifier: GPL-2.0-only
/*
 * 8192 descriptors at most. The kernel writes out all that it has from the first on, so the
 * parasite maps 64 KiB for that, and hands them over in pieces; only in a task that has a
 * table. They are set one by one, before registers refer to them.
 */
#include "criu/mem/ldt.h"

#include <asm/ldt.h>
#include <string.h>
#include <sys/syscall.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"

#define WRITE_LDT 0x11 /* with all fields of struct user_desc */

/* --- dump ------------------------------------------------------------------------- */

int ldt_ask(struct task *t, struct remote *r)
{
	struct parasite_ldt_args a = { .command = PARASITE_LDT };

	do {
		int err = remote_call_begin(r, 0, &a, sizeof(a));

		if (!err)
			err = remote_call_end(r, 0, &a, sizeof(a));
		if (err < 0)
			return fail(-err, "run the parasite");
		if (a.err < 0)
			return fail(-a.err, "read the local descriptor table");
		if (!t->ldt) {
			t->ldt = mem_alloc(LDT_ENTRIES * LDT_ENTRY_SIZE);
			t->nr_ldt = a.end < LDT_ENTRIES ? a.end : LDT_ENTRIES;
		}
		for (uint32_t i = 0; i < PARASITE_LDT_AT_ONCE && a.from + i < t->nr_ldt; i++)
			t->ldt[a.from + i] = a.entry[i];
		a.from += PARASITE_LDT_AT_ONCE;
	} while (a.from < t->nr_ldt);
	return 0;
}

void ldt_dump(const struct task *t, MmEntry *mm)
{
	mm->has_ldt = t->nr_ldt != 0;
	mm->ldt.data = (uint8_t *)t->ldt;
	mm->ldt.len = t->nr_ldt * LDT_ENTRY_SIZE;
}

/* --- restore ---------------------------------------------------------------------- */

int ldt_load_check(const MmEntry *mm)
{
	if (mm->has_ldt &&
	    (mm->ldt.len % LDT_ENTRY_SIZE || mm->ldt.len > LDT_ENTRIES * LDT_ENTRY_SIZE))
		return fail_plain("local descriptor table of %zu bytes", mm->ldt.len);
	return 0;
}

/* Intel SDM vol. 3, 3.4.5. */
static struct user_desc desc_of(uint32_t index, uint64_t d)
{
	return (struct user_desc){
		.entry_number = index,
		.base_addr = (uint32_t)((d >> 16 & 0xffffff) | (d >> 56) << 24),
		.limit = (uint32_t)((d & 0xffff) | (d >> 48 & 0xf) << 16),
		.seg_32bit = d >> 54 & 1,
		.contents = d >> 42 & 3,
		.read_exec_only = !(d >> 41 & 1),
		.limit_in_pages = d >> 55 & 1,
		.seg_not_present = !(d >> 47 & 1),
		.useable = d >> 52 & 1,
	};
}

void ldt_restore(struct program *p, const MmEntry *mm)
{
	for (size_t i = 0; mm->has_ldt && i < mm->ldt.len / LDT_ENTRY_SIZE; i++) {
		struct user_desc desc;
		uint64_t d;

		memcpy(&d, mm->ldt.data + i * LDT_ENTRY_SIZE, sizeof(d));
		if (!d)
			continue;
		desc = desc_of((uint32_t)i, d);
		PROGRAM_SYSCALL(p, OP_WHAT_LDT, SYS_modify_ldt, WRITE_LDT,
				program_copy(p, &desc, sizeof(desc)), sizeof(desc));
	}
}

size_t ldt_room(const MmEntry *mm)
{
	size_t nr = mm->has_ldt ? mm->ldt.len / LDT_ENTRY_SIZE : 0;

	return nr * (sizeof(struct op) + 2 * sizeof(struct user_desc));
}
