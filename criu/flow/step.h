// SPDX-License-Identifier: GPL-2.0-only
/* A command is a table of steps; a failed run undoes, backwards, what it did. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct session;

struct step {
	const char *name; /* "freeze tasks": in the log, in errors, for fault injection */
	int (*run)(void *ctx);
	void (*undo)(
	    void *ctx); /* NULL: nothing to undo; must cope with a run that failed half way */
	bool commit; /* once this one has run, the run is a success: no undo, no fault */
};

struct command {
	const char *name; /* "dump" */
	const struct step *steps;
	size_t nr;
};

extern const struct command dump_command, predump_command, restore_command;

/*
 * Runs the steps in order. A step that fails, or --fault naming it, which makes it fail
 * after it has run, leads to the undo functions of all that were started, last first.
 * After the commit step only errors of what follows are reported, nothing is undone.
 */
int steps_run(struct session *s, const struct command *c, void *ctx);

/* The step that --fault names exists in the command. */
bool steps_have(const struct command *c, const char *name);
