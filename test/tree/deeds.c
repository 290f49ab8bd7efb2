// SPDX-License-Identifier: GPL-2.0-only
/* What a process of the tree does to itself, and how it must find itself again. */
#include "tree.h"
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define PAGE        4096
#define AREAS_MAX   12
#define THREADS_MAX 6
#define QUEUED_MAX  24
#define QUEUE_SIG   (SIGRTMIN + 3) /* blocked from the first of them on */
#define FIRST_FD    10
#define FDS         12

struct area {
	uint8_t *at;
	size_t size;
	uint32_t seed;
	int prot;
};

struct worker {
	pid_t tid;
	uint64_t mask;
	char name[16];
};

/* What only the process itself can tell of. */
static struct {
	struct area areas[AREAS_MAX];
	size_t nr_areas;
	struct worker workers[THREADS_MAX];
	uint32_t nr_workers;
	int queued[QUEUED_MAX];
	size_t nr_queued;
	off_t position[FDS]; /* 0: not open. Shared after a fork, and nobody moves it */
} has;

/* What can be seen at any time. */
static struct looks {
	pid_t pid, sid, pgid;
	uid_t uid[3];
	gid_t gid[3];
	int nice, reaper, nr_groups;
	mode_t umask;
	uint64_t mask;
	char name[16];
	struct rlimit limits[RLIM_NLIMITS];
	struct kernel_action {
		uint64_t handler, flags, restorer, mask;
	} actions[NSIG];
} looks;

static uint32_t threads_turn, threads_came, threads_bad;

/* --- what is seen ------------------------------------------------------------------ */

static uint64_t mask_now(void)
{
	uint64_t mask = 0;

	must(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &mask, sizeof(mask)));
	return mask;
}

static void look(struct looks *l)
{
	memset(l, 0, sizeof(*l)); /* with what is between the fields */
	l->pid = getpid();
	l->sid = getsid(0);
	l->pgid = getpgrp();
	l->mask = mask_now();
	must(getresuid(&l->uid[0], &l->uid[1], &l->uid[2]));
	must(getresgid(&l->gid[0], &l->gid[1], &l->gid[2]));
	l->nr_groups = getgroups(0, NULL);
	l->nice = getpriority(PRIO_PROCESS, 0);
	must(prctl(PR_GET_CHILD_SUBREAPER, &l->reaper));
	l->umask = umask(0);
	umask(l->umask);
	must(prctl(PR_GET_NAME, l->name));
	for (int i = 0; i < RLIM_NLIMITS; i++)
		must(getrlimit(i, &l->limits[i]));
	for (int sig = 1; sig < NSIG; sig++)
		must(syscall(SYS_rt_sigaction, sig, NULL, &l->actions[sig], 8));
}

void self_looks(void)
{
	look(&looks);
}

/* After an exec signals are still pending, and nobody knows which. */
static void queue_drain(void)
{
	const struct timespec now = { 0 };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, QUEUE_SIG);
	while (sigtimedwait(&set, NULL, &now) > 0)
		continue;
}

void self_begin(void)
{
	queue_drain();
	memset(&has.workers, 0, sizeof(has.workers));
	has.nr_workers = 0;
	has.nr_queued = 0;
	threads_turn = threads_came = 0;
	self_looks();
}

/* --- deeds -------------------------------------------------------------------------- */

/* Waits to be asked, as often as it is. */
static void *worker_fn(void *arg)
{
	struct worker *w = arg;
	uint32_t turn = 0;
	char name[16];

	must(prctl(PR_SET_NAME, w->name));
	must(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &w->mask, NULL, sizeof(w->mask)));
	__atomic_store_n(&w->tid, gettid_raw(), __ATOMIC_SEQ_CST);
	futex_wake_all((uint32_t *)&w->tid);
	for (;;) {
		futex_wait_change(&threads_turn, turn);
		turn = __atomic_load_n(&threads_turn, __ATOMIC_SEQ_CST);
		must(prctl(PR_GET_NAME, name));
		if (gettid_raw() != w->tid || strcmp(name, w->name) || mask_now() != w->mask) {
			test_msg("thread %d: is %d, %s instead of %s, mask %lx instead of %lx",
				 w->tid, gettid_raw(), name, w->name, mask_now(), w->mask);
			__atomic_add_fetch(&threads_bad, 1, __ATOMIC_SEQ_CST);
		}
		__atomic_add_fetch(&threads_came, 1, __ATOMIC_SEQ_CST);
		futex_wake_all(&threads_came);
	}
	return NULL;
}

