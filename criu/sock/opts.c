// SPDX-License-Identifier: GPL-2.0-only
/*
 * Options that all sockets have, socket(7): read by getsockopt(2) through crtool's own
 * descriptor, which changes nothing, and set again by the task. Images: images/sk-opts.proto.
 * Tests: test/unit/sk_opts.c, test/zdtm/static/sock_opts*.
 *
 * Not read: SO_ERROR, which would take it away. Not to be had: SO_BUSY_POLL_BUDGET, which has no
 * getsockopt; SO_TXTIME with CLOCK_REALTIME and no flags, which looks as if it were not set; the
 * program of a reuseport group.
 */
#include "criu/sock/opts.h"

#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/net_tstamp.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/uapi.h"

/* The names without a suffix depend on the size of time_t. */
#define TIMESTAMP_OLD    29
#define TIMESTAMPNS_OLD  35
#define TIMESTAMPING_OLD 37
#define TIMESTAMP_NEW    63
#define TIMESTAMPNS_NEW  64
#define TIMESTAMPING_NEW 65

#define PACING_UNLIMITED UINT64_MAX
#define BUF_LOCK_ALL     3u
#define ALL_RIGHTS       07777u
#define NEW_RIGHTS       0777u /* of a new socket: net/socket.c, sock_alloc() */

enum when { EARLY, LATE, BOTH };

/* Options of one int. */
struct option_row {
	int name;
	const char *text;
	size_t has, value; /* in SkOptsEntry, 32 bits each */
	enum when when;
	int standard; /* of a new socket: not in images */
	bool varies; /* of a new socket it is not the same everywhere: always in images */
};

#define ROW(name_, field_, when_, standard_)                                                       \
	{                                                                                          \
		.name = name_, .text = #name_, .has = offsetof(SkOptsEntry, has_##field_),         \
		.value = offsetof(SkOptsEntry, field_), .when = when_, .standard = standard_       \
	}

/* As they are set. */
static const struct option_row rows[] = {
	/* A raw socket begins with it. */
	{ SO_REUSEADDR, "SO_REUSEADDR", offsetof(SkOptsEntry, has_reuseaddr),
	  offsetof(SkOptsEntry, reuseaddr), BOTH, 0, true },
	ROW(SO_REUSEPORT, so_reuseport, BOTH, 0),
	ROW(SO_DEBUG, so_debug, EARLY, 0),
	ROW(SO_DONTROUTE, so_dontroute, EARLY, 0),
	ROW(SO_BROADCAST, so_broadcast, EARLY, 0),
	ROW(SO_MARK, so_mark, EARLY, 0),
	/* IP_TOS changes it. */
	ROW(SO_PRIORITY, so_priority, LATE, 0),
	ROW(SO_NO_CHECK, so_no_check, LATE, 0),
	ROW(SO_KEEPALIVE, so_keepalive, LATE, 0),
	ROW(SO_OOBINLINE, so_oobinline, LATE, 0),
	/* A unix socket with one of these gets a name when it connects. */
	ROW(SO_PASSCRED, so_passcred, LATE, 0),
	ROW(SO_PASSPIDFD, so_passpidfd, LATE, 0),
	ROW(SO_PASSSEC, so_passsec, LATE, 0),
	/* Without it nothing with descriptors can be sent there. */
	ROW(SO_PASSRIGHTS, so_passrights, LATE, 1),
	ROW(SO_RXQ_OVFL, so_rxq_ovfl, LATE, 0),
	ROW(SO_WIFI_STATUS, so_wifi_status, LATE, 0),
	ROW(SO_NOFCS, so_nofcs, LATE, 0),
	ROW(SO_SELECT_ERR_QUEUE, so_select_err_queue, LATE, 0),
	ROW(SO_BUSY_POLL, so_busy_poll, LATE, 0),
	ROW(SO_PREFER_BUSY_POLL, so_prefer_busy_poll, LATE, 0),
	ROW(SO_INCOMING_CPU, so_incoming_cpu, LATE, -1),
	ROW(SO_ZEROCOPY, so_zerocopy, LATE, 0),
	ROW(SO_RESERVE_MEM, so_reserve_mem, LATE, 0),
	ROW(SO_TXREHASH, so_txrehash, LATE, 1),
	ROW(SO_RCVMARK, so_rcvmark, LATE, 0),
	ROW(SO_RCVPRIORITY, so_rcvpriority, LATE, 0),
	/* What is peeked at while the queue is filled would move it. */
	ROW(SO_PEEK_OFF, so_peek_off, LATE, -1),
};

