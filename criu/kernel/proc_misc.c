// SPDX-License-Identifier: GPL-2.0-only
/* Files of one number, links, namespaces, and what is left. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/proc_task.h"
#include "criu/kernel/text.h"

int proc_auxv_read(int dirfd, struct proc_buf *b, uint64_t *ret, size_t max, size_t *ret_nr)
{
	size_t words;
	int r = proc_read(dirfd, "auxv", b);

	if (r < 0)
		return r;
	words = b->len / sizeof(*ret);
	if (words > max)
		return -E2BIG;
	memcpy(ret, b->data, words * sizeof(*ret));
	*ret_nr = words;
	return 0;
}

static int number_read(int dirfd, pid_t tid, const char *name, unsigned int base,
		       struct proc_buf *b, int64_t *ret)
{
	uint64_t hex = 0;
	int64_t v = 0;
	struct text t;
	int r = proc_read_tid(dirfd, tid, name, b);

	if (r < 0)
		return r;
	t = text_of(b->data, b->len);
	if (base == 10 ? !text_s64(&t, &v) : !text_number(&t, 16, INT64_MAX, &hex))
		return -EINVAL;
	text_char(&t, '\n');
	if (!text_done(&t))
		return -EINVAL;
	*ret = base == 10 ? v : (int64_t)hex;
	return 0;
}

static int u32_read(int dirfd, pid_t tid, const char *name, unsigned int base, struct proc_buf *b,
		    uint32_t *ret)
{
	int64_t v;
	int r = number_read(dirfd, tid, name, base, b, &v);

	if (r < 0)
		return r;
	if (v < 0 || v > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)v;
	return 0;
}

int proc_personality_read(int dirfd, pid_t tid, struct proc_buf *b, uint32_t *ret)
{
	return u32_read(dirfd, tid, "personality", 16, b, ret);
}

int proc_loginuid_read(int dirfd, struct proc_buf *b, uint32_t *ret)
{
	return u32_read(dirfd, 0, "loginuid", 10, b, ret);
}

int proc_sessionid_read(int dirfd, struct proc_buf *b, uint32_t *ret)
{
	return u32_read(dirfd, 0, "sessionid", 10, b, ret);
}

int proc_pid_max_read(struct proc_buf *b, uint32_t *ret)
{
	return u32_read(AT_FDCWD, 0, "/proc/sys/kernel/pid_max", 10, b, ret);
}

int proc_coredump_filter_read(int dirfd, struct proc_buf *b, uint32_t *ret)
{
	return u32_read(dirfd, 0, "coredump_filter", 16, b, ret);
}

int proc_oom_score_adj_read(int dirfd, struct proc_buf *b, int *ret)
{
	int64_t v;
	int r = number_read(dirfd, 0, "oom_score_adj", 10, b, &v);

	if (r < 0)
		return r;
	if (v < -1000 || v > 1000)
		return -EINVAL;
	*ret = (int)v;
	return 0;
}

int proc_timerslack_read(int procfd, pid_t tid, struct proc_buf *b, uint64_t *ret_ns)
{
	cleanup_close int dirfd = procfd < 0 ? proc_open(tid) : proc_open_at(procfd, tid);
	int64_t v;
	int r;

	if (dirfd < 0)
		return dirfd;
	r = number_read(dirfd, 0, "timerslack_ns", 10, b, &v);
	if (r < 0)
		return r;
	*ret_ns = (uint64_t)v;
	return 0;
}

/* "/autogroup-8 nice 0" */
int proc_autogroup_read(int dirfd, struct proc_buf *b, int *ret_nice)
{
	struct text t, word;
	int r = proc_read(dirfd, "autogroup", b);

	if (r < 0)
		return r;
	if (b->len == 0)
		return -ENOENT;
	t = text_of(b->data, b->len);
	if (!text_word(&t, &word) || !text_lit(&t, " nice ") || !text_int(&t, &r))
		return -EINVAL;
	*ret_nice = r;
	return 0;
}

