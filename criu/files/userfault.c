// SPDX-License-Identifier: GPL-2.0-only
/*
 * userfaultfd(2): whoever reads it is told of faults in ranges of one address space, that of who
 * has made it. fdinfo has the features; the rest is found out (userfault_find.c). Images:
 * images/userfaultfd.proto. Tests: test/zdtm/static/userfaultfd*.
 *
 * On the way back the task whose memory it is makes it, before any file is opened, and its holders
 * take it from there. Ranges are registered by the program, when all pages are in place: what was
 * missing is still missing. Then write protection comes back.
 *
 * A thread that has met a fault has been interrupted, and will meet it again: so what is not read
 * yet, or was read and is not answered yet, is told once more.
 */
#include "criu/files/userfault.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/files/fown.h"
#include "criu/files/holder.h"
#include "criu/files/kinds.h"
#include "criu/kernel/syscalls.h"
#include "criu/kernel/uapi.h"
#include "criu/mem/vma.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

static const char link_text[] = "anon_inode:[userfaultfd]";

static bool userfault_match(const struct fd_probe *p)
{
	return str_eq(p->link, link_text);
}

static bool may_be(const char *link, const void *ctx)
{
	(void)ctx;
	return str_eq(link, link_text);
}

static bool is_found(pid_t pid, const struct stat *st, void *ctx)
{
	for (struct userfault *u = ctx; u; u = u->next)
		if (u->dev == st->st_dev && u->ino == st->st_ino)
			u->outsider = pid;
	return false;
}

static int userfault_dump(struct dump *d, const struct fd_probe *p)
{
	struct userfault *u = arena_alloc(&d->arena, sizeof(*u));
	char name[64];

	u->dev = p->st.st_dev;
	u->ino = p->st.st_ino;
	u->e = arena_message(&d->arena, UserfaultfdEntry, USERFAULTFD_ENTRY__INIT);
	u->e->flags = fd_probe_flags(p);
	u->id = p->id;
	u->features = p->info.userfault_features;
	u->pending = p->info.userfault_pending;
	/* Nobody can be asked before that; whoever has it will hardly be another. */
	if (!(u->features & PROC_USERFAULT_API))
		u->mm = tree_find(&d->tree, p->to ? p->to->pid : p->task->pid);
	u->name = arena_strdup(&d->arena, fd_probe_name(p, name, sizeof(name)));
	u->next = d->userfaults;
	d->userfaults = u;
	u->fd = fcntl(p->lfd, F_DUPFD_CLOEXEC, 0);
	return u->fd < 0 ? fail(errno, "dup") : 0;
}

static int userfault_write(struct dump *d, struct userfault *u)
{
	FileEntry fe = FILE_ENTRY__INIT;
	ExtFileEntry ext = EXT_FILE_ENTRY__INIT;
	FownEntry fown;
	int r = fown_dump(u->fd, &fown);

	if (r < 0)
		return r;
	if (u->outsider)
		blocker("include that process in the tree",
			"%s: a userfaultfd that pid %d has open, too, which is not in the tree",
			u->name, (int)u->outsider);
	if (!u->mm) {
		blocker(NULL,
			"%s: a userfaultfd of a process that is not in the tree, or has ended",
			u->name);
		return 0;
	}
	u->e->pid = (uint32_t)u->mm->pid;
	u->e->has_features = u->features & PROC_USERFAULT_API;
	u->e->features = u->features & ~PROC_USERFAULT_API;
	u->e->user_mode_only = u->user_mode_only;
	ext.id = u->id;
	ext.fown = &fown;
	ext.userfaultfd = u->e;
	fe.type = FD_TYPES__EXT;
	fe.ext = &ext;
	return dump_file_write(d, u->id, &fe);
}

static int userfault_dump_end(struct dump *d)
{
	const struct holder_query others = { may_be, is_found, d->userfaults };
	int r = 0;

	if (d->userfaults) {
		holders_outside(d, &others);
		r = userfaults_find(d, d->userfaults);
	}
	for (struct userfault *u = d->userfaults; u; u = u->next) {
		if (r >= 0)
			r = fail_at(userfault_write(d, u), "%s", u->name);
		close(u->fd);
	}
	return r;
}

/* --- restore ------------------------------------------------------------------ */

struct userfault_file {
	struct file file;
	int slot; /* broker number */
	int fd; /* in the task that has made it */
	struct userfault_file *next;
};

static bool userfault_reads(const FileEntry *fe)
{
	return fe->ext && fe->ext->userfaultfd;
}

static int range_check(const UserfaultfdRangeEntry *e, uint32_t modes)
{
	if ((e->start | e->len) & PAGE_REST || !e->len || e->start >= TASK_END ||
	    e->len > TASK_END - e->start || e->mode & ~modes)
		return fail_plain("a userfaultfd with range %#llx, %#llx bytes, modes %#x",
				  (unsigned long long)e->start, (unsigned long long)e->len,
				  e->mode);
	return 0;
}

