// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/look.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/files/reg.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/syscalls.h"

#define WORTH_OTHERS 32 /* descriptors, for others to be called */

int table_open(struct table *tb)
{
	pid_t pid = task_tid(tb->task);
	unsigned int flags = pid == tb->task->pid ? 0 : PIDFD_THREAD;

	if (tb->proc < 0)
		tb->proc = proc_open(pid);
	if (tb->proc < 0)
		return fail(-tb->proc, "open /proc/%d", (int)pid);
	if (tb->pidfd < 0)
		tb->pidfd = sys_pidfd_open(pid, flags);
	if (tb->pidfd == -EINVAL && flags)
		return fail_hint(fail(EINVAL, "pidfd_open of thread %d", (int)pid),
				 "where the main thread has ended, this needs Linux 6.9");
	return tb->pidfd < 0 ? fail(-tb->pidfd, "pidfd_open") : 0;
}

void table_close(struct table *tb)
{
	if (tb->proc >= 0)
		close(tb->proc);
	if (tb->pidfd >= 0)
		close(tb->pidfd);
}

/* --- what the view shows ---------------------------------------------------------------- */

static int by_fd(const void *key, const void *file)
{
	uint64_t fd = *(const uint64_t *)key, other = ((const struct view_file *)file)->fd;

	return (fd > other) - (fd < other);
}

static const struct view_file *seen_find(const struct looks *l, int fd)
{
	uint64_t key = (uint64_t)fd;

	if (!l->nr_seen)
		return NULL;
	return bsearch(&key, l->seen, l->nr_seen, sizeof(*l->seen), by_fd);
}

/* What kinds have to be for the view to say all that fdinfo does. */
static const char plain_kind[] = "plain", eventfd_kind[] = "eventfd";
/* Only those of unix sockets have lines of their own: net/unix/af_unix.c, unix_show_fdinfo(). */
static const char socket_kind[] = "socket";

static const char *kind_said(const struct looks *l, const struct view_file *f)
{
	const char *kind = f && !f->locks ? map_get(&l->kinds, f->ops) : NULL;

	return kind == plain_kind && f->more_info ? NULL : kind;
}

static bool is_eventfd(const struct look *look)
{
	return !look->info_is_read && look->info.has_eventfd;
}

static void events_take(const struct view_file *f, struct proc_fdinfo *ret)
{
	ret->has_eventfd = ret->has_eventfd_semaphore = true;
	ret->eventfd_count = f->events.count;
	ret->eventfd_semaphore = f->events.flags & EFD_SEMAPHORE;
	ret->eventfd_id = f->events.id;
}

/* Its own descriptor is open. */
static bool has_no_lines(struct look *look)
{
	socklen_t len = sizeof(look->family);

	return look->lfd >= 0 &&
	       getsockopt(look->lfd, SOL_SOCKET, SO_DOMAIN, &look->family, &len) == 0 &&
	       look->family != AF_UNIX;
}

/* fdinfo without its text; false: it has to be read. */
static bool info_from_view(const struct looks *l, struct look *look)
{
	const struct view_file *f = look->seen;
	const char *kind = kind_said(l, f);
	const void *mount;

	if (!kind || (kind == socket_kind && !has_no_lines(look)))
		return false;
	mount = map_get(&l->mounts, f->mount);
	if (!mount)
		return false;
	look->info = (struct proc_fdinfo){
		.pos = (int64_t)f->pos,
		.flags = (uint32_t)f->flags,
		.mnt_id = (int)((uintptr_t)mount - 1),
		.ino = f->ino,
	};
	if (kind == eventfd_kind)
		events_take(f, &look->info);
	return true;
}

/* Others may count it up meanwhile: then the next one shows it. */
static bool says_events(const struct view_file *f, const struct proc_fdinfo *i)
{
	struct proc_fdinfo seen = { 0 };

	events_take(f, &seen);
	return i->has_eventfd && i->has_eventfd_semaphore && seen.eventfd_id == i->eventfd_id &&
	       seen.eventfd_count == i->eventfd_count &&
	       seen.eventfd_semaphore == i->eventfd_semaphore;
}

static const char *kind_learnt(const struct look *look)
{
	if (!look->seen->more_info)
		return plain_kind;
	return look->info.has_eventfd ? eventfd_kind : socket_kind;
}

/* The first of each kind is read both ways. A kernel that says one thing here and another there
 * is not believed again. */
