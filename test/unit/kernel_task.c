// SPDX-License-Identifier: GPL-2.0-only
/* The smaller files of /proc/PID, of texts and of ourselves. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "criu/kernel/proc.h"
#include "criu/kernel/syscalls.h"
#include "test/unit/test.h"

TEST(kernel_limits_of_ourselves)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	int dir = proc_open(getpid());
	struct rlimit core = { 4096, 8192 };
	struct proc_limits l;

	CHECK(setrlimit(RLIMIT_CORE, &core) == 0);
	if (!CHECK_INT_EQ(proc_limits_read(dir, &b, &l), 0))
		return;
	for (unsigned int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit r;

		test_note("limit %u", i);
		getrlimit(i, &r);
		CHECK_INT_EQ(l.limit[i].rlim_cur, r.rlim_cur);
		CHECK_INT_EQ(l.limit[i].rlim_max, r.rlim_max);
	}
	close(dir);
}

static timer_t timer_new(clockid_t clock, int notify, int signo, void *ptr)
{
	struct sigevent ev = { .sigev_notify = notify, .sigev_signo = signo };
	timer_t id = NULL;

	ev.sigev_value.sival_ptr = ptr;
	ev._sigev_un._tid = gettid();
	CHECK(timer_create(clock, &ev, &id) == 0);
	return id;
}

TEST(kernel_timers_of_ourselves)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_timers l;
	int dir = proc_open(getpid());

	timer_new(CLOCK_REALTIME, SIGEV_SIGNAL, SIGUSR1, (void *)0x123456789abcdef0);
	timer_new(CLOCK_MONOTONIC, SIGEV_NONE, 0, NULL);
	timer_new(CLOCK_BOOTTIME, SIGEV_THREAD_ID, SIGRTMIN + 3, NULL);
	if (!CHECK_INT_EQ(proc_timers_read(dir, &b, &l), 0) || !CHECK_INT_EQ(l.nr, 3))
		return;
	CHECK(l.v[0].id < l.v[1].id && l.v[1].id < l.v[2].id);
	CHECK_INT_EQ(l.v[0].notify, SIGEV_SIGNAL);
	CHECK_INT_EQ(l.v[0].signo, SIGUSR1);
	CHECK_INT_EQ(l.v[0].sigval, 0x123456789abcdef0);
	CHECK_INT_EQ(l.v[0].notify_pid, getpid());
	CHECK_INT_EQ(l.v[0].clockid, CLOCK_REALTIME);
	CHECK_INT_EQ(l.v[1].notify, SIGEV_NONE);
	CHECK_INT_EQ(l.v[1].clockid, CLOCK_MONOTONIC);
	CHECK_INT_EQ(l.v[2].notify, SIGEV_THREAD_ID);
	CHECK_INT_EQ(l.v[2].signo, SIGRTMIN + 3);
	CHECK_INT_EQ(l.v[2].notify_pid, gettid());
	CHECK_INT_EQ(l.v[2].clockid, CLOCK_BOOTTIME);
	proc_timers_done(&l);
	close(dir);
}

TEST(kernel_timers_text)
{
	static const char text[] = "ID: 3\nsignal: 10/1234\nnotify: signal/tid.100\nClockID: -6\n"
				   "ID: 1\nsignal: 0/0\nnotify: thread/pid.5\nClockID: 7\n";
	struct proc_timers l;

	if (CHECK_INT_EQ(proc_timers_parse(text, sizeof(text) - 1, &l), 0)) {
		CHECK_INT_EQ(l.nr, 2);
		CHECK_INT_EQ(l.v[0].id, 1);
		CHECK_INT_EQ(l.v[0].notify, SIGEV_THREAD);
		CHECK_INT_EQ(l.v[1].id, 3);
		CHECK_INT_EQ(l.v[1].clockid, -6);
		CHECK_INT_EQ(l.v[1].notify, SIGEV_SIGNAL | SIGEV_THREAD_ID);
		proc_timers_done(&l);
	}
	CHECK_INT_EQ(proc_timers_parse("", 0, &l), 0);
	CHECK_INT_EQ(l.nr, 0);
	CHECK_INT_EQ(proc_timers_parse(text, 6, &l), -EINVAL);
	CHECK_INT_EQ(proc_timers_parse("\n", 1, &l), -EINVAL);
}

static int syscall_of(const char *text, struct proc_syscall *ret)
{
	return proc_syscall_parse(text, strlen(text), ret);
}

TEST(kernel_syscall_text)
{
	struct proc_syscall s;

	CHECK_INT_EQ(syscall_of("running\n", &s), 0);
	CHECK(s.running);
	CHECK_INT_EQ(syscall_of("-1 0x7ffe8400ab58 0x7f8300ecc2ad\n", &s), 0);
	CHECK(!s.running && s.nr == -1 && s.sp == 0x7ffe8400ab58 && s.pc == 0x7f8300ecc2ad);
	CHECK_INT_EQ(syscall_of("202 0x1 0x2 0x3 0x4 0x5 0xffffffffffffffff 0x7 0x8\n", &s), 0);
	CHECK(s.nr == 202 && s.arg[0] == 1 && s.arg[5] == UINT64_MAX && s.sp == 7 && s.pc == 8);
	CHECK_INT_EQ(syscall_of("202 0x1 0x2 0x3 0x4 0x5 0x6 0x7\n", &s), -EINVAL);
	CHECK_INT_EQ(syscall_of("202 0x1 0x2 0x3 0x4 0x5 0x6 0x7 0x8 0x9\n", &s), -EINVAL);
	CHECK_INT_EQ(syscall_of("", &s), -EINVAL);
	CHECK_INT_EQ(syscall_of("runn", &s), -EINVAL);
}

struct threads {
	pthread_barrier_t ready;
	pid_t tid, child;
	int fds[2];
};

/* A thread that has a child of its own and then sleeps in read. */
static void *thread_run(void *arg)
{
	struct threads *t = arg;
	char c;

	t->tid = gettid();
	t->child = fork();
	if (!t->child)
		for (prctl(PR_SET_PDEATHSIG, SIGKILL);;)
			pause();
	pthread_barrier_wait(&t->ready);
	return read(t->fds[0], &c, 1) == 1 ? t : NULL;
}

