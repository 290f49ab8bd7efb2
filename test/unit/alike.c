// SPDX-License-Identifier: GPL-2.0-only
/*
 * Types and iterators of the kernel. What alike.h leaves unread has to be what /proc says: children
 * that differ in one thing each are read together, and alone.
 */
#include "criu/kernel/alike.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/btf.h"
#include "criu/kernel/proc.h"
#include "test/unit/test.h"

#include <linux/btf.h>

static void no_change(void)
{
}

static void change_umask(void)
{
	umask(0123);
}

static void change_uid(void)
{
	if (setresuid(0, 0, 1234) < 0)
		_exit(1);
}

static void change_groups(void)
{
	if (setgroups(2, (const gid_t[]){ 7, 8 }) < 0)
		_exit(1);
}

static void drop_bounding(void)
{
	if (prctl(PR_CAPBSET_DROP, CAP_MKNOD, 0, 0, 0) < 0)
		_exit(1);
}

static void drop_effective(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	if (syscall(SYS_capget, &h, d) < 0)
		_exit(1);
	d[0].effective &= ~(1u << CAP_CHOWN);
	if (syscall(SYS_capset, &h, d) < 0)
		_exit(1);
}

static void set_no_new_privs(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		_exit(1);
}

static void block_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void leave_pending(void)
{
	block_signal();
	raise(SIGUSR1);
}

static void on_signal(int sig)
{
	(void)sig;
}

static void handle_signal(void)
{
	signal(SIGWINCH, on_signal);
}

static void change_dir(void)
{
	if (chdir("/") < 0)
		_exit(1);
}

static void change_ns(void)
{
	if (unshare(CLONE_NEWUTS) < 0)
		_exit(1);
}

static void change_pid_ns(void)
{
	if (unshare(CLONE_NEWPID) < 0)
		_exit(1);
}

static void rename_it(void)
{
	prctl(PR_SET_NAME, "an\\odd\nname");
}

/* More and other mappings. */
static void map_memory(void)
{
	char *p =
	    mmap(NULL, 8 * PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || madvise(p, PAGE_BYTES, MADV_DONTDUMP) < 0 ||
	    madvise(p + 2 * PAGE_BYTES, PAGE_BYTES, MADV_WIPEONFORK) < 0 ||
	    mprotect(p + 4 * PAGE_BYTES, PAGE_BYTES, PROT_NONE) < 0 ||
	    mlock(p + 6 * PAGE_BYTES, PAGE_BYTES) < 0)
		_exit(1);
}

static void enter_seccomp(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
}

static void open_file(void)
{
	if (open("/dev/null", O_RDONLY) < 0)
		_exit(1);
}

/* The table is made larger. */
static void open_far(void)
{
	if (fcntl(0, F_DUPFD, 300) < 0)
		_exit(1);
}

static void write_file(const char *path, const char *text)
{
	cleanup_close int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		_exit(1);
}

static void change_score(void)
{
	write_file("/proc/self/oom_score_adj", "13");
}

static void change_filter(void)
{
	write_file("/proc/self/coredump_filter", "0x3");
}

static void make_timer(void)
{
	timer_t t;

	if (timer_create(CLOCK_MONOTONIC, NULL, &t) < 0)
		_exit(1);
}

static void lower_limit(void)
{
	struct rlimit l = { 100, 200 };

	if (setrlimit(RLIMIT_NOFILE, &l) < 0)
		_exit(1);
}

static void found_group(void)
{
	if (setpgid(0, 0) < 0)
		_exit(1);
}

static void found_session(void)
{
	if (setsid() < 0)
		_exit(1);
}

static void (*const variants[])(void) = {
	no_change,     no_change,        change_umask,  change_uid,    change_groups,
	drop_bounding, drop_effective,   block_signal,  leave_pending, handle_signal,
	change_dir,    set_no_new_privs, change_ns,     change_pid_ns, rename_it,
	map_memory,    no_change,        enter_seccomp, open_file,     open_far,
	make_timer,    change_score,     change_filter, lower_limit,   found_group,
	found_session, no_change,
};

