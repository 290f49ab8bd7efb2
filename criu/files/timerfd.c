// SPDX-License-Identifier: GPL-2.0-only
/*
 * timerfd_create(2): clock, time left, interval, and expirations that nobody has read yet.
 * timerfd_gettime(2) first brings these up to date, as a reader would; the rest is in
 * fdinfo. Images: images/timerfd.proto. Tests: test/zdtm/static/timerfd*.
 *
 * A timer comes back with the time that it had left. One that was set to a time of day keeps
 * that time: it expires at once if it has passed meanwhile.
 */
#include <errno.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"

#define SET_TICKS _IOW('T', 0, uint64_t) /* TFD_IOC_SET_TICKS, since Linux 3.17 */
#define NSEC      1000000000ull
#define SEC_MAX   (INT64_MAX / (int64_t)NSEC)

static bool timerfd_match(const struct fd_probe *p)
{
	return str_eq(p->link, "anon_inode:[timerfd]");
}

static bool is_time_of_day(uint32_t clock, uint32_t settime_flags)
{
	return settime_flags & TFD_TIMER_ABSTIME &&
	       (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM);
}

static uint64_t now(clockid_t clock)
{
	struct timespec ts = { 0 };

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * NSEC + (uint64_t)ts.tv_nsec;
}

/* crtool's own descriptor is of the same description, and says the same. */
static int state_read(struct dump *d, int lfd, struct proc_fdinfo *ret)
{
	struct itimerspec its;
	cleanup_close int self = proc_open(getpid());
	int r;

	if (timerfd_gettime(lfd, &its) < 0)
		return fail(errno, "timerfd_gettime");
	r = self < 0 ? self : proc_fdinfo_read(self, lfd, &d->buf, ret);
	if (r >= 0 && !ret->has_timerfd)
		r = -ENODATA;
	return r < 0 ? fail(-r, "read fdinfo of a timerfd") : 0;
}

static int timerfd_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	TimerfdEntry e = TIMERFD_ENTRY__INIT;
	struct proc_fdinfo info = { 0 };
	FownEntry fown;
	int r = fown_dump_probe(p, &fown);

	if (r >= 0)
		r = state_read(d, p->lfd, &info);
	if (r < 0)
		return r;
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.fown = &fown;
	e.clockid = (uint32_t)info.clockid;
	e.ticks = info.ticks;
	e.settime_flags = info.settime_flags;
	e.vsec = (uint64_t)info.timer.it_value.tv_sec;
	e.vnsec = (uint64_t)info.timer.it_value.tv_nsec;
	e.isec = (uint64_t)info.timer.it_interval.tv_sec;
	e.insec = (uint64_t)info.timer.it_interval.tv_nsec;
	if ((e.vsec || e.vnsec) && is_time_of_day(e.clockid, e.settime_flags)) {
		e.has_expires = true;
		e.expires = now(CLOCK_REALTIME) + e.vsec * NSEC + e.vnsec;
	}
	fe.type = FD_TYPES__TIMERFD;
	fe.tfd = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

static int timerfd_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	const TimerfdEntry *e = fe->tfd;

	(void)r;
	(void)f;
	if (!e)
		return fail_plain("has no part of a timerfd");
	if (e->vnsec >= NSEC || e->insec >= NSEC || e->vsec > SEC_MAX || e->isec > SEC_MAX)
		return fail_plain("a timerfd with a time of %llu.%09llu s, every %llu.%09llu s",
				  (unsigned long long)e->vsec, (unsigned long long)e->vnsec,
				  (unsigned long long)e->isec, (unsigned long long)e->insec);
	return 0;
}

static void when(const TimerfdEntry *e, struct timespec *ret)
{
	uint64_t ns = e->vsec * NSEC + e->vnsec;

	if (!ns) { /* not armed */
		*ret = (struct timespec){ 0 };
		return;
	}
	if (e->settime_flags & TFD_TIMER_ABSTIME)
		ns = e->has_expires ? e->expires : ns + now((clockid_t)e->clockid);
	*ret = (struct timespec){ (time_t)(ns / NSEC), (long)(ns % NSEC) };
}

/* With those that have come since it was armed. */
static int ticks_set(int fd, uint64_t ticks)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t more = 0;

	if (poll(&p, 1, 0) > 0 && read(fd, &more, sizeof(more)) < 0)
		return fail(errno, "timerfd: read ticks");
	ticks += more;
	if (ioctl(fd, SET_TICKS, &ticks) < 0)
		return fail(errno, "timerfd: set %llu ticks", (unsigned long long)ticks);
	return 0;
}

static int timer_set(int fd, const TimerfdEntry *e)
{
	struct itimerspec its = {
		.it_interval = { (time_t)e->isec, (long)e->insec },
	};

	when(e, &its.it_value);
	if (timerfd_settime(fd, (int)e->settime_flags, &its, NULL) < 0)
		return fail(errno, "timerfd_settime with flags %#x", e->settime_flags);
	return e->ticks ? ticks_set(fd, e->ticks) : 0;
}

static int timerfd_open(struct restore *r, struct file *f)
{
	const TimerfdEntry *e = f->entry->tfd;
	cleanup_close int fd = timerfd_create((clockid_t)e->clockid, TFD_CLOEXEC);
	int ret;

	(void)r;
	if (fd < 0)
		return fail(errno, "timerfd of clock %u", e->clockid);
	ret = fail_at(status_restore(fd, e->flags, e->fown), "timerfd");
	return ret < 0 ? ret : take_fd(&fd);
}

static int timerfd_arm(struct restore *r, struct file *f, int fd)
{
	(void)r;
	return timer_set(fd, f->entry->tfd);
}

const struct file_kind timerfd_kind = {
	.name = "timerfd",
	.type = FD_TYPES__TIMERFD,
	.size = sizeof(struct file),
	.match = timerfd_match,
	.dump = timerfd_dump,
	.load = timerfd_load,
	.open = timerfd_open,
	.arm = timerfd_arm,
};