/* Until the thread sleeps in that system call. */
static bool wait_syscall(pid_t tid, long nr, struct proc_buf *b)
{
	struct proc_syscall s = { .running = true };

	for (int i = 0; i < 100000; i++) {
		if (!CHECK_INT_EQ(proc_syscall_of(tid, b, &s), 0))
			return false;
		if (!s.running && s.nr == nr)
			return true;
		sched_yield();
	}
	return false;
}

TEST(kernel_threads_and_children)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_proc_pids struct proc_pids l = { 0 };
	struct threads t = { .tid = 0 };
	pthread_t thread;
	uint64_t exec_start = 0, switches = 0, slack = 0;
	int dir = proc_open(getpid()), r;

	pthread_barrier_init(&t.ready, NULL, 2);
	if (!CHECK(pipe(t.fds) == 0) || !CHECK(!pthread_create(&thread, NULL, thread_run, &t)))
		return;
	pthread_barrier_wait(&t.ready);
	CHECK_INT_EQ(proc_threads_read(dir, &l), 0);
	CHECK(l.nr == 2 && l.v[0] == getpid() && l.v[1] == t.tid);
	proc_pids_done(&l);

	r = proc_children_read(dir, t.tid, &b, &l);
	if (r == -ENOENT)
		test_skip("CONFIG_PROC_CHILDREN");
	CHECK(!r && l.nr == 1 && l.v[0] == t.child);
	proc_pids_done(&l);
	CHECK_INT_EQ(proc_children_read(dir, getpid(), &b, &l), 0);
	CHECK_INT_EQ(l.nr, 0);
	proc_pids_done(&l);
	CHECK_INT_EQ(proc_children_read(dir, 0, &b, &l), 0);
	CHECK(l.nr == 1 && l.v[0] == t.child);

	CHECK(wait_syscall(t.tid, SYS_read, &b));
	CHECK_INT_EQ(proc_timerslack_read(-1, t.tid, &b, &slack), 0);
	CHECK_INT_EQ(slack, prctl(PR_GET_TIMERSLACK));
	r = proc_sched_read(dir, t.tid, &b, &exec_start, &switches);
	CHECK(r == -ENOENT || (!r && exec_start > 0));
	CHECK(write(t.fds[1], "x", 1) == 1);
	pthread_join(thread, NULL);
	kill(t.child, SIGKILL);
	waitpid(t.child, NULL, 0);
	CHECK_INT_EQ(proc_children_read(dir, t.tid, &b, &l), -ENOENT);
	close(dir);
}