static pid_t child_start(void (*change)(void), int ready[2])
{
	pid_t pid = fork();

	if (pid)
		return pid;
	if (change == enter_seccomp) {
		/* May write, and then nothing but to wait to be killed. */
		enter_seccomp();
		syscall(SYS_write, ready[1], "", 1);
		for (;;)
			syscall(SYS_read, ready[0], &(char){ 0 }, 0);
	}
	change();
	if (write(ready[1], "", 1) == 1)
		pause();
	_exit(1);
}

static void status_check(const struct proc_status *is, const struct proc_status *should)
{
	uint64_t signals = 1ull << (SIGURG - 1) | 1ull << (SIGWINCH - 1) | 1ull << (SIGCHLD - 1);

	CHECK_STR_EQ(is->comm, should->comm);
	CHECK_INT_EQ(is->pid, should->pid);
	CHECK_INT_EQ(is->umask, should->umask);
	CHECK(!memcmp(is->uid, should->uid, sizeof(is->uid)));
	CHECK(!memcmp(is->gid, should->gid, sizeof(is->gid)));
	if (CHECK_INT_EQ(is->nr_groups, should->nr_groups) && is->nr_groups)
		CHECK(!memcmp(is->groups, should->groups, is->nr_groups * sizeof(*is->groups)));
	CHECK_INT_EQ(is->no_new_privs, should->no_new_privs);
	CHECK_INT_EQ(is->seccomp, should->seccomp);
	CHECK_INT_EQ(is->seccomp_filters, should->seccomp_filters);
	CHECK_INT_EQ(is->sig_pnd, should->sig_pnd);
	CHECK_INT_EQ(is->shd_pnd, should->shd_pnd);
	CHECK_INT_EQ(is->sig_blk, should->sig_blk);
	CHECK_INT_EQ(is->sig_cgt & signals, should->sig_cgt & signals);
	CHECK_INT_EQ(is->cap_inh, should->cap_inh);
	CHECK_INT_EQ(is->cap_prm, should->cap_prm);
	CHECK_INT_EQ(is->cap_eff, should->cap_eff);
	CHECK_INT_EQ(is->cap_bnd, should->cap_bnd);
	CHECK_INT_EQ(is->cap_amb, should->cap_amb);
}

static void smaps_check(const struct proc_vmas *is, const struct proc_vmas *should)
{
	if (!CHECK_INT_EQ(is->nr, should->nr))
		return;
	for (size_t i = 0; i < is->nr; i++) {
		CHECK_INT_EQ(is->v[i].start, should->v[i].start);
		CHECK_INT_EQ(is->v[i].end, should->v[i].end);
		CHECK_INT_EQ(is->v[i].pgoff, should->v[i].pgoff);
		CHECK_INT_EQ(is->v[i].ino, should->v[i].ino);
		CHECK_INT_EQ(is->v[i].prot, should->v[i].prot);
		CHECK(is->v[i].vmflags_known);
		CHECK_INT_EQ(is->v[i].vmflags, should->v[i].vmflags);
		CHECK_STR_EQ(is->v[i].path, should->v[i].path);
	}
}

static void links_check(struct alike *a, pid_t pid, int proc)
{
	static const char *const names[VIEW_LINKS] = { "exe", "cwd", "root" };

	for (size_t i = 0; i < VIEW_LINKS; i++) {
		cleanup_free char *path = NULL;
		struct stat st, should;
		char link[4096];

		CHECK_INT_EQ(alike_link_read(a, pid, proc, (enum view_link)i, &path, &st), 0);
		if (CHECK(proc_link(proc, names[i], link, sizeof(link)) > 0) &&
		    CHECK(fstatat(proc, names[i], &should, 0) == 0)) {
			CHECK_STR_EQ(path, link);
			CHECK_INT_EQ(st.st_ino, should.st_ino);
		}
	}
}

