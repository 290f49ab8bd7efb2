// SPDX-License-Identifier: GPL-2.0-only
/* A deleted file whose name another one has now; both stay what they are. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char *filename;
TEST_OPTION(filename, string, "file to delete", true);

int main(int argc, char **argv)
{
	uint8_t data[5000];
	struct stat st;
	int old, new;

	test_init(argc, argv);
	old = file_make(filename, sizeof(data), 1);
	must(unlink(filename));
	new = file_make(filename, sizeof(data), 2);
	test_daemon();
	test_waitsig();

	must(pread(old, data, sizeof(data), 0));
	if (datachk(data, sizeof(data), 1) != sizeof(data))
		return fail("contents of the deleted one");
	must(pread(new, data, sizeof(data), 0));
	if (datachk(data, sizeof(data), 2) != sizeof(data))
		return fail("contents of the other");
	must(fstat(old, &st));
	if (st.st_nlink)
		return fail("the deleted one has a name");
	must(fstat(new, &st));
	if (st.st_nlink != 1)
		return fail("the other has %ld names", (long)st.st_nlink);
	return pass();
}
