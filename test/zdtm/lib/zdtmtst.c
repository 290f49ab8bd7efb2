// SPDX-License-Identifier: GPL-2.0-only
/* The life of a test program: options, the way into the background, readiness, the verdict. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char *pidfile;
static char *pidfile_new;
static char *outfile;
static struct test_option *options;
static pid_t root_pid;
static int failures;
static uint32_t term_came;

static void line_write(const char *line, size_t len)
{
	ssize_t done = write(STDERR_FILENO, line, len);

	(void)done; /* there is nowhere left to say it */
}

static void line_vprint(const char *head, const char *cause, const char *fmt, va_list ap)
{
	char line[1024];
	int len = snprintf(line, sizeof(line), "%s", head);

	len += vsnprintf(line + len, sizeof(line) - (size_t)len, fmt, ap);
	if (len > (int)sizeof(line) - 128)
		len = (int)sizeof(line) - 128;
	if (cause)
		len += snprintf(line + len, sizeof(line) - (size_t)len, ": %.100s", cause);
	if (line[len - 1] != '\n')
		line[len++] = '\n';
	line_write(line, (size_t)len);
}

void test_msg(const char *fmt, ...)
{
	int saved = errno;
	char head[32];
	va_list ap;

	snprintf(head, sizeof(head), "%d: ", getpid());
	va_start(ap, fmt);
	line_vprint(head, NULL, fmt, ap);
	va_end(ap);
	errno = saved;
}

void test_perror(const char *file, int line, const char *fmt, ...)
{
	int saved = errno;
	char head[256];
	va_list ap;

	snprintf(head, sizeof(head), "%d: ERROR %.200s:%d: ", getpid(), file, line);
	va_start(ap, fmt);
	line_vprint(head, strerror(saved), fmt, ap);
	va_end(ap);
	errno = saved;
}

static void fail_vprint(const char *file, int line, const char *fmt, va_list ap)
{
	char head[256];

	if (getpid() == root_pid)
		snprintf(head, sizeof(head), "FAIL: %.200s:%d: ", file, line);
	else
		snprintf(head, sizeof(head), "%d: %.200s:%d: ", getpid(), file, line);
	line_vprint(head, NULL, fmt, ap);
	failures++;
}

int test_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_vprint(file, line, fmt, ap);
	va_end(ap);
	return 1;
}

void test_expected(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fail_vprint(file, line, fmt, ap);
	va_end(ap);
	_exit(1);
}

int pass(void)
{
	if (failures)
		return 1;
	line_write("PASS\n", 5);
	return 0;
}

long test_must(long ret, const char *what, const char *file, int line)
{
	if (ret != -1)
		return ret;
	test_perror(file, line, "%s", what);
	_exit(1);
}

void test_must0(int ret, const char *what, const char *file, int line)
{
	if (ret == 0)
		return;
	errno = ret;
	test_must(-1, what, file, line);
}

void test_option_add(struct test_option *option)
{
	option->next = options;
	options = option;
}

static void usage(const char *program, const char *complaint, const char *what)
{
	fprintf(stderr, "%s: %s: %s\noptions:\n", program, complaint, what);
	for (struct test_option *o = options; o; o = o->next)
		fprintf(stderr, "  --%s%s: %s%s\n", o->name,
			o->type == TEST_OPTION_bool ? "" : "=ARG", o->doc,
			o->required ? " (required)" : "");
	exit(2);
}

static void option_set(struct test_option *option, char *value)
{
	option->given = true;
	switch (option->type) {
	case TEST_OPTION_string:
		*(char **)option->value = strdup(value); /* a test may overwrite argv */
		break;
	case TEST_OPTION_int:
		*(int *)option->value = atoi(value);
		break;
	case TEST_OPTION_bool:
		*(bool *)option->value = true;
		break;
	}
}

static struct test_option *option_find(const char *name, size_t len)
{
	struct test_option *o;

