// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/mount.h>
#include <linux/sockios.h>
#include <linux/un.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/feature_probe.h"
#include "criu/kernel/kcmp.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/syscalls.h"

/* sys/mount.h and linux/mount.h of Debian 12 exclude each other. */
extern int mount(const char *source, const char *target, const char *type, unsigned long flags,
		 const void *data);

static int self_fdinfo(int fd, struct proc_fdinfo *ret)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int dirfd = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dirfd < 0)
		return -errno;
	return proc_fdinfo_read(dirfd, fd, &b, ret);
}

int probe_mnt_id(void)
{
	cleanup_close int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	struct proc_fdinfo info = { 0 };
	int r;

	if (fd < 0)
		return -errno;
	r = self_fdinfo(fd, &info);
	return r < 0 ? r : info.mnt_id >= 0;
}

/* Everything of a timer can be read, and its expirations written back. */
int probe_timerfd(void)
{
	cleanup_close int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	struct proc_fdinfo info = { 0 };
	uint64_t ticks = 3;
	int r;

	if (fd < 0)
		return probe_missing(errno);
	if (ioctl(fd, TFD_IOC_SET_TICKS, &ticks) < 0)
		return probe_missing(errno);
	r = self_fdinfo(fd, &info);
	if (r < 0)
		return r;
	return info.has_timerfd && info.clockid == CLOCK_MONOTONIC && info.ticks == ticks;
}

int probe_fdinfo_lock(void)
{
	cleanup_close int fd = memfd_create("crtool", MFD_CLOEXEC);
	struct proc_fdinfo info = { 0 };
	int r;

	if (fd < 0)
		return probe_missing(errno);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	r = self_fdinfo(fd, &info);
	return r < 0 ? r : info.nr_locks == 1;
}

int probe_kcmp_epoll(void)
{
	cleanup_close int efd = epoll_create1(EPOLL_CLOEXEC);
	cleanup_close int target = eventfd(0, EFD_CLOEXEC);
	struct epoll_event event = { .events = EPOLLIN };
	int r, order = 1;

	if (efd < 0 || target < 0 || epoll_ctl(efd, EPOLL_CTL_ADD, target, &event) < 0)
		return -errno;
	r = kcmp_epoll(getpid(), target, getpid(), efd, target, 0, &order);
	return r < 0 ? probe_missing(-r) : order == 0;
}

int probe_openat2(void)
{
	cleanup_close int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	cleanup_close int fd = -1;

	if (root < 0)
		return -errno;
	fd = sys_open_in_root(root, "..", O_PATH | O_CLOEXEC, 0, RESOLVE_NO_MAGICLINKS);
	return fd < 0 ? probe_missing(-fd) : 1;
}

/* A process that is named by a descriptor, and a descriptor of it. */
int probe_pidfd_store(void)
{
	cleanup_close int pidfd = sys_pidfd_open(getpid(), 0);
	cleanup_close int fd = -1;

	if (pidfd < 0)
		return probe_missing(-pidfd);
	fd = sys_pidfd_getfd(pidfd, pidfd);
	if (fd < 0)
		return probe_missing(-fd);
	return sys_pidfd_send_signal(pidfd, 0, NULL) == 0;
}

int probe_pidfd_thread(void)
{
	cleanup_close int pidfd = sys_pidfd_open(getpid(), PIDFD_THREAD);

	return pidfd < 0 ? probe_missing(-pidfd) : 1;
}

int probe_tun(void)
{
	cleanup_close int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	unsigned int features = 0;

	if (fd < 0)
		return probe_missing(errno);
	if (ioctl(fd, TUNGETFEATURES, &features) < 0)
		return probe_missing(errno);
	return (features & (IFF_TUN | IFF_TAP)) == (IFF_TUN | IFF_TAP);
}

/* The child writes its own value back: what a restore has to do. */
static int loginuid_child(void)
{
	cleanup_close int fd = open("/proc/self/loginuid", O_RDWR | O_CLOEXEC);
	char text[32];
	ssize_t n;

	if (fd < 0)
		return probe_missing(errno);
	n = read(fd, text, sizeof(text));
	if (n <= 0 || pwrite(fd, text, (size_t)n, 0) != n)
		return n ? -errno : 0;
	return 1;
}