static void stat_check(struct alike *a, pid_t pid, int proc, struct proc_buf *b)
{
	struct proc_stat is, should;

	if (!CHECK_INT_EQ(alike_stat_read(a, pid, proc, b, &is), 0) ||
	    !CHECK_INT_EQ(proc_stat_read(proc, 0, b, &should), 0))
		return;
	CHECK_INT_EQ(is.pid, should.pid);
	CHECK_STR_EQ(is.comm, should.comm);
	CHECK_INT_EQ(is.ppid, should.ppid);
	CHECK_INT_EQ(is.pgrp, should.pgrp);
	CHECK_INT_EQ(is.session, should.session);
	CHECK_INT_EQ(is.tty_nr, should.tty_nr);
	CHECK_INT_EQ(is.tpgid, should.tpgid);
	CHECK_INT_EQ(is.flags, should.flags);
	CHECK_INT_EQ(is.rss_pages, should.rss_pages);
	CHECK_INT_EQ(is.exit_signal, should.exit_signal);
	CHECK_INT_EQ(is.exit_code, should.exit_code);
	CHECK_INT_EQ(is.start_code, should.start_code);
	CHECK_INT_EQ(is.end_code, should.end_code);
	CHECK_INT_EQ(is.start_data, should.start_data);
	CHECK_INT_EQ(is.end_data, should.end_data);
	CHECK_INT_EQ(is.start_brk, should.start_brk);
	CHECK_INT_EQ(is.start_stack, should.start_stack);
	CHECK_INT_EQ(is.arg_start, should.arg_start);
	CHECK_INT_EQ(is.arg_end, should.arg_end);
	CHECK_INT_EQ(is.env_start, should.env_start);
	CHECK_INT_EQ(is.env_end, should.env_end);
}

#define WORDS 128

static void process_check(struct alike *a, pid_t pid, int proc, struct proc_buf *b)
{
	cleanup_proc_timers struct proc_timers timers = { 0 }, timers_should = { 0 };
	cleanup_proc_fds struct proc_fds fds = { 0 }, fds_should = { 0 };
	uint64_t words[WORDS], words_should[WORDS];
	struct proc_numbers numbers;
	struct proc_limits limits, limits_should;
	size_t nr, nr_should;
	uint32_t filter;
	int oom_score;

	stat_check(a, pid, proc, b);
	if (CHECK_INT_EQ(alike_limits_read(a, pid, proc, b, &limits), 0) &&
	    CHECK_INT_EQ(proc_limits_read(proc, b, &limits_should), 0))
		CHECK(!memcmp(&limits, &limits_should, sizeof(limits)));
	if (CHECK_INT_EQ(alike_auxv_read(a, pid, proc, b, words, WORDS, &nr), 0) &&
	    CHECK_INT_EQ(proc_auxv_read(proc, b, words_should, WORDS, &nr_should), 0) &&
	    CHECK_INT_EQ(nr, nr_should))
		CHECK(!memcmp(words, words_should, nr * sizeof(*words)));
	if (CHECK_INT_EQ(alike_timers_read(a, pid, proc, b, &timers), 0) &&
	    CHECK_INT_EQ(proc_timers_read(proc, b, &timers_should), 0))
		CHECK_INT_EQ(timers.nr, timers_should.nr);
	if (CHECK_INT_EQ(alike_numbers_read(a, pid, b, &numbers), 0) &&
	    CHECK_INT_EQ(proc_oom_score_adj_read(proc, b, &oom_score), 0))
		CHECK_INT_EQ(numbers.oom_score_adj, oom_score);
	if (CHECK(proc_coredump_filter_read(proc, b, &filter) >= 0))
		CHECK_INT_EQ(numbers.coredump_filter, filter);
	if (CHECK_INT_EQ(alike_fds_read(a, pid, proc, &fds), 0) &&
	    CHECK_INT_EQ(proc_fds_read(proc, 0, &fds_should), 0) &&
	    CHECK_INT_EQ(fds.nr, fds_should.nr))
		CHECK(!memcmp(fds.v, fds_should.v, fds.nr * sizeof(*fds.v)));
}

static void child_check(struct alike *a, pid_t pid)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_proc_status struct proc_status is = { 0 }, should = { 0 };
	cleanup_proc_vmas struct proc_vmas maps = { 0 }, smaps = { 0 };
	cleanup_close int proc = proc_open(pid);
	struct proc_ns ns, ns_should;

	if (!CHECK(proc >= 0))
		return;
	if (CHECK_INT_EQ(alike_ns_read(a, pid, proc, &ns), 0) &&
	    CHECK_INT_EQ(proc_ns_read(proc, 0, &ns_should), 0))
		CHECK(!memcmp(&ns, &ns_should, sizeof(ns)));
	if (CHECK_INT_EQ(alike_status_read(a, pid, &b, &is), 0) &&
	    CHECK_INT_EQ(proc_status_of(pid, &b, &should), 0))
		status_check(&is, &should);
	if (CHECK_INT_EQ(alike_smaps_read(a, pid, proc, &b, &maps), 0) &&
	    CHECK_INT_EQ(proc_smaps_read(proc, &b, &smaps), 0))
		smaps_check(&maps, &smaps);
	process_check(a, pid, proc, &b);
	links_check(a, pid, proc);
}

