// SPDX-License-Identifier: GPL-2.0-only
/* Who has other threads beside it, and who children: seen by an iterator, and beside others. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/rseq.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/parallel.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/taskview.h"
#include "test/unit/test.h"

/* What each tells of itself when it is there. */
struct word {
	pid_t pid, thread, child;
};

static pid_t thread_tid;

static void *sleep_on(void *arg)
{
	const int *ready = arg;

	thread_tid = gettid();
	if (write(*ready, "", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static pid_t start(bool with_thread, bool with_child, int to)
{
	struct word word = { 0 };
	pthread_t thread;
	int ready[2];
	char byte;
	pid_t pid = fork();

	if (pid)
		return pid;
	word.pid = getpid();
	if (with_child && !(word.child = fork()))
		for (;;)
			pause();
	if (with_thread && (pipe(ready) < 0 || pthread_create(&thread, NULL, sleep_on, &ready[1]) ||
			    read(ready[0], &byte, 1) != 1))
		_exit(1);
	word.thread = thread_tid;
	if (write(to, &word, sizeof(word)) != sizeof(word))
		_exit(1);
	for (;;)
		pause();
}

static void check(const struct taskview *v, pid_t tid, bool is_alone, bool has_children)
{
	const struct view_kin *k = taskview_kin(v, tid);

	if (!CHECK(k != NULL))
		return;
	CHECK_INT_EQ(k->is_alone, is_alone);
	CHECK_INT_EQ(k->has_children, has_children);
}

static void threads_check(const struct taskview *v, const struct word *w)
{
	cleanup_proc_pids struct proc_pids tids = { 0 };

	taskview_call_threads(v, w->pid, &tids);
	if (!CHECK_INT_EQ(tids.nr, w->thread ? 2 : 1))
		return;
	CHECK_INT_EQ(tids.v[0], w->pid);
	CHECK(!w->thread || tids.v[1] == w->thread);
}

static void word_check(const struct taskview *v, const struct word *w)
{
	threads_check(v, w);
	check(v, w->pid, !w->thread, w->child != 0);
	if (w->thread)
		check(v, w->thread, false, false);
	if (w->child)
		check(v, w->child, true, false);
}

/* What libc has registered for this thread; 0 of all kernels that keep it otherwise. */
static void rseq_check(const struct taskview *v)
{
	const struct view_kin *k = taskview_kin(v, gettid());
	const char *own = (const char *)__builtin_thread_pointer() + __rseq_offset;

	if (!CHECK(k != NULL) || !k->rseq)
		return;
	CHECK(!__rseq_size || k->rseq == (uintptr_t)own);
	CHECK_INT_EQ(k->rseq_sig, RSEQ_SIG);
}

TEST(taskview_knows_kin)
{
	struct taskview v = { 0 };
	struct word words[4];
	pid_t pids[4];
	int r = taskview_open(&v, VIEW_OF_KIN | VIEW_OF_CALLS), from[2];

	if (r == -ENOENT)
		test_skip("types of the kernel (CONFIG_DEBUG_INFO_BTF)");
	if (!CHECK_INT_EQ(r, 0) || !CHECK(pipe(from) == 0))
		return;
	for (int i = 0; i < 4; i++) {
		pids[i] = start(i & 1, i & 2, from[1]);
		CHECK(read(from[0], &words[i], sizeof(words[i])) == sizeof(words[i]));
	}
	CHECK(taskview_kin(&v, getpid()) == NULL);
	if (CHECK_INT_EQ(taskview_read_kin(&v), 0) && CHECK_INT_EQ(taskview_read_calls(&v), 0)) {
		for (int i = 0; i < 4; i++)
			word_check(&v, &words[i]);
		check(&v, getpid(), true, true);
		rseq_check(&v);
	}
	for (int i = 0; i < 4; i++) {
		if (words[i].child)
			kill(words[i].child, SIGKILL);
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	/* A look tells of its own moment. */
	if (CHECK_INT_EQ(taskview_read_kin(&v), 0))
		CHECK(taskview_kin(&v, pids[0]) == NULL);
	taskview_done(&v);
}

static int add_one(void *ctx, size_t i, unsigned int worker)
{
	int *done = ctx;

	(void)worker;
	__atomic_add_fetch(&done[i], 1, __ATOMIC_SEQ_CST);
	return i == 3 ? -EIO : 0;
}

TEST(parallel_beside_does_all)
{
	int done[4] = { 0 };

	for (size_t nr = 0; nr <= 3; nr++)
		CHECK_INT_EQ(parallel_end(parallel_beside(nr, add_one, done)), 0);
	CHECK_INT_EQ(done[0], 3);
	CHECK_INT_EQ(done[1], 2);
	CHECK_INT_EQ(done[2], 1);
	CHECK_INT_EQ(parallel_end(parallel_beside(4, add_one, done)), -EIO);
	CHECK_INT_EQ(done[3], 1);
}
