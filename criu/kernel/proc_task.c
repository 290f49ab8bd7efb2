// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/proc_task.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/mem.h"
#include "criu/kernel/proc_dir.h"
#include "criu/kernel/text.h"

int proc_threads_read(int dirfd, struct proc_pids *ret)
{
	struct proc_numbers l = { 0 };
	int r = proc_dir_numbers(dirfd, "task", &l);

	if (r < 0) {
		free(l.v);
		return r;
	}
	*ret = (struct proc_pids){ .v = l.v, .nr = l.nr, .cap = l.cap };
	return 0;
}

void proc_pids_done(struct proc_pids *l)
{
	free(l->v);
	*l = (struct proc_pids){ 0 };
}

/* "12 34 56 " without a newline. */
int proc_children_parse(const char *text, size_t len, struct proc_pids *ret)
{
	struct text t = text_of(text, len);
	size_t before = ret->nr;

	while (!text_done(&t) && *t.p != '\n') {
		int pid;

		if (!text_int(&t, &pid) || pid <= 0) {
			ret->nr = before;
			return -EINVAL;
		}
		*array_push(ret->v, ret->nr, ret->cap) = pid;
	}
	return 0;
}

static int children_append(int dirfd, pid_t tid, struct proc_buf *b, struct proc_pids *l)
{
	int r = proc_read_tid(dirfd, tid, "children", b);

	if (r < 0)
		return r;
	return proc_children_parse(b->data, b->len, l);
}

/* A thread that ended meanwhile left its children to another one. */
static int children_of_threads(int dirfd, struct proc_buf *b, struct proc_pids *l)
{
	cleanup_proc_pids struct proc_pids threads = { 0 };
	size_t gone = 0;
	int r = proc_threads_read(dirfd, &threads);

	if (r < 0)
		return r;
	for (size_t i = 0; i < threads.nr; i++) {
		r = children_append(dirfd, threads.v[i], b, l);
		if (r == -ESRCH || r == -ENOENT)
			gone++;
		else if (r < 0)
			return r;
	}
	return gone && gone == threads.nr ? -ENOENT : 0;
}

int proc_children_read(int dirfd, pid_t tid, struct proc_buf *b, struct proc_pids *ret)
{
	struct proc_pids l = { 0 };
	int r = tid ? children_append(dirfd, tid, b, &l) : children_of_threads(dirfd, b, &l);

	if (r < 0) {
		proc_pids_done(&l);
		return r;
	}
	*ret = l;
	return 0;
}

static const char *const limit_names[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = "Max cpu time",
	[RLIMIT_FSIZE] = "Max file size",
	[RLIMIT_DATA] = "Max data size",
	[RLIMIT_STACK] = "Max stack size",
	[RLIMIT_CORE] = "Max core file size",
	[RLIMIT_RSS] = "Max resident set",
	[RLIMIT_NPROC] = "Max processes",
	[RLIMIT_NOFILE] = "Max open files",
	[RLIMIT_MEMLOCK] = "Max locked memory",
	[RLIMIT_AS] = "Max address space",
	[RLIMIT_LOCKS] = "Max file locks",
	[RLIMIT_SIGPENDING] = "Max pending signals",
	[RLIMIT_MSGQUEUE] = "Max msgqueue size",
	[RLIMIT_NICE] = "Max nice priority",
	[RLIMIT_RTPRIO] = "Max realtime priority",
	[RLIMIT_RTTIME] = "Max realtime timeout",
};

/* A column is padded, so that a blank says that the number is whole. */
static bool limit_value(struct text *t, uint64_t *ret)
{
	text_blanks(t);
	if (text_lit(t, "unlimited"))
		*ret = RLIM64_INFINITY;
	else if (!text_u64(t, ret))
		return false;
	return text_char(t, ' ');
}

static bool limit_line(struct text *line, struct proc_limits *l, uint32_t *seen)
{
	for (size_t i = 0; i < RLIM_NLIMITS; i++) {
		uint64_t soft, hard;

		if (!text_str(line, limit_names[i], strlen(limit_names[i])))
			continue;
		if (!limit_value(line, &soft) || !limit_value(line, &hard))
			return false;
		l->limit[i] = (struct rlimit64){ .rlim_cur = soft, .rlim_max = hard };
		*seen |= 1u << i;
		break;
	}
	return true;
}

