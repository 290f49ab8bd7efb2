// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/fd and fdinfo: texts, then descriptors of each kind. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "criu/kernel/kcmp.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/syscalls.h"
#include "test/unit/test.h"

static int info_of(const char *text, struct proc_fdinfo *ret)
{
	return proc_fdinfo_parse(text, strlen(text), ret);
}

TEST(kernel_fdinfo_parses)
{
	struct proc_fdinfo f;

	CHECK_INT_EQ(info_of("pos:\t-1\nflags:\t0100002\n", &f), 0);
	CHECK_INT_EQ(f.pos, -1);
	CHECK_INT_EQ(f.flags, 0100002);
	CHECK_INT_EQ(f.mnt_id, -1);
	CHECK_INT_EQ(f.ino, 0);
	CHECK(!f.has_eventfd && !f.has_sigmask && !f.has_timerfd && !f.has_pidfd);
	CHECK_INT_EQ(info_of("pos:\t9223372036854775807\nflags:\t0\nmnt_id:\t5\nino:\t"
			     "18446744073709551615\nwhat ever: 7\n\nlock:\t1: x\nlock:\t2: y\n",
			     &f),
		     0);
	CHECK_INT_EQ(f.pos, 0x7fffffffffffffff);
	CHECK_INT_EQ(f.mnt_id, 5);
	CHECK_INT_EQ(f.ino, UINT64_MAX);
	CHECK_INT_EQ(f.nr_locks, 2);
	CHECK_INT_EQ(info_of("flags:\t0\n", &f), -EINVAL);
	CHECK_INT_EQ(info_of("pos:\t0\n", &f), -EINVAL);
	CHECK_INT_EQ(info_of("pos:\t0\nflags:\t08\n", &f), -EINVAL);
	CHECK_INT_EQ(info_of("pos:\t0\nflags:\t0\nit_value: (0, 1000000000)\n", &f), -EINVAL);
	CHECK_INT_EQ(info_of("pos:\t0\nflags:\t0\nit_value: (0, 1\n", &f), -EINVAL);
	CHECK_INT_EQ(info_of("pos:\t0\nflags:\t0\nPid:\t-1\nNSpid:\t\n", &f), 0);
	CHECK(f.has_pidfd && f.pid == -1 && f.ns_pid == 0);
	CHECK_INT_EQ(info_of("pos:\t0\nflags:\t04000\npending:\t2\ntotal:\t3\nAPI:\taa:80000021:"
			     "80000000000001ff\n",
			     &f),
		     0);
	CHECK(f.has_userfaultfd && f.userfault_pending == 2);
	CHECK_INT_EQ(f.userfault_features, PROC_USERFAULT_API | 0x21);
	CHECK_INT_EQ(info_of("pos:\t0\nflags:\t0\nAPI:\taa\n", &f), -EINVAL);
	CHECK_INT_EQ(info_of("pos:\t0\nflags:\t02\nmap_type:\t1\nmemlock:\t4096\nmap_id:\t77\n"
			     "frozen:\t1\n",
			     &f),
		     0);
	CHECK(f.has_bpf_map && f.bpf_map_id == 77 && f.bpf_frozen && f.bpf_memlock == 4096);
}

struct self {
	struct proc_buf b;
	struct proc_fdinfo f;
	int dir;
};

static const struct proc_fdinfo *info(struct self *s, int fd)
{
	memset(&s->f, 0x55, sizeof(s->f));
	CHECK_INT_EQ(proc_fdinfo_read(s->dir, fd, &s->b, &s->f), 0);
	return &s->f;
}

static struct self self_open(void)
{
	return (struct self){ .dir = proc_open(getpid()) };
}

static void self_done(struct self *s)
{
	proc_buf_done(&s->b);
	close(s->dir);
}

