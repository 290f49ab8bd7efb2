// SPDX-License-Identifier: GPL-2.0-only
/*
 * Command lines that nobody would type. The input is the words, each ended by a NUL or a newline.
 *
 * With clang -fsanitize=fuzzer -DFUZZ_LIBFUZZER this is a libFuzzer target. Without, it has a main
 * of its own: options [-s SEED] [-n RUNS] mutates the lines below, options FILE... repeats inputs.
 * A run that breaks a rule, or crashes, leaves its input in ./crash-options.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/cmd/cmdline.h"

#define WORDS_MAX 64
#define INPUT_MAX 1024

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void rule(bool held, const char *what)
{
	if (held)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

/* What holds for every command line that is accepted. */
static void check_accepted(const struct cmdline *c)
{
	const struct options *o = &c->opts;

	rule(o->verbosity >= 0 && o->verbosity <= 4, "the verbosity is in range");
	if (c->action != ACTION_RUN)
		return;
	rule(c->command, "what is run has a command");
	rule(o->images_dir && *o->images_dir, "the images directory has a name");
	rule((o->tree > 0) == (c->command->bit == FOR_DUMP), "dump has a pid, and only dump");
	rule(!(cmdline_given(c, "leave-running") && cmdline_given(c, "leave-stopped")),
	     "it ends in one way");
	rule((o->end == END_RUNNING) == cmdline_given(c, "leave-running"), "as it was asked to");
	rule(!o->sibling || o->detach, "a sibling is detached");
	rule(!o->nr_features || c->command->bit == FOR_CHECK, "features are for check");
	for (size_t i = 0; i < o->nr_features; i++)
		rule(o->features[i] && *o->features[i], "a feature has a name");
	for (size_t i = 0; i < option_table_nr; i++)
		rule(c->state[i] == OPTION_UNSEEN || option_table[i].commands & c->command->bit,
		     "an option is for the command");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char program[] = "crtool", *copy = mem_alloc(size + 1);
	char *argv[WORDS_MAX + 1] = { program };
	struct cmdline c;
	int argc = 1, r;

	if (size)
		memcpy(copy, data, size);
	for (size_t i = 0; i < size && argc < WORDS_MAX;) {
		argv[argc++] = copy + i;
		while (i < size && copy[i] && copy[i] != '\n')
			i++;
		copy[i++] = '\0';
	}
	error_reset();
	r = cmdline_parse(argc, argv, &c);
	rule((r < 0) == error_is_set(), "a refusal has its error, and nothing else has");
	if (r < 0)
		rule(strlen(error_text()) > 0, "an error has a text");
	else
		check_accepted(&c);
	cmdline_done(&c);
	free(copy);
	return 0;
}

#ifndef FUZZ_LIBFUZZER

static const char *const seeds[] = {
	"dump\n-t\n5\n-D\nimg\n-W\nwork\n-o\nlog\n-v4\n-R\n-j\n--display-stats\n",
	"--tree=7\ndump\n--leave-stopped\n--no-leave-running\n-vvv\n--verbosity=0\n",
	"restore\n-dS\n--pidfile\np\n--skip-file-rwx-check\n--file-validation\nfilesize\n",
	"restore\n--cpu-cap=none\n--restore-detached\n--fault\nfork tasks\n--\n",
	"check\n--feature\ntimens\n--feature=tun\n--extra\n--experimental\n--all\n",
	"dump\n--lazy-pages\n--ghost-limit\n1M\n-l\n-x\n-J\nnet:1\n",
	"--help\n-V\n--man\ndump\n",
	"pre-dump\n-t\n-1\n--tree=99999999999999999999\n--timeout=-0\n",
	"restore\n",
	"dump\n-t\n1\n",
};

static uint64_t state;

/* xorshift64 */
static size_t pick(size_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (size_t)(state % below);
}

static size_t insert(char *buf, size_t len, size_t at, const char *text, size_t n)
{
	if (len + n > INPUT_MAX)
		return len;
	memmove(buf + at + n, buf + at, len - at);
	memcpy(buf + at, text, n);
	return len + n;
}

static size_t drop(char *buf, size_t len, size_t at, size_t n)
{
	memmove(buf + at, buf + at + n, len - at - n);
	return len - n;
}