/* Signals that the tree needs, or that a thread cannot have blocked, are left out. */
static uint64_t some_mask(uint64_t random)
{
	uint64_t mask = random;

	mask &= ~(1ull << (SIGKILL - 1) | 1ull << (SIGSTOP - 1) | 1ull << (SIGCONT - 1));
	return mask & ~(3ull << (32 - 1)); /* the C library's own: 32 and 33 */
}

int self_thread(uint64_t random)
{
	struct worker *w = &has.workers[has.nr_workers];
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	if (has.nr_workers == THREADS_MAX)
		return -1;
	/* What is pending must not find a thread that would take it. */
	*w = (struct worker){ .mask = some_mask(next_random(&random)) | looks.mask };
	snprintf(w->name, sizeof(w->name), "worker %lx", random >> 44);
	must0(pthread_attr_init(&attr));
	must0(pthread_attr_setstacksize(&attr, 128 * 1024));
	r = pthread_create(&thread, &attr, worker_fn, w);
	must0(pthread_attr_destroy(&attr));
	if (r)
		return -1;
	has.nr_workers++;
	futex_wait_change((uint32_t *)&w->tid, 0);
	return 0;
}

int self_name(uint64_t random)
{
	static const char *const names[] = { "a",         "fifteen letters", "two words",
					     "(x) R 1 2", ") Z (",           "tab\there" };

	return prctl(PR_SET_NAME, names[random % ARRAY_SIZE(names)]);
}

int self_limit(uint64_t random)
{
	static const struct {
		int what;
		rlim_t least;
	} limits[] = {
		{ RLIMIT_CPU, 100000 },    { RLIMIT_FSIZE, 1 << 20 },   { RLIMIT_STACK, 1 << 20 },
		{ RLIMIT_RSS, 1 << 20 },   { RLIMIT_NOFILE, 64 },       { RLIMIT_MEMLOCK, 65536 },
		{ RLIMIT_LOCKS, 10 },      { RLIMIT_SIGPENDING, 2000 }, { RLIMIT_MSGQUEUE, 1000 },
		{ RLIMIT_NICE, 0 },        { RLIMIT_RTPRIO, 0 },        { RLIMIT_RTTIME, 1 << 20 },
		{ RLIMIT_NPROC, 1 << 16 }, { RLIMIT_AS, 1ul << 32 },    { RLIMIT_DATA, 1ul << 32 },
	};
	uint64_t pick = next_random(&random);
	struct rlimit limit;
	rlim_t least = limits[pick % ARRAY_SIZE(limits)].least;
	int what = limits[pick % ARRAY_SIZE(limits)].what;

	must(getrlimit(what, &limit));
	if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max <= least)
		return -1;
	if (random % 3 == 0)
		limit.rlim_max = least + (limit.rlim_max == RLIM_INFINITY
					      ? random / 3 % (least + 1000)
					      : random / 3 % (limit.rlim_max - least));
	limit.rlim_cur = random % 7 == 0 ? limit.rlim_max : least;
	return setrlimit(what, &limit);
}

