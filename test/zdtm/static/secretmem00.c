// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secret memory that is open and mapped; that is mapped in two parts, and whose descriptor is
 * closed; that is only open. Pages that were never touched are not there afterwards.
 */
#include "zdtmtst.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

#define PAGE  4096ul
#define PAGES 100

static int secret_new(size_t size)
{
	int fd = (int)must(syscall(SYS_memfd_secret, 0));

	if (size)
		must(ftruncate(fd, (off_t)size));
	return fd;
}

static char *map(int fd, size_t page, size_t pages)
{
	char *at =
	    mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)(page * PAGE));

	must(at == MAP_FAILED ? -1 : 0);
	return at;
}

/* Of every third page. */
static void fill(char *at, size_t pages, uint32_t seed)
{
	for (size_t i = 0; i < pages; i += 3)
		datagen(at + i * PAGE, PAGE, seed + (uint32_t)i);
}

static const char *check(char *at, size_t pages, uint32_t seed)
{
	unsigned char there[PAGES];

	must(mincore(at, pages * PAGE, there));
	for (size_t i = 0; i < pages; i++)
		if ((there[i] & 1) != (i % 3 == 0))
			return "a page is lost, or was made";
	for (size_t i = 0; i < pages; i += 3)
		if (datachk(at + i * PAGE, PAGE, seed + (uint32_t)i) != PAGE)
			return "other contents";
	return NULL;
}

int main(int argc, char **argv)
{
	char *parts[2], *late, *shared;
	const char *wrong;
	int fd, open_only, empty;
	struct stat st;

	test_init(argc, argv);
	fd = secret_new(PAGES * PAGE);
	must(fchmod(fd, 0640));
	shared = map(fd, 0, PAGES);
	fill(shared, PAGES, 1);

	open_only = secret_new(PAGES * PAGE);
	late = map(open_only, 0, PAGES);
	fill(late, PAGES, 1000);
	must(munmap(late, PAGES * PAGE));

	empty = secret_new(PAGES * PAGE);
	parts[0] = map(empty, 0, 30);
	parts[1] = map(empty, 60, 40);
	fill(parts[0], 30, 2000);
	fill(parts[1], 40, 3000);
	must(close(empty));
	empty = secret_new(0);

	test_daemon();
	test_waitsig();

	wrong = check(shared, PAGES, 1);
	if (wrong)
		return fail("open and mapped: %s", wrong);
	late = map(open_only, 0, PAGES);
	wrong = check(late, PAGES, 1000);
	if (wrong)
		return fail("only open: %s", wrong);
	wrong = check(parts[0], 30, 2000);
	if (!wrong)
		wrong = check(parts[1], 40, 3000);
	if (wrong)
		return fail("only mapped: %s", wrong);
	must(fstat(fd, &st));
	if (st.st_size != (off_t)(PAGES * PAGE) || (st.st_mode & 07777) != 0640)
		return fail("%ld bytes, mode %o", (long)st.st_size, st.st_mode);
	must(fstat(empty, &st));
	if (st.st_size)
		return fail("the empty one has %ld bytes", (long)st.st_size);
	if (pwrite(fd, "x", 1, 0) >= 0)
		return fail("it can be written to like a file");
	return pass();
}
