// SPDX-License-Identifier: GPL-2.0-only
/*
 * getopt_long does the scanning, with tables made from option_table. An option string that
 * begins with '-' has it return arguments that are no options in their place, so that they may
 * stand anywhere, POSIXLY_CORRECT or not, and argv stays as it is.
 */
#include "criu/cmd/cmdline.h"

#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/cmd/nearest.h"

/* What getopt_long returns for a long option is its place in the table plus one of these. */
enum { LONG_BASE = 0x1000, NO_BASE = 0x2000, MISSING_BASE = 0x3000, BASE_MASK = 0xf000 };

struct scan {
	int argc;
	char *const *argv;
	struct cmdline *out;
	struct option *longs; /* its names that begin with "no-" are owned by no_names */
	size_t nr, cap;
	char **no_names;
	size_t nr_no, cap_no;
	struct strbuf shorts;
};

static void add_long(struct scan *s, const char *name, int has_arg, int val)
{
	struct option *o = array_push(s->longs, s->nr, s->cap);

	o->name = name;
	o->has_arg = has_arg;
	o->val = val;
}

static void add_no(struct scan *s, const char *name, int val)
{
	struct strbuf b = { 0 };
	char **slot = array_push(s->no_names, s->nr_no, s->cap_no);

	strbuf_printf(&b, "no-%s", name);
	*slot = b.data;
	add_long(s, *slot, no_argument, val);
}

static void build_tables(struct scan *s)
{
	static const int has_arg[] = { no_argument, required_argument, optional_argument };
	static const char *const colons[] = { "", ":", "::" };

	strbuf_printf(&s->shorts, "-:");
	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *d = &option_table[i];

		add_long(s, d->name, has_arg[d->arg], LONG_BASE + (int)i);
		if (option_negatable(d))
			add_no(s, d->name, NO_BASE + (int)i);
		if (d->letter)
			strbuf_printf(&s->shorts, "%c%s", d->letter, colons[d->arg]);
	}
	/* These are refused whatever follows them. */
	for (size_t i = 0; i < option_missing_nr; i++) {
		const struct option_missing *m = &option_missing_table[i];

		add_long(s, m->name, optional_argument, MISSING_BASE + (int)i);
		if (!str_starts(m->name, "no-"))
			add_no(s, m->name, MISSING_BASE + (int)i);
		if (m->letter)
			strbuf_printf(&s->shorts, "%c::", m->letter);
	}
	array_push(s->longs, s->nr, s->cap);
}

static void scan_done(struct scan *s)
{
	for (size_t i = 0; i < s->nr_no; i++)
		free(s->no_names[i]);
	free(s->no_names);
	free(s->longs);
	strbuf_done(&s->shorts);
}

/* --- what is wrong with an option --------------------------------------------- */

static int fail_not_available(const char *prefix, const char *name)
{
	return fail_plain("%s%s is not available in this version", prefix, name);
}

static int fail_unknown_long(struct scan *s, const char *word)
{
	struct nearest n = { .word = word };
	int r = fail_plain("unknown option --%s", word);

	for (size_t i = 0; s->longs[i].name; i++)
		if ((s->longs[i].val & BASE_MASK) != MISSING_BASE)
			nearest_try(&n, s->longs[i].name);
	if (n.best)
		return fail_hint(r, "did you mean --%s?", n.best);
	return fail_hint(r, "crtool --help lists the options");
}

static int fail_ambiguous(struct scan *s, const char *word, size_t count)
{
	struct strbuf list = { 0 };
	size_t shown = 0;
	int r;

	for (size_t i = 0; s->longs[i].name && shown < 5; i++)
		if (str_starts(s->longs[i].name, word))
			strbuf_printf(&list, "%s--%s", shown++ ? ", " : "", s->longs[i].name);
	r = fail_plain("--%s could be %s%s", word, list.data, count > shown ? ", ..." : "");
	strbuf_done(&list);
	return r;
}

/* getopt_long says '?': it does not know the name, or it could be several. */
static int fail_long(struct scan *s, const char *arg)
{
	size_t len = strcspn(arg, "="), count = 0;
	cleanup_free char *word = mem_strdup(arg);

	word[len] = '\0';
	for (size_t i = 0; s->longs[i].name; i++)
		count += str_starts(s->longs[i].name, word);
	return len && count > 1 ? fail_ambiguous(s, word, count) : fail_unknown_long(s, word);
}

static int fail_letter(int c)
{
	int r;

	if (isprint(c))
		r = fail_plain("unknown option -%c", c);
	else
		r = fail_plain("unknown option -\\x%02x", (unsigned int)c & 0xff);
	return fail_hint(r, "crtool --help lists the options");
}

/* The row of an option that getopt_long names by its return value, or by optopt. */
static const struct option_def *row_of(int val)
{
	if ((val & BASE_MASK) == LONG_BASE || (val & BASE_MASK) == NO_BASE)
		return &option_table[val & ~BASE_MASK];
	for (size_t i = 0; i < option_table_nr; i++)
		if (option_table[i].letter && option_table[i].letter == val)
			return &option_table[i];
	return NULL;
}

static const struct option_missing *missing_of(int val)
{
	if ((val & BASE_MASK) == MISSING_BASE)
		return &option_missing_table[val & ~BASE_MASK];
	for (size_t i = 0; i < option_missing_nr; i++)
		if (option_missing_table[i].letter && option_missing_table[i].letter == val)
			return &option_missing_table[i];
	return NULL;
}

