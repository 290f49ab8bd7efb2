// SPDX-License-Identifier: GPL-2.0-only
/* Every parser of /proc: its sample, the sample cut at each byte, and with each byte changed. */
#include <stdlib.h>
#include <string.h>

#include "test/fuzz/proc_parsers.h"
#include "test/unit/test.h"

/* In a block of just this size, so that a byte too many is seen by the sanitizer. */
static int run_exact(const struct proc_parser *p, const char *text, size_t len)
{
	char *copy = malloc(len ? len : 1);
	int r;

	memcpy(copy, text, len);
	r = p->fn(copy, len);
	free(copy);
	return r;
}

TEST(kernel_proc_samples_parse)
{
	for (size_t i = 0; i < PROC_PARSERS_NR; i++) {
		test_note("%s", proc_parsers[i].name);
		CHECK_INT_EQ(run_exact(&proc_parsers[i], proc_parsers[i].sample,
				       strlen(proc_parsers[i].sample)),
			     0);
	}
}

TEST(kernel_proc_samples_cut_at_each_byte)
{
	for (size_t i = 0; i < PROC_PARSERS_NR; i++)
		for (size_t len = 0; len < strlen(proc_parsers[i].sample); len++) {
			int r = run_exact(&proc_parsers[i], proc_parsers[i].sample, len);

			test_note("%s cut at %zu", proc_parsers[i].name, len);
			CHECK(r <= 0);
		}
}

/* A record is whole or refused: none of these can end early. */
TEST(kernel_proc_records_are_whole)
{
	for (size_t i = 0; i < PROC_PARSERS_NR; i++) {
		const struct proc_parser *p = &proc_parsers[i];

		if (strcmp(p->name, "stat") != 0 && strcmp(p->name, "limits") != 0 &&
		    strcmp(p->name, "syscall") != 0 && strcmp(p->name, "ns") != 0)
			continue;
		test_note("%s", p->name);
		/* Of limits the units, of the others the last digits and the newline. */
		for (size_t len = 0; len + 14 < strlen(p->sample); len++)
			if (!CHECK(run_exact(p, p->sample, len) < 0))
				break;
	}
}

TEST(kernel_proc_samples_with_each_byte_changed)
{
	static const char bytes[] = { '\0', '\n', ' ', '\t', '-', '9', 'x', '\\', '\xff', ':' };
	char text[4096];

	for (size_t i = 0; i < PROC_PARSERS_NR; i++) {
		size_t len = strlen(proc_parsers[i].sample);

		memcpy(text, proc_parsers[i].sample, len);
		for (size_t at = 0; at < len; at++) {
			char was = text[at];

			for (size_t b = 0; b < sizeof(bytes); b++) {
				text[at] = bytes[b];
				CHECK(run_exact(&proc_parsers[i], text, len) <= 0);
			}
			text[at] = was;
		}
	}
}

/* Each number of a sample becomes too large for every type. */
TEST(kernel_proc_samples_with_huge_numbers)
{
	static const char huge[] = "99999999999999999999999999";
	char text[8192];

	for (size_t i = 0; i < PROC_PARSERS_NR; i++) {
		const char *s = proc_parsers[i].sample;

		for (const char *p = s; (p = strpbrk(p, "0123456789"));
		     p += strspn(p, "0123456789")) {
			size_t head = (size_t)(p - s);

			memcpy(text, s, head);
			strcpy(stpcpy(text + head, huge), p + strspn(p, "0123456789"));
			CHECK(run_exact(&proc_parsers[i], text, strlen(text)) <= 0);
		}
	}
}
