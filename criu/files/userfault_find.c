// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whose address space a userfaultfd is of, which ranges are its, and whether it is told of faults
 * of the kernel: fdinfo tells none of it. Its ioctls are asked in a way that changes nothing.
 *
 * - UFFDIO_REGISTER of shared memory that can never be written to is refused with EPERM; of what is
 *   not mapped, with EINVAL. So the parasite maps such a page in one task after the other, where
 *   nobody else in the tree has anything.
 * - UFFDIO_REGISTER of a range that it has already, in the same way, does nothing; of one that
 *   another has, it is refused with EBUSY.
 * - A fault of the kernel is refused at once if it is for user mode only (UFFD_USER_MODE_ONLY), or
 *   is told, and waits. So a child of ours reads a page of the parasite's that is missing, and is
 *   killed. Whoever could read of it stands still.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/files/userfault.h"
#include "criu/kernel/feature.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/uapi.h"
#include "criu/mem/scan.h"
#include "criu/mem/vma.h"
#include "criu/pie/abi/parasite.h"
#include "criu/task/ask.h"

#define PAUSE_NS     20000
#define PAUSES       20000 /* about half a second */
/* Above the programs that are not moved, below all that mmap(2) gives by itself. */
#define ROOM_FIRST   0x20000000ull
#define ROOM_END     0x70000000ull
#define ROOM_STEP    0x200000ull
#define UNPRIVILEGED "/proc/sys/vm/unprivileged_userfaultfd"

#define USERFAULT (PROC_VMF(UM) | PROC_VMF(UW) | PROC_VMF(UI))

static void pause_a_bit(void)
{
	const struct timespec pause = { 0, PAUSE_NS };

	nanosleep(&pause, NULL);
}

static int range_register(int fd, uint64_t start, uint64_t len, uint64_t mode)
{
	struct uffdio_register reg = { .range = { start, len }, .mode = mode };

	return ioctl(fd, UFFDIO_REGISTER, &reg) < 0 ? -errno : 0;
}

static bool is_initialized(const struct userfault *u)
{
	return u->features & PROC_USERFAULT_API;
}

/* --- in the room of the parasite ------------------------------------------------- */

struct asking {
	struct dump *d;
	struct userfault *all;
	uint64_t at; /* where the room is */
};

static uint64_t pending_of(struct dump *d, int fd)
{
	cleanup_close int proc = proc_open(getpid());
	struct proc_fdinfo info;

	return proc >= 0 && proc_fdinfo_read(proc, fd, &d->buf, &info) >= 0 ? info.userfault_pending
									    : 0;
}

/* 0: the kernel has refused the fault, or has told it. */
static int fault_try(struct dump *d, struct userfault *u, pid_t pid, uint64_t at)
{
	char byte;
	struct iovec here = { &byte, 1 }, there = { (void *)(uintptr_t)at, 1 };
	pid_t child = fork();
	int status = 0, ret = -ETIMEDOUT;

	if (child < 0)
		return -errno;
	if (child == 0)
		_exit(process_vm_readv(pid, &here, 1, &there, 1, 0) == 1 ? 0 : errno);
	for (unsigned int i = 0; i < PAUSES && ret == -ETIMEDOUT; i++) {
		if (waitpid(child, &status, WNOHANG) == child) {
			u->user_mode_only = WEXITSTATUS(status) == EFAULT;
			return WEXITSTATUS(status) && !u->user_mode_only ? -WEXITSTATUS(status) : 0;
		}
		if (pending_of(d, u->fd) > u->pending)
			ret = 0;
		else
			pause_a_bit();
	}
	kill(child, SIGKILL);
	waitpid(child, &status, 0);
	u->user_mode_only = false;
	return ret;
}

/* Where all faults are refused nobody could tell. What is unmapped while it is registered may be
 * an event, for which our own way home would wait: those are not tried. */
