// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers that are armed for a moment and expire once, all the time: each expiration comes, comes
 * once, and says what it should; to the process or to a thread.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SIG_TIMER  (SIGRTMIN + 1)
#define SIG_THREAD (SIGRTMIN + 2)
#define SHORT_NS   300000

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static sigset_t mask;
static struct steps *came; /* to the thread */
static uint32_t over;
static pid_t tid;

/* The one signal that is due; NULL, or what came instead. */
static const char *wait_for(int sig, int value, siginfo_t *info)
{
	int got;

	do
		got = sigwaitinfo(&mask, info);
	while (got == -1 && errno == EINTR);
	if (got != sig)
		return "another signal came";
	if (sig != SIGALRM && info->si_code != SI_TIMER)
		return "it is not from a timer";
	if (sig != SIGALRM && info->si_value.sival_int != value)
		return "its value is another one";
	if (sig != SIGALRM && info->si_overrun)
		return "it has overruns";
	return NULL;
}

static bool nothing_pending(void)
{
	const struct timespec now = { 0 };

	return sigtimedwait(&mask, NULL, &now) == -1 && (errno == EAGAIN || errno == EINTR);
}

/* Only the thread takes these: they are sent to it alone. */
static void *thread_fn(void *arg)
{
	sigset_t own;
	siginfo_t info;

	(void)arg;
	tid = gettid_raw();
	steps_reach(came, 1);
	sigemptyset(&own);
	sigaddset(&own, SIG_THREAD);
	for (uint32_t step = 2; !over;) {
		if (sigwaitinfo(&own, &info) == -1)
			continue;
		if (info.si_value.sival_int != (int)step && !over)
			fail("the thread was sent %d instead of %u", info.si_value.sival_int, step);
		steps_reach(came, step++);
	}
	return NULL;
}

static bool is_disarmed(timer_t timer)
{
	struct itimerspec left;

	must(timer_gettime(timer, &left));
	return !left.it_value.tv_sec && !left.it_value.tv_nsec;
}

static const char *posix_round(clockid_t clock, int value)
{
	const struct itimerspec soon = { .it_value = { .tv_nsec = SHORT_NS } };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIG_TIMER };
	const char *wrong;
	siginfo_t info;
	timer_t timer;

	event.sigev_value.sival_int = value;
	must(timer_create(clock, &event, &timer));
	must(timer_settime(timer, 0, &soon, NULL));
	wrong = wait_for(SIG_TIMER, value, &info);
	if (!wrong && !is_disarmed(timer))
		wrong = "it is armed still";
	must(timer_delete(timer));
	return wrong;
}

static const char *thread_round(uint32_t step)
{
	const struct itimerspec soon = { .it_value = { .tv_nsec = SHORT_NS } };
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIG_THREAD };
	timer_t timer;

	event.sigev_notify_thread_id = tid;
	event.sigev_value.sival_int = (int)step;
	must(timer_create(CLOCK_MONOTONIC, &event, &timer));
	must(timer_settime(timer, 0, &soon, NULL));
	steps_wait(came, step);
	if (!is_disarmed(timer))
		return "it is armed still";
	must(timer_delete(timer));
	return NULL;
}

static const char *alarm_round(void)
{
	const struct itimerval soon = { .it_value = { .tv_usec = SHORT_NS / 1000 } };
	const char *wrong;
	struct itimerval left;
	siginfo_t info;

	must(setitimer(ITIMER_REAL, &soon, NULL));
	wrong = wait_for(SIGALRM, 0, &info);
	must(getitimer(ITIMER_REAL, &left));
	if (!wrong && (left.it_value.tv_sec || left.it_value.tv_usec))
		wrong = "it is armed still";
	return wrong;
}

/* One that never gets there. */
static const char *far_round(void)
{
	const struct itimerval far = { .it_value = { .tv_sec = 1000 } }, none = { 0 };
	struct itimerval left;

	must(setitimer(ITIMER_REAL, &far, NULL));
	must(getitimer(ITIMER_REAL, &left));
	must(setitimer(ITIMER_REAL, &none, NULL));
	return left.it_value.tv_sec < 990 || left.it_value.tv_sec > 1000 ? "it is wrong" : NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	test_init(argc, argv);
	sigemptyset(&mask);
	sigaddset(&mask, SIG_TIMER);
	sigaddset(&mask, SIGALRM);
	must(sigprocmask(SIG_BLOCK, &mask, NULL));
	came = steps_new();
	sigaddset(&mask, SIG_THREAD);
	must(sigprocmask(SIG_BLOCK, &mask, NULL));
	thread = test_thread(thread_fn, NULL);
	steps_wait(came, 1);
	test_daemon();
	for (uint32_t round = 0; test_go(); round++) {
		const struct {
			const char *name, *wrong;
		} parts[] = {
			{ "CLOCK_MONOTONIC", posix_round(CLOCK_MONOTONIC, (int)round) },
			{ "CLOCK_REALTIME", posix_round(CLOCK_REALTIME, -(int)round) },
			{ "of a thread", thread_round(round + 2) },
			{ "ITIMER_REAL", alarm_round() },
			{ "far away", far_round() },
		};

		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
			if (parts[i].wrong)
				return fail("round %u: timer %s: %s", round, parts[i].name,
					    parts[i].wrong);
		if (!nothing_pending())
			return fail("round %u: a signal has come twice", round);
	}
	over = 1;
	must0(pthread_kill(thread, SIG_THREAD));
	must0(pthread_join(thread, NULL));
	return pass();
}
