// SPDX-License-Identifier: GPL-2.0-only
#include "criu/flow/gc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/left.h"
#include "criu/files/linkremap.h"
#include "criu/image/dir_state.h"
#include "criu/image/reader.h"
#include "criu/kernel/proc.h"
#include "criu/net/lock.h"
#include "images/core.pb-c.h"
#include "images/left.pb-c.h"
#include "images/pstree.pb-c.h"

#define RUN_ID_LETTERS 36

struct left_item {
	char run_id[RUN_ID_LETTERS + 1];
	enum left_kind kind;
	enum network_lock method;
	bool complete; /* of a dump that is complete */
	char *path; /* owned; with the file that it is */
	uint64_t dev, ino;
};

struct left_list {
	struct left_item *v;
	size_t nr, cap;
};

/* --- kinds -------------------------------------------------------------------- */

static void lock_describe(const struct left_item *i, char *buf, size_t size)
{
	char name[64];

	netlock_name(i->method, i->run_id, name, sizeof(name));
	snprintf(buf, size, "network lock: %s %s",
		 i->method == NETWORK_LOCK_IPTABLES ? "iptables chain" : "nftables table inet",
		 name);
}

static int lock_exists(const struct left_item *i)
{
	return netlock_exists(i->method, i->run_id);
}

static int lock_remove(const struct left_item *i)
{
	return netlock_remove(i->method, i->run_id, NULL);
}

static void link_describe(const struct left_item *i, char *buf, size_t size)
{
	snprintf(buf, size, "name of a file: %s", i->path);
}

/* Nothing but the file that it was made for. */
static int link_exists(const struct left_item *i)
{
	struct stat st;

	return lstat(i->path, &st) == 0 && st.st_dev == i->dev && st.st_ino == i->ino;
}

static int link_remove(const struct left_item *i)
{
	return link_exists(i) && unlink(i->path) < 0 ? fail(errno, "remove %s", i->path) : 0;
}

static const struct left_ops {
	enum left_kind kind;
	void (*describe)(const struct left_item *i, char *buf, size_t size);
	int (*exists)(const struct left_item *i); /* 1, 0, or negative. Speaks */
	int (*remove)(const struct left_item *i); /* also when it is not there. Speaks */
} kinds[] = {
	{ LEFT_NETWORK_LOCK, lock_describe, lock_exists, lock_remove },
	{ LEFT_LINK, link_describe, link_exists, link_remove },
};

/* --- reading ------------------------------------------------------------------ */

static const struct left_ops *ops_of(enum left_kind kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (kinds[i].kind == kind)
			return &kinds[i];
	return NULL;
}

static bool has_sense(const LeftEntry *e)
{
	switch (e->kind) {
	case LEFT_NETWORK_LOCK:
		return e->network_lock_method >= NETWORK_LOCK_IPTABLES &&
		       e->network_lock_method <= NETWORK_LOCK_SKIP;
	case LEFT_LINK:
		return e->path && link_remap_is_name(e->path);
	}
	return false;
}

/* It becomes the name of something: nothing but a UUID will do. */
static int item_add(struct left_list *l, const LeftEntry *e, bool complete)
{
	struct left_item *i;

	if (strlen(e->run_id) != RUN_ID_LETTERS ||
	    strspn(e->run_id, "0123456789abcdef-") != RUN_ID_LETTERS || !has_sense(e))
		return fail_plain("left-%d.img: a record of run %s that makes no sense",
				  (int)e->kind, e->run_id);
	i = array_push(l->v, l->nr, l->cap);
	memcpy(i->run_id, e->run_id, sizeof(i->run_id));
	i->kind = (enum left_kind)e->kind;
	i->method = (enum network_lock)e->network_lock_method;
	i->path = e->path ? mem_strdup(e->path) : NULL;
	i->dev = e->dev;
	i->ino = e->ino;
	i->complete = complete;
	return 0;
}

static int kind_read(const struct image_dir *d, enum left_kind kind, bool complete,
		     struct left_list *l)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int r = image_reader_open(d, IMAGE_LEFT, (uint64_t)kind, &img);

	if (r <= 0)
		return r;
	while ((r = image_read(img, &m)) > 0) {
		r = item_add(l, (const LeftEntry *)m, complete);
		protobuf_c_message_free_unpacked(m, NULL);
		if (r < 0)
			break;
	}
	image_reader_free(img);
	/* The record of a dump that was killed while it wrote it: it has made nothing yet. */
	if (r < 0 && !complete) {
		error_reset();
		return 0;
	}
	return r;
}