static int32_t *field(const SkOptsEntry *e, size_t offset)
{
	return (int32_t *)((uintptr_t)e + offset);
}

/* --- dump ----------------------------------------------------------------------- */

/* False: this family, or this kernel, has no such option. */
static bool get(int fd, int name, void *ret, socklen_t size)
{
	socklen_t len = size;

	return getsockopt(fd, SOL_SOCKET, name, ret, &len) == 0 && len == size;
}

static void rows_read(int fd, SkOptsEntry *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int32_t value;

		if (!get(fd, rows[i].name, &value, sizeof(value)) ||
		    (value == rows[i].standard && !rows[i].varies))
			continue;
		*field(e, rows[i].has) = 1;
		*field(e, rows[i].value) = value;
	}
}

static int sizes_read(int fd, SkOptsEntry *e)
{
	if (!get(fd, SO_SNDBUF, &e->so_sndbuf, sizeof(e->so_sndbuf)))
		return fail(errno, "SO_SNDBUF");
	if (!get(fd, SO_RCVBUF, &e->so_rcvbuf, sizeof(e->so_rcvbuf)))
		return fail(errno, "SO_RCVBUF");
	return 0;
}

static int buffers_read(int fd, SkOptsEntry *e)
{
	int r = sizes_read(fd, e);
	uint32_t lock;

	if (r < 0)
		return r;
	if (get(fd, SO_BUF_LOCK, &lock, sizeof(lock))) {
		e->has_so_buf_lock = true;
		e->so_buf_lock = lock;
	}
	if (get(fd, SO_RCVLOWAT, &e->so_rcvlowat, sizeof(e->so_rcvlowat)))
		e->has_so_rcvlowat = e->so_rcvlowat != 1;
	return 0;
}

static int times_read(int fd, SkOptsEntry *e)
{
	struct timeval snd, rcv;
	struct linger linger;

	if (!get(fd, SO_SNDTIMEO, &snd, sizeof(snd)) || !get(fd, SO_RCVTIMEO, &rcv, sizeof(rcv)))
		return fail(errno, "SO_SNDTIMEO or SO_RCVTIMEO");
	e->so_snd_tmo_sec = (uint64_t)snd.tv_sec;
	e->so_snd_tmo_usec = (uint64_t)snd.tv_usec;
	e->so_rcv_tmo_sec = (uint64_t)rcv.tv_sec;
	e->so_rcv_tmo_usec = (uint64_t)rcv.tv_usec;
	if (get(fd, SO_LINGER, &linger, sizeof(linger)) && linger.l_onoff) {
		e->has_so_linger = true;
		e->so_linger = (uint32_t)linger.l_linger;
	}
	return 0;
}

/* Whether 64-bit times were asked for is one bit for all of them. SO_TIMESTAMP_NEW is also said to
 * be set when SO_TIMESTAMPNS_NEW is: so that is asked first. */
static void timestamps_read(int fd, SkOptsEntry *e)
{
	static const int names[] = { TIMESTAMPNS_OLD, TIMESTAMPNS_NEW, TIMESTAMP_OLD,
				     TIMESTAMP_NEW };
	struct so_timestamping t = { 0 }, again = { 0 };
	int on;

	for (size_t i = 0; i < ARRAY_SIZE(names) && !e->has_so_timestamp; i++) {
		if (!get(fd, names[i], &on, sizeof(on)) || !on)
			continue;
		e->has_so_timestamp = true;
		e->so_timestamp = (uint32_t)names[i];
	}
	if (!get(fd, TIMESTAMPING_OLD, &t, sizeof(t)) || !t.flags)
		return;
	e->has_so_timestamping = true;
	e->so_timestamping = (uint32_t)t.flags;
	e->has_so_timestamping_phc = t.bind_phc > 0;
	e->so_timestamping_phc = (uint32_t)t.bind_phc;
	if (get(fd, TIMESTAMPING_NEW, &again, sizeof(again)) && again.flags)
		e->has_so_timestamping_new = e->so_timestamping_new = true;
}

