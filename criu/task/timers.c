// SPDX-License-Identifier: GPL-2.0-only
/*
 * Timers. What is left until the next expiry is kept, not when it is: time away does
 * not count. Ids of POSIX timers are visible to the program. A kernel that can
 * (PR_TIMER_CREATE_RESTORE_IDS, 6.15) takes the id that is asked for; others give
 * out ids in order, which is gone through.
 */
#include "criu/task/timers.h"

#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/task/signals.h"

#define RESTORE_IDS    77 /* PR_TIMER_CREATE_RESTORE_IDS */
#define SIGEVENT_BYTES 64
#define NSEC           1000000000ull
#define SECONDS_MAX    1000000000ull /* of a period whose overruns are made again */
#define PERIOD_MIN     (NSEC / 10)
#define MAX_TIMER_ID   0x7fffffffu

struct kernel_sigevent {
	uint64_t value;
	int32_t signo, notify, tid;
	uint8_t pad[SIGEVENT_BYTES - 20];
};

static ItimerEntry *itimer_dump(struct arena *a, const struct parasite_itimer *t)
{
	ItimerEntry *e = arena_message(a, ItimerEntry, ITIMER_ENTRY__INIT);

	e->isec = t->interval_sec;
	e->iusec = t->interval_usec;
	e->vsec = t->value_sec;
	e->vusec = t->value_usec;
	return e;
}

static PosixTimerEntry *posix_dump(struct arena *a, const struct proc_timer *p,
				   const struct parasite_timer *t)
{
	PosixTimerEntry *e = arena_message(a, PosixTimerEntry, POSIX_TIMER_ENTRY__INIT);

	e->it_id = (uint32_t)p->id;
	e->clock_id = (uint32_t)p->clockid;
	e->si_signo = (uint32_t)p->signo;
	e->it_sigev_notify = (uint32_t)p->notify;
	e->sival_ptr = p->sigval;
	e->overrun = (uint32_t)t->overrun;
	e->isec = t->interval_sec;
	e->insec = t->interval_nsec;
	e->vsec = t->value_sec;
	e->vnsec = t->value_nsec;
	if (p->notify == SIGEV_THREAD_ID) {
		e->has_notify_thread_id = true;
		e->notify_thread_id = p->notify_pid;
	}
	return e;
}

/* --- timers that expire while their tasks are asked ------------------------------------ */

/*
 * Time does not stand still with the tasks. What timers have left is asked by the parasite, some
 * time after pending signals were read. One that expires in between would be lost; one that
 * expires after it was asked for could come twice. So queues are read once more, and a timer whose
 * signal is new in them has expired: unless it did before it was asked, it is set as it is then.
 */
struct settling {
	const struct task *task;
	SignalQueueEntry **had; /* the process's, then those of its threads */
	uint64_t elapsed; /* ns, at most, since timers were asked for */
};

static size_t queue_count(const SignalQueueEntry *q, int32_t signo, int32_t code, int32_t id)
{
	size_t nr = 0;

	for (size_t i = 0; q && i < q->n_signals; i++) {
		siginfo_t info;

		memcpy(&info, q->signals[i]->siginfo.data, sizeof(info));
		nr += info.si_signo == signo && info.si_code == code &&
		      (code != SI_TIMER || info.si_timerid == id);
	}
	return nr;
}

static bool has_come(const struct settling *s, int32_t signo, int32_t code, int32_t id)
{
	const struct task *t = s->task;

	if (queue_count(t->pending, signo, code, id) > queue_count(s->had[0], signo, code, id))
		return true;
	for (size_t i = 0; i < t->nr_threads; i++)
		if (queue_count(t->threads[i].pending, signo, code, id) >
		    queue_count(s->had[i + 1], signo, code, id))
			return true;
	return false;
}

/* It has run out once since it was asked how much it has left. */
static bool has_stepped(const struct settling *s, uint64_t left, bool once)
{
	return left && (once || left <= s->elapsed);
}

static void posix_settle(const struct settling *s, const struct proc_timer *p,
			 struct parasite_timer *t)
{
	bool once = !t->interval_sec && !t->interval_nsec;

