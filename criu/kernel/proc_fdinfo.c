// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "criu/base/mem.h"
#include "criu/kernel/proc_fd.h"
#include "criu/kernel/text.h"

typedef bool fdinfo_fn(struct text *t, struct proc_fdinfo *f);

static bool get_pos(struct text *t, struct proc_fdinfo *f)
{
	return text_s64(t, &f->pos);
}

static bool get_flags(struct text *t, struct proc_fdinfo *f)
{
	return text_oct32(t, &f->flags);
}

static bool get_mnt_id(struct text *t, struct proc_fdinfo *f)
{
	return text_int(t, &f->mnt_id);
}

static bool get_ino(struct text *t, struct proc_fdinfo *f)
{
	return text_u64(t, &f->ino);
}

static bool get_eventfd_count(struct text *t, struct proc_fdinfo *f)
{
	f->has_eventfd = true;
	return text_hex(t, &f->eventfd_count);
}

static bool get_eventfd_id(struct text *t, struct proc_fdinfo *f)
{
	return text_int(t, &f->eventfd_id);
}

static bool get_eventfd_semaphore(struct text *t, struct proc_fdinfo *f)
{
	uint32_t v;

	if (!text_u32(t, &v))
		return false;
	f->has_eventfd_semaphore = true;
	f->eventfd_semaphore = v != 0;
	return true;
}

static bool get_sigmask(struct text *t, struct proc_fdinfo *f)
{
	f->has_sigmask = true;
	return text_hex(t, &f->sigmask);
}

static bool get_clockid(struct text *t, struct proc_fdinfo *f)
{
	f->has_timerfd = true;
	return text_int(t, &f->clockid);
}

static bool get_ticks(struct text *t, struct proc_fdinfo *f)
{
	return text_u64(t, &f->ticks);
}

static bool get_settime_flags(struct text *t, struct proc_fdinfo *f)
{
	return text_oct32(t, &f->settime_flags);
}

/* "(100, 999999999)" */
static bool get_timespec(struct text *t, struct timespec *ret)
{
	uint64_t sec, nsec;

	if (!text_char(t, '(') || !text_number(t, 10, INT64_MAX, &sec) || !text_lit(t, ", ") ||
	    !text_number(t, 10, 999999999, &nsec) || !text_char(t, ')'))
		return false;
	*ret = (struct timespec){ .tv_sec = (time_t)sec, .tv_nsec = (long)nsec };
	return true;
}

static bool get_it_value(struct text *t, struct proc_fdinfo *f)
{
	return get_timespec(t, &f->timer.it_value);
}

static bool get_it_interval(struct text *t, struct proc_fdinfo *f)
{
	return get_timespec(t, &f->timer.it_interval);
}

static bool get_pid(struct text *t, struct proc_fdinfo *f)
{
	f->has_pidfd = true;
	return text_int(t, &f->pid);
}

static bool get_ns_pid(struct text *t, struct proc_fdinfo *f)
{
	while (!text_done(t))
		if (!text_int(t, &f->ns_pid))
			return false;
	return true;
}

static bool get_scm_fds(struct text *t, struct proc_fdinfo *f)
{
	f->has_scm_fds = true;
	return text_u64(t, &f->scm_fds);
}

static bool get_pending(struct text *t, struct proc_fdinfo *f)
{
	return text_u64(t, &f->userfault_pending);
}

/* "aa:80000001:80000000000001ff": version, features that were asked for, ioctls that there are */
static bool get_userfault_api(struct text *t, struct proc_fdinfo *f)
{
	uint64_t version, ioctls;

	f->has_userfaultfd = true;
	return text_hex(t, &version) && text_char(t, ':') &&
	       text_hex32(t, &f->userfault_features) && text_char(t, ':') && text_hex(t, &ioctls);
}

static bool get_map_id(struct text *t, struct proc_fdinfo *f)
{
	f->has_bpf_map = true;
	return text_u32(t, &f->bpf_map_id);
}

static bool get_frozen(struct text *t, struct proc_fdinfo *f)
{
	uint32_t v;

	if (!text_u32(t, &v))
		return false;
	f->bpf_frozen = v != 0;
	return true;
}

static bool get_memlock(struct text *t, struct proc_fdinfo *f)
{
	return text_u64(t, &f->bpf_memlock);
}

/* The lines that iterators take are only counted. */
static bool count_lock(struct text *t, struct proc_fdinfo *f)
{
	t->p = t->end;
	f->nr_locks++;
	return true;
}

