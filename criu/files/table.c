// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/table.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/base/str.h"
#include "criu/core/file.h"
#include "criu/files/ghost.h"
#include "criu/files/given.h"
#include "criu/files/linkremap.h"
#include "criu/files/lock.h"
#include "criu/files/look.h"
#include "criu/files/memfd.h"
#include "criu/files/tty.h"
#include "criu/image/writer.h"
#include "criu/kernel/kcmp.h"
#include "criu/kernel/procview.h"
#include "criu/kernel/syscalls.h"
#include "criu/task/forkplan.h"
#include "criu/task/forkshare.h"

#define LINK_MAX_BYTES 4096
#define OWN_FDS        1024 /* that crtool has open at a time, but for those of the tree */

/* What tasks may share. One comparison with kcmp(2) takes a microsecond, and to find a task's
 * place among a thousand takes ten: each kind has a processor of its own. */
static const int shared_kinds[] = { KCMP_VM, KCMP_FILES, KCMP_FS };

struct sharing {
	struct dump *d;
	struct ident ident[ARRAY_SIZE(shared_kinds)];
	struct map map[ARRAY_SIZE(shared_kinds)]; /* ids by address in the kernel */
};

static uint32_t *id_of(struct task *t, size_t kind)
{
	uint32_t *ids[ARRAY_SIZE(shared_kinds)] = { &t->ids.vm, &t->ids.files, &t->ids.fs };

	return ids[kind];
}

static uint64_t object_of(const struct view_thread *t, size_t kind)
{
	const uint64_t objects[ARRAY_SIZE(shared_kinds)] = { t->mm, t->files, t->fs };

	return objects[kind];
}

/* All tasks are in the view, or none: what it shows of the frozen tree cannot change. */
static int sharing_get(struct sharing *s, size_t kind, pid_t tid, uint32_t *ret)
{
	const struct view_thread *t = s->d->has_view ? taskview_find(&s->d->view, tid) : NULL;
	uintptr_t id;

	if (!t)
		return ident_get(&s->ident[kind], shared_kinds[kind], tid, 0, ret);
	id = (uintptr_t)map_get(&s->map[kind], object_of(t, kind));
	if (!id) {
		id = ++s->ident[kind].last;
		map_put(&s->map[kind], object_of(t, kind), (void *)id);
	}
	*ret = (uint32_t)id;
	return 0;
}

static int sharing_find(void *ctx, size_t kind, unsigned int worker)
{
	struct sharing *s = ctx;
	struct task *t;

	(void)worker;
	s->ident[kind].last = 1; /* crtool's own in the inventory */
	tasks_for_each(t, &s->d->tree) {
		int r = task_is_alive(t) ? sharing_get(s, kind, task_tid(t), id_of(t, kind)) : 0;

		if (r < 0)
			return task_fail_at(r, t);
	}
	return 0;
}

static pid_t first_with_memory(const struct dump *d, uint32_t vm)
{
	const struct task *t;

	tasks_for_each(t, &d->tree) {
		if (t->ids.vm == vm)
			return t->pid;
	}
	return 0;
}

/* Who shares without being an ancestor or a descendant cannot be known. */
static void block_vfork_child(const struct task *root)
{
	int order;

	if (kcmp_order(task_tid(root), root->ppid, KCMP_VM, 0, 0, &order) >= 0 && !order)
		blocker(NULL,
			"pid %d (%s): shares its memory with pid %d, which is not in the tree",
			(int)root->pid, root->comm, (int)root->ppid);
}

/* Whether the restore will find an order to fork them in, where that is not plain. */
static void forks_judge(struct dump *d)
{
	struct fork_plan plan = { 0 };
	bool is_plain = true;
	struct task *t;

	tasks_for_each(t, &d->tree)
		is_plain &= t->sid == t->pid || !t->parent || t->sid == t->parent->sid;
	fork_shares_plan(&d->tree, blocker_from_error);
	tasks_for_each(t, &d->tree)
		is_plain &= !t->forker && !fork_share_leaves(t);
	if (is_plain || blockers_count())
		return;
	if (fork_plan_make(&d->arena, &d->tree, &plan) < 0)
		blocker_from_error();
	fork_plan_done(&plan);
}

static void sharing_judge(struct dump *d)
{
	uint32_t last_vm = 1, next_sighand = 1;
	struct task *t;

	block_vfork_child(d->tree.tasks[0]);

	tasks_for_each(t, &d->tree) {
		if (!task_is_alive(t))
			continue;
		/* Handlers are shared only by those that share memory (CLONE_SIGHAND). */
		t->ids.sighand = ++next_sighand;
		/* Ids ascend in the order of tasks. */
		if (t->ids.vm > last_vm)
			last_vm = t->ids.vm;
		else
			blocker(NULL,
				"pid %d (%s): shares its memory with pid %d (vfork or CLONE_VM), "
				"which cannot be kept yet",
				(int)t->pid, t->comm, (int)first_with_memory(d, t->ids.vm));
	}
	forks_judge(d);
}