	if (!has_come(s, p->signo, SI_TIMER, p->id) ||
	    !has_stepped(s, t->value_sec * NSEC + t->value_nsec, once))
		return;
	t->value_sec = t->interval_sec;
	t->value_nsec = t->interval_nsec;
}

static void itimer_settle(const struct settling *s, int which, int32_t signo)
{
	struct parasite_itimer *t = &s->task->inner->itimer[which];
	bool once = !t->interval_sec && !t->interval_usec;

	if (!has_come(s, signo, SI_KERNEL, 0) ||
	    !has_stepped(s, t->value_sec * NSEC + t->value_usec * 1000, once))
		return;
	t->value_sec = t->interval_sec;
	t->value_usec = t->interval_usec;
}

/* Only timers of timer_create(2) have signals for single threads. */
static int queues_reread(struct dump *d, struct task *t, SignalQueueEntry **had)
{
	int r;

	had[0] = t->pending;
	r = sigqueue_read(&d->arena, &t->threads[0], true, &t->pending);
	for (size_t i = 0; i < t->nr_threads && r >= 0; i++) {
		had[i + 1] = t->threads[i].pending;
		if (t->timers.nr)
			r = sigqueue_read(&d->arena, &t->threads[i], false, &t->threads[i].pending);
	}
	return r;
}

static int task_settle_timers(struct dump *d, struct task *t, uint64_t since_us)
{
	struct settling s = { .task = t,
			      .had =
				  arena_array(&d->arena, SignalQueueEntry *, t->nr_threads + 1) };
	int r = queues_reread(d, t, s.had);

	s.elapsed = (clock_us() - since_us) * 1000;
	if (r < 0)
		return r;
	for (size_t i = 0; i < t->timers.nr; i++)
		posix_settle(&s, &t->timers.v[i], &t->inner->timer[i]);
	itimer_settle(&s, ITIMER_REAL, SIGALRM);
	itimer_settle(&s, ITIMER_VIRTUAL, SIGVTALRM);
	itimer_settle(&s, ITIMER_PROF, SIGPROF);
	return 0;
}

int timers_settle(struct dump *d, uint64_t since_us)
{
	struct task *t;

	tasks_for_each(t, &d->tree) {
		int r = t->inner ? task_settle_timers(d, t, since_us) : 0;

		if (r < 0)
			return task_fail_at(r, t);
	}
	return 0;
}

TaskTimersEntry *timers_dump(struct arena *a, const struct task *t)
{
	TaskTimersEntry *e = arena_message(a, TaskTimersEntry, TASK_TIMERS_ENTRY__INIT);

	e->real = itimer_dump(a, &t->inner->itimer[ITIMER_REAL]);
	e->virt = itimer_dump(a, &t->inner->itimer[ITIMER_VIRTUAL]);
	e->prof = itimer_dump(a, &t->inner->itimer[ITIMER_PROF]);
	e->n_posix = t->timers.nr;
	e->posix = arena_array(a, PosixTimerEntry *, t->timers.nr);
	for (size_t i = 0; i < t->timers.nr; i++)
		e->posix[i] = posix_dump(a, &t->timers.v[i], &t->inner->timer[i]);
	return e;
}

int timers_load_check(const TaskTimersEntry *e)
{
	for (size_t i = 0; e && i < e->n_posix; i++)
		if (e->posix[i]->it_id > MAX_TIMER_ID)
			return fail_plain("timer %zu: id %u is out of range", i,
					  e->posix[i]->it_id);
	return 0;
}

static void posix_restore(struct program *p, const PosixTimerEntry *e)
{
	struct kernel_sigevent ev = {
		.value = e->sival_ptr,
		.signo = (int32_t)e->si_signo,
		.notify = (int32_t)e->it_sigev_notify,
		.tid = e->has_notify_thread_id ? e->notify_thread_id : 0,
	};
	struct op *op = program_op(p, OP_TIMER, OP_WHAT_TIMER);

	op->arg[0] = (uint64_t)(int64_t)(int32_t)e->clock_id;
	op->arg[1] = program_copy(p, &ev, sizeof(ev));
	op->arg[2] = e->it_id;
}