static void sending_read(int fd, SkOptsEntry *e)
{
	struct sock_txtime txtime;
	uint64_t rate;

	if (get(fd, SO_MAX_PACING_RATE, &rate, sizeof(rate)) && rate != PACING_UNLIMITED) {
		e->has_so_max_pacing_rate = true;
		e->so_max_pacing_rate = rate;
	}
	if (get(fd, SO_TXTIME, &txtime, sizeof(txtime)) && (txtime.clockid || txtime.flags)) {
		e->has_so_txtime_clockid = e->has_so_txtime_flags = true;
		e->so_txtime_clockid = (uint32_t)txtime.clockid;
		e->so_txtime_flags = txtime.flags;
	}
}

static int device_read(struct arena *a, int fd, SkOptsEntry *e)
{
	char name[IF_NAMESIZE] = "";
	socklen_t len = sizeof(name);

	if (getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &len) < 0) {
		/* It has gone since, or was never there. */
		if (errno != ENODEV ||
		    !get(fd, SO_BINDTOIFINDEX, &e->so_bound_ifindex, sizeof(e->so_bound_ifindex)))
			return fail(errno, "SO_BINDTODEVICE");
		e->has_so_bound_ifindex = true;
		return 0;
	}
	name[IF_NAMESIZE - 1] = '\0';
	if (len && name[0])
		e->so_bound_dev = arena_strdup(a, name);
	return 0;
}

/* 1: there is one that cannot be read. */
static int filter_read(struct arena *a, int fd, SkOptsEntry *e)
{
	socklen_t count = 0; /* of instructions, both ways (net/core/filter.c: sk_get_filter()) */
	int locked;

	if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, NULL, &count) < 0)
		return errno == EACCES ? 1 : fail(errno, "SO_GET_FILTER");
	if (get(fd, SO_LOCK_FILTER, &locked, sizeof(locked)) && locked)
		e->has_so_lock_filter = e->so_lock_filter = true;
	if (!count)
		return 0;
	e->so_filter = arena_array(a, uint64_t, count);
	if (getsockopt(fd, SOL_SOCKET, SO_GET_FILTER, e->so_filter, &count) < 0)
		return fail(errno, "SO_GET_FILTER");
	e->n_so_filter = count;
	return 0;
}

int sk_opts_read(struct arena *a, int fd, SkOptsEntry **ret)
{
	SkOptsEntry *e = arena_message(a, SkOptsEntry, SK_OPTS_ENTRY__INIT);
	int r = buffers_read(fd, e);

	if (r >= 0)
		r = times_read(fd, e);
	if (r >= 0)
		r = device_read(a, fd, e);
	if (r >= 0)
		r = filter_read(a, fd, e);
	if (r < 0)
		return r;
	rows_read(fd, e);
	timestamps_read(fd, e);
	sending_read(fd, e);
	*ret = e;
	return r;
}

int sk_opts_read_like(struct arena *a, int fd, const SkOptsEntry *like, SkOptsEntry **ret)
{
	*ret = arena_dup(a, like, sizeof(*like));
	return sizes_read(fd, *ret);
}

void sk_opts_refuse_filter(const struct fd_probe *p)
{
	char name[64];

	blocker(NULL, "%s: %s: a socket with an eBPF filter (SO_ATTACH_BPF), which cannot be read",
		fd_probe_name(p, name, sizeof(name)), p->link);
}

static void inode_dump(const struct stat *st, SkOptsEntry *e)
{
	e->has_so_uid = st->st_uid != 0;
	e->so_uid = st->st_uid;
	e->has_so_gid = st->st_gid != 0;
	e->so_gid = st->st_gid;
	e->so_mode = st->st_mode & ALL_RIGHTS;
	e->has_so_mode = e->so_mode != NEW_RIGHTS;
}

int sk_opts_dump(struct dump *d, const struct fd_probe *p, SkOptsEntry **ret)
{
	int r = sk_opts_read(&d->arena, p->lfd, ret);

	if (r >= 0)
		inode_dump(&p->st, *ret);
	if (r > 0)
		sk_opts_refuse_filter(p);
	return r < 0 ? r : 0;
}

/* --- restore -------------------------------------------------------------------- */

_Static_assert(sizeof(struct sock_filter) == sizeof(uint64_t), "as images have them");

