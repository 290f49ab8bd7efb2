// SPDX-License-Identifier: GPL-2.0-only
/*
 * The option table: getopt, --help, the man page and the checks of a command line are made
 * from it and from nothing else.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "criu/core/options.h"

/* Commands, as bits: an option says which ones take it. */
enum {
	FOR_DUMP = 1 << 0,
	FOR_RESTORE = 1 << 1,
	FOR_CHECK = 1 << 2,
	FOR_GC = 1 << 3,
	FOR_PREDUMP = 1 << 5,
	FOR_DEDUP = 1 << 6,
	FOR_ALL = FOR_DUMP | FOR_PREDUMP | FOR_RESTORE | FOR_CHECK | FOR_GC | FOR_DEDUP,
	FOR_NONE = 1 << 4, /* also without a command */
};

struct command_def {
	const char *name;
	unsigned int bit;
	const char *usage; /* what follows the name in a synopsis, besides [OPTIONS] */
	const char *summary; /* one line */
	const char *text; /* what it does; paragraphs end with \n */
};

enum option_group {
	GROUP_GENERAL,
	GROUP_DUMP,
	GROUP_RESTORE,
	GROUP_CHECK,
	GROUP_GC,
	GROUP_TEST,
	GROUP_NR
};
enum option_arg { ARG_NONE, ARG_REQUIRED, ARG_OPTIONAL };

struct option_def {
	const char *name;
	char letter; /* 0: long form only */
	bool once; /* has no --no-NAME though it takes no argument */
	enum option_arg arg;
	enum option_group group;
	unsigned int commands; /* FOR_ bits */
	unsigned int required; /* the commands that cannot do without it */
	int value; /* for setters that many options share: what to put */
	size_t offset; /* the same: of the field where it goes */
	const char *metavar;
	const char *help;

	/* arg is NULL where none was given; on is false for --no-NAME. Speaks. */
	int (*set)(struct options *o, const struct option_def *d, const char *arg, bool on);
};

/* Two options of one command that do not go together, or one that needs the other. */
struct option_relation {
	const char *a, *b;
	bool needs; /* a makes sense with b only; otherwise: never both */
};

/* CRIU has it and we shall, but not in this version. */
struct option_missing {
	const char *name;
	char letter;
};

extern const struct command_def command_table[];
extern const size_t command_table_nr;
extern const struct option_def option_table[];
extern const size_t option_table_nr;
extern const struct option_relation option_relations[];
extern const size_t option_relations_nr;
extern const struct option_missing option_missing_table[];
extern const size_t option_missing_nr;
extern const char *const command_missing_table[];
extern const size_t command_missing_nr;

#define OPTIONS_MAX 128 /* rows in option_table; the length of arrays that go with it */

/* The row, or NULL. */
const struct option_def *option_by_name(const char *name);
const struct command_def *command_by_name(const char *name);

/* It takes --no-NAME. */
static inline bool option_negatable(const struct option_def *d)
{
	return d->arg == ARG_NONE && !d->once;
}

const char *option_group_title(enum option_group g);

/* Everything as it is when nothing was given. */
void options_init(struct options *o);
/* Frees what the setters allocated. Strings are borrowed from the command line. */
void options_done(struct options *o);
