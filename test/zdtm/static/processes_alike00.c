// SPDX-License-Identifier: GPL-2.0-only
/*
 * Children by the dozen that differ in one thing each: what is read of one, and taken for all that
 * are like it, is right for each.
 */
#include "zdtmtst.h"

#include <asm/ldt.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EACH 3 /* children of a sort */
#define PAGE 4096ul
#define FAR  1000000 /* seconds: a timer that does not end while anybody looks */

#define PR_SET_MDWE_         65
#define PR_GET_MDWE_         66
#define PR_SET_MEMORY_MERGE_ 67
#define PR_GET_MEMORY_MERGE_ 68
#define GET_REGISTRATIONS    (1 << 9)

#define LOOKED_AT 16 /* descriptors */

struct self {
	long actions[NSIG][4]; /* the kernel's struct sigaction */
	stack_t alternate;
	long tid_address, pdeath, dumpable, subreaper, no_huge, mdwe, merge, membarrier, person;
	long brk, first_word, ldt_len, fd_flags[LOOKED_AT], timer_runs[3], interval[3];
	long locked; /* is memory that is new there at once? */
	char oom_score[16], filter[16];
};

static timer_t timer;
static bool has_timer;
static uint32_t *over;

static void on_signal(int sig)
{
	(void)sig;
}

static void nothing(void)
{
}

static void own_action(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	sigaddset(&sa.sa_mask, SIGUSR2);
	must(sigaction(SIGRTMAX, &sa, NULL));
}

static void own_mask_of_action(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	must(sigaction(SIGRTMAX, &sa, NULL));
}

static void own_stack(void)
{
	static char stack[16384];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };

	must(sigaltstack(&ss, NULL));
}

static void own_pdeath(void)
{
	must(prctl(PR_SET_PDEATHSIG, SIGWINCH));
}

static void own_dumpable(void)
{
	must(prctl(PR_SET_DUMPABLE, 0));
}

static void own_subreaper(void)
{
	must(prctl(PR_SET_CHILD_SUBREAPER, 1));
}

