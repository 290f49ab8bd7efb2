// SPDX-License-Identifier: GPL-2.0-only
/* Open files of many kinds. */
#include "test/harness/prog/scene.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>
#include <mqueue.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fanotify.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE 1
#endif

#define NOT_USED (void)argc, (void)argv

/* What the kernel may have been built without. */
static int maybe(long fd, const char *what)
{
	if (fd < 0 &&
	    (errno == ENOSYS || errno == EPERM || errno == EACCES || errno == ENODEV ||
	     errno == EAFNOSUPPORT || errno == ENOENT || errno == EINVAL || errno == EOPNOTSUPP))
		scene_skip(what);
	return (int)scene_must(fd, what);
}

/* With an event that nobody reads. */
static void set_inotify_unread(int argc, char **argv)
{
	int fd = must(inotify_init1(0));

	NOT_USED;
	must(inotify_rm_watch(fd, must(inotify_add_watch(fd, "/", IN_CREATE))));
}

static int fanotify_of(const char *path, unsigned int class, uint64_t mask)
{
	int fd = maybe(fanotify_init(class, O_RDONLY), "fanotify");

	must(mkdir(path, 0700));
	must(fanotify_mark(fd, FAN_MARK_ADD, mask, AT_FDCWD, path));
	return fd;
}

static void set_fanotify(int argc, char **argv)
{
	(void)argc;
	fanotify_of(argv[0], FAN_CLASS_NOTIF, FAN_OPEN);
}

static void set_fanotify_unread(int argc, char **argv)
{
	(void)argc;
	fanotify_of(argv[0], FAN_CLASS_NOTIF, FAN_OPEN | FAN_ONDIR);
	must(close((int)must(open(argv[0], O_RDONLY))));
}

static void set_fanotify_ask(int argc, char **argv)
{
	(void)argc;
	fanotify_of(argv[0], FAN_CLASS_CONTENT, FAN_OPEN_PERM);
}

static void set_fanotify_mount(int argc, char **argv)
{
	int fd = maybe(fanotify_init(FAN_CLASS_NOTIF, O_RDONLY), "fanotify");

	(void)argc;
	must(fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_EXEC, AT_FDCWD, argv[0]));
}

/* Open and mapped, with contents and seals. */
static void set_memfd(int argc, char **argv)
{
	int fd = (int)must(memfd_create("scene", MFD_ALLOW_SEALING));

	NOT_USED;
	must(write(fd, "scene", 5));
	if (mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		scene_die("mmap");
	must(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE | F_SEAL_GROW));
}

static void set_memfd_lock(int argc, char **argv)
{
	NOT_USED;
	must(flock((int)must(memfd_create("scene", 0)), LOCK_EX));
}

/* A page too much; none of it is there. */
static void set_secretmem_large(int argc, char **argv)
{
	NOT_USED;
	must(ftruncate(maybe(syscall(SYS_memfd_secret, 0), "secretmem"), (128 << 20) + 4096));
}

static void set_pidfd(int argc, char **argv)
{
	NOT_USED;
	must(syscall(SYS_pidfd_open, 1, 0));
}

/* Twice, and one of another. */
static void set_pidfd_reaped(int argc, char **argv)
{
	NOT_USED;
	for (int i = 0; i < 2; i++) {
		pid_t pid = (pid_t)must(fork());

		if (!pid)
			_exit(3);
		must(syscall(SYS_pidfd_open, pid, 0));
		if (i)
			must(syscall(SYS_pidfd_open, pid, O_NONBLOCK));
		must(waitpid(pid, NULL, 0));
	}
}

static void *thread_tid(void *tid)
{
	__atomic_store_n((pid_t *)tid, gettid(), __ATOMIC_SEQ_CST);
	while (pause() < 0)
		;
	return tid;
}

/* Watched, and in a queue. */
static void set_pidfd_thread(int argc, char **argv)
{
	static pid_t tid;
	struct epoll_event e = { .events = EPOLLIN };
	pthread_t thread;
	int fd, ends[2];

	NOT_USED;
	pthread_create(&thread, NULL, thread_tid, &tid);
	while (!__atomic_load_n(&tid, __ATOMIC_SEQ_CST))
		sched_yield();
	fd = maybe(syscall(SYS_pidfd_open, tid, O_EXCL), "PIDFD_THREAD");
	must(epoll_ctl((int)must(epoll_create1(0)), EPOLL_CTL_ADD, fd, &e));
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends));
	scene_send_fd(ends[0], fd);
}