static int fail_option(struct scan *s, int c)
{
	const struct option_missing *m = missing_of(optopt);
	const struct option_def *d = row_of(optopt);

	if (m) /* --no-NAME=VALUE */
		return fail_not_available("--", m->name);
	if (c == ':')
		return fail_hint(fail_plain("--%s needs a %s", d->name, d->metavar), "--%s: %s",
				 d->name, d->help);
	if (d)
		return fail_plain("--%s%s takes no value",
				  (optopt & BASE_MASK) == NO_BASE ? "no-" : "", d->name);
	if (optopt)
		return fail_letter(optopt);
	return fail_long(s, s->argv[optind - 1] + 2);
}

/* --- scanning ----------------------------------------------------------------- */

static int take_command(struct cmdline *out, const char *word)
{
	struct nearest n = { .word = word };
	int r;

	out->command = command_by_name(word);
	if (out->command) {
		error_context(out->command->name, NULL);
		return 0;
	}
	for (size_t i = 0; i < command_missing_nr; i++)
		if (str_eq(command_missing_table[i], word))
			return fail_not_available("", word);
	r = fail_plain("unknown command \"%s\"", word);
	for (size_t i = 0; i < command_table_nr; i++)
		nearest_try(&n, command_table[i].name);
	if (n.best)
		return fail_hint(r, "did you mean %s?", n.best);
	return fail_hint(r, "crtool --help lists the commands");
}

static int take_word(struct cmdline *out, const char *word)
{
	if (!out->command)
		return take_command(out, word);
	return fail_hint(fail_plain("\"%s\" is one argument too many", word),
			 "crtool %s --help shows what it takes", out->command->name);
}

static int take_option(struct cmdline *out, int c)
{
	const struct option_missing *m = missing_of(c);
	const struct option_def *d = row_of(c);
	bool on = (c & BASE_MASK) != NO_BASE;

	if (m)
		return fail_not_available("--", m->name);
	out->state[d - option_table] = on ? OPTION_ON : OPTION_OFF;
	return d->set(&out->opts, d, optarg, on);
}

static int scan_args(struct scan *s)
{
	int c, r;

	optind = 0; /* glibc: start afresh */
	opterr = 0;
	for (;;) {
		c = getopt_long(s->argc, s->argv, s->shorts.data, s->longs, NULL);
		if (c == -1)
			break;
		if (c == '?' || c == ':')
			r = fail_option(s, c);
		else if (c == 1)
			r = take_word(s->out, optarg);
		else
			r = take_option(s->out, c);
		if (r < 0)
			return r;
	}
	for (int i = optind; i < s->argc; i++) { /* behind "--" */
		r = take_word(s->out, s->argv[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- the whole ---------------------------------------------------------------- */

static const char *commands_of(const struct option_def *d)
{
	for (size_t i = 0; i < command_table_nr; i++)
		if (d->commands & command_table[i].bit)
			return command_table[i].name;
	return "no command";
}

static int check_option(const struct cmdline *c, size_t i)
{
	const struct option_def *d = &option_table[i];

	if (c->state[i] != OPTION_UNSEEN && !(d->commands & c->command->bit))
		return fail_plain("--%s is an option of %s, not of %s", d->name, commands_of(d),
				  c->command->name);
	if (c->state[i] != OPTION_ON && d->required & c->command->bit)
		return fail_hint(fail_plain("-%c %s is missing", d->letter, d->metavar),
				 "usage: crtool %s %s [OPTIONS]", c->command->name,
				 c->command->usage);
	return 0;
}

static int check_whole(const struct cmdline *c)
{
	int r;

	if (!c->command)
		return fail_hint(fail_plain("no command given"),
				 "crtool --help lists the commands");
	for (size_t i = 0; i < option_table_nr; i++) {
		r = check_option(c, i);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < option_relations_nr; i++) {
		const struct option_relation *rel = &option_relations[i];
		bool a = cmdline_given(c, rel->a), b = cmdline_given(c, rel->b);

		if (rel->needs && a && !b)
			return fail_plain("--%s is only for use with --%s", rel->a, rel->b);
		if (!rel->needs && a && b)
			return fail_plain("--%s and --%s contradict each other", rel->a, rel->b);
	}
	return 0;
}

int cmdline_parse(int argc, char *const *argv, struct cmdline *ret)
{
	struct scan s = { .argc = argc, .argv = argv, .out = ret };
	int r, level;

	*ret = (struct cmdline){ 0 };
	options_init(&ret->opts);
	error_context(NULL, NULL);
	if (argc <= 1) {
		ret->action = ACTION_USAGE;
		return 0;
	}
	level = ret->opts.verbosity;
	ret->opts.verbosity = -1; /* the first -v counts from here */
	build_tables(&s);
	r = scan_args(&s);
	scan_done(&s);
	if (ret->opts.verbosity < 0)
		ret->opts.verbosity = level;
	if (r < 0)
		return r;
	if (cmdline_given(ret, "help"))
		ret->action = ACTION_HELP;
	else if (cmdline_given(ret, "version"))
		ret->action = ACTION_VERSION;
	else if (cmdline_given(ret, "man"))
		ret->action = ACTION_MAN;
	return ret->action == ACTION_RUN ? check_whole(ret) : 0;
}

void cmdline_done(struct cmdline *c)
{
	options_done(&c->opts);
}

bool cmdline_given(const struct cmdline *c, const char *name)
{
	const struct option_def *d = option_by_name(name);

	return d && c->state[d - option_table] == OPTION_ON;
}
