// SPDX-License-Identifier: GPL-2.0-only
#include "criu/sock/as.h"

#include <errno.h>
#include <grp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/kernel/syscalls.h"

#define GROUPS_MOST 65536 /* NGROUPS_MAX */

/* What is to be put back. */
struct was {
	uid_t uid;
	gid_t gid;
	int securebits;
	gid_t *groups;
	int nr_groups; /* -1: they were not changed */
};

static int groups_set(const struct identity *id, struct was *was)
{
	int nr = getgroups(0, NULL);

	was->nr_groups = -1;
	if (nr < 0)
		return -errno;
	was->groups = mem_alloc(((size_t)nr + 1) * sizeof(gid_t));
	nr = getgroups(nr, was->groups);
	if (nr < 0)
		return -errno;
	if ((size_t)nr == id->nr_groups &&
	    !memcmp(was->groups, id->groups, (size_t)nr * sizeof(gid_t)))
		return 0;
	if (setgroups(id->nr_groups, id->groups) < 0)
		return -errno;
	was->nr_groups = nr;
	return 0;
}

static int ids_back(struct was *was)
{
	int r = 0;

	if (syscall(SYS_setresuid, -1, was->uid, -1) < 0 ||
	    syscall(SYS_setresgid, -1, was->gid, -1) < 0 ||
	    (was->nr_groups >= 0 && setgroups((size_t)was->nr_groups, was->groups) < 0) ||
	    prctl(PR_SET_SECUREBITS, was->securebits) < 0)
		r = -errno;
	free(was->groups);
	return r;
}

/*
 * Bare system calls: libc would change all threads. Real and saved ids stay, and lead back; so do
 * all capabilities: what was possible once may be possible only by these now.
 */
static int run_with_ids(const struct identity *id, int (*fn)(void *ctx), void *ctx)
{
	struct was was = { geteuid(), getegid(), prctl(PR_GET_SECUREBITS), NULL, -1 };
	int r = groups_set(id, &was), back;

	if (r >= 0 && prctl(PR_SET_SECUREBITS, was.securebits | SECBIT_NO_SETUID_FIXUP) < 0)
		r = -errno;
	if (r >= 0 && was.gid != id->gid && syscall(SYS_setresgid, -1, id->gid, -1) < 0)
		r = -errno;
	if (r >= 0 && was.uid != id->uid && syscall(SYS_setresuid, -1, id->uid, -1) < 0)
		r = -errno;
	if (r >= 0)
		r = fn(ctx);
	back = ids_back(&was);
	return r < 0 ? r : back;
}

/* -EEXIST: the number is taken. */
static int run_in_child(const struct identity *id, int (*fn)(void *ctx), void *ctx)
{
	pid_t pid = sys_clone_pid(CLONE_FILES | CLONE_FS, 0, id->pid);
	int status = 0;

	if (pid == 0)
		_exit(-run_with_ids(id, fn, ctx) & 0xff);
	if (pid < 0)
		return pid;
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	if (!WIFEXITED(status))
		return -ECHILD;
	return -WEXITSTATUS(status);
}

int as_identity(const struct identity *id, int (*fn)(void *ctx), void *ctx)
{
	int r;

	if (!id->pid)
		return fn(ctx);
	if (id->pid == getpid())
		return run_with_ids(id, fn, ctx);
	r = run_in_child(id, fn, ctx);
	if (r != -EEXIST)
		return r;
	log_warn("pid %d is taken: SO_PEERCRED of a socket will show pid %d", (int)id->pid,
		 (int)getpid());
	return run_with_ids(id, fn, ctx);
}
