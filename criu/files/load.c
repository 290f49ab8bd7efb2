// SPDX-License-Identifier: GPL-2.0-only
/*
 * A description is opened by one task, its owner: the first in the tree that has it. It
 * opens it as the number it has there. The owner dups it for its other numbers; other
 * tables take it from the owner by pidfd_getfd(2), once all owners have opened theirs.
 */
#include "criu/files/load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/map.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/files/ghost.h"
#include "criu/files/given.h"
#include "criu/files/kinds.h"
#include "criu/files/lock.h"
#include "criu/files/memfd.h"
#include "criu/files/reg.h"
#include "criu/files/secretmem.h"
#include "criu/files/tty.h"
#include "criu/files/uring.h"
#include "criu/image/reader.h"
#include "criu/kernel/syscalls.h"
#include "criu/mem/vma.h"

#define FD_LIMIT 1048576u /* default of /proc/sys/fs/nr_open */

static const struct file_kind *kind_of_entry(const FileEntry *e)
{
	for (const struct file_kind *const *k = file_kinds; *k; k++)
		if ((*k)->type == e->type && (*k)->open && (!(*k)->reads || (*k)->reads(e)))
			return *k;
	return NULL;
}

static int by_id(const void *a, const void *b)
{
	const struct file *const *x = a, *const *y = b;

	return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static const char *type_name(FdTypes type)
{
	const ProtobufCEnumValue *v =
	    protobuf_c_enum_descriptor_get_value(&fd_types__descriptor, (int)type);

	return v ? v->name : "unknown";
}

static int file_add(struct restore *r, FileEntry *e, size_t *cap)
{
	const struct file_kind *kind = kind_of_entry(e);
	struct file *f;

	if (!kind) {
		blocker(NULL, "files.img: file %u is of type %s, which cannot be restored yet",
			e->id, type_name(e->type));
		return 0;
	}
	/* Kinds embed it as their first member. */
	f = arena_alloc(&r->arena, kind->size);
	f->kind = kind;
	f->id = e->id;
	f->entry = e;
	f->owner_fd = f->mapped_fd = f->arm_fd = f->late_fd = -1;
	*array_push(r->files, r->nr_files, *cap) = f;
	return 0;
}

static int files_read(struct restore *r)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	size_t cap = 0;
	int ret = image_reader_open(r->s->images, IMAGE_FILES, 0, &img);

	if (ret <= 0)
		return ret;
	while ((ret = image_read_from(img, r->messages, &m)) > 0) {
		ret = file_add(r, (FileEntry *)m, &cap);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	if (ret >= 0)
		ret = blockers_fail();
	if (ret < 0)
		return ret;
	qsort(r->files, r->nr_files, sizeof(*r->files), by_id);
	for (size_t i = 1; i < r->nr_files; i++)
		if (r->files[i]->id == r->files[i - 1]->id)
			return fail_plain("files.img: file %u twice", r->files[i]->id);
	return 0;
}

static int slot_load(struct restore *r, struct task *t, const FdinfoEntry *e, struct fd_slot *slot)
{
	struct file *f = restore_find_file(r, e->id);

	if (e->fd >= FD_LIMIT)
		return fail_plain("descriptor number %u", e->fd);
	if (!f)
		return fail_plain("fd %u: files.img has no file %u", e->fd, e->id);
	if (e->type != f->entry->type)
		return fail_plain("fd %u: is of type %s, its file %u of %s", e->fd,
				  type_name(e->type), e->id, type_name(f->entry->type));
	*slot = (struct fd_slot){ (int)e->fd, e->flags & FD_CLOEXEC, f };
	if (!f->owner) {
		f->owner = t;
		f->owner_fd = (int)e->fd;
	}
	return 0;
}

static int by_fd(const void *a, const void *b)
{
	const struct fd_slot *x = a, *y = b;

	return (x->fd > y->fd) - (x->fd < y->fd);
}

static int table_load(struct restore *r, struct task *t)
{
	struct task_restore *tr = t->restore;
	struct image_reader *img;
	ProtobufCMessage *m;
	size_t cap = 0;
	int ret = image_reader_open(r->s->images, IMAGE_FDINFO, t->ids.files, &img);

	tr->fdtable = t;
	if (ret <= 0)
		return ret;
	while ((ret = image_read(img, &m)) > 0) {
		struct fd_slot *slot = array_push(tr->slots, tr->nr_slots, cap);

		ret = slot_load(r, t, (const FdinfoEntry *)m, slot);
		protobuf_c_message_free_unpacked(m, NULL);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	if (ret < 0)
		return fail_at(ret, "fdinfo-%u.img", t->ids.files);
	qsort(tr->slots, tr->nr_slots, sizeof(*tr->slots), by_fd);
	for (size_t i = 1; i < tr->nr_slots; i++)
		if (tr->slots[i].fd == tr->slots[i - 1].fd)
			return fail_plain("fdinfo-%u.img: fd %d twice", t->ids.files,
					  tr->slots[i].fd);
	return 0;
}

/* A table is loaded for the first that has it. */
static int tables_load(struct restore *r)
{
	struct map first = { 0 };
	struct task *t;
	int ret = 0;

	tasks_for_each(t, &r->tree) {
		if (!task_is_alive(t))
			continue;
		t->restore->fdtable = map_get(&first, t->ids.files);
		if (t->restore->fdtable)
			continue;
		map_put(&first, t->ids.files, t);
		ret = table_load(r, t);
		if (ret < 0)
			break;
	}
	map_done(&first);
	return ret < 0 ? task_fail_at(ret, t) : 0;
}

void file_hide(struct restore *r, struct file *f, struct task *t)
{
	struct task_restore *tr = t->restore;

	if (!r->hidden_base)
		r->hidden_base = r->hidden_next = files_first_free(r);
	f->owner = t;
	f->owner_fd = r->hidden_next++;
	tr->slots = mem_realloc(tr->slots, tr->nr_slots + 1, sizeof(*tr->slots));
	tr->slots[tr->nr_slots++] = (struct fd_slot){ f->owner_fd, true, f };
}

/* Who needs a file that is behind no descriptor, for a message. */
static int user_fail_at(int ret, const struct restore *r, uint32_t id)
{
	struct task *t;

	tasks_for_each(t, &r->tree) {
		const struct task_restore *tr = t->restore;

		if (!tr->mm || !tr->fs)
			continue;
		if (tr->fs->cwd_id == id || tr->fs->root_id == id)
			return task_fail_at(fail_at(ret, tr->fs->cwd_id == id ? "cwd" : "root"), t);
		if (tr->mm->exe_file_id == id)
			return task_fail_at(fail_at(ret, "executable"), t);
		for (size_t i = 0; i < tr->mm->n_vmas; i++) {
			const VmaEntry *v = tr->mm->vmas[i];

			if (v->shmid == id && v->status & (VMA_FILE_PRIVATE | VMA_FILE_SHARED))
				return task_fail_at(fail_at(ret, "mapping %llx-%llx",
							    (unsigned long long)v->start,
							    (unsigned long long)v->end),
						    t);
		}
	}
	return fail_at(ret, "file %u", id);
}

static int file_load(struct restore *r, struct file *f)
{
	int ret = f->kind->load ? f->kind->load(r, f->entry, f) : 0;

	if (ret >= 0)
		return ret;
	if (f->owner)
		return task_fail_at(fail_at(ret, "fd %d", f->owner_fd), f->owner);
	return user_fail_at(ret, r, f->id);
}

/* Errors of files do not depend on each other: all are told. */
struct file_errors {
	char **text;
	size_t nr, cap;
};

static void file_error_keep(struct file_errors *e)
{
	*array_push(e->text, e->nr, e->cap) = mem_strdup(error_bare_text());
	error_reset();
}

static int file_errors_fail(struct file_errors *e)
{
	int ret = 0;

	if (e->nr == 1)
		ret = error_adopt(-EINVAL, e->text[0]);
	for (size_t i = 0; i < e->nr; i++) {
		char *hint = strstr(e->text[i], "\n  ");

		if (hint)
			*hint = '\0';
		if (e->nr > 1)
			blocker(hint ? hint + 3 : NULL, "%s", e->text[i]);
		free(e->text[i]);
	}
	free(e->text);
	return ret < 0 ? ret : blockers_fail();
}

/* A function of all kinds that have it, until one returns less than 0. */
#define each_kind(function, ...)                                                                   \
	({                                                                                         \
		int each_ret = 0;                                                                  \
		for (const struct file_kind *const *k = file_kinds; *k && each_ret >= 0; k++)      \
			if ((*k)->function)                                                        \
				each_ret = (*k)->function(__VA_ARGS__);                            \
		each_ret;                                                                          \
	})

int files_load(struct restore *r)
{
	struct file_errors errors = { 0 };
	int ret = files_read(r);

	if (ret >= 0)
		ret = ghosts_load(r);
	if (ret >= 0)
		ret = memfds_load(r);
	if (ret >= 0)
		ret = given_load(r);
	if (ret >= 0)
		ret = tables_load(r);
	if (ret >= 0)
		ret = each_kind(adopt, r);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < r->nr_files; i++)
		if (file_load(r, r->files[i]) < 0)
			file_error_keep(&errors);
	ret = file_errors_fail(&errors);
	if (ret >= 0)
		ret = each_kind(load_end, r);
	if (ret >= 0)
		ret = ttys_load(r);
	return ret < 0 ? ret : locks_load(r);
}

static bool task_opens(const struct restore *r, const struct task *t)
{
	const struct task_restore *tr = t->restore;

	if (r->make_rounds || r->nr_ttys || tr->fdtable != t)
		return true;
	for (size_t i = 0; i < tr->nr_slots; i++)
		if (tr->slots[i].file->owner == t)
			return true;
	return false;
}

static bool is_connected(const struct restore *r, const struct file *f)
{
	const struct file_kind *k = f->kind;

	return k->connect || k->watch || k->connected || f->is_late ||
	       f->owner_fd >= r->hidden_base;
}

/* To take what others have open, all that is needed is that they have. */
void files_stages(struct restore *r)
{
	bool connects = r->make_rounds || r->nr_ttys || r->userfaults || r->urings;
	struct task *t;

	for (size_t i = 0; i < r->nr_files; i++)
		connects |= r->files[i]->owner && is_connected(r, r->files[i]);
	tasks_for_each(t, &r->tree) {
		if (!task_is_alive(t))
			continue;
		t->restore->opens = task_opens(r, t);
		connects |= t->restore->nr_locks || t->restore->fdtable != t;
	}
	r->has_connect = connects;
}

int files_first_free(const struct restore *r)
{
	int first = 3;

	for (size_t i = 0; i < r->tree.nr; i++) {
		const struct task_restore *tr = r->tree.tasks[i]->restore;

		if (tr->nr_slots && tr->slots[tr->nr_slots - 1].fd >= first)
			first = tr->slots[tr->nr_slots - 1].fd + 1;
	}
	return first;
}

int files_create(struct restore *r)
{
	int ret = each_kind(create_all, r);

	for (size_t i = 0; i < r->nr_files && ret >= 0; i++) {
		struct file *f = r->files[i];

		ret = f->owner && f->kind->create ? f->kind->create(r, f) : 0;

		if (ret < 0)
			return task_fail_at(fail_at(ret, "fd %d", f->owner_fd), f->owner);
	}
	return ret;
}

int files_make(struct restore *r, const struct task *t, unsigned int round)
{
	return each_kind(make, r, t, round);
}

int files_made(struct restore *r, unsigned int round)
{
	return each_kind(made, r, round);
}

void files_undo(struct restore *r)
{
	for (const struct file_kind *const *k = file_kinds; *k; k++)
		if ((*k)->undo)
			(*k)->undo(r);
}

static int hidden_keep(struct file *f)
{
	cleanup_close int pidfd = sys_pidfd_open(f->owner->pid, 0);
	int fd;

	if (pidfd < 0)
		return fail(-pidfd, "pidfd_open");
	fd = sys_pidfd_getfd(pidfd, f->owner_fd);
	if (fd < 0)
		return fail(-fd, "pidfd_getfd");
	f->arm_fd = fd;
	return 0;
}

int files_connected(struct restore *r)
{
	int ret = each_kind(connected, r);

	for (size_t i = 0; i < r->nr_files && ret >= 0; i++) {
		struct file *f = r->files[i];
		bool hidden = f->owner_fd >= r->hidden_base;

		ret = hidden && f->kind->arm ? hidden_keep(f) : 0;

		if (ret < 0)
			return task_fail_at(fail_at(ret, "in flight"), f->owner);
	}
	return ret;
}

void files_create_done(struct restore *r)
{
	for (size_t i = 0; i < r->nr_brokers; i++) {
		if (r->brokers[i].fd >= 0 && !r->brokers[i].pid)
			close(r->brokers[i].fd);
		r->brokers[i].fd = -1;
	}
	given_done(r);
}

/* fd becomes number `to`. */
static int fd_place(int fd, int to, bool cloexec)
{
	if (fd == to) {
		if (fcntl(fd, F_SETFD, cloexec ? FD_CLOEXEC : 0) < 0)
			return fail(errno, "F_SETFD");
		return 0;
	}
	if (dup3(fd, to, cloexec ? O_CLOEXEC : 0) < 0)
		return fail(errno, "dup to %d", to);
	close(fd);
	return 0;
}

/*
 * New descriptors get the lowest number that is free. Where that is a small hole in the table,
 * everything above it would have to be moved to its own number, each by two calls: so the hole is
 * filled meanwhile.
 */
struct plugs {
	int next; /* all below is in use */
	int *fds;
	size_t nr, cap;
};

#define HOLE_MAX 64

static int hole_plug(const struct restore *r, struct plugs *p, int fd)
{
	if (fd - p->next > HOLE_MAX)
		return 0;
	for (; p->next < fd; p->next++) {
		int plug = dup3(r->crtool_pidfd, p->next, O_CLOEXEC);

		if (plug < 0)
			return fail(errno, "dup to %d", p->next);
		*array_push(p->fds, p->nr, p->cap) = plug;
	}
	p->next = fd + 1;
	return 0;
}

static void holes_open(struct plugs *p)
{
	for (size_t i = 0; i < p->nr; i++)
		close(p->fds[i]);
	free(p->fds);
}

/* --- files that are about threads ----------------------------------------------- */

int files_late_reserve(struct restore *r)
{
	for (size_t i = 0; i < r->nr_files; i++) {
		struct file *f = r->files[i];

		if (!f->is_late || !f->owner)
			continue;
		f->late_fd = service_fd(r, fcntl(r->crtool_pidfd, F_DUPFD_CLOEXEC, 0));
		if (f->late_fd < 0)
			return f->late_fd;
		r->has_late = true;
	}
	return 0;
}

static int late_open(struct restore *r, struct file *f)
{
	cleanup_close int fd = f->kind->late(r, f);

	if (fd < 0)
		return fd;
	return dup3(fd, f->late_fd, O_CLOEXEC) < 0 ? fail(errno, "dup to %d", f->late_fd) : 0;
}

int files_late(struct restore *r)
{
	for (size_t i = 0; i < r->nr_files; i++) {
		struct file *f = r->files[i];
		int ret = f->late_fd >= 0 ? late_open(r, f) : 0;

		if (ret < 0)
			return task_fail_at(fail_at(ret, "fd %d", f->owner_fd), f->owner);
	}
	return 0;
}

static int stand_in(const struct restore *r)
{
	int fd = fcntl(r->crtool_pidfd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? fail(errno, "dup of a pidfd") : fd;
}

static int slots_open(struct restore *r, struct task *t, struct plugs *p)
{
	struct task_restore *tr = t->restore;

	for (size_t i = 0; i < tr->nr_slots; i++) {
		struct fd_slot *s = &tr->slots[i];
		int fd, ret;

		if (s->file->owner != t || s->file->owner_fd != s->fd)
			continue;
		ret = hole_plug(r, p, s->fd);
		if (ret < 0)
			return ret;
		fd = s->file->is_late ? stand_in(r) : s->file->kind->open(r, s->file);
		ret = fd < 0 ? fd : fd_place(fd, s->fd, s->cloexec);
		if (ret < 0)
			return fail_at(ret, "fd %d", s->fd);
	}
	return 0;
}

int files_open(struct restore *r, struct task *t)
{
	struct plugs plugs = { 0 };
	int ret = slots_open(r, t, &plugs);

	holes_open(&plugs);
	return ret;
}

/* A pidfd of the owner, out of the way of what is still to come; kept for the next slot. */
static int owner_pidfd(const struct restore *r, const struct task *owner, int *pidfd,
		       const struct task **whose)
{
	int fd;

	if (*whose == owner)
		return *pidfd;
	if (*pidfd >= 0)
		close(*pidfd);
	*pidfd = -1;
	*whose = NULL;
	fd = sys_pidfd_open(owner->pid, 0);
	if (fd < 0)
		return fail(-fd, "pidfd_open of pid %d", (int)owner->pid);
	*pidfd = service_fd(r, fd);
	if (*pidfd >= 0)
		*whose = owner;
	return *pidfd;
}

int file_take(const struct restore *r, const struct task *t, const struct file *f)
{
	cleanup_close int pidfd = -1;
	int fd;

	if (f->owner == t) {
		fd = fcntl(f->owner_fd, F_DUPFD_CLOEXEC, r->service_base);
		return fd < 0 ? fail(errno, "dup of fd %d", f->owner_fd) : fd;
	}
	pidfd = sys_pidfd_open(f->owner->pid, 0);
	if (pidfd < 0)
		return fail(-pidfd, "pidfd_open of pid %d", (int)f->owner->pid);
	fd = sys_pidfd_getfd(pidfd, f->owner_fd);
	return fd < 0 ? fail(-fd, "take fd %d of pid %d", f->owner_fd, (int)f->owner->pid)
		      : service_fd(r, fd);
}

static int slot_share(const struct restore *r, struct task *t, const struct fd_slot *s, int *pidfd,
		      const struct task **whose)
{
	const struct file *f = s->file;
	int fd, ret;

	if (f->owner == t)
		return dup3(f->owner_fd, s->fd, s->cloexec ? O_CLOEXEC : 0) < 0
			   ? fail(errno, "dup of fd %d", f->owner_fd)
			   : 0;
	ret = owner_pidfd(r, f->owner, pidfd, whose);
	if (ret < 0)
		return ret;
	fd = sys_pidfd_getfd(*pidfd, f->owner_fd);
	if (fd < 0)
		return fail(-fd, "take fd %d of pid %d", f->owner_fd, (int)f->owner->pid);
	return fd_place(fd, s->fd, s->cloexec);
}

int files_connect(struct restore *r, struct task *t)
{
	struct task_restore *tr = t->restore;
	const struct task *whose = NULL;
	cleanup_close int pidfd = -1;

	for (size_t i = 0; i < tr->nr_slots; i++) {
		const struct fd_slot *s = &tr->slots[i];
		bool own = s->file->owner == t && s->file->owner_fd == s->fd;
		int ret = 0;

		if (!own) {
			ret = slot_share(r, t, s, &pidfd, &whose);
		} else if (s->file->kind->connect && !s->file->is_late) {
			ret = s->file->kind->connect(r, s->file, s->fd);
		}
		if (ret < 0)
			return fail_at(ret, "fd %d", s->fd);
	}
	return 0;
}

int files_watch(struct restore *r, struct task *t)
{
	struct task_restore *tr = t->restore;

	for (size_t i = 0; i < tr->nr_slots; i++) {
		const struct fd_slot *s = &tr->slots[i];
		struct file *f = s->file;
		int ret = 0;

		if (f->kind->watch && !f->is_late && f->owner == t && f->owner_fd == s->fd)
			ret = f->kind->watch(r, f, s->fd);
		if (ret < 0)
			return fail_at(ret, "fd %d", s->fd);
	}
	return 0;
}

static int file_arm(struct restore *r, struct file *f)
{
	cleanup_close int pidfd = -1, fd = f->arm_fd;

	if (fd >= 0)
		return f->kind->arm(r, f, fd);
	pidfd = sys_pidfd_open(f->owner->pid, 0);
	if (pidfd < 0)
		return fail(-pidfd, "pidfd_open");
	fd = sys_pidfd_getfd(pidfd, f->owner_fd);
	return fd < 0 ? fail(-fd, "pidfd_getfd") : f->kind->arm(r, f, fd);
}

int files_arm(struct restore *r)
{
	int ret = memfds_arm(r);

	if (ret >= 0)
		ret = leases_arm(r);
	for (size_t i = 0; i < r->nr_files && ret >= 0; i++) {
		struct file *f = r->files[i];

		ret = f->kind->arm && f->owner_fd >= 0 ? file_arm(r, f) : 0;
		if (ret < 0)
			return task_fail_at(fail_at(ret, "fd %d", f->owner_fd), f->owner);
	}
	return ret;
}

int mapped_file_fd(const struct restore *r, uint32_t id, uint32_t flags)
{
	const struct file *f = restore_find_file(r, id);

	return f && (flags & O_ACCMODE) == O_RDONLY ? f->mapped_fd : -1;
}

int mapped_file_open(struct restore *r, uint32_t id, uint32_t flags)
{
	struct file *f = restore_find_file(r, id);
	int fd = mapped_file_fd(r, id, flags);
	const RegFileEntry *e;

	if (fd >= 0)
		return fd;
	if (f && f->kind->type == FD_TYPES__PACKETSK && f->owner_fd >= 0)
		return file_take(r, NULL, f);
	if (f && f->kind == &given_kind) {
		fd = given_open_mapped(r, f);
	} else if (f && f->kind == &memfd_kind) {
		fd = memfd_open_mapped(r, f, flags & O_ACCMODE);
	} else if (f && f->kind == &secretmem_kind) {
		fd = secretmem_open_mapped(f);
	} else if (f && f->kind == &uring_kind && f->owner) {
		return file_take(r, NULL, f);
	} else {
		fd = reg_find(r, id, &e);
		if (fd >= 0)
			fd = reg_open(r, e, flags & O_ACCMODE);
	}
	return fd < 0 ? fd : service_fd(r, fd);
}

/* For reading only: whoever writes has the file open by itself. */
static int file_is_mapped(struct restore *r, const struct task *t, uint32_t id)
{
	struct file *f = restore_find_file(r, id);
	int fd;

	if (!f || f->mapped_fd >= 0 || f->mapped_by == t)
		return 0;
	if (!f->mapped_by) {
		f->mapped_by = t;
		return 0;
	}
	fd = mapped_file_open(r, id, O_RDONLY);
	if (fd < 0)
		return task_fail_at(fd, t);
	f->mapped_fd = fd;
	return 0;
}

int files_open_mapped(struct restore *r)
{
	struct task *t;
	int made = ghosts_make(r);

	if (made >= 0)
		made = memfds_make(r);
	if (made >= 0)
		made = secretmems_make(r);
	if (made < 0)
		return made;
	tasks_for_each(t, &r->tree) {
		const MmEntry *mm = task_is_alive(t) ? t->restore->mm : NULL;
		int ret = mm ? file_is_mapped(r, t, mm->exe_file_id) : 0;

		for (size_t i = 0; mm && i < mm->n_vmas && ret >= 0; i++)
			if (vma_is_file(mm->vmas[i]) &&
			    (mm->vmas[i]->fdflags & O_ACCMODE) == O_RDONLY)
				ret = file_is_mapped(r, t, (uint32_t)mm->vmas[i]->shmid);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* Where a directory is found: path is for one that has no name. */
static const char *place_of(const struct restore *r, const RegFileEntry *e, char *path, size_t size)
{
	const struct ghost *g = ghost_of(r, e->id);

	if (!g)
		return e->name;
	ghost_path(g, path, size);
	return path;
}

int fs_restore(struct restore *r, const struct task *t)
{
	const FsEntry *fs = t->restore->fs;
	const RegFileEntry *root, *cwd;
	cleanup_close int dir = -1;
	char path[32];
	int ret;

	/* CLONE_FS: the first one has done it. */
	if (t->shared[SHARE_FS].with)
		return 0;
	ret = reg_find(r, fs->cwd_id, &cwd);
	if (ret >= 0)
		ret = reg_find(r, fs->root_id, &root);
	if (ret < 0)
		return ret;
	dir = open(place_of(r, cwd, path, sizeof(path)), O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return fail(errno, "working directory %s", cwd->name);
	if (!str_eq(root->name, "/") && chroot(place_of(r, root, path, sizeof(path))) < 0)
		return fail(errno, "chroot to %s", root->name);
	if (fchdir(dir) < 0)
		return fail(errno, "working directory %s", cwd->name);
	if (fs->has_umask)
		umask(fs->umask);
	return 0;
}