int ids_dump(struct dump *d)
{
	struct sharing s = { .d = d };
	int r = parallel_large(ARRAY_SIZE(shared_kinds), sharing_find, &s);

	for (size_t i = 0; i < ARRAY_SIZE(shared_kinds); i++) {
		ident_done(&s.ident[i]);
		map_done(&s.map[i]);
	}
	if (r >= 0)
		sharing_judge(d);
	return r;
}

static const struct file_kind *kind_of(const struct dump *d, const struct fd_probe *p)
{
	const struct file_kind *const *k = file_kinds;

	if (external_file_is(d, p))
		return &given_kind;
	while (!(*k)->match(p))
		k++;
	return *k;
}

/* What the link of a pipe or a socket, of which there may be thousands, looks like is known:
 * fs/pipe.c, net/socket.c. */
static int link_find(struct dump *d, const struct fd_probe *p, int proc, char *buf, size_t size)
{
	int r;

	if (S_ISFIFO(p->st.st_mode) && d->pipe_dev == p->st.st_dev) {
		snprintf(buf, size, "pipe:[%llu]", (unsigned long long)p->st.st_ino);
		return 0;
	}
	if (S_ISSOCK(p->st.st_mode) && d->socket_dev == p->st.st_dev) {
		snprintf(buf, size, "socket:[%llu]", (unsigned long long)p->st.st_ino);
		return 0;
	}
	r = proc_fd_link(proc, p->fd, buf, size);
	if (r < 0)
		return fail(-r, "read the link");
	if (str_starts(buf, "pipe:["))
		d->pipe_dev = p->st.st_dev;
	if (str_starts(buf, "socket:["))
		d->socket_dev = p->st.st_dev;
	return 0;
}

/* A name of a socket that was opened by O_PATH is none. */
static int family_find(const struct fd_probe *p)
{
	int family = -1;
	socklen_t len = sizeof(family);

	if (!S_ISSOCK(p->st.st_mode) ||
	    getsockopt(p->lfd, SOL_SOCKET, SO_DOMAIN, &family, &len) < 0)
		return -1;
	return family;
}

/* seen->link is known already, or NULL. */
static int description_dump(struct dump *d, const struct fd_probe *seen, int proc, int *ret_type)
{
	struct fd_probe p = *seen;
	char link[LINK_MAX_BYTES];
	const struct file_kind *kind;
	int r = p.link ? 0 : link_find(d, &p, proc, link, sizeof(link));

	if (r < 0)
		return r;
	if (!p.link)
		p.link = link;
	if (p.family < 0)
		p.family = family_find(&p);
	kind = kind_of(d, &p);
	*ret_type = (int)kind->type;
	r = kind->dump(d, &p);
	/* Somebody outside of the tree has given the file another name meanwhile. */
	if (r == -ESTALE && p.link_is_old) {
		p.link_is_old = p.link_leads = false;
		p.link = link;
		r = link_find(d, &p, proc, link, sizeof(link));
		if (r >= 0)
			r = kind->dump(d, &p);
	}
	return r < 0 ? fail_at(r, "%s", p.link) : 0;
}

/* Where the type of a description is remembered for the descriptors that share it. */
static int *type_of(struct dump *d, uint32_t id)
{
	while (d->nr_types <= id)
		*array_push(d->types, d->nr_types, d->cap_types) = 0;
	return &d->types[id];
}

/* Most descriptors of a process are those that its parent has under the same number. */
static bool has_same_file(const struct dump *d, const struct task *a, const struct task *b, int fd)
{
	int order = 1, same = taskview_same_file(&d->view, a->pid, b->pid, fd);

	if (same >= 0)
		return same;
	return kcmp_file(task_tid(a), fd, task_tid(b), fd, &order) >= 0 && order == 0;
}

static uint32_t id_from_parent(const struct dump *d, const struct task *t, int fd)
{
	const struct task *up = t->parent;
	size_t lo = 0, hi = up && up->fd_ids ? up->fds.nr : 0;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (up->fds.v[mid] == fd)
			return has_same_file(d, t, up, fd) ? up->fd_ids[mid] : 0;
		if (up->fds.v[mid] < fd)
			lo = mid + 1;
		else
			hi = mid;
	}
	return 0;
}

/* Files without an inode of their own have all the same; but eventfds are numbered. */
static uint64_t key_of(const struct fd_probe *p)
{
	uint64_t key = p->st.st_ino;

	if (p->info.has_eventfd && p->info.eventfd_id >= 0)
		key |= ((uint64_t)p->info.eventfd_id + 1) << 32;
	return key;
}

