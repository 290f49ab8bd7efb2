// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/parallel.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"

/* Starting a thread costs about as much as a few of the objects that we deal with. */
#define WORTH_A_THREAD 8
#define STACK_BYTES    (2u << 20)

struct job {
	size_t nr, next;
	int (*fn)(void *ctx, size_t i, unsigned int worker);
	void *ctx;

	/* The first in order that failed: all before it were begun before, and are waited for. */
	pthread_mutex_t lock;
	int failed; /* read without the lock, too */
	size_t failed_at;
	unsigned int failed_by;
	char text[2048];
};

struct worker {
	struct parallel *all;
	unsigned int number;
	pthread_t thread;
	void *stack;
};

struct parallel {
	struct job job;
	struct worker workers[PARALLEL_WORKERS_MAX];
	unsigned int started; /* and the caller, who is the first */

	pthread_mutex_t lock;
	pthread_cond_t given, done;
	unsigned int jobs; /* that were given */
	unsigned int busy; /* workers that have not done the last of them */
	bool is_taken; /* what came of the last of them */
	bool is_over; /* no more will be given */
};

/* The error record is the thread's own: its text goes to the caller. */
static void job_fail(struct job *j, int r, size_t i, unsigned int worker)
{
	pthread_mutex_lock(&j->lock);
	if (!j->failed || i < j->failed_at) {
		j->failed_at = i;
		j->failed_by = worker;
		strncpy(j->text, error_bare_text(), sizeof(j->text) - 1);
		__atomic_store_n(&j->failed, r, __ATOMIC_SEQ_CST);
	}
	pthread_mutex_unlock(&j->lock);
}

static void work(struct job *j, unsigned int worker)
{
	while (!__atomic_load_n(&j->failed, __ATOMIC_RELAXED)) {
		size_t i = __atomic_fetch_add(&j->next, 1, __ATOMIC_RELAXED);
		int r;

		if (i >= j->nr)
			return;
		r = j->fn(j->ctx, i, worker);
		if (r < 0)
			return job_fail(j, r, i, worker);
	}
}

/* False: there will be none. */
static bool job_wait(struct parallel *p, unsigned int seen)
{
	bool is_there;

	pthread_mutex_lock(&p->lock);
	while (p->jobs == seen && !p->is_over)
		pthread_cond_wait(&p->given, &p->lock);
	is_there = p->jobs != seen;
	pthread_mutex_unlock(&p->lock);
	return is_there;
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;
	struct parallel *p = w->all;

	for (unsigned int seen = 0; job_wait(p, seen); seen++) {
		work(&p->job, w->number);
		pthread_mutex_lock(&p->lock);
		if (!--p->busy)
			pthread_cond_signal(&p->done);
		pthread_mutex_unlock(&p->lock);
	}
	return NULL;
}

unsigned int parallel_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (unsigned int)CPU_COUNT(&set);
}

/*
 * libc would keep the stack of a thread that has ended, and each task of a restore have a copy of
 * it. False: no memory.
 */
static bool worker_start(struct worker *w)
{
	pthread_attr_t attr;
	bool ok;

	w->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (w->stack == MAP_FAILED)
		return false;
	/* The lowest page stays out of reach. */
	mprotect(w->stack, PAGE_BYTES, PROT_NONE);
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, w->stack, STACK_BYTES);
	ok = pthread_create(&w->thread, &attr, worker_main, w) == 0;
	pthread_attr_destroy(&attr);
	if (!ok)
		munmap(w->stack, STACK_BYTES);
	return ok;
}

static void worker_end(const struct worker *w)
{
	pthread_join(w->thread, NULL);
	munmap(w->stack, STACK_BYTES);
}

/* Nobody works. */
void parallel_give(struct parallel *p, size_t nr)
{
	pthread_mutex_lock(&p->lock);
	p->job.nr = nr;
	p->job.next = 0;
	p->jobs++;
	p->is_taken = false;
	p->busy = p->started - 1;
	pthread_cond_broadcast(&p->given);
	pthread_mutex_unlock(&p->lock);
}

static struct parallel *begin(unsigned int want, size_t nr,
			      int (*fn)(void *ctx, size_t i, unsigned int worker), void *ctx)
{
	struct parallel *p = mem_alloc(sizeof(*p));
	sigset_t all, old;

	if (want > PARALLEL_WORKERS_MAX)
		want = PARALLEL_WORKERS_MAX;
	p->job = (struct job){ .fn = fn, .ctx = ctx };
	pthread_mutex_init(&p->job.lock, NULL);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->given, NULL);
	pthread_cond_init(&p->done, NULL);
	/* Signals are for the thread that waits for things. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (p->started = 1; p->started < want; p->started++) {
		p->workers[p->started] = (struct worker){ .all = p, .number = p->started };
		if (!worker_start(&p->workers[p->started]))
			break;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	parallel_give(p, nr);
	return p;
}

struct parallel *parallel_begin(size_t nr, int (*fn)(void *ctx, size_t i, unsigned int worker),
				void *ctx)
{
	return begin(nr < 2 ? 1 : parallel_processors(), nr, fn, ctx);
}

struct parallel *parallel_beside(size_t nr, int (*fn)(void *ctx, size_t i, unsigned int worker),
				 void *ctx)
{
	unsigned int others = parallel_processors() - 1;

	return begin(1 + (nr < others ? (unsigned int)nr : others), nr, fn, ctx);
}

int parallel_take(struct parallel *p)
{
	bool had_failed = error_is_set();

	work(&p->job, 0);
	pthread_mutex_lock(&p->lock);
	while (p->busy)
		pthread_cond_wait(&p->done, &p->lock);
	pthread_mutex_unlock(&p->lock);
	p->is_taken = true;
	if (!p->job.failed || p->job.failed_by == 0)
		return p->job.failed;
	if (!had_failed)
		error_withdraw();
	return error_adopt(p->job.failed, p->job.text);
}

int parallel_end(struct parallel *p)
{
	int r = p->is_taken ? 0 : parallel_take(p);

	pthread_mutex_lock(&p->lock);
	p->is_over = true;
	pthread_cond_broadcast(&p->given);
	pthread_mutex_unlock(&p->lock);
	for (unsigned int i = 1; i < p->started; i++)
		worker_end(&p->workers[i]);
	free(p);
	return r;
}

int parallel_large(size_t nr, int (*fn)(void *ctx, size_t i, unsigned int worker), void *ctx)
{
	return parallel_end(parallel_begin(nr, fn, ctx));
}

int parallel_for(size_t nr, int (*fn)(void *ctx, size_t i, unsigned int worker), void *ctx)
{
	if (nr >= WORTH_A_THREAD)
		return parallel_large(nr, fn, ctx);
	for (size_t i = 0; i < nr; i++) {
		int r = fn(ctx, i, 0);

		if (r < 0)
			return r;
	}
	return 0;
}
