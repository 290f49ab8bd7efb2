// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process that executes its own program again and again, now from its main thread, now from
 * another: it keeps its pid, its count of rounds, its mask and its open file.
 */
#include "zdtmtst.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define COUNT_FD 20

static char *again;
static const char *program;

struct page {
	uint32_t rounds, over;
	pid_t pid;
};

static void exec_self(uint32_t round)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", round);
	execl(program, program, "--next", text, again, (char *)NULL);
	must(-1);
}

static void *exec_thread(void *arg)
{
	exec_self(*(uint32_t *)arg);
	return NULL;
}

static void run(uint32_t round)
{
	struct page *page =
	    (struct page *)must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, COUNT_FD, 0));
	pthread_t thread;
	sigset_t mask;

	must(sigprocmask(SIG_BLOCK, NULL, &mask));
	expect(getpid() == page->pid, "pid %d instead of %d", getpid(), page->pid);
	expect(page->rounds == round, "round %u instead of %u", round, page->rounds);
	expect(sigismember(&mask, SIGUSR2), "SIGUSR2 is not blocked any more");
	expect(gettid_raw() == getpid(), "thread %d instead of %d", gettid_raw(), getpid());
	if (__atomic_load_n(&page->over, __ATOMIC_SEQ_CST))
		_exit(0);
	round = __atomic_add_fetch(&page->rounds, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(&page->rounds);
	if (round % 2)
		exec_self(round);
	must0(pthread_create(&thread, NULL, exec_thread, &round));
	for (;;)
		pause(); /* until the thread takes its place */
}

static int child(void *arg)
{
	struct page *page = arg;
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR2);
	must(sigprocmask(SIG_BLOCK, &mask, NULL));
	page->pid = getpid();
	exec_self(0);
	return 1;
}

static char *filename;
TEST_OPTION(filename, string, "file with the count", true);

int main(int argc, char **argv)
{
	struct page *page;
	int fd;

	program = again = realpath("/proc/self/exe", NULL);
	if (argc == 4 && !strcmp(argv[1], "--next"))
		run((uint32_t)atoi(argv[2]));
	test_init(argc, argv);
	fd = file_make(filename, 4096, 0);
	must(dup2(fd, COUNT_FD));
	must(close(fd));
	page =
	    (struct page *)must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, COUNT_FD, 0));
	memset(page, 0, sizeof(*page));
	must(test_companion(child, page));
	futex_wait_change(&page->rounds, 0);
	test_daemon();
	test_waitsig();

	fd = (int)page->rounds;
	while (__atomic_load_n(&page->rounds, __ATOMIC_SEQ_CST) < (uint32_t)fd + 5)
		continue; /* it goes on; the runner has the time limit */
	__atomic_store_n(&page->over, 1, __ATOMIC_SEQ_CST);
	if (!test_reap(page->pid, "the child"))
		return fail("the child is not well");
	return pass();
}