static void children_check(struct alike *a, const pid_t *pids)
{
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		test_note("variant %zu, %s view", i, a->view ? "with a" : "without");
		child_check(a, pids[i]);
	}
	test_note(NULL);
}

/* Mappings of all of them in one pass, and who is like whom. */
static void mappings_check(struct taskview *view, const pid_t *pids)
{
	struct proc_vmas is[ARRAY_SIZE(variants)] = { { 0 } }, should;
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct alike a = { .view = view };
	uint64_t mms[ARRAY_SIZE(variants)];
	size_t nr_like = 0;

	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		mms[i] = taskview_find(view, pids[i])->mm;
	taskview_read_vmas(view, mms, ARRAY_SIZE(mms), ARRAY_SIZE(mms) * 512);
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		cleanup_close int proc = proc_open(pids[i]);
		const struct view_vma *seen = NULL;

		test_note("variant %zu, mappings of all together", i);
		CHECK(taskview_vmas_of(view, mms[i], &seen) > 0);
		if (CHECK_INT_EQ(alike_smaps_read(&a, pids[i], proc, &b, &is[i]), 0) &&
		    CHECK_INT_EQ(proc_smaps_read(proc, &b, &should), 0)) {
			smaps_check(&is[i], &should);
			proc_vmas_done(&should);
		}
		CHECK(is[i].like != NULL);
		for (size_t k = 0; k < i; k++) {
			if (is[i].like != is[k].like)
				continue;
			smaps_check(&is[i], &is[k]);
			nr_like++;
		}
	}
	/* All but the one that has other mappings. */
	CHECK_INT_EQ(nr_like, (ARRAY_SIZE(variants) - 1) * (ARRAY_SIZE(variants) - 2) / 2);
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		proc_vmas_done(&is[i]);
	alike_done(&a);
	test_note(NULL);
}

TEST(alike_says_what_proc_says)
{
	struct taskview view = { 0 };
	struct alike with = { .view = &view }, without = { 0 };
	pid_t pids[ARRAY_SIZE(variants)];
	int ready[2], r = taskview_open(&view, VIEW_OF_ALL);
	char byte;

	if (r == -ENOENT)
		test_skip("types of the kernel (CONFIG_DEBUG_INFO_BTF)");
	if (!CHECK_INT_EQ(r, 0))
		return;
	if (!CHECK(pipe(ready) == 0))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		pids[i] = child_start(variants[i], ready);
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++)
		CHECK(read(ready[0], &byte, 1) == 1);
	if (CHECK_INT_EQ(taskview_read(&view, NULL, 0), 0) &&
	    CHECK_INT_EQ(taskview_read_processes(&view, pids, ARRAY_SIZE(pids)), 0)) {
		CHECK_INT_EQ(view.nr_processes, ARRAY_SIZE(pids));
		children_check(&with, pids);
		/* They have differed in as much, and those that were alike were found to be. */
		CHECK_INT_EQ(with.nr_ns, 3);
		CHECK_INT_EQ(with.nr_statuses, 10);
		CHECK_INT_EQ(with.nr_links, 4);
		CHECK_INT_EQ(with.nr_maps, 2);
		CHECK_INT_EQ(with.nr_auxvs, 1);
		CHECK_INT_EQ(with.nr_fds, 3);
		CHECK_INT_EQ(with.nr_numbers, 3);
		CHECK_INT_EQ(with.nr_stats, view.has_rss ? 4 : 0);
		mappings_check(&view, pids);
		children_check(&without, pids);
	}
	/* Of two of them only. */
	if (CHECK_INT_EQ(taskview_read(&view, pids, 2), 0)) {
		CHECK_INT_EQ(view.nr, 2);
		CHECK(taskview_find(&view, pids[0]) && taskview_find(&view, pids[1]));
	}
	alike_done(&with);
	alike_done(&without);
	taskview_done(&view);
	for (size_t i = 0; i < ARRAY_SIZE(variants); i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
}

