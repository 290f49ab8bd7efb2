// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/mem.h"
#include "criu/kernel/proc_stat.h"
#include "criu/kernel/text.h"

/* NGROUPS_MAX of the kernel. */
#define GROUPS_MAX 65536u

typedef bool status_fn(struct text *t, void *ret);

static bool get_int(struct text *t, void *ret)
{
	return text_int(t, ret);
}

static bool get_u32(struct text *t, void *ret)
{
	return text_u32(t, ret);
}

static bool get_oct(struct text *t, void *ret)
{
	return text_oct32(t, ret);
}

static bool get_mask(struct text *t, void *ret)
{
	return text_hex(t, ret);
}

/* "   132 kB" */
static bool get_kb(struct text *t, void *ret)
{
	return text_next_u64(t, ret) && text_lit(t, " kB");
}

static bool get_bool(struct text *t, void *ret)
{
	uint32_t v;

	if (!text_u32(t, &v))
		return false;
	*(bool *)ret = v != 0;
	return true;
}

/* "S (sleeping)" */
static bool get_state(struct text *t, void *ret)
{
	if (text_empty(t))
		return false;
	*(char *)ret = *t->p;
	t->p = t->end;
	return true;
}

static bool get_ids(struct text *t, void *ret)
{
	uint32_t *v = ret;

	for (int i = 0; i < 4; i++) {
		text_blanks(t);
		if (!text_u32(t, &v[i]))
			return false;
	}
	return true;
}

/* Of NSpgid and NSsid only the innermost, the last, is of use. */
static bool get_last_pid(struct text *t, void *ret)
{
	do {
		if (!text_next_int(t, ret))
			return false;
	} while (!text_done(t));
	return true;
}

static bool get_shstk(struct text *t, void *ret)
{
	struct text word;

	while (!text_done(t) && text_word(t, &word))
		if (text_is(&word, "shstk"))
			*(bool *)ret = true;
	return true;
}

/* The kernel writes a newline as \n and a backslash as \\. */
static bool get_comm(struct text *t, void *ret)
{
	char *comm = ret;
	size_t nr = 0;

	while (!text_empty(t)) {
		char c = *t->p++;

		if (c == '\\') {
			if (text_empty(t))
				return false;
			c = *t->p++;
			c = c == 'n' ? '\n' : c;
		}
		if (nr + 1 >= PROC_COMM_MAX)
			return false;
		comm[nr++] = c;
	}
	comm[nr] = '\0';
	return true;
}

/* These two fill more than one member. */
static bool get_groups(struct text *t, void *ret)
{
	struct proc_status *s = ret;
	size_t cap = s->nr_groups;

	while (!text_done(t)) {
		uint32_t *v;

		if (s->nr_groups >= GROUPS_MAX)
			return false;
		v = array_push(s->groups, s->nr_groups, cap);
		if (!text_u32(t, v))
			return false;
	}
	return true;
}

static bool get_ns_pid(struct text *t, void *ret)
{
	struct proc_status *s = ret;

	for (s->nr_ns_pid = 0; !text_done(t); s->nr_ns_pid++)
		if (s->nr_ns_pid >= PROC_NS_PID_MAX || !text_int(t, &s->ns_pid[s->nr_ns_pid]))
			return false;
	return s->nr_ns_pid > 0;
}

struct status_key {
	const char *key;
	unsigned char len;
	bool needed; /* every kernel since 4.0 prints it */
	unsigned short offset;
	status_fn *get;
};

#define KEY_AT(name, need, offset, fn)                                                             \
	{                                                                                          \
		name ":\t", sizeof(name ":\t") - 1, need, offset, fn                               \
	}
#define NEED(name, member, fn) KEY_AT(name, true, offsetof(struct proc_status, member), fn)
#define KEY(name, member, fn)  KEY_AT(name, false, offsetof(struct proc_status, member), fn)

