// SPDX-License-Identifier: GPL-2.0-only
/* Helpers of the tests: children, threads, waiting for events, reproducible data. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void child_run(int (*fn)(void *arg), void *arg)
{
	sigset_t term;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	must(sigprocmask(SIG_UNBLOCK, &term, NULL)); /* a test_thread() has it blocked */
	_exit(fn(arg));
}

pid_t test_child(int (*fn)(void *arg), void *arg)
{
	pid_t pid = (pid_t)must(fork());

	if (!pid)
		child_run(fn, arg);
	return pid;
}

pid_t test_companion(int (*fn)(void *arg), void *arg)
{
	struct steps *begun = steps_new();
	pid_t pid = (pid_t)must(fork());

	if (pid)
		steps_wait(begun, 1);
	else
		steps_reach(begun, 1);
	must(munmap(begun, sizeof(*begun)));
	if (!pid)
		child_run(fn, arg);
	return pid;
}

bool test_exited(int status, int code, const char *who)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == code)
		return true;
	test_msg("%s: wait status %#x instead of exit code %d", who, status, code);
	return false;
}

bool test_signaled(int status, int sig, const char *who)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == sig)
		return true;
	test_msg("%s: wait status %#x instead of death by signal %d", who, status, sig);
	return false;
}

bool test_reap(pid_t pid, const char *who)
{
	int status;

	if (waitpid(pid, &status, 0) != pid) {
		pr_perror("%s: waitpid(%d)", who, pid);
		return false;
	}
	return test_exited(status, 0, who);
}

bool test_stop(pid_t pid, const char *who)
{
	if (kill(pid, SIGTERM)) {
		pr_perror("%s: kill(%d)", who, pid);
		return false;
	}
	return test_reap(pid, who);
}

struct thread_start {
	void *(*fn)(void *arg);
	void *arg;
	uint32_t running;
};

static void *thread_begin(void *arg)
{
	struct thread_start *on_creators_stack = arg, start = *on_creators_stack;

	__atomic_store_n(&on_creators_stack->running, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(&on_creators_stack->running);
	return start.fn(start.arg);
}

pthread_t test_thread(void *(*fn)(void *arg), void *arg)
{
	struct thread_start start = { .fn = fn, .arg = arg };
	sigset_t term, old;
	pthread_t thread;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	must0(pthread_sigmask(SIG_BLOCK, &term, &old));
	must0(pthread_create(&thread, NULL, thread_begin, &start));
	must0(pthread_sigmask(SIG_SETMASK, &old, NULL));
	futex_wait_change(&start.running, 0);
	return thread;
}

void ready_init(struct ready *ready)
{
	must(pipe(ready->fd));
}

void ready_report(struct ready *ready)
{
	must(close(ready->fd[0]));
	must(write(ready->fd[1], "r", 1));
	must(close(ready->fd[1]));
}

void ready_collect(struct ready *ready, int children)
{
	char byte;

	must(close(ready->fd[1]));
	while (must(read(ready->fd[0], &byte, 1)))
		children--;
	must(close(ready->fd[0]));
	if (children) {
		test_msg("%d children ended before they were ready", children);
		_exit(1);
	}
}

void futex_wait_change(uint32_t *word, uint32_t value)
{
	while (__atomic_load_n(word, __ATOMIC_SEQ_CST) == value)
		if (syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0) && errno != EAGAIN &&
		    errno != EINTR)
			must(-1);
}

