// SPDX-License-Identifier: GPL-2.0-only
/* A process of the tree, its threads, and the tree. */
#pragma once
#include <asm/ldt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "compel/tracee.h"
#include "criu/kernel/proc.h"
#include "criu/pie/abi/parasite.h"

struct MmEntry;
struct dirty_task;
struct snapshot;
struct SignalQueueEntry;
struct task_restore;

/* The life of a task. task_advance() asserts the order. */
enum task_life {
	/* dump */
	TASK_FOUND,
	TASK_SEIZED, /* every thread is in a ptrace stop, or the task is a zombie */
	TASK_KNOWN, /* what the outside shows has been read */
	TASK_ASKED, /* the parasite has been in and is out again */
	TASK_SAVED, /* its images are written */
	TASK_GONE, /* killed or let go */
	/* restore */
	TASK_LOADED,
	TASK_PLANNED,
	TASK_FORKED,
	TASK_PARKED, /* all its threads wait inside the restorer */
	TASK_RUNNING,
};

/* As images number them (task_core_entry.task_state). */
enum task_kind { TASK_ALIVE = 1, TASK_ZOMBIE = 2, TASK_STOPPED = 3 };

/* Ids of objects that tasks may share: the same id, the same object. 1 is crtool's own. */
struct task_ids {
	uint32_t vm, files, fs, sighand;
};

/* Which programs it was made for by execve(2). */
enum task_abi { TASK_ABI_64, TASK_ABI_32, TASK_ABI_X32 };

#define THREAD_CPU_WORDS   16 /* 1024 processors */
#define THREAD_TLS_ENTRIES 3 /* of the GDT */
#define RSEQ_CS            8 /* offset of rseq_cs in struct rseq */

struct thread {
	pid_t tid;
	bool seized;
	char comm[PROC_COMM_MAX];
	struct tracee_regs regs;
	struct user_desc tls[THREAD_TLS_ENTRIES];
	struct proc_status status;
	uint32_t policy, rt_priority;
	int nice;
	bool io_flusher; /* task/modes.c */
	uint64_t sched_flags;
	uint64_t sched_runtime, sched_deadline, sched_period; /* ns */
	uint32_t util_min, util_max; /* of 1024; both 0: the kernel has no such thing */
	uint64_t cpus[THREAD_CPU_WORDS];
	size_t nr_cpu_words; /* 0: any */
	struct parasite_thread inner;
	struct SignalQueueEntry *pending; /* dump: in its arena */
	uint64_t robust_list, robust_len;
	uint64_t rseq, rseq_cs; /* the struct rseq, and what its member rseq_cs says */
	uint32_t rseq_size, rseq_sig;
	struct tracee_dispatch dispatch;
	uint64_t core_cookie; /* task/coresched.h */
	int restart; /* 512..516: the -ERESTART* that the interrupted call returned, or 0 */
	long restart_nr; /* of that call where restart is 516; -1: not known */
	struct asleep {
		uint64_t since; /* CLOCK_MONOTONIC ns; 0: not known, or not waiting for a time */
		uint64_t switches; /* how often it had gone to sleep by itself */
	} asleep; /* when it was interrupted */
	uint32_t seccomp_last; /* index of its last filter: see task/seccomp.c */
	uint64_t restart_left; /* ns that a timed wait had left; UINT64_MAX: not known */
};

/* A link of /proc/PID, and what it leads to. */
struct task_link {
	char *path;
	struct stat st;
};

/* What several tasks can have one of: CLONE_FILES; CLONE_FS. */
enum task_share { SHARE_FILES, SHARE_FS, SHARES_NR };

/* See task/forkshare.h. */
struct task_shared {
	const struct task *with; /* the first that has it; NULL: this one is, or has none */
	uint32_t carries; /* id of another's, which it is born with, and leaves; 0: none */
};

