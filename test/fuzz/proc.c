// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the parsers of /proc: an input is one byte, the parser, and the text.
 *
 * With clang -fsanitize=fuzzer -DFUZZ_LIBFUZZER this is a libFuzzer target. Without, it has a
 * main of its own that reads the samples, then what /proc/self and /proc/1 hold, and mutations of
 * both: proc [-s SEED] [-n ITERATIONS] [INPUT...]. Built with -fsanitize=address,undefined it
 * finds what there is to find; a crash leaves the input in ./crash-proc.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "test/fuzz/proc_parsers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size)
		proc_parsers[data[0] % PROC_PARSERS_NR].fn((const char *)data + 1, size - 1);
	return 0;
}

#ifndef FUZZ_LIBFUZZER
#define INPUT_MAX  65536
#define CORPUS_MAX 256

static struct {
	uint8_t *data;
	size_t size;
} corpus[CORPUS_MAX];
static size_t corpus_nr;
static uint64_t random_state;

/* What runs now, in a block of its own size: it is read to its end and not further. */
static uint8_t *current;
static size_t current_size;

static void save_current(int sig)
{
	int fd = open("crash-proc", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, current, current_size) != (ssize_t)current_size)
		_exit(1);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void run(const uint8_t *data, size_t size)
{
	current = malloc(size ? size : 1);
	current_size = size;
	memcpy(current, data, size);
	LLVMFuzzerTestOneInput(current, size);
	free(current);
}

static void corpus_add(size_t parser, const char *text, size_t len)
{
	uint8_t *data = malloc(len + 1);

	if (corpus_nr == CORPUS_MAX || len + 1 > INPUT_MAX / 2) {
		free(data);
		return;
	}
	data[0] = (uint8_t)parser;
	memcpy(data + 1, text, len);
	corpus[corpus_nr].data = data;
	corpus[corpus_nr++].size = len + 1;
}

static void corpus_add_process(pid_t pid)
{
	struct proc_buf b = { 0 };
	int dir = proc_open(pid);

	/* Most parsers bear the name of their file. */
	for (size_t i = 0; i < PROC_PARSERS_NR; i++)
		if (proc_read(dir, proc_parsers[i].name, &b) == 0)
			corpus_add(i, b.data, b.len);
	proc_buf_done(&b);
	close(dir);
}

static void corpus_add_input(const char *path)
{
	uint8_t data[INPUT_MAX / 2];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, data, sizeof(data));

	if (n < 1) {
		perror(path);
		exit(1);
	}
	close(fd);
	corpus_add(data[0], (const char *)data + 1, (size_t)n - 1);
}

/* splitmix64, Vigna, public domain */
static size_t random_below(size_t n)
{
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return n ? (size_t)((z ^ z >> 31) % n) : 0;
}

static size_t insert(uint8_t *data, size_t size, size_t at, const void *what, size_t len)
{
	if (size + len > INPUT_MAX)
		return size;
	memmove(data + at + len, data + at, size - at);
	memcpy(data + at, what, len);
	return size + len;
}

static size_t insert_token(uint8_t *data, size_t size, size_t at)
{
	static const char *const tokens[] = {
		"\n",
		" ",
		"\t",
		"\\",
		"\\012",
		"\\n",
		"(",
		")",
		"-",
		"0",
		"-1",
		":",
		"/",
		"[",
		"]",
		" (deleted)",
		"18446744073709551615",
		"18446744073709551616",
		"2147483648",
		"-9223372036854775808",
		"ffffffffffffffff",
		"kB",
		" - ",
		"EOF",
		"[anon:",
		"VmFlags: ",
		"unlimited",
		"tid.",
		"0x",
		"->",
		"shared:",
		"Groups:\t",
		"f_handle:",
		"fhandle-bytes:",
	};
	const char *token = tokens[random_below(sizeof(tokens) / sizeof(tokens[0]))];

	return insert(data, size, at, token, strlen(token));
}

static size_t erase(uint8_t *data, size_t size, size_t at, size_t len)
{
	len = len > size - at ? size - at : len;
	memmove(data + at, data + at + len, size - at - len);
	return size - len;
}

static size_t mutate(uint8_t *data, size_t size)
{
	size_t at = 1 + random_below(size - 1), other, len;
	uint8_t piece[256];

	if (at >= size)
		return insert_token(data, size, size);
	switch (random_below(7)) {
	case 0:
		data[at] = (uint8_t)random_below(256);
		return size;
	case 1:
		data[at] ^= (uint8_t)(1u << random_below(8));
		return size;
	case 2:
		return insert_token(data, size, at);
	case 3:
		return erase(data, size, at, 1 + random_below(16));
	case 4:
		return at;
	case 5: /* a piece from elsewhere */
		other = 1 + random_below(size - 1);
		len = 1 + random_below(sizeof(piece) - 1);
		len = len > size - other ? size - other : len;
		memcpy(piece, data + other, len);
		return insert(data, size, at, piece, len);
	default: /* the text for another parser */
		data[0] = (uint8_t)(random_below(16) ? data[0] : random_below(256));
		return size;
	}
}

static void run_mutation(void)
{
	static uint8_t data[INPUT_MAX];
	size_t pick = random_below(corpus_nr), size = corpus[pick].size;

	memcpy(data, corpus[pick].data, size);
	for (size_t nr = 1 + random_below(6); nr && size > 1; nr--)
		size = mutate(data, size);
	run(data, size);
}

int main(int argc, char **argv)
{
	unsigned long iterations = 200000, seed = 1;
	int c;

	while ((c = getopt(argc, argv, "s:n:")) != -1) {
		if (c == 's')
			seed = strtoul(optarg, NULL, 0);
		else if (c == 'n')
			iterations = strtoul(optarg, NULL, 0);
		else
			return 2;
	}
	random_state = seed;
	signal(SIGABRT, save_current);
	signal(SIGSEGV, save_current);
	signal(SIGBUS, save_current);
	while (optind < argc)
		corpus_add_input(argv[optind++]);
	for (size_t i = 0; i < PROC_PARSERS_NR; i++)
		corpus_add(i, proc_parsers[i].sample, strlen(proc_parsers[i].sample));
	corpus_add_process(getpid());
	corpus_add_process(1);
	for (size_t i = 0; i < corpus_nr; i++)
		run(corpus[i].data, corpus[i].size);
	for (unsigned long i = 0; i < iterations; i++)
		run_mutation();
	printf("%zu texts, %lu mutations, seed %lu\n", corpus_nr, iterations, seed);
	while (corpus_nr--)
		free(corpus[corpus_nr].data);
	return 0;
}
#endif