void futex_wake_all(uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

struct steps *steps_new(void)
{
	return map_anon(sizeof(struct steps), PROT_READ | PROT_WRITE, MAP_SHARED);
}

void steps_reach(struct steps *steps, uint32_t step)
{
	__atomic_store_n(&steps->now, step, __ATOMIC_SEQ_CST);
	futex_wake_all(&steps->now);
}

void steps_wait(struct steps *steps, uint32_t step)
{
	uint32_t now;

	while ((now = __atomic_load_n(&steps->now, __ATOMIC_SEQ_CST)) < step)
		futex_wait_change(&steps->now, now);
}

size_t file_read_text(const char *path, char *buf, size_t size)
{
	int fd = (int)must(open(path, O_RDONLY | O_CLOEXEC));
	size_t len = 0;
	ssize_t got;

	while (len < size - 1 && (got = must(read(fd, buf + len, size - 1 - len))) > 0)
		len += (size_t)got;
	buf[len] = '\0';
	must(close(fd));
	return len;
}

/* The condition has no file descriptor to wait on: look again every millisecond until it is so. */
static void look_again(void)
{
	struct timespec pause = { .tv_nsec = 1000 * 1000 };

	nanosleep(&pause, NULL);
}

void wait_in_syscall(pid_t tid, long nr)
{
	char path[64], text[256], *end;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	for (;;) {
		file_read_text(path, text, sizeof(text));
		if (strtol(text, &end, 10) == nr && end != text)
			return;
		look_again();
	}
}

void wait_for_state(pid_t pid, char state)
{
	char path[64], text[1024], *paren;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (;;) {
		file_read_text(path, text, sizeof(text));
		paren = strrchr(text, ')');
		if (paren && paren[1] == ' ' && paren[2] == state)
			return;
		look_again();
	}
}

static uint8_t data_byte(uint32_t seed, uint64_t offset)
{
	uint64_t x = ((uint64_t)seed << 40) ^ (offset >> 3);

	x = (x + 0x9e3779b97f4a7c15u) * 0xd6e8feb86659fd93u;
	x ^= x >> 29;
	x *= 0xa0761d6478bd642fu;
	x ^= x >> 32;
	return (uint8_t)(x >> (8 * (offset & 7)));
}

void datagen_at(void *buf, size_t size, uint32_t seed, uint64_t offset)
{
	uint8_t *bytes = buf;

	for (size_t i = 0; i < size; i++)
		bytes[i] = data_byte(seed, offset + i);
}

size_t datachk_at(const void *buf, size_t size, uint32_t seed, uint64_t offset)
{
	const uint8_t *bytes = buf;
	size_t i;

	for (i = 0; i < size; i++)
		if (bytes[i] != data_byte(seed, offset + i))
			break;
	return i;
}

void datagen(void *buf, size_t size, uint32_t seed)
{
	datagen_at(buf, size, seed, 0);
}

size_t datachk(const void *buf, size_t size, uint32_t seed)
{
	return datachk_at(buf, size, seed, 0);
}

void *map_anon(size_t size, int prot, int flags)
{
	if (!(flags & MAP_SHARED))
		flags |= MAP_PRIVATE;
	return (void *)must(mmap(NULL, size, prot, flags | MAP_ANONYMOUS, -1, 0));
}

int file_make(const char *path, size_t size, uint32_t seed)
{
	int fd = (int)must(open(path, O_RDWR | O_CREAT | O_EXCL, 0644));
	uint8_t buf[4096];

	for (size_t done = 0; done < size;) {
		size_t part = size - done < sizeof(buf) ? size - done : sizeof(buf);

		datagen_at(buf, part, seed, done);
		expect((size_t)must(write(fd, buf, part)) == part, "%s: short write", path);
		done += part;
	}
	return fd;
}

uint64_t status_hex(const char *path, const char *field)
{
	char text[8192], *line;
	size_t len = strlen(field);

	file_read_text(path, text, sizeof(text));
	for (line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, field, len) && line[len] == ':')
			return strtoull(line + len + 1, NULL, 16);
	}
	expect(false, "%s has no field %s", path, field);
}

double now_seconds(void)
{
	struct timespec ts;

	must(clock_gettime(CLOCK_MONOTONIC, &ts));
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

pid_t gettid_raw(void)
{
	return (pid_t)syscall(SYS_gettid);
}
