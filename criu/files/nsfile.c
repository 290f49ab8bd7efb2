// SPDX-License-Identifier: GPL-2.0-only
/*
 * Descriptors of namespaces: /proc/PID/ns/KIND, or what ioctl_ns(2) and pidfds give. The link says
 * the kind, the inode number which one it is. Images: images/nsfile.proto. Tests:
 * test/zdtm/static/nsfile*.
 *
 * All tasks live in crtool's own namespaces: so one of these is found again in /proc/self/ns. One
 * of any other, which a descriptor may be all that is left of, is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"
#include "criu/kernel/syscalls.h"
#include "criu/task/core.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const struct ns_type {
	const char *name; /* in links, and in /proc/PID/ns */
	uint32_t flag;
	size_t own; /* of struct proc_ns */
	size_t id; /* of TaskKobjIdsEntry */
} types[] = {
#define TYPE(n, flag)                                                                              \
	{                                                                                          \
#n, flag, offsetof(struct proc_ns, n), offsetof(TaskKobjIdsEntry, n##_ns_id)       \
	}
	TYPE(pid, CLONE_NEWPID),   TYPE(net, CLONE_NEWNET),       TYPE(ipc, CLONE_NEWIPC),
	TYPE(uts, CLONE_NEWUTS),   TYPE(time, CLONE_NEWTIME),     TYPE(mnt, CLONE_NEWNS),
	TYPE(user, CLONE_NEWUSER), TYPE(cgroup, CLONE_NEWCGROUP),
};

/* "net:[4026531840]"; NULL: something else. */
static const struct ns_type *type_of_link(const char *link)
{
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		size_t len = strlen(types[i].name);

		if (str_starts(link, types[i].name) && str_starts(link + len, ":["))
			return &types[i];
	}
	return NULL;
}

static bool nsfile_match(const struct fd_probe *p)
{
	return S_ISREG(p->st.st_mode) && type_of_link(p->link);
}

static int nsfile_dump(struct dump *d, const struct fd_probe *p)
{
	const struct ns_type *type = type_of_link(p->link);
	uint64_t own = *(const uint64_t *)((const char *)&d->own_ns + type->own);
	TaskKobjIdsEntry ids = TASK_KOBJ_IDS_ENTRY__INIT;
	NsFileEntry e = NS_FILE_ENTRY__INIT;
	FileEntry fe = FILE_ENTRY__INIT;
	FownEntry fown;
	char name[64];
	int r;

	if (p->st.st_ino != own) {
		blocker(NULL,
			"%s: %s: a %s namespace other than crtool's, which cannot be kept yet",
			fd_probe_name(p, name, sizeof(name)), p->link, type->name);
		return 0;
	}
	r = fown_dump_probe(p, &fown);
	if (r < 0)
		return r;
	ids_fill_namespaces(&ids);
	e.fown = &fown;
	e.id = p->id;
	e.ns_id = *(const uint32_t *)((const char *)&ids + type->id);
	e.ns_cflag = type->flag;
	e.flags = fd_probe_flags(p);
	fe.type = FD_TYPES__NS;
	fe.nsf = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

struct nsfile {
	struct file file;
	const struct ns_type *type;
};

static int nsfile_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	const NsFileEntry *e = fe->nsf;
	struct nsfile *n = file_to(struct nsfile, f);
	const TaskKobjIdsEntry *ids = r->tree.tasks[0]->restore->ids;

	if (!e)
		return fail_plain("has no part of a namespace");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].flag == e->ns_cflag)
			n->type = &types[i];
	if (!n->type)
		return fail_plain("a namespace of unknown type %x", e->ns_cflag);
	if (!ids || *(const uint32_t *)((const char *)ids + n->type->id) != e->ns_id)
		return fail_plain("a %s namespace that is not that of the tree, which cannot be "
				  "restored yet",
				  n->type->name);
	return 0;
}

static int nsfile_open(struct restore *r, struct file *f)
{
	const NsFileEntry *e = f->entry->nsf;
	cleanup_close int fd = -1;
	char path[32];
	int ret = 0;

	(void)r;
	snprintf(path, sizeof(path), "/proc/self/ns/%s", file_to(struct nsfile, f)->type->name);
	fd = open(path, (int)(e->flags & O_PATH) | O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return fail(errno, "open %s", path);
	if (e->fown && !(e->flags & O_PATH))
		ret = fown_restore(fd, e->fown);
	return ret < 0 ? fail_at(ret, "%s", path) : take_fd(&fd);
}

const struct file_kind nsfile_kind = {
	.name = "nsfile",
	.type = FD_TYPES__NS,
	.size = sizeof(struct nsfile),
	.match = nsfile_match,
	.dump = nsfile_dump,
	.load = nsfile_load,
	.open = nsfile_open,
};
