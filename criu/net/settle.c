// SPDX-License-Identifier: GPL-2.0-only
/*
 * A packet that had passed the place of the lock before that was made may still be on its way to
 * its socket. Packets are handled in softirqs, which nothing but interrupts gets in the way of: a
 * thread that has run on a processor after the lock was made knows that none is under way there.
 * So we go to each in turn, which takes some 20 us. Where we may not, or where softirqs are threads
 * like others (PREEMPT_RT), the kernel itself is asked to wait, which takes ten milliseconds:
 * packets are handled under rcu_read_lock(), and MEMBARRIER_CMD_GLOBAL is synchronize_rcu().
 */
#include <errno.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/net/lock.h"

/* Of the kernel: more has to be asked for otherwise. */
static int visit_all(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN), visited = 0;
	cpu_set_t had, one;

	if (sched_getaffinity(0, sizeof(had), &had) < 0)
		return -errno;
	for (int cpu = 0; cpu < CPU_SETSIZE && visited < online; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		visited += sched_setaffinity(0, sizeof(one), &one) == 0;
	}
	if (sched_setaffinity(0, sizeof(had), &had) < 0)
		return -errno;
	return visited == online ? 0 : -EPERM;
}

/* Other threads there would have us wait for milliseconds. */
static int visit_first(void)
{
	struct sched_param had, first = { .sched_priority = 1 };
	int policy = sched_getscheduler(0), r;

	if (policy < 0 || sched_getparam(0, &had) < 0 ||
	    sched_setscheduler(0, SCHED_FIFO, &first) < 0)
		return visit_all();
	r = visit_all();
	sched_setscheduler(0, policy, &had);
	return r;
}

int netlock_settle(void)
{
	if (access("/sys/kernel/realtime", F_OK) < 0 && visit_first() == 0)
		return 0;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		return fail(errno, "network lock: wait for packets under way");
	return 0;
}
