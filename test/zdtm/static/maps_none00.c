// SPDX-License-Identifier: GPL-2.0-only
/* Memory without any right of access keeps its contents, and its guard. */
#include "zdtmtst.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

#define SIZE (64 * 4096)

static sigjmp_buf fault;

static void on_fault(int sig)
{
	siglongjmp(fault, sig);
}

int main(int argc, char **argv)
{
	volatile uint8_t byte = 0;
	uint8_t *area;

	test_init(argc, argv);
	area = map_anon(SIZE, PROT_READ | PROT_WRITE, 0);
	datagen(area, SIZE, 1);
	must(mprotect(area, SIZE, PROT_NONE));
	must(signal(SIGSEGV, on_fault) == SIG_ERR ? -1 : 0);
	test_daemon();
	test_waitsig();

	if (!sigsetjmp(fault, 1)) {
		byte = *(volatile uint8_t *)area;
		return fail("the memory can be read: %#x", byte);
	}
	must(mprotect(area, SIZE, PROT_READ));
	if (datachk(area, SIZE, 1) != SIZE)
		return fail("byte %zu is wrong", datachk(area, SIZE, 1));
	return pass();
}