static int file_id(struct dump *d, const struct fd_probe *p, pid_t pid, uint64_t address,
		   uint32_t *ret)
{
	const struct ident_file f = {
		.dev = p->st.st_dev,
		.ino = key_of(p),
		.address = address,
		.pid = pid,
		.fd = p->fd,
	};

	return ident_set_get(&d->files, &f, ret);
}

/* --- a table ---------------------------------------------------------------------- */

/* The lines of these are read one by one, from the buffer of the dump. */
static bool has_lines(const struct proc_fdinfo *i)
{
	return i->nr_locks || i->nr_epoll || i->nr_inotify || i->nr_fanotify;
}

static int fd_identify(struct dump *d, const struct table *tb, const struct look *l,
		       uint32_t *ret_id)
{
	struct fd_probe p = {
		.task = tb->task,
		.fd = l->fd,
		.lfd = l->lfd,
		.pidfd = tb->pidfd,
		.st = l->st,
		.info = l->info,
		.link = l->link[0] ? l->link : NULL,
		.family = l->family,
		.link_is_old = l->link_is_old,
		.link_leads = l->link_leads,
		.pipe = l->pipe,
		.no_locks = !l->info_is_read,
		.no_owner = l->seen && !l->seen->owner,
	};
	int r = has_lines(&l->info) ? proc_fdinfo_read(tb->proc, l->fd, &d->buf, &p.info) : 0;
	bool is_new;

	if (r < 0)
		return fail(-r, "read fdinfo");
	r = file_id(d, &p, task_tid(tb->task), l->seen ? l->seen->file : 0, &p.id);
	*ret_id = p.id;
	if (r < 0)
		return r;
	is_new = r > 0;
	r = locks_note(d, &p, is_new);
	return r < 0 || !is_new ? r : description_dump(d, &p, tb->proc, type_of(d, p.id));
}

/* Those that nobody has but a queue stay open: later ones are compared with them. */
struct flights {
	struct task self; /* crtool, whose descriptors they are */
	int proc;
	int *fds;
	size_t nr, cap;
};

static int flights_open(struct dump *d)
{
	struct flights *f;

	if (d->flights)
		return 0;
	f = arena_alloc(&d->arena, sizeof(*f));
	f->self = (struct task){ .pid = getpid(), .comm = "crtool" };
	f->proc = proc_open(getpid());
	if (f->proc < 0)
		return fail(-f->proc, "open /proc/self");
	d->flights = f;
	io_fds_unlimited();
	return 0;
}

void flights_done(struct dump *d)
{
	struct flights *f = d->flights;

	if (!f)
		return;
	for (size_t i = 0; i < f->nr; i++)
		close(f->fds[i]);
	free(f->fds);
	close(f->proc);
}

int flight_dump(struct dump *d, const struct task *t, int fd, int lfd, uint32_t *ret_id)
{
	cleanup_close int mine = lfd;
	int r = flights_open(d);
	struct fd_probe p = {
		.fd = lfd, .lfd = lfd, .pidfd = -1, .to = t, .to_fd = fd, .family = -1
	};
	char name[64];

	if (r < 0)
		return r;
	p.task = &d->flights->self;
	r = proc_fdinfo_read(d->flights->proc, lfd, &d->buf, &p.info);
	if (r < 0)
		return fail(-r, "read fdinfo");
	if (fstat(lfd, &p.st) < 0)
		return fail(errno, "stat");
	r = file_id(d, &p, getpid(), 0, &p.id);
	*ret_id = p.id;
	/* Queues are filled before it is there. */
	if (r == 0 && map_get(&d->late_files, p.id))
		blocker(NULL, "%s: a file that is about a thread, which cannot be kept there",
			fd_probe_name(&p, name, sizeof(name)));
	if (r <= 0)
		return r;
	*array_push(d->flights->fds, d->flights->nr, d->flights->cap) = take_fd(&mine);
	if (p.info.nr_locks)
		blocker(NULL, "%s: a file with a lock or a lease, which cannot be kept there",
			fd_probe_name(&p, name, sizeof(name)));
	return fail_at(description_dump(d, &p, d->flights->proc, type_of(d, p.id)), "in flight");
}

/* Those of tasks->fds that stand from `from` on, before `to`. */
static int fds_dump(struct dump *d, struct looks *l, size_t from, size_t to)
{
	const struct table *tb = l->tb;
	struct task *t = tb->task;
	size_t at = 0;
	int r = 0;

	for (size_t i = from; i < to && r >= 0; i++) {
		if (!t->fd_ids[i])
			r = fail_at(fd_identify(d, tb, &l->taken->v[at++], &t->fd_ids[i]), "fd %d",
				    t->fds.v[i]);
	}
	return r;
}

