// SPDX-License-Identifier: GPL-2.0-only
/*
 * A job for test/shell_job.py.
 *
 *	counter [THREADS]   "PID N" every 50 ms, N counting up; THREADS extra threads count, too,
 *	                    and "PID stuck" is printed when one of them does not
 *	counter screen      single keys: "size R C" at the start and at SIGWINCH, "key X"; q ends
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 16

static volatile unsigned long ticks[THREADS_MAX];
static volatile sig_atomic_t resized = 1;

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
}

static void *tick(void *n)
{
	for (;;) {
		nap();
		ticks[(size_t)n]++;
	}
	return NULL;
}

static int count(size_t nr)
{
	unsigned long before[THREADS_MAX] = { 0 };
	pthread_t t;

	for (size_t i = 0; i < nr; i++)
		if (pthread_create(&t, NULL, tick, (void *)i))
			return 1;
	for (unsigned long n = 0;; n++) {
		printf("%d %lu\n", (int)getpid(), n);
		fflush(stdout);
		nap();
		for (size_t i = 0; i < nr && n % 40 == 39; i++) {
			if (ticks[i] == before[i])
				printf("%d stuck\n", (int)getpid());
			before[i] = ticks[i];
		}
	}
}

static void on_winch(int sig)
{
	(void)sig;
	resized = 1;
}

static int screen(void)
{
	struct sigaction sa = { .sa_handler = on_winch };
	struct termios old, raw;
	struct winsize size;
	char key = 0;

	if (tcgetattr(0, &old) < 0)
		return 1;
	raw = old;
	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	tcsetattr(0, TCSANOW, &raw);
	sigaction(SIGWINCH, &sa, NULL);
	while (key != 'q') {
		if (resized) {
			resized = 0;
			ioctl(0, TIOCGWINSZ, &size);
			printf("%d size %d %d\n", (int)getpid(), size.ws_row, size.ws_col);
		}
		fflush(stdout);
		if (read(0, &key, 1) == 1)
			printf("%d key %c\n", (int)getpid(), key);
		else
			key = 0;
	}
	tcsetattr(0, TCSANOW, &old);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "screen"))
		return screen();
	return count(argc > 1 ? strtoul(argv[1], NULL, 10) % (THREADS_MAX + 1) : 0);
}
