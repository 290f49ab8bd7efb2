// SPDX-License-Identifier: GPL-2.0-only
/*
 * A page that was not written since the dump before need not be stored again.
 *
 * Where the kernel has soft-dirty bits, it notes writes by itself, and clear_refs makes it begin
 * anew. Elsewhere the mappings are registered with a userfaultfd(2) that is only asked for write
 * protection, asynchronously: the kernel takes the mark off a page that is written to, and
 * PAGEMAP_SCAN tells, and sets, the marks. All that is not known to be clean is written:
 *
 * - What changes without a write to a marked page, loses its registration, and with it its marks:
 *   execve(2), a child after fork(2), a mapping that was moved or made anew. A mapping that
 *   grows keeps it, but pages that come new have no mark.
 * - A mark that stays where a page of a mapped file was thrown away (MADV_DONTNEED) looks like a
 *   swapped page: in mappings of files, what is not there counts as written.
 * - Pages that several processes share are written in full, always: only some of their writes
 *   leave a trace in any one of the address spaces.
 * - A process that has a ring of io_uring mapped is written in full: see has_ring().
 *
 * Registrations end when the last holder of their descriptor closes it: mem/keeper.c.
 */
#include "criu/mem/dirty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/log.h"
#include "criu/base/map.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/base/str.h"
#include "criu/image/chain.h"
#include "criu/image/reader.h"
#include "criu/kernel/feature.h"
#include "criu/kernel/pagemap.h"
#include "criu/kernel/syscalls.h"
#include "criu/mem/ahead.h"
#include "criu/mem/keeper.h"
#include "criu/mem/pagemap.h"
#include "criu/mem/scan.h"
#include "criu/mem/uffd.h"
#include "criu/mem/uring.h"
#include "criu/mem/vma.h"

#define PRE_DUMP_BY_READING 2 /* criu_pre_dump_mode: VM_READ */

enum method { METHOD_NONE, METHOD_SOFT_DIRTY, METHOD_UFFD };

struct dirty_task {
	enum method method;
	struct kept kept;
	bool known; /* what the scan tells began with the parent dump */
	bool is_confined; /* the parent was made ahead of the freeze, and has only: */
	struct pagemap_regions covered;
};

struct dirty {
	enum method method;
	bool track; /* this dump is to be built upon */
	bool armed;
	struct image_dir *parent; /* NULL */
	struct image_chain *chain; /* of the parent */
	char boot_id[40];
	char *parent_run;
	uint64_t root_start;
	struct keeper old, new; /* the one that there was */
	bool known; /* it has looked on since the parent dump */
	struct map tasks; /* struct dirty_task by pid */
	struct dirty_task **list; /* the same */
	size_t nr, cap;
};

static struct dirty_task *task_add(struct dirty *x, struct kept kept, bool known)
{
	struct dirty_task *t = mem_alloc(sizeof(*t));

	t->method = kept.uffd >= 0 ? METHOD_UFFD : METHOD_SOFT_DIRTY;
	t->kept = kept;
	t->known = known;
	map_put(&x->tasks, (uint64_t)kept.pid, t);
	*array_push(x->list, x->nr, x->cap) = t;
	return t;
}

/* --- before the freeze ----------------------------------------------------------- */

static int boot_id_read(char ret[40])
{
	cleanup_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : io_read(fd, ret, 36);

	ret[r < 0 ? 0 : 36] = '\0';
	return r < 0 ? fail(-r, "read the boot id") : 0;
}

static int root_start_read(struct dump *d)
{
	cleanup_close int proc = proc_open(d->s->opts->tree);
	struct proc_stat st;
	int r = proc < 0 ? proc : proc_stat_read(proc, 0, &d->buf, &st);

	if (r < 0)
		return fail(-r, "read /proc/%d/stat", (int)d->s->opts->tree);
	d->dirty->root_start = st.starttime;
	return 0;
}

static enum method method_of_machine(void)
{
	if (feature_has(FEATURE_MEM_DIRTY_TRACK) <= 0)
		return METHOD_NONE;
	return pagemap_has_soft_dirty() ? METHOD_SOFT_DIRTY : METHOD_UFFD;
}

