// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads by the hundred, of a dozen sorts that differ in one thing each: what is read of one of a
 * sort, and taken for all of it, is right for each.
 */
#include "zdtmtst.h"

#include <linux/ioprio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 300
#define FIELDS  13
#define SLACK   77777
#define RSEQ    32 /* bytes that libc registers */

/* What a thread says of itself: numbers, and its name. */
struct self {
	long value[FIELDS];
	char name[16];
};

struct one {
	pthread_t thread;
	size_t sort;
	struct self before;
	char stack[16384];
};

static pthread_barrier_t barrier;
static uint32_t over;
static __thread volatile char selector;
static __thread volatile int caught;

static void own_stack(struct one *t)
{
	stack_t ss = { .ss_sp = t->stack, .ss_size = sizeof(t->stack) };

	must(sigaltstack(&ss, NULL));
}

static void own_slack(struct one *t)
{
	(void)t;
	must(prctl(PR_SET_TIMERSLACK, SLACK));
}

static void own_pdeath(struct one *t)
{
	(void)t;
	must(prctl(PR_SET_PDEATHSIG, SIGWINCH));
}

static void own_ioprio(struct one *t)
{
	(void)t;
	must(syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, 7)));
}

static void own_nice(struct one *t)
{
	(void)t;
	must(setpriority(PRIO_PROCESS, (id_t)gettid(), 5));
}

static void own_uid(struct one *t)
{
	(void)t;
	must(syscall(SYS_setresuid, -1, -1, 4321));
}

static void own_privs(struct one *t)
{
	(void)t;
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void own_mask(struct one *t)
{
	sigset_t set;

	(void)t;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMAX);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void own_name(struct one *t)
{
	char name[16];

	snprintf(name, sizeof(name), "of %zu", t->sort);
	must(prctl(PR_SET_NAME, name));
}

static void own_bits(struct one *t)
{
	(void)t;
	must(prctl(PR_SET_SECUREBITS, 1 << 2 /* SECBIT_NO_SETUID_FIXUP */));
}

/* All its system calls are signals while the selector says so. */
static void own_dispatch(struct one *t)
{
	(void)t;
	must(prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &selector));
}

static long rseq(int flags)
{
	char *own = (char *)__builtin_thread_pointer() + __rseq_offset;

	return syscall(SYS_rseq, own, RSEQ, flags, RSEQ_SIG);
}

static void own_rseq(struct one *t)
{
	(void)t;
	must(rseq(RSEQ_FLAG_UNREGISTER));
}

static void nothing(struct one *t)
{
	(void)t;
}

static void (*const sorts[])(struct one *t) = {
	nothing,   own_stack, own_slack, own_pdeath, own_ioprio,   own_nice, own_uid,
	own_privs, own_mask,  own_name,  own_bits,   own_dispatch, own_rseq,
};

/* It returns by a system call, which must pass. */
static void on_sigsys(int sig)
{
	(void)sig;
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	caught++;
}

static long is_dispatched(void)
{
	caught = 0;
	selector = SYSCALL_DISPATCH_FILTER_BLOCK;
	syscall(SYS_getppid);
	selector = SYSCALL_DISPATCH_FILTER_ALLOW;
	return caught;
}

static long has_rseq(void)
{
	long had = rseq(RSEQ_FLAG_UNREGISTER);

	if (!had)
		must(rseq(0));
	return !had;
}

static void look(struct self *s)
{
	uid_t r, e, saved;
	sigset_t mask;
	stack_t ss;
	int signo = 0, *tid = NULL;

	memset(s, 0, sizeof(*s));
	must(sigaltstack(NULL, &ss));
	must(getresuid(&r, &e, &saved));
	must(prctl(PR_GET_PDEATHSIG, &signo));
	must(prctl(PR_GET_TID_ADDRESS, &tid));
	must(prctl(PR_GET_NAME, s->name));
	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	s->value[0] = (long)ss.ss_sp;
	s->value[1] = prctl(PR_GET_TIMERSLACK);
	s->value[2] = signo;
	s->value[3] = syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0);
	s->value[4] = getpriority(PRIO_PROCESS, (id_t)gettid());
	s->value[5] = saved;
	s->value[6] = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	s->value[7] = sigismember(&mask, SIGRTMAX);
	s->value[8] = (long)tid;
	s->value[9] = prctl(PR_GET_SECUREBITS);
	s->value[10] = gettid();
	s->value[11] = is_dispatched();
	s->value[12] = has_rseq();
}

static void *thread_main(void *arg)
{
	struct one *t = arg;
	struct self now;

	sorts[t->sort](t);
	look(&t->before);
	pthread_barrier_wait(&barrier);
	futex_wait_change(&over, 0);
	look(&now);
	for (size_t i = 0; i < FIELDS; i++)
		expect(now.value[i] == t->before.value[i], "sort %zu: number %zu is %#lx, was %#lx",
		       t->sort, i, now.value[i], t->before.value[i]);
	expect(!strcmp(now.name, t->before.name), "sort %zu: is called %s, was %s", t->sort,
	       now.name, t->before.name);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct one all[THREADS];
	pthread_attr_t attr;

	test_init(argc, argv);
	must((long)signal(SIGSYS, on_sigsys));
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (size_t i = 0; i < THREADS; i++) {
		all[i].sort = i % (sizeof(sorts) / sizeof(*sorts));
		expect(!pthread_create(&all[i].thread, &attr, thread_main, &all[i]),
		       "pthread_create");
	}
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();
	__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(&over);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(all[i].thread, NULL);
	return pass();
}