int probe_loginuid(void)
{
	return probe_in_child(loginuid_child);
}

int probe_ns_pid(void)
{
	return probe_file_has(AT_FDCWD, "/proc/self/status", "\nNSpid:\t");
}

int probe_apparmor_stacking(void)
{
	int r =
	    probe_file_has(AT_FDCWD, "/sys/kernel/security/apparmor/features/domain/stack", "yes");

	return r < 0 ? probe_missing(-r) : r;
}

static int unix_file_child(int procfd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/proc/s" };
	cleanup_close int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cleanup_close int path = -1;

	(void)procfd;
	if (fd < 0 || bind(fd, (const void *)&addr, sizeof(addr)) < 0)
		return -errno;
	path = ioctl(fd, SIOCUNIXFILE);
	return path < 0 ? probe_missing(errno) : 1;
}

int probe_sk_unix_file(void)
{
	return probe_in_tmpfs(unix_file_child);
}

/* Which pipe the daemon listens on is in the mount's options. */
static int autofs_child(int procfd)
{
	char options[96];
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0 || mkdir("/proc/a", 0755) < 0)
		return -errno;
	snprintf(options, sizeof(options), "fd=%d,pgrp=%d,minproto=5,maxproto=5,indirect", fds[1],
		 (int)getpgrp());
	if (mount("crtool", "/proc/a", "autofs", 0, options) < 0)
		return probe_missing(errno);
	return probe_file_has(procfd, "self/mountinfo", "pipe_ino=");
}

int probe_autofs(void)
{
	return probe_in_tmpfs(autofs_child);
}

/* /proc is shared and /proc/b a private bind of it: b is made a member of the peer group. */
static int set_group_child(int procfd)
{
	(void)procfd;
	if (mount(NULL, "/proc", NULL, MS_SHARED, NULL) < 0 || mkdir("/proc/b", 0755) < 0 ||
	    mount("/proc", "/proc/b", NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, "/proc/b", NULL, MS_PRIVATE, NULL) < 0)
		return -errno;
	if (syscall(SYS_move_mount, AT_FDCWD, "/proc", AT_FDCWD, "/proc/b", MOVE_MOUNT_SET_GROUP) <
	    0)
		return probe_missing(errno);
	return 1;
}

int probe_move_mount_set_group(void)
{
	return probe_in_tmpfs(set_group_child);
}

static int overlay_mount(void)
{
	cleanup_close int fd = -1;

	if (mkdir("/proc/1", 0755) < 0 || mkdir("/proc/2", 0755) < 0 || mkdir("/proc/m", 0755) < 0)
		return -errno;
	fd = open("/proc/1/f", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, PAGE_BYTES) < 0)
		return -errno;
	if (mount("crtool", "/proc/m", "overlay", 0, "lowerdir=/proc/1:/proc/2") < 0)
		return probe_missing(errno);
	return 1;
}

/* maps and map_files must name the file of the overlay, not the one of the layer below. */
static int overlay_child(int procfd)
{
	char text[160], link[32] = "";
	struct stat st, mapped;
	unsigned long at;
	int fd, r = overlay_mount();
	void *p;

	if (r <= 0)
		return r;
	fd = open("/proc/m/f", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	p = mmap(NULL, PAGE_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	at = (unsigned long)p;
	snprintf(text, sizeof(text), "self/map_files/%lx-%lx", at, at + PAGE_BYTES);
	r = proc_link(procfd, text, link, sizeof(link));
	if (r < 0 || fstatat(procfd, text, &mapped, 0) < 0)
		return r < 0 ? r : -errno;
	if (strcmp(link, "/proc/m/f") != 0 || mapped.st_dev != st.st_dev ||
	    mapped.st_ino != st.st_ino)
		return 0;
	snprintf(text, sizeof(text), "%08lx-%08lx r--s 00000000 %02x:%02x %lu ", at,
		 at + PAGE_BYTES, major(st.st_dev), minor(st.st_dev), (unsigned long)st.st_ino);
	return probe_file_has(procfd, "self/maps", text);
}

int probe_overlayfs_maps(void)
{
	return probe_in_tmpfs(overlay_child);
}