static int parent_open(struct dump *d)
{
	struct dirty *x = d->dirty;
	const char *path = d->s->opts->prev_images_dir;
	struct stat own, prev;
	int r = image_dir_set_parent(d->s->images, path);

	if (r >= 0)
		r = image_dir_open_parent(d->s->images, &x->parent);
	if (r < 0)
		return r;
	if (fstat(image_dir_fd(x->parent), &prev) < 0 || stat(d->s->opts->images_dir, &own) < 0)
		return fail(errno, "stat %s", image_dir_path(x->parent));
	if (own.st_dev == prev.st_dev && own.st_ino == prev.st_ino)
		return fail_hint(
		    fail_plain("--prev-images-dir %s is the images directory itself", path),
		    "give each dump of a chain a directory of its own");
	x->chain = image_chain_new(x->parent);
	return 0;
}

static void waits_take(struct dump *d, const TrackedEntry *t)
{
	d->waits_before = mem_alloc((t->n_waits + 1) * sizeof(*d->waits_before));
	for (size_t i = 0; i < t->n_waits; i++) {
		const WaitEntry *w = t->waits[i];

		d->waits_before[d->nr_waits_before++] = (struct wait_noted){
			.tid = (pid_t)w->tid,
			.nr = (long)w->nr,
			.switches = w->switches,
			.until = w->has_until ? w->until : 0,
		};
	}
}

static void waits_put(struct dump *d, TrackedEntry *t)
{
	t->waits = arena_array(&d->arena, WaitEntry *, d->nr_waits);
	for (size_t i = 0; i < d->nr_waits; i++) {
		const struct wait_noted *w = &d->waits[i];
		WaitEntry *e = arena_message(&d->arena, WaitEntry, WAIT_ENTRY__INIT);

		e->tid = (uint32_t)w->tid;
		e->nr = (uint32_t)w->nr;
		e->switches = w->switches;
		e->has_until = w->until != 0;
		e->until = w->until;
		t->waits[t->n_waits++] = e;
	}
}

/* Of this tree? And who knows what has changed since? */
static int parent_judge(struct dump *d, const InventoryEntry *inv)
{
	const TrackedEntry *t = inv->tracked;
	const char *where = image_dir_path(d->dirty->parent);
	struct dirty *x = d->dirty;
	pid_t pid = d->s->opts->tree;
	int r;

	if (!t) {
		log_warn("%s: was made without --track-mem: all memory is written", where);
		return 0;
	}
	if (!str_eq(t->boot_id, x->boot_id))
		return fail_plain("%s: is a dump from before the last boot, or of another machine",
				  where);
	if ((pid_t)t->pid != pid || t->start != x->root_start)
		return fail_plain("%s: is a dump of another tree, that of pid %u%s", where, t->pid,
				  (pid_t)t->pid == pid ? " before it ended" : "");
	waits_take(d, t);
	r = t->has_keeper_pid ? keeper_find((pid_t)t->keeper_pid, t->keeper_start, pid, &x->old)
			      : 0;
	x->known = r > 0;
	if (!x->known)
		log_warn("%s: nobody has kept track of changes since: all memory is written",
			 where);
	return r < 0 ? r : 0;
}

static int parent_check(struct dump *d)
{
	InventoryEntry *inv = NULL;
	ProtobufCMessage *m = NULL;
	struct dirty *x = d->dirty;
	int r = image_get(x->parent, IMAGE_INVENTORY, 0, &m);

	if (r < 0)
		return fail_hint(r, "--prev-images-dir names a complete dump or pre-dump");
	inv = (InventoryEntry *)m;
	r = parent_judge(d, inv);
	if (inv->img_version == IMAGE_VERSION_SAME_PAGES)
		d->has_same_pages = true; /* also where this one has none of its own */
	x->parent_run = inv->dump_criu_run_id ? mem_strdup(inv->dump_criu_run_id) : NULL;
	protobuf_c_message_free_unpacked(m, NULL);
	return r;
}

/* That a later one could build upon what is damaged, or upon what this very dump replaces. */
static int parent_pages_check(struct dump *d, pid_t pid)
{
	struct dirty *x = d->dirty;
	struct page_list list = { .nr = 0 };
	struct stat own;
	int r = page_list_load(x->chain, IMAGE_PAGEMAP, (uint64_t)pid, &list);

	if (r > 0)
		page_list_done(&list);
	if (r < 0)
		return fail_at(r, "--prev-images-dir %s", d->s->opts->prev_images_dir);
	if (r == 0)
		return fail_plain("%s: pagemap-%d.img is missing", image_dir_path(x->parent),
				  (int)pid);
	if (stat(d->s->opts->images_dir, &own) == 0 && image_chain_has(x->chain, &own))
		return fail_plain("%s builds upon the dump in %s, which this one would replace",
				  image_dir_path(x->parent), d->s->opts->images_dir);
	return 0;
}