static void view_learn(struct looks *l, const struct look *look)
{
	const struct view_file *f = look->seen;
	const struct proc_fdinfo *i = &look->info;
	struct statfs fs;
	const void *mount;
	bool renamed;

	if (!look->info_is_read || !f || f->locks || i->mnt_id < 0 ||
	    (f->more_info && !S_ISSOCK(look->st.st_mode) && !says_events(f, i)))
		return;
	mount = map_get(&l->mounts, f->mount);
	renamed = f->link_len > 0 && look->link[0] && !str_eq(f->link, look->link);
	if ((uint64_t)i->pos != f->pos || (i->flags & ~(uint32_t)O_CLOEXEC) != f->flags ||
	    i->ino != f->ino || (mount && (uintptr_t)mount != (uintptr_t)i->mnt_id + 1)) {
		log_info("fdinfo is read of each descriptor: the view of them is another's");
		l->nr_seen = 0;
		return;
	}
	if (renamed)
		return; /* since then, or it says another thing: the next one will tell */
	if (!mount)
		map_put(&l->mounts, f->mount, (void *)((uintptr_t)i->mnt_id + 1));
	if (!map_get(&l->kinds, f->ops))
		map_put(&l->kinds, f->ops, (void *)kind_learnt(look));
	if (S_ISFIFO(look->st.st_mode) && fstatfs(look->lfd, &fs) == 0 &&
	    fs.f_type == PIPEFS_MAGIC) {
		l->pipes_mount = f->mount;
		l->pipes_st = look->st;
	}
	if (i->has_eventfd) {
		l->events_inode = f->inode;
		l->events_st = look->st;
		snprintf(l->events_link, sizeof(l->events_link), "%s", look->link);
	}
}

/* ---------------------------------------------------------------------------------------- */

/* Of files whose name is looked at again. What was deleted may have been so since then. */
static bool may_be_old(const struct look *look)
{
	return (S_ISREG(look->st.st_mode) || S_ISDIR(look->st.st_mode)) && look->st.st_nlink;
}

/* Whoever needs one that is missing reads it again, and says why it cannot be read. */
static void link_take(const struct looks *l, struct look *look)
{
	look->link[0] = '\0';
	look->link_is_old = !look->info_is_read && look->seen->link && may_be_old(look);
	if (look->link_is_old)
		memcpy(look->link, look->seen->link, (size_t)look->seen->link_len);
	else if (!S_ISFIFO(look->st.st_mode) && !S_ISSOCK(look->st.st_mode) &&
		 proc_fd_link(l->tb->proc, look->fd, look->link, sizeof(look->link)) < 0)
		look->link[0] = '\0';
}

/* Whether that is the way to the file: what is not, is looked at more closely. */
static void link_follow(struct look *look)
{
	if ((S_ISREG(look->st.st_mode) || S_ISDIR(look->st.st_mode)) && look->link[0] == '/')
		look->link_leads = reg_path_check(look->link, &look->st) == 0;
}

/* An eventfd that tells nobody by a signal: all that there is to know. */
static bool all_is_said(const struct looks *l, struct look *look)
{
	if (!l->events_inode || !is_eventfd(look) || look->seen->owner ||
	    look->seen->inode != l->events_inode)
		return false;
	look->st = l->events_st;
	memcpy(look->link, l->events_link, sizeof(l->events_link));
	look->link_is_old = false;
	return true;
}

/* A writing end that tells nobody is left where it is. */
static bool is_pipe(const struct looks *l, struct look *look)
{
	const struct view_file *f = look->seen;

	if (look->info_is_read || !l->pipes_mount || f->mount != l->pipes_mount)
		return false;
	look->st = l->pipes_st;
	look->st.st_ino = f->ino;
	look->link[0] = '\0';
	look->link_is_old = false;
	return true;
}

static int fd_take(const struct table *tb, struct look *look)
{
	if (look->lfd < 0)
		look->lfd = sys_pidfd_getfd(tb->pidfd, look->fd);
	return look->lfd < 0 ? fail(-look->lfd, "pidfd_getfd") : 0;
}

static int pipe_take(struct looks *l, unsigned int worker, struct look *look)
{
	uint32_t acc = look->info.flags & O_ACCMODE;
	int r = acc == O_WRONLY && look->seen && !look->seen->owner ? 0 : fd_take(l->tb, look);

	if (r < 0 || look->lfd < 0)
		return r;
	return pipe_look_take(&l->rooms[worker], look->lfd, look->info.flags, &look->pipe);
}

