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

#include "criu/base/error.h"

#define RESTORE_IDS	 77 /* PR_TIMER_CREATE_RESTORE_IDS */
#define SIGEVENT_BYTES	 64
#define MAX_TIMER_ID	 0x7fffffffu

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
			return fail_plain("timer %zu: id %u is out of range", i, e->posix[i]->it_id);
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

void timers_arm(struct program *p, const TaskTimersEntry *e)
{
	if (!e)
		return;
	for (size_t i = 0; i < e->n_posix; i++) {
		const PosixTimerEntry *t = e->posix[i];
		const uint64_t v[4] = { t->isec, t->insec, t->vsec, t->vnsec };

		if (t->vsec || t->vnsec || t->isec || t->insec)
			PROGRAM_SYSCALL(p, OP_WHAT_TIMER, SYS_timer_settime, t->it_id, 0,
					program_copy(p, v, sizeof(v)), 0);
	}
	itimer_arm(p, ITIMER_REAL, e->real);
	itimer_arm(p, ITIMER_VIRTUAL, e->virt);
	itimer_arm(p, ITIMER_PROF, e->prof);
}