struct task {
	enum task_life life;
	enum task_kind kind;
	enum task_abi abi;
	pid_t pid, ppid, pgid, sid;
	struct task *parent;
	char comm[PROC_COMM_MAX];
	int exit_code; /* of a zombie, as wait(2) has it */
	int stop_sig; /* of a stopped task */
	int exit_signal; /* what its parent is sent at its end; 0: nothing */
	struct task_ids ids;

	struct thread *threads; /* the leader first; at a dump only those that live */
	size_t nr_threads, cap_threads;
	/* The main thread has ended before the others: pthread_exit(3). At a restore it is there
	 * until the end, and then ends by exit(2) with this, as wait(2) has it. */
	bool leader_ended;
	int leader_exit_code;

	/* dump only */
	struct thread *leader; /* that has ended: name and credentials; NULL */
	char *frozen_cgroup; /* v2: nobody in it runs; NULL; owned */
	struct thread *dead; /* what is left of a zombie */
	struct proc_stat stat;
	struct proc_limits limits;
	struct proc_timers timers;
	struct proc_vmas vmas;
	struct proc_fds fds;
	struct view_file *seen_fds; /* of as many; task/fdlist.h; NULL */
	uint32_t *fd_ids; /* of the description behind each; in the arena of the dump */
	struct task_link exe, cwd, root;
	uint64_t *auxv; /* without the closing AT_NULL */
	size_t nr_auxv; /* words */
	struct SignalQueueEntry *pending; /* of the process; in the arena of the dump */
	struct proc_ns ns;
	struct parasite_process_args *inner;
	struct parasite_policy *policies; /* of mappings, by index in vmas; mem/mempolicy.h */
	size_t nr_policies, cap_policies;
	uint64_t *ldt; /* mem/ldt.h */
	size_t nr_ldt;
	struct MmEntry *mm; /* in the arena of the dump */
	struct snapshot *snapshot; /* mem/snapshot.h; NULL */
	struct dirty_task *dirty; /* mem/dirty.h; NULL: nobody looks after its changes */

	struct task_shared shared[SHARES_NR];
	struct task *forker; /* a sibling that forks it; NULL: its parent does */

	/* restore only */
	struct task_restore *restore;
};

struct tree {
	struct task **tasks; /* a parent comes before its children; the root first */
	size_t nr, cap;
	struct task **by_pid; /* sorted, made by tree_index() */
	struct arena *arena; /* restore: where tasks and threads are; NULL: on the heap */
};

#define tasks_for_each(t, tree)                                                                    \
	for (size_t i_##t = 0; i_##t < (tree)->nr && ((t) = (tree)->tasks[i_##t], 1); i_##t++)

/* The tree owns it. */
struct task *tree_add(struct tree *tree, pid_t pid, struct task *parent);
/* Takes out and frees a task that has no more children; not the root. */
void tree_remove(struct tree *tree, size_t index);
/* After the last tree_add(). */
void tree_index(struct tree *tree);
struct task *tree_find(const struct tree *tree, pid_t pid);
/* Is it a thread of somebody, main ones included? */
bool tree_has_thread(const struct tree *tree, pid_t tid);
void tree_done(struct tree *tree);

/* A thread that is not a leader. */
struct task_thread {
	struct task *task;
	struct thread *thread;
};

/* All of them, to be freed by the caller: how many. */
size_t tree_other_threads(const struct tree *tree, struct task_thread **ret);

/* restore: all of them at once. */
void tree_set_threads(struct tree *tree, struct task *t, const uint32_t *tids, size_t nr);
struct thread *task_add_thread(struct task *t, pid_t tid);
struct thread *task_find_thread(struct task *t, pid_t tid);
void task_advance(struct task *t, enum task_life life);

static inline bool task_is_alive(const struct task *t)
{
	return t->kind != TASK_ZOMBIE;
}

/* dump: of a thread that lives. A main thread that has ended has no memory and no descriptors
 * any more, so this is what /proc, ptrace(2) and kcmp(2) are asked about the process by. */
static inline pid_t task_tid(const struct task *t)
{
	return t->nr_threads ? t->threads[0].tid : t->pid;
}

/* fail_at() for a loop over tasks. */
int task_fail_at(int r, const struct task *t);