/* "name      :   ", then a number. */
static bool sched_name(struct text *line, const char *name)
{
	if (!text_str(line, name, strlen(name)))
		return false;
	text_blanks(line);
	if (!text_char(line, ':'))
		return false;
	text_blanks(line);
	return true;
}

/* "se.exec_start      :        952792.020101": milliseconds and the nanoseconds within. */
int proc_sched_parse(const char *text, size_t len, uint64_t *ret_ns, uint64_t *ret_switches)
{
	struct text t = text_of(text, len), line;
	uint64_t ms = 0, ns = 0, switches = 0;
	bool has_start = false, has_switches = false;

	while (text_line(&t, &line) && !(has_start && has_switches)) {
		if (sched_name(&line, "se.exec_start")) {
			if (!text_number(&line, 10, UINT64_MAX / 1000000 - 1, &ms) ||
			    !text_char(&line, '.') || text_len(&line) < 6 ||
			    !text_number(&line, 10, 999999, &ns))
				return -EINVAL;
			has_start = true;
		} else if (sched_name(&line, "nr_voluntary_switches")) {
			if (!text_number(&line, 10, UINT64_MAX, &switches))
				return -EINVAL;
			has_switches = true;
		}
	}
	if (!has_start || !has_switches)
		return -EINVAL;
	*ret_ns = ms * 1000000 + ns;
	*ret_switches = switches;
	return 0;
}

int proc_sched_read(int dirfd, pid_t tid, struct proc_buf *b, uint64_t *ret_ns,
		    uint64_t *ret_switches)
{
	int r = proc_read_tid(dirfd, tid, "sched", b);

	if (r < 0)
		return r;
	return proc_sched_parse(b->data, b->len, ret_ns, ret_switches);
}

static int link_read(int dirfd, pid_t tid, const char *name, char *buf, size_t size)
{
	char path[64];
	int r = proc_path(path, sizeof(path), tid, name);

	if (r < 0)
		return r;
	return proc_link(dirfd, path, buf, size);
}

int proc_exe_link(int dirfd, char *buf, size_t size)
{
	return link_read(dirfd, 0, "exe", buf, size);
}

int proc_cwd_link(int dirfd, pid_t tid, char *buf, size_t size)
{
	return link_read(dirfd, tid, "cwd", buf, size);
}

int proc_root_link(int dirfd, pid_t tid, char *buf, size_t size)
{
	return link_read(dirfd, tid, "root", buf, size);
}

int proc_ns_link_parse(const char *link, uint64_t *ret)
{
	struct text t = text_of(link, strlen(link));
	uint64_t ino;
	const char *open = memchr(t.p, '[', text_len(&t));

	if (!open || open == t.p || open[-1] != ':')
		return -EINVAL;
	t.p = open + 1;
	if (!text_u64(&t, &ino) || !text_char(&t, ']') || !text_empty(&t))
		return -EINVAL;
	*ret = ino;
	return 0;
}

static const struct {
	const char *path;
	size_t offset;
	bool needed;
} ns_links[] = {
#define NS(name, needed)                                                                           \
	{                                                                                          \
		"ns/" #name, offsetof(struct proc_ns, name), needed                                \
	}
	NS(pid, true),
	NS(pid_for_children, false), /* also -ENOENT while an unshared pid namespace is empty */
	NS(net, true),
	NS(ipc, true),
	NS(uts, true),
	NS(mnt, true),
	NS(user, false),
	NS(cgroup, false),
	NS(time, false),
	NS(time_for_children, false),
#undef NS
};

int proc_ns_read(int dirfd, pid_t tid, struct proc_ns *ret)
{
	struct proc_ns ns = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(ns_links); i++) {
		uint64_t *to = (uint64_t *)(void *)((char *)&ns + ns_links[i].offset);
		char link[64];
		int r = link_read(dirfd, tid, ns_links[i].path, link, sizeof(link));

		if (r == -ENOENT && !ns_links[i].needed)
			continue;
		if (r < 0)
			return r;
		r = proc_ns_link_parse(link, to);
		if (r < 0)
			return r;
	}
	*ret = ns;
	return 0;
}
