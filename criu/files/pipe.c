// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pipes: what is in them, how much fits, and their ends. Images: images/pipe.proto. Tests:
 * test/zdtm/static/pipe*.
 *
 * files/pipedata.c reads and writes what is in a pipe. On the way back crtool makes each
 * pipe and fills it; tasks take an end from it. More descriptions of an end come, as they
 * did the first time, from opening /proc/self/fd/N: those have O_LARGEFILE, the two that
 * pipe(2) makes do not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/given.h"
#include "criu/files/kinds.h"
#include "criu/files/pipedata.h"
#include "criu/kernel/syscalls.h"

#define O_LARGEFILE_KERNEL 0100000 /* glibc's is 0 on 64 bits */

struct pipe_file {
	struct file file;
	struct pipe_file *first; /* of the same pipe: it makes it */
	bool original; /* one of the two descriptions that pipe(2) made */
	/* of the first */
	int end[2]; /* broker numbers of reading and writing end */
	bool taken[2];
	struct pipe_content content;
};

static bool pipe_match(const struct fd_probe *p)
{
	return S_ISFIFO(p->st.st_mode) && str_starts(p->link, "pipe:[");
}

/* A pipe that was met. */
struct pipe_seen {
	struct pipe_seen *next;
	uint32_t ino;
	bool ends[2]; /* the tree has it for reading, for writing */
	bool alone; /* nobody has the other end */
	const struct task *task, *to; /* who was met first, as in struct fd_probe */
	int fd, to_fd;
};

/* *ret: it is met the first time. */
static struct pipe_seen *pipe_see(struct dump *d, const struct fd_probe *p, bool *ret)
{
	struct pipe_seen *s = map_get(&d->pipes, p->st.st_ino);
	uint32_t acc = p->info.flags & O_ACCMODE;

	*ret = !s;
	if (!s) {
		s = arena_alloc(&d->arena, sizeof(*s));
		s->ino = (uint32_t)p->st.st_ino;
		s->task = p->task;
		s->fd = p->fd;
		s->to = p->to;
		s->to_fd = p->to_fd;
		s->alone = acc != O_RDWR && (p->pipe ? p->pipe->alone : pipe_is_alone(p->lfd));
		s->next = d->pipes_seen;
		d->pipes_seen = s;
		map_put(&d->pipes, p->st.st_ino, s);
	}
	s->ends[0] |= acc != O_WRONLY;
	s->ends[1] |= acc != O_RDONLY;
	return s;
}

/* Such a pipe can be had from somebody outside at the restore, too. */
static int pipe_dump_end(struct dump *d)
{
	for (const struct pipe_seen *s = d->pipes_seen; s; s = s->next) {
		struct fd_probe p = {
			.task = s->task, .fd = s->fd, .to = s->to, .to_fd = s->to_fd
		};
		char name[64];

		if (s->alone || (s->ends[0] && s->ends[1]))
			continue;
		log_warn("%s: pipe:[%u]: its %s end is outside of the tree; nobody will be there, "
			 "unless restore is given a pipe: --inherit-fd fd[N]:pipe:[%u]",
			 fd_probe_name(&p, name, sizeof(name)), s->ino,
			 s->ends[0] ? "writing" : "reading", s->ino);
	}
	return 0;
}

/* The pipe itself, where it is met the first time. */
static int pipe_meet(struct dump *d, const struct fd_probe *p)
{
	cleanup_close int taken = -1;
	struct fd_probe own = *p;
	bool is_new;

	if (p->lfd < 0 && !map_get(&d->pipes, p->st.st_ino)) {
		taken = own.lfd = sys_pidfd_getfd(p->pidfd, p->fd);
		if (taken < 0)
			return fail(-taken, "pidfd_getfd");
	}
	pipe_see(d, &own, &is_new);
	return is_new ? pipe_content_dump(d, IMAGE_PIPES_DATA, &d->pipes_data_img,
					  (uint32_t)p->st.st_ino, &own)
		      : 0;
}

static int pipe_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	PipeEntry e = PIPE_ENTRY__INIT;
	FownEntry fown;
	int r = fown_dump_probe(p, &fown);

	if (r >= 0)
		r = pipe_meet(d, p);
	if (r < 0)
		return r;
	e.id = p->id;
	e.pipe_id = (uint32_t)p->st.st_ino;
	e.flags = fd_probe_flags(p);
	e.fown = &fown;
	fe.type = FD_TYPES__PIPE;
	fe.pipe = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

