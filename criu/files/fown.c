// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/fown.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>

#include "criu/base/error.h"

/* fcntl.h of the kernel; in images pid_type is enum pid_type of include/linux/pid.h. */
#define GETOWNER_UIDS 17
#define PID_TYPE_PID  0
#define PID_TYPE_TGID 1
#define PID_TYPE_PGID 2

int fown_dump(int lfd, FownEntry *ret)
{
	FownEntry e = FOWN_ENTRY__INIT;
	struct f_owner_ex owner = { 0 };
	uint32_t uids[2] = { 0 };
	int sig;

	/* An O_PATH descriptor has no owner and says EBADF. */
	if (fcntl(lfd, F_GETOWN_EX, &owner) < 0) {
		if (errno != EBADF)
			return fail(errno, "F_GETOWN_EX");
		*ret = e;
		return 0;
	}
	sig = fcntl(lfd, F_GETSIG);
	if (sig < 0)
		return fail(errno, "F_GETSIG");
	e.signum = (uint32_t)sig;
	if (owner.pid) {
		if (fcntl(lfd, GETOWNER_UIDS, uids) < 0)
			return fail(errno, "F_GETOWNER_UIDS");
		e.uid = uids[0];
		e.euid = uids[1];
		e.pid = (uint32_t)owner.pid;
		e.pid_type = owner.type == F_OWNER_TID    ? PID_TYPE_PID
			     : owner.type == F_OWNER_PGRP ? PID_TYPE_PGID
							  : PID_TYPE_TGID;
	}
	*ret = e;
	return 0;
}

/* Called before credentials change: an owner of another user is set by that user's ids in
 * the kernel, which are ours here. Only root's files are exact in that respect. */
int fown_restore(int fd, const FownEntry *e)
{
	struct f_owner_ex owner = { .pid = (int)e->pid };

	if (e->signum && fcntl(fd, F_SETSIG, (int)e->signum) < 0)
		return fail(errno, "F_SETSIG %u", e->signum);
	if (!e->pid)
		return 0;
	owner.type = e->pid_type == PID_TYPE_PID    ? F_OWNER_TID
		     : e->pid_type == PID_TYPE_PGID ? F_OWNER_PGRP
						    : F_OWNER_PID;
	if (fcntl(fd, F_SETOWN_EX, &owner) < 0)
		return fail(errno, "F_SETOWN pid %d", owner.pid);
	return 0;
}

int status_restore(int fd, uint32_t flags, const FownEntry *e)
{
	if (fcntl(fd, F_SETFL, (int)flags) < 0)
		return fail(errno, "F_SETFL %o", flags);
	return fown_restore(fd, e);
}
