// SPDX-License-Identifier: GPL-2.0-only
/* The working directory, seen by getcwd(2) and by a relative path. */
#include "zdtmtst.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "directory to work in", true);

int main(int argc, char **argv)
{
	struct stat here, there;
	char cwd[4096];

	test_init(argc, argv);
	must(mkdir(dirname, 0755));
	must(chdir(dirname));
	test_daemon();
	test_waitsig();

	if (!getcwd(cwd, sizeof(cwd)))
		return fail("getcwd does not know where we are");
	if (strcmp(cwd, dirname))
		return fail("we are in %s instead of %s", cwd, dirname);
	must(stat(".", &here));
	must(stat(dirname, &there));
	if (here.st_ino != there.st_ino || here.st_dev != there.st_dev)
		return fail("\".\" is another directory");
	return pass();
}
