// SPDX-License-Identifier: GPL-2.0-only
/* What was written to either end of a pty and has not been read at the other. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of canonical input, lines are kept apart: one that ends in neither a newline nor VEOL was ended
 * by VEOF. What is behind the last of them is being typed. */
struct pty_queue {
	uint8_t *data; /* owned */
	size_t len, cap;
	uint32_t *lines; /* lengths; owned */
	size_t nr_lines, cap_lines;
};

void pty_queue_done(struct pty_queue *q);

/* Ctrl-Q, tcflow(3) go on with what was stopped by their like only. */
enum pty_flow { PTY_GOES_ON, PTY_STOPPED, PTY_STOPPED_BY_TCFLOW };

/*
 * Looks at what the master has to read. There is no way but to read it and to put it back, which is
 * done before this returns. slave is non-blocking; -1: nobody has it open. Speaks.
 */
int pty_output_look(int master, int slave, struct pty_queue *ret, enum pty_flow *ret_flow);
/* The same of what the slave has to read: the slave must not be -1. */
int pty_input_look(int master, int slave, struct pty_queue *ret);

/* Puts it there, into queues that are empty, under the modes that the pty has. Speaks. */
int pty_output_put(int master, int slave, const struct pty_queue *q);
int pty_input_put(int master, int slave, const struct pty_queue *q);

/* Stops the output; as Ctrl-S does only where the modes know of that. Speaks. */
int pty_output_stop(int master, int slave, enum pty_flow flow);