static void set_userfaultfd(int argc, char **argv)
{
	NOT_USED;
	maybe(syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY), "userfaultfd");
}

/* A filter that lets all pass. */
static void set_tap_filter(int argc, char **argv)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	struct sock_filter all = BPF_STMT(BPF_RET | BPF_K, 65535);
	struct sock_fprog filter = { 1, &all };
	int fd = open("/dev/net/tun", O_RDWR);

	NOT_USED;
	maybe(fd, "/dev/net/tun");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "zs%d", (int)getpid());
	must(ioctl(fd, TUNSETIFF, &ifr));
	must(ioctl(fd, TUNATTACHFILTER, &filter));
}

static void set_tun(int argc, char **argv)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR);

	(void)argc;
	maybe(fd, "/dev/net/tun");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", argv[0]);
	must(ioctl(fd, TUNSETIFF, &ifr));
}

static int ring_new(unsigned int flags, struct io_uring_params *p)
{
	int fd;

	*p = (struct io_uring_params){ .flags = flags };
	fd = (int)syscall(SYS_io_uring_setup, 4, p);
	maybe(fd, "io_uring");
	return fd;
}

/* It waits until a pipe can be read, which will never be. */
static void set_uring_busy(int argc, char **argv)
{
	struct io_uring_params p;
	int fd = ring_new(0, &p), ends[2];
	char *ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
	struct io_uring_sqe *sqe =
	    mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);

	NOT_USED;
	must(pipe(ends));
	must(ring == MAP_FAILED || sqe == MAP_FAILED ? -1 : 0);
	sqe->opcode = IORING_OP_POLL_ADD;
	sqe->fd = ends[0];
	sqe->poll32_events = POLLIN;
	*(uint32_t *)(void *)(ring + p.sq_off.tail) = 1;
	must(syscall(SYS_io_uring_enter, fd, 1, 0, 0, NULL, 0));
}

/* A thread of the kernel has the name of who made it, until it has begun. */
static bool has_begun(const char *name)
{
	DIR *dir = opendir("/proc/self/task");
	bool found = false;

	must(dir ? 0 : -1);
	for (struct dirent *e; !found && (e = readdir(dir));) {
		char path[300], comm[16] = "";
		int fd;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", e->d_name);
		fd = open(path, O_RDONLY);
		found = fd >= 0 && read(fd, comm, sizeof(comm)) > 0 &&
			!strncmp(comm, name, strlen(name));
		close(fd);
	}
	closedir(dir);
	return found;
}

static void set_uring_poller(int argc, char **argv)
{
	struct io_uring_params p;

	NOT_USED;
	ring_new(IORING_SETUP_SQPOLL, &p);
	while (!has_begun("iou-sqp-"))
		usleep(1000);
}

/* Only its mapping is left. */
static void set_uring_closed(int argc, char **argv)
{
	struct io_uring_params p;
	int fd = ring_new(0, &p);

	NOT_USED;
	must(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, IORING_OFF_SQ_RING) == MAP_FAILED ? -1
											   : 0);
	close(fd);
}

/* It has a file that is behind no descriptor any more. */
static void set_uring_file(int argc, char **argv)
{
	struct io_uring_params p;
	int ring = ring_new(0, &p), file = open("/dev/null", O_RDONLY);

	NOT_USED;
	must(syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &file, 1));
	close(file);
}

static void set_uring(int argc, char **argv)
{
	struct io_uring_params p;

	NOT_USED;
	ring_new(0, &p);
}

static void set_perf(int argc, char **argv)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .size = sizeof(a),
				     .config = PERF_COUNT_SW_CPU_CLOCK };

	NOT_USED;
	maybe(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0), "perf events");
}

static void set_many_perfs(int argc, char **argv)
{
	for (int i = atoi(argv[0]); i > 0; i--)
		set_perf(argc, argv);
}

static int bpf_map_new(uint32_t type, uint32_t key_size)
{
	union bpf_attr a = { .map_type = type,
			     .key_size = key_size,
			     .value_size = 4,
			     .max_entries = 1,
			     .map_name = "scene" };

	return maybe(syscall(SYS_bpf, BPF_MAP_CREATE, &a, sizeof(a)), "bpf");
}