TEST(kernel_fdinfo_of_a_file)
{
	struct self s = self_open();
	const struct proc_fdinfo *f;
	char path[96], link[96];
	int fd;

	snprintf(path, sizeof(path), "%s/file", test_dir());
	fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	CHECK(lseek(fd, 12345, SEEK_SET) == 12345);
	f = info(&s, fd);
	CHECK_INT_EQ(f->pos, 12345);
	CHECK_INT_EQ(f->flags & (O_ACCMODE | O_APPEND | O_CLOEXEC), O_RDWR | O_APPEND | O_CLOEXEC);
	CHECK(f->mnt_id > 0 && f->ino > 0);
	CHECK_INT_EQ(proc_fd_link(s.dir, fd, link, sizeof(link)), strlen(path));
	CHECK_STR_EQ(link, path);
	CHECK_INT_EQ(proc_fd_link(s.dir, fd, link, strlen(path)), -ENAMETOOLONG);
	CHECK_INT_EQ(proc_fd_link(s.dir, fd, link, strlen(path) + 1), strlen(path));
	CHECK_INT_EQ(proc_fd_link(s.dir, 999999, link, sizeof(link)), -ENOENT);
	CHECK_INT_EQ(proc_fd_link(s.dir, -1, link, sizeof(link)), -EBADF);
	self_done(&s);
}

TEST(kernel_fdinfo_of_event_kinds)
{
	struct itimerspec t = { { 1, 5 }, { 1000000, 7 } };
	struct self s = self_open();
	const struct proc_fdinfo *f;
	uint64_t count = 1ull << 40;
	sigset_t set;
	int fd;

	fd = eventfd(0, EFD_SEMAPHORE);
	CHECK(write(fd, &count, sizeof(count)) == sizeof(count));
	f = info(&s, fd);
	CHECK(f->has_eventfd && f->eventfd_count == count);
	CHECK(!f->has_eventfd_semaphore || f->eventfd_semaphore);

	fd = timerfd_create(CLOCK_BOOTTIME, 0);
	timerfd_settime(fd, 0, &t, NULL);
	f = info(&s, fd);
	CHECK(f->has_timerfd);
	CHECK_INT_EQ(f->clockid, CLOCK_BOOTTIME);
	CHECK_INT_EQ(f->ticks, 0);
	CHECK_INT_EQ(f->timer.it_interval.tv_sec, 1);
	CHECK_INT_EQ(f->timer.it_interval.tv_nsec, 5);
	CHECK(f->timer.it_value.tv_sec > 999000 && f->timer.it_value.tv_sec <= 1000000);

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGRTMAX);
	f = info(&s, signalfd(-1, &set, 0));
	CHECK(f->has_sigmask);
	CHECK_INT_EQ(f->sigmask, 1ull << (SIGUSR1 - 1) | 1ull << (SIGRTMAX - 1));

	f = info(&s, sys_pidfd_open(getpid(), 0));
	CHECK(f->has_pidfd);
	CHECK_INT_EQ(f->pid, getpid());
	self_done(&s);
}

TEST(kernel_fdinfo_of_epoll)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.u64 = 0xdeadbeef12345678 };
	int ep = epoll_create1(0), a = eventfd(0, 0), b = timerfd_create(CLOCK_MONOTONIC, 0);
	struct self s = self_open();
	struct proc_epoll e;
	unsigned int seen = 0;
	size_t at = 0;
	int order = 7;

	epoll_ctl(ep, EPOLL_CTL_ADD, a, &event);
	epoll_ctl(ep, EPOLL_CTL_ADD, b, &event);
	CHECK_INT_EQ(info(&s, ep)->nr_epoll, 2);
	while (proc_epoll_next(s.b.data, s.b.len, &at, &e) == 1) {
		seen |= e.tfd == a ? 1 : e.tfd == b ? 2 : 4;
		CHECK_INT_EQ(e.events & ~(uint32_t)(EPOLLERR | EPOLLHUP), EPOLLIN | EPOLLET);
		CHECK_INT_EQ(e.data, 0xdeadbeef12345678);
		CHECK(e.has_ino && e.ino);
	}
	CHECK_INT_EQ(seen, 3);
	CHECK_INT_EQ(proc_epoll_next(s.b.data, s.b.len, &at, &e), 0);
	CHECK_INT_EQ(kcmp_epoll(getpid(), a, getpid(), ep, a, 0, &order), 0);
	CHECK_INT_EQ(order, 0);
	CHECK_INT_EQ(kcmp_epoll(getpid(), b, getpid(), ep, a, 0, &order), 0);
	CHECK(order == 1 || order == -1);
	CHECK_INT_EQ(kcmp_epoll(getpid(), a, getpid(), ep, 999, 0, &order), -ENOENT);
	self_done(&s);
}