static int keeper_read(struct dump *d)
{
	struct dirty *x = d->dirty;
	struct kept *v = NULL;
	size_t nr = 0;
	int r = 0;

	io_fds_unlimited(); /* a tree of thousands takes more than a shell allows */
	keeper_take(&x->old, &v, &nr);
	for (size_t i = 0; i < nr; i++) {
		task_add(x, v[i], x->known);
		if (x->known && r >= 0)
			r = parent_pages_check(d, v[i].pid);
	}
	free(v);
	return r;
}

static void say_method(const struct dirty *x)
{
	static const char *const names[] = {
		[METHOD_NONE] = "none: this kernel has neither soft-dirty nor userfaultfd for that",
		[METHOD_SOFT_DIRTY] = "soft-dirty",
		[METHOD_UFFD] = "userfaultfd write protection",
	};

	if (x->method == METHOD_NONE)
		log_warn("changes of memory are tracked by %s", names[x->method]);
	else
		log_info("changes of memory are tracked by %s", names[x->method]);
}

int dirty_prepare(struct dump *d)
{
	struct dirty *x = mem_alloc(sizeof(*x));
	int r = 0;

	x->old = x->new = KEEPER_NONE;
	d->dirty = x;
	/* After a dump that ends the tree there is nothing left that could change. */
	x->track = d->memory_only || (d->s->opts->track_mem && d->s->opts->end != END_KILL);
	if (!x->track && !d->s->opts->prev_images_dir)
		return 0;
	r = boot_id_read(x->boot_id);
	if (r >= 0)
		r = root_start_read(d);
	if (r >= 0 && d->s->opts->prev_images_dir)
		r = parent_open(d);
	if (r >= 0 && x->parent)
		r = parent_check(d);
	if (r < 0)
		return r;
	if (x->track) {
		x->method = method_of_machine();
		say_method(x);
	}
	/* One that nobody has named, as after a chain that was given up. */
	if (!x->old.pid && keeper_find(0, 0, d->s->opts->tree, &x->old) > 0)
		log_info("pid %d has looked after this tree", (int)x->old.pid);
	return x->old.pid ? keeper_read(d) : 0;
}

void dirty_known_each(const struct dump *d, void (*fn)(void *ctx, pid_t pid, uint64_t mark),
		      void *ctx)
{
	const struct dirty *x = d->dirty;

	for (size_t i = 0; i < x->nr; i++)
		if (x->list[i]->known)
			fn(ctx, x->list[i]->kept.pid,
			   x->list[i]->method == METHOD_UFFD ? PAGE_IS_WRITTEN
							     : PAGE_IS_SOFT_DIRTY);
}

/* --- frozen ---------------------------------------------------------------------- */

static bool may_be_tracked(const struct proc_vma *v)
{
	uint32_t kind = vma_kind(v);

	return kind & (VMA_ANON_PRIVATE | VMA_FILE_PRIVATE) &&
	       !(kind & (VMA_VDSO | VMA_VVAR | VMA_VSYSCALL)) && !(v->vmflags & PROC_VMF(HT));
}

/* Our marks are nothing that a dump has to keep. Those of others stay. */
static bool unmark(const struct dirty_task *dt, struct proc_vma *v)
{
	if (!(v->vmflags & PROC_VMF(UW)) || v->vmflags & PROC_VMF(UM) || dt->kept.uffd < 0 ||
	    uffd_track(dt->kept.uffd, v->start, v->end) < 0)
		return false;
	v->vmflags &= ~PROC_VMF(UW);
	return true;
}

static bool alike(const struct proc_vma *a, const struct proc_vma *b)
{
	return a->end == b->start && a->prot == b->prot && a->shared == b->shared &&
	       a->special == b->special && a->vmflags == b->vmflags && a->pkey == b->pkey &&
	       a->ino == b->ino && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor &&
	       (!a->ino || a->pgoff + (a->end - a->start) == b->pgoff) && str_eq(a->path, b->path);
}