/* name: "", or one of the directories inside in which a dump is put together. */
static int dir_read(const char *path, const char *name, struct left_list *l)
{
	cleanup_free char *full = mem_alloc(strlen(path) + strlen(name) + 2);
	cleanup_close int fd = -1;
	struct image_dir *d;
	bool complete;
	int r;

	sprintf(full, "%s/%s", path, name);
	fd = open(full, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(errno, "images directory %s", full);
	complete = dir_state_has(fd, STATE_INVENTORY) || str_eq(name, STATE_COMMIT);
	r = image_dir_join(full, &d);
	if (r < 0)
		return r;
	for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(kinds); i++)
		r = kind_read(d, kinds[i].kind, complete, l);
	image_dir_free(d);
	return r;
}

static int left_read(const char *path, struct left_list **ret)
{
	static const char *const places[] = { "", STATE_NEW, STATE_COMMIT };
	struct left_list *l = mem_alloc(sizeof(*l));
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && r >= 0; i++)
		r = dir_read(path, places[i], l);
	if (r < 0) {
		left_list_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void left_list_free(struct left_list *l)
{
	for (size_t i = 0; l && i < l->nr; i++)
		free(l->v[i].path);
	if (l)
		free(l->v);
	free(l);
}

static int left_remove(const struct left_list *l, bool complete)
{
	for (size_t i = 0; i < l->nr; i++) {
		int r = l->v[i].complete == complete ? ops_of(l->v[i].kind)->remove(&l->v[i]) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

/* --- beside a dump ------------------------------------------------------------ */

/* The lock of whoever writes a dump there; -1: somebody does just now. */
static int dir_claim(const char *path)
{
	cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK))
		return -1;
	return take_fd(&fd);
}

int gc_before_dump(const char *path, struct left_list **ret)
{
	cleanup_close int claim = dir_claim(path);
	int r = claim < 0 ? 0 : left_read(path, ret);

	return r < 0 || claim < 0 ? r : left_remove(*ret, false);
}

int gc_replaced(const struct left_list *l)
{
	return l ? left_remove(l, true) : 0;
}

/* --- the command -------------------------------------------------------------- */

/* 1: this process is there, under the name that it had. */
static int task_lives(const struct image_dir *d, pid_t pid)
{
	cleanup_close int proc = proc_open(pid);
	struct proc_buf b = { 0 };
	struct proc_stat st;
	ProtobufCMessage *m;
	const CoreEntry *core;
	int r;

	if (proc < 0)
		return 0;
	r = proc_stat_read(proc, 0, &b, &st);
	proc_buf_done(&b);
	if (r < 0 || st.state == 'Z' || st.state == 'X')
		return 0;
	r = image_get(d, IMAGE_CORE, (uint64_t)pid, &m);
	if (r < 0)
		return r;
	core = (const CoreEntry *)m;
	r = core->tc && str_eq(core->tc->comm, st.comm);
	protobuf_c_message_free_unpacked(m, NULL);
	if (!r)
		return 0;
	return fail_hint(fail_plain("pid %d (%s) of the tree lives", (int)pid, st.comm),
			 "what is left of the dump goes with its restore; end the tree first");
}

static int tree_is_dead(const char *path)
{
	struct image_reader *img = NULL;
	struct image_dir *d;
	ProtobufCMessage *m;
	int r = image_dir_join(path, &d);

	if (r < 0)
		return r;
	r = image_reader_open(d, IMAGE_PSTREE, 0, &img);
	while (r > 0 && (r = image_read(img, &m)) > 0) {
		int lives = task_lives(d, (pid_t)((const PstreeEntry *)m)->pid);

		protobuf_c_message_free_unpacked(m, NULL);
		if (lives < 0)
			r = lives;
	}
	image_reader_free(img);
	image_dir_free(d);
	return r;
}

static bool has_complete(const struct left_list *l)
{
	for (size_t i = 0; i < l->nr; i++)
		if (l->v[i].complete)
			return true;
	return false;
}

static int item_act(const struct left_item *i, bool show)
{
	const struct left_ops *ops = ops_of(i->kind);
	char text[PATH_MAX + 32];
	int r = ops->exists(i);

	if (r <= 0)
		return r;
	ops->describe(i, text, sizeof(text));
	r = show ? 0 : ops->remove(i);
	if (r >= 0)
		printf("%s%s\n", text, show ? "" : ": removed");
	return r;
}

int gc_run(struct session *s, int *ret_status)
{
	const struct options *o = s->opts;
	cleanup_close int claim = dir_claim(o->images_dir);
	struct left_list *l = NULL;
	int r;

	*ret_status = 0;
	error_context("gc", NULL);
	if (claim < 0)
		return fail_plain("%s: a dump is being written into it", o->images_dir);
	r = left_read(o->images_dir, &l);
	if (r >= 0 && !o->show && has_complete(l))
		r = tree_is_dead(o->images_dir);
	for (size_t i = 0; r >= 0 && i < l->nr; i++)
		r = item_act(&l->v[i], o->show);
	left_list_free(l);
	return r;
}
