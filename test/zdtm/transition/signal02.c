// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals with numbers between threads, to a thread of another process, and into handlers, all the
 * time: each arrives once, in its order, with its siginfo.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SIG_BALL (SIGRTMIN + 1) /* to and fro between two threads */
#define SIG_FAR  (SIGRTMIN + 2) /* from the child to a thread of the parent, and handled there */
#define SIG_BACK (SIGRTMIN + 3)
#define BURST    5
#define THE_END  (-1)

static struct far {
	pid_t parent_thread;
	uint32_t ready;
} * far;
static volatile int handled, wrong; /* by the handler */
static pid_t child_pid;

static int take(int sig, siginfo_t *info)
{
	sigset_t mask;
	int got;

	sigemptyset(&mask);
	sigaddset(&mask, sig);
	do
		got = sigwaitinfo(&mask, info);
	while (got == -1 && errno == EINTR);
	expect(got == sig && info->si_code == SI_QUEUE, "signal %d, code %d", got, info->si_code);
	return info->si_value.sival_int;
}

static void send_to(pid_t pid, pid_t tid, int sig, int value)
{
	siginfo_t info = { .si_signo = sig, .si_code = SI_QUEUE };

	info.si_pid = getpid();
	info.si_uid = getuid();
	info.si_value.sival_int = value;
	must(syscall(SYS_rt_tgsigqueueinfo, pid, tid, sig, &info));
}

/* --- two threads ----------------------------------------------------------------------- */

static pid_t main_tid, thread_tid;
static uint32_t thread_is_there;

static void *returner(void *arg)
{
	siginfo_t info;
	int value;

	(void)arg;
	thread_tid = gettid_raw();
	thread_is_there = 1;
	futex_wake_all(&thread_is_there);
	while ((value = take(SIG_BALL, &info)) != THE_END)
		send_to(getpid(), main_tid, SIG_BALL, value);
	return NULL;
}

static bool ball_round(int *number)
{
	siginfo_t info;

	for (int i = 0; i < BURST; i++)
		send_to(getpid(), thread_tid, SIG_BALL, *number + i);
	for (int i = 0; i < BURST; i++, ++*number) {
		int value = take(SIG_BALL, &info);

		if (value == *number && info.si_pid == getpid())
			continue;
		fail("ball %d of %d instead of %d of %d", value, info.si_pid, *number, getpid());
		return false;
	}
	return true;
}

/* --- a handler -------------------------------------------------------------------------- */

static void on_far(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	if (info->si_value.sival_int != handled || info->si_pid != child_pid ||
	    info->si_code != SI_QUEUE || gettid_raw() != main_tid)
		wrong = 1;
	handled++;
}

/* As many as it is asked for, as fast as it can. */
static int child(void *arg)
{
	pid_t parent = getppid();
	int sent = 0, wanted;
	siginfo_t info;

	(void)arg;
	far->ready = 1;
	futex_wake_all(&far->ready);
	while ((wanted = take(SIG_BACK, &info)) != THE_END)
		while (sent < wanted)
			send_to(parent, far->parent_thread, SIG_FAR, sent++);
	return 0;
}

static void child_ask(int wanted)
{
	const union sigval value = { .sival_int = wanted };

	must(sigqueue(child_pid, SIG_BACK, value));
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_sigaction = on_far, .sa_flags = SA_SIGINFO | SA_RESTART };
	int number = 0, wanted = 0;
	pthread_t thread;
	sigset_t mask;

	test_init(argc, argv);
	main_tid = gettid_raw();
	far = map_anon(sizeof(*far), PROT_READ | PROT_WRITE, MAP_SHARED);
	far->parent_thread = main_tid;
	sigemptyset(&mask);
	sigaddset(&mask, SIG_BALL);
	sigaddset(&mask, SIG_BACK);
	must(sigprocmask(SIG_BLOCK, &mask, NULL));
	must(sigaction(SIG_FAR, &action, NULL));
	thread = test_thread(returner, NULL);
	futex_wait_change(&thread_is_there, 0);
	child_pid = test_companion(child, NULL);
	futex_wait_change(&far->ready, 0);
	test_daemon();
	do {
		wanted += BURST;
		child_ask(wanted);
		if (!ball_round(&number))
			return 1;
		while (handled < wanted)
			continue; /* the runner has the time limit */
		if (handled != wanted || wrong)
			return fail("%d signals handled of %d, %s", handled, wanted,
				    wrong ? "some wrong" : "none wrong");
	} while (test_go());
	child_ask(THE_END);
	if (!test_reap(child_pid, "child"))
		return fail("the child is not well");
	send_to(getpid(), thread_tid, SIG_BALL, THE_END);
	must0(pthread_join(thread, NULL));
	return pass();
}