int sk_opts_load(const SkOptsEntry *e)
{
	if (e->so_sndbuf > INT_MAX || e->so_rcvbuf > INT_MAX)
		return fail_plain("socket buffers of %u and %u bytes", e->so_sndbuf, e->so_rcvbuf);
	if (e->so_snd_tmo_usec >= 1000000 || e->so_rcv_tmo_usec >= 1000000 ||
	    e->so_snd_tmo_sec > INT64_MAX || e->so_rcv_tmo_sec > INT64_MAX)
		return fail_plain("SO_SNDTIMEO or SO_RCVTIMEO is no time");
	if (e->so_buf_lock > BUF_LOCK_ALL)
		return fail_plain("SO_BUF_LOCK %#x", e->so_buf_lock);
	if (e->so_mode > ALL_RIGHTS)
		return fail_plain("a socket of mode %#o", e->so_mode);
	if (e->n_so_filter > BPF_MAXINSNS)
		return fail_plain("a socket filter of %zu instructions", e->n_so_filter);
	if (e->so_bound_dev && strlen(e->so_bound_dev) >= IF_NAMESIZE)
		return fail_plain("SO_BINDTODEVICE %s: the name is too long", e->so_bound_dev);
	if (e->has_so_timestamp && e->so_timestamp != TIMESTAMP_OLD &&
	    e->so_timestamp != TIMESTAMPNS_OLD && e->so_timestamp != TIMESTAMP_NEW &&
	    e->so_timestamp != TIMESTAMPNS_NEW)
		return fail_plain("%u is no option for timestamps", e->so_timestamp);
	if (e->has_so_linger && e->so_linger > INT_MAX)
		return fail_plain("SO_LINGER %u", e->so_linger);
	return 0;
}

static int set(int fd, int name, const char *text, const void *value, size_t size)
{
	if (setsockopt(fd, SOL_SOCKET, name, value, (socklen_t)size) == 0)
		return 0;
	if (size == sizeof(int))
		return fail(errno, "%s %d", text, *(const int *)value);
	return fail(errno, "%s", text);
}

static int rows_set(int fd, const SkOptsEntry *e, enum when when)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct option_row *row = &rows[i];
		int32_t value = *field(e, row->value);
		int ret;

		if ((row->when != when && row->when != BOTH) || !*field(e, row->has))
			continue;
		/* A new socket has it, but for those that were set otherwise meanwhile. */
		if (value == row->standard && !row->varies && row->when != BOTH)
			continue;
		ret = set(fd, row->name, row->text, &value, sizeof(value));
		if (ret < 0)
			return ret;
	}
	return 0;
}

int sk_opts_restore_early(int fd, const SkOptsEntry *e)
{
	int ret = rows_set(fd, e, EARLY);

	if (ret >= 0 && e->has_so_bound_ifindex)
		ret = set(fd, SO_BINDTOIFINDEX, "SO_BINDTOIFINDEX", &e->so_bound_ifindex,
			  sizeof(e->so_bound_ifindex));
	if (ret >= 0 && e->so_bound_dev &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, e->so_bound_dev,
		       (socklen_t)strlen(e->so_bound_dev)) < 0)
		return fail(errno, "SO_BINDTODEVICE %s", e->so_bound_dev);
	return ret;
}

/* The kernel doubles what it is told. Without CAP_NET_ADMIN only what the sysctl allows. */
static int buffer_set(int fd, int force, int plain, const char *text, uint32_t size)
{
	int half = (int)(size / 2);

	if (setsockopt(fd, SOL_SOCKET, force, &half, sizeof(half)) == 0)
		return 0;
	return errno == EPERM ? set(fd, plain, text, &half, sizeof(half))
			      : fail(errno, "%s %d", text, half);
}

int sk_opts_restore_buffers(int fd, const SkOptsEntry *e)
{
	uint32_t snd = 0, rcv = 0;
	bool changed = false;
	int ret = 0;

	if (!get(fd, SO_SNDBUF, &snd, sizeof(snd)) || !get(fd, SO_RCVBUF, &rcv, sizeof(rcv)))
		return fail(errno, "SO_SNDBUF or SO_RCVBUF");
	if (snd / 2 != e->so_sndbuf / 2) {
		changed = true;
		ret = buffer_set(fd, SO_SNDBUFFORCE, SO_SNDBUF, "SO_SNDBUF", e->so_sndbuf);
	}
	if (ret >= 0 && rcv / 2 != e->so_rcvbuf / 2) {
		changed = true;
		ret = buffer_set(fd, SO_RCVBUFFORCE, SO_RCVBUF, "SO_RCVBUF", e->so_rcvbuf);
	}
	if (ret >= 0 && e->has_so_buf_lock && (changed || e->so_buf_lock))
		ret = set(fd, SO_BUF_LOCK, "SO_BUF_LOCK", &e->so_buf_lock, sizeof(e->so_buf_lock));
	return ret;
}