static bool count_epoll(struct text *t, struct proc_fdinfo *f)
{
	t->p = t->end;
	f->nr_epoll++;
	return true;
}

static bool count_inotify(struct text *t, struct proc_fdinfo *f)
{
	t->p = t->end;
	f->nr_inotify++;
	return true;
}

static bool count_fanotify(struct text *t, struct proc_fdinfo *f)
{
	t->p = t->end;
	f->nr_fanotify++;
	return true;
}

static const struct fdinfo_key {
	const char *key;
	size_t len;
	fdinfo_fn *get;
} keys[] = {
#define KEY(key, fn)                                                                               \
	{                                                                                          \
		key, sizeof(key) - 1, fn                                                           \
	}
	KEY("pos:", get_pos),
	KEY("flags:", get_flags),
	KEY("mnt_id:", get_mnt_id),
	KEY("ino:", get_ino),
	KEY("lock:", count_lock),
	KEY("tfd:", count_epoll),
	KEY("inotify ", count_inotify),
	KEY("fanotify ", count_fanotify),
	KEY("eventfd-count:", get_eventfd_count),
	KEY("eventfd-id:", get_eventfd_id),
	KEY("eventfd-semaphore:", get_eventfd_semaphore),
	KEY("sigmask:", get_sigmask),
	KEY("clockid:", get_clockid),
	KEY("ticks:", get_ticks),
	KEY("settime flags:", get_settime_flags),
	KEY("it_value:", get_it_value),
	KEY("it_interval:", get_it_interval),
	KEY("Pid:", get_pid),
	KEY("NSpid:", get_ns_pid),
	KEY("scm_fds:", get_scm_fds),
	KEY("map_id:", get_map_id),
	KEY("frozen:", get_frozen),
	KEY("memlock:", get_memlock),
	KEY("pending:", get_pending),
	KEY("API:", get_userfault_api),
#undef KEY
};

static int fdinfo_line(struct text *line, struct proc_fdinfo *f, uint32_t *seen)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct fdinfo_key *k = &keys[i];

		if (text_empty(line) || *line->p != k->key[0] || !text_str(line, k->key, k->len))
			continue;
		*seen |= 1u << i;
		text_blanks(line);
		return k->get(line, f) && text_done(line) ? 0 : -EINVAL;
	}
	return 0;
}

/* pos and flags: the first two keys. */
#define SEEN_NEEDED 3u

int proc_fdinfo_parse(const char *text, size_t len, struct proc_fdinfo *ret)
{
	struct proc_fdinfo f = { .mnt_id = -1, .eventfd_id = -1 };
	struct text t = text_of(text, len), line;
	uint32_t seen = 0;

	while (text_line(&t, &line)) {
		int r = fdinfo_line(&line, &f, &seen);

		if (r < 0)
			return r;
	}
	if ((seen & SEEN_NEEDED) != SEEN_NEEDED)
		return -EINVAL;
	*ret = f;
	return 0;
}

/* The next line that starts with head; what follows head is left in *ret. */
static bool next_line(const char *text, size_t len, size_t *cursor, const char *head,
		      struct text *ret)
{
	size_t at = *cursor < len ? *cursor : len;
	struct text t = text_of(text + at, len - at), line;

	while (text_line(&t, &line)) {
		*cursor = (size_t)(t.p - text);
		if (!text_str(&line, head, strlen(head)))
			continue;
		*ret = line;
		return true;
	}
	return false;
}

/* " name:VALUE" or " name: VALUE", then VALUE in this base. */
static bool field(struct text *t, const char *name, unsigned int base, uint64_t max, uint64_t *ret)
{
	struct text at = *t;

	text_blanks(&at);
	if (!text_str(&at, name, strlen(name)) || !text_char(&at, ':'))
		return false;
	text_blanks(&at);
	if (!text_number(&at, base, max, ret))
		return false;
	*t = at;
	return true;
}

static bool field32(struct text *t, const char *name, uint32_t *ret)
{
	uint64_t v;

	if (!field(t, name, 16, UINT32_MAX, &v))
		return false;
	*ret = (uint32_t)v;
	return true;
}

