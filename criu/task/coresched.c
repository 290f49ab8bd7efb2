// SPDX-License-Identifier: GPL-2.0-only
/*
 * prctl(PR_SCHED_CORE): a thread has a cookie, a number that the kernel makes and does not
 * let choose. Threads with the same one trust each other. So images have the numbers, and
 * only which of them are equal matters.
 */
#include "criu/task/coresched.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "criu/base/log.h"

static bool cookie_get(pid_t tid, uint64_t *ret)
{
	return prctl(PR_SCHED_CORE, PR_SCHED_CORE_GET, tid, PR_SCHED_CORE_SCOPE_THREAD, ret) == 0;
}

bool coresched_is_there(void)
{
	uint64_t cookie;

	return cookie_get(0, &cookie);
}

uint64_t coresched_read(pid_t tid)
{
	uint64_t cookie = 0;

	return cookie_get(tid, &cookie) ? cookie : 0;
}

static pid_t first_with(const struct restore *r, uint64_t cookie)
{
	const struct task *t;

	tasks_for_each(t, &r->tree)
		for (size_t i = 0; task_is_alive(t) && i < t->nr_threads; i++)
			if (t->restore->cores[i]->thread_core->core_cookie == cookie)
				return t->threads[i].tid;
	return 0;
}

void coresched_create(struct program *p, const struct restore *r, const ThreadCoreEntry *e,
		      pid_t tid)
{
	if (!e->core_cookie || first_with(r, e->core_cookie) != tid)
		return;
	if (!r->inherited.has_coresched)
		log_warn("thread %d: core scheduling is dropped: no processor here has several "
			 "threads in a core, or the kernel has no CONFIG_SCHED_CORE",
			 (int)tid);
	else
		PROGRAM_SYSCALL(p, OP_WHAT_SCHED, SYS_prctl, PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0,
				PR_SCHED_CORE_SCOPE_THREAD, 0);
}

void coresched_share(struct program *p, const struct restore *r, const ThreadCoreEntry *e,
		     pid_t tid)
{
	pid_t first =
	    e->core_cookie && r->inherited.has_coresched ? first_with(r, e->core_cookie) : tid;

	if (first != tid)
		PROGRAM_SYSCALL(p, OP_WHAT_SCHED, SYS_prctl, PR_SCHED_CORE,
				PR_SCHED_CORE_SHARE_FROM, (uint64_t)first,
				PR_SCHED_CORE_SCOPE_THREAD, 0);
}