/* What has grown at the edge of a tracked mapping is another one, only for that reason. */
static void vmas_unmark(struct task *t)
{
	struct proc_vmas *l = &t->vmas;
	bool was = false;
	size_t to = 0;

	for (size_t i = 0; i < l->nr; i++) {
		bool marked = unmark(t->dirty, &l->v[i]);

		if (to && marked != was && alike(&l->v[to - 1], &l->v[i]))
			l->v[to - 1].end = l->v[i].end;
		else
			l->v[to++] = l->v[i];
		was = marked;
	}
	l->nr = to;
}

/* By whomever. */
static bool has_marks(const struct task *t)
{
	for (size_t i = 0; i < t->vmas.nr; i++)
		if (t->vmas.v[i].vmflags & PROC_VMF(UW))
			return true;
	return false;
}

/* A dump that does not care about the chain meets its marks. */
static void find_stale(struct dump *d)
{
	struct dirty *x = d->dirty;
	const struct task *t;
	bool marks = false;

	if (x->old.pid || x->nr)
		return;
	tasks_for_each(t, &d->tree)
		marks = marks || has_marks(t);
	if (marks && keeper_find(0, 0, d->s->opts->tree, &x->old) > 0)
		keeper_read(d);
}

/* Buffers that are registered with io_uring are written to past the page table. Whether there are
 * any a pre-dump does not know. */
static bool has_ring(const struct task *t)
{
	for (size_t i = 0; i < t->vmas.nr; i++)
		if (uring_vma_is(&t->vmas.v[i]))
			return true;
	return false;
}

int dirty_tasks(struct dump *d)
{
	struct dirty *x = d->dirty;
	struct task *t;

	find_stale(d);
	tasks_for_each(t, &d->tree) {
		if (!task_is_alive(t))
			continue;
		t->dirty = map_get(&x->tasks, (uint64_t)t->pid);
		if (t->dirty && !d->memory_only)
			vmas_unmark(t);
		if (has_ring(t))
			t->dirty = NULL;
	}
	return 0;
}

/* Its descriptor is of the address space that it has now. */
static bool still_tracks(const struct task *t)
{
	for (size_t i = 0; i < t->vmas.nr; i++)
		if (may_be_tracked(&t->vmas.v[i]))
			return uffd_track(t->dirty->kept.uffd, t->vmas.v[i].start,
					  t->vmas.v[i].end) != -ESRCH;
	return true;
}

bool dirty_tracks(const struct dump *d)
{
	return d->dirty->track;
}

bool dirty_wants(const struct dump *d, const struct task *t)
{
	const struct dirty *x = d->dirty;

	if (!x->track || x->method != METHOD_UFFD || has_ring(t))
		return false;
	return !t->dirty || t->dirty->kept.uffd < 0 || !still_tracks(t);
}

static void kept_renew(struct dump *d, struct task *t, int uffd)
{
	if (!t->dirty) {
		struct kept kept = { t->pid, sys_pidfd_open(t->pid, 0), uffd };

		t->dirty = task_add(d->dirty, kept, false);
		return;
	}
	if (t->dirty->kept.uffd >= 0)
		close(t->dirty->kept.uffd);
	t->dirty->kept.uffd = uffd;
	t->dirty->method = METHOD_UFFD;
	t->dirty->known = false;
}

void dirty_ask(struct dump *d, struct task *t, struct remote *r)
{
	int uffd = uffd_ask(r);

	if (uffd >= 0)
		kept_renew(d, t, uffd);
	else
		log_warn("pid %d (%s): its changes cannot be tracked: userfaultfd: %s", (int)t->pid,
			 t->comm, strerror(-uffd));
}

/* --- pages ------------------------------------------------------------------------ */

uint64_t dirty_categories(const struct task *t)
{
	if (!t->dirty || !t->dirty->known)
		return 0;
	return t->dirty->method == METHOD_SOFT_DIRTY
		   ? PAGE_IS_SOFT_DIRTY
		   : PAGE_IS_WPALLOWED | PAGE_IS_WRITTEN | PAGE_IS_PRESENT;
}

bool dirty_is_clean(const struct task *t, const VmaEntry *v, uint64_t categories)
{
	if (!t->dirty || !t->dirty->known || v->status & VMA_VDSO || v->userfault)
		return false;
	if (t->dirty->method == METHOD_SOFT_DIRTY)
		return !(categories & PAGE_IS_SOFT_DIRTY);
	return categories & PAGE_IS_WPALLOWED && !(categories & PAGE_IS_WRITTEN) &&
	       (categories & PAGE_IS_PRESENT || v->status & VMA_ANON_PRIVATE);
}