static bool can_be_tried(const struct userfault *u)
{
	return is_initialized(u) &&
	       !(u->features & (UFFD_FEATURE_SIGBUS | UFFD_FEATURE_EVENT_UNMAP));
}

static int mode_find(struct dump *d, struct userfault *u, pid_t pid, uint64_t at)
{
	struct uffdio_range range = { at, PAGE_BYTES };
	int r = range_register(u->fd, at, PAGE_BYTES, UFFDIO_REGISTER_MODE_MISSING);

	if (r >= 0) {
		r = fault_try(d, u, pid, at);
		ioctl(u->fd, UFFDIO_UNREGISTER, &range);
	}
	return r < 0 ? fail(-r, "userfaultfd: is it for user mode only?") : 0;
}

static int room_use(struct asking *a, const struct task *t, uint64_t at)
{
	int r = 0;

	for (struct userfault *u = a->all; u && r >= 0; u = u->next) {
		int err = u->mm || !is_initialized(u)
			      ? 0
			      : range_register(u->fd, at, PAGE_BYTES, UFFDIO_REGISTER_MODE_MISSING);

		if (err != -EPERM)
			continue;
		u->mm = tree_find(&a->d->tree, t->pid);
		if (can_be_tried(u))
			r = mode_find(a->d, u, task_tid(t), at + PAGE_BYTES);
	}
	return r;
}

static int room_wait(const struct remote *r)
{
	struct parasite_room_args now = { .err = 0 };

	for (unsigned int i = 0; i < PAUSES && !now.made; i++) {
		int err = tracee_mem_read(r->pid, r->data, &now, sizeof(now));

		if (err >= 0)
			err = now.err;
		if (err < 0)
			return fail(-err, "userfaultfd: room to try it in, at %#llx",
				    (unsigned long long)now.at);
		if (!now.made)
			pause_a_bit();
	}
	return now.made ? 0 : fail(ETIMEDOUT, "userfaultfd: room to try it in");
}

static bool is_free(const struct dump *d, uint64_t start, uint64_t end)
{
	const struct task *t;

	tasks_for_each(t, &d->tree)
		for (size_t i = 0; i < t->vmas.nr; i++)
			if (t->vmas.v[i].start < end && t->vmas.v[i].end > start)
				return false;
	return true;
}

/* Where nobody in the tree has anything, 32-bit tasks included. 0: nowhere. */
static uint64_t room_find(const struct dump *d)
{
	for (uint64_t at = ROOM_FIRST; at < ROOM_END; at += ROOM_STEP)
		if (is_free(d, at - ROOM_STEP, at + ROOM_STEP))
			return at;
	return 0;
}

static int ask_task(void *ctx, const struct task *t, struct remote *r)
{
	struct asking *a = ctx;
	struct parasite_room_args args = { .command = PARASITE_ROOM, .at = a->at };
	const uint32_t yes = 1;
	int ret, err = remote_call_begin(r, 0, &args, sizeof(args));

	if (err < 0)
		return fail(-err, "run the parasite");
	ret = room_wait(r);
	if (ret >= 0)
		ret = room_use(a, t, a->at);
	tracee_mem_write(r->pid, r->data + offsetof(struct parasite_room_args, done), &yes,
			 sizeof(yes));
	err = remote_call_end(r, 0, &args, sizeof(args));
	return ret >= 0 && err < 0 ? fail(-err, "run the parasite") : ret;
}

/* --- what is registered ----------------------------------------------------------- */

static void range_add(struct dump *d, UserfaultfdRangeEntry ***list, size_t *nr, uint64_t start,
		      uint64_t end, uint32_t mode)
{
	UserfaultfdRangeEntry *e =
	    arena_message(&d->arena, UserfaultfdRangeEntry, USERFAULTFD_RANGE_ENTRY__INIT);

	/* A power of two is full: the next one is twice as large. */
	if (!(*nr & (*nr - 1))) {
		UserfaultfdRangeEntry **more =
		    arena_array(&d->arena, UserfaultfdRangeEntry *, *nr ? *nr * 2 : 1);

		for (size_t i = 0; i < *nr; i++)
			more[i] = (*list)[i];
		*list = more;
	}
	e->start = start;
	e->len = end - start;
	e->mode = mode;
	(*list)[(*nr)++] = e;
}

