// SPDX-License-Identifier: GPL-2.0-only
/* Descriptors of all namespaces that the process lives in. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define NS_GET_NSTYPE 0xb703 /* linux/nsfs.h */

static const char *const names[] = { "cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts" };

static int ns_open(const char *name, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	return (int)must(open(path, flags));
}

int main(int argc, char **argv)
{
	int fd[ARRAY_SIZE(names)], type[ARRAY_SIZE(names)], path;
	struct stat was, now;

	test_init(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		fd[i] = ns_open(names[i], O_RDONLY);
		type[i] = (int)must(ioctl(fd[i], NS_GET_NSTYPE));
	}
	path = ns_open("uts", O_PATH);
	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int own = ns_open(names[i], O_RDONLY);

		must(fstat(fd[i], &was));
		must(fstat(own, &now));
		if (was.st_ino != now.st_ino || was.st_dev != now.st_dev)
			fail("%s is another namespace", names[i]);
		if (ioctl(fd[i], NS_GET_NSTYPE) != type[i])
			fail("%s is of another type", names[i]);
	}
	must(fstat(path, &was));
	must(fstat(fd[7], &now));
	if (was.st_ino != now.st_ino || !(must(fcntl(path, F_GETFL)) & O_PATH))
		fail("the one that was opened with O_PATH");
	return pass();
}
