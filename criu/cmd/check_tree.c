// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tries a dump. What stands in the way may need no more than an option, and that option may bring
 * to light what else is there; so it is tried again with all that were asked for, until nothing new
 * comes. What a blocker tells the user to try is what is tried.
 */
#include "criu/cmd/check_tree.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/str.h"
#include "criu/cmd/options.h"
#include "criu/core/session.h"
#include "criu/flow/dump.h"

struct trial {
	struct options opts;
	bool wanted[OPTIONS_MAX]; /* by row of option_table */
	struct strbuf lines; /* of blockers; each begins with a newline */
};

/* An option of dump in the text; NULL: there is none. */
static const struct option_def *option_in(const char *text, size_t len)
{
	const char *at = memmem(text, len, " --", 3), *end = text + len;
	char name[32];
	size_t n = 0;

	if (!at)
		return NULL;
	for (at += 3; at < end && n < sizeof(name) - 1; at++) {
		if (!islower((unsigned char)*at) && *at != '-')
			break;
		name[n++] = *at;
	}
	name[n] = '\0';
	return option_by_name(name);
}

static bool can_be_tried(const struct option_def *d)
{
	return d && d->commands & FOR_DUMP && d->commands & FOR_CHECK;
}

/* With SIZE and the like, 0 is all there is. */
static int option_try(struct trial *t, const struct option_def *d)
{
	t->wanted[d - option_table] = true;
	return d->set(&t->opts, d, d->arg == ARG_REQUIRED ? "0" : NULL, true);
}

/* 1: an option that was not tried before. Its line is kept: with the option it does not come. */
static int line_judge(struct trial *t, const bool *tried, const char *line, size_t len)
{
	const struct option_def *d = option_in(line, len);

	if (!can_be_tried(d) || tried[d - option_table])
		return 0;
	strbuf_append(&t->lines, line, len);
	if (t->wanted[d - option_table])
		return 1;
	return option_try(t, d) < 0 ? -EINVAL : 1;
}

/* Each line of the blockers, with the newline before it. 1: there is something new to try. */
static int blockers_judge(struct trial *t, const char *text)
{
	bool tried[OPTIONS_MAX];
	int more = 0;

	memcpy(tried, t->wanted, sizeof(tried));
	while (*text) {
		size_t len = 1 + strcspn(text + 1, "\n");
		int r = line_judge(t, tried, text, len);

		if (r < 0)
			return r;
		more |= r;
		text += len;
	}
	return more;
}

static void options_print(const struct trial *t, struct strbuf *b)
{
	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *d = &option_table[i];

		if (t->wanted[i])
			strbuf_printf(b, " --%s%s%s", d->name, d->arg == ARG_REQUIRED ? " " : "",
				      d->arg == ARG_REQUIRED ? d->metavar : "");
	}
}

/* All lines, of all tries, as one error. */
static int say(const struct trial *t, bool solved)
{
	struct strbuf names = { 0 };
	const char *text = t->lines.data;
	int r;

	error_reset();
	error_context("check", NULL);
	while (text && *text) {
		size_t len = 1 + strcspn(text + 1, "\n");

		blocker(NULL, "%.*s", (int)(len - 3), text + 3);
		text += len;
	}
	r = blockers_fail();
	options_print(t, &names);
	if (names.data)
		fail_hint(r, solved ? "it can be dumped with%s" : "options that it needs, too:%s",
			  names.data);
	strbuf_done(&names);
	return r;
}

static int trial_run(struct trial *t, struct session *s)
{
	int r, more;

	do {
		r = dump_try(s);
		if (r >= 0 || !blockers_count())
			break;
		more = blockers_judge(t, blockers_text());
		if (more < 0)
			return more;
		if (!more)
			strbuf_append(&t->lines, blockers_text(), strlen(blockers_text()));
		else
			error_reset();
	} while (more);
	if (r < 0 && !blockers_count())
		return r;
	return t->lines.data ? say(t, r >= 0) : 0;
}

int check_tree(struct session *s)
{
	const struct options *given = s->opts;
	struct trial t = { .opts = *given };
	int r;

	s->opts = &t.opts;
	r = trial_run(&t, s);
	s->opts = given;
	strbuf_done(&t.lines);
	if (r < 0)
		return r;
	if (printf("Looks good.\n") < 0 || fflush(stdout))
		return fail(errno, "standard output");
	return 0;
}
