// SPDX-License-Identifier: GPL-2.0-only
/*
 * pidfds of the process itself, of its child and of a grandchild, one of them the child's: they
 * are of the same processes as before, wake who polls them, and can be waited for.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static struct ready ready;
static pid_t parent;
static int own;

static int pidfd_open_raw(pid_t pid, int flags)
{
	return (int)must(syscall(SYS_pidfd_open, pid, flags));
}

static bool is_alive(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	return poll(&p, 1, 0) == 0;
}

static int grandchild(void *arg)
{
	(void)arg;
	ready_report(&ready);
	test_waitsig();
	return 0;
}

/* It has its parent's pidfd of itself, and one of its own. */
static int child(void *arg)
{
	pid_t pid = test_child(grandchild, NULL);
	int up = pidfd_open_raw(parent, 0), down = pidfd_open_raw(pid, 0);

	(void)arg;
	ready_report(&ready);
	test_waitsig();
	expect(is_alive(up) && is_alive(own) && is_alive(down), "not of living processes");
	must(syscall(SYS_pidfd_send_signal, up, SIGUSR1, NULL, 0));
	must(syscall(SYS_pidfd_send_signal, own, SIGUSR2, NULL, 0));
	must(syscall(SYS_pidfd_send_signal, down, SIGTERM, NULL, 0));
	return test_reap(pid, "grandchild") ? 0 : 1;
}

int main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = 77 };
	int fd, again, watcher, thread, flags;
	struct stat a, b, c;
	siginfo_t info;
	sigset_t usr;
	pid_t pid;

	test_init(argc, argv);
	sigemptyset(&usr);
	sigaddset(&usr, SIGUSR1);
	sigaddset(&usr, SIGUSR2);
	must(sigprocmask(SIG_BLOCK, &usr, NULL));
	parent = getpid();
	own = pidfd_open_raw(parent, 0);
	ready_init(&ready);
	pid = test_child(child, NULL);
	fd = pidfd_open_raw(pid, 0);
	again = pidfd_open_raw(pid, O_NONBLOCK);
	/* Of a thread, since Linux 6.9. */
	thread = (int)syscall(SYS_pidfd_open, parent, O_EXCL);
	expect(thread >= 0 || errno == EINVAL, "pidfd_open");
	watcher = (int)must(epoll_create1(0));
	must(epoll_ctl(watcher, EPOLL_CTL_ADD, fd, &event));
	ready_collect(&ready, 2);
	test_daemon();
	test_waitsig();

	flags = fcntl(again, F_GETFL);
	if (flags != (fcntl(fd, F_GETFL) | O_NONBLOCK))
		return fail("flags %#o", flags);
	if (thread >= 0 && (!(fcntl(thread, F_GETFL) & O_EXCL) || !is_alive(thread)))
		return fail("the one of a thread");
	must(fstat(fd, &a));
	must(fstat(again, &b));
	must(fstat(own, &c));
	if (a.st_ino != b.st_ino)
		return fail("two of the same process differ");
	if (S_ISREG(a.st_mode) && a.st_ino == c.st_ino)
		return fail("two of different processes do not differ"); /* since Linux 6.9 */
	if (waitid(P_PIDFD, (id_t)again, &info, WEXITED) != -1 || errno != EAGAIN)
		return fail("waitid does not say that the child lives");
	if (epoll_wait(watcher, &event, 1, 0))
		return fail("it is told to have ended");
	must(syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0));
	if (epoll_wait(watcher, &event, 1, -1) != 1 || event.data.u64 != 77)
		return fail("its end is not told");
	must(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	if (info.si_pid != pid || info.si_code != CLD_EXITED || info.si_status)
		return fail("pid %d, code %d, status %d", info.si_pid, info.si_code,
			    info.si_status);
	must(sigpending(&usr));
	if (!sigismember(&usr, SIGUSR1) || !sigismember(&usr, SIGUSR2))
		return fail("signals of the child did not come");
	return pass();
}