TEST(kernel_children_text)
{
	struct proc_pids l = { 0 };

	CHECK_INT_EQ(proc_children_parse("12 345 ", 7, &l), 0);
	CHECK_INT_EQ(proc_children_parse("", 0, &l), 0);
	CHECK_INT_EQ(proc_children_parse("7\n", 2, &l), 0);
	CHECK(l.nr == 3 && l.v[0] == 12 && l.v[1] == 345 && l.v[2] == 7);
	CHECK_INT_EQ(proc_children_parse("8 x", 3, &l), -EINVAL);
	CHECK_INT_EQ(proc_children_parse("8 -9", 4, &l), -EINVAL);
	CHECK_INT_EQ(proc_children_parse("8 99999999999", 13, &l), -EINVAL);
	CHECK_INT_EQ(l.nr, 3);
	proc_pids_done(&l);
}

TEST(kernel_numbers_of_ourselves)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	int dir = proc_open(getpid()), oom = 7, nice_ = 7, r;
	uint32_t v = 7;

	personality(ADDR_NO_RANDOMIZE | ADDR_LIMIT_3GB);
	CHECK_INT_EQ(proc_personality_read(dir, getpid(), &b, &v), 0);
	CHECK_INT_EQ(v, ADDR_NO_RANDOMIZE | ADDR_LIMIT_3GB);
	CHECK_INT_EQ(proc_oom_score_adj_read(dir, &b, &oom), 0);
	CHECK(oom >= -1000 && oom <= 1000);
	CHECK_INT_EQ(proc_coredump_filter_read(dir, &b, &v), 0);
	CHECK(v && v < 0x200);
	r = proc_loginuid_read(dir, &b, &v);
	CHECK(r == 0 || r == -ENOENT);
	r = proc_sessionid_read(dir, &b, &v);
	CHECK(r == 0 || r == -ENOENT);
	r = proc_autogroup_read(dir, &b, &nice_);
	CHECK(r == -ENOENT || (!r && nice_ >= -20 && nice_ <= 19));
	close(dir);
}

TEST(kernel_auxv_of_ourselves)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	uint64_t auxv[128] = { 0 }, page = 0;
	size_t nr = 0;
	int dir = proc_open(getpid());

	CHECK_INT_EQ(proc_auxv_read(dir, &b, auxv, 128, &nr), 0);
	CHECK(nr >= 20 && nr % 2 == 0 && auxv[nr - 2] == AT_NULL);
	for (size_t i = 0; i < nr; i += 2)
		if (auxv[i] == AT_PAGESZ)
			page = auxv[i + 1];
	CHECK_INT_EQ(page, getauxval(AT_PAGESZ));
	CHECK_INT_EQ(proc_auxv_read(dir, &b, auxv, 3, &nr), -E2BIG);
	close(dir);
}

