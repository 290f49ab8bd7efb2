// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program that is busy in every way at once, and notices whatever is done to it: registers,
 * memory, signals, what goes through a pipe, and sleeps, which nobody may interrupt.
 */
#include "test/harness/prog/scene.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGES      1024
#define PAGE_WORDS 512
#define SPINS      200000ul
#define REST_NS    200000

enum {
	BUSY_MAIN,
	BUSY_REGISTERS,
	BUSY_SLEEP,
	BUSY_POLL,
	BUSY_FUTEX,
	BUSY_SIGNALS,
	BUSY_MEMORY,
	BUSY_READER,
	BUSY_WRITER
};

/* A thread that never enters the kernel may keep a small machine from everything else. */
static void rest(void)
{
	const struct timespec pause = { .tv_nsec = REST_NS };

	syscall(SYS_nanosleep, &pause, NULL);
}

static unsigned int slot_of(void *arg)
{
	return (unsigned int)(uintptr_t)arg;
}

/* --- registers ------------------------------------------------------------------ */

#ifdef __x86_64__
#define XMM 16
#define EACH(X)                                                                                    \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#else
#define XMM     8
#define EACH(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7)
#endif
#define LOAD(n)  "movdqu 16*" #n "(%[in]), %%xmm" #n "\n\t"
#define STORE(n) "movdqu %%xmm" #n ", 16*" #n "(%[out])\n\t"
#define CLOB(n)  "xmm" #n,

/* All vector registers hold something while it counts down without a system call. */
static void spin(const uint64_t *in, uint64_t *out)
{
	unsigned long n = SPINS;

	__asm__ volatile(EACH(LOAD) "1: dec %[n]\n\t"
				    "jnz 1b\n\t" EACH(STORE)
			 : [n] "+r"(n)
			 : [in] "r"(in), [out] "r"(out)
			 : EACH(CLOB) "memory", "cc");
	if (n)
		scene_error("the loop ended at %lu", n);
}

static void *registers(void *arg)
{
	uint64_t in[2 * XMM], out[2 * XMM], seed = 1;

	for (;;) {
		for (unsigned int i = 0; i < 2 * XMM; i++)
			in[i] = seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		memset(out, 0, sizeof(out));
		spin(in, out);
		if (memcmp(in, out, sizeof(in)))
			scene_error("vector registers have changed");
		scene_step(slot_of(arg));
		rest();
	}
	return NULL;
}

/* --- sleeps --------------------------------------------------------------------- */

static void *sleeps(void *arg)
{
	const struct timespec pause = { .tv_nsec = 2000000 };

	for (;;) {
		if (syscall(SYS_nanosleep, &pause, NULL) < 0)
			scene_error("nanosleep: %s", strerror(errno));
		scene_step(slot_of(arg));
	}
	return NULL;
}

static void *polls(void *arg)
{
	int ends[2];
	struct pollfd p = { .events = POLLIN };

	must(pipe(ends));
	p.fd = ends[0];
	for (;;) {
		if (poll(&p, 1, 2) < 0)
			scene_error("poll: %s", strerror(errno));
		scene_step(slot_of(arg));
	}
	return NULL;
}

static void *futexes(void *arg)
{
	const struct timespec pause = { .tv_nsec = 2000000 };
	uint32_t word = 0;

	for (;;) {
		if (syscall(SYS_futex, &word, 0 /* FUTEX_WAIT */, 0, &pause, NULL, 0) == 0 ||
		    errno != ETIMEDOUT)
			scene_error("futex: %s", strerror(errno));
		scene_step(slot_of(arg));
	}
	return NULL;
}

/* --- signals -------------------------------------------------------------------- */

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_code != SI_TIMER || info->si_value.sival_int != 4711)
		scene_error("a signal with code %d, value %d", info->si_code,
			    info->si_value.sival_int);
	scene_step(BUSY_SIGNALS);
}

/* A timer of its own, whose signals only this thread takes. */
static void *signals(void *arg)
{
	/* A look at the mask must not depend on whether it is in the handler. */
	struct sigaction sa = { .sa_sigaction = on_signal,
				.sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigevent ev = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN };
	const struct itimerspec every = { { 0, 2000000 }, { 0, 2000000 } };
	timer_t timer;
	sigset_t set;

	(void)arg;
	sigaction(SIGRTMIN, &sa, NULL);
	ev.sigev_value.sival_int = 4711;
	must(timer_create(CLOCK_MONOTONIC, &ev, &timer));
	must(timer_settime(timer, 0, &every, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	for (;;)
		pause();
	return NULL;
}

/* --- memory --------------------------------------------------------------------- */

static uint64_t word(uint64_t page, uint64_t i, uint64_t round)
{
	return (page * PAGE_WORDS + i) * 0x9e3779b97f4a7c15ull ^ round;
}

static void *memory(void *arg)
{
	uint64_t *at = mmap(NULL, PAGES * PAGE_WORDS * 8, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t round = 0;

	if (at == MAP_FAILED)
		scene_die("mmap");
	for (;; round++) {
		for (uint64_t p = 0; p < PAGES; p++) {
			uint64_t *page = at + p * PAGE_WORDS;

			for (uint64_t i = 0; i < PAGE_WORDS; i++) {
				uint64_t was = round ? word(p, i, round - 1) : 0;

				if (page[i] != was)
					scene_error("word %llu of page %llu has changed",
						    (unsigned long long)i, (unsigned long long)p);
				page[i] = word(p, i, round);
			}
			scene_step(slot_of(arg));
			if (p % 64 == 0)
				rest();
		}
	}
	return NULL;
}

/* --- a pipe --------------------------------------------------------------------- */

static int conversation[2];

static void *reader(void *arg)
{
	uint32_t got, next = 0;

	for (;; next++) {
		if (read(conversation[0], &got, sizeof(got)) != sizeof(got) || got != next)
			scene_error("read: %u instead of %u: %s", got, next, strerror(errno));
		scene_step(slot_of(arg));
	}
	return NULL;
}

static void *writer(void *arg)
{
	for (uint32_t next = 0;; next++) {
		if (write(conversation[1], &next, sizeof(next)) != sizeof(next))
			scene_error("write: %s", strerror(errno));
		scene_step(slot_of(arg));
		if (next % 64 == 0)
			rest();
	}
	return NULL;
}

static void set_busy(int argc, char **argv)
{
	sigset_t set;

	(void)argc;
	(void)argv;
	must(pipe(conversation));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	scene_thread_of(registers, BUSY_REGISTERS);
	scene_thread_of(sleeps, BUSY_SLEEP);
	scene_thread_of(polls, BUSY_POLL);
	scene_thread_of(futexes, BUSY_FUTEX);
	scene_thread_of(signals, BUSY_SIGNALS);
	scene_thread_of(memory, BUSY_MEMORY);
	scene_thread_of(writer, BUSY_WRITER);
	scene_thread_of(reader, BUSY_READER);
}

const struct scene scenes_busy[] = {
	{ "busy", set_busy },
	{ NULL, NULL },
};