/* Where a word begins, or the end. */
static size_t border(const char *buf, size_t len)
{
	size_t at = pick(len + 1);

	while (at && at < len && buf[at - 1] != '\n')
		at++;
	return at;
}

static size_t word_len(const char *buf, size_t len)
{
	const char *end = memchr(buf, '\n', len);

	return end ? (size_t)(end - buf) + 1 : len;
}

/* Whole words: most of what comes out is understood, and reaches the checks. */
static size_t mutate_words(char *buf, size_t len)
{
	const struct option_def *d = &option_table[pick(option_table_nr)];
	static const char *const values[] = { "1", "x", "", "none", "filesize", "timens" };
	const char *other = seeds[pick(ARRAY_SIZE(seeds))];
	size_t at = border(buf, len), from = border(other, strlen(other));
	char text[64];
	int n;

	switch (pick(4)) {
	case 0:
		return drop(buf, len, at, word_len(buf + at, len - at));
	case 1:
		return insert(buf, len, at, other + from,
			      word_len(other + from, strlen(other + from)));
	case 2:
		n = snprintf(text, sizeof(text), "--%s%s\n",
			     option_negatable(d) && pick(2) ? "no-" : "", d->name);
		break;
	default:
		n = d->letter && pick(2)
			? snprintf(text, sizeof(text), "-%c\n", d->letter)
			: snprintf(text, sizeof(text), "--%s%s%s\n", d->name,
				   d->arg == ARG_NONE ? "" : "=",
				   d->arg == ARG_NONE ? "" : values[pick(ARRAY_SIZE(values))]);
	}
	return insert(buf, len, at, text, (size_t)n);
}

static size_t mutate_bytes(char *buf, size_t len)
{
	char text[64];
	size_t at = pick(len + 1);

	switch (pick(4)) {
	case 0:
		if (len)
			buf[pick(len)] = (char)pick(256);
		return len;
	case 1:
		return drop(buf, len, at, pick(len - at < 8 ? len - at + 1 : 8));
	case 2:
		return insert(buf, len, at, pick(2) ? "\n" : "-", 1);
	default: /* the same letter many times */
		memset(text, pick(2) ? 'v' : (int)pick(256), sizeof(text));
		return insert(buf, len, at, text, pick(sizeof(text)) + 1);
	}
}

static char current[INPUT_MAX];
static size_t current_len;

/* Keeps the input that did it. */
static void on_abort(int sig)
{
	int fd = open("crash-options", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	signal(sig, SIG_DFL);
	if (fd < 0 || write(fd, current, current_len) < 0)
		return; /* the signal comes again, and ends the run */
	close(fd);
}

static int repeat(const char *path)
{
	FILE *f = fopen(path, "re");

	if (!f) {
		perror(path);
		return 2;
	}
	current_len = fread(current, 1, sizeof(current), f);
	fclose(f);
	return LLVMFuzzerTestOneInput((const uint8_t *)current, current_len);
}

static int mutations(unsigned long seed, unsigned long runs)
{
	for (unsigned long i = 0; i < runs; i++) {
		const char *base = seeds[i % ARRAY_SIZE(seeds)];

		state = (seed + 1) * 0x9e3779b97f4a7c15u + i + 1;
		current_len = strlen(base);
		memcpy(current, base, current_len);
		for (size_t n = pick(6) + 1; n; n--)
			current_len = pick(4) ? mutate_words(current, current_len)
					      : mutate_bytes(current, current_len);
		LLVMFuzzerTestOneInput((const uint8_t *)current, current_len);
	}
	printf("%lu command lines, seed %lu\n", runs, seed);
	return 0;
}

int main(int argc, char **argv)
{
	unsigned long seed = 1, runs = 50000;
	int c, r = 0;

	while ((c = getopt(argc, argv, "s:n:")) != -1) {
		if (c == 's')
			seed = strtoul(optarg, NULL, 0);
		else if (c == 'n')
			runs = strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	signal(SIGABRT, on_abort);
	signal(SIGSEGV, on_abort);
	if (optind == argc)
		return mutations(seed, runs);
	/* The code under test uses optind, too. */
	for (int i = optind; i < argc && !r; i++)
		r = repeat(argv[i]);
	return r;
}
#endif