/* In the order of fs/proc/array.c: a line is mostly found at the first comparison. */
static const struct status_key keys[] = {
	NEED("Name", comm, get_comm),
	KEY("Umask", umask, get_oct),
	NEED("State", state, get_state),
	NEED("Tgid", tgid, get_int),
	NEED("Pid", pid, get_int),
	NEED("PPid", ppid, get_int),
	KEY("TracerPid", tracer_pid, get_int),
	NEED("Uid", uid, get_ids),
	NEED("Gid", gid, get_ids),
	KEY_AT("Groups", false, 0, get_groups),
	KEY_AT("NSpid", false, 0, get_ns_pid),
	KEY("NSpgid", ns_pgid, get_last_pid),
	KEY("NSsid", ns_sid, get_last_pid),
	KEY("Kthread", kthread, get_bool),
	KEY("VmSize", vm_size_kb, get_kb),
	KEY("VmLck", vm_lck_kb, get_kb),
	KEY("VmRSS", vm_rss_kb, get_kb),
	KEY("VmSwap", vm_swap_kb, get_kb),
	KEY("CoreDumping", core_dumping, get_bool),
	KEY("THP_enabled", thp_enabled, get_bool),
	KEY("Threads", threads, get_u32),
	KEY("SigPnd", sig_pnd, get_mask),
	KEY("ShdPnd", shd_pnd, get_mask),
	NEED("SigBlk", sig_blk, get_mask),
	KEY("SigIgn", sig_ign, get_mask),
	KEY("SigCgt", sig_cgt, get_mask),
	KEY("CapInh", cap_inh, get_mask),
	KEY("CapPrm", cap_prm, get_mask),
	NEED("CapEff", cap_eff, get_mask),
	KEY("CapBnd", cap_bnd, get_mask),
	KEY("CapAmb", cap_amb, get_mask),
	KEY("NoNewPrivs", no_new_privs, get_bool),
	KEY("Seccomp", seccomp, get_u32),
	KEY("Seccomp_filters", seccomp_filters, get_u32),
	KEY("x86_Thread_features", shstk, get_shstk),
};

static const struct status_key *key_find(struct text *line, size_t *hint)
{
	for (size_t n = 0, i = *hint; n < ARRAY_SIZE(keys); n++, i++) {
		const struct status_key *k;

		i = i < ARRAY_SIZE(keys) ? i : 0;
		k = &keys[i];
		if (text_empty(line) || *line->p != k->key[0] || !text_str(line, k->key, k->len))
			continue;
		*hint = i + 1;
		return k;
	}
	return NULL;
}

static bool all_needed(uint64_t seen)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].needed && !(seen & 1ull << i))
			return false;
	return true;
}

static int status_lines(struct text t, struct proc_status *s)
{
	size_t hint = 0;
	uint64_t seen = 0;
	struct text line;

	while (text_line(&t, &line)) {
		const struct status_key *k = key_find(&line, &hint);

		if (!k)
			continue;
		if (seen & 1ull << (k - keys))
			return -EINVAL;
		seen |= 1ull << (k - keys);
		if (!k->get(&line, (char *)s + k->offset) || !text_done(&line))
			return -EINVAL;
	}
	return all_needed(seen) ? 0 : -EINVAL;
}

int proc_status_parse(const char *text, size_t len, struct proc_status *ret)
{
	struct proc_status s = { 0 };
	int r = status_lines(text_of(text, len), &s);

	if (r < 0) {
		free(s.groups);
		return r;
	}
	*ret = s;
	return 0;
}

int proc_status_of(pid_t tid, struct proc_buf *b, struct proc_status *ret)
{
	int r = proc_read_of(tid, "status", b);

	return r < 0 ? r : proc_status_parse(b->data, b->len, ret);
}

int proc_status_read(int dirfd, pid_t tid, struct proc_buf *b, struct proc_status *ret)
{
	int r = proc_read_tid(dirfd, tid, "status", b);

	if (r < 0)
		return r;
	return proc_status_parse(b->data, b->len, ret);
}

void proc_status_done(struct proc_status *s)
{
	free(s->groups);
	s->groups = NULL;
	s->nr_groups = 0;
}
