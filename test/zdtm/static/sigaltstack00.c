// SPDX-License-Identifier: GPL-2.0-only
/* The alternate signal stack of the main thread. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/mman.h>

#define SIZE 65536

static volatile uintptr_t handler_frame;

static void handler(int sig)
{
	char here;

	(void)sig;
	handler_frame = (uintptr_t)&here;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_ONSTACK };
	stack_t stack = { .ss_size = SIZE }, now;
	char *area;

	test_init(argc, argv);
	area = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	stack.ss_sp = area;
	must(sigaltstack(&stack, NULL));
	must(sigaction(SIGUSR1, &action, NULL));
	test_daemon();
	test_waitsig();

	must(sigaltstack(NULL, &now));
	if (now.ss_sp != area || now.ss_size != SIZE || now.ss_flags)
		return fail("the stack is %p, %zu bytes, flags %#x", now.ss_sp, now.ss_size,
			    now.ss_flags);
	must(raise(SIGUSR1));
	if (handler_frame - (uintptr_t)area >= SIZE)
		return fail("the handler ran on another stack, at %#lx", handler_frame);
	return pass();
}