static void own_no_huge(void)
{
	must(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
}

static void own_mdwe(void)
{
	must(prctl(PR_SET_MDWE_, 1, 0, 0, 0));
}

/* The kernel may have none of KSM. */
static void own_merge(void)
{
	prctl(PR_SET_MEMORY_MERGE_, 1, 0, 0, 0);
}

static void own_membarrier(void)
{
	must(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
}

static void own_personality(void)
{
	must(personality(ADDR_NO_RANDOMIZE));
}

static void own_break(void)
{
	expect(sbrk(3 * PAGE) != (void *)-1, "sbrk");
}

static void own_ldt(void)
{
	struct user_desc d = { .entry_number = 2,
			       .limit = 0xfffff,
			       .limit_in_pages = 1,
			       .seg_32bit = 1,
			       .useable = 1 };

	must(syscall(SYS_modify_ldt, 1, &d, sizeof(d)));
}

static void own_fd(void)
{
	must(open("/dev/null", O_RDONLY));
}

static void own_cloexec(void)
{
	must(fcntl(0, F_SETFD, FD_CLOEXEC));
}

static void own_real_timer(void)
{
	must(setitimer(ITIMER_REAL, &(struct itimerval){ { 5, 0 }, { FAR, 0 } }, NULL));
}

static void own_virtual_timer(void)
{
	must(setitimer(ITIMER_VIRTUAL, &(struct itimerval){ { 6, 0 }, { FAR, 0 } }, NULL));
}

static void own_profile_timer(void)
{
	must(setitimer(ITIMER_PROF, &(struct itimerval){ { 7, 0 }, { FAR, 0 } }, NULL));
}

static void own_timer(void)
{
	struct itimerspec at = { { 8, 0 }, { FAR, 0 } };

	must(timer_create(CLOCK_MONOTONIC, NULL, &timer));
	must(timer_settime(timer, 0, &at, NULL));
	has_timer = true;
}

static void own_lock(void)
{
	must(mlockall(MCL_FUTURE));
}

static void own_mapping(void)
{
	expect(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED,
	       "mmap");
}

static void number_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	must(fd);
	must(write(fd, text, strlen(text)));
	must(close(fd));
}

static void own_oom_score(void)
{
	number_write("/proc/self/oom_score_adj", "17");
}

static void own_filter(void)
{
	number_write("/proc/self/coredump_filter", "0x15");
}

static void own_name(void)
{
	must(prctl(PR_SET_NAME, "unlike"));
}

static void (*const sorts[])(void) = {
	nothing,        own_action,      own_mask_of_action, own_stack,         own_pdeath,
	own_dumpable,   own_subreaper,   own_no_huge,        own_mdwe,          own_merge,
	own_membarrier, own_personality, own_break,          own_ldt,           own_fd,
	own_cloexec,    own_real_timer,  own_virtual_timer,  own_profile_timer, own_timer,
	own_lock,       own_mapping,     own_name,           own_oom_score,     own_filter,
};

#define SORTS ARRAY_SIZE(sorts)

static void look_at_memory(struct self *s)
{
	unsigned char there = 0;
	char ldt[64];
	char *new = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	expect(new != MAP_FAILED, "mmap");
	must(mincore(new, PAGE, &there));
	s->locked = there & 1;
	must(munmap(new, PAGE));
	s->brk = syscall(SYS_brk, 0);
	s->ldt_len = syscall(SYS_modify_ldt, 0, ldt, sizeof(ldt));
	s->first_word = (long)getauxval(AT_RANDOM);
}

static void look_at_timers(struct self *s)
{
	static const int which[] = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
	struct itimerval at;

	for (int i = 0; i < 3; i++) {
		must(getitimer(which[i], &at));
		s->timer_runs[i] = at.it_value.tv_sec > FAR / 2;
		s->interval[i] = at.it_interval.tv_sec;
	}
}

static void look(struct self *s)
{
	int signo = 0, reaper = 0, *tid = NULL;

	memset(s, 0, sizeof(*s));
	for (int i = 1; i < NSIG; i++)
		must(syscall(SYS_rt_sigaction, i, NULL, s->actions[i], 8));
	must(sigaltstack(NULL, &s->alternate));
	must(prctl(PR_GET_PDEATHSIG, &signo));
	must(prctl(PR_GET_CHILD_SUBREAPER, &reaper));
	must(prctl(PR_GET_TID_ADDRESS, &tid));
	s->pdeath = signo;
	s->subreaper = reaper;
	s->tid_address = (long)tid;
	s->dumpable = prctl(PR_GET_DUMPABLE);
	s->no_huge = prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0);
	s->mdwe = prctl(PR_GET_MDWE_, 0, 0, 0, 0);
	s->merge = prctl(PR_GET_MEMORY_MERGE_, 0, 0, 0, 0);
	s->membarrier = syscall(SYS_membarrier, GET_REGISTRATIONS, 0, 0);
	s->person = personality(0xffffffff);
	for (int i = 0; i < LOOKED_AT; i++)
		s->fd_flags[i] = fcntl(i, F_GETFD);
	file_read_text("/proc/self/oom_score_adj", s->oom_score, sizeof(s->oom_score));
	file_read_text("/proc/self/coredump_filter", s->filter, sizeof(s->filter));
	look_at_timers(s);
	look_at_memory(s);
}

static void compare(size_t sort, const struct self *now, const struct self *before)
{
	struct itimerspec at;

	for (size_t i = 0; i < sizeof(*now) / sizeof(long); i++)
		expect(((const long *)now)[i] == ((const long *)before)[i],
		       "sort %zu: word %zu is %#lx, was %#lx", sort, i, ((const long *)now)[i],
		       ((const long *)before)[i]);
	if (!has_timer)
		return;
	must(timer_gettime(timer, &at));
	expect(at.it_value.tv_sec > FAR / 2 && at.it_interval.tv_sec == 8, "its timer has %ld s",
	       (long)at.it_value.tv_sec);
}

static int child(void *arg)
{
	static struct self before, now;
	size_t sort = (size_t)arg % SORTS;

	sorts[sort]();
	look(&before);
	futex_wait_change(over, 0);
	look(&now);
	compare(sort, &now, &before);
	return 0;
}

int main(int argc, char **argv)
{
	static pid_t pids[SORTS * EACH];
	bool good = true;

	test_init(argc, argv);
	over = map_anon(PAGE, PROT_READ | PROT_WRITE, MAP_SHARED);
	for (size_t i = 0; i < SORTS * EACH; i++)
		pids[i] = test_companion(child, (void *)i);
	for (size_t i = 0; i < SORTS * EACH; i++)
		wait_in_syscall(pids[i], SYS_futex);
	test_daemon();
	test_waitsig();
	__atomic_store_n(over, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(over);
	for (size_t i = 0; i < SORTS * EACH; i++)
		good &= test_reap(pids[i], "a child");
	return good ? pass() : fail("a child has found something else");
}
