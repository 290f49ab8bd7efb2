// SPDX-License-Identifier: GPL-2.0-only
/*
 * A fork(2) of a task that stands still has its memory as it was at that moment, for as long as it
 * takes to write it, and costs the task a copy of its page tables. The copy is not the child of
 * anybody in the tree: the parent that it had has ended, so it is init's, or whose task it is to
 * reap orphans; who is that within the tree, would see it, so there is none then. It does nothing,
 * has no descriptors, is in a session of its own, and dies with crtool, who traces it.
 *
 * Only large mappings are read from it. All else is copied while the task stands still: memory
 * that it shares (the copy shares it, too), what a child does not get (MADV_DONTFORK and
 * MADV_WIPEONFORK), and the stack, on which the copy has the frames of our visit.
 *
 * A page that is still common to both must not be pinned, or it would be copied first: see
 * pages.c.
 */
#include "criu/mem/snapshot.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/mem/vma.h"
#include "criu/pie/abi/parasite.h"

#define LARGE_BYTES (4ull << 20)

struct snapshot {
	pid_t pid;
	uint64_t frames, frames_end; /* what the visit has written over */
};

static bool may_be_copied(const struct proc_vma *v)
{
	static const uint64_t not = PROC_VMF(DC) | PROC_VMF(WF) | PROC_VMF(HT) | PROC_VMF(GD) |
				    PROC_VMF(DP) | PROC_VMF(IO) | PROC_VMF(PF) | PROC_VMF(SS);

	return v->end - v->start >= LARGE_BYTES && vma_kind(v) & VMA_ANON_PRIVATE &&
	       v->special != PROC_VMA_STACK && !(v->vmflags & not );
}

/* Somebody in the tree is told of orphans. */
static bool has_reaper(const struct task *t)
{
	for (; t; t = t->parent)
		if (t->pid == 1 || (t->inner && t->inner->child_subreaper))
			return true;
	return false;
}

bool snapshot_wants(const struct dump *d, const struct task *t)
{
	static const uint64_t userfault = PROC_VMF(UM) | PROC_VMF(UW) | PROC_VMF(UI);
	bool large = false, registered = false;

	if (d->s->opts->end != END_RUNNING || t->abi != TASK_ABI_64 ||
	    t->threads[0].status.seccomp || has_reaper(t))
		return false;
	for (size_t i = 0; i < t->vmas.nr; i++) {
		large = large || may_be_copied(&t->vmas.v[i]);
		registered = registered || t->vmas.v[i].vmflags & userfault;
	}
	/* A fork may be an event that a userfaultfd waits to be read (UFFD_FEATURE_EVENT_FORK). */
	return large && !registered && t->stat.rss_pages * PAGE_BYTES >= LARGE_BYTES;
}

/* From here on it ends with crtool, and not before. */
static int keep(pid_t pid, const struct remote *r)
{
	const uint32_t yes = 1;
	int err = tracee_attach(pid, true, false);

	if (err < 0)
		return err;
	return tracee_mem_write(pid, r->data + offsetof(struct parasite_copy_args, stay), &yes,
				sizeof(yes));
}

void snapshot_ask(struct task *t, struct remote *r)
{
	struct parasite_copy_args a = { .command = PARASITE_COPY };
	int err = remote_call_begin(r, 0, &a, sizeof(a));

	if (!err)
		err = remote_call_end(r, 0, &a, sizeof(a));
	if (!err)
		err = a.err;
	if (err >= 0 && a.pid > 0) {
		t->snapshot = mem_alloc(sizeof(*t->snapshot));
		*t->snapshot =
		    (struct snapshot){ a.pid, r->frames.at, r->frames.at + r->frames.len };
		err = keep(a.pid, r);
	}
	if (err >= 0)
		return;
	log_warn("pid %d (%s): is frozen until its memory is written, as it cannot be copied: %s",
		 (int)t->pid, t->comm, strerror(-err));
	if (t->snapshot)
		kill(t->snapshot->pid, SIGKILL);
	free(t->snapshot);
	t->snapshot = NULL;
}

bool snapshot_has(const struct task *t, const VmaEntry *v)
{
	const struct snapshot *s = t->snapshot;
	bool found = false;

	if (!s || (s->frames < v->end && s->frames_end > v->start))
		return false;
	for (size_t i = 0; i < t->vmas.nr && !found; i++)
		found = t->vmas.v[i].start == v->start && t->vmas.v[i].end == v->end &&
			may_be_copied(&t->vmas.v[i]);
	return found;
}

pid_t snapshot_pid(const struct task *t)
{
	return t->snapshot ? t->snapshot->pid : 0;
}

void snapshots_done(struct dump *d)
{
	struct task *t;

	tasks_for_each(t, &d->tree) {
		if (!t->snapshot)
			continue;
		kill(t->snapshot->pid, SIGKILL);
		while (waitpid(t->snapshot->pid, NULL, __WALL) < 0 && errno == EINTR)
			;
		free(t->snapshot);
		t->snapshot = NULL;
	}
}