TEST(kernel_links_and_namespaces)
{
	int dir = proc_open(getpid());
	char link[4096];
	struct proc_ns ns;
	struct stat st;
	uint64_t ino = 0;

	CHECK(chdir("/proc") == 0);
	CHECK_INT_EQ(proc_cwd_link(dir, 0, link, sizeof(link)), 5);
	CHECK_STR_EQ(link, "/proc");
	CHECK_INT_EQ(proc_cwd_link(dir, 0, link, 5), -ENAMETOOLONG);
	CHECK(proc_root_link(dir, getpid(), link, sizeof(link)) > 0);
	CHECK(proc_exe_link(dir, link, sizeof(link)) > 0);
	CHECK(stat(link, &st) == 0);
	CHECK_INT_EQ(proc_ns_read(dir, getpid(), &ns), 0);
	CHECK(stat("/proc/self/ns/mnt", &st) == 0);
	CHECK_INT_EQ(ns.mnt, st.st_ino);
	CHECK(stat("/proc/self/ns/pid_for_children", &st) == 0);
	CHECK_INT_EQ(ns.pid_for_children, st.st_ino);
	CHECK(ns.pid && ns.net && ns.ipc && ns.uts);
	CHECK_INT_EQ(proc_ns_link_parse("net:[18446744073709551615]", &ino), 0);
	CHECK_INT_EQ(ino, UINT64_MAX);
	CHECK_INT_EQ(proc_ns_link_parse("net:[18446744073709551616]", &ino), -EINVAL);
	CHECK_INT_EQ(proc_ns_link_parse("net:[5", &ino), -EINVAL);
	CHECK_INT_EQ(proc_ns_link_parse("net[5]", &ino), -EINVAL);
	CHECK_INT_EQ(proc_ns_link_parse("[5]", &ino), -EINVAL);
	CHECK_INT_EQ(proc_ns_link_parse("net:[5] ", &ino), -EINVAL);
	close(dir);
}

TEST(kernel_paths)
{
	char path[32];

	CHECK_INT_EQ(proc_path(path, sizeof(path), 0, "stat"), 4);
	CHECK_STR_EQ(path, "stat");
	CHECK_INT_EQ(proc_path(path, sizeof(path), 4194304, "stat"), 17);
	CHECK_STR_EQ(path, "task/4194304/stat");
	CHECK_INT_EQ(proc_path(path, 17, 4194304, "stat"), -ENAMETOOLONG);
	CHECK_INT_EQ(proc_path(path, 18, 4194304, "stat"), 17);
}

/* A file that does not fit the first buffer, and the buffer used again for a short one. */
TEST(kernel_read_grows)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	char path[96], *text = malloc(100001);
	int dir = open(test_dir(), O_PATH | O_DIRECTORY), fd;

	for (int i = 0; i < 100001; i++)
		text[i] = (char)('a' + i % 26);
	snprintf(path, sizeof(path), "%s/file", test_dir());
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(write(fd, text, 100001) == 100001);
	CHECK_INT_EQ(proc_read(dir, "file", &b), 0);
	CHECK_INT_EQ(b.len, 100001);
	CHECK(!memcmp(b.data, text, 100001) && !b.data[100001]);
	CHECK(ftruncate(fd, 3) == 0);
	CHECK_INT_EQ(proc_read(dir, "file", &b), 0);
	CHECK_STR_EQ(b.data, "abc");
	CHECK(ftruncate(fd, 0) == 0);
	CHECK_INT_EQ(proc_read(dir, "file", &b), 0);
	CHECK_STR_EQ(b.data, "");
	CHECK_INT_EQ(proc_read(dir, "none", &b), -ENOENT);
	free(text);
	close(fd);
	close(dir);
}

TEST(kernel_syscall_wrappers)
{
	struct sys_sched_attr attr;
	uint64_t head = 7;
	size_t len = 7;
	pid_t pid;
	int fd, status;

	CHECK_INT_EQ(sys_get_robust_list(0, &head, &len), 0);
	CHECK(head && len == 24);
	CHECK_INT_EQ(sys_sched_getattr(0, &attr), 0);
	attr.nice = 3;
	CHECK_INT_EQ(sys_sched_setattr(0, &attr), 0);
	CHECK_INT_EQ(sys_sched_getattr(0, &attr), 0);
	CHECK_INT_EQ(attr.nice, 3);
	CHECK_INT_EQ(sys_tgkill(getpid(), gettid(), 0), 0);
	CHECK_INT_EQ(sys_pidfd_open(0x3fffffff, 0), -ESRCH);
	fd = open("/proc", O_PATH | O_DIRECTORY);
	CHECK_INT_EQ(sys_open_in_root(fd, "../../proc/nothing", O_PATH, 0, 0), -ENOENT);
	close(fd);
	pid = sys_clone3(&(struct clone_args){ .exit_signal = SIGCHLD });
	if (!pid)
		_exit(9);
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 9);
	pid = sys_clone_pid(0, SIGCHLD, pid);
	if (!pid)
		_exit(8);
	CHECK(pid == -EPERM || pid == -EEXIST ||
	      (waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == 8));
}
