// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/proc_mount.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/mem.h"
#include "criu/kernel/text.h"

/* Three octal digits of one byte, as seq_escape() writes them; -1: it is not that. */
static int octal_byte(const char *p, const char *end)
{
	if (end - p < 4 || p[0] != '\\' || p[1] < '0' || p[1] > '3' || p[2] < '0' || p[2] > '7' ||
	    p[3] < '0' || p[3] > '7')
		return -1;
	return (p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0');
}

/* In place: the text is the list's own copy, and the byte behind a field a separator. */
static const char *field_decode(struct text field)
{
	char *start = (char *)field.p, *out = start;

	for (const char *p = field.p; p < field.end;) {
		int byte = *p == '\\' ? octal_byte(p, field.end) : -1;

		*out++ = byte > 0 ? (char)byte : *p;
		p += byte > 0 ? 4 : 1;
	}
	*out = '\0';
	return start;
}

/* " word", which may be empty: a source of "", say. */
static bool take_field(struct text *t, struct text *ret)
{
	const char *space;

	if (!text_char(t, ' '))
		return false;
	space = memchr(t->p, ' ', text_len(t));
	*ret = (struct text){ t->p, space ? space : t->end };
	t->p = ret->end;
	return true;
}

static bool mount_tag(struct text *word, struct proc_mount *m)
{
	if (text_lit(word, "shared:"))
		return text_int(word, &m->shared);
	if (text_lit(word, "master:"))
		return text_int(word, &m->master);
	if (text_lit(word, "propagate_from:"))
		return text_int(word, &m->propagate_from);
	if (text_is(word, "unbindable"))
		m->unbindable = true;
	return true;
}

/* "shared:1 master:2 propagate_from:3 unbindable", any number of them, then "-". */
static bool mount_tags(struct text *t, struct proc_mount *m)
{
	struct text word;

	while (text_char(t, ' ') && text_word(t, &word)) {
		if (text_is(&word, "-"))
			return true;
		if (!mount_tag(&word, m))
			return false;
	}
	return false;
}

/* "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard" */
static bool mount_line(struct text t, struct proc_mount *m)
{
	struct text root, mountpoint, options, fstype, source;

	if (!text_int(&t, &m->id) || !text_next_int(&t, &m->parent) || !text_char(&t, ' ') ||
	    !text_u32(&t, &m->dev_major) || !text_char(&t, ':') || !text_u32(&t, &m->dev_minor))
		return false;
	if (!take_field(&t, &root) || !take_field(&t, &mountpoint) || !take_field(&t, &options) ||
	    !mount_tags(&t, m) || !take_field(&t, &fstype) || !take_field(&t, &source) ||
	    !text_char(&t, ' '))
		return false;

	m->root = field_decode(root);
	m->mountpoint = field_decode(mountpoint);
	m->options = field_decode(options);
	m->fstype = field_decode(fstype);
	m->source = field_decode(source);
	m->super_options = field_decode(t); /* to the end: not every filesystem escapes blanks */
	return true;
}

/* A copy that the strings stay in, with a byte behind the last line to put a NUL in. */
static char *text_copy(const char *text, size_t len)
{
	char *copy = mem_realloc(NULL, len + 1, 1);

	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

int proc_mountinfo_parse(const char *text, size_t len, struct proc_mounts *ret)
{
	struct proc_mounts l = { .text = text_copy(text, len) };
	struct text t = text_of(l.text, len), line;

	while (text_line(&t, &line)) {
		struct proc_mount *m = array_push(l.v, l.nr, l.cap);

		if (!mount_line(line, m)) {
			proc_mounts_done(&l);
			return -EINVAL;
		}
	}
	*ret = l;
	return 0;
}

int proc_mountinfo_read(int dirfd, struct proc_buf *b, struct proc_mounts *ret)
{
	int r = proc_read(dirfd, "mountinfo", b);

	if (r < 0)
		return r;
	return proc_mountinfo_parse(b->data, b->len, ret);
}

void proc_mounts_done(struct proc_mounts *l)
{
	free(l->v);
	free(l->text);
	*l = (struct proc_mounts){ 0 };
}

#define DELETED     " (deleted)"
#define DELETED_LEN (sizeof(DELETED) - 1)

/* "4:memory:/a/b" or "0::/x (deleted)". A controller name holds no colon, a path may. */
static bool cgroup_line(struct text t, struct proc_cgroup *c)
{
	char *controllers, *colon, *end = (char *)t.end;

	if (!text_u32(&t, &c->hierarchy) || !text_char(&t, ':'))
		return false;
	controllers = (char *)t.p;
	colon = memchr(controllers, ':', text_len(&t));
	if (!colon || colon + 1 == end || colon[1] != '/')
		return false;
	if (end - colon > (ptrdiff_t)DELETED_LEN + 1 &&
	    memcmp(end - DELETED_LEN, DELETED, DELETED_LEN) == 0) {
		c->deleted = true;
		end -= DELETED_LEN;
	}
	*colon = '\0';
	*end = '\0';
	c->controllers = controllers;
	c->path = colon + 1;
	return true;
}

int proc_cgroup_parse(const char *text, size_t len, struct proc_cgroups *ret)
{
	struct proc_cgroups l = { .text = text_copy(text, len) };
	struct text t = text_of(l.text, len), line;

	while (text_line(&t, &line)) {
		struct proc_cgroup *c = array_push(l.v, l.nr, l.cap);

		if (!cgroup_line(line, c)) {
			proc_cgroups_done(&l);
			return -EINVAL;
		}
	}
	*ret = l;
	return 0;
}

int proc_cgroup_read(int dirfd, pid_t tid, struct proc_buf *b, struct proc_cgroups *ret)
{
	int r = proc_read_tid(dirfd, tid, "cgroup", b);

	if (r < 0)
		return r;
	return proc_cgroup_parse(b->data, b->len, ret);
}

void proc_cgroups_done(struct proc_cgroups *l)
{
	free(l->v);
	free(l->text);
	*l = (struct proc_cgroups){ 0 };
}