/* A file of its own, of everybody, or no file; written, then perhaps no more. */
static uint8_t *area_new(uint64_t random, size_t size, int *prot)
{
	static const int flags[] = { MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS,
				     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, MAP_PRIVATE };
	static const int prots[] = { PROT_READ | PROT_WRITE, PROT_READ, PROT_READ | PROT_EXEC };
	int flag = flags[random % ARRAY_SIZE(flags)], fd = -1;
	uint8_t *at;

	if (!(flag & MAP_ANONYMOUS))
		fd = open(board_path, O_RDONLY | O_CLOEXEC);
	at = mmap(NULL, size, PROT_READ | PROT_WRITE, flag, fd, 0);
	if (fd >= 0)
		close(fd);
	*prot = prots[random / 64 % ARRAY_SIZE(prots)];
	return at;
}

int self_map(uint64_t random)
{
	struct area *area = &has.areas[has.nr_areas];
	size_t hole;

	if (has.nr_areas == AREAS_MAX)
		return -1;
	area->size = PAGE * (3 + next_random(&random) % 14);
	area->seed = (uint32_t)next_random(&random);
	area->at = area_new(random, area->size, &area->prot);
	if (area->at == MAP_FAILED)
		return -1;
	datagen(area->at, area->size, area->seed);
	must(mprotect(area->at, area->size, area->prot));
	/* What lies behind a hole is there, and nobody's to check. */
	hole = 2 + random / 4096 % (area->size / PAGE - 2);
	if (random / 512 % 2) {
		must(munmap(area->at + hole * PAGE, PAGE));
		area->size = hole * PAGE;
	}
	if (random / 1024 % 4 == 0)
		mlock(area->at, PAGE);
	has.nr_areas++;
	return 0;
}

int self_mask(uint64_t random)
{
	uint64_t mask = some_mask(next_random(&random)) & next_random(&random);

	if (has.nr_queued)
		mask |= 1ull << (QUEUE_SIG - 1);
	return (int)syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, sizeof(mask));
}

int self_queue(uint64_t random)
{
	union sigval value = { .sival_int = (int)next_random(&random) };
	static const int plain[] = { SIGUSR1, SIGHUP, SIGIO, SIGALRM };
	int sig = plain[random / 8 % ARRAY_SIZE(plain)];
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, QUEUE_SIG);
	sigaddset(&set, sig);
	must0(pthread_sigmask(SIG_BLOCK, &set, NULL));
	if (random % 4 == 0)
		return has.nr_workers ? raise(sig) : kill(getpid(), sig);
	if (has.nr_queued == QUEUED_MAX || looks.actions[QUEUE_SIG].handler == (uintptr_t)SIG_IGN)
		return -1;
	/* To the main thread alone: the others may have it unblocked, and die of it. */
	if (pthread_sigqueue(pthread_self(), QUEUE_SIG, value))
		return -1;
	has.queued[has.nr_queued++] = value.sival_int;
	return 0;
}

static void handler(int sig)
{
	(void)sig;
}

int self_action(uint64_t random)
{
	struct sigaction action = { .sa_handler = handler };
	int sig = (int)(1 + next_random(&random) % 64);
	uint64_t mask = next_random(&random);

	if (sig == SIGCONT || sig == QUEUE_SIG)
		return -1;
	if (random % 3 == 0)
		action.sa_handler = SIG_IGN;
	if (random % 3 == 1)
		memcpy(&action.sa_mask, &mask, sizeof(mask));
	action.sa_flags = SA_RESTART | (random / 16 % 2 ? SA_ONSTACK : 0) |
			  (random / 32 % 2 ? SA_NODEFER : 0) | (random / 64 % 2 ? SA_NOCLDSTOP : 0);
	return sigaction(sig, &action, NULL);
}

int self_file(uint64_t random)
{
	size_t at = next_random(&random) % FDS;
	int fd = FIRST_FD + (int)at, new;

	if (random % 4 == 0)
		return dup2(fd, FIRST_FD + FDS + (int)at) < 0 ? -1 : 0;
	new = open(board_path, random % 2 ? O_RDONLY : O_RDWR | O_APPEND);
	if (new < 0)
		return -1;
	has.position[at] = (off_t)(1 + random / 16 % 10000);
	must(lseek(new, has.position[at], SEEK_SET));
	must(dup3(new, fd, random / 8 % 2 ? O_CLOEXEC : 0));
	must(close(new));
	return 0;
}