TEST(kernel_fdinfo_of_watches)
{
	struct self s = self_open();
	struct proc_inotify n;
	struct proc_fanotify m;
	size_t at = 0;
	int fd = inotify_init1(0), wd;

	wd = inotify_add_watch(fd, test_dir(), IN_CREATE | IN_DELETE);
	CHECK_INT_EQ(info(&s, fd)->nr_inotify, 1);
	CHECK_INT_EQ(proc_inotify_next(s.b.data, s.b.len, &at, &n), 1);
	CHECK_INT_EQ(n.wd, wd);
	CHECK_INT_EQ(n.mask, IN_CREATE | IN_DELETE);
	CHECK(n.ino && n.sdev && n.has_handle && n.handle.bytes >= 8);
	CHECK_INT_EQ(proc_inotify_next(s.b.data, s.b.len, &at, &n), 0);

	fd = fanotify_init(FAN_CLASS_NOTIF, O_RDWR);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		test_skip("fanotify");
	fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "/");
	fanotify_mark(fd, FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD, test_dir());
	CHECK_INT_EQ(info(&s, fd)->nr_fanotify, 3);
	at = 0;
	CHECK_INT_EQ(proc_fanotify_next(s.b.data, s.b.len, &at, &m), 1);
	CHECK_INT_EQ(m.kind, PROC_FANOTIFY_GROUP);
	CHECK_INT_EQ(m.event_flags & O_ACCMODE, O_RDWR);
	for (int i = 0; i < 2; i++) {
		CHECK_INT_EQ(proc_fanotify_next(s.b.data, s.b.len, &at, &m), 1);
		if (m.kind == PROC_FANOTIFY_MOUNT)
			CHECK(m.mask == FAN_OPEN && m.mnt_id > 0);
		else
			CHECK(m.kind == PROC_FANOTIFY_INODE && m.mask == FAN_CLOSE_WRITE && m.ino);
	}
	CHECK_INT_EQ(proc_fanotify_next(s.b.data, s.b.len, &at, &m), 0);
	self_done(&s);
}

TEST(kernel_fdinfo_of_locks)
{
	struct flock range = { .l_type = F_WRLCK, .l_start = 5, .l_len = 10 };
	struct self s = self_open();
	struct proc_lock l;
	char path[96];
	size_t at = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/file", test_dir());
	fd = open(path, O_RDWR | O_CREAT, 0600);
	CHECK(fcntl(fd, F_SETLK, &range) == 0);
	range.l_type = F_RDLCK;
	range.l_start = 100;
	range.l_len = 0;
	CHECK(fcntl(fd, F_OFD_SETLK, &range) == 0);
	CHECK(flock(fd, LOCK_SH) == 0);
	CHECK_INT_EQ(info(&s, fd)->nr_locks, 3);
	for (int i = 0; i < 3; i++) {
		if (!CHECK_INT_EQ(proc_lock_next(s.b.data, s.b.len, &at, &l), 1))
			break;
		CHECK(l.ino == s.f.ino && !l.waiting && !l.mandatory);
		if (l.type == PROC_LOCK_POSIX)
			CHECK(l.kind == F_WRLCK && l.start == 5 && l.end == 14 &&
			      l.owner == getpid());
		else if (l.type == PROC_LOCK_OFD)
			CHECK(l.kind == F_RDLCK && l.start == 100 && l.end == UINT64_MAX &&
			      l.owner == -1);
		else
			CHECK(l.type == PROC_LOCK_FLOCK && l.kind == F_RDLCK);
	}
	CHECK_INT_EQ(proc_lock_next(s.b.data, s.b.len, &at, &l), 0);
	self_done(&s);
}

