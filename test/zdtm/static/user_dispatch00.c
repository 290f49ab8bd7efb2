// SPDX-License-Identifier: GPL-2.0-only
/*
 * Syscall user dispatch: a thread whose system calls from outside of a range are signals, one
 * whose calls from inside are (Linux 6.17), and one without; each with a selector of its own.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#ifndef PR_SYS_DISPATCH_INCLUSIVE_ON
#define PR_SYS_DISPATCH_INCLUSIVE_ON 2
#endif

/* The same function twice; the range is the first. */
long getppid_inside(void);
long getppid_outside(void);
extern const char range_start[], range_end[];

__asm__(".text\n"
	".globl getppid_inside, getppid_outside, range_start, range_end\n"
	"range_start:\n"
	"getppid_inside: mov $110, %eax; syscall; ret\n"
	"range_end:\n"
	"nop\n"
	"getppid_outside: mov $110, %eax; syscall; ret\n");

struct side {
	const char *who;
	int mode; /* 0: none */
	volatile char selector; /* 1: signals */
	volatile int signals;
};

static struct side sides[] = {
	{ "the main thread", PR_SYS_DISPATCH_ON, 0, 0 },
	{ "the thread with the range that does not pass", PR_SYS_DISPATCH_INCLUSIVE_ON, 0, 0 },
	{ "the thread without", PR_SYS_DISPATCH_OFF, 0, 0 },
};

static __thread struct side *mine;
static pthread_barrier_t barrier;
static uint32_t over;

/* It returns by a system call, which must pass. */
static void on_sigsys(int sig)
{
	(void)sig;
	mine->selector = 0;
	mine->signals++;
}

static void set(struct side *side)
{
	mine = side;
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, side->mode, side->mode ? range_start : NULL,
		  side->mode ? range_end - range_start : 0,
		  side->mode ? &side->selector : NULL) == 0)
		return;
	expect(errno == EINVAL && side->mode == PR_SYS_DISPATCH_INCLUSIVE_ON,
	       "PR_SET_SYSCALL_USER_DISPATCH %d: errno %d", side->mode, errno);
	side->mode = PR_SYS_DISPATCH_OFF; /* a kernel that does not know it */
}

/* Nothing may call libc while the selector is set. */
static int signals_of(long (*fn)(void))
{
	mine->signals = 0;
	mine->selector = 1;
	fn();
	mine->selector = 0;
	return mine->signals;
}

static void check(void)
{
	int inside = signals_of(getppid_inside), outside = signals_of(getppid_outside);

	expect(inside == (mine->mode == PR_SYS_DISPATCH_INCLUSIVE_ON), "%s: %d signals inside",
	       mine->who, inside);
	expect(outside == (mine->mode == PR_SYS_DISPATCH_ON), "%s: %d signals outside", mine->who,
	       outside);
}

static void *thread_fn(void *arg)
{
	set(arg);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	check();
	return NULL;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_sigsys };
	pthread_t threads[2];

	test_init(argc, argv);
	must(sigaction(SIGSYS, &sa, NULL));
	must0(pthread_barrier_init(&barrier, NULL, 3));
	for (int i = 0; i < 2; i++)
		threads[i] = test_thread(thread_fn, &sides[i + 1]);
	pthread_barrier_wait(&barrier);
	set(&sides[0]);
	test_daemon();
	test_waitsig();

	check();
	over = 1;
	futex_wake_all(&over);
	for (int i = 0; i < 2; i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
