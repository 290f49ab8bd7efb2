// SPDX-License-Identifier: GPL-2.0-only
/*
 * mkfd KIND HOW PATH: one descriptor of some kind, held in some way. PATH is a name that is free.
 * test/fds/run.py tries all of one with all of the other.
 */
#include "test/harness/prog/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/memfd.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define HIGH 19000

/* --- kinds ---------------------------------------------------------------------- */

static int file_new(const char *path, int flags)
{
	int fd = (int)must(open(path, flags | O_CREAT | O_EXCL, 0640));

	must(write(fd, "0123456789", 10));
	must(lseek(fd, 3, SEEK_SET));
	return fd;
}

static int mk_null(const char *path)
{
	(void)path;
	return (int)must(open("/dev/null", O_RDWR));
}

static int mk_urandom(const char *path)
{
	(void)path;
	return (int)must(open("/dev/urandom", O_RDONLY));
}

static int mk_file(const char *path)
{
	return file_new(path, O_RDWR);
}

static int mk_append(const char *path)
{
	return file_new(path, O_WRONLY | O_APPEND | O_NONBLOCK);
}

static int mk_path(const char *path)
{
	must(close(file_new(path, O_RDWR)));
	return (int)must(open(path, O_PATH));
}

static int mk_deleted(const char *path)
{
	int fd = file_new(path, O_RDWR);

	must(unlink(path));
	return fd;
}

static int mk_dir(const char *path)
{
	must(mkdir(path, 0751));
	return (int)must(open(path, O_RDONLY | O_DIRECTORY));
}

static int mk_dir_gone(const char *path)
{
	int fd = mk_dir(path);

	must(rmdir(path));
	return fd;
}

static int mk_tmpfile(const char *path)
{
	must(mkdir(path, 0751));
	return (int)must(open(path, O_TMPFILE | O_RDWR, 0600));
}

/* The other end is there, too. */
static int mk_pipe_in(const char *path)
{
	int ends[2];

	(void)path;
	must(pipe(ends));
	must(write(ends[1], "in the pipe", 11));
	return ends[0];
}

static int mk_pipe_out(const char *path)
{
	int ends[2];

	(void)path;
	must(pipe2(ends, O_NONBLOCK));
	return ends[1];
}

static int mk_fifo(const char *path)
{
	int fd;

	must(mkfifo(path, 0600));
	fd = (int)must(open(path, O_RDWR));
	must(write(fd, "in the FIFO", 11));
	return fd;
}

static int mk_socket(const char *path)
{
	int ends[2];

	(void)path;
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
	must(write(ends[1], "in the socket", 13));
	return ends[0];
}

static int mk_tcp(const char *path)
{
	int fd = (int)must(socket(AF_INET, SOCK_STREAM, 0));

	(void)path;
	must(listen(fd, 7));
	return fd;
}

static int mk_eventfd(const char *path)
{
	(void)path;
	return (int)must(eventfd(7, EFD_NONBLOCK));
}

static int mk_semaphore(const char *path)
{
	(void)path;
	return (int)must(eventfd(3, EFD_SEMAPHORE));
}

static int mk_timerfd(const char *path)
{
	const struct itimerspec hour = { .it_interval = { 60, 0 }, .it_value = { 3600, 0 } };
	int fd = (int)must(timerfd_create(CLOCK_MONOTONIC, 0));

	(void)path;
	must(timerfd_settime(fd, 0, &hour, NULL));
	return fd;
}

static int mk_signalfd(const char *path)
{
	sigset_t set;

	(void)path;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	return (int)must(signalfd(-1, &set, SFD_NONBLOCK));
}

static int mk_epoll(const char *path)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = 42 };
	int fd = (int)must(epoll_create1(0));

	must(epoll_ctl(fd, EPOLL_CTL_ADD, mk_eventfd(path), &e));
	return fd;
}

