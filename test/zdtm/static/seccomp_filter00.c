// SPDX-License-Identifier: GPL-2.0-only
/* Filters of a parent and a child, one of them shared by fork, and no_new_privs with them. */
#include "filters.h"
#include "zdtmtst.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ERRNO(n) (SECCOMP_RET_ERRNO | (n))

static bool answers(long nr, int wanted)
{
	errno = 0;
	syscall(nr, 0, 0, 0);
	if (errno == wanted)
		return true;
	test_msg("system call %ld: errno %d instead of %d\n", nr, errno, wanted);
	return false;
}

static int child(void *arg)
{
	must(setresuid(65534, 65534, 65534));
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	/* The same call as the parent's: of the two, the last one has its way. */
	must(filter_add(SYS_sync, ERRNO(EXDEV), SECCOMP_FILTER_FLAG_LOG));
	must(filter_add(SYS_getrusage, ERRNO(ENOTTY), 0));
	ready_report(arg);
	test_waitsig();
	expect(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1, "no_new_privs is gone");
	expect(getuid() == 65534, "user %u", getuid());
	expect(answers(SYS_sync, EXDEV) && answers(SYS_getrusage, ENOTTY), "not its filters");
	expect(answers(SYS_getpriority, EDOM), "not the filter of its parent");
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	must(filter_add(SYS_getpriority, ERRNO(EDOM), 0));
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	must(filter_add(SYS_sync, ERRNO(EBADMSG), 0));
	test_daemon();
	test_waitsig();

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
		fail("the parent has got no_new_privs");
	if (!answers(SYS_getpriority, EDOM) || !answers(SYS_sync, EBADMSG))
		fail("not the filters of the parent");
	if (!answers(SYS_getrusage, EFAULT))
		fail("the parent has got a filter of its child");
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	return pass();
}
