// SPDX-License-Identifier: GPL-2.0-only
/* "lock:" lines of fdinfo and lines of /proc/locks: lock_get_status() of fs/locks.c. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "criu/base/mem.h"
#include "criu/kernel/proc_fd.h"
#include "criu/kernel/text.h"

static bool next_word(struct text *t, struct text *ret)
{
	text_blanks(t);
	return text_word(t, ret);
}

/* "1: " or "1: -> ", indented deeper for each lock that is waited for. */
static bool lock_head(struct text *t, struct proc_lock *l)
{
	if (!text_u64(t, &l->id) || !text_char(t, ':'))
		return false;
	text_blanks(t);
	l->waiting = text_lit(t, "->");
	return true;
}

static bool lock_type(struct text *t, struct proc_lock *l)
{
	static const struct {
		const char *name;
		enum proc_lock_type type;
	} types[] = {
		{ "FLOCK", PROC_LOCK_FLOCK }, { "POSIX", PROC_LOCK_POSIX },
		{ "OFDLCK", PROC_LOCK_OFD },  { "LEASE", PROC_LOCK_LEASE },
		{ "DELEG", PROC_LOCK_DELEG }, { "ACCESS", PROC_LOCK_ACCESS },
	};
	struct text word;

	if (!next_word(t, &word))
		return false;
	l->type = PROC_LOCK_OTHER;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (text_is(&word, types[i].name))
			l->type = types[i].type;

	/* ADVISORY, MANDATORY, MSNFS, *NOINODE*; ACTIVE, BREAKING, BREAKER */
	if (!next_word(t, &word))
		return false;
	l->mandatory = text_is(&word, "MANDATORY") || text_is(&word, "MSNFS");
	l->breaking = text_is(&word, "BREAKING");
	l->breaker = text_is(&word, "BREAKER");
	return true;
}

static bool lock_kind(struct text *t, struct proc_lock *l)
{
	struct text word;

	if (!next_word(t, &word))
		return false;
	if (text_is(&word, "READ"))
		l->kind = F_RDLCK;
	else if (text_is(&word, "WRITE") || text_is(&word, "RW"))
		l->kind = F_WRLCK;
	else if (text_is(&word, "UNLCK") || text_is(&word, "NONE"))
		l->kind = F_UNLCK;
	else
		return false;
	return true;
}

/* "fe:00:10952939" or "<none>:0" */
static bool lock_inode(struct text *t, struct proc_lock *l)
{
	text_blanks(t);
	if (text_lit(t, "<none>:0"))
		return true;
	return text_hex32(t, &l->dev_major) && text_char(t, ':') && text_hex32(t, &l->dev_minor) &&
	       text_char(t, ':') && text_u64(t, &l->ino);
}

static bool lock_range(struct text *t, struct proc_lock *l)
{
	if (!text_next_u64(t, &l->start))
		return false;
	text_blanks(t);
	l->end = UINT64_MAX;
	return text_lit(t, "EOF") || text_u64(t, &l->end);
}

int proc_lock_next(const char *text, size_t len, size_t *cursor, struct proc_lock *ret)
{
	size_t at = *cursor < len ? *cursor : len;
	struct text t = text_of(text + at, len - at), line;

	while (text_line(&t, &line)) {
		struct proc_lock l = { 0 };

		*cursor = (size_t)(t.p - text);
		if (text_lit(&line, "lock:"))
			text_blanks(&line);
		if (text_empty(&line) || text_digit(*line.p) > 9)
			continue;
		if (!lock_head(&line, &l) || !lock_type(&line, &l) || !lock_kind(&line, &l) ||
		    !text_next_int(&line, &l.owner) || !lock_inode(&line, &l) ||
		    !lock_range(&line, &l) || !text_done(&line))
			return -EINVAL;
		*ret = l;
		return 1;
	}
	return 0;
}
