// SPDX-License-Identifier: GPL-2.0-only
/* One error per process: what failed, on what, why, and what to do about it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

/*
 * Two kinds of functions:
 *   quiet    base/, kernel/, compel/: return -errno and say nothing.
 *   speaking everything else: whoever gets a negative value it did not make
 *            returns it unchanged; whoever makes one, makes it with fail().
 *
 * The first fail() of a run is the error; later ones, made while undoing, only
 * go to the log.
 */

/* "fmt: strerror(err)". Returns -err. err is positive. */
int fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* The text is the whole cause: a refusal, a limit, bad input. Returns -EINVAL. */
int fail_plain(const char *fmt, ...) __attribute__((format(printf, 1, 2), cold));

/* Where a loop knows which task, fd or mount it is at, it says so once: puts "fmt: "
 * before the text when r is negative. Returns r. */
int fail_at(int r, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/* What the user can do: an option, a kernel version, a capability. Returns r. */
int fail_hint(int r, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));

/*
 * Something that cannot be dumped or restored, found while the rest is still looked
 * at: it is kept, and blockers_fail() at the end of the step turns all of them into
 * one error with one line each. hint may be NULL.
 */
void blocker(const char *hint, const char *fmt, ...) __attribute__((format(printf, 2, 3), cold));
/* The same of the error that there is: the run goes on without it. */
void blocker_from_error(void);
size_t blockers_count(void);
/* The lines, each behind "\n  "; as many as are shown. Until the next call. */
const char *blockers_text(void);
int blockers_fail(void); /* 0 when there are none */

/* Every text starts with this: "dump", then "dump: freeze tasks". Both may be NULL. */
void error_context(const char *command, const char *step);

bool error_is_set(void);
/* The whole error, one or more lines without "crtool: ": valid until the next fail(). */
const char *error_text(void);
void error_reset(void);
/* It is not the one to be told; blockers stay. */
void error_withdraw(void);

/* Adopt an error that another process made: its text needs no context. */
int error_adopt(int r, const char *text);
/* The text without command and step, for handing to another process. */
const char *error_bare_text(void);
