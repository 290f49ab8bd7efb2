// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/fdlist.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "criu/base/log.h"
#include "criu/base/mem.h"

/* Below the first, to read each costs less than to have an iterator made; below the second, than to
 * have it loaded. */
#define MANY_FDS     128
#define LOADABLE_FDS 512

/* The size of the directory is the number of its entries since Linux 6.2; 0 before. */
size_t fdlist_number(int proc)
{
	struct stat st;

	return fstatat(proc, "fd", &st, 0) < 0 ? 0 : (size_t)st.st_size;
}

bool fdlist_is_long(size_t nr)
{
	return nr >= LOADABLE_FDS;
}

static bool seen_read(const struct dump *d, struct task *t, size_t nr)
{
	struct view_file *v = mem_alloc(nr * sizeof(*v));
	ssize_t n = taskview_files(&d->view, t->pid, v, nr);
	struct proc_fds *fds = &t->fds;

	if (n != (ssize_t)nr) {
		log_info("pid %d: the view of its descriptors is not complete", (int)t->pid);
		view_files_done(v, n < 0 ? 0 : (size_t)n < nr ? (size_t)n : nr);
		free(v);
		return false;
	}
	fds->v = mem_alloc(nr * sizeof(*fds->v));
	fds->nr = fds->cap = nr;
	for (size_t i = 0; i < nr; i++)
		fds->v[i] = (int)v[i].fd;
	t->seen_fds = v;
	return true;
}

int fdlist_read(const struct dump *d, struct task *t, int proc, struct alike *a)
{
	size_t nr = d->view_is_open && !alike_fds_are_few(a, t->pid) ? fdlist_number(proc) : 0;

	if (nr >= MANY_FDS && seen_read(d, t, nr))
		return 0;
	return alike_fds_read(a, t->pid, proc, &t->fds);
}
