// SPDX-License-Identifier: GPL-2.0-only
/* The cursor that all parsers of /proc stand on. */
#include "criu/kernel/text.h"
#include "test/unit/test.h"

static struct text of(const char *s)
{
	return text_of(s, strlen(s));
}

static bool u64(const char *s, uint64_t *ret)
{
	struct text t = of(s);

	return text_u64(&t, ret);
}

static bool s64(const char *s, int64_t *ret)
{
	struct text t = of(s);

	return text_s64(&t, ret);
}

TEST(kernel_text_numbers)
{
	uint64_t v = 77;
	int64_t n = 77;
	struct text t;
	uint32_t u = 77;
	int i = 77;

	CHECK(u64("0", &v) && v == 0);
	CHECK(u64("00018446744073709551615x", &v) && v == UINT64_MAX);
	CHECK(!u64("18446744073709551616", &v) && v == UINT64_MAX);
	CHECK(!u64("99999999999999999999999", &v));
	CHECK(!u64("", &v) && !u64(" 1", &v) && !u64("-1", &v) && !u64("x", &v));
	CHECK(s64("-9223372036854775808", &n) && n == INT64_MIN);
	CHECK(s64("9223372036854775807", &n) && n == INT64_MAX);
	CHECK(!s64("9223372036854775808", &n) && !s64("-9223372036854775809", &n));
	CHECK(!s64("-", &n) && !s64("--1", &n) && n == INT64_MAX);
	t = of("-2147483648");
	CHECK(text_int(&t, &i) && i == INT32_MIN && text_empty(&t));
	t = of("2147483648");
	CHECK(!text_int(&t, &i) && i == INT32_MIN && text_len(&t) == 10);
	t = of("fFfFffff ");
	CHECK(text_hex32(&t, &u) && u == UINT32_MAX && text_len(&t) == 1);
	t = of("100000000");
	CHECK(!text_hex32(&t, &u));
	t = of("0178");
	CHECK(text_oct32(&t, &u) && u == 017 && *t.p == '8');
	t = of("\t  42");
	CHECK(text_next_int(&t, &i) && i == 42);
}

TEST(kernel_text_lines_and_words)
{
	struct text t = of("a b\n\nlast"), line, word;

	CHECK(text_line(&t, &line) && text_is(&line, "a b"));
	CHECK(text_word(&line, &word) && text_is(&word, "a"));
	CHECK(!text_word(&line, &word) && text_char(&line, ' ') && text_lit(&line, "b"));
	CHECK(text_done(&line));
	CHECK(text_line(&t, &line) && text_empty(&line));
	CHECK(text_line(&t, &line) && text_is(&line, "last"));
	CHECK(!text_lit(&line, "laste") && text_lit(&line, "la") && text_is(&line, "st"));
	CHECK(!text_line(&t, &line));
}