#define SEEN(raw, vmflags, pkey) ((struct alike_flags){ raw, vmflags, pkey })

/* Bits 1 and 2 are the rights, 4 has no letters, 8 and 16 were only seen together, 32 and 64 are
 * those of a key. */
TEST(alike_flags_are_bits)
{
	const uint64_t rd = PROC_VMF(RD), wr = PROC_VMF(WR), mr = PROC_VMF(MR), mw = PROC_VMF(MW);
	const struct alike_flags seen[] = {
		SEEN(ALIKE_NO_FLAGS, PROC_VMF(DD), 0),
		SEEN(1 | 4 | 8 | 16, rd | mr | mw, 0),
		SEEN(1 | 2 | 8 | 16, rd | wr | mr | mw, 0),
		SEEN(8 | 16, mr | mw, 0),
		SEEN(1, rd, 0),
		SEEN(1 | 32, rd, 1),
		SEEN(1 | 64 | 2, rd | wr, 2),
	};
	const struct alike_flags several[] = { SEEN(1, rd, 0), SEEN(2, rd, 0) };
	const struct alike_flags other[] = { SEEN(0, 0, 0), SEEN(1 | 2, PROC_VMF_OTHER, 0),
					     SEEN(1, 0, 0) };
	struct alike_flags f = { 0 };

	CHECK(alike_flags_know(seen, ARRAY_SIZE(seen), 2 | 4 | 8 | 16, &f));
	CHECK_INT_EQ(f.raw, 2 | 4 | 8 | 16);
	CHECK_INT_EQ(f.vmflags, wr | mr | mw);
	CHECK_INT_EQ(f.pkey, 0);
	CHECK(alike_flags_know(seen, ARRAY_SIZE(seen), 2 | 32 | 64, &f));
	CHECK_INT_EQ(f.vmflags, wr);
	CHECK_INT_EQ(f.pkey, 3);
	CHECK(alike_flags_know(seen, ARRAY_SIZE(seen), ALIKE_NO_FLAGS, &f));
	CHECK_INT_EQ(f.vmflags, PROC_VMF(DD));
	/* One of two that were always together; one that was never there; nothing seen. */
	CHECK(!alike_flags_know(seen, ARRAY_SIZE(seen), 1 | 8, &f));
	CHECK(!alike_flags_know(seen, ARRAY_SIZE(seen), 1 | 128, &f));
	CHECK(!alike_flags_know(seen, 0, 1, &f));
	CHECK(!alike_flags_know(seen + 1, ARRAY_SIZE(seen) - 1, ALIKE_NO_FLAGS, &f));
	/* Letters that no bit can be found for, and letters that nobody knows. */
	CHECK(!alike_flags_know(several, ARRAY_SIZE(several), 1 | 2, &f));
	CHECK(!alike_flags_know(other, ARRAY_SIZE(other), 2, &f));
}

/* What smaps says of mappings is what can be concluded from others. */
TEST(alike_knows_usual_flags)
{
	const size_t len = 1ul << 16;
	struct taskview view = { 0 };
	struct alike a = { .view = &view };
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_vmas maps = { 0 }, smaps = { 0 };
	int self, r = taskview_open(&view, VIEW_OF_ALL);
	char *at;

	if (r == -ENOENT)
		test_skip("types of the kernel (CONFIG_DEBUG_INFO_BTF)");
	if (!CHECK_INT_EQ(r, 0))
		return;
	CHECK_INT_EQ(alike_learn_flags(&a), 0);
	at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		  0);
	CHECK(at != MAP_FAILED && !madvise(at, len / 2, MADV_DONTFORK) &&
	      !madvise(at + len / 4, len / 2, MADV_RANDOM) && !mlock(at + len / 2, len / 4) &&
	      !madvise(at, len, MADV_DONTDUMP) && !mprotect(at + len / 8, len / 4, PROT_READ));
	self = proc_open(getpid());
	if (CHECK_INT_EQ(proc_smaps_read(self, &b, &smaps), 0) &&
	    CHECK_INT_EQ(alike_smaps_read(&a, getpid(), self, &b, &maps), 0)) {
		smaps_check(&maps, &smaps);
		/* smaps itself would count. */
		CHECK(proc_vmas_find(&smaps, (uintptr_t)at + len / 2)->rss_kb > 0);
		CHECK_INT_EQ(proc_vmas_find(&maps, (uintptr_t)at + len / 2)->rss_kb, 0);
	}
	close(self);
	alike_done(&a);
	taskview_done(&view);
}

