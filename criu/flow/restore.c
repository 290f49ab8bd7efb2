// SPDX-License-Identifier: GPL-2.0-only
/*
 * The order of work of a restore, and nothing else.
 *
 * Everything that can be known to fail is found before the first fork. From then on the
 * tasks exist but none runs a single instruction of its own; an undo kills them. They
 * cannot outlive crtool by accident: they look after it while they wait, and die with
 * it once they are traced. The last step lets all of them go.
 */
#include "criu/flow/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/parallel.h"
#include "criu/core/restore.h"
#include "criu/files/ghost.h"
#include "criu/files/given.h"
#include "criu/files/load.h"
#include "criu/files/memfd.h"
#include "criu/files/pty.h"
#include "criu/files/terminal.h"
#include "criu/files/tty.h"
#include "criu/flow/job.h"
#include "criu/flow/restore_bare.h"
#include "criu/flow/restore_task.h"
#include "criu/flow/stats.h"
#include "criu/flow/step.h"
#include "criu/image/chain.h"
#include "criu/image/dir.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/syscalls.h"
#include "criu/mem/dedup.h"
#include "criu/mem/fill.h"
#include "criu/mem/load.h"
#include "criu/mem/mempolicy.h"
#include "criu/mem/share.h"
#include "criu/mem/sysv.h"
#include "criu/mem/vdso.h"
#include "criu/sock/inet.h"
#include "criu/sock/unix.h"
#include "criu/task/attrs.h"
#include "criu/task/coresched.h"
#include "criu/task/creds.h"
#include "criu/task/finish.h"
#include "criu/task/forkplan.h"
#include "criu/task/load.h"
#include "criu/task/modes.h"
#include "criu/task/program.h"
#include "criu/task/sched.h"
#include "criu/task/spawn.h"

#define SERVICE_FDS 8 /* that every task has; the files it maps come on top */

static int open_images(void *ctx)
{
	struct restore *r = ctx;

	int ret = image_dir_open(r->s->opts->images_dir, &r->s->images);

	if (ret >= 0)
		r->chain = image_chain_new(r->s->images);
	return ret;
}

static int load_task_images(void *ctx)
{
	return load_tasks(ctx);
}

static int check_vdso(void *ctx, size_t i, unsigned int worker)
{
	struct restore *r = ctx;
	const struct task *t = r->tree.tasks[i];

	(void)worker;
	return task_is_alive(t) ? task_fail_at(vdso_check(r, &r->vdso[t->abi], t), t) : 0;
}

static int load_memory(void *ctx)
{
	struct restore *r = ctx;
	int ret = mem_load(r);

	if (ret >= 0)
		ret = vdso_find(&r->vdso[TASK_ABI_64]);
	if (ret >= 0 && r->has_compat)
		ret = vdso_find_compat(&r->vdso[TASK_ABI_64], &r->vdso[TASK_ABI_32]);
	return ret < 0 ? ret : parallel_for(r->tree.nr, check_vdso, r);
}

/* A session that is not in the images: crtool's takes its place, if it is to. */
static int check_session(const struct restore *r)
{
	const struct task *root = r->tree.tasks[0];

	if (root->sid == root->pid || r->s->opts->shell_job)
		return 0;
	return fail_hint(
	    fail_plain("pid %d (%s): belongs to session %d, whose leader is not in the "
		       "images",
		       (int)root->pid, root->comm, (int)root->sid),
	    "try --shell-job, which has it join the session of crtool");
}

static int load_files(void *ctx)
{
	int ret = check_session(ctx);

	return ret < 0 ? ret : files_load(ctx);
}

static int pids_free(void *ctx)
{
	return check_pids(ctx);
}

/* Numbers for our own descriptors, above all that are restored. */
static int plan_descriptors(struct restore *r)
{
	struct rlimit lim;
	int ret;

	r->service_base = files_first_free(r);
	if (!r->hidden_base)
		r->hidden_base = r->service_base;
	if (getrlimit(RLIMIT_NOFILE, &lim) < 0)
		return fail(errno, "RLIMIT_NOFILE");
	lim.rlim_cur = lim.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &lim) < 0)
		return fail(errno, "RLIMIT_NOFILE %llu", (unsigned long long)lim.rlim_max);
	if ((rlim_t)r->service_base + SERVICE_FDS > lim.rlim_max)
		return fail_hint(fail_plain("fd %d needs a limit of open files above %llu",
					    r->service_base - 1, (unsigned long long)lim.rlim_max),
				 "raise the hard limit (ulimit -Hn)");
	r->crtool_pidfd = sys_pidfd_open(getpid(), 0);
	if (r->crtool_pidfd < 0)
		return fail(-r->crtool_pidfd, "pidfd_open");
	r->crtool_pidfd = service_fd(r, r->crtool_pidfd);
	if (r->crtool_pidfd < 0)
		return r->crtool_pidfd;
	r->log_fd = service_fd(r, fcntl(log_fd(), F_DUPFD_CLOEXEC, 0));
	if (r->log_fd < 0)
		return r->log_fd;
	log_move(r->log_fd);
	ret = terminal_open(r);
	if (ret >= 0)
		ret = given_open(r);
	if (ret >= 0)
		ret = files_late_reserve(r);
	if (ret < 0)
		return ret;
	return image_chain_raise_fd(r->chain, r->service_base);
}