/* --- ahead of the freeze ------------------------------------------------------------ */

bool dirty_known_by_marks(const struct dump *d)
{
	const struct dirty *x = d->dirty;

	for (size_t i = 0; i < x->nr; i++)
		if (!x->list[i]->known || x->list[i]->method != METHOD_UFFD)
			return false;
	return x->nr && !x->track;
}

void dirty_tree(struct dump *d)
{
	const struct dirty *x = d->dirty;

	for (size_t i = 0; i < x->nr; i++) {
		const struct kept *kept = &x->list[i]->kept;

		if (sys_pidfd_send_signal(kept->pidfd, 0, NULL) >= 0)
			tree_add(&d->tree, kept->pid, NULL)->dirty = x->list[i];
	}
}

/* What no userfaultfd can have, and lies above nearly all. */
static const struct proc_vma *find_wall(const struct proc_vmas *l)
{
	const struct proc_vma *wall = NULL;

	for (size_t i = 0; i < l->nr; i++)
		if (l->v[i].special == PROC_VMA_VVAR)
			wall = &l->v[i];
	return wall;
}

/* Asked at the first of mappings that can be tracked, one behind the other, uffd_meets_other() sees
 * all of these. */
static bool others_have_some(const struct task *t, const struct proc_vma *wall)
{
	bool asked = false;

	for (const struct proc_vma *v = t->vmas.v; v < wall; v++) {
		bool may = may_be_tracked(v);

		if (may && !asked && uffd_meets_other(t->dirty->kept.uffd, v->start, wall->end))
			return true;
		asked = may;
	}
	return false;
}

/* Of mappings that change meanwhile some may be seen twice. */
void dirty_keep_ours(struct task *t)
{
	const struct proc_vma *wall = find_wall(&t->vmas);
	struct proc_vmas *l = &t->vmas;
	size_t nr = 0, to = 0;
	uint64_t end = 0;

	if (wall && !others_have_some(t, wall))
		nr = (size_t)(wall - l->v);
	for (size_t i = 0; i < nr; i++) {
		if (l->v[i].start < end || !may_be_tracked(&l->v[i]))
			continue;
		end = l->v[i].end;
		l->v[to++] = l->v[i];
	}
	l->nr = to;
}

void dirty_cover(struct task *t, const struct pagemap_regions *listed)
{
	struct pagemap_regions *l = &t->dirty->covered;

	for (size_t i = 0; i < listed->nr; i++) {
		struct page_region *last = l->nr ? &l->v[l->nr - 1] : NULL;

		if (last && last->end == listed->v[i].start)
			last->end = listed->v[i].end;
		else
			*array_push(l->v, l->nr, l->cap) = listed->v[i];
	}
}

void dirty_parent_is_ahead(struct dump *d)
{
	struct dirty *x = d->dirty;

	for (size_t i = 0; i < x->nr; i++)
		x->list[i]->is_confined = true;
	free(x->parent_run);
	x->parent_run = mem_strdup(d->s->run_id);
}

void dirty_confine(const struct task *t, struct pagemap_regions *l)
{
	if (t->dirty && t->dirty->is_confined)
		ahead_confine(&t->dirty->covered, l);
}

/* --- marks --------------------------------------------------------------------------- */

static int arm_soft_dirty(const struct task *t)
{
	char path[40];
	cleanup_close int fd = -1;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/clear_refs", (int)task_tid(t));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : io_write(fd, "4\n", 2);
	return r < 0 ? fail(-r, "write 4 to %s", path) : 0;
}

/* What the task has registered itself has marks that tell us nothing. A pre-dump does not read
 * VmFlags; but the kernel gives us no such mapping. Returns whether there is one. */
static bool note_registered(const struct task *t)
{
	MmEntry *mm = t->mm;
	bool any = false;

	for (size_t i = 0, j = 0; i < t->vmas.nr; i++) {
		const struct proc_vma *v = &t->vmas.v[i];

		if (!v->userfault_kept)
			continue;
		any = true;
		while (mm && j < mm->n_vmas && mm->vmas[j]->start < v->start)
			j++;
		if (mm && j < mm->n_vmas && mm->vmas[j]->start == v->start &&
		    !mm->vmas[j]->userfault)
			mm->vmas[j]->userfault = true;
	}
	return any;
}