/* Has others look at as many as they do together: *ret_to is behind the last of them. */
static int fds_look(struct dump *d, struct table *tb, struct looks *l, size_t from, size_t *ret_to)
{
	struct task *t = tb->task;
	size_t i;
	int r;

	for (i = from; i < t->fds.nr && l->next->nr < LOOKS_AT_ONCE; i++) {
		t->fd_ids[i] = id_from_parent(d, t, t->fds.v[i]);
		if (!t->fd_ids[i])
			looks_add(l, t->fds.v[i]);
	}
	*ret_to = i;
	r = l->next->nr ? table_open(tb) : 0;
	if (r >= 0)
		looks_start(l);
	return r;
}

static int fds_find(struct dump *d, struct table *tb)
{
	struct looks l;
	size_t to = 0, after = 0;
	int r;

	looks_begin(&l, tb);
	r = fds_look(d, tb, &l, 0, &to);
	for (size_t from = 0; from < tb->task->fds.nr && r >= 0; from = to, to = after) {
		r = looks_take(&l);
		if (r >= 0)
			r = fds_look(d, tb, &l, to, &after);
		if (r >= 0)
			r = fds_dump(d, &l, from, to);
		looks_forget(&l);
	}
	looks_done(&l);
	return r;
}

static int table_dump(struct dump *d, struct task *t)
{
	struct table tb = { .task = t, .proc = -1, .pidfd = -1 };
	int r;

	t->fd_ids = arena_array(&d->arena, uint32_t, t->fds.nr);
	r = fds_find(d, &tb);
	table_close(&tb);
	return r;
}

static int fdinfo_write(void *ctx, size_t k, unsigned int worker)
{
	const struct dump *d = ctx;
	const struct task *t = d->tree.tasks[k];
	struct image_writer *w;
	int r;

	(void)worker;
	if (!t->fd_ids)
		return 0;
	r = image_writer_open(d->s->images, IMAGE_FDINFO, t->ids.files, &w);
	if (r < 0)
		return task_fail_at(r, t);
	for (size_t i = 0; i < t->fds.nr && r >= 0; i++) {
		FdinfoEntry e = FDINFO_ENTRY__INIT;

		e.id = t->fd_ids[i];
		e.fd = (uint32_t)t->fds.v[i];
		e.type = (FdTypes)d->types[e.id];
		e.flags = t->inner ? (uint32_t)parasite_fds(t->inner)[i] : 0;
		r = image_write(w, &e.base);
	}
	if (r >= 0)
		r = image_writer_close(&w);
	else
		image_writer_free(w);
	return task_fail_at(r, t);
}

/* Those of connections are all open at the same time. */
static size_t fds_of(const struct tree *tree)
{
	const struct task *t;
	size_t nr = 0;

	tasks_for_each(t, tree)
		nr += t->fds.nr;
	return nr;
}

int tables_dump(struct dump *d)
{
	uint32_t done = 1; /* ids of tables ascend in the order in which tasks have them first */
	struct task *t;
	int r;

	io_fds_room(OWN_FDS + fds_of(&d->tree));
	tasks_for_each(t, &d->tree) {
		if (!task_is_alive(t) || t->ids.files <= done)
			continue;
		done = t->ids.files;
		r = session_interrupted(d->s);
		if (r >= 0)
			r = table_dump(d, t);
		if (r < 0)
			return task_fail_at(r, t);
	}
	r = blockers_count() ? 0 : parallel_for(d->tree.nr, fdinfo_write, d);
	for (const struct file_kind *const *k = file_kinds; *k && r >= 0; k++)
		r = (*k)->dump_inner ? (*k)->dump_inner(d) : 0;
	if (r < 0)
		return r;
	ttys_judge(d);
	for (const struct file_kind *const *k = file_kinds; *k && r >= 0; k++)
		r = (*k)->dump_end ? (*k)->dump_end(d) : 0;
	return r < 0 ? r : locks_dump(d);
}

int files_finish(struct dump *d)
{
	int r = 0;

	if (d->files_img)
		r = image_writer_close(&d->files_img);
	if (d->pipes_data_img && r >= 0)
		r = image_writer_close(&d->pipes_data_img);
	if (d->fifo_data_img && r >= 0)
		r = image_writer_close(&d->fifo_data_img);
	if (d->bpfmap_img && r >= 0)
		r = image_writer_close(&d->bpfmap_img);
	if (r >= 0)
		r = ghosts_dump_end(d);
	if (r >= 0)
		r = link_remaps_make(d);
	if (r >= 0)
		r = memfds_dump_end(d);
	if (d->sk_queues_img && r >= 0)
		r = image_writer_close(&d->sk_queues_img);
	return r < 0 ? r : ttys_write(d);
}
