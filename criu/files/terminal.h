// SPDX-License-Identifier: GPL-2.0-only
/* The terminal of crtool, which takes the place of the one of a job (--shell-job). */
#pragma once
#include <asm/termbits.h> /* not to be had together with <termios.h> */
#include <stdbool.h>

#include "criu/core/restore.h"

struct terminal {
	bool controls; /* it is crtool's controlling terminal */
	struct termios2 found, left; /* modes: before the job had it, and when it stopped */
	bool has_found, has_left;
	pid_t given; /* the group that has it from us; 0: none */
};

/* Finds it: r->tty_fd, -1 when there is none and no task needs one. Speaks. */
int terminal_open(struct restore *r);

/* When the tasks are ready to run: modes and foreground group as they were at the dump. Nothing
 * while crtool is in the background itself. Speaks. */
int terminal_give(struct restore *r);
/* Undoes it. */
void terminal_take_back(struct restore *r);
/* When the tasks run: what is on the screen has not come along. */
void terminal_redraw(const struct restore *r);

/* While crtool waits for the job: it has stopped; */
void terminal_job_stopped(struct restore *r);
/* it goes on: true when it has the terminal again; */
bool terminal_job_continued(struct restore *r, pid_t group);
/* it has ended, killed or by itself. */
void terminal_job_ended(struct restore *r, bool killed);