static void set_bpf_queue(int argc, char **argv)
{
	NOT_USED;
	bpf_map_new(BPF_MAP_TYPE_QUEUE, 0);
}

/* A program that has a map, which would go on with the old one. */
static void set_bpf_used(int argc, char **argv)
{
	const struct bpf_insn code[] = {
		{ .code = BPF_LD | BPF_DW | BPF_IMM,
		  .dst_reg = BPF_REG_1,
		  .src_reg = BPF_PSEUDO_MAP_FD,
		  .imm = bpf_map_new(BPF_MAP_TYPE_ARRAY, 4) },
		{ .code = 0 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr a = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
			     .insns = (uintptr_t)code,
			     .insn_cnt = sizeof(code) / sizeof(code[0]),
			     .license = (uintptr_t) "GPL",
			     .prog_name = "scene" };

	NOT_USED;
	maybe(syscall(SYS_bpf, BPF_PROG_LOAD, &a, sizeof(a)), "bpf");
}

/* Deleted under the first name, and there under the second. */
static void set_linked(int argc, char **argv)
{
	(void)argc;
	must(open(argv[0], O_RDWR | O_CREAT | O_EXCL, 0644));
	must(link(argv[0], argv[1]));
	must(unlink(argv[0]));
}

static void *open_own(void *arg)
{
	must(open("/proc/thread-self/stat", O_RDONLY));
	return arg;
}

/* Of a process that has ended. */
static void set_proc_ended(int argc, char **argv)
{
	char path[64];
	int pid = (int)must(fork());

	NOT_USED;
	if (pid == 0)
		for (;;)
			pause();
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	must(open(path, O_RDONLY));
	must(kill(pid, SIGKILL));
	must(waitpid(pid, NULL, 0));
}

/* Of a thread that has ended. */
static void set_proc_gone(int argc, char **argv)
{
	pthread_t thread;

	NOT_USED;
	must(pthread_create(&thread, NULL, open_own, NULL));
	must(pthread_join(thread, NULL));
}

/* On a mount that is nowhere: the first argument is a directory. */
static void set_detached(int argc, char **argv)
{
	(void)argc;
	maybe(syscall(SYS_open_tree, AT_FDCWD, argv[0], OPEN_TREE_CLONE), "open_tree");
}

/* Another namespace than that of all processes. */
static void set_nsfile(int argc, char **argv)
{
	int own = (int)must(open("/proc/self/ns/uts", O_RDONLY)), other;

	NOT_USED;
	maybe(unshare(CLONE_NEWUTS), "unshare");
	other = (int)must(open("/proc/self/ns/uts", O_RDONLY));
	must(setns(own, CLONE_NEWUTS));
	must(dup2(other, own));
	must(close(other));
}

/* --- files: the first argument is a path ---------------------------------------- */

/* mqueue NAME [gone] [notify]: with two messages, without its name, with somebody to be told. */
static void set_mqueue(int argc, char **argv)
{
	struct mq_attr attr = { .mq_maxmsg = 3, .mq_msgsize = 40 };
	struct sigevent event = { .sigev_notify = SIGEV_NONE };
	mqd_t q = (mqd_t)must(mq_open(argv[0], O_RDWR | O_CREAT | O_EXCL, 0600, &attr));

	must(mq_send(q, "the lower", 9, 1));
	must(mq_send(q, "the higher", 10, 2));
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "gone"))
			must(mq_unlink(argv[0]));
		else
			must(mq_notify(q, &event));
}

static void set_fifo(int argc, char **argv)
{
	(void)argc;
	must(mkfifo(argv[0], 0600));
	must(open(argv[0], O_RDWR));
}

static void set_fifo_gone(int argc, char **argv)
{
	set_fifo(argc, argv);
	must(unlink(argv[0]));
}

static int file_new(const char *path)
{
	int fd = (int)must(open(path, O_RDWR | O_CREAT | O_EXCL, 0644));

	must(write(fd, "scene", 5));
	return fd;
}

static void set_file(int argc, char **argv)
{
	for (int i = 0; i < argc; i++)
		must(open(argv[i], O_RDWR));
}

static void set_deleted(int argc, char **argv)
{
	(void)argc;
	file_new(argv[0]);
	must(unlink(argv[0]));
}