	for (o = options; o; o = o->next)
		if (strlen(o->name) == len && !memcmp(o->name, name, len))
			break;
	return o;
}

static void options_parse(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i] + 2;
		struct test_option *option;
		size_t len;

		if (strncmp(argv[i], "--", 2))
			usage(argv[0], "not an option", argv[i]);
		len = strcspn(name, "=");
		option = option_find(name, len);
		if (option && (option->type == TEST_OPTION_bool) == (name[len] == '\0'))
			option_set(option, argv[i] + 2 + len + (name[len] == '='));
		else if (option)
			usage(argv[0], "argument missing or not wanted", argv[i]);
		else if (strncmp(name, "dirname=", 8) && strncmp(name, "filename=", 9))
			usage(argv[0], "unknown option", argv[i]);
	}
	for (struct test_option *o = options; o; o = o->next)
		if (o->required && !o->given)
			usage(argv[0], "option is missing", o->name);
}

TEST_OPTION(pidfile, string, "written, with the pid, when the test is ready", true);
TEST_OPTION(outfile, string, "messages and the verdict", true);

/*
 * The launcher stays in the foreground until the pid file appears (exit 0) or the test has died
 * (exit 1). It learns both from the kernel; the test itself holds no descriptor for this.
 */
static int launcher_wait(pid_t child)
{
	struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
	char *slash, dir[4096];
	int status;

	snprintf(dir, sizeof(dir), "%s", pidfile);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
	fds[0].fd = (int)must(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
	must(inotify_add_watch(fds[0].fd, slash ? dir : ".", IN_MOVED_TO));
	fds[1].fd = (int)must(syscall(SYS_pidfd_open, child, 0));
	while (access(pidfile, F_OK)) {
		char events[4096];

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			must(-1);
		if (!fds[0].revents && fds[1].revents)
			break;
		if (fds[0].revents && read(fds[0].fd, events, sizeof(events)) < 0)
			must(errno == EAGAIN ? 0 : -1);
	}
	if (!access(pidfile, F_OK))
		return 0;
	must(waitpid(child, &status, 0));
	fprintf(stderr, "the test ended before it was ready: %s %d\n",
		WIFSIGNALED(status) ? "signal" : "exit code",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return 1;
}

static void term_handler(int sig)
{
	(void)sig;
	__atomic_store_n(&term_came, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(&term_came);
}

static void background(void)
{
	struct sigaction action = { .sa_handler = term_handler, .sa_flags = SA_RESTART };
	int null, out;
	sigset_t none;

	must(setsid());
	out = (int)must(open(outfile, O_WRONLY | O_CREAT | O_APPEND, 0644));
	null = (int)must(open("/dev/null", O_RDONLY));
	must(dup2(null, STDIN_FILENO));
	must(dup2(out, STDOUT_FILENO));
	must(dup2(out, STDERR_FILENO));
	must(syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, 0));
	must(sigaction(SIGTERM, &action, NULL));
	sigemptyset(&none);
	must(sigprocmask(SIG_SETMASK, &none, NULL));
}

/* Written early: when the test is ready, it may have no right, room or descriptor left for it. */
static void pidfile_prepare(void)
{
	char text[16];
	int fd, len;

	len = snprintf(text, sizeof(text), "%d\n", getpid());
	must(asprintf(&pidfile_new, "%s.new", pidfile));
	fd = (int)must(open(pidfile_new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
	must(write(fd, text, (size_t)len));
	must(close(fd));
}

void test_init(int argc, char **argv)
{
	pid_t child;

	options_parse(argc, argv);
	child = (pid_t)must(fork());
	if (child)
		_exit(launcher_wait(child));
	root_pid = getpid();
	background();
	pidfile_prepare();
}

void test_daemon(void)
{
	must(rename(pidfile_new, pidfile));
}

bool test_go(void)
{
	return !__atomic_load_n(&term_came, __ATOMIC_SEQ_CST);
}

void test_waitsig(void)
{
	while (test_go())
		futex_wait_change(&term_came, 0);
}
