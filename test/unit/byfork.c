// SPDX-License-Identifier: GPL-2.0-only
/* Which descriptors a child has from its parent, what it closes; which files name processes. */
#include <fcntl.h>
#include <sys/syscall.h>

#include "criu/files/byfork.h"
#include "test/unit/test.h"

static struct file files[4];

static bool comes(struct fd_slot *had, size_t nr_had, struct fd_slot *slots, size_t nr)
{
	struct task_restore up_restore = { .slots = had, .nr_slots = nr_had };
	struct task_restore restore = { .slots = slots, .nr_slots = nr };
	struct task up = { .pid = 10, .restore = &up_restore };
	struct task t = { .pid = 11, .parent = &up, .restore = &restore };

	return files_come_by_fork(&t);
}

TEST(byfork_comes)
{
	struct fd_slot had[] = { { 0, false, &files[0] },
				 { 3, false, &files[1] },
				 { 9, true, &files[2] } };
	struct fd_slot some[] = { { 0, false, &files[0] }, { 9, false, &files[2] } };
	struct fd_slot other[] = { { 0, false, &files[0] }, { 9, false, &files[3] } };
	struct fd_slot moved[] = { { 4, false, &files[1] } };

	CHECK(comes(had, 3, had, 3));
	CHECK(comes(had, 3, some, 2));
	CHECK(comes(had, 3, some, 0));
	CHECK(!comes(had, 3, other, 2));
	CHECK(!comes(had, 3, moved, 1));
	CHECK(!comes(had, 0, some, 1));
}

static void closes(const struct op *op, uint64_t first, uint64_t last)
{
	CHECK_INT_EQ(op->nr, SYS_close_range);
	CHECK_INT_EQ(op->arg[0], first);
	CHECK_INT_EQ(op->arg[1], last);
}

/* 0 stays, 3 is closed, 9 stays but is not to be closed by execve(2). */
TEST(byfork_keeps)
{
	struct fd_slot had[] = { { 0, false, &files[0] },
				 { 3, false, &files[1] },
				 { 9, true, &files[2] } };
	struct fd_slot slots[] = { { 0, false, &files[0] }, { 9, false, &files[2] } };
	struct task_restore up_restore = { .slots = had, .nr_slots = 3 };
	struct task_restore restore = { .slots = slots, .nr_slots = 2 };
	struct task up = { .pid = 10, .restore = &up_restore };
	struct task t = { .pid = 11, .parent = &up, .restore = &restore };
	struct restore r = { .service_base = 20 };
	struct op ops[8];
	struct program p;

	CHECK(files_keep_room(&t) <= sizeof(ops));
	program_init(&p, ops, files_keep_room(&t));
	files_keep(&p, &r, &t);
	CHECK_INT_EQ(p.ops_len, 3 * sizeof(*ops));
	closes(&ops[0], 1, 8);
	CHECK_INT_EQ(ops[1].nr, SYS_fcntl);
	CHECK_INT_EQ(ops[1].arg[0], 9);
	CHECK_INT_EQ(ops[1].arg[1], F_SETFD);
	CHECK_INT_EQ(ops[1].arg[2], 0);
	closes(&ops[2], 10, 19);
}

static bool names(FileEntry *e)
{
	struct file f = { .entry = e }, *list[] = { &f };
	struct restore r = { .files = list, .nr_files = 1 };

	return files_name_processes(&r);
}

TEST(byfork_names_processes)
{
	FownEntry fown = FOWN_ENTRY__INIT;
	EventfdFileEntry counter = EVENTFD_FILE_ENTRY__INIT;
	RegFileEntry reg = REG_FILE_ENTRY__INIT;
	FileEntry e = FILE_ENTRY__INIT;

	e.type = FD_TYPES__EVENTFD;
	e.efd = &counter;
	counter.fown = &fown;
	CHECK(!names(&e));
	fown.pid = 11;
	CHECK(names(&e));
	fown.pid = 0;
	e.type = FD_TYPES__PIDFD;
	CHECK(names(&e));

	e = (FileEntry)FILE_ENTRY__INIT;
	e.type = FD_TYPES__REG;
	CHECK(names(&e));
	e.reg = &reg;
	reg.fown = &fown;
	reg.name = (char[]){ "/dev/null" };
	CHECK(!names(&e));
	reg.name = (char[]){ "/proc/11/stat" };
	CHECK(names(&e));
}