/* All private mappings, and a mark on each page that has none. Not before pages were looked at: one
 * that was moved to where nothing was registered may still have a mark of its old place. */
static int arm_uffd(struct task *t, const struct pagemap_regions *known)
{
	for (size_t i = 0; i < t->vmas.nr; i++) {
		const struct proc_vma *v = &t->vmas.v[i];
		int r = may_be_tracked(v) ? uffd_track(t->dirty->kept.uffd, v->start, v->end) : 0;

		/* The marks in it are not ours to set. */
		if (r == -EBUSY) {
			proc_vmas_own(&t->vmas);
			t->vmas.v[i].userfault_kept = true;
		}
		if (r < 0)
			log_debug("pid %d: mapping %llx-%llx is not tracked: %s", (int)t->pid,
				  (unsigned long long)v->start, (unsigned long long)v->end,
				  strerror(-r));
	}
	return scan_and_protect(t, note_registered(t) ? NULL : known);
}

static int arm_one(void *ctx, size_t i, unsigned int worker)
{
	struct dump *d = ctx;
	struct task *t = d->tree.tasks[i];
	int r = 0;

	(void)worker;
	if (t->dirty && t->dirty->method == METHOD_SOFT_DIRTY)
		r = arm_soft_dirty(t);
	else if (t->dirty)
		r = arm_uffd(t, d->regions && t->dirty->known ? &d->regions[i] : NULL);
	return task_fail_at(r, t);
}

/* Those that are gone, or were never of this tree, need nobody any more. */
static size_t kept_of_tree(const struct dump *d, struct kept *ret)
{
	const struct task *t;
	size_t nr = 0;

	tasks_for_each(t, &d->tree)
		if (t->dirty)
			ret[nr++] = t->dirty->kept;
	return nr;
}

int dirty_arm(struct dump *d)
{
	struct dirty *x = d->dirty;
	struct kept *v;
	struct task *t;
	int r;

	if (!x->track || x->method == METHOD_NONE)
		return 0;
	tasks_for_each(t, &d->tree)
		if (task_is_alive(t) && !t->dirty && !has_ring(t) && x->method == METHOD_SOFT_DIRTY)
			t->dirty = task_add(
			    x, (struct kept){ t->pid, sys_pidfd_open(t->pid, 0), -1 }, false);
	v = mem_alloc((d->tree.nr + 1) * sizeof(*v));
	r = keeper_start(&x->new, d->s->opts->tree, v, kept_of_tree(d, v));
	free(v);
	if (r < 0)
		return r;
	keeper_end(&x->old);
	x->armed = true;
	return parallel_for(d->tree.nr, arm_one, d);
}

void dirty_inventory(struct dump *d, InventoryEntry *e)
{
	const struct dirty *x = d->dirty;
	TrackedEntry *t;

	if (d->memory_only) {
		e->has_pre_dump_mode = true;
		e->pre_dump_mode = PRE_DUMP_BY_READING;
	}
	if (x->parent)
		e->parent_run_id = x->parent_run;
	if (!x->track)
		return;
	t = arena_message(&d->arena, TrackedEntry, TRACKED_ENTRY__INIT);
	t->pid = (uint32_t)d->s->opts->tree;
	t->start = x->root_start;
	t->boot_id = d->dirty->boot_id;
	t->has_keeper_pid = t->has_keeper_start = x->new.pid != 0;
	t->keeper_pid = (uint32_t)x->new.pid;
	t->keeper_start = x->new.start;
	waits_put(d, t);
	e->tracked = t;
}

void dirty_stay(struct dump *d)
{
	keeper_stay(&d->dirty->new);
}

void dirty_leave(struct dump *d)
{
	keeper_end(&d->dirty->old);
}

void dirty_done(struct dump *d)
{
	struct dirty *x = d->dirty;

	if (!x)
		return;
	keeper_end(&x->new);
	keeper_forget(&x->old);
	for (size_t i = 0; i < x->nr; i++) {
		kept_close(&x->list[i]->kept);
		pagemap_regions_done(&x->list[i]->covered);
		free(x->list[i]);
	}
	free(x->list);
	map_done(&x->tasks);
	image_chain_free(x->chain);
	image_dir_free(x->parent);
	free(x->parent_run);
	free(x);
	d->dirty = NULL;
}
