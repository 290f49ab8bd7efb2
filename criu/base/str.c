// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "criu/base/mem.h"

static void strbuf_room(struct strbuf *b, size_t more)
{
	if (b->len + more + 1 <= b->cap)
		return;
	b->cap = (b->len + more + 1) * 2;
	b->data = mem_realloc(b->data, b->cap, 1);
}

void strbuf_append(struct strbuf *b, const char *s, size_t len)
{
	strbuf_room(b, len);
	memcpy(b->data + b->len, s, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void strbuf_printf(struct strbuf *b, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len < 0)
		return;
	strbuf_room(b, (size_t)len);
	va_start(ap, fmt);
	vsnprintf(b->data + b->len, (size_t)len + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)len;
}

void strbuf_done(struct strbuf *b)
{
	free(b->data);
	*b = (struct strbuf){ 0 };
}

bool str_ends(const char *s, const char *suffix)
{
	size_t a = strlen(s), b = strlen(suffix);

	return a >= b && str_eq(s + a - b, suffix);
}

int str_to_long(const char *s, long min, long max, long *ret)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(s, &end, 10);
	if (errno || end == s || *end || v < min || v > max)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* What the second byte of a sequence may be: no longer form of what is shorter, no surrogate, no
 * C1 control character, nothing above U+10FFFF. */
static bool utf8_second(unsigned char first, unsigned char second)
{
	unsigned char low = first == 0xe0 || first == 0xc2 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	unsigned char high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;

	return second >= low && second <= high;
}

/* Bytes of the UTF-8 sequence at s, which does not begin with ASCII; 0: it is none. */
static size_t utf8_len(const unsigned char *s)
{
	size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;

	if (s[0] < 0xc2 || s[0] > 0xf4 || !utf8_second(s[0], s[1]))
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static void make_printable(char *s, const char *keep)
{
	unsigned char *p = (unsigned char *)s;

	while (*p) {
		size_t len = 1;

		if (*p >= 0x80)
			len = utf8_len(p);
		else if ((*p < 0x20 && !strchr(keep, *p)) || *p == 0x7f)
			len = 0;
		if (!len)
			*p = '?';
		p += len ? len : 1;
	}
}

void str_make_printable(char *s)
{
	make_printable(s, "\t\n");
}

void str_make_line(char *s)
{
	make_printable(s, "");
}