TEST(taskview_knows_who_shares)
{
	struct taskview view = { 0 };
	const struct view_thread *self, *child;
	int ready[2], r = taskview_open(&view, VIEW_OF_ALL);
	pid_t pid;
	char byte;

	if (r == -ENOENT)
		test_skip("types of the kernel (CONFIG_DEBUG_INFO_BTF)");
	if (!CHECK_INT_EQ(r, 0))
		return;
	if (!CHECK(pipe(ready) == 0))
		return;
	pid = (pid_t)syscall(SYS_clone, CLONE_FS | CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (!pid) {
		if (write(ready[1], "", 1) == 1)
			pause();
		_exit(1);
	}
	CHECK(read(ready[0], &byte, 1) == 1);
	CHECK_INT_EQ(taskview_read(&view, NULL, 0), 0);
	self = taskview_find(&view, getpid());
	child = taskview_find(&view, pid);
	if (CHECK(self) && CHECK(child)) {
		CHECK(self->mm != child->mm);
		CHECK(self->fs == child->fs);
		CHECK(self->files == child->files);
		CHECK(self->cgroups == child->cgroups);
	}
	CHECK(!taskview_find(&view, 0));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	taskview_done(&view);
}

/* --- calls ------------------------------------------------------------------------------- */

/* Asleep in each of these; the last runs. */
static void sleeper(int which, const int *never)
{
	struct timespec hour = { .tv_sec = 3600 };
	char byte;

	switch (which) {
	case 0:
		syscall(SYS_nanosleep, &hour, NULL);
		break;
	case 1:
		syscall(SYS_pause);
		break;
	case 2:
		syscall(SYS_read, never[0], &byte, 1ul);
		break;
	default:
		for (;;)
			;
	}
	_exit(1);
}

static bool says_the_same(const struct view_call *seen, const struct proc_syscall *call)
{
	return call->running ? !seen->is_asleep
			     : seen->is_asleep && seen->nr == call->nr && seen->pc == call->pc &&
				   !memcmp(seen->arg, call->arg, sizeof(call->arg));
}

TEST(taskview_knows_calls)
{
	enum { NR = 4 };
	const struct timespec tick = { .tv_nsec = 1000000 };
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct taskview view = { 0 };
	int never[2], r = taskview_open(&view, VIEW_OF_CALLS);
	pid_t pids[NR];

	if (r == -ENOENT)
		test_skip("types of the kernel (CONFIG_DEBUG_INFO_BTF)");
	if (!CHECK_INT_EQ(r, 0))
		return;
	CHECK(pipe(never) == 0);
	for (int i = 0; i < NR; i++) {
		pids[i] = fork();
		if (!pids[i])
			sleeper(i, never);
	}
	for (int i = 0; i < NR; i++) {
		struct proc_syscall call = { .running = true };
		const struct view_call *seen;

		while (i < NR - 1 && (call.running || call.nr < 0) && !nanosleep(&tick, NULL))
			CHECK_INT_EQ(proc_syscall_of(pids[i], &b, &call), 0);
		CHECK_INT_EQ(taskview_read_calls(&view), 0);
		seen = taskview_call(&view, pids[i]);
		CHECK(seen && says_the_same(seen, &call) && !seen->is_worker);
	}
	CHECK(!taskview_call(&view, 0));
	for (int i = 0; i < NR; i++) {
		kill(pids[i], SIGKILL);
		waitpid(pids[i], NULL, 0);
	}
	close(never[0]);
	close(never[1]);
	taskview_done(&view);
}

/* --- open files -------------------------------------------------------------------------- */

static size_t file_index(const struct view_file *v, size_t nr, int fd)
{
	for (size_t i = 0; i < nr; i++)
		if (v[i].fd == (uint64_t)fd)
			return i;
	CHECK(false);
	return 0;
}

static void file_check(const struct view_file *v, int proc)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_fdinfo info;

	if (v->more_info || v->locks ||
	    !CHECK_INT_EQ(proc_fdinfo_read(proc, (int)v->fd, &b, &info), 0))
		return;
	CHECK_INT_EQ(v->pos, info.pos);
	CHECK_INT_EQ(v->flags, info.flags & ~(uint32_t)02000000);
	CHECK_INT_EQ(v->ino, info.ino);
	CHECK(!info.has_eventfd && !info.nr_locks);
}

