// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzes the image reader: an input is one byte, the kind, and the bytes of the file.
 *
 * With clang -fsanitize=fuzzer -DFUZZ_LIBFUZZER this is a libFuzzer target. Without, it has a
 * main of its own that reads the images named (files, or directories of them) and then mutations
 * of them: image [-s SEED] [-n ITERATIONS] [PATH...]. Built with -fsanitize=address,undefined
 * it finds what there is to find; a crash leaves the input in ./crash-image.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "test/fuzz/image_walk.h"

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[] = "/dev/shm/crtool-fuzz-XXXXXX";
static struct image_dir *images;

static void clean_up(void)
{
	char command[64];

	image_dir_free(images);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command) != 0)
		perror(dir);
}

static void set_up(void)
{
	if (!mkdtemp(dir) || image_dir_join(dir, &images) < 0) {
		perror(dir);
		exit(1);
	}
	atexit(clean_up);
}

static void put_image(enum image_kind kind, const uint8_t *data, size_t size)
{
	char path[128], name[IMAGE_NAME_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, image_file_name(kind, 1, name));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size) {
		perror(path);
		exit(1);
	}
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum image_kind kind;

	if (!images)
		set_up();
	if (!size || size > INPUT_MAX)
		return 0;
	kind = data[0] % IMAGE_KINDS;
	if (!image_types[kind].first)
		return 0;
	put_image(kind, data + 1, size - 1);
	/* An error has a text, and nothing else leaves one. */
	if ((walk_image(images, kind, 1) < 0) != error_is_set())
		abort();
	error_reset();
	return 0;
}

#ifndef FUZZ_LIBFUZZER
struct input {
	uint8_t *data;
	size_t size;
};

static struct input corpus[4096];
static size_t corpus_nr;
static uint64_t random_state;
static uint8_t current[INPUT_MAX];
static size_t current_size;

static uint64_t random_next(void)
{
	/* splitmix64, Vigna, public domain */
	uint64_t z = random_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static void save_current(int sig)
{
	int fd = open("crash-image", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0 && write(fd, current, current_size) == (ssize_t)current_size)
		(void)!write(2, "the input is in ./crash-image\n", 30);
	signal(sig, SIG_DFL);
	raise(sig);
}

static void run(const uint8_t *data, size_t size)
{
	memcpy(current, data, size);
	current_size = size;
	LLVMFuzzerTestOneInput(current, current_size);
}

static void corpus_add(const char *path, const char *name)
{
	enum image_kind kind;
	struct stat st;
	struct input *in;
	uint64_t id;
	int fd;

	if (!image_name_parse(name, &kind, &id) || !image_types[kind].first ||
	    corpus_nr == sizeof(corpus) / sizeof(corpus[0]))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0 && st.st_size < INPUT_MAX) {
		in = &corpus[corpus_nr++];
		in->size = (size_t)st.st_size + 1;
		in->data = malloc(in->size);
		in->data[0] = (uint8_t)kind;
		if (read(fd, in->data + 1, in->size - 1) != st.st_size)
			in->size = 1;
	}
	close(fd);
}

static void corpus_add_dir(const char *path)
{
	struct dirent *e;
	DIR *d = opendir(path);

	if (!d) {
		const char *slash = strrchr(path, '/');

		corpus_add(path, slash ? slash + 1 : path);
		return;
	}
	while ((e = readdir(d))) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		corpus_add(name, e->d_name);
	}
	closedir(d);
}

/* One image of each kind with nothing but its magic: mutation must have something to begin with. */
static void corpus_add_magics(void)
{
	for (unsigned int kind = 0; kind < IMAGE_KINDS; kind++) {
		const struct image_type *t = &image_types[kind];
		uint32_t words[] = { t->framing == IMAGE_FRAMING_SERVICE ? IMAGE_MAGIC_SERVICE
									 : IMAGE_MAGIC_COMMON,
				     t->magic, 4, 0x02100108 };
		size_t skip = t->framing == IMAGE_FRAMING_INVENTORY ? 4 : 0;
		struct input *in;

		if (!t->first || corpus_nr == sizeof(corpus) / sizeof(corpus[0]))
			continue;
		in = &corpus[corpus_nr++];
		in->size = 1 + sizeof(words) - skip;
		in->data = malloc(in->size);
		in->data[0] = (uint8_t)kind;
		memcpy(in->data + 1, (const uint8_t *)words + skip, sizeof(words) - skip);
	}
}

static void mutate_bytes(uint8_t *data, size_t size)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, 8, 10, 18 };
	size_t at = 1 + random_next() % (size - 1);

	switch (random_next() % 4) {
	case 0:
		data[at] ^= (uint8_t)(1 << random_next() % 8);
		break;
	case 1:
		data[at] = edges[random_next() % sizeof(edges)];
		break;
	case 2:
		data[at] = (uint8_t)random_next();
		break;
	default:
		data[at] += (uint8_t)(random_next() % 9) - 4;
		break;
	}
}

/* Removes a run of bytes, or copies one to another place. */
static size_t mutate_runs(uint8_t *data, size_t size)
{
	size_t from = 1 + random_next() % (size - 1), len = 1 + random_next() % 64;
	size_t to = 1 + random_next() % (size - 1);

	if (len > size - from)
		len = size - from;
	if (random_next() % 2) {
		memmove(data + from, data + from + len, size - from - len);
		return size - len;
	}
	if (size + len > INPUT_MAX)
		return size;
	memmove(data + to + len, data + to, size - to);
	memmove(data + to, data + (from < to ? from : from + len > size ? 1 : from), len);
	return size + len;
}

static void run_mutation(void)
{
	static uint8_t buf[INPUT_MAX];
	const struct input *in = &corpus[random_next() % corpus_nr];
	size_t size = in->size, rounds = 1 + random_next() % 8;

	memcpy(buf, in->data, size);
	while (rounds-- && size > 1) {
		if (random_next() % 4)
			mutate_bytes(buf, size);
		else
			size = mutate_runs(buf, size);
	}
	if (random_next() % 64 == 0)
		buf[0] = (uint8_t)random_next();
	run(buf, size);
}

int main(int argc, char **argv)
{
	unsigned long iterations = 100000, seed = 1;
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
		corpus_add_dir(argv[optind++]);
	corpus_add_magics();
	for (size_t i = 0; i < corpus_nr; i++)
		run(corpus[i].data, corpus[i].size);
	for (unsigned long i = 0; i < iterations; i++)
		run_mutation();
	printf("%zu images, %lu mutations, seed %lu\n", corpus_nr, iterations, seed);
	while (corpus_nr--)
		free(corpus[corpus_nr].data);
	return 0;
}
#endif