static int userfault_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct userfault_file *u = file_to(struct userfault_file, f);
	const UserfaultfdEntry *e = fe->ext->userfaultfd;
	int ret = 0;

	for (size_t i = 0; i < e->n_ranges && ret >= 0; i++)
		ret = range_check(e->ranges[i], UINT32_MAX);
	for (size_t i = 0; i < e->n_write_protected && ret >= 0; i++)
		ret = range_check(e->write_protected[i], 0);
	if (ret < 0)
		return ret;
	if (!tree_find(&r->tree, (pid_t)e->pid) ||
	    !task_is_alive(tree_find(&r->tree, (pid_t)e->pid)))
		return fail_plain("a userfaultfd of pid %u, which is not in the images", e->pid);
	r->make_rounds |= 1;
	u->next = r->userfaults;
	r->userfaults = u;
	u->slot = restore_add_broker(r);
	return u->slot < 0 ? u->slot : 0;
}

static int api_call(const UserfaultfdEntry *e, int fd)
{
	struct uffdio_api api = { .api = UFFD_API, .features = e->features };

	if (!e->has_features || ioctl(fd, UFFDIO_API, &api) == 0)
		return 0;
	return fail_hint(
	    fail(errno, "userfaultfd: features %#llx", (unsigned long long)e->features),
	    "this kernel may be older than the one that the dump was made on");
}

static const UserfaultfdEntry *entry_of(const struct userfault_file *u)
{
	return u->file.entry->ext->userfaultfd;
}

/* In the task whose memory it is. */
static int one_make(struct restore *r, struct userfault_file *u)
{
	const UserfaultfdEntry *e = entry_of(u);
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | (e->flags & O_NONBLOCK) |
						   (e->user_mode_only ? UFFD_USER_MODE_ONLY : 0));

	fd = fd < 0 ? fail(errno, "userfaultfd") : service_fd(r, fd);
	if (fd < 0)
		return fd;
	u->fd = fd;
	broker_give_from(r, u->slot, fd, getpid());
	return api_call(e, fd);
}

static int userfault_make(struct restore *r, const struct task *t, unsigned int round)
{
	for (struct userfault_file *u = r->userfaults; u && !round; u = u->next) {
		int ret = (pid_t)entry_of(u)->pid == t->pid ? one_make(r, u) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

static int userfault_open(struct restore *r, struct file *f)
{
	const ExtFileEntry *e = f->entry->ext;
	cleanup_close int fd = broker_take(r, file_to(struct userfault_file, f)->slot);
	int ret = fd < 0 ? fd : status_restore(fd, e->userfaultfd->flags, e->fown);

	return ret < 0 ? ret : take_fd(&fd);
}

/* --- in the program ------------------------------------------------------------- */

size_t userfaults_room(const struct restore *r, const struct task *t)
{
	size_t ops = 1;

	for (const struct userfault_file *u = r->userfaults; u; u = u->next)
		if ((pid_t)entry_of(u)->pid == t->pid)
			ops += entry_of(u)->n_ranges + entry_of(u)->n_write_protected;
	return ops * (sizeof(struct op) + sizeof(struct uffdio_register) + 16);
}

static void ranges_program(struct program *p, const struct userfault_file *u)
{
	const UserfaultfdEntry *e = entry_of(u);

	for (size_t i = 0; i < e->n_ranges; i++) {
		struct uffdio_register reg = {
			.range = { e->ranges[i]->start, e->ranges[i]->len },
			.mode = e->ranges[i]->mode,
		};

		PROGRAM_SYSCALL(p, OP_WHAT_USERFAULT, SYS_ioctl, (uint64_t)u->fd, UFFDIO_REGISTER,
				program_copy(p, &reg, sizeof(reg)));
	}
	for (size_t i = 0; i < e->n_write_protected; i++) {
		const UserfaultfdRangeEntry *w = e->write_protected[i];
		struct uffdio_writeprotect wp = {
			.range = { w->start, w->len },
			.mode = UFFDIO_WRITEPROTECT_MODE_WP,
		};

		PROGRAM_SYSCALL(p, OP_WHAT_USERFAULT, SYS_ioctl, (uint64_t)u->fd,
				UFFDIO_WRITEPROTECT, program_copy(p, &wp, sizeof(wp)));
	}
}

void userfaults_program(struct program *p, const struct restore *r, const struct task *t)
{
	const MmEntry *mm = t->restore->mm;

	for (const struct userfault_file *u = r->userfaults; u; u = u->next)
		if ((pid_t)entry_of(u)->pid == t->pid)
			ranges_program(p, u);
	if (mm_keeps_holes(mm) && !(mm->has_thp_disabled && mm->thp_disabled))
		PROGRAM_SYSCALL(p, OP_WHAT_PRCTL, SYS_prctl, PR_SET_THP_DISABLE, 0);
}

const struct file_kind userfault_kind = {
	.name = "userfaultfd",
	.type = FD_TYPES__EXT,
	.size = sizeof(struct userfault_file),
	.match = userfault_match,
	.dump = userfault_dump,
	.dump_end = userfault_dump_end,
	.reads = userfault_reads,
	.load = userfault_load,
	.make = userfault_make,
	.open = userfault_open,
};
