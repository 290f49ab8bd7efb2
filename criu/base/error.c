// SPDX-License-Identifier: GPL-2.0-only
/* The error record of this process. */
#include "criu/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "criu/base/log.h"
#include "criu/base/str.h"

#define BLOCKERS_SHOWN 200

/* Each thread has its own: see base/parallel.h for how a worker's gets to the caller. */
static __thread struct {
	bool set;
	const char *command, *step;
	char where[512]; /* "pid 43 (nginx): fd 7: " */
	char cause[1024];
	char hint[512];
	struct strbuf blockers;
	size_t nr_blockers;
	struct strbuf text;
} record;

void error_context(const char *command, const char *step)
{
	record.command = command;
	record.step = step;
}

static int fail_record(int err, bool strerr, const char *fmt, va_list ap)
{
	char cause[sizeof(record.cause)];
	size_t len;

	vsnprintf(cause, sizeof(cause), fmt, ap);
	str_make_line(cause);
	len = strlen(cause);
	if (strerr)
		snprintf(cause + len, sizeof(cause) - len, ": %s", strerror(err));
	if (record.set) {
		log_warn("after the error: %s", cause);
		return -err;
	}
	record.set = true;
	record.where[0] = record.hint[0] = '\0';
	memcpy(record.cause, cause, sizeof(cause));
	return -err;
}

int fail(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_record(err, true, fmt, ap);
	va_end(ap);
	return -err;
}

int fail_plain(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_record(EINVAL, false, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int fail_at(int r, const char *fmt, ...)
{
	char front[sizeof(record.where)], old[sizeof(record.where)];
	va_list ap;

	if (r >= 0)
		return r;
	va_start(ap, fmt);
	vsnprintf(front, sizeof(front), fmt, ap);
	va_end(ap);
	str_make_line(front);
	memcpy(old, record.where, sizeof(old));
	if (snprintf(record.where, sizeof(record.where), "%s: %s", front, old) >=
	    (int)sizeof(record.where))
		str_make_line(record.where); /* half of a character, maybe */
	return r;
}

int fail_hint(int r, const char *fmt, ...)
{
	va_list ap;

	if (r >= 0 || record.hint[0])
		return r;
	va_start(ap, fmt);
	vsnprintf(record.hint, sizeof(record.hint), fmt, ap);
	va_end(ap);
	return r;
}

void blocker(const char *hint, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	str_make_line(line);
	log_error("%s%s%s", line, hint ? "; " : "", hint ? hint : "");
	if (record.nr_blockers++ >= BLOCKERS_SHOWN)
		return;
	strbuf_printf(&record.blockers, "\n  %s%s%s", line, hint ? "; " : "", hint ? hint : "");
}

void blocker_from_error(void)
{
	char where[sizeof(record.where)], cause[sizeof(record.cause)], hint[sizeof(record.hint)];

	memcpy(where, record.where, sizeof(where));
	memcpy(cause, record.cause, sizeof(cause));
	memcpy(hint, record.hint, sizeof(hint));
	error_withdraw();
	blocker(hint[0] ? hint : NULL, "%s%s", where, cause);
}

size_t blockers_count(void)
{
	return record.nr_blockers;
}

const char *blockers_text(void)
{
	return record.blockers.data ? record.blockers.data : "";
}

int blockers_fail(void)
{
	if (!record.nr_blockers)
		return 0;
	if (record.nr_blockers > BLOCKERS_SHOWN)
		strbuf_printf(&record.blockers, "\n  and %zu more, all in the log",
			      record.nr_blockers - BLOCKERS_SHOWN);
	return fail_plain("%zu %s", record.nr_blockers,
			  record.nr_blockers == 1 ? "object stands in the way"
						  : "objects stand in the way");
}

bool error_is_set(void)
{
	return record.set;
}

static const char *error_format(bool context)
{
	const char *c = context ? record.command : NULL, *s = context ? record.step : NULL;
	const char *list = record.blockers.data ? record.blockers.data : "";

	strbuf_done(&record.text);
	strbuf_printf(&record.text, "%s%s%s%s", c ? c : "", c ? ": " : "", s ? s : "",
		      s ? ": " : "");
	/* A single blocker is the error itself. */
	if (record.nr_blockers == 1 && *list)
		strbuf_printf(&record.text, "%s", list + 3);
	else
		strbuf_printf(&record.text, "%s%s%s", record.where, record.cause, list);
	if (record.hint[0])
		strbuf_printf(&record.text, "\n  %s", record.hint);
	return record.text.data;
}

const char *error_text(void)
{
	return error_format(true);
}

const char *error_bare_text(void)
{
	return error_format(false);
}

int error_adopt(int r, const char *text)
{
	if (record.set)
		return r;
	record.set = true;
	record.where[0] = record.hint[0] = '\0';
	snprintf(record.cause, sizeof(record.cause), "%s", text);
	return r;
}

void error_withdraw(void)
{
	record.set = false;
	record.where[0] = record.cause[0] = record.hint[0] = '\0';
}

void error_reset(void)
{
	error_withdraw();
	record.nr_blockers = 0;
	strbuf_done(&record.blockers);
}