static void set_flock(int argc, char **argv)
{
	(void)argc;
	must(flock(file_new(argv[0]), LOCK_EX));
}

static void set_posix_lock(int argc, char **argv)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 3 };

	(void)argc;
	must(fcntl(file_new(argv[0]), F_SETLK, &l));
}

static void set_ofd_lock(int argc, char **argv)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	(void)argc;
	must(fcntl(file_new(argv[0]), F_OFD_SETLK, &l));
}

static void set_many_locks(int argc, char **argv)
{
	struct flock l = { .l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int fd = file_new(argv[0]);

	(void)argc;
	must(flock(fd, LOCK_EX));
	must(fcntl(fd, F_SETLK, &l));
	l.l_start = 2;
	must(fcntl(fd, F_SETLK, &l));
}

/* And a FIFO with two packets, and bytes that are none. */
static void set_locks_and_packets(int argc, char **argv)
{
	char path[4096];
	int fd;

	set_many_locks(argc, argv);
	snprintf(path, sizeof(path), "%s.fifo", argv[0]);
	must(mkfifo(path, 0600));
	fd = (int)must(open(path, O_RDWR));
	must(fcntl(fd, F_SETFL, O_DIRECT));
	must(write(fd, "one", 3));
	must(write(fd, "two", 3));
	must(fcntl(fd, F_SETFL, 0));
	must(write(fd, "three", 5));
}

static void set_lease(int argc, char **argv)
{
	(void)argc;
	must(fcntl(file_new(argv[0]), F_SETLEASE, F_WRLCK));
}

/* Does not hear of it when the lease is to be given up. */
static void set_lease_patient(int argc, char **argv)
{
	must(signal(SIGIO, SIG_IGN) == SIG_ERR ? -1 : 0);
	set_lease(argc, argv);
}

/* The first mem device that crtool does not keep. */
static void set_device(int argc, char **argv)
{
	NOT_USED;
	maybe(open("/dev/fuse", O_RDWR), "/dev/fuse");
}

/* Two sorts of things in one process. */
static void set_several(int argc, char **argv)
{
	set_perf(argc, argv);
	set_nsfile(argc, argv);
}

/* What an option helps against, and what none does. */
static void set_flock_perf(int argc, char **argv)
{
	set_flock(argc, argv);
	set_perf(argc, argv);
}

const struct scene scenes_fd[] = {
	{ "inotify-unread", set_inotify_unread },
	{ "fanotify", set_fanotify },
	{ "fanotify-unread", set_fanotify_unread },
	{ "fanotify-ask", set_fanotify_ask },
	{ "fanotify-mount", set_fanotify_mount },
	{ "memfd", set_memfd },
	{ "memfd-lock", set_memfd_lock },
	{ "secretmem-large", set_secretmem_large },
	{ "pidfd", set_pidfd },
	{ "pidfd-reaped", set_pidfd_reaped },
	{ "pidfd-thread", set_pidfd_thread },
	{ "userfaultfd", set_userfaultfd },
	{ "tap-filter", set_tap_filter },
	{ "tun", set_tun },
	{ "io_uring", set_uring },
	{ "io_uring-busy", set_uring_busy },
	{ "io_uring-poller", set_uring_poller },
	{ "io_uring-closed", set_uring_closed },
	{ "io_uring-file", set_uring_file },
	{ "perf", set_perf },
	{ "many-perfs", set_many_perfs },
	{ "bpf-queue", set_bpf_queue },
	{ "bpf-used", set_bpf_used },
	{ "nsfile", set_nsfile },
	{ "linked", set_linked },
	{ "proc-ended", set_proc_ended },
	{ "proc-gone", set_proc_gone },
	{ "detached", set_detached },
	{ "mqueue", set_mqueue },
	{ "fifo", set_fifo },
	{ "fifo-gone", set_fifo_gone },
	{ "file", set_file },
	{ "deleted", set_deleted },
	{ "flock", set_flock },
	{ "posix-lock", set_posix_lock },
	{ "ofd-lock", set_ofd_lock },
	{ "lease", set_lease },
	{ "lease-patient", set_lease_patient },
	{ "many-locks", set_many_locks },
	{ "locks-and-packets", set_locks_and_packets },
	{ "device", set_device },
	{ "several", set_several },
	{ "flock-perf", set_flock_perf },
	{ NULL, NULL },
};
