// SPDX-License-Identifier: GPL-2.0-only
/*
 * writer READY_FD MIB FILE
 *
 * Memory in small pages, and how long its owner was kept from writing to it. Says "ready" on
 * READY_FD. SIGUSR1 has it write to one page in a hundred, at random. SIGUSR2 has it write to
 * pages at random as fast as it can, from then on; SIGALRM to one page in a hundred a second,
 * evenly. In FILE stand two numbers of 64 bits: how many rounds of the first and the last it has
 * made, and the longest time between two writes of the second, in ns; the reader may set that back
 * to 0.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define PAGE 4096ul

struct told {
	uint64_t rounds, longest_ns;
};

static volatile sig_atomic_t rounds_asked, storm, steady;

static void on_signal(int sig)
{
	if (sig == SIGUSR1)
		rounds_asked++;
	else if (sig == SIGALRM)
		steady = 1;
	else
		storm = 1;
}

static void must(int held, const char *what)
{
	if (held)
		return;
	perror(what);
	_exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static uint64_t next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static uint64_t write_some(uint8_t *memory, size_t pages, uint64_t x, size_t nr)
{
	while (nr--) {
		x = next(x);
		memory[x % pages * PAGE]++;
	}
	return x;
}

static void write_evenly(uint8_t *memory, size_t pages, struct told *told)
{
	const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };
	uint64_t x = 7;

	for (;; told->rounds++) {
		x = write_some(memory, pages, x, pages / 10000);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

static void write_as_fast_as_it_can(uint8_t *memory, size_t pages, struct told *told)
{
	uint64_t x = 7, last = now_ns();

	for (;;) {
		uint64_t now;

		x = next(x);
		memory[x % pages * PAGE]++;
		now = now_ns();
		if (now - last > told->longest_ns)
			told->longest_ns = now - last;
		last = now;
	}
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_signal };
	uint64_t x = 88172645463325252ull;
	struct told *told;
	sigset_t set, old;
	uint8_t *memory;
	size_t bytes;
	int fd;

	must(argc == 4, "usage");
	setsid();
	bytes = strtoul(argv[2], NULL, 10) << 20;
	fd = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	must(fd >= 0 && ftruncate(fd, sizeof(*told)) == 0, argv[3]);
	told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(told != MAP_FAILED && memory != MAP_FAILED, "mmap");
	close(fd);
	madvise(memory, bytes, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < bytes; i += sizeof(x))
		*(uint64_t *)(memory + i) = x = next(x);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, &old);
	sigaction(SIGUSR1, &sa, NULL);
	sigaction(SIGUSR2, &sa, NULL);
	sigaction(SIGALRM, &sa, NULL);
	fd = atoi(argv[1]);
	must(write(fd, "ready\n", 6) == 6 && close(fd) == 0, "ready");
	while (!storm && !steady) {
		sigsuspend(&old);
		for (; told->rounds < (uint64_t)rounds_asked; told->rounds++)
			x = write_some(memory, bytes / PAGE, x, bytes / PAGE / 100);
	}
	if (steady)
		write_evenly(memory, bytes / PAGE, told);
	write_as_fast_as_it_can(memory, bytes / PAGE, told);
}
