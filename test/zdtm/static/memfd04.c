// SPDX-License-Identifier: GPL-2.0-only
/*
 * F_SEAL_FUTURE_WRITE: what was mapped for writing before it still writes, also where the
 * descriptor is gone; what was mapped for reading after it cannot be made writable.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 20000

static uint8_t *map(int fd, int prot)
{
	void *at = mmap(NULL, SIZE, prot, MAP_SHARED, fd, 0);

	expect(at != MAP_FAILED, "mmap");
	return at;
}

int main(int argc, char **argv)
{
	const int seals = F_SEAL_FUTURE_WRITE | F_SEAL_SEAL;
	uint8_t *writer, *reader, *lonely;
	int fd, gone;

	test_init(argc, argv);
	fd = (int)must(memfd_create("future", MFD_ALLOW_SEALING));
	gone = (int)must(memfd_create("gone", MFD_ALLOW_SEALING));
	must(ftruncate(fd, SIZE));
	must(ftruncate(gone, SIZE));
	writer = map(fd, PROT_READ | PROT_WRITE);
	lonely = map(gone, PROT_READ | PROT_WRITE);
	datagen(writer, SIZE, 1);
	datagen(lonely, SIZE, 2);
	must(fcntl(fd, F_ADD_SEALS, seals));
	must(fcntl(gone, F_ADD_SEALS, seals));
	reader = map(fd, PROT_READ);
	must(close(gone));
	test_daemon();
	test_waitsig();

	if (datachk(reader, SIZE, 1) != SIZE || datachk(lonely, SIZE, 2) != SIZE)
		return fail("contents");
	if (fcntl(fd, F_GET_SEALS) != seals)
		return fail("seals %#x", fcntl(fd, F_GET_SEALS));
	datagen(writer, SIZE, 3);
	datagen(lonely, SIZE, 3);
	if (datachk(reader, SIZE, 3) != SIZE)
		return fail("the two mappings are not of one file");
	if (pwrite(fd, "x", 1, 0) != -1 || errno != EPERM)
		return fail("the seal does not hold");
	if (mprotect(reader, SIZE, PROT_READ | PROT_WRITE) != -1 || errno != EACCES)
		return fail("what was mapped for reading can be made writable");
	return pass();
}