int self_user(uint64_t random)
{
	const gid_t groups[] = { 5, 1000, 2000 + (gid_t)(random % 100) };
	uid_t uid = 1000 + (uid_t)(random / 128 % 5);

	if (getuid())
		return -1;
	must(setgroups(ARRAY_SIZE(groups), groups));
	must(setresgid(1000, uid, uid));
	/* Half of them can come back. */
	return setresuid(uid, uid, random % 2 ? 0 : uid);
}

/* --- is it as it was? ----------------------------------------------------------------- */

static void tell_actions(const struct looks *now)
{
	for (int sig = 1; sig < NSIG; sig++) {
		const struct kernel_action *is = &now->actions[sig], *was = &looks.actions[sig];

		if (memcmp(is, was, sizeof(*is)))
			test_msg("signal %d: handler %lx/%lx flags %lx/%lx mask %lx/%lx", sig,
				 is->handler, was->handler, is->flags, was->flags, is->mask,
				 was->mask);
	}
}

static int check_looks(void)
{
	static struct looks now;

	look(&now);
	if (!memcmp(&now, &looks, sizeof(now)))
		return 0;
	test_msg("looks: pid %d/%d sid %d/%d pgid %d/%d nice %d/%d reaper %d/%d umask %o/%o "
		 "mask %lx/%lx name %s/%s limits %d",
		 now.pid, looks.pid, now.sid, looks.sid, now.pgid, looks.pgid, now.nice, looks.nice,
		 now.reaper, looks.reaper, now.umask, looks.umask, now.mask, looks.mask, now.name,
		 looks.name, memcmp(now.limits, looks.limits, sizeof(now.limits)));
	tell_actions(&now);
	return 1;
}

static int check_areas(void)
{
	int bad = 0;

	for (size_t i = 0; i < has.nr_areas; i++) {
		const struct area *area = &has.areas[i];
		size_t good = datachk(area->at, area->size, area->seed);

		if (good == area->size)
			continue;
		test_msg("area %zu at %p: byte %zu of %zu is wrong", i, (void *)area->at, good,
			 area->size);
		bad++;
	}
	return bad;
}

static int check_files(void)
{
	int bad = 0;

	for (int i = 0; i < FDS; i++) {
		off_t at = has.position[i] ? lseek(FIRST_FD + i, 0, SEEK_CUR) : 0;

		if (at == has.position[i])
			continue;
		test_msg("fd %d is at %ld instead of %ld", FIRST_FD + i, (long)at,
			 (long)has.position[i]);
		bad++;
	}
	return bad;
}

static int check_queue(void)
{
	const struct timespec now = { 0 };
	siginfo_t info;
	sigset_t set;
	int bad = 0;

	sigemptyset(&set);
	sigaddset(&set, QUEUE_SIG);
	for (size_t i = 0; i < has.nr_queued; i++) {
		int sig = sigtimedwait(&set, &info, &now);

		if (sig == QUEUE_SIG && info.si_value.sival_int == has.queued[i] &&
		    info.si_code == SI_QUEUE && info.si_pid == getpid())
			continue;
		test_msg("signal %zu of %zu: %d, value %d instead of %d", i, has.nr_queued, sig,
			 info.si_value.sival_int, has.queued[i]);
		bad++;
	}
	has.nr_queued = 0;
	return bad;
}

static int check_threads(void)
{
	uint32_t came, wanted = threads_came + has.nr_workers;

	__atomic_add_fetch(&threads_turn, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(&threads_turn);
	while ((came = __atomic_load_n(&threads_came, __ATOMIC_SEQ_CST)) != wanted)
		futex_wait_change(&threads_came, came);
	return (int)threads_bad;
}

int self_check(void)
{
	return check_looks() + check_areas() + check_files() + check_queue() + check_threads();
}