void timers_restore(struct program *p, const TaskTimersEntry *e)
{
	if (!e || !e->n_posix)
		return;
	PROGRAM_SYSCALL(p, OP_WHAT_TIMER, SYS_prctl, RESTORE_IDS, 1)->flags |= OP_ANY;
	for (size_t i = 0; i < e->n_posix; i++)
		posix_restore(p, e->posix[i]);
	PROGRAM_SYSCALL(p, OP_WHAT_TIMER, SYS_prctl, RESTORE_IDS, 0)->flags |= OP_ANY;
}

static bool is_pending(const SignalQueueEntry *q, uint32_t signo)
{
	for (size_t i = 0; q && i < q->n_signals; i++)
		if (!memcmp(q->signals[i]->siginfo.data, &signo, sizeof(signo)))
			return true;
	return false;
}

/*
 * Setting a timer clears its overrun count. So one that has one is set to have begun so long
 * ago that it expires at once, having overrun as often, with its next expiry when it is due;
 * the count stays when the signal is taken. That is exact for periods that are long against
 * the time from here to there.
 */
static bool overrun_arm(struct program *p, const PosixTimerEntry *e,
			const SignalQueueEntry *pending)
{
	const uint64_t period = e->isec * NSEC + e->insec, left = e->vsec * NSEC + e->vnsec;
	const uint64_t mask = 1ull << ((e->si_signo - 1) & 63), patience[2] = { 1, 0 };
	uint64_t at, v[4] = { e->isec, e->insec, 0, 0 };
	struct timespec ts;

	if (!e->overrun || e->overrun > INT32_MAX || e->isec > SECONDS_MAX || period < PERIOD_MIN ||
	    e->it_sigev_notify != SIGEV_SIGNAL || is_pending(pending, e->si_signo) ||
	    clock_gettime((clockid_t)e->clock_id, &ts) < 0)
		return false;
	at = (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec + left;
	if (at / period <= e->overrun + 1ull) {
		log_warn("timer %u: its clock is too young for %u overruns", e->it_id, e->overrun);
		return false;
	}
	at -= (e->overrun + 1ull) * period;
	v[2] = at / NSEC;
	v[3] = at % NSEC;
	PROGRAM_SYSCALL(p, OP_WHAT_TIMER, SYS_timer_settime, e->it_id, TIMER_ABSTIME,
			program_copy(p, v, sizeof(v)), 0);
	PROGRAM_SYSCALL(p, OP_WHAT_TIMER, SYS_rt_sigtimedwait, program_copy(p, &mask, sizeof(mask)),
			0, program_copy(p, patience, sizeof(patience)), sizeof(mask))
	    ->flags |= OP_ANY;
	return true;
}

static void itimer_arm(struct program *p, int which, const ItimerEntry *e)
{
	uint64_t v[4] = { e->isec, e->iusec, e->vsec, e->vusec };

	/* Expired, and not yet armed for the next round: that is done when its signal is taken. */
	if (!e->vsec && !e->vusec)
		v[3] = 1;
	if (e->vsec || e->vusec || e->isec || e->iusec)
		PROGRAM_SYSCALL(p, OP_WHAT_TIMER, SYS_setitimer, (uint64_t)which,
				program_copy(p, v, sizeof(v)), 0);
}

void timers_arm(struct program *p, const TaskTimersEntry *e, const SignalQueueEntry *pending)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_posix; i++) {
		const PosixTimerEntry *t = e->posix[i];
		const uint64_t v[4] = { t->isec, t->insec, t->vsec, t->vnsec };

		if ((t->vsec || t->vnsec || t->isec || t->insec) && !overrun_arm(p, t, pending))
			PROGRAM_SYSCALL(p, OP_WHAT_TIMER, SYS_timer_settime, t->it_id, 0,
					program_copy(p, v, sizeof(v)), 0);
	}
	itimer_arm(p, ITIMER_REAL, e->real);
	itimer_arm(p, ITIMER_VIRTUAL, e->virt);
	itimer_arm(p, ITIMER_PROF, e->prof);
}