TEST(taskview_knows_open_files)
{
	enum { PLAIN, COPY, APPENDS, LOCKED, EVENTS, SIGNALS, NR };
	struct taskview view = { 0 };
	struct view_file v[256];
	int fds[NR], proc, r = taskview_open(&view, VIEW_OF_ALL);
	size_t at[NR];
	ssize_t nr;

	if (r == -ENOENT)
		test_skip("types of the kernel (CONFIG_DEBUG_INFO_BTF)");
	if (!CHECK_INT_EQ(r, 0))
		return;
	proc = proc_open(getpid());
	fds[PLAIN] = open("/proc/self/exe", O_RDONLY);
	fds[APPENDS] = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND, 0600);
	fds[LOCKED] = open("/tmp", O_TMPFILE | O_RDWR, 0600);
	fds[EVENTS] = eventfd(7, EFD_SEMAPHORE);
	fds[SIGNALS] = eventfd(0, 0);
	CHECK(fcntl(fds[SIGNALS], F_SETOWN, getpid()) == 0);
	fds[COPY] = dup(fds[PLAIN]);
	CHECK(lseek(fds[PLAIN], 1234567, SEEK_SET) == 1234567);
	CHECK(flock(fds[LOCKED], LOCK_EX) == 0);
	nr = taskview_files(&view, getpid(), v, ARRAY_SIZE(v));
	if (CHECK(nr > NR && nr <= (ssize_t)ARRAY_SIZE(v))) {
		for (size_t i = 0; i < NR; i++) {
			at[i] = file_index(v, (size_t)nr, fds[i]);
			file_check(&v[at[i]], proc);
		}
		CHECK_INT_EQ(v[at[PLAIN]].pos, 1234567);
		CHECK(v[at[PLAIN]].file == v[at[COPY]].file);
		CHECK(v[at[APPENDS]].file != v[at[LOCKED]].file);
		CHECK(v[at[APPENDS]].ops == v[at[LOCKED]].ops);
		CHECK(v[at[APPENDS]].mount == v[at[LOCKED]].mount);
		CHECK(v[at[LOCKED]].locks && !v[at[APPENDS]].locks);
		CHECK(v[at[EVENTS]].more_info && !v[at[PLAIN]].more_info);
		CHECK_INT_EQ(v[at[EVENTS]].events.count, 7);
		CHECK(v[at[EVENTS]].events.flags & EFD_SEMAPHORE);
		CHECK(!v[at[SIGNALS]].events.flags);
		CHECK(v[at[EVENTS]].events.id != v[at[SIGNALS]].events.id);
		/* Before Linux 6.12 it cannot be told. */
		CHECK(v[at[SIGNALS]].owner);
		CHECK(v[at[EVENTS]].inode == v[at[SIGNALS]].inode);
		CHECK(!v[at[EVENTS]].link_len && !v[at[EVENTS]].link);
		if (CHECK(v[at[PLAIN]].link_len > 0 && v[at[COPY]].link_len > 0))
			CHECK(!strcmp(v[at[PLAIN]].link, v[at[COPY]].link) &&
			      v[at[PLAIN]].link[0] == '/');
		/* Room for fewer: the number is known all the same. */
		view_files_done(v, (size_t)nr);
		CHECK_INT_EQ(taskview_files(&view, getpid(), v, 2), nr);
		view_files_done(v, 2);
	}
	for (size_t i = 0; i < NR; i++)
		close(fds[i]);
	close(proc);
	taskview_done(&view);
}

/* --- types ------------------------------------------------------------------------------- */

struct image {
	struct btf_header h;
	struct btf_type inner;
	struct btf_member inner_member[2];
	struct btf_type outer;
	struct btf_member outer_member[4];
	struct btf_type func;
	struct btf_type alias;
	struct btf_type array;
	struct btf_array of_array;
	char names[32];
};

