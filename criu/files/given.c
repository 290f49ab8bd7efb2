// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files from outside: --external, --inherit-fd. Tests: test/errors/cases/given.py.
 *
 * Each kind tells by what name its files go (file_kind.given): pipe:[INO], socket:[INO],
 * tty[RDEV:DEV], /memfd:NAME, or a path. A file of the images whose name was given is none of its
 * kind any more: whoever has it gets the descriptor that was given.
 *
 * That is one description for all, and crtool's caller has it, too. So where flags differ, a pipe
 * or a terminal is opened again, and has flags of its own; with anything else they would be changed
 * for the caller as well.
 */
#include "criu/files/given.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/str.h"
#include "criu/files/fown.h"

#define FLAGS_OF_STATUS (O_ACCMODE | O_APPEND | O_NONBLOCK | O_DIRECT | O_ASYNC)

struct given_file {
	struct file file;
	size_t index; /* in inherit_fds of the options */
	uint32_t flags;
	const FownEntry *fown;
};

/* --- dump ----------------------------------------------------------------------- */

bool external_has(const struct dump *d, const char *name)
{
	const struct options *o = d->s->opts;

	for (size_t i = 0; i < o->nr_external; i++)
		if (str_eq(o->external[i], name))
			return true;
	return false;
}

void given_tty_name(uint32_t rdev, uint32_t dev, char *buf, size_t size)
{
	snprintf(buf, size, "tty[%x:%x]", rdev, dev);
}

static void file_name(const struct fd_probe *p, char *buf, size_t size)
{
	snprintf(buf, size, "file[%x:%" PRIx64 "]", (unsigned int)p->info.mnt_id,
		 (uint64_t)p->st.st_ino);
}

bool external_file_is(const struct dump *d, const struct fd_probe *p)
{
	char name[64];

	if (!d->s->opts->nr_external)
		return false;
	file_name(p, name, sizeof(name));
	return external_has(d, name);
}

/* As CRIU has it: its name is the one that it is to be given by. */
static int external_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	RegFileEntry e = REG_FILE_ENTRY__INIT;
	FownEntry fown = FOWN_ENTRY__INIT;
	char name[64];
	int r = p->info.flags & O_PATH ? 0 : fown_dump_probe(p, &fown);

	if (r < 0)
		return r;
	file_name(p, name, sizeof(name));
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.pos = (uint64_t)p->info.pos;
	e.fown = &fown;
	e.name = name;
	e.has_ext = e.ext = true;
	fe.type = FD_TYPES__REG;
	fe.reg = &e;
	return dump_file_write(d, p->id, &fe);
}

static bool nothing_match(const struct fd_probe *p)
{
	(void)p;
	return false;
}

/* --- restore ------------------------------------------------------------------ */

/* A path is said with or without the slash that it begins with. */
static bool is_name(const char *given, const char *name)
{
	return str_eq(given, name) || (name[0] == '/' && str_eq(given, name + 1));
}

static bool index_find(const struct restore *r, const char *name, size_t *ret)
{
	const struct options *o = r->s->opts;

	for (size_t i = 0; i < o->nr_inherit_fds; i++) {
		if (is_name(o->inherit_fds[i].name, name)) {
			*ret = i;
			return true;
		}
	}
	return false;
}

int given_find(const struct restore *r, const char *name)
{
	size_t i;

	if (!index_find(r, name, &i))
		return -1;
	return r->given_fds ? r->given_fds[i] : r->s->opts->inherit_fds[i].fd;
}

static int covers_check(const struct given_file *g, const char *name, int fd)
{
	uint32_t want = g->flags & O_ACCMODE, has;
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) < 0)
		return fail(errno, "--inherit-fd fd[%d]:%s", fd, name);
	has = (uint32_t)flags & O_ACCMODE;
	if (str_starts(name, "socket:[") && !S_ISSOCK(st.st_mode))
		return fail_plain("--inherit-fd fd[%d]:%s: is no socket", fd, name);
	/* What stands on a name of its own is opened again as it is to be. */
	if (has == want || has == O_RDWR || S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))
		return 0;
	return fail_plain("--inherit-fd fd[%d]:%s: is open for %s only, and was for %s", fd, name,
			  has == O_RDONLY ? "reading" : "writing",
			  want == O_RDONLY   ? "reading"
			  : want == O_WRONLY ? "writing"
					     : "both");
}