static int mk_inotify(const char *path)
{
	int fd = (int)must(inotify_init1(IN_NONBLOCK));

	must(mkdir(path, 0700));
	must(inotify_add_watch(fd, path, IN_CREATE | IN_DELETE));
	return fd;
}

static int mk_fanotify(const char *path)
{
	int fd = (int)must(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY));

	must(mkdir(path, 0700));
	must(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN | FAN_CLOSE | FAN_EVENT_ON_CHILD, AT_FDCWD,
			   path));
	return fd;
}

static int mk_memfd(const char *path)
{
	int fd = (int)must(memfd_create("mkfd", MFD_ALLOW_SEALING));

	(void)path;
	must(write(fd, "0123456789", 10));
	must(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
	return fd;
}

/* Gone is the name, not what is in it. */
static int mk_mqueue(const char *path)
{
	struct mq_attr attr = { .mq_maxmsg = 3, .mq_msgsize = 40 };
	const char *name = strrchr(path, '/');
	int fd = (int)must(mq_open(name, O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0640, &attr));

	must(mq_send(fd, "in the queue", 12, 7));
	must(mq_unlink(name));
	/* mq_open(3) has made it close-on-exec. */
	must(fcntl(fd, F_SETFD, 0));
	return fd;
}

static int mk_pidfd(const char *path)
{
	(void)path;
	return (int)must(syscall(SYS_pidfd_open, getpid(), 0));
}

/* With a range: of the process itself, whoever has it in the end. */
static int mk_userfault(const char *path)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)must(syscall(SYS_userfaultfd, O_NONBLOCK));
	void *at = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)path;
	must(ioctl(fd, UFFDIO_API, &api));
	reg.range = (struct uffdio_range){ (uintptr_t)at, 16384 };
	must(ioctl(fd, UFFDIO_REGISTER, &reg));
	return fd;
}

static int mk_uring(const char *path)
{
	struct io_uring_params p = { .flags = 0 };

	(void)path;
	return (int)must(syscall(SYS_io_uring_setup, 4, &p));
}

static int mk_tun(const char *path)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = scene_needs(open("/dev/net/tun", O_RDWR | O_NONBLOCK), ENOENT, "/dev/net/tun");

	(void)path;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "zf%d", (int)getpid());
	must(ioctl(fd, TUNSETIFF, &ifr));
	return fd;
}

static int mk_bpf_map(const char *path)
{
	union bpf_attr a = { .map_type = BPF_MAP_TYPE_HASH,
			     .key_size = 4,
			     .value_size = 4,
			     .max_entries = 8,
			     .map_name = "mkfd" };
	uint32_t key = 17, value = 42;
	int fd = scene_needs(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)), ENOSYS, "bpf(2)");

	(void)path;
	a = (union bpf_attr){ .map_fd = (uint32_t)fd,
			      .key = (uintptr_t)&key,
			      .value = (uintptr_t)&value };
	must(syscall(SYS_bpf, BPF_MAP_UPDATE_ELEM, &a, sizeof(a)));
	return fd;
}

static int mk_secretmem(const char *path)
{
	int fd = scene_needs(syscall(SYS_memfd_secret, 0), ENOSYS, "memfd_secret(2)");

	(void)path;
	must(ftruncate(fd, 8192));
	return fd;
}

static int mk_ns(const char *path)
{
	(void)path;
	return (int)must(open("/proc/self/ns/net", O_RDONLY));
}

static int mk_proc(const char *path)
{
	(void)path;
	return (int)must(open("/proc/self/status", O_RDONLY));
}

static int mk_pty(const char *path)
{
	int fd = (int)must(posix_openpt(O_RDWR | O_NOCTTY));

	(void)path;
	must(unlockpt(fd));
	return fd;
}

static int mk_slave(const char *path)
{
	char name[64];

	must(-ptsname_r(mk_pty(path), name, sizeof(name)));
	return (int)must(open(name, O_RDWR | O_NOCTTY));
}

