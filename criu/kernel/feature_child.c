// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/kernel/feature_probe.h"

int probe_missing(int err)
{
	switch (err) {
	case ENOSYS:
	case EINVAL:
	case ENOTTY:
	case ENOENT:
	case ENODEV:
	case ENXIO:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case EAFNOSUPPORT:
	case EPROTONOSUPPORT:
	case ESOCKTNOSUPPORT:
		return 0;
	default:
		return -err;
	}
}

/* A result in an exit code: 0 and 1 as they are, -errno from 2 on (errno is below 134). */
static int code_of(int r)
{
	return r >= 0 ? r > 0 : 2 - r > 255 ? 255 : 2 - r;
}

static int result_of(int status)
{
	int code = WEXITSTATUS(status);

	if (!WIFEXITED(status))
		return 0;
	return code < 2 ? code : 2 - code;
}

/* fork without a SIGCHLD at the end: nobody else's wait() or handler may see this child. */
static pid_t child_new(void)
{
	pid_t parent = getpid(), pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);

	if (pid < 0)
		return -errno;
	if (!pid) {
		/* Who died before that sends no signal; 0 is a parent outside of our namespace. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent && getppid() != 0)
			_exit(0);
	}
	return pid;
}

static int child_wait(pid_t pid, int *ret_status)
{
	while (waitpid(pid, ret_status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int probe_in_child(int (*fn)(void))
{
	pid_t pid = child_new();
	int status, r;

	if (!pid)
		_exit(code_of(fn()));
	if (pid < 0)
		return pid;
	r = child_wait(pid, &status);
	return r < 0 ? r : result_of(status);
}

int probe_in_netns(int (*fn)(void))
{
	pid_t pid = child_new();
	int status, r;

	if (!pid)
		_exit(code_of(unshare(CLONE_NEWNET) < 0 ? probe_missing(errno) : fn()));
	if (pid < 0)
		return pid;
	r = child_wait(pid, &status);
	return r < 0 ? r : result_of(status);
}

/* Only the mount that the tmpfs lies on has to be private for nothing to leak out. */
static int tmpfs_run(int (*fn)(int procfd))
{
	int procfd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (procfd < 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount(NULL, "/proc", NULL, MS_PRIVATE, NULL) < 0 ||
	    mount("crtool", "/proc", "tmpfs", 0, "size=1m") < 0)
		return -errno;
	return fn(procfd);
}

int probe_in_tmpfs(int (*fn)(int procfd))
{
	pid_t pid = child_new();
	int status, r;

	if (!pid)
		_exit(code_of(tmpfs_run(fn)));
	if (pid < 0)
		return pid;
	r = child_wait(pid, &status);
	return r < 0 ? r : result_of(status);
}

/* Tells over the pipe how setup went, then waits to be killed. */
static void tracee_run(int fd, int (*setup)(void))
{
	int r = setup ? setup() : 0;

	if (write(fd, &r, sizeof(r)) != (ssize_t)sizeof(r))
		_exit(1);
	for (;;)
		pause();
}

int probe_tracee_wait(pid_t pid)
{
	siginfo_t info;

	while (waitid(P_PID, (id_t)pid, &info, WEXITED | WSTOPPED | WNOWAIT | __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return info.si_code == CLD_TRAPPED ? info.si_status & 0xff : -ECHILD;
}

static int tracee_stop(pid_t pid, unsigned long options, int fd)
{
	int setup = 0, r;

	if (read(fd, &setup, sizeof(setup)) != (ssize_t)sizeof(setup))
		return -EIO;
	if (setup < 0)
		return setup;
	if (ptrace(PTRACE_SEIZE, pid, 0, options) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0)
		return -errno;
	r = probe_tracee_wait(pid);
	return r < 0 ? r : 0;
}

int probe_tracee(unsigned long options, int (*setup)(void), int (*fn)(pid_t pid))
{
	cleanup_close int fd = -1;
	int pipe_fds[2], r, status;
	pid_t pid;

	if (pipe2(pipe_fds, O_CLOEXEC) < 0)
		return -errno;
	fd = pipe_fds[0];
	pid = child_new();
	if (!pid)
		tracee_run(pipe_fds[1], setup);
	close(pipe_fds[1]);
	if (pid < 0)
		return pid;
	r = tracee_stop(pid, options, fd);
	if (!r)
		r = fn(pid);
	if (kill(pid, SIGKILL) == 0)
		while (child_wait(pid, &status) == 0 && WIFSTOPPED(status))
			;
	return r;
}

/* The end of a piece is kept before the next one, so that a match over the edge is seen. */
int probe_file_has(int dirfd, const char *path, const char *text)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	size_t kept = 0, len = strlen(text);
	char buf[8192];

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n = read(fd, buf + kept, sizeof(buf) - kept);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		kept += (size_t)n;
		if (memmem(buf, kept, text, len))
			return 1;
		if (kept < len)
			continue;
		memmove(buf, buf + kept - (len - 1), len - 1);
		kept = len - 1;
	}
}