/* struct s { u a; struct { b; c:3 bits on }; t g; u h[5]; }; void f(); t is the inner struct. */
static const struct image image = {
	.h = { .magic = BTF_MAGIC,
	       .version = 1,
	       .hdr_len = sizeof(struct btf_header),
	       .type_len = offsetof(struct image, names) - offsetof(struct image, inner),
	       .str_off = offsetof(struct image, names) - offsetof(struct image, inner),
	       .str_len = sizeof(image.names) },
	.inner = { 0, BTF_KIND_STRUCT << 24 | 2, { 16 } },
	.inner_member = { { 3, 0, 0 }, { 5, 0, 67 } },
	.outer = { 1, BTF_KIND_STRUCT << 24 | 4, { 64 } },
	.outer_member = { { 9, 0, 0 }, { 0, 1, 64 }, { 11, 4, 192 }, { 13, 5, 320 } },
	.func = { 7, BTF_KIND_FUNC << 24, { 0 } },
	.alias = { 15, BTF_KIND_TYPEDEF << 24, { 1 } },
	.array = { 0, BTF_KIND_ARRAY << 24, { 0 } },
	.of_array = { 0, 0, 5 },
	.names = "\0s\0b\0c\0f\0a\0g\0h\0t",
};

TEST(btf_finds_members)
{
	struct btf_name names[] = { { "s", BTF_KIND_STRUCT, 0 },
				    { "f", BTF_KIND_FUNC, 0 },
				    { "s", BTF_KIND_FUNC, 0 } };
	struct btf b = { 0 };

	if (!CHECK_INT_EQ(btf_parse(&b, &image, sizeof(image)), 0))
		return;
	btf_find(&b, names, ARRAY_SIZE(names));
	CHECK_INT_EQ(names[0].id, 2);
	CHECK_INT_EQ(names[1].id, 3);
	CHECK_INT_EQ(names[2].id, 0);
	CHECK_INT_EQ(btf_member(&b, 2, "a"), 0);
	CHECK_INT_EQ(btf_member(&b, 2, "b"), 8);
	CHECK_INT_EQ(btf_member(&b, 2, "c"), -EINVAL);
	CHECK_INT_EQ(btf_member(&b, 2, "d"), -ENOENT);
	CHECK_INT_EQ(btf_member(&b, 3, "a"), -ENOENT);
	CHECK_INT_EQ(btf_member(&b, 99, "a"), -ENOENT);
	CHECK_INT_EQ(btf_member(&b, 2, "g"), 24);
	CHECK_INT_EQ(btf_member(&b, 2, "g.b"), 24);
	CHECK_INT_EQ(btf_member_byte(&b, 2, "g.c"), 32);
	CHECK_INT_EQ(btf_member(&b, 2, "g.c"), -EINVAL);
	CHECK_INT_EQ(btf_member(&b, 2, "g.a"), -ENOENT);
	CHECK_INT_EQ(btf_member(&b, 2, "a.b"), -ENOENT);
	CHECK_INT_EQ(btf_member(&b, 2, "g."), -ENOENT);
	CHECK_INT_EQ(btf_array(&b, 2, "h"), 5);
	CHECK_INT_EQ(btf_array(&b, 2, "g"), 0);
	CHECK_INT_EQ(btf_array(&b, 2, "i"), 0);
	CHECK_INT_EQ(btf_size(&b, 2), 64);
	btf_done(&b);
}

TEST(btf_takes_no_garbage)
{
	struct image broken;

	for (size_t len = 0; len < sizeof(image); len++) {
		struct btf b = { 0 };
		void *copy = mem_dup(&image, len ? len : 1);

		CHECK_INT_EQ(btf_parse(&b, copy, len), -EINVAL);
		free(copy);
	}
	test_random_seed(7);
	for (int i = 0; i < 20000; i++) {
		struct btf b = { 0 };
		struct btf_name name = { "s", BTF_KIND_STRUCT, 0 };

		broken = image;
		((uint8_t *)&broken)[test_random() % sizeof(broken)] = (uint8_t)test_random();
		if (btf_parse(&b, &broken, sizeof(broken)) < 0)
			continue;
		btf_find(&b, &name, 1);
		btf_member(&b, name.id, "nobody");
		btf_member(&b, name.id, "g.nobody");
		btf_array(&b, name.id, "h");
		btf_done(&b);
	}
}
