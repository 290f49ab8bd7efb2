// SPDX-License-Identifier: GPL-2.0-only
/* What every test program is written with: its life, its verdict, its helpers. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/*
 * The life of a test:
 *
 *	test_init()	the caller becomes a daemon: own session, no terminal, no pipes
 *	  ...		set up the state that has to survive
 *	test_daemon()	"ready": from here on the test may be dumped at any moment
 *	test_waitsig()	until SIGTERM; the dumps and restores happen in here
 *	  ...		look whether everything is still there
 *	pass() / fail()	the verdict
 */
void test_init(int argc, char **argv);
void test_daemon(void);
void test_waitsig(void);

/* True until SIGTERM has come: the condition of a transition test's loop. */
bool test_go(void);

/*
 * Both write the verdict, the last line of the out file, and return the exit code of the test:
 * `return pass();`, `return fail("...");`. After a fail(), pass() fails too. A child process uses
 * test_msg() and its exit code instead: the verdict is the root's.
 */
int pass(void);

int test_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void test_msg(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void test_perror(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define fail(...)      test_fail(__FILE__, __LINE__, __VA_ARGS__)
/* The message, the source line and the text of errno. Keeps errno. */
#define pr_perror(...) test_perror(__FILE__, __LINE__, __VA_ARGS__)
#define err(...)       test_perror(__FILE__, __LINE__, __VA_ARGS__)

/* A call that sets the scene and has to succeed: -1 ends the process with its text and errno. */
#define must(call)  test_must((long)(call), #call, __FILE__, __LINE__)
/* The same for calls of the pthread family, which return the error. */
#define must0(call) test_must0((call), #call, __FILE__, __LINE__)
/* A condition that is wrong ends the process with a FAIL line (in a child: with a message). */
#define expect(cond, ...)                                                                          \
	do {                                                                                       \
		if (!(cond))                                                                       \
			test_expected(__FILE__, __LINE__, __VA_ARGS__);                            \
	} while (0)

long test_must(long ret, const char *what, const char *file, int line);
void test_must0(int ret, const char *what, const char *file, int line);
void test_expected(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), noreturn));

/*
 * Options. The variable is the test's own:
 *
 *	static char *filename;
 *	TEST_OPTION(filename, string, "file to work on", true);
 *
 * makes --filename=ARG fill it. Types: string (char *), int (int), bool (bool, no argument).
 * The runner always gives --pidfile, --outfile, --dirname and --filename (names that are free, in
 * the test's scratch directory); a test that does not declare the last two ignores them.
 */
enum test_option_type { TEST_OPTION_string, TEST_OPTION_int, TEST_OPTION_bool };

struct test_option {
	const char *name;
	const char *doc;
	enum test_option_type type;
	bool required;
	void *value;
	bool given;
	struct test_option *next;
};

void test_option_add(struct test_option *option);

#define TEST_OPTION(variable, kind, help, must_be_given)                                           \
	static struct test_option test_option_##variable = {                                       \
		.name = #variable,                                                                 \
		.doc = (help),                                                                     \
		.type = TEST_OPTION_##kind,                                                        \
		.required = (must_be_given),                                                       \
		.value = &(variable),                                                              \
	};                                                                                         \
	__attribute__((constructor)) static void test_option_add_##variable(void)                  \
	{                                                                                          \
		test_option_add(&test_option_##variable);                                          \
	}                                                                                          \
	struct test_option

/* Child processes: runs FN in a child that ends with its return value. */
pid_t test_child(int (*fn)(void *arg), void *arg);
/*
 * The same, and it has left fork(2) behind when this returns: for one that a dump will find. Until
 * then the C library has not told the kernel all about it (set_robust_list), which would look like
 * a difference after the restore.
 */
pid_t test_companion(int (*fn)(void *arg), void *arg);
/* Waits for the child; true if it exited with 0, else says what happened instead. */
bool test_reap(pid_t pid, const char *who);
/* SIGTERM for the child, then test_reap(). */
bool test_stop(pid_t pid, const char *who);
/* Does the wait status match? If not, says what WHO did instead. */
bool test_exited(int status, int code, const char *who);
bool test_signaled(int status, int sig, const char *who);

/*
 * A thread with SIGTERM blocked, so that only the main thread hears of the end. When this returns,
 * the C library has set the thread up and it is about to call FN.
 */
pthread_t test_thread(void *(*fn)(void *arg), void *arg);

/*
 * Children report that their part of the scene is set. ready_init() before the forks; each child
 * calls ready_report() once, the parent ready_collect() with their number. When it returns, no
 * end of the pipe is left in any process.
 */
struct ready {
	int fd[2];
};

void ready_init(struct ready *ready);
void ready_report(struct ready *ready);
void ready_collect(struct ready *ready, int children);

/* A number in shared memory that only grows; processes and threads wait for it to get there. */
struct steps {
	uint32_t now;
};

struct steps *steps_new(void);
void steps_reach(struct steps *steps, uint32_t step);
void steps_wait(struct steps *steps, uint32_t step);

/* Waits until *WORD is no longer VALUE. Both work between processes. */
void futex_wait_change(uint32_t *word, uint32_t value);
void futex_wake_all(uint32_t *word);

/* Returns when thread TID (of any process) is blocked inside system call NR. */
void wait_in_syscall(pid_t tid, long nr);
/* Returns when process PID is in STATE, the letter of /proc/PID/stat. */
void wait_for_state(pid_t pid, char state);

/* Reproducible bytes: the same seed and offset give the same contents. */
void datagen(void *buf, size_t size, uint32_t seed);
/* The offset of the first byte that is not datagen()'s, or SIZE if all are. */
size_t datachk(const void *buf, size_t size, uint32_t seed);
void datagen_at(void *buf, size_t size, uint32_t seed, uint64_t offset);
size_t datachk_at(const void *buf, size_t size, uint32_t seed, uint64_t offset);

/* Private anonymous memory (or with FLAGS added); never fails. */
void *map_anon(size_t size, int prot, int flags);
/* A file with SIZE bytes of datagen(), made new, open for reading and writing. */
int file_make(const char *path, size_t size, uint32_t seed);
/* The value of a hexadecimal field such as SigBlk in /proc/PATH/status. */
uint64_t status_hex(const char *path, const char *field);
/* Reads a file of /proc as a string; returns the length. */
size_t file_read_text(const char *path, char *buf, size_t size);

double now_seconds(void);
pid_t gettid_raw(void);

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* A command of the shell, which has to succeed. */
void command_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* What it says: never freed. */
char *command_output(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Are two outputs the same? If not, says the first line that is different. */
bool same_lines(const char *before, const char *after);
