// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of work inside one task of a restore. It still has crtool's memory and a libc,
 * until it enters the restorer with a program for the rest.
 */
#include "criu/flow/restore_task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "compel/blob/abi.h"
#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/files/load.h"
#include "criu/files/lock.h"
#include "criu/files/tty.h"
#include "criu/files/uring.h"
#include "criu/files/userfault.h"
#include "criu/mem/program.h"
#include "criu/pie/blobs.h"
#include "criu/task/autogroup.h"
#include "criu/task/program.h"

#define LEADER_STACK 16384ul

/* The private part of the hole, from its start. */
struct room {
	uint64_t program, stack_top, parking, end;
	size_t program_len;
};

static struct room room_of(const struct restore *r, const struct task *t)
{
	struct room room = { .program = r->private_at };

	room.program_len = PAGE_UP(mem_program_room(r, t->restore) + userfaults_room(r, t) +
				   urings_room(r, t) + task_program_room(t));
	room.stack_top = room.program + room.program_len + LEADER_STACK;
	room.parking = room.stack_top;
	room.end = room.parking + PAGE_UP(vdso_room(&r->vdso[t->abi]));
	return room;
}

void restore_task_room(struct restore *r, struct task *t)
{
	struct room room = room_of(r, t);

	t->restore->room = room.end - room.program;
}

/* Of crtool's descriptors only the service ones are kept. A shared table has been cleaned
 * by the one that it is shared with. */
static int drop_descriptors(const struct restore *r, const struct task *t)
{
	if (t->restore->fdtable == t && syscall(SYS_close_range, 0, r->service_base - 1, 0) < 0)
		return fail(errno, "close_range");
	return 0;
}

static int write_proc(const char *name, long long value)
{
	char path[64], text[32];
	cleanup_close int fd = -1;
	int r;

	snprintf(path, sizeof(path), "/proc/self/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(errno, "open %s", path);
	snprintf(text, sizeof(text), "%lld", value);
	r = io_pwrite(fd, text, strlen(text), 0);
	return r < 0 ? fail(-r, "write %s to %s", text, path) : 0;
}

static int write_procs(const struct restore *r, const struct task *t)
{
	const TaskCoreEntry *tc = t->restore->cores[0]->tc;
	const struct inherited *had = &r->inherited;
	int ret = 0;

	if (tc->has_oom_score_adj &&
	    (!had->has_oom_score_adj || had->oom_score_adj != tc->oom_score_adj))
		ret = write_proc("oom_score_adj", tc->oom_score_adj);
	if (ret >= 0 && tc->has_loginuid && (!had->has_loginuid || had->loginuid != tc->loginuid))
		ret = write_proc("loginuid", tc->loginuid);
	if (ret >= 0 && tc->has_coredump_filter &&
	    (!had->has_coredump_filter || had->coredump_filter != tc->coredump_filter))
		ret = write_proc("coredump_filter", tc->coredump_filter);
	return ret < 0 ? ret : autogroup_restore(t);
}

struct memory_part {
	const struct restore *r;
	const struct task *t;
	const struct mem_fds *fds;
	uint64_t parking;
};

static void memory_part(struct program *p, void *ctx)
{
	const struct memory_part *m = ctx;

	mem_program(p, m->r, m->t, &m->r->vdso[m->t->abi], m->parking, m->fds);
	userfaults_program(p, m->r, m->t);
	urings_program(p, m->r, m->t);
}

static int enter_restorer(const struct restore *r, const struct task *t, const struct mem_fds *fds)
{
	const struct blob_header *head = (const void *)restorer_blob;
	struct room room = room_of(r, t);
	struct memory_part part = { r, t, fds, room.parking };
	struct restorer_args *args;
	struct program p;

	if (mmap((void *)(uintptr_t)room.program, room.end - room.program, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return fail(errno, "map the program of the restorer");
	program_init(&p, (void *)(uintptr_t)room.program, room.program_len);
	args = program_data(&p, sizeof(*args));
	*args = (struct restorer_args){
		.area = (uint64_t)(uintptr_t)r->stage,
		.ops = task_program(&p, r, t, urings_thread_program, memory_part, &part),
		.pid = t->pid,
		.tid = t->pid,
	};
	__asm__ volatile("mov %[stack], %%rsp\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "call *%[entry]\n\t"
			 "hlt"
			 :
			 : [stack] "r"(room.stack_top), [entry] "r"(r->blob + head->entry),
			   "D"(args)
			 : "memory");
	__builtin_unreachable();
}

static int open_own(struct restore *r, struct task *t)
{
	int ret;

	stage_enter(r->stage, STAGE_FILES, r->crtool_pidfd);
	ret = drop_descriptors(r, t);
	if (ret >= 0)
		ret = tty_foreground(r, t);
	if (ret >= 0)
		ret = files_open(r, t);
	if (ret < 0)
		return ret;
	stage_done(r->stage);
	return 0;
}

static int task_body(struct restore *r, struct task *t)
{
	struct mem_fds fds;
	int ret;

	for (unsigned int i = 0; i < MAKE_ROUNDS; i++) {
		if (!(r->make_rounds & 1u << i))
			continue;
		stage_enter(r->stage, (enum stage)(STAGE_MAKE + i), r->crtool_pidfd);
		ret = files_make(r, t, i);
		if (ret < 0)
			return ret;
		stage_done(r->stage);
	}
	ret = t->restore->opens ? open_own(r, t) : drop_descriptors(r, t);
	if (ret < 0)
		return ret;

	stage_enter(r->stage, r->has_connect ? STAGE_CONNECT : STAGE_MEMORY, r->crtool_pidfd);
	ret = files_connect(r, t);
	if (ret < 0)
		return ret;
	if (r->has_connect) {
		stage_done(r->stage);
		stage_enter(r->stage, STAGE_MEMORY, r->crtool_pidfd);
	}
	ret = files_watch(r, t);
	if (ret >= 0)
		ret = locks_restore(t);
	if (ret >= 0)
		ret = write_procs(r, t);
	if (ret >= 0)
		ret = mem_open(r, t, mapped_file_open, &fds);
	if (ret >= 0)
		ret = fs_restore(r, t);
	return ret < 0 ? ret : enter_restorer(r, t, &fds);
}

void restore_task(struct restore *r, struct task *t)
{
	int ret = task_body(r, t);

	stage_fail(r->stage, t->pid, task_fail_at(ret, t));
}
