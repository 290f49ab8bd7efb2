// SPDX-License-Identifier: GPL-2.0-only
/* What the steps of a dump share. */
#pragma once
#include <stdint.h>

#include "criu/base/arena.h"
#include "criu/base/map.h"
#include "criu/core/ident.h"
#include "criu/core/session.h"
#include "criu/core/task.h"
#include "criu/kernel/alike.h"
#include "criu/kernel/taskview.h"

struct aio_seen;
struct dirty;
struct epoll_seen;
struct flights;
struct ghost_seen;
struct image_writer;
struct link_seen;
struct inet_dump;
struct left_list;
struct mapped_file;
struct page_out;
struct page_place;
struct page_room;
struct pagemap_regions;
struct pipe_room;
struct pipe_seen;
struct seccomp_node;
struct seen_lock;
struct shmem_seen;
struct sysv_seen;
struct tty_seen;
struct unix_all;
struct uring;
struct userfault;

struct dump;

/* What map_file says of a file. */
enum mapped_kind {
	MAPPED_FILE,
	MAPPED_MEMFD,
	MAPPED_MEMFD_READONLY, /* F_SEAL_WRITE */
	MAPPED_SECRET, /* locked by its nature */
};

/* The id of the image of a mapped file: files/, which mem/ must not know, fills it in. Returns an
 * enum mapped_kind. */
typedef int (*map_file_fn)(struct dump *d, const struct task *t, const struct proc_vma *v,
			   uint32_t flags, uint32_t *ret_id);

/* See task/waiting.c. */
struct clock_lag {
	bool known;
	int64_t ns;
};

/* A wait that goes on after a dump, see task/waiting.c. */
struct wait_noted {
	pid_t tid;
	long nr;
	uint64_t switches; /* as struct asleep; one less than when it has gone on */
	uint64_t until; /* CLOCK_MONOTONIC ns; 0: without an end, or not known */
};

/* A socket that can be mapped, as one. */
struct mapped_socket {
	uint32_t id; /* of its image */
	size_t len;
};

struct dump {
	struct session *s;
	bool trial; /* crtool check -t: nothing is touched */
	struct tree tree;
	struct proc_buf buf; /* for any one read of /proc */
	struct arena arena; /* messages that live as long as the dump */
	struct proc_ns own_ns; /* crtool's own namespaces */
	struct taskview view; /* of the frozen tree, where it is worth one */
	bool view_is_open, has_view; /* the second: its list of threads is there */
	struct alike learnt; /* flags of mappings, known before the freeze; or without a view */
	size_t nr_processors; /* that the machine may have */
	bool one_node; /* all memory is on node 0 */
	uint64_t frozen_at_us;
	struct map known; /* task/freeze.c: tasks by pid */
	bool has_coresched, ioperm;
	bool io_flushers; /* task/modes.c: there may be some */
	uint32_t wanted; /* enum parasite_wanted */
	uint64_t default_slice; /* task/sched.c; ns, 0: not known */
	const char *cgroup2, *freezer; /* where they are mounted; NULL; see task/stuck.c */
	struct clock_lag *lags; /* by processor */
	size_t nr_lags, cap_lags;

	struct seccomp_node *seccomp; /* task/seccomp.c: filters that were met, by index */
	size_t nr_seccomp, cap_seccomp;

	/* files */
	struct ident_set files; /* open file descriptions */
	uint32_t next_file_id;
	int *types; /* enum fd_types by id */
	size_t nr_types, cap_types;
	struct image_writer *files_img;
	struct image_writer *pipes_data_img, *fifo_data_img;
	struct image_writer *tty_info_img, *tty_data_img;
	dev_t pipe_dev; /* of all pipes; 0: none was met */
	dev_t socket_dev; /* the same of sockets */
	struct map pipes; /* files/pipe.c: by inode number; in the arena */
	struct pipe_seen *pipes_seen; /* the same */
	struct pipe_room *pipe_room; /* what contents go through; in the arena */
	struct map fifos; /* files/fifo.c: by inode number */
	struct seen_lock *locks; /* files/lock.c */
	size_t nr_locks, cap_locks;
	struct map posix_files; /* ids of descriptions that may have POSIX locks */
	struct map late_files; /* ids of those that are about threads */
	struct epoll_seen *epolls; /* files/epoll.c: in the arena */
	struct ghost_seen *ghosts; /* files/ghost.c: in the arena */
	struct image_writer *remap_img;
	struct link_seen *links; /* files/linkremap.c: in the arena */
	struct map memfds; /* files/memfd.c: by inode, in the arena */
	struct image_writer *memfd_img;
	struct map mqueues; /* files/mqueue.c: id of the first description, by inode */
	struct inet_dump *inet; /* sock/inet.c: in the arena */
	struct left_list *replaced; /* flow/gc.c: what the dump that was here has left */
	struct tty_seen *ttys; /* files/ttydump.c: terminals that were met; in the arena */
	struct flights *flights; /* files/table.c: descriptors in flight; in the arena */
	struct unix_all *unix_all; /* sock/unix_dump.c: in the arena */
	struct map mapped_sockets; /* struct mapped_socket, by inode number */
	struct map secretmems; /* files/secretmem.c: by inode, in the arena */
	struct map bpf_maps; /* files/bpfmap.c: ids of those that are written */
	struct image_writer *bpfmap_img;
	struct userfault *userfaults; /* files/userfault.h: in the arena */
	struct uring *urings; /* files/uring.h: in the arena */
	struct image_writer *sk_queues_img;

	/* memory */
	bool memory_only; /* a pre-dump */
	struct dirty *dirty; /* mem/dirty.h */
	/* task/waiting.h: waits that the dump before has interrupted, and this one */
	struct wait_noted *waits_before, *waits;
	size_t nr_waits_before, nr_waits, cap_waits;
	struct page_out **unfinished; /* mem/drain.h: by index in tree.tasks; NULL */
	struct pagemap_regions *regions; /* mem/drain.h: by index in tree.tasks; NULL */
	uint32_t next_pages_id;
	struct page_place *places; /* mem/place.h: made before the freeze */
	size_t nr_places, cap_places;
	bool has_same_pages; /* mem/cow.c: some are stored with another task */
	uint32_t next_shmid;
	bool has_sysv; /* some of these numbers are taken */
	map_file_fn map_file;
	struct mapped_file *mapped; /* files/mapped.c */
	size_t nr_mapped, cap_mapped;
	struct shmem_seen *shmems; /* mem/shmem.c: shared memory that was met */
	size_t nr_shmems, cap_shmems;
	struct aio_seen *aios; /* mem/aio.c: in the arena */
	struct sysv_seen *sysv; /* mem/sysv.c: in the arena */
	struct image_writer *sysv_img;
	struct page_room *shmem_room; /* what their contents go through */
};