static int read_inherited(struct restore *r)
{
	struct inherited *i = &r->inherited;
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int self = proc_open(getpid());

	if (self < 0)
		return fail(-self, "open /proc/%d", (int)getpid());
	for (int n = 0; n < RLIM_NLIMITS; n++)
		if (prlimit64(0, (enum __rlimit_resource)n, NULL, &i->limits[n]) < 0)
			return fail(errno, "resource limit %d", n);
	attrs_inherited(i);
	sched_inherited(i);
	modes_inherited(i);
	i->has_coresched = coresched_is_there();
	mempolicy_inherited(i);
	i->memory_merge = prctl(PR_GET_MEMORY_MERGE, 0, 0, 0, 0);
	i->has_oom_score_adj = proc_oom_score_adj_read(self, &b, &i->oom_score_adj) >= 0;
	i->has_loginuid = proc_loginuid_read(self, &b, &i->loginuid) >= 0;
	i->has_coredump_filter = proc_coredump_filter_read(self, &b, &i->coredump_filter) >= 0;
	return creds_inherited(r);
}

/* Of a task that has so much to be read, several threads read, if there are processors for them. */
#define LARGE_BYTES (8ull << 20)

static uint64_t bytes_to_read(const struct task_restore *tr)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < tr->nr_pages; i++)
		bytes += tr->pages[i].len;
	return bytes;
}

static void plan_readers(struct restore *r)
{
	unsigned int processors = parallel_processors(), nr = 0;
	struct task *t;

	tasks_for_each(t, &r->tree) {
		t->restore->readers = task_is_alive(t) && bytes_to_read(t->restore) >= LARGE_BYTES;
		nr += t->restore->readers;
	}
	tasks_for_each(t, &r->tree) {
		if (t->restore->readers && nr < processors)
			t->restore->readers = processors / nr;
		if (t->restore->readers > READERS_MAX)
			t->restore->readers = READERS_MAX;
	}
}

/* Below 4 GiB there is no room for huge pages on their way. */
static int plan_reading(struct restore *r)
{
	int ret = spawn_numbers(r);
	bool by_huge = false;
	struct task *t;

	if (ret < 0)
		return ret;
	tasks_for_each(t, &r->tree)
		by_huge |= !by_huge && task_is_alive(t) && fill_has_huge(t->restore);
	by_huge &= !r->has_compat && fill_can_use_huge();
	plan_readers(r);
	r->staging_len = by_huge ? READERS_MAX * STAGING_STEP : 0;
	return 0;
}

/* What is last of a task may have to come after something of another thread. */
static void plan_stages(struct restore *r)
{
	struct task *t;

	bare_plan(r);
	files_stages(r);
	r->has_run = r->has_connect;
	tasks_for_each(t, &r->tree)
		r->has_run |= t->nr_threads > 1 || t->restore->nr_locks || t->restore->nr_notices;
}

static int plan(void *ctx)
{
	struct restore *r = ctx;
	struct task *t;
	int ret = fork_plan_make(&r->kept, &r->tree, r->plan);

	if (ret >= 0)
		ret = plan_descriptors(r);
	if (ret >= 0)
		ret = read_inherited(r);
	if (ret >= 0)
		ret = files_open_mapped(r);
	if (ret >= 0)
		ret = share_plan(r);
	if (ret >= 0)
		ret = ttys_make(r);
	if (ret >= 0)
		ret = plan_reading(r);
	if (ret < 0)
		return ret;
	plan_stages(r);
	tasks_for_each(t, &r->tree) {
		if (task_is_alive(t))
			restore_task_room(r, t);
		task_advance(t, TASK_PLANNED);
	}
	return hole_make(r);
}

static void unplan(void *ctx)
{
	sysv_undo(ctx);
	hole_done(ctx);
}