static int marks_find(struct dump *d, const struct userfault *u, const struct proc_vma *v)
{
	struct pagemap_regions marks = { 0 };
	int r = scan_protected(u->mm, v->start, v->end, &marks);

	for (size_t i = 0; i < marks.nr && r >= 0; i++)
		range_add(d, &u->e->write_protected, &u->e->n_write_protected, marks.v[i].start,
			  marks.v[i].end, 0);
	pagemap_regions_done(&marks);
	return r;
}

/* True when it stands in the way. */
static bool range_blocked(const struct task *t, const struct proc_vma *v)
{
	const char *why = NULL;

	if (v->vmflags & PROC_VMF(HT))
		why = "huge pages of hugetlbfs that are registered with a userfaultfd";
	else if (v->vmflags & PROC_VMF(UM) && v->vmflags & PROC_VMF(LO))
		why = "locked, and registered with a userfaultfd for missing pages";
	else if (feature_has(FEATURE_PAGEMAP_SCAN) <= 0)
		why = "registered with a userfaultfd, for which this needs Linux 6.7";
	if (why)
		blocker(NULL, "pid %d (%s): mapping %llx-%llx: %s, which cannot be kept yet",
			(int)t->pid, t->comm, (unsigned long long)v->start,
			(unsigned long long)v->end, why);
	return why;
}

static int range_find(struct dump *d, struct userfault *all, struct task *t, struct proc_vma *v)
{
	uint32_t mode = vma_userfault(v);

	for (struct userfault *u = all; u; u = u->next) {
		if (u->mm != t || range_register(u->fd, v->start, v->end - v->start, mode) < 0)
			continue;
		v->userfault_kept = true;
		if (range_blocked(t, v))
			return 0;
		range_add(d, &u->e->ranges, &u->e->n_ranges, v->start, v->end, mode);
		return v->vmflags & PROC_VMF(UW) ? marks_find(d, u, v) : 0;
	}
	return 0;
}

static int ranges_find(struct dump *d, struct userfault *all)
{
	struct task *t;

	tasks_for_each(t, &d->tree)
		for (size_t i = 0; i < t->vmas.nr; i++) {
			int r;

			if (!(t->vmas.v[i].vmflags & USERFAULT))
				continue;
			proc_vmas_own(&t->vmas);
			r = range_find(d, all, t, &t->vmas.v[i]);
			if (r < 0)
				return task_fail_at(r, t);
		}
	return 0;
}

/* --- what could not be found out -------------------------------------------------- */

/* Is it more than the task could make now? */
static bool may_have_all(const struct task *t)
{
	char text[8] = "";
	cleanup_close int fd = open(UNPRIVILEGED, O_RDONLY | O_CLOEXEC);

	return t->threads[0].status.cap_eff & 1ull << CAP_SYS_PTRACE ||
	       (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && text[0] == '1');
}

int userfaults_find(struct dump *d, struct userfault *all)
{
	struct asking a = { d, all, room_find(d) };
	struct task *t;

	if (!a.at)
		return fail_plain("userfaultfd: no room to try it in that is free in all tasks");
	tasks_for_each(t, &d->tree) {
		bool open = false;
		int r;

		for (const struct userfault *u = all; u; u = u->next)
			open = open || (!u->mm && is_initialized(u));
		r = open && task_is_alive(t) && t->inner ? ask_again(d, t, ask_task, &a) : 0;
		if (r < 0)
			return r;
	}
	for (struct userfault *u = all; u; u = u->next)
		if (u->mm && !can_be_tried(u))
			u->user_mode_only = !may_have_all(u->mm);
	return ranges_find(d, all);
}
