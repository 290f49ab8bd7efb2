// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/proc_stat.h"

#include <errno.h>
#include <string.h>

#include "criu/kernel/text.h"

/* The numbers of fields 4 to 52 of proc(5). */
enum {
	F_PPID = 4,
	F_PGRP,
	F_SESSION,
	F_TTY_NR,
	F_TPGID,
	F_FLAGS,
	F_MINFLT,
	F_CMINFLT,
	F_MAJFLT,
	F_CMAJFLT,
	F_UTIME,
	F_STIME,
	F_CUTIME,
	F_CSTIME,
	F_PRIORITY,
	F_NICE,
	F_NUM_THREADS,
	F_ITREALVALUE,
	F_STARTTIME,
	F_VSIZE,
	F_RSS,
	F_RSSLIM,
	F_STARTCODE,
	F_ENDCODE,
	F_STARTSTACK,
	F_KSTKESP,
	F_KSTKEIP,
	F_SIGNAL,
	F_BLOCKED,
	F_SIGIGNORE,
	F_SIGCATCH,
	F_WCHAN,
	F_NSWAP,
	F_CNSWAP,
	F_EXIT_SIGNAL,
	F_PROCESSOR,
	F_RT_PRIORITY,
	F_POLICY,
	F_DELAYACCT,
	F_GUEST_TIME,
	F_CGUEST_TIME,
	F_START_DATA,
	F_END_DATA,
	F_START_BRK,
	F_ARG_START,
	F_ARG_END,
	F_ENV_START,
	F_ENV_END,
	F_EXIT_CODE,
	F_NR
};

/* Signed fields keep their bits. A field that a later kernel adds is ignored. */
static bool stat_fields(struct text *t, uint64_t *v)
{
	for (int i = F_PPID; i < F_NR; i++) {
		bool minus;

		if (!text_char(t, ' '))
			return false;
		minus = text_char(t, '-');
		if (!text_number(t, 10, minus ? 1ull << 63 : UINT64_MAX, &v[i]))
			return false;
		if (minus)
			v[i] = 0 - v[i];
	}
	return text_empty(t) || *t->p == ' ' || *t->p == '\n';
}

static bool fits_int(uint64_t v)
{
	return (int64_t)v >= INT32_MIN && (int64_t)v <= INT32_MAX;
}

static bool stat_ints_fit(const uint64_t *v)
{
	static const unsigned char ints[] = { F_PPID,      F_PGRP,      F_SESSION,    F_TTY_NR,
					      F_TPGID,     F_PRIORITY,  F_NICE,       F_NUM_THREADS,
					      F_PROCESSOR, F_EXIT_CODE, F_EXIT_SIGNAL };

	for (size_t i = 0; i < sizeof(ints); i++)
		if (!fits_int(v[ints[i]]))
			return false;
	return v[F_FLAGS] <= UINT32_MAX && v[F_RT_PRIORITY] <= UINT32_MAX &&
	       v[F_POLICY] <= UINT32_MAX;
}

static void stat_fill(const uint64_t *v, struct proc_stat *s)
{
	s->ppid = (pid_t)v[F_PPID];
	s->pgrp = (pid_t)v[F_PGRP];
	s->session = (pid_t)v[F_SESSION];
	s->tty_nr = (int)v[F_TTY_NR];
	s->tpgid = (pid_t)v[F_TPGID];
	s->flags = (uint32_t)v[F_FLAGS];
	s->min_flt = v[F_MINFLT];
	s->maj_flt = v[F_MAJFLT];
	s->utime = v[F_UTIME];
	s->stime = v[F_STIME];
	s->priority = (int)v[F_PRIORITY];
	s->nice = (int)v[F_NICE];
	s->num_threads = (int)v[F_NUM_THREADS];
	s->starttime = v[F_STARTTIME];
	s->vsize = v[F_VSIZE];
	s->rss_pages = v[F_RSS];
	s->start_code = v[F_STARTCODE];
	s->end_code = v[F_ENDCODE];
	s->start_stack = v[F_STARTSTACK];
	s->wchan = v[F_WCHAN];
	s->exit_signal = (int)v[F_EXIT_SIGNAL];
	s->processor = (int)v[F_PROCESSOR];
	s->rt_priority = (uint32_t)v[F_RT_PRIORITY];
	s->policy = (uint32_t)v[F_POLICY];
	s->start_data = v[F_START_DATA];
	s->end_data = v[F_END_DATA];
	s->start_brk = v[F_START_BRK];
	s->arg_start = v[F_ARG_START];
	s->arg_end = v[F_ARG_END];
	s->env_start = v[F_ENV_START];
	s->env_end = v[F_ENV_END];
	s->exit_code = (int)v[F_EXIT_CODE];
}

int proc_stat_parse(const char *text, size_t len, struct proc_stat *ret)
{
	struct text t = text_of(text, len);
	struct proc_stat s = { 0 };
	uint64_t v[F_NR];
	const char *close;
	size_t comm_len;

	if (!text_int(&t, &s.pid) || !text_lit(&t, " ("))
		return -EINVAL;
	/* The name may hold parentheses, blanks and newlines; what follows holds none. */
	close = memrchr(t.p, ')', text_len(&t));
	if (!close || close - t.p >= PROC_COMM_MAX)
		return -EINVAL;
	comm_len = (size_t)(close - t.p);
	memcpy(s.comm, t.p, comm_len);
	t.p = close + 1;
	if (!text_char(&t, ' ') || text_empty(&t))
		return -EINVAL;
	s.state = *t.p++;
	if (!stat_fields(&t, v) || !stat_ints_fit(v))
		return -EINVAL;
	stat_fill(v, &s);
	*ret = s;
	return 0;
}

int proc_stat_read(int dirfd, pid_t tid, struct proc_buf *b, struct proc_stat *ret)
{
	int r = proc_read_tid(dirfd, tid, "stat", b);

	if (r < 0)
		return r;
	return proc_stat_parse(b->data, b->len, ret);
}