static int lock_of(const char *text, struct proc_lock *ret)
{
	size_t at = 0;

	return proc_lock_next(text, strlen(text), &at, ret);
}

TEST(kernel_lock_lines)
{
	struct proc_lock l;

	CHECK_INT_EQ(lock_of("2: LEASE  BREAKING  UNLCK 17 fe:0a:99 0 EOF\n", &l), 1);
	CHECK(l.id == 2 && l.type == PROC_LOCK_LEASE && l.breaking && l.kind == F_UNLCK &&
	      l.owner == 17 && l.dev_major == 0xfe && l.dev_minor == 0xa && l.ino == 99);
	CHECK_INT_EQ(lock_of("2:   -> DELEG  BREAKER   WRITE 0 <none>:0 0 EOF", &l), 1);
	CHECK(l.waiting && l.breaker && l.type == PROC_LOCK_DELEG && l.owner == 0 && !l.ino);
	CHECK_INT_EQ(lock_of("pos:\t0\nflags: 0\n", &l), 0);
	CHECK_INT_EQ(lock_of("lock:\t1: FLOCK  ADVISORY  WRITE 9117 fe:00:10952939 0\n", &l),
		     -EINVAL);
	CHECK_INT_EQ(lock_of("lock:\t1: FLOCK  ADVISORY  WHAT 9117 fe:00:10952939 0 EOF\n", &l),
		     -EINVAL);
}

TEST(kernel_fds_of_thousands)
{
	struct rlimit limit = { 20000, 20000 };
	struct proc_fds l = { 0 };
	int dir, top;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	top = limit.rlim_max > 5000 ? 5000 : (int)limit.rlim_max - 1;
	for (int i = 100; i < top; i += 3)
		if (!CHECK(dup2(0, i) == i))
			break;
	dir = proc_open(getpid());
	CHECK_INT_EQ(proc_fds_read(dir, 0, &l), 0);
	CHECK(l.nr >= (size_t)(top - 100) / 3);
	for (size_t i = 1; i < l.nr; i++)
		CHECK(l.v[i - 1] < l.v[i]);
	for (size_t i = 0; i < l.nr; i++)
		if (l.v[i] > 100)
			CHECK((l.v[i] - 100) % 3 == 0 || fcntl(l.v[i], F_GETFD) >= 0);
	proc_fds_done(&l);
	CHECK_INT_EQ(proc_fds_read(dir, getpid(), &l), 0);
	proc_fds_done(&l);
	CHECK_INT_EQ(proc_fds_read(dir, 1, &l), -ENOENT);
	close(dir);
}

TEST(kernel_kcmp_orders_files)
{
	pid_t me = getpid();
	int a = eventfd(0, 0), b = eventfd(0, 0), c = dup(a), ab = 0, ba = 0, ac = 7, vm = 7;

	CHECK_INT_EQ(kcmp_file(me, a, me, b, &ab), 0);
	CHECK_INT_EQ(kcmp_file(me, b, me, a, &ba), 0);
	CHECK_INT_EQ(kcmp_file(me, a, me, c, &ac), 0);
	CHECK(ab == -ba && (ab == 1 || ab == -1));
	CHECK_INT_EQ(ac, 0);
	CHECK_INT_EQ(kcmp_order(me, me, KCMP_VM, 0, 0, &vm), 0);
	CHECK_INT_EQ(vm, 0);
	CHECK_INT_EQ(kcmp_order(me, getppid(), KCMP_FILES, 0, 0, &vm), 0);
	CHECK(vm);
	CHECK_INT_EQ(kcmp_file(me, 99999, me, a, &ab), -EBADF);
}
