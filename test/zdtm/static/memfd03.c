// SPDX-License-Identifier: GPL-2.0-only
/* A program that was executed from a memfd, which nobody has open and which is sealed. */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

static void execute_from_memfd(char **argv)
{
	int fd = (int)must(memfd_create("program", MFD_CLOEXEC | MFD_ALLOW_SEALING));
	int exe = (int)must(open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), reader;
	char link[64];
	struct stat st;

	must(fstat(exe, &st));
	for (off_t at = 0; at < st.st_size;)
		must(sendfile(fd, exe, &at, (size_t)(st.st_size - at)));
	must(fcntl(fd, F_ADD_SEALS, SEALS));
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	reader = (int)must(open(link, O_RDONLY | O_CLOEXEC));
	must(close(fd)); /* what is open for writing is not executed */
	must(fexecve(reader, argv, environ));
}

int main(int argc, char **argv)
{
	static const char want[] = "/memfd:program (deleted)";
	char exe[256] = "";
	int fd;

	must(readlink("/proc/self/exe", exe, sizeof(exe) - 1));
	if (strcmp(exe, want))
		execute_from_memfd(argv);
	test_init(argc, argv);
	test_daemon();
	test_waitsig();

	memset(exe, 0, sizeof(exe));
	must(readlink("/proc/self/exe", exe, sizeof(exe) - 1));
	if (strcmp(exe, want))
		return fail("the executable is %s", exe);
	fd = (int)must(open("/proc/self/exe", O_RDONLY));
	if (fcntl(fd, F_GET_SEALS) != SEALS)
		return fail("seals %#x", fcntl(fd, F_GET_SEALS));
	fd = open("/proc/self/exe", O_RDWR);
	if (fd != -1 || errno != ETXTBSY)
		return fail("it can be opened for writing");
	return pass();
}