int proc_limits_parse(const char *text, size_t len, struct proc_limits *ret)
{
	struct text t = text_of(text, len), line;
	struct proc_limits l;
	uint32_t seen = 0;

	while (text_line(&t, &line))
		if (!limit_line(&line, &l, &seen))
			return -EINVAL;
	if (seen != (1u << RLIM_NLIMITS) - 1)
		return -EINVAL;
	*ret = l;
	return 0;
}

int proc_limits_read(int dirfd, struct proc_buf *b, struct proc_limits *ret)
{
	int r = proc_read(dirfd, "limits", b);

	if (r < 0)
		return r;
	return proc_limits_parse(b->data, b->len, ret);
}

/* "notify: signal/tid.1234": what, and who hears of it. */
static bool timer_notify(struct text *t, struct proc_timer *timer)
{
	if (text_lit(t, "signal/"))
		timer->notify = SIGEV_SIGNAL;
	else if (text_lit(t, "none/"))
		timer->notify = SIGEV_NONE;
	else if (text_lit(t, "thread/"))
		timer->notify = SIGEV_THREAD;
	else
		return false;
	if (text_lit(t, "tid."))
		timer->notify |= SIGEV_THREAD_ID;
	else if (!text_lit(t, "pid."))
		return false;
	return text_int(t, &timer->notify_pid);
}

/* The value of a line of this key. */
static bool timer_field(struct text *t, const char *key, struct text *ret)
{
	return text_line(t, ret) && text_str(ret, key, strlen(key));
}

static bool timer_parse(struct text *t, struct proc_timer *timer)
{
	struct text v;

	return timer_field(t, "ID: ", &v) && text_int(&v, &timer->id) &&
	       timer_field(t, "signal: ", &v) && text_int(&v, &timer->signo) &&
	       text_char(&v, '/') && text_hex(&v, &timer->sigval) &&
	       timer_field(t, "notify: ", &v) && timer_notify(&v, timer) &&
	       timer_field(t, "ClockID: ", &v) && text_int(&v, &timer->clockid);
}

static int compare_timers(const void *a, const void *b)
{
	int x = ((const struct proc_timer *)a)->id, y = ((const struct proc_timer *)b)->id;

	return (x > y) - (x < y);
}

int proc_timers_parse(const char *text, size_t len, struct proc_timers *ret)
{
	struct text t = text_of(text, len);
	struct proc_timers l = { 0 };

	while (!text_empty(&t)) {
		struct proc_timer *timer = array_push(l.v, l.nr, l.cap);

		if (!timer_parse(&t, timer)) {
			proc_timers_done(&l);
			return -EINVAL;
		}
	}
	/* The kernel's list is newest first, or last first: it changed. */
	if (l.nr)
		qsort(l.v, l.nr, sizeof(*l.v), compare_timers);
	*ret = l;
	return 0;
}

int proc_timers_read(int dirfd, struct proc_buf *b, struct proc_timers *ret)
{
	int r = proc_read(dirfd, "timers", b);

	if (r < 0)
		return r;
	return proc_timers_parse(b->data, b->len, ret);
}

void proc_timers_done(struct proc_timers *l)
{
	free(l->v);
	*l = (struct proc_timers){ 0 };
}

static bool next_0x(struct text *t, uint64_t *ret)
{
	text_blanks(t);
	return text_lit(t, "0x") && text_hex(t, ret);
}

/* "running", "-1 0xSP 0xPC", or "NR 0xA1 .. 0xA6 0xSP 0xPC" */
int proc_syscall_parse(const char *text, size_t len, struct proc_syscall *ret)
{
	struct proc_syscall s = { 0 };
	struct text t = text_of(text, len), line;
	int64_t nr;

	if (!text_line(&t, &line))
		return -EINVAL;
	if (text_is(&line, "running")) {
		*ret = (struct proc_syscall){ .running = true };
		return 0;
	}
	if (!text_s64(&line, &nr))
		return -EINVAL;
	s.nr = (long)nr;
	for (int i = 0; nr != -1 && i < 6; i++)
		if (!next_0x(&line, &s.arg[i]))
			return -EINVAL;
	if (!next_0x(&line, &s.sp) || !next_0x(&line, &s.pc) || !text_done(&line))
		return -EINVAL;
	*ret = s;
	return 0;
}

int proc_syscall_of(pid_t tid, struct proc_buf *b, struct proc_syscall *ret)
{
	int r = proc_read_of(tid, "syscall", b);

	if (r < 0)
		return r;
	return proc_syscall_parse(b->data, b->len, ret);
}
