// SPDX-License-Identifier: GPL-2.0-only
/*
 * A cursor over text that need not end in NUL. Each function takes what it names from the
 * front and moves on: true; or returns false, and then the cursor and *ret are as before.
 * Numbers that do not fit are false. Leading blanks are not skipped.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct text {
	const char *p, *end;
};

static inline struct text text_of(const char *p, size_t len)
{
	return (struct text){ p, p + len };
}

static inline size_t text_len(const struct text *t)
{
	return (size_t)(t->end - t->p);
}

static inline bool text_empty(const struct text *t)
{
	return t->p == t->end;
}

/* The line without its newline; the last one may lack it. */
static inline bool text_line(struct text *t, struct text *ret)
{
	const char *nl;

	if (text_empty(t))
		return false;
	nl = memchr(t->p, '\n', text_len(t));
	*ret = (struct text){ t->p, nl ? nl : t->end };
	t->p = nl ? nl + 1 : t->end;
	return true;
}

static inline void text_blanks(struct text *t)
{
	while (t->p < t->end && (*t->p == ' ' || *t->p == '\t'))
		t->p++;
}

/* Only blanks are left. */
static inline bool text_done(struct text *t)
{
	text_blanks(t);
	return text_empty(t);
}

static inline bool text_char(struct text *t, char c)
{
	if (text_empty(t) || *t->p != c)
		return false;
	t->p++;
	return true;
}

static inline bool text_str(struct text *t, const char *s, size_t len)
{
	if (text_len(t) < len || memcmp(t->p, s, len) != 0)
		return false;
	t->p += len;
	return true;
}

/* With a literal the length is known to the compiler. */
#define text_lit(t, s) text_str((t), (s), sizeof(s) - 1)

/* Up to a blank or the end: at least one byte. */
static inline bool text_word(struct text *t, struct text *ret)
{
	const char *p = t->p;

	while (p < t->end && *p != ' ' && *p != '\t' && *p != '\n')
		p++;
	if (p == t->p)
		return false;
	*ret = (struct text){ t->p, p };
	t->p = p;
	return true;
}

static inline bool text_is(const struct text *t, const char *s)
{
	size_t len = strlen(s);

	return text_len(t) == len && memcmp(t->p, s, len) == 0;
}

static inline unsigned int text_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A' + 10);
	return 255;
}

/* base is a constant at every call: the compiler makes one loop for each. */
static inline bool text_number(struct text *t, unsigned int base, uint64_t max, uint64_t *ret)
{
	const char *p = t->p;
	uint64_t v = 0;

	for (; p < t->end; p++) {
		unsigned int d = text_digit(*p);

		if (d >= base)
			break;
		if (__builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, d, &v))
			return false;
	}
	if (p == t->p || v > max)
		return false;
	t->p = p;
	*ret = v;
	return true;
}

static inline bool text_u64(struct text *t, uint64_t *ret)
{
	return text_number(t, 10, UINT64_MAX, ret);
}

static inline bool text_hex(struct text *t, uint64_t *ret)
{
	return text_number(t, 16, UINT64_MAX, ret);
}

static inline bool text_u32_base(struct text *t, unsigned int base, uint32_t *ret)
{
	uint64_t v;

	if (!text_number(t, base, UINT32_MAX, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

static inline bool text_u32(struct text *t, uint32_t *ret)
{
	return text_u32_base(t, 10, ret);
}

static inline bool text_hex32(struct text *t, uint32_t *ret)
{
	return text_u32_base(t, 16, ret);
}

static inline bool text_oct32(struct text *t, uint32_t *ret)
{
	return text_u32_base(t, 8, ret);
}

static inline bool text_s64(struct text *t, int64_t *ret)
{
	struct text at = *t;
	bool minus = text_char(&at, '-');
	uint64_t v;

	if (!text_number(&at, 10, (uint64_t)INT64_MAX + minus, &v))
		return false;
	*t = at;
	*ret = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

static inline bool text_int(struct text *t, int *ret)
{
	struct text at = *t;
	int64_t v;

	if (!text_s64(&at, &v) || v < INT32_MIN || v > INT32_MAX)
		return false;
	*t = at;
	*ret = (int)v;
	return true;
}

/* As text_u64 and so on, after blanks. */
static inline bool text_next_u64(struct text *t, uint64_t *ret)
{
	text_blanks(t);
	return text_u64(t, ret);
}

static inline bool text_next_int(struct text *t, int *ret)
{
	text_blanks(t);
	return text_int(t, ret);
}
