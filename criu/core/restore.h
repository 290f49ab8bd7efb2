// SPDX-License-Identifier: GPL-2.0-only
/* What the steps of a restore share. The part that tasks need is inherited by fork. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>

#include "criu/base/keep.h"
#include "criu/base/map.h"
#include "criu/base/parallel.h"
#include "criu/core/file.h"
#include "criu/core/program.h"
#include "criu/core/session.h"
#include "criu/core/stage.h"
#include "criu/core/task.h"
#include "images/core.pb-c.h"
#include "images/creds.pb-c.h"
#include "images/file.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/inventory.pb-c.h"
#include "images/mm.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "images/seccomp.pb-c.h"
#include "images/tty.pb-c.h"

struct fork_plan;
struct ghost;
struct ghost_use;
struct image_chain;
struct inet_packet;
struct live_conn;
struct tcp_guard;
struct memfd;
struct pty;
struct seccomp_chain;
struct share_pool;
struct share_task;
struct shmem_segment;
struct sysv_segment;
struct terminal;
struct uring_file;
struct userfault_file;
struct vdso;

/* One descriptor of a table. */
struct fd_slot {
	int fd;
	bool cloexec;
	struct file *file;
};

/* A pages image: of the dump itself, or so many levels back in the chain of its parents. */
struct page_file {
	uint32_t level, pages_id;
};

/* One run of pages in a pages image. */
struct page_run {
	uint64_t addr, len; /* bytes */
	uint64_t off; /* in the image */
	uint32_t source; /* which image, of a task: index in sources */
};

/* Pages that another process has as well: pagemap_entry.same_as. */
struct page_same {
	uint64_t addr, len;
	uint32_t pid;
};

/* A file lock, or a lease. The sorts are those of filelocks.img. */
enum { HELD_POSIX = 1, HELD_FLOCK = 2, HELD_OFD = 4, HELD_LEASE = 8 };

struct held_lock {
	uint32_t sort;
	short type; /* F_RDLCK, F_WRLCK */
	bool breaking; /* a lease, which must become: */
	short breaks_to; /* F_RDLCK, F_UNLCK */
	int fd;
	int64_t start, len; /* len 0: to the end */
};

/* mq_notify(3). */
struct held_notice {
	int fd; /* of the queue */
	int notify, signo; /* SIGEV_* */
	uint64_t value;
	uint8_t cookie[32]; /* of SIGEV_THREAD */
};

struct task_restore {
	CoreEntry **cores; /* one for each thread, the leader first; a zombie has one */
	MmEntry *mm;
	size_t nr_guards; /* guard ranges, behind its n_vmas mappings */
	FsEntry *fs;
	TaskKobjIdsEntry *ids;

	const struct task *fdtable; /* whose descriptors these are: the first that has them */
	struct fd_slot *slots; /* ascending */
	size_t nr_slots;

	struct held_lock *locks;
	size_t nr_locks, cap_locks;
	struct held_notice *notices;
	size_t nr_notices, cap_notices;

	struct page_run *pages; /* that it reads by itself, ascending */
	size_t nr_pages;
	struct page_file *sources; /* that it reads */
	size_t nr_sources, cap_sources;
	struct page_same *same;
	size_t nr_same;
	struct share_task *share; /* mem/share.h; NULL */

	bool runs_32bit; /* is a 32-bit task, or has a thread that runs 32-bit code */
	struct seccomp_chain *seccomp; /* task/seccomp.h: of each thread; NULL: nobody has any */
	size_t seccomp_common; /* how many filters all threads begin with */

	bool opens; /* has something to do at STAGE_FILES */
	bool is_bare, has_bare; /* flow/restore_bare.h: is such a task; forks some */
	size_t readers; /* how many threads read its memory; 0 and 1: itself */
	size_t room; /* bytes that its program and stacks take of the hole */
	uint64_t room_at; /* where, if others see it: who is, or has, a bare one; 0: private_at */
};

/* What crtool, or a task, hands out to the tasks after they exist: indexed by a slot number. */
struct broker {
	int32_t fd; /* -1: none */
	int32_t pid; /* whose; 0: crtool's */
};

/* Rounds in which tasks make what only they can: see file_kind.make. */
#define MAKE_ROUNDS 32

#define BROKERS_MAX 65536

/* Numbers that nobody in the tree is to have. */
#define SPARE_PIDS 16

/* What every task has from crtool by fork, and needs not to be set where it is the same. */
struct inherited {
	struct rlimit64 limits[RLIM_NLIMITS];
	int oom_score_adj;
	uint32_t loginuid, coredump_filter;
	bool has_oom_score_adj, has_loginuid, has_coredump_filter;
	bool confined; /* to some processors */
	bool has_coresched; /* this machine knows core scheduling */
	bool is_fair; /* crtool is scheduled with a nice value, and with nothing else */
	uint32_t policy;
	int nice;
	CredsEntry *creds; /* in the arena */
	/* of crtool's only thread; the answers of the system calls, negative ones included */
	int ioprio, mempolicy, mce_kill, io_flusher, memory_merge, tsc;
	uint32_t speculation[PARASITE_SPECULATIONS];
};

