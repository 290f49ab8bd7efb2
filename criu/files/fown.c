// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/fown.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/error.h"

/* fcntl.h of the kernel; in images pid_type is enum pid_type of include/linux/pid.h. */
#define GETOWNER_UIDS 17
#define PID_TYPE_PID  0
#define PID_TYPE_TGID 1
#define PID_TYPE_PGID 2

int fown_get(int fd, struct file_owner *ret)
{
	struct file_owner o = { 0 };
	uint32_t uids[2] = { 0 };

	if (fcntl(fd, F_GETOWN_EX, &o.who) < 0)
		return fail(errno, "F_GETOWN_EX");
	if (o.who.pid && fcntl(fd, GETOWNER_UIDS, uids) < 0)
		return fail(errno, "F_GETOWNER_UIDS");
	o.uid = uids[0];
	o.euid = uids[1];
	*ret = o;
	return 0;
}

int fown_dump(int lfd, FownEntry *ret)
{
	FownEntry e = FOWN_ENTRY__INIT;
	struct file_owner owner = { 0 };
	int sig = fcntl(lfd, F_GETSIG), r;

	/* An O_PATH descriptor has no owner and says EBADF. */
	if (sig < 0 && errno == EBADF) {
		*ret = e;
		return 0;
	}
	r = sig < 0 ? fail(errno, "F_GETSIG") : fown_get(lfd, &owner);
	if (r < 0)
		return r;
	e.signum = (uint32_t)sig;
	if (owner.who.pid) {
		e.uid = owner.uid;
		e.euid = owner.euid;
		e.pid = (uint32_t)owner.who.pid;
		e.pid_type = owner.who.type == F_OWNER_TID    ? PID_TYPE_PID
			     : owner.who.type == F_OWNER_PGRP ? PID_TYPE_PGID
							      : PID_TYPE_TGID;
	}
	*ret = e;
	return 0;
}

int fown_dump_probe(const struct fd_probe *p, FownEntry *ret)
{
	const FownEntry none = FOWN_ENTRY__INIT;

	if (!p->no_owner)
		return fown_dump(p->lfd, ret);
	*ret = none;
	return 0;
}

/* To the kernel, who sends the signal later is who makes this call now: with these ids, as far
 * as we may. The third id stays that of root, and with it all that we may. */
int fown_set(int fd, const struct file_owner *o)
{
	bool other = (o->uid || o->euid) && !getuid() && !geteuid();
	int dumpable = other ? prctl(PR_GET_DUMPABLE) : 0, r;

	if (other && syscall(SYS_setresuid, o->uid, o->euid, 0) < 0)
		return fail(errno, "F_SETOWN as user %u", o->uid);
	r = fcntl(fd, F_SETOWN_EX, &o->who) < 0 ? -errno : 0;
	if (other && syscall(SYS_setresuid, 0, 0, 0) < 0)
		return fail(errno, "F_SETOWN as user %u, and back", o->uid);
	/* 0 since then; 2 cannot be set. */
	if (other && dumpable == 1)
		prctl(PR_SET_DUMPABLE, dumpable);
	return r < 0 ? fail(-r, "F_SETOWN pid %d", (int)o->who.pid) : 0;
}

int fown_restore(int fd, const FownEntry *e)
{
	struct file_owner o = { .who.pid = (pid_t)e->pid, .uid = e->uid, .euid = e->euid };

	if (e->signum && fcntl(fd, F_SETSIG, (int)e->signum) < 0)
		return fail(errno, "F_SETSIG %u", e->signum);
	if (!e->pid)
		return 0;
	o.who.type = e->pid_type == PID_TYPE_PID    ? F_OWNER_TID
		     : e->pid_type == PID_TYPE_PGID ? F_OWNER_PGRP
						    : F_OWNER_PID;
	return fown_set(fd, &o);
}

int status_restore(int fd, uint32_t flags, const FownEntry *e)
{
	if (fcntl(fd, F_SETFL, (int)flags) < 0)
		return fail(errno, "F_SETFL %o", flags);
	return fown_restore(fd, e);
}
