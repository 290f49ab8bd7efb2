// SPDX-License-Identifier: GPL-2.0-only
/* Real, effective, saved and file system ids, all different. */
#include "zdtmtst.h"

#include <sys/fsuid.h>
#include <unistd.h>

static int child(void *arg)
{
	uid_t ruid, euid, suid;
	gid_t rgid, egid, sgid;

	must(setresgid(11, 12, 13));
	setfsgid(14);
	must(setresuid(21, 22, 23));
	setfsuid(23);
	ready_report(arg);
	test_waitsig();

	must(getresgid(&rgid, &egid, &sgid));
	expect(rgid == 11 && egid == 12 && sgid == 13, "group ids %u %u %u", rgid, egid, sgid);
	expect(setfsgid((gid_t)-1) == 14, "fsgid %d", setfsgid((gid_t)-1));
	must(getresuid(&ruid, &euid, &suid));
	expect(ruid == 21 && euid == 22 && suid == 23, "user ids %u %u %u", ruid, euid, suid);
	expect(setfsuid((uid_t)-1) == 23, "fsuid %d", setfsuid((uid_t)-1));
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	test_daemon();
	test_waitsig();

	if (!test_stop(pid, "child"))
		return fail("the child has other ids");
	return pass();
}