static const struct kind {
	const char *name;
	int (*make)(const char *path);
} kinds[] = {
	{ "null", mk_null },
	{ "urandom", mk_urandom },
	{ "file", mk_file },
	{ "append", mk_append },
	{ "path", mk_path },
	{ "deleted", mk_deleted },
	{ "dir", mk_dir },
	{ "dir-gone", mk_dir_gone },
	{ "tmpfile", mk_tmpfile },
	{ "pipe-in", mk_pipe_in },
	{ "pipe-out", mk_pipe_out },
	{ "fifo", mk_fifo },
	{ "socket", mk_socket },
	{ "tcp", mk_tcp },
	{ "eventfd", mk_eventfd },
	{ "semaphore", mk_semaphore },
	{ "timerfd", mk_timerfd },
	{ "signalfd", mk_signalfd },
	{ "epoll", mk_epoll },
	{ "inotify", mk_inotify },
	{ "fanotify", mk_fanotify },
	{ "memfd", mk_memfd },
	{ "mqueue", mk_mqueue },
	{ "pidfd", mk_pidfd },
	{ "userfaultfd", mk_userfault },
	{ "io_uring", mk_uring },
	{ "secretmem", mk_secretmem },
	{ "tun", mk_tun },
	{ "bpf-map", mk_bpf_map },
	{ "ns", mk_ns },
	{ "proc", mk_proc },
	{ "pty", mk_pty },
	{ "slave", mk_slave },
};

/* --- how it is held --------------------------------------------------------------- */

static void how_plain(int fd)
{
	(void)fd;
}

static void how_dup(int fd)
{
	must(dup(fd));
	must(dup2(fd, 50));
}

static void how_cloexec(int fd)
{
	must(fcntl(fd, F_SETFD, FD_CLOEXEC));
}

static void how_high(int fd)
{
	struct rlimit lim;

	must(getrlimit(RLIMIT_NOFILE, &lim));
	if (lim.rlim_max <= HIGH)
		scene_skip("a limit of open files above 19000");
	lim.rlim_cur = lim.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &lim));
	must(dup2(fd, HIGH));
	must(close(fd));
}

static void how_owner(int fd)
{
	must(fcntl(fd, F_SETOWN, getpid()));
	must(fcntl(fd, F_SETSIG, SIGUSR1));
}

static void how_fork(int fd)
{
	(void)fd;
	scene_child(1);
}

/* Only the child has it. */
static void how_child(int fd)
{
	scene_child(1);
	must(close(fd));
}

static void how_table(int fd)
{
	(void)fd;
	if (must(syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0)) == 0)
		scene_beat(1);
	scene_wait_beat(1);
}

/* Nobody has it, but it is on its way. */
static void how_sent(int fd)
{
	int ends[2];

	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	scene_send_fd(ends[0], fd);
	must(close(fd));
}

static const struct how {
	const char *name;
	void (*hold)(int fd);
} hows[] = {
	{ "plain", how_plain }, { "dup", how_dup },     { "cloexec", how_cloexec },
	{ "high", how_high },   { "owner", how_owner }, { "fork", how_fork },
	{ "child", how_child }, { "table", how_table }, { "sent", how_sent },
};

static void set_mkfd(int argc, char **argv)
{
	const struct kind *kind = NULL;
	const struct how *how = NULL;

	for (size_t i = 0; argc == 3 && i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, argv[0]))
			kind = &kinds[i];
	for (size_t i = 0; argc == 3 && i < sizeof(hows) / sizeof(hows[0]); i++)
		if (!strcmp(hows[i].name, argv[1]))
			how = &hows[i];
	if (!kind || !how)
		scene_die("mkfd KIND HOW PATH");
	how->hold(kind->make(argv[2]));
}

const struct scene scenes_mkfd[] = {
	{ "mkfd", set_mkfd },
	{ NULL, NULL },
};