static int times_set(int fd, const SkOptsEntry *e)
{
	struct timeval snd = { (time_t)e->so_snd_tmo_sec, (suseconds_t)e->so_snd_tmo_usec };
	struct timeval rcv = { (time_t)e->so_rcv_tmo_sec, (suseconds_t)e->so_rcv_tmo_usec };
	struct linger linger = { 1, (int)e->so_linger };
	int ret = 0;

	if (snd.tv_sec || snd.tv_usec)
		ret = set(fd, SO_SNDTIMEO, "SO_SNDTIMEO", &snd, sizeof(snd));
	if (ret >= 0 && (rcv.tv_sec || rcv.tv_usec))
		ret = set(fd, SO_RCVTIMEO, "SO_RCVTIMEO", &rcv, sizeof(rcv));
	if (ret >= 0 && e->has_so_linger)
		ret = set(fd, SO_LINGER, "SO_LINGER", &linger, sizeof(linger));
	return ret;
}

static int timestamps_set(int fd, const SkOptsEntry *e)
{
	struct so_timestamping t = { .flags = (int)e->so_timestamping,
				     .bind_phc = (int)e->so_timestamping_phc };
	const int on = 1;
	int ret = 0;

	if (e->has_so_timestamp)
		ret = set(fd, (int)e->so_timestamp, "SO_TIMESTAMP", &on, sizeof(on));
	if (ret >= 0 && e->has_so_timestamping)
		ret = set(fd, e->so_timestamping_new ? TIMESTAMPING_NEW : TIMESTAMPING_OLD,
			  "SO_TIMESTAMPING", &t, sizeof(t));
	return ret;
}

static int sending_set(int fd, const SkOptsEntry *e)
{
	struct sock_txtime txtime = { .clockid = (__kernel_clockid_t)e->so_txtime_clockid,
				      .flags = e->so_txtime_flags };
	int ret = 0;

	if (e->has_so_max_pacing_rate)
		ret = set(fd, SO_MAX_PACING_RATE, "SO_MAX_PACING_RATE", &e->so_max_pacing_rate,
			  sizeof(e->so_max_pacing_rate));
	if (ret >= 0 && e->has_so_txtime_clockid)
		ret = set(fd, SO_TXTIME, "SO_TXTIME", &txtime, sizeof(txtime));
	return ret;
}

static int filter_set(int fd, const SkOptsEntry *e)
{
	struct sock_fprog prog = { .len = (unsigned short)e->n_so_filter,
				   .filter = (struct sock_filter *)e->so_filter };
	const int on = 1;
	int ret = 0;

	if (e->n_so_filter)
		ret = set(fd, SO_ATTACH_FILTER, "SO_ATTACH_FILTER", &prog, sizeof(prog));
	if (ret >= 0 && e->so_lock_filter)
		ret = set(fd, SO_LOCK_FILTER, "SO_LOCK_FILTER", &on, sizeof(on));
	return ret;
}

static int inode_set(int fd, const SkOptsEntry *e)
{
	uint32_t uid = e->has_so_uid ? e->so_uid : (uint32_t)-1;
	uint32_t gid = e->has_so_gid ? e->so_gid : (uint32_t)-1;

	if ((e->has_so_uid || e->has_so_gid) && fchown(fd, uid, gid) < 0)
		return fail(errno, "chown the socket to %u:%u", e->so_uid, e->so_gid);
	if (e->has_so_mode && fchmod(fd, e->so_mode) < 0)
		return fail(errno, "chmod the socket to %#o", e->so_mode);
	return 0;
}

int sk_opts_restore_late(int fd, const SkOptsEntry *e)
{
	int ret = 0;

	/* Of TCP it is at most half of a receive buffer that is locked, and may enlarge another:
	 * it comes before. */
	if (e->has_so_rcvlowat && e->so_rcvlowat != 1)
		ret = set(fd, SO_RCVLOWAT, "SO_RCVLOWAT", &e->so_rcvlowat, sizeof(e->so_rcvlowat));
	if (ret >= 0)
		ret = sk_opts_restore_buffers(fd, e);
	if (ret >= 0)
		ret = rows_set(fd, e, LATE);
	if (ret >= 0)
		ret = times_set(fd, e);
	if (ret >= 0)
		ret = timestamps_set(fd, e);
	if (ret >= 0)
		ret = sending_set(fd, e);
	if (ret >= 0)
		ret = inode_set(fd, e);
	return ret < 0 ? ret : filter_set(fd, e);
}