struct restore {
	struct session *s;
	struct tree tree;
	struct arena arena; /* a task that writes to what is in it has its own copy */
	struct arena kept; /* of keep: tasks only read it, once they are there */
	struct keep keep; /* messages of the images: what the tasks need of them */
	struct keep_part parts[PARALLEL_WORKERS_MAX];
	ProtobufCAllocator messages[PARALLEL_WORKERS_MAX]; /* of keep; by worker, the first: ours */
	InventoryEntry *inventory;
	struct image_chain *chain; /* s->images, and the dumps that it builds upon */
	SeccompEntry *seccomp; /* NULL: nobody has a filter */
	bool has_seccomp; /* of either mode, anywhere in the tree */
	struct fork_plan *plan;
	uint8_t *xstate; /* task/finish.c: of the thread that is being set, in the arena */

	struct file **files; /* sorted by id */
	size_t nr_files;
	struct ghost *ghosts; /* files/ghost.c */
	struct ghost_use *ghost_uses;
	size_t nr_ghost_uses, cap_ghost_uses;
	struct memfd *memfds; /* files/memfd.c */
	struct map memfd_ids;
	struct map pipes; /* files/pipe.c: by inode number at the dump */
	struct map bpf_maps; /* files/bpfmap.c: by the id of the dump */
	struct map fifos; /* files/fifo.c: by the id of the dump */
	struct map mqueues; /* files/mqueue.c: the first description, by its id */
	bool pipes_loaded, fifos_loaded; /* what was in them */
	struct live_conn *live; /* sock/tcplive.c: connections that are not live yet */
	size_t nr_live, cap_live;
	struct tcp_guard *guard; /* sock/guard.c; NULL: there is none */
	struct inet_packet *inet_packets; /* sock/udpqueue.c: in the arena */
	bool inet_packets_loaded;
	const void *address_ok; /* sock/inet.c: entry of an address that was found to be ours */
	bool lock_is_ours; /* the restore has made the lock of connections */
	struct userfault_file *userfaults; /* files/userfault.c: in the arena */
	struct uring_file *urings; /* files/uring.c: in the arena */
	struct unix_plan *unix_plan; /* sock/unix_plan.c: in the arena; NULL: no such sockets */
	int *given_fds; /* files/given.c: by index in inherit_fds of the options; NULL */
	bool has_late; /* files of struct file.is_late */
	uint32_t make_rounds; /* a bit for each round that there is */
	TtyInfoEntry **ttys; /* terminals that descriptors are of */
	size_t nr_ttys;
	struct pty *ptys; /* files/pty.c */
	/* What a task does that has just founded a session: task/ must not know files/. Speaks. */
	int (*session_made)(const struct restore *r, const struct task *t);

	/* Stages that not every tree has: each costs a wakeup of every task. */
	bool has_connect; /* else it is part of STAGE_MEMORY */
	bool has_run; /* else it is part of STAGE_CREDS */
	/* memory shared by crtool and all tasks */
	struct stage_area *stage;
	struct broker *brokers;
	size_t nr_brokers;
	uint8_t *created; /* by index in tree.tasks: the process exists, and is ours */

	/* the hole: see criu/pie/abi/program.h */
	uint64_t hole, hole_len;
	uint64_t staging, staging_len; /* for huge pages, a task's own; 0: not used */
	int32_t spare_pids[SPARE_PIDS]; /* for threads that read memory */
	uint64_t blob; /* the restorer */
	uint64_t private_at; /* from here on a task's own: program, stacks */
	struct shmem_segment *segments;
	size_t nr_segments;
	struct sysv_segment *sysv; /* mem/sysv.c */
	struct share_pool *share; /* mem/share.h; NULL: nobody shares pages */

	/* Descriptors that tasks use themselves lie from here on, above all that they restore. From
	 * hidden_base on are files that only queues have: they are open until these are full. */
	int service_base;
	int hidden_base, hidden_next;
	int crtool_pidfd, log_fd;
	int tty_fd; /* the terminal of --shell-job; -1 */
	struct terminal *terminal; /* files/terminal.h: what crtool does with it */
	pid_t crtool_pid;

	struct inherited inherited;
	struct vdso *vdso; /* mem/vdso.h, by enum task_abi */
	bool has_compat; /* there are 32-bit tasks, or threads that run 32-bit code */
	pid_t root_pid;
	pid_t
	    helper_pid_max; /* helpers that may have any pid have the highest below; 0: not known */
	uint64_t start_us;
	bool pidfile_is_ours;
};

/* Before images are loaded. */
void restore_init(struct restore *r);
/* An array on the heap that no task writes to: its place among what is kept. p is taken. */
void *restore_keep(struct restore *r, void *p, size_t size);
/* Before the first fork, and when nothing grows any more: the lists of tasks go to keep, and what
 * is free of the heap to the kernel. */
void restore_settle(struct restore *r);
/* Frees what the images were loaded into, whatever there is of it. */
void restore_done(struct restore *r);

/* NULL when no image has it. */
struct file *restore_find_file(const struct restore *r, uint32_t id);

/* A new number for something that crtool will hand out. */
int restore_add_broker(struct restore *r);
/* In crtool: the fd is kept open until the tasks have what they need of it. */
void broker_give(struct restore *r, int slot, int fd);
/* The same of a task, before STAGE_FILES: fd is a service descriptor. */
void broker_give_from(struct restore *r, int slot, int fd, pid_t pid);
/* In a task, or in crtool: a new fd. Speaks. */
int broker_take(const struct restore *r, int slot);
/* In a task: its own one, if it was given by it; else a new one. Speaks. */
int broker_take_own(const struct restore *r, int slot);

/* Move fd out of the range of what is restored. Takes fd, also on failure. Speaks. */
int service_fd(const struct restore *r, int fd);
/* The same of a file that is opened anew, for reading only: fd stays. Speaks. */
int service_fd_readonly(const struct restore *r, int fd);
