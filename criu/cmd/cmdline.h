// SPDX-License-Identifier: GPL-2.0-only
/* A command line, understood. */
#pragma once
#include "criu/cmd/options.h"

enum cmdline_action { ACTION_RUN, ACTION_USAGE, ACTION_HELP, ACTION_VERSION, ACTION_MAN };

enum option_state { OPTION_UNSEEN, OPTION_OFF, OPTION_ON };

struct cmdline {
	enum cmdline_action action;
	const struct command_def *command; /* NULL only where nothing is run */
	struct options opts;
	unsigned char state[OPTIONS_MAX]; /* enum option_state of each row */
};

/*
 * 0, or -EINVAL with an error that says what is wrong and how it is right: the program then
 * ends with exit code 2. Strings in ret->opts point into argv, which is not permuted. Call
 * cmdline_done() in both cases.
 */
int cmdline_parse(int argc, char *const *argv, struct cmdline *ret);
void cmdline_done(struct cmdline *c);

/* The option is in effect: the last time it was named, it was not as --no-NAME. */
bool cmdline_given(const struct cmdline *c, const char *name);
