// SPDX-License-Identifier: GPL-2.0-only
/* Guard ranges (MADV_GUARD_INSTALL): in anonymous memory and in that of a file. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

#define PAGE  4096
#define PAGES 16

static char *filename;
TEST_OPTION(filename, string, "file to map", true);

/* Does it stop who reads it? A child tries. */
static bool is_guard(const volatile char *at)
{
	int status;
	pid_t pid = must(fork());

	if (!pid) {
		signal(SIGSEGV, SIG_DFL);
		(void)*at;
		_exit(0);
	}
	must(waitpid(pid, &status, 0));
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static int check(const char *what, char *mem, uint32_t seed)
{
	for (size_t i = 0; i < PAGES; i++) {
		bool wanted = (i >= 2 && i < 5) || i == 8;

		if (is_guard(mem + i * PAGE) != wanted)
			return fail("%s: page %zu is %s guard", what, i, wanted ? "no" : "a");
		if (!wanted && datachk_at(mem + i * PAGE, PAGE, seed, i * PAGE) != PAGE)
			return fail("%s: page %zu is wrong", what, i);
	}
	must(madvise(mem + 2 * PAGE, PAGE, MADV_GUARD_REMOVE));
	return is_guard(mem + 2 * PAGE) ? fail("%s: a guard stays", what) : 0;
}

int main(int argc, char **argv)
{
	char *anon, *file, *locked;
	int fd;

	test_init(argc, argv);
	anon = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(anon, PAGES * PAGE, 1);
	fd = file_make(filename, PAGES * PAGE, 2);
	file = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	must(file == MAP_FAILED ? -1 : 0);
	close(fd);
	datagen(file, PAGES * PAGE, 3);
	locked = map_anon(PAGES * PAGE, PROT_READ | PROT_WRITE, 0);
	datagen(locked, PAGES * PAGE, 4);
	for (size_t i = 0; i < 3; i++) {
		char *mem = (char *[]){ anon, file, locked }[i];

		must(madvise(mem + 2 * PAGE, 3 * PAGE, MADV_GUARD_INSTALL));
		must(madvise(mem + 8 * PAGE, PAGE, MADV_GUARD_INSTALL));
	}
	mlock(locked, PAGES * PAGE); /* locks it and says that not all of it is there */
	test_daemon();
	test_waitsig();

	if (check("anonymous", anon, 1) || check("file", file, 3) || check("locked", locked, 4))
		return 1;
	return pass();
}