static void spent_close(struct look *look)
{
	if (look->spent >= 0)
		close(look->spent);
	look->spent = -1;
}

static int look_take(struct looks *l, unsigned int worker, struct look *look)
{
	const struct table *tb = l->tb;
	int r = 0;

	spent_close(look);
	look->seen = seen_find(l, look->fd);
	if (kind_said(l, look->seen) == socket_kind)
		r = fd_take(tb, look);
	if (r < 0)
		return r;
	look->info_is_read = !info_from_view(l, look);
	if (look->info_is_read)
		r = proc_fdinfo_read(tb->proc, look->fd, &l->buf[worker], &look->info);
	if (r < 0)
		return fail(-r, "read fdinfo");
	if (all_is_said(l, look))
		return 0;
	if (is_pipe(l, look))
		return pipe_take(l, worker, look);
	r = fd_take(tb, look);
	if (r < 0)
		return r;
	if (fstat(look->lfd, &look->st) < 0)
		return fail(errno, "stat");
	link_take(l, look);
	link_follow(look);
	return S_ISFIFO(look->st.st_mode) ? pipe_take(l, worker, look) : 0;
}

static int look_work(void *ctx, size_t i, unsigned int worker)
{
	struct looks *l = ctx;
	struct look *look = &l->next->v[i];

	return fail_at(look_take(l, worker, look), "fd %d", look->fd);
}

void looks_begin(struct looks *l, const struct table *tb)
{
	l->tb = tb;
	l->taken = &l->batch[0];
	l->next = &l->batch[1];
	l->taken->nr = l->next->nr = 0;
	l->taken->used = l->next->used = 0;
	l->others = NULL;
	l->is_started = false;
	memset(l->buf, 0, sizeof(l->buf));
	memset(l->rooms, 0, sizeof(l->rooms));
	l->seen = tb->task->seen_fds;
	l->nr_seen = l->seen ? tb->task->fds.nr : 0;
	l->kinds = l->mounts = (struct map){ 0 };
	l->pipes_mount = l->events_inode = 0;
}

void looks_add(struct looks *l, int fd)
{
	struct look *look = &l->next->v[l->next->nr++];

	if (l->next->nr > l->next->used) {
		l->next->used = l->next->nr;
		look->spent = -1;
	}
	look->fd = fd;
	look->lfd = -1;
	look->family = -1;
	look->link_leads = false;
	look->pipe = NULL;
}

void looks_start(struct looks *l)
{
	if (l->next->nr < WORTH_OTHERS)
		return;
	if (l->others)
		parallel_give(l->others, l->next->nr);
	else
		l->others = parallel_begin(l->next->nr, look_work, l);
	l->is_started = true;
}

static int looks_end(struct looks *l)
{
	bool was_started = l->is_started;

	l->is_started = false;
	return was_started ? parallel_take(l->others) : parallel_for(l->next->nr, look_work, l);
}

int looks_take(struct looks *l)
{
	struct look_batch *free = l->taken;
	int r = looks_end(l);

	l->taken = l->next;
	l->next = free;
	for (size_t i = 0; i < l->taken->nr && r >= 0; i++) {
		view_learn(l, &l->taken->v[i]);
	}
	return r;
}

/* Whoever takes the place closes the descriptor. */
static void batch_forget(struct look_batch *b)
{
	for (size_t i = 0; i < b->nr; i++) {
		spent_close(&b->v[i]); /* nobody has */
		b->v[i].spent = b->v[i].lfd;
		pipe_look_free(b->v[i].pipe);
	}
	b->nr = 0;
}

static void batch_done(struct look_batch *b)
{
	batch_forget(b);
	for (size_t i = 0; i < b->used; i++)
		spent_close(&b->v[i]);
}

void looks_forget(struct looks *l)
{
	batch_forget(l->taken);
}

void looks_done(struct looks *l)
{
	if (l->others)
		parallel_end(l->others);
	batch_done(l->taken);
	batch_done(l->next);
	for (size_t i = 0; i < PARALLEL_WORKERS_MAX; i++) {
		proc_buf_done(&l->buf[i]);
		pipe_room_done(&l->rooms[i]);
	}
	map_done(&l->kinds);
	map_done(&l->mounts);
}
