// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unit tests: a file test/unit/x.c holds TEST(x_does_this) { ... }, nothing else is needed.
 *
 * Each test runs in a process of its own: it may crash, leave descriptors open, change its
 * directory or call unshare(2). After 120 seconds it has failed.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct test {
	const char *name, *file;
	int line;
	void (*run)(void);
	struct test *next;
};

void test_register(struct test *t);

#define TEST(name_)                                                                                \
	static void test_##name_(void);                                                            \
	static struct test entry_##name_ = { #name_, __FILE__, __LINE__, test_##name_, NULL };     \
	__attribute__((constructor)) static void register_##name_(void)                            \
	{                                                                                          \
		test_register(&entry_##name_);                                                     \
	}                                                                                          \
	static void test_##name_(void)

/*
 * A check that does not hold is printed, fails the test, and lets it go on. The value says
 * whether it held: if (!CHECK(p)) return;
 */
#define CHECK(cond) test_check(!!(cond), __FILE__, __LINE__, #cond)
#define CHECK_INT_EQ(a, b)                                                                         \
	test_check_int((long long)(a), (long long)(b), __FILE__, __LINE__, #a " == " #b)
#define CHECK_STR_EQ(a, b)     test_check_str((a), (b), __FILE__, __LINE__, #a " == " #b)
/* The text stands in the string. */
#define CHECK_STR_HAS(s, text) test_check_has((s), (text), __FILE__, __LINE__, #s)
/* fail() has been called and the error holds the text; forgets the error. */
#define CHECK_ERROR(text)      test_check_error((text), __FILE__, __LINE__)

bool test_check(bool held, const char *file, int line, const char *what);
bool test_check_int(long long a, long long b, const char *file, int line, const char *what);
bool test_check_str(const char *a, const char *b, const char *file, int line, const char *what);
bool test_check_has(const char *s, const char *text, const char *file, int line, const char *what);
bool test_check_error(const char *text, const char *file, int line);

/* What the checks are about, for loops: it stands before each failure. NULL: nothing. */
void test_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Ends the test, which counts as skipped; say which feature is missing. */
void test_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* An empty directory of this test, removed with all that is in it when the test is over. */
const char *test_dir(void);

/* The same numbers in every run. */
unsigned long test_random(void);
void test_random_seed(unsigned long seed);
