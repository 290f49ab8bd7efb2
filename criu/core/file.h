// SPDX-License-Identifier: GPL-2.0-only
/* An open file description, its kind, and the fd slots that point at it. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "criu/core/dump.h"
#include "criu/kernel/proc.h"
#include "images/file.pb-c.h"

struct restore;
struct file;
struct given_name;
struct pipe_look;

/* What the dump side learned about one fd of a stopped task. */
struct fd_probe {
	const struct task *task;
	int fd; /* number in the task */
	const struct task *to; /* in flight to its to_fd: then task and fd are crtool's own; NULL */
	int to_fd;
	/* The same description, in crtool; -1: of an eventfd, or of the writing end of a pipe, that
	 * has no owner. */
	int lfd;
	int pidfd; /* where it is to be had; -1: in flight */
	uint32_t id; /* for its image */
	const char *link; /* readlink of /proc/PID/fd/N */
	bool
	    link_is_old; /* what it was when the tree was frozen: -ESTALE, where it is needed now */
	bool link_leads; /* to this file: it has been looked at, and else is to be */
	int family; /* AF_*, of a socket; of all else -1 */
	const struct pipe_look *pipe; /* files/pipedata.h; NULL: it has not been looked into */
	struct stat st;
	struct proc_fdinfo info;
	bool no_locks; /* fdinfo has none; else info tells, or has not been read */
	bool no_owner; /* F_SETOWN and F_SETSIG have not been called */
};

struct file {
	const struct file_kind *kind;
	uint32_t id; /* same id, same description */
	const FileEntry *entry; /* of the images; lives as long as the restore */
	const struct task *owner; /* who opens it, as number owner_fd */
	int owner_fd; /* -1: only mapped, or the directory of somebody */
	const struct task *mapped_by; /* one of those that map it, or run it */
	int mapped_fd; /* to be mapped, for all tasks, from before the first fork; -1: not open */
	bool is_late; /* crtool opens it when all threads exist; until then something stands in */
	int late_fd; /* crtool's own, for that */
	int arm_fd; /* crtool's own, where the owner closes its one before; -1 */
};

struct file_kind {
	const char *name; /* "eventfd": in images, messages, docs and test names */
	FdTypes type; /* its arm of FileEntry */
	size_t size; /* of the struct that embeds struct file */

	/* dump */
	bool (*match)(const struct fd_probe *p);
	/* Writes one FileEntry with dump_file_write(), or records a blocker. */
	int (*dump)(struct dump *d, const struct fd_probe *p);
	/* When all tables are known: descriptors that are in files, with flight_dump(). */
	int (*dump_inner)(struct dump *d);
	/* When all descriptions are known: what refers to others is written here. */
	int (*dump_end)(struct dump *d);

	/*
	 * restore: load in crtool; create in crtool when all tasks exist, what several
	 * descriptions are made of; open in the task that owns the file: the fd; connect when
	 * every file of every task is open; watch when every table of descriptors is as it was;
	 * arm in crtool, when all tasks are ready to run: what our own work would set off.
	 */
	int (*load)(struct restore *r, const FileEntry *e, struct file *f);
	/* 1, by which name --inherit-fd can give it: files/given.h; 0: it cannot. Speaks. */
	int (*given)(struct restore *r, const FileEntry *e, struct given_name *ret);
	/* Where several kinds have one type: whether the entry is of this one. */
	bool (*reads)(const FileEntry *e);
	/*
	 * Of all files of the kind together, in crtool: adopt before any load, who has what is in
	 * queues only; load_end after all of them; create_all before any create; undo when the
	 * restore has failed.
	 */
	int (*adopt)(struct restore *r);
	int (*load_end)(struct restore *r);
	int (*create_all)(struct restore *r);
	void (*undo)(struct restore *r);
	/*
	 * What a certain process must do before any file is opened: in every task, in the rounds
	 * of r->make_rounds, and between two of them in crtool.
	 */
	int (*make)(struct restore *r, const struct task *t, unsigned int round);
	int (*made)(struct restore *r, unsigned int round);
	/* In crtool, when every connect is done. */
	int (*connected)(struct restore *r);
	int (*create)(struct restore *r, struct file *f);
	int (*open)(struct restore *r, struct file *f);
	int (*connect)(struct restore *r, struct file *f, int fd);
	/* In crtool, if load has set is_late: the fd. There is no open, connect or watch then. */
	int (*late)(struct restore *r, struct file *f);
	int (*watch)(struct restore *r, struct file *f, int fd);
	int (*arm)(struct restore *r, struct file *f, int fd);
	void (*done)(struct file *f);
};

/* Every kind, in match order, NULL at the end; the only list to extend (flow/kinds.c). */
extern const struct file_kind *const file_kinds[];

#define file_to(type, f) ((type *)((char *)(f)-offsetof(type, file)))

/* files.img; e->type and the arm are the kind's, the id is p->id. */
int dump_file_write(struct dump *d, uint32_t id, FileEntry *e);

/* "pid 43 (nginx): fd 7" in buf, for blockers. */
const char *fd_probe_name(const struct fd_probe *p, char *buf, size_t size);

/* Flags as images have them: without FD_CLOEXEC, which is the descriptor's. */
static inline uint32_t fd_probe_flags(const struct fd_probe *p)
{
	return p->info.flags & ~(uint32_t)02000000;
}