/* "tfd:        4 events: 80000019 data: deadbeef  pos:0 ino:40f sdev:10" (ino since 4.13) */
int proc_epoll_next(const char *text, size_t len, size_t *cursor, struct proc_epoll *ret)
{
	struct proc_epoll e = { 0 };
	struct text t;

	if (!next_line(text, len, cursor, "tfd:", &t))
		return 0;
	if (!text_next_int(&t, &e.tfd) || e.tfd < 0 || !field32(&t, "events", &e.events) ||
	    !field(&t, "data", 16, UINT64_MAX, &e.data))
		return -EINVAL;
	if (field(&t, "pos", 10, UINT64_MAX, &e.pos))
		e.has_ino = field(&t, "ino", 16, UINT64_MAX, &e.ino) &&
			    field(&t, "sdev", 16, UINT64_MAX, &e.sdev);
	*ret = e;
	return 1;
}

/* "fhandle-bytes:8 fhandle-type:1 f_handle:5d03000000000000"; absent without EXPORTFS. */
static int handle_field(struct text *t, struct proc_handle *h, bool *ret_has)
{
	if (!field32(t, "fhandle-bytes", &h->bytes)) {
		*ret_has = false;
		return text_done(t) ? 0 : -EINVAL;
	}
	if (h->bytes > PROC_HANDLE_MAX || !field32(t, "fhandle-type", &h->type))
		return -EINVAL;
	text_blanks(t);
	if (!text_lit(t, "f_handle:"))
		return -EINVAL;
	for (uint32_t i = 0; i < h->bytes; i++) {
		unsigned int hi, lo;

		if (text_len(t) < 2)
			return -EINVAL;
		hi = text_digit(t->p[0]);
		lo = text_digit(t->p[1]);
		if (hi > 15 || lo > 15)
			return -EINVAL;
		h->data[i] = (uint8_t)(hi << 4 | lo);
		t->p += 2;
	}
	*ret_has = true;
	return text_done(t) ? 0 : -EINVAL;
}

/* "inotify wd:3 ino:35d sdev:fe00000 mask:fff ignored_mask:0 fhandle-bytes:..." */
int proc_inotify_next(const char *text, size_t len, size_t *cursor, struct proc_inotify *ret)
{
	struct proc_inotify n = { 0 };
	struct text t;
	int r;

	if (!next_line(text, len, cursor, "inotify ", &t))
		return 0;
	if (!field32(&t, "wd", &n.wd) || !field(&t, "ino", 16, UINT64_MAX, &n.ino) ||
	    !field(&t, "sdev", 16, UINT64_MAX, &n.sdev) || !field32(&t, "mask", &n.mask))
		return -EINVAL;
	field32(&t, "ignored_mask", &n.ignored_mask);
	r = handle_field(&t, &n.handle, &n.has_handle);
	if (r < 0)
		return r;
	*ret = n;
	return 1;
}

static bool fanotify_marks(struct text *t, struct proc_fanotify *n)
{
	return field32(t, "mflags", &n->mflags) && field(t, "mask", 16, UINT64_MAX, &n->mask) &&
	       field(t, "ignored_mask", 16, UINT64_MAX, &n->ignored_mask);
}

static bool fanotify_target(struct text *t, struct proc_fanotify *n)
{
	uint64_t v;

	if (field(t, "ino", 16, UINT64_MAX, &n->ino)) {
		n->kind = PROC_FANOTIFY_INODE;
		return field(t, "sdev", 16, UINT64_MAX, &n->sdev);
	}
	if (field(t, "mnt_id", 16, INT32_MAX, &v)) {
		n->kind = PROC_FANOTIFY_MOUNT;
		n->mnt_id = (int)v;
		return true;
	}
	n->kind = PROC_FANOTIFY_SB;
	return field(t, "sdev", 16, UINT64_MAX, &n->sdev);
}

/*
 * "fanotify flags:0 event-flags:8000", then marks:
 * "fanotify mnt_id:1b mflags:0 mask:20 ignored_mask:0", the number in hexadecimal.
 */
int proc_fanotify_next(const char *text, size_t len, size_t *cursor, struct proc_fanotify *ret)
{
	struct proc_fanotify n = { .mnt_id = -1 };
	struct text t;
	int r = 0;

	if (!next_line(text, len, cursor, "fanotify ", &t))
		return 0;
	if (field32(&t, "flags", &n.init_flags)) {
		n.kind = PROC_FANOTIFY_GROUP;
		if (!field32(&t, "event-flags", &n.event_flags) || !text_done(&t))
			return -EINVAL;
	} else {
		if (!fanotify_target(&t, &n) || !fanotify_marks(&t, &n))
			return -EINVAL;
		r = handle_field(&t, &n.handle, &n.has_handle);
	}
	if (r < 0)
		return r;
	*ret = n;
	return 1;
}
