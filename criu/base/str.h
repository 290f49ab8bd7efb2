// SPDX-License-Identifier: GPL-2.0-only
/* Strings that grow, and small helpers for text. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* data is NUL-terminated, or NULL while empty. Running out of memory aborts. */
struct strbuf {
	char *data;
	size_t len, cap;
};

void strbuf_printf(struct strbuf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void strbuf_append(struct strbuf *b, const char *s, size_t len);
void strbuf_done(struct strbuf *b);

static inline bool str_eq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

static inline bool str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix);

/* For a terminal or a log: control characters, but for tab and newline, and what is not UTF-8
 * become '?', in place. */
void str_make_printable(char *s);

/* Tab and newline, too: a name must not look like the line after it. */
void str_make_line(char *s);

/* A whole decimal number that fits: 0, or -EINVAL. */
int str_to_long(const char *s, long min, long max, long *ret);