static int lock_network(void *ctx)
{
	return tcp_lock(ctx);
}

static void unlock_network(void *ctx)
{
	tcp_unmake_lock(ctx);
}

static int run_stage(struct restore *r, enum stage s, uint32_t nr)
{
	stage_start(r->stage, s, nr);
	return stage_wait(r->stage, r->s, spawn_alive, r);
}

static uint32_t nr_threads(const struct restore *r)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < r->tree.nr; i++)
		nr += (uint32_t)r->tree.tasks[i]->nr_threads;
	return nr;
}

static int fork_tasks(void *ctx)
{
	struct restore *r = ctx;
	uint64_t start = clock_us();
	int ret;

	/* Should it fail, orphans come here to be reaped. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		return fail(errno, "become a subreaper");
	stage_start(r->stage, STAGE_FORK, spawn_nr(r));
	restore_settle(r);
	ret = spawn_root(r, restore_task);
	if (ret >= 0)
		ret = stage_wait(r->stage, r->s, spawn_alive, r);
	share_drop(r);
	r->s->stats.forking_us = clock_us() - start;
	return ret;
}

static void kill_tasks(void *ctx)
{
	spawn_kill(ctx);
}

static int join_groups(void *ctx)
{
	return spawn_groups(ctx, run_stage);
}

static int end_dead(void *ctx)
{
	return spawn_end(ctx, run_stage);
}

static uint32_t nr_openers(const struct restore *r)
{
	uint32_t nr = 0;

	for (size_t i = 0; i < r->tree.nr; i++)
		nr += r->tree.tasks[i]->restore->opens;
	return nr;
}

static int open_files(void *ctx)
{
	struct restore *r = ctx;
	int ret = files_create(r);

	for (unsigned int i = 0; i < MAKE_ROUNDS && ret >= 0; i++) {
		if (!(r->make_rounds & 1u << i))
			continue;
		ret = run_stage(r, (enum stage)(STAGE_MAKE + i), spawn_nr_forked(r));
		if (ret >= 0)
			ret = files_made(r, i);
	}
	return ret < 0 ? ret : run_stage(r, STAGE_FILES, nr_openers(r));
}

static void unmake_files(void *ctx)
{
	files_undo(ctx);
}

static int connected(struct restore *r)
{
	int ret = files_connected(r);

	files_create_done(r);
	return ret < 0 ? ret : ttys_finish(r);
}

static int connect_files(void *ctx)
{
	struct restore *r = ctx;
	int ret = r->has_connect ? run_stage(r, STAGE_CONNECT, spawn_nr_forked(r)) : 0;

	return ret < 0 || !r->has_connect ? ret : connected(r);
}

static int restore_memory(void *ctx)
{
	struct restore *r = ctx;
	uint64_t total = 0;
	struct task *t;
	int ret;

	tasks_for_each(t, &r->tree)
		for (size_t i = 0; i < t->restore->nr_pages; i++)
			total += t->restore->pages[i].len;
	r->s->stats.pages_restored += total / PAGE_BYTES;
	progress_start(&r->s->progress, "memory read", total);
	ret = run_stage(r, STAGE_MEMORY, nr_threads(r));
	progress_end(&r->s->progress);
	return ret < 0 || r->has_connect ? ret : connected(r);
}

/* What is about threads. */
static int open_late_files(struct restore *r)
{
	int ret = r->has_late ? files_late(r) : 0;

	return ret < 0 || !r->has_late ? ret : run_stage(r, STAGE_LATE, spawn_nr_alive(r));
}

static int trace(void *ctx)
{
	return trace_tasks(ctx);
}

static int restore_creds(void *ctx)
{
	struct restore *r = ctx;
	int ret = open_late_files(r);

	if (ret >= 0 && r->has_seccomp)
		ret = run_stage(r, STAGE_SECCOMP, spawn_nr_alive(r));
	if (ret >= 0)
		ret = run_stage(r, STAGE_CREDS, task_programs_late(r));
	return ret < 0 || !r->has_run ? ret : run_stage(r, STAGE_RUN, spawn_nr_alive(r));
}

static int set_registers(void *ctx)
{
	return registers_set(ctx);
}

static int arm_files(void *ctx)
{
	int ret = files_arm(ctx);

	return ret < 0 ? ret : tcp_prepare_live(ctx);
}

static void disarm_files(void *ctx)
{
	tcp_unprepare_live(ctx);
}

static int write_pidfile(struct restore *r)
{
	const struct options *o = r->s->opts;
	cleanup_close int fd = -1;
	char text[16];
	int ret;

	if (!o->pidfile)
		return 0;
	fd = openat(r->s->work_fd, o->pidfile,
		    O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return fail(errno, "open %s", o->pidfile);
	r->pidfile_is_ours = true;
	snprintf(text, sizeof(text), "%d", (int)r->root_pid);
	ret = io_write(fd, text, strlen(text));
	return ret < 0 ? fail(-ret, "write %s", o->pidfile) : 0;
}

static void remove_pidfile(void *ctx)
{
	const struct restore *r = ctx;

	if (r->pidfile_is_ours)
		unlinkat(r->s->work_fd, r->s->opts->pidfile, 0);
}

static int write_results(void *ctx)
{
	struct restore *r = ctx;
	int ret = write_pidfile(r);

	if (ret < 0)
		return ret;
	r->s->stats.restore_us = clock_us() - r->start_us;
	return stats_write_restore(r->s);
}

static int give_terminal(void *ctx)
{
	return terminal_give(ctx);
}

static void take_terminal(void *ctx)
{
	terminal_take_back(ctx);
}

/* With --auto-dedup. Not before: a restore that fails must be possible again. */
static void give_up_images(struct restore *r)
{
	const struct options *o = r->s->opts;

	if (o->auto_dedup && dedup_run(o->images_dir, DEDUP_RESTORED) < 0)
		log_warn("the tree runs, but the images have kept their pages");
}

static int resume(void *ctx)
{
	cleanup_close int late = -1;
	int live, ret;

	tcp_outlive(ctx);
	tasks_outlive(ctx);
	live = tcp_go_live(ctx, &late);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	ret = resume_tasks(ctx);
	if (ret >= 0) {
		ghosts_unlink(ctx);
		give_up_images(ctx);
	}
	terminal_redraw(ctx);
	return ret < 0 ? ret : live;
}

static const struct step steps[] = {
	{ "open images", open_images, NULL, false },
	{ "load tasks", load_task_images, NULL, false },
	{ "load memory", load_memory, NULL, false },
	{ "load files", load_files, NULL, false },
	{ "check pids", pids_free, NULL, false },
	{ "plan", plan, unplan, false },
	{ "lock network", lock_network, unlock_network, false },
	{ "fork tasks", fork_tasks, kill_tasks, false },
	{ "join groups", join_groups, NULL, false },
	{ "end the dead", end_dead, NULL, false },
	{ "open files", open_files, unmake_files, false },
	{ "connect files", connect_files, NULL, false },
	{ "restore memory", restore_memory, NULL, false },
	{ "trace tasks", trace, NULL, false },
	{ "restore credentials", restore_creds, NULL, false },
	{ "set registers", set_registers, NULL, false },
	{ "arm files", arm_files, disarm_files, false },
	{ "write results", write_results, remove_pidfile, false },
	{ "give terminal", give_terminal, take_terminal, false },
	{ "resume", resume, NULL, true },
};

const struct command restore_command = { "restore", steps, ARRAY_SIZE(steps) };

/* The root is our child: end as it does. */
static int wait_for_root(const struct restore *r)
{
	int status;

	while (waitpid(r->root_pid, &status, 0) < 0)
		if (errno != EINTR)
			return 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int restore_run(struct session *s, int *ret_status)
{
	struct fork_plan fork_plan = { 0 };
	struct vdso vdso[] = { [TASK_ABI_64] = { .nr = 0 }, [TASK_ABI_32] = { .nr = 0 } };
	struct terminal terminal = { .controls = false };
	struct restore r = {
		.s = s,
		.plan = &fork_plan,
		.vdso = vdso,
		.tty_fd = -1,
		.terminal = &terminal,
		.session_made = tty_control,
		.crtool_pid = getpid(),
		.start_us = clock_us(),
		.brokers = mem_alloc(BROKERS_MAX * sizeof(struct broker)),
	};
	int ret;

	restore_init(&r);
	ret = steps_run(s, &restore_command, &r);

	if (ret >= 0 && !s->opts->detach && !s->opts->sibling)
		*ret_status = s->opts->shell_job ? job_wait(&r) : wait_for_root(&r);
	ghosts_done(&r);
	memfds_done(&r);
	ttys_done(&r);
	r.chain = image_chain_free(r.chain);
	s->images = image_dir_free(s->images);
	hole_done(&r);
	unix_plan_done(&r);
	restore_done(&r);
	free((void *)(uintptr_t)vdso[TASK_ABI_32].code);
	fork_plan_done(&fork_plan);
	return ret;
}
