// SPDX-License-Identifier: GPL-2.0-only
#include "criu/core/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/syscalls.h"

#define SORTING_BYTES 65536 /* more than is free in a piece, less than malloc(3) maps by itself */

struct file *restore_find_file(const struct restore *r, uint32_t id)
{
	size_t lo = 0, hi = r->nr_files;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (r->files[mid]->id == id)
			return r->files[mid];
		if (r->files[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

int restore_add_broker(struct restore *r)
{
	if (r->nr_brokers == BROKERS_MAX)
		return fail_plain("more than %d pipes and sockets", BROKERS_MAX);
	r->brokers[r->nr_brokers].fd = -1;
	return (int)r->nr_brokers++;
}

void broker_give(struct restore *r, int slot, int fd)
{
	broker_give_from(r, slot, fd, 0);
}

void broker_give_from(struct restore *r, int slot, int fd, pid_t pid)
{
	r->brokers[slot] = (struct broker){ fd, pid };
}

int broker_take(const struct restore *r, int slot)
{
	const struct broker *b = &r->brokers[slot];
	cleanup_close int opened = b->pid ? sys_pidfd_open(b->pid, 0) : -1;
	int fd;

	if (b->pid && opened < 0)
		return fail(-opened, "pidfd_open of pid %d", (int)b->pid);
	fd = sys_pidfd_getfd(b->pid ? opened : r->crtool_pidfd, b->fd);
	return fd < 0 ? fail(-fd, "take descriptor %d of pid %d", (int)b->fd,
			     (int)(b->pid ? b->pid : r->crtool_pid))
		      : fd;
}

int broker_take_own(const struct restore *r, int slot)
{
	const struct broker *b = &r->brokers[slot];

	return b->pid == getpid() ? b->fd : broker_take(r, slot);
}

int service_fd(const struct restore *r, int fd)
{
	int up = fcntl(fd, F_DUPFD_CLOEXEC, r->service_base);
	int err = errno;

	close(fd);
	if (up < 0)
		return fail_hint(fail(err, "no descriptor number from %d on", r->service_base),
				 "raise the hard limit of open files (ulimit -Hn)");
	return up;
}

/* A file that is open for writing could not be executed. */
int service_fd_readonly(const struct restore *r, int fd)
{
	char link[32];
	int ret;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ret = open(link, O_RDONLY | O_NOATIME | O_CLOEXEC);
	return ret < 0 ? fail(errno, "open it for reading") : service_fd(r, ret);
}

static void *message_alloc(void *part, size_t size)
{
	return keep_part_alloc(part, size);
}

static void message_part_free(void *part, void *p)
{
	keep_part_free(part, p);
}

void restore_init(struct restore *r)
{
	/* What malloc(3) has for threads of its own it never gives back: see restore_settle(). */
	mallopt(M_ARENA_MAX, 1);
	keep_init(&r->keep);
	r->kept.keep = &r->keep;
	r->tree.arena = &r->kept;
	for (unsigned int i = 0; i < PARALLEL_WORKERS_MAX; i++) {
		r->parts[i].keep = &r->keep;
		r->messages[i] = (ProtobufCAllocator){ message_alloc, message_part_free,
						       &r->parts[i] };
	}
}

/* What is of keep goes with it. */
static void message_free(struct restore *r, void *m)
{
	if (m && !r->keep.base)
		protobuf_c_message_free_unpacked(m, r->messages);
}

static void task_restore_done(struct restore *r, struct task *t)
{
	struct task_restore *tr = t->restore;
	size_t nr = t->nr_threads ? t->nr_threads : 1;

	if (!tr)
		return;
	for (size_t i = 0; i < nr; i++)
		message_free(r, tr->cores[i]);
	if (tr->mm)
		tr->mm->n_vmas += tr->nr_guards;
	message_free(r, tr->mm);
	message_free(r, tr->fs);
	message_free(r, tr->ids);
	keep_free(&r->keep, tr->slots);
	keep_free(&r->keep, tr->locks);
	keep_free(&r->keep, tr->notices);
	keep_free(&r->keep, tr->pages);
	keep_free(&r->keep, tr->sources);
	free(tr->same);
}

void *restore_keep(struct restore *r, void *p, size_t size)
{
	void *kept;

	if (!p || !r->keep.base)
		return p;
	kept = arena_dup(&r->kept, p, size);
	free(p);
	return kept;
}

void restore_settle(struct restore *r)
{
	struct task *t;

	tasks_for_each(t, &r->tree) {
		struct task_restore *tr = t->restore;

		tr->slots = restore_keep(r, tr->slots, tr->nr_slots * sizeof(*tr->slots));
		tr->locks = restore_keep(r, tr->locks, tr->nr_locks * sizeof(*tr->locks));
		tr->notices = restore_keep(r, tr->notices, tr->nr_notices * sizeof(*tr->notices));
		tr->pages = restore_keep(r, tr->pages, tr->nr_pages * sizeof(*tr->pages));
		tr->sources = restore_keep(r, tr->sources, tr->nr_sources * sizeof(*tr->sources));
		free(tr->same);
		tr->same = NULL;
	}
	/* Or the kernel would copy for each task what lies free between the rest; and the first
	 * malloc(3) of each task would sort that, and write to a page at each piece of it. */
	malloc_trim(0);
	free(mem_alloc(SORTING_BYTES));
}

void restore_done(struct restore *r)
{
	struct task *t;

	tasks_for_each(t, &r->tree)
		task_restore_done(r, t);
	for (size_t i = 0; i < r->nr_files; i++) {
		struct file *f = r->files[i];

		if (f->kind->done)
			f->kind->done(f);
		message_free(r, (void *)(uintptr_t)f->entry);
		if (f->mapped_fd >= 0)
			close(f->mapped_fd);
	}
	free(r->files);
	map_done(&r->pipes);
	map_done(&r->fifos);
	map_done(&r->mqueues);
	map_done(&r->bpf_maps);
	for (size_t i = 0; i < r->nr_ttys; i++)
		message_free(r, r->ttys[i]);
	free(r->ttys);
	message_free(r, r->inventory);
	message_free(r, r->seccomp);
	tree_done(&r->tree);
	arena_done(&r->arena);
	arena_done(&r->kept);
	keep_done(&r->keep);
}
