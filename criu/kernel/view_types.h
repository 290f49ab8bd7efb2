// SPDX-License-Identifier: GPL-2.0-only
/* For taskview.c and procview.c alone: what types of the kernel they know, and what their programs
 * have in common. */
#pragma once
#include "criu/kernel/bpf.h"
#include "criu/kernel/btf.h"
#include "criu/kernel/taskview.h"

enum view_type {
	TASK,
	CRED,
	PID,
	UPID,
	SECCOMP,
	FS,
	SIGPENDING,
	SIGNAL,
	SIGHAND,
	K_SIGACTION,
	SIGACTION,
	THREAD,
	THREAD_INFO,
	MM,
	PERCPU_COUNTER,
	FILES,
	FDTABLE,
	FILE_,
	PATH,
	VMA,
	INODE,
	FILE_OPS,
	FILE_OWNER,
	EVENTS,
	PT_REGS,
	ITER_TASK,
	ITER_VMA,
	ITER_FILE
};

/* The beginning of what a program says of a thread. */
struct record_head {
	uint64_t scratch[4];
	uint64_t tid, pid_ns;
};

/* The number that a task has in the pid namespace of crtool, and its own namespace. */
void view_read_tid(struct btf_layout *l, struct bpf_code *c);

int view_by_tid(const void *a, const void *b); /* each begins with a pid_t */
void view_sort(void *v, size_t nr, size_t size); /* the same */

/* Their programs. 0, or -errno. */
int view_load_processes(struct btf_layout *l, struct taskview *v);
int view_load_vmas(struct btf_layout *l, struct taskview *v);
