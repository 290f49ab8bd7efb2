// SPDX-License-Identifier: GPL-2.0-only
/* Runs the unit tests: unit-tests [-l] [-n] [NAME...], a name being the beginning of one. */
#include <ftw.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "test/unit/test.h"

#define TEST_SECONDS 120
#define EXIT_SKIPPED 77

enum outcome { PASSED, FAILED, SKIPPED };

static struct test *tests;
static unsigned int failures;
static char note[256], dir[64];
static uint64_t random_state = 1;
static bool forks = true;

/* Sorted by file and line, whatever the linker did. */
void test_register(struct test *t)
{
	struct test **at = &tests;

	while (*at) {
		int order = strcmp((*at)->file, t->file);

		if (order > 0 || (order == 0 && (*at)->line > t->line))
			break;
		at = &(*at)->next;
	}
	t->next = *at;
	*at = t;
}

bool test_check(bool held, const char *file, int line, const char *what)
{
	if (held)
		return true;
	failures++;
	printf("%s:%d: %s%s%s\n", file, line, note, note[0] ? ": " : "", what);
	fflush(stdout);
	return false;
}

bool test_check_int(long long a, long long b, const char *file, int line, const char *what)
{
	char text[512];

	if (a == b)
		return true;
	snprintf(text, sizeof(text), "%s: %lld (0x%llx) and %lld (0x%llx)", what, a, a, b, b);
	return test_check(false, file, line, text);
}

bool test_check_str(const char *a, const char *b, const char *file, int line, const char *what)
{
	char text[2048];

	if (a && b && !strcmp(a, b))
		return true;
	snprintf(text, sizeof(text), "%s: \"%s\" and \"%s\"", what, a ? a : "(null)",
		 b ? b : "(null)");
	return test_check(false, file, line, text);
}

bool test_check_has(const char *s, const char *text, const char *file, int line, const char *what)
{
	char report[2048];

	if (s && strstr(s, text))
		return true;
	snprintf(report, sizeof(report), "%s: \"%s\" does not hold \"%s\"", what, s ? s : "(null)",
		 text);
	return test_check(false, file, line, report);
}

bool test_check_error(const char *text, const char *file, int line)
{
	bool held;

	if (!error_is_set())
		return test_check(false, file, line, "an error was expected");
	held = test_check_has(error_text(), text, file, line, "error");
	error_reset();
	return held;
}

void test_note(const char *fmt, ...)
{
	va_list ap;

	note[0] = '\0';
	if (!fmt)
		return;
	va_start(ap, fmt);
	vsnprintf(note, sizeof(note), fmt, ap);
	va_end(ap);
}

static int entry_remove(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path);
	return 0;
}

static void dir_remove(void)
{
	if (dir[0])
		nftw(dir, entry_remove, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	dir[0] = '\0';
}

void test_skip(const char *fmt, ...)
{
	va_list ap;

	printf("skipped: ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	fflush(stdout);
	dir_remove();
	_exit(EXIT_SKIPPED);
}

const char *test_dir(void)
{
	if (dir[0])
		return dir;
	snprintf(dir, sizeof(dir), "/tmp/crtool-unit-XXXXXX");
	if (!mkdtemp(dir)) {
		perror("mkdtemp");
		_exit(1);
	}
	return dir;
}

void test_random_seed(unsigned long seed)
{
	random_state = seed * 2 + 1;
}

unsigned long test_random(void)
{
	/* splitmix64, Vigna, public domain */
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static int test_body(const struct test *t)
{
	failures = 0;
	t->run();
	test_note(NULL);
	dir_remove();
	fflush(stdout);
	return failures ? 1 : 0;
}

static enum outcome test_run(const struct test *t)
{
	int status = 0;
	pid_t pid;

	if (!forks)
		return test_body(t) ? FAILED : PASSED;
	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		perror("fork");
		exit(1);
	}
	if (!pid) {
		alarm(TEST_SECONDS);
		exit(test_body(t)); /* not _exit(): the leak checker runs at exit */
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	if (WIFSIGNALED(status))
		printf("%s:%d: %s: %s\n", t->file, t->line, t->name, strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status) == EXIT_SKIPPED)
		return SKIPPED;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? PASSED : FAILED;
}

static bool test_wanted(const struct test *t, char **names)
{
	if (!*names)
		return true;
	for (; *names; names++)
		if (!strncmp(t->name, *names, strlen(*names)))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	unsigned int counts[3] = { 0 };
	bool list = false;
	int c;

	while ((c = getopt(argc, argv, "ln")) != -1) {
		if (c != 'l' && c != 'n')
			return 2;
		list |= c == 'l';
		forks &= c != 'n';
	}
	for (const struct test *t = tests; t; t = t->next) {
		enum outcome o;

		if (!test_wanted(t, argv + optind))
			continue;
		if (list) {
			printf("%s\n", t->name);
			continue;
		}
		o = test_run(t);
		counts[o]++;
		if (o != PASSED)
			printf("%s %s\n", o == FAILED ? "FAILED" : "SKIPPED", t->name);
	}
	if (list)
		return 0;
	if (counts[SKIPPED])
		printf("%u skipped\n", counts[SKIPPED]);
	printf("%u passed, %u failed\n", counts[PASSED], counts[FAILED]);
	return counts[FAILED] ? 1 : 0;
}
