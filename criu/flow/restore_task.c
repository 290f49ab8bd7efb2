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
#include "criu/flow/restore_bare.h"
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

	if (t->restore->room_at)
		room.program = t->restore->room_at;
	room.program_len = PAGE_UP(mem_program_room(r, t->restore) + userfaults_room(r, t) +
				   urings_room(r, t) + task_program_room(t) + bare_room(r, t));
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

struct proc_value {
	const char *name;
	bool differs; /* from what has come by fork */
	long long value;
};

#define PROC_VALUES 3

static void proc_values(const struct restore *r, const struct task *t, struct proc_value *ret)
{
	const TaskCoreEntry *tc = t->restore->cores[0]->tc;
	const struct inherited *had = &r->inherited;
	bool oom = !had->has_oom_score_adj || had->oom_score_adj != tc->oom_score_adj;
	bool uid = !had->has_loginuid || had->loginuid != tc->loginuid;
	bool filter = !had->has_coredump_filter || had->coredump_filter != tc->coredump_filter;

	ret[0] =
	    (struct proc_value){ "oom_score_adj", tc->has_oom_score_adj && oom, tc->oom_score_adj };
	ret[1] = (struct proc_value){ "loginuid", tc->has_loginuid && uid, tc->loginuid };
	ret[2] = (struct proc_value){ "coredump_filter", tc->has_coredump_filter && filter,
				      tc->coredump_filter };
}

bool restore_task_writes(const struct restore *r, const struct task *t)
{
	struct proc_value v[PROC_VALUES];

	proc_values(r, t, v);
	return v[0].differs || v[1].differs || v[2].differs ||
	       t->restore->cores[0]->tc->has_autogroup_nice;
}

static int write_procs(const struct restore *r, const struct task *t)
{
	struct proc_value v[PROC_VALUES];
	int ret = 0;

	proc_values(r, t, v);
	for (size_t i = 0; i < PROC_VALUES && ret >= 0; i++)
		ret = v[i].differs ? write_proc(v[i].name, v[i].value) : 0;
	return ret < 0 ? ret : autogroup_restore(t);
}

struct memory_part {
	struct restore *r;
	const struct task *t;
	const struct mem_fds *fds;
	uint64_t parking;
	const struct bare_fork *bare; /* whom it forks */
	size_t nr_bare;
};

static void memory_part(struct program *p, void *ctx)
{
	const struct memory_part *m = ctx;

	if (m->t->restore->is_bare)
		bare_begin(p, m->r, m->t, m->fds);
	mem_leave(p, m->r, m->t, &m->r->vdso[m->t->abi], m->parking);
	bare_fork(p, m->r, m->bare, m->nr_bare);
	mem_program(p, m->r, m->t, m->parking, m->fds);
	userfaults_program(p, m->r, m->t);
	urings_program(p, m->r, m->t);
}

static uint64_t program_make(const struct room *room, struct program *p, struct memory_part *part)
{
	part->parking = room->parking;
	program_init(p, (void *)(uintptr_t)room->program, room->program_len);
	return task_program(p, part->r, part->t, urings_thread_program, memory_part, part);
}

/* The programs of those that it forks bare. */
static int bare_make(struct restore *r, const struct task *t, const struct mem_fds *own,
		     struct bare_fork **ret, size_t *ret_nr)
{
	struct mem_fds fds = { .pages = NULL };
	struct bare_fork *b = NULL;
	size_t nr = 0, cap = 0;
	struct task *c;
	int err = bare_prepare(r, t, &fds);

	tasks_for_each(c, &r->tree) {
		struct memory_part part = { .r = r, .t = c, .fds = &fds };
		struct room room;
		struct program p;

		if (err < 0 || c->parent != t || !c->restore->is_bare)
			continue;
		room = room_of(r, c);
		bare_fds(r, c, own, &fds);
		*array_push(b, nr, cap) = (struct bare_fork){
			.task = c,
			.index = i_c,
			.ops = program_make(&room, &p, &part),
			.stack_top = room.stack_top,
		};
	}
	*ret = b;
	*ret_nr = nr;
	return err;
}

static int enter_restorer(struct restore *r, const struct task *t, const struct mem_fds *fds)
{
	const struct blob_header *head = (const void *)restorer_blob;
	struct room room = room_of(r, t);
	struct memory_part part = { .r = r, .t = t, .fds = fds };
	struct bare_fork *bare = NULL;
	struct restorer_args *args;
	struct program p;
	uint64_t ops;
	int ret = t->restore->has_bare ? bare_make(r, t, fds, &bare, &part.nr_bare) : 0;

	if (ret < 0)
		return ret;
	if (!t->restore->room_at &&
	    mmap((void *)(uintptr_t)room.program, room.end - room.program, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
		return fail(errno, "map the program of the restorer");
	part.bare = bare;
	ops = program_make(&room, &p, &part);
	args = program_data(&p, sizeof(*args));
	*args = (struct restorer_args){
		.area = (uint64_t)(uintptr_t)r->stage,
		.ops = ops,
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
