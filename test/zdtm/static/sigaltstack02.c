// SPDX-License-Identifier: GPL-2.0-only
/* A process that is dumped while its handler runs on the alternate stack; then it returns. */
#include "zdtmtst.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>

#define SIZE 65536

static char *area;
static volatile sig_atomic_t handled;

static void handler(int sig)
{
	uint8_t frame[1000];
	stack_t now;

	(void)sig;
	datagen(frame, sizeof(frame), 9);
	test_daemon();
	test_waitsig();
	if ((char *)frame < area || (char *)frame >= area + SIZE)
		fail("the handler runs on another stack, at %p", (void *)frame);
	if (datachk(frame, sizeof(frame), 9) != sizeof(frame))
		fail("the handler's variables are damaged");
	must(sigaltstack(NULL, &now));
	if (now.ss_flags != SS_ONSTACK || now.ss_sp != area)
		fail("flags %#x, stack %p", now.ss_flags, now.ss_sp);
	handled = 1;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_size = SIZE }, now;
	sigset_t mask;

	test_init(argc, argv);
	area = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	stack.ss_sp = area;
	must(sigaltstack(&stack, NULL));
	must(sigaction(SIGUSR1, &action, NULL));
	must(raise(SIGUSR1));

	if (!handled)
		return fail("the handler did not run to its end");
	must(sigaltstack(NULL, &now));
	if (now.ss_flags || now.ss_sp != area)
		return fail("after the handler: flags %#x, stack %p", now.ss_flags, now.ss_sp);
	must(sigprocmask(SIG_SETMASK, NULL, &mask));
	if (sigismember(&mask, SIGUSR1))
		return fail("the signal stayed blocked");
	return pass();
}
