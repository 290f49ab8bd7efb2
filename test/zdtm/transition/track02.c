// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes that execute their own program again and again, always at the same addresses: each time
 * the records of the time before are gone, whatever a dump has seen of them. Each has a child, too,
 * that looks after what it has inherited for as long.
 */
#include "zdtmtst.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <unistd.h>

#include "records.h"

#define PAGE      4096
#define AREA      (1536 * PAGE)
#define PROCESSES 2
#define FLAG_FD   20
#define BASE      0x200000000000ul /* where nothing else comes to lie */
#define PLACES    2

/* What outlives an exec: a shared mapping of a file. */
struct flags {
	uint32_t over, lives[PROCESSES];
	bool bad;
};

static char *program;
static uint32_t *heir_over; /* shared with the heir: an exec has reset the handler of SIGTERM */

static struct flags *flags_map(void)
{
	return (struct flags *)must(
	    mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, FLAG_FD, 0));
}

static void exec_again(uint32_t who, uint32_t life)
{
	char name[16], text[16];

	snprintf(name, sizeof(name), "%u", who);
	snprintf(text, sizeof(text), "%u", life);
	execl(program, program, "--next", name, text, (char *)NULL);
	must(-1);
}

static void *place(uint32_t nr)
{
	return (void *)(uintptr_t)(BASE + nr * 4ul * AREA);
}

static void area_make(struct record_area *a)
{
	void *at = mmap(place(0), AREA, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	must(at == place(0) ? 0 : -1);
	records_init(a, "after an exec", at, AREA);
}

/* Inherited, and its own from now on. */
static int heir(void *arg)
{
	struct record_area *a = arg;
	uint32_t random = 99;
	bool good = true;

	for (uint64_t n = 1; good && !__atomic_load_n(heir_over, __ATOMIC_SEQ_CST); n++) {
		size_t i = records_random(&random) % a->nr;

		good = record_is_good(a, i);
		record_write(a, i, n + (1ull << 40));
	}
	return records_are_good(a) && good ? 0 : 1;
}

static bool act(struct record_area *a, uint32_t *random, uint64_t number)
{
	size_t i = records_random(random) % a->nr, in_page = PAGE / sizeof(struct record);
	bool good = record_is_good(a, i);

	switch (records_random(random) % 256) {
	case 0:
		a->at = (void *)must((long)mremap(a->at, AREA, AREA, MREMAP_MAYMOVE | MREMAP_FIXED,
						  place((void *)a->at == place(0))));
		break;
	case 1:
	case 2:
		i -= i % in_page;
		must(madvise(&a->at[i], PAGE, MADV_DONTNEED));
		records_forget(a, i, in_page);
		break;
	case 3:
		must(madvise(a->at, AREA, MADV_PAGEOUT));
		break;
	default:
		record_write(a, i, number);
	}
	return good;
}

static void live(uint32_t who, uint32_t life)
{
	struct flags *flags = flags_map();
	struct record_area area;
	uint32_t random = 31 * life + who + 1;
	uint64_t number = (uint64_t)life << 24;
	bool good = true;
	pid_t pid = 0;

	area_make(&area);
	heir_over = (uint32_t *)must(
	    (long)mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	flags->lives[who] = life;
	for (int i = 0; i < 30000 && good && !__atomic_load_n(&flags->over, __ATOMIC_SEQ_CST);
	     i++) {
		good = act(&area, &random, ++number);
		if (i == 10000)
			pid = test_child(heir, &area);
	}
	good = records_are_good(&area) && good;
	__atomic_store_n(heir_over, 1, __ATOMIC_SEQ_CST);
	if (pid)
		good = test_reap(pid, "a child") && good;
	if (!good)
		flags->bad = true;
	if (!good || __atomic_load_n(&flags->over, __ATOMIC_SEQ_CST))
		_exit(good ? 0 : 1);
	exec_again(who, life + 1);
}

static int child(void *arg)
{
	must(personality(ADDR_NO_RANDOMIZE));
	exec_again((uint32_t)(uintptr_t)arg, 1);
	return 1;
}

static char *filename;
TEST_OPTION(filename, string, "file with the flags", true);

int main(int argc, char **argv)
{
	pid_t children[PROCESSES];
	struct flags *flags;
	bool good = true;
	int fd;

	program = realpath("/proc/self/exe", NULL);
	if (argc == 4 && !strcmp(argv[1], "--next"))
		live((uint32_t)atoi(argv[2]), (uint32_t)atoi(argv[3]));
	test_init(argc, argv);
	fd = file_make(filename, PAGE, 0);
	must(dup2(fd, FLAG_FD));
	must(close(fd));
	flags = flags_map();
	memset(flags, 0, sizeof(*flags));
	for (uintptr_t i = 0; i < PROCESSES; i++)
		children[i] = test_companion(child, (void *)i);
	while (!*(volatile uint32_t *)&flags->lives[0] || !*(volatile uint32_t *)&flags->lives[1])
		continue; /* the runner has the time limit */
	test_daemon();
	test_waitsig();

	__atomic_store_n(&flags->over, 1, __ATOMIC_SEQ_CST);
	for (uint32_t i = 0; i < PROCESSES; i++)
		good = test_reap(children[i], "a child") && good;
	if (flags->bad || !good)
		return fail("a record is wrong");
	unlink(filename);
	return pass();
}
