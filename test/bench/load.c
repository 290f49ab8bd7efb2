// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is dumped: `load idle`, `load children N`, `load threads N`, `load memory MIB`. Says
 * "ready" when it stands; with memory it then says "same" or "changed" on each SIGUSR1. And the
 * floor of memory: `load write MIB FILE` prints the seconds that a plain write of as much takes.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (512ul << 10)

static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static uint64_t *fill(size_t bytes)
{
	uint64_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t x = 88172645463325252ull;

	if (p == MAP_FAILED)
		exit(1);
	for (size_t i = 0; i < bytes / 8; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = x;
	}
	return p;
}

static uint64_t sum(const uint64_t *p, size_t bytes)
{
	uint64_t s = 0;

	for (size_t i = 0; i < bytes / 8; i++)
		s = s * 31 + p[i];
	return s;
}

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

static void memory(size_t bytes)
{
	const uint64_t *p = fill(bytes), was = sum(p, bytes);
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ready();
	while (!sigwait(&set, &sig)) {
		puts(sum(p, bytes) == was ? "same" : "changed");
		fflush(stdout);
	}
}

static void floor_write(size_t bytes, const char *path)
{
	const char *p = (const char *)fill(bytes);
	struct timespec a, b;
	int fd;

	clock_gettime(CLOCK_MONOTONIC, &a);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	for (size_t off = 0; off < bytes; off += CHUNK)
		if (write(fd, p + off, CHUNK) != (ssize_t)CHUNK)
			exit(1);
	close(fd);
	clock_gettime(CLOCK_MONOTONIC, &b);
	unlink(path);
	printf("%.6f\n", (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
}

int main(int argc, char **argv)
{
	size_t n = argc > 2 ? (size_t)atol(argv[2]) : 0;
	pthread_t t;

	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "write") && argc > 3) {
		floor_write(n << 20, argv[3]);
		return 0;
	}
	if (!strcmp(argv[1], "memory"))
		memory(n << 20);
	for (size_t i = 0; i < n && !strcmp(argv[1], "children"); i++)
		if (!fork())
			sleeper(NULL);
	for (size_t i = 0; i < n && !strcmp(argv[1], "threads"); i++)
		if (pthread_create(&t, NULL, sleeper, NULL))
			return 1;
	ready();
	sleeper(NULL);
	return 0;
}