static int pipe_given(struct restore *r, const FileEntry *e, struct given_name *ret)
{
	(void)r;
	if (!e->pipe)
		return 0;
	snprintf(ret->text, sizeof(ret->text), "pipe:[%u]", e->pipe->pipe_id);
	ret->flags = e->pipe->flags;
	ret->fown = e->pipe->fown;
	return 1;
}

static void take_original(struct pipe_file *p, uint32_t flags)
{
	uint32_t acc = flags & O_ACCMODE;

	if (flags & O_LARGEFILE_KERNEL || acc == O_RDWR || p->first->taken[acc])
		return;
	p->first->taken[acc] = true;
	p->original = true;
}

static int pipe_load(struct restore *r, const FileEntry *e, struct file *f)
{
	struct pipe_file *p = file_to(struct pipe_file, f);

	if (!e->pipe)
		return fail_plain("has no part of a pipe");
	if ((e->pipe->flags & O_ACCMODE) == O_ACCMODE)
		return fail_plain("a pipe end with flags %o", e->pipe->flags);
	p->first = map_get(&r->pipes, e->pipe->pipe_id);
	if (!p->first) {
		p->first = p;
		map_put(&r->pipes, e->pipe->pipe_id, p);
		for (int i = 0; i < 2; i++) {
			p->end[i] = restore_add_broker(r);
			if (p->end[i] < 0)
				return p->end[i];
		}
	}
	take_original(p, e->pipe->flags);
	return 0;
}

static struct pipe_content *content_of(struct restore *r, uint32_t id)
{
	struct pipe_file *p = map_get(&r->pipes, id);

	return p ? &p->content : NULL;
}

static int pipe_fill(struct restore *r, struct pipe_file *p, int fd)
{
	int ret = 0;

	/* Once for all pipes. */
	if (!r->pipes_loaded)
		ret = pipe_contents_load(r, IMAGE_PIPES_DATA, content_of);
	r->pipes_loaded = true;
	if (ret >= 0)
		ret = fail_at(pipe_content_fill(&p->content, fd), "pipe %u",
			      p->file.entry->pipe->pipe_id);
	return ret;
}

static void pipe_done(struct file *f)
{
	pipe_content_done(&file_to(struct pipe_file, f)->content);
}

static int pipe_create(struct restore *r, struct file *f)
{
	struct pipe_file *p = file_to(struct pipe_file, f);
	int ends[2];

	if (p->first != p)
		return 0;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return fail(errno, "pipe");
	broker_give(r, p->end[0], ends[0]);
	broker_give(r, p->end[1], ends[1]);
	return pipe_fill(r, p, ends[1]);
}

/* Any end will do: which one it is to be is told to open(2). */
static int pipe_open_again(const struct restore *r, const struct pipe_file *p, uint32_t flags)
{
	cleanup_close int any = broker_take(r, p->first->end[0]);
	char path[32];
	int fd;

	if (any < 0)
		return any;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", any);
	fd = open(path, (int)(flags & O_ACCMODE) | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? fail(errno, "open an end of the pipe") : fd;
}

static int pipe_open(struct restore *r, struct file *f)
{
	const struct pipe_file *p = file_to(struct pipe_file, f);
	const PipeEntry *e = f->entry->pipe;
	cleanup_close int fd = -1;
	int ret;

	fd = p->original ? broker_take(r, p->first->end[e->flags & O_ACCMODE])
			 : pipe_open_again(r, p, e->flags);
	if (fd < 0)
		return fail_at(fd, "pipe %u", e->pipe_id);
	ret = fail_at(status_restore(fd, e->flags, e->fown), "pipe %u", e->pipe_id);
	return ret < 0 ? ret : take_fd(&fd);
}

const struct file_kind pipe_kind = {
	.name = "pipe",
	.type = FD_TYPES__PIPE,
	.size = sizeof(struct pipe_file),
	.match = pipe_match,
	.dump = pipe_dump,
	.dump_end = pipe_dump_end,
	.load = pipe_load,
	.given = pipe_given,
	.create = pipe_create,
	.open = pipe_open,
	.done = pipe_done,
};