static int file_give(struct restore *r, struct file **place, const struct given_name *n, size_t i)
{
	struct given_file *g = arena_alloc(&r->arena, sizeof(*g));

	g->file = **place;
	g->file.kind = &given_kind;
	g->index = i;
	g->flags = n->flags;
	g->fown = n->fown;
	*place = &g->file;
	return covers_check(g, n->text, r->s->opts->inherit_fds[i].fd);
}

int given_load(struct restore *r)
{
	struct given_name *n;
	int ret = 0;

	if (!r->s->opts->nr_inherit_fds)
		return 0;
	n = arena_alloc(&r->arena, sizeof(*n));
	for (size_t i = 0, at; i < r->nr_files && ret >= 0; i++) {
		struct file *f = r->files[i];

		ret = f->kind->given ? f->kind->given(r, f->entry, n) : 0;
		if (ret > 0 && index_find(r, n->text, &at))
			ret = file_give(r, &r->files[i], n, at);
	}
	return ret < 0 ? ret : 0;
}

int given_open(struct restore *r)
{
	const struct options *o = r->s->opts;

	if (!o->nr_inherit_fds)
		return 0;
	r->given_fds = arena_array(&r->kept, int, o->nr_inherit_fds);
	for (size_t i = 0; i < o->nr_inherit_fds; i++) {
		int fd = fcntl(o->inherit_fds[i].fd, F_DUPFD_CLOEXEC, 0);

		if (fd >= 0)
			fd = service_fd(r, fd);
		else
			fail(errno, "--inherit-fd fd[%d]", o->inherit_fds[i].fd);
		if (fd < 0)
			return -EBADF;
		r->given_fds[i] = fd;
	}
	return 0;
}

/* Where crtool stays, it must not keep the other ends of pipes waiting. */
void given_done(struct restore *r)
{
	const struct options *o = r->s->opts;

	for (size_t i = 0; r->given_fds && i < o->nr_inherit_fds; i++) {
		if (r->given_fds[i] >= 0)
			close(r->given_fds[i]);
		r->given_fds[i] = -1;
		if (o->inherit_fds[i].fd > STDERR_FILENO)
			close(o->inherit_fds[i].fd);
	}
}

/* A description of its own, where that is one of the same file. */
static bool is_openable(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode));
}

static int open_anew(const struct given_file *g, int fd)
{
	cleanup_close int anew = -1;
	char path[32];
	int ret;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	anew = open(path, (int)(g->flags & O_ACCMODE) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (anew < 0)
		return fail(errno, "open what --inherit-fd gives");
	ret = status_restore(anew, g->flags, g->fown);
	return ret < 0 ? ret : take_fd(&anew);
}

static int given_take(struct restore *r, struct file *f)
{
	const struct given_file *g = file_to(const struct given_file, f);
	int from = r->given_fds[g->index], flags = fcntl(from, F_GETFL), fd;

	if (flags < 0)
		return fail(errno, "F_GETFL of what --inherit-fd gives");
	if (((uint32_t)flags ^ g->flags) & FLAGS_OF_STATUS && is_openable(from))
		return open_anew(g, from);
	fd = fcntl(from, F_DUPFD_CLOEXEC, 0);
	if (fd < 0)
		return fail(errno, "duplicate what --inherit-fd gives");
	return fd;
}

int given_open_mapped(const struct restore *r, const struct file *f)
{
	const struct given_file *g = file_to(const struct given_file, f);
	int fd = fcntl(r->given_fds[g->index], F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? fail(errno, "duplicate what --inherit-fd gives") : fd;
}

/* In no list: external_file_is() and given_load() choose it. */
const struct file_kind given_kind = {
	.name = "given",
	.type = FD_TYPES__REG,
	.size = sizeof(struct given_file),
	.match = nothing_match,
	.dump = external_dump,
	.open = given_take,
};
