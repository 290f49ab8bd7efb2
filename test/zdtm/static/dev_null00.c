// SPDX-License-Identifier: GPL-2.0-only
/* /dev/null, for reading and for writing. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct stat st;
	int rd, wr;
	char byte;

	test_init(argc, argv);
	rd = (int)must(open("/dev/null", O_RDONLY));
	wr = (int)must(open("/dev/null", O_WRONLY));
	test_daemon();
	test_waitsig();

	must(fstat(rd, &st));
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		fail("it is another device, %#lx", (unsigned long)st.st_rdev);
	if (read(rd, &byte, 1) != 0)
		fail("there is something to read");
	if (write(wr, "x", 1) != 1)
		fail("it cannot be written to");
	if (write(rd, "x", 1) != -1)
		fail("the one for reading can be written to");
	return pass();
}
