// SPDX-License-Identifier: GPL-2.0-only
/*
 * counter [THREADS [MILLISECONDS]]: counts 0, 1, 2, ... on standard output, one number each
 * second or as often as is said. Extra threads count for themselves.
 *
 * The numbers stand in registers and on stacks: nobody helps them over a dump.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 64

static struct timespec pause_for = { .tv_sec = 1 };

/* A line in one call, so that lines of threads do not mix. */
static void say(long thread, unsigned long number)
{
	char line[64];
	int len;

	if (thread)
		len = snprintf(line, sizeof(line), "thread %ld: %lu\n", thread, number);
	else
		len = snprintf(line, sizeof(line), "%lu\n", number);
	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		exit(1);
}

static void *count(void *thread)
{
	for (unsigned long number = 0;; number++) {
		say((long)thread, number);
		nanosleep(&pause_for, NULL);
	}
	return NULL;
}

/* From a program's argument; -1: it is none. */
static long read_number(const char *text, long max)
{
	char *end;
	long n = strtol(text, &end, 10);

	return *text && !*end && n >= 0 && n <= max ? n : -1;
}

int main(int argc, char **argv)
{
	long threads = argc > 1 ? read_number(argv[1], THREADS_MAX) : 0;
	long ms = argc > 2 ? read_number(argv[2], 1000000) : 1000;

	if (argc > 3 || threads < 0 || ms < 0) {
		fprintf(stderr, "usage: counter [THREADS [MILLISECONDS]]\n");
		return 2;
	}
	pause_for.tv_sec = ms / 1000;
	pause_for.tv_nsec = ms % 1000 * 1000000;
	for (long i = 1; i <= threads; i++) {
		pthread_t id;
		int err = pthread_create(&id, NULL, count, (void *)i);

		if (err) {
			fprintf(stderr, "counter: thread %ld: %s\n", i, strerror(err));
			return 1;
		}
	}
	count(NULL);
}
