// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unix sockets of a restore: images are checked, who is whose peer is found, and it is planned who
 * makes what. Nothing is made here.
 *
 * SO_PEERCRED shows who called socketpair(2), listen(2) (to who has connected) or connect(2) (to
 * who has accepted). So these are done by that process, if it is of the tree, or by one that has
 * its number for a moment; all else by crtool. An accepted socket has its name from the one that
 * listened: if that is gone, another one stands in for it.
 *
 *	round 0			pairs are made; who is to listen, listens
 *	rounds 1 .. 29		who is to be accepted connects; crtool accepts, after each
 *	round 30		who waits to be accepted connects, in turn
 *	round 31		backlogs become what they were
 */
#include <errno.h>
#include <linux/un.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/files/load.h"
#include "criu/kernel/unix_diag.h"
#include "criu/sock/opts.h"
#include "criu/sock/unix.h"

#define ROUND_FIRST    0u
#define ROUND_CONNECT  1u
#define ROUND_WAIT     (MAKE_ROUNDS - 2u)
#define ROUND_BACKLOG  (MAKE_ROUNDS - 1u)
#define ACCEPTED_LEAST 4000u /* in one round: less than somaxconn usually is */

/* --- images --------------------------------------------------------------------- */

static struct unix_plan *plan_of(struct restore *r)
{
	if (!r->unix_plan) {
		r->unix_plan = arena_alloc(&r->arena, sizeof(*r->unix_plan));
		r->unix_plan->turns = -1;
	}
	return r->unix_plan;
}

void unix_plan_done(struct restore *r)
{
	struct unix_plan *p = r->unix_plan;

	if (!p)
		return;
	map_done(&p->by_ino);
	map_done(&p->by_name);
	map_done(&p->deeds);
	free(p->files);
	free(p->connects);
}

static struct unix_file *unix_file_of(struct file *f)
{
	return f && f->kind->load == unix_load ? file_to(struct unix_file, f) : NULL;
}

static struct sk_queue *queue_of(struct restore *r, uint32_t id)
{
	struct unix_file *u = unix_file_of(restore_find_file(r, id));

	return u ? &u->queue : NULL;
}

/* Files that are only in queues are owned by who has the socket; that may be such a file itself. */
static bool adopt_for(struct restore *r, struct file *f)
{
	const struct unix_file *u = unix_file_of(f);
	bool any = false;

	for (const struct sk_message *m = u && f->owner ? u->queue.first : NULL; m; m = m->next)
		for (size_t i = 0; i < m->e->n_scm; i++)
			for (size_t j = 0; j < m->e->scm[i]->n_rights; j++) {
				struct file *in = restore_find_file(r, m->e->scm[i]->rights[j]);

				if (!in || in->owner)
					continue;
				file_hide(r, in, (struct task *)(uintptr_t)f->owner);
				any = true;
			}
	return any;
}

int unix_adopt(struct restore *r)
{
	bool any = true;
	int ret;

	for (size_t i = 0; i < r->nr_files; i++)
		if (unix_file_of(r->files[i])) {
			struct unix_file *u = unix_file_of(r->files[i]);

			u->queue.last = &u->queue.first;
		}
	ret = sk_queues_load(r, queue_of);
	while (ret >= 0 && any) {
		any = false;
		for (size_t i = 0; i < r->nr_files; i++)
			any |= adopt_for(r, r->files[i]);
	}
	return ret;
}

static int queue_check(struct restore *r, const struct unix_file *u)
{
	for (const struct sk_message *m = u->queue.first; m; m = m->next)
		for (size_t i = 0; i < m->e->n_scm; i++) {
			const ScmEntry *scm = m->e->scm[i];

			for (size_t j = 0; j < scm->n_rights; j++)
				if (!restore_find_file(r, scm->rights[j]))
					return fail_plain("has file %u in its queue, which is not "
							  "in files.img",
							  scm->rights[j]);
		}
	return 0;
}

static int entry_check(const UnixSkEntry *e)
{
	if (e->type != SOCK_STREAM && e->type != SOCK_DGRAM && e->type != SOCK_SEQPACKET)
		return fail_plain("a unix socket of type %u", e->type);
	if (e->state != TCP_ESTABLISHED && e->state != TCP_CLOSE && e->state != TCP_LISTEN)
		return fail_plain("a unix socket in state %u", e->state);
	if (e->name.len > UNIX_NAME_MAX)
		return fail_plain("a unix socket with a name of %zu bytes", e->name.len);
	if (e->closed_peer.len > UNIX_NAME_MAX)
		return fail_plain("a peer with a name of %zu bytes", e->closed_peer.len);
	if (e->state == TCP_LISTEN && !e->name.len)
		return fail_plain("a unix socket that listens without a name");
	if (e->n_peer_groups > 65536)
		return fail_plain("%zu groups of a peer", e->n_peer_groups);
	if (e->backlog > INT32_MAX)
		return fail_plain("a backlog of %u", e->backlog);
	return 0;
}

/* With a NUL behind it, so that a path is a string. */
static void name_set(struct restore *r, struct unix_file *u, const ProtobufCBinaryData *name)
{
	uint8_t *copy = arena_alloc(&r->arena, name->len + 1);

	if (name->len)
		memcpy(copy, name->data, name->len);
	u->name = copy;
	u->name_len = name->len;
}

static uint64_t name_hash(uint32_t type, const uint8_t *name, size_t len)
{
	uint64_t h = 0xcbf29ce484222325 ^ type;

	for (size_t i = 0; i < len; i++)
		h = (h ^ name[i]) * 0x100000001b3;
	return h;
}

/* Those that are looked for: datagram sockets and who listens, not what was accepted. */
static void name_put(struct unix_plan *p, struct unix_file *u)
{
	uint64_t h = name_hash(u->type, u->name, u->name_len);
	struct unix_file *first = map_get(&p->by_name, h);

	if (!first) {
		map_put(&p->by_name, h, u);
	} else {
		u->same_name = first->same_name;
		first->same_name = u;
	}
}

struct unix_file *unix_by_name(const struct restore *r, uint32_t type, const uint8_t *name,
			       size_t len)
{
	struct unix_file *u = map_get(&r->unix_plan->by_name, name_hash(type, name, len));

	for (; u; u = u->same_name)
		if (u->type == type && u->name_len == len && !memcmp(u->name, name, len))
			return u;
	return NULL;
}

int unix_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct unix_file *u = file_to(struct unix_file, f);
	struct unix_plan *p = plan_of(r);
	const UnixSkEntry *e = fe->usk;
	int ret;

	if (!e)
		return fail_plain("has no part of a unix socket");
	if (e->uflags & UNIX_INHERITED)
		return fail_hint(fail_plain("socket:[%u] is connected to a unix socket outside of "
					    "the images that has no name",
					    e->ino),
				 "try --inherit-fd fd[N]:socket:[%u]", e->ino);
	ret = entry_check(e);
	if (ret >= 0)
		ret = sk_opts_load(e->opts);
	if (ret >= 0)
		ret = queue_check(r, u);
	if (ret < 0)
		return ret;
	if (map_get(&p->by_ino, e->ino))
		return fail_plain("unix socket %u twice", e->ino);
	u->e = e;
	u->type = e->type;
	u->slot = -1;
	name_set(r, u, &e->name);
	map_put(&p->by_ino, e->ino, u);
	if (e->uflags & UNIX_EXTERNAL)
		u->how = UNIX_OUTSIDE;
	else if (!f->owner)
		return fail_plain("a unix socket that nobody has open");
	*array_push(p->files, p->nr_files, p->cap_files) = u;
	if (u->name_len && u->how != UNIX_OUTSIDE &&
	    (u->type == SOCK_DGRAM || e->state == TCP_LISTEN)) {
		name_put(p, u);
		return unix_name_check(u);
	}
	return 0;
}

/* --- plan ----------------------------------------------------------------------- */

/* One that only helps. */
static struct unix_file *helper_add(struct restore *r, uint32_t type,
				    const ProtobufCBinaryData *name, const struct task *owner)
{
	struct unix_plan *p = r->unix_plan;
	struct unix_file *u = arena_alloc(&r->arena, sizeof(*u));

	u->type = type;
	u->slot = -1;
	u->file.owner = owner;
	u->queue.last = &u->queue.first;
	if (name && name->len)
		name_set(r, u, name);
	*array_push(p->files, p->nr_files, p->cap_files) = u;
	return u;
}

/* Under whose name, and so by whom: `by` is what shows it. */
static struct unix_deed *deed_add(struct restore *r, enum unix_sort sort, unsigned int round,
				  struct unix_file *a, struct unix_file *b,
				  const struct unix_file *by)
{
	struct unix_deed *d = arena_alloc(&r->arena, sizeof(*d));
	const UnixSkEntry *e = by ? by->e : NULL;
	const struct task *maker = a->file.owner, *t;
	struct unix_deeds *all;

	*d = (struct unix_deed){ .sort = sort, .round = round, .a = a, .b = b, .turn = -1 };
	if (e && e->has_peer_pid && e->peer_pid) {
		d->id = (struct identity){ (pid_t)e->peer_pid, e->peer_uid, e->peer_gid,
					   e->peer_groups, e->n_peer_groups };
		t = tree_find(&r->tree, d->id.pid);
		if (t && task_is_alive(t))
			maker = t;
	}
	all = map_get(&r->unix_plan->deeds, (uint64_t)maker->pid);
	if (!all) {
		all = arena_alloc(&r->arena, sizeof(*all));
		all->last = &all->first;
		map_put(&r->unix_plan->deeds, (uint64_t)maker->pid, all);
	}
	*all->last = d;
	all->last = &d->next;
	r->make_rounds |= 1u << round;
	return d;
}

/* Both come from one call; the name, if there is one, from a later one. */
static void plan_pair(struct restore *r, struct unix_file *a, struct unix_file *b)
{
	a->how = b->how = UNIX_PAIR;
	a->peer = b;
	b->peer = a;
	deed_add(r, UNIX_MAKE_PAIR, ROUND_FIRST, a, b, a);
}

/* The one that listens under the name of an accepted socket, or one in its place. */
static struct unix_file *plan_listener(struct restore *r, const struct unix_file *server,
				       const struct unix_file *client)
{
	const ProtobufCBinaryData name = { server->name_len, (uint8_t *)(uintptr_t)server->name };
	struct unix_file *at = unix_by_name(r, server->type, server->name, server->name_len);

	if (at)
		return at;
	at = helper_add(r, server->type, &name, client->file.owner);
	deed_add(r, UNIX_MAKE_LISTEN, ROUND_FIRST, at, NULL, client)->backlog = INT32_MAX;
	name_put(r->unix_plan, at);
	return at;
}

static int plan_accepted(struct restore *r, struct unix_file *server, struct unix_file *client)
{
	struct unix_plan *p = r->unix_plan;
	struct unix_file *at = plan_listener(r, server, client);
	unsigned int round = ROUND_CONNECT + (unsigned int)(at->nr_connects / ACCEPTED_LEAST);
	struct unix_deed *d;

	if (round >= ROUND_WAIT)
		return fail_plain("too many connections to one unix socket");
	at->nr_connects++;
	server->how = UNIX_ACCEPTED;
	server->peer = client;
	client->peer = server;
	server->at = at;
	d = deed_add(r, UNIX_MAKE_CONNECT, round, client, at, server);
	d->announces = true;
	*array_push(p->connects, p->nr_connects, p->cap_connects) = d;
	return 0;
}

/* Which of the two was accepted? It has a name that another one has listened under. */
static bool is_server(struct restore *r, const struct unix_file *a, const struct unix_file *b)
{
	if (!a->name_len || !b->name_len)
		return a->name_len;
	return unix_by_name(r, a->type, a->name, a->name_len);
}

static int plan_connected(struct restore *r, struct unix_file *a, struct unix_file *b)
{
	if (!a->name_len && !b->name_len) {
		plan_pair(r, a, b);
		return 0;
	}
	return is_server(r, a, b) ? plan_accepted(r, a, b) : plan_accepted(r, b, a);
}

static int plan_stream(struct restore *r, struct unix_file *u)
{
	struct unix_file *peer = map_get(&r->unix_plan->by_ino, u->e->peer);

	if (u->peer || u->e->state != TCP_ESTABLISHED)
		return 0;
	if (!u->e->peer)
		return plan_connected(r, u,
				      helper_add(r, u->type, &u->e->closed_peer, u->file.owner));
	if (!peer || peer->type != u->type || peer == u)
		return fail_plain("unix socket %u: its peer %u is not in the images", u->e->ino,
				  u->e->peer);
	if (peer->e->state == TCP_LISTEN) {
		u->at = peer;
		return 0;
	}
	if (peer->how != UNIX_OUTSIDE && (peer->e->peer != u->e->ino || peer->peer))
		return fail_plain("unix socket %u: its peer %u has another one", u->e->ino,
				  u->e->peer);
	if (peer->how != UNIX_OUTSIDE)
		return plan_connected(r, u, peer);
	u->peer = peer;
	return 0;
}

static int plan_datagram(struct restore *r, struct unix_file *u)
{
	struct unix_file *peer = map_get(&r->unix_plan->by_ino, u->e->peer);

	if (u->peer)
		return 0;
	if (u->e->has_closed_peer) {
		plan_pair(r, u, helper_add(r, u->type, &u->e->closed_peer, u->file.owner));
		return 0;
	}
	if (!u->e->peer)
		return 0;
	if (!peer || peer->type != SOCK_DGRAM)
		return fail_plain("unix socket %u: its peer %u is not in the images", u->e->ino,
				  u->e->peer);
	/* A pair, named later or not; two that have connected to each other have names. */
	if (peer != u && peer->how != UNIX_OUTSIDE && peer->e->peer == u->e->ino && !peer->peer &&
	    (u->e->has_peer_pid || !u->name_len || !peer->name_len)) {
		plan_pair(r, u, peer);
		return 0;
	}
	if (!peer->name_len)
		return fail_plain("unix socket %u: its peer %u has no name to connect to",
				  u->e->ino, u->e->peer);
	u->peer = peer;
	return 0;
}

static void wait_add(struct restore *r, struct unix_file *u, int *turn)
{
	if (!u->waits)
		deed_add(r, UNIX_MAKE_CONNECT, ROUND_WAIT, u, u->at, NULL)->turn = (*turn)++;
	u->waits = true;
}

/* Those that wait, in their order. */
static int plan_waiting(struct restore *r, struct unix_file *at, int *turn)
{
	for (size_t i = 0; i < at->e->n_pending; i++) {
		struct unix_file *u = map_get(&r->unix_plan->by_ino, at->e->pending[i]);

		if (!u || u->at != at || u->how != UNIX_ALONE)
			return fail_plain("unix socket %u: %u does not wait there", at->e->ino,
					  at->e->pending[i]);
		wait_add(r, u, turn);
	}
	return 0;
}

static int plan_listening(struct restore *r, struct unix_file *u, int *turn)
{
	bool others = u->nr_connects || u->e->n_pending;
	struct unix_deed *d = deed_add(r, UNIX_MAKE_LISTEN, ROUND_FIRST, u, NULL, u);

	d->backlog = others ? INT32_MAX : (int)u->e->backlog;
	if (others)
		deed_add(r, UNIX_MAKE_LISTEN, ROUND_BACKLOG, u, NULL, u)->backlog =
		    (int)u->e->backlog;
	return plan_waiting(r, u, turn);
}

static int slots_add(struct restore *r)
{
	struct unix_plan *p = r->unix_plan;

	for (size_t i = 0; i < p->nr_files; i++) {
		if (p->files[i]->how == UNIX_OUTSIDE)
			continue;
		p->files[i]->slot = restore_add_broker(r);
		if (p->files[i]->slot < 0)
			return p->files[i]->slot;
	}
	p->turns = restore_add_broker(r);
	return p->turns < 0 ? p->turns : 0;
}

int unix_plan(struct restore *r)
{
	struct unix_plan *p = r->unix_plan;
	size_t nr = p ? p->nr_files : 0; /* without those that are added */
	int ret = 0, turn = 0;

	for (size_t i = 0; i < nr && ret >= 0; i++) {
		struct unix_file *u = p->files[i];

		if (u->how == UNIX_OUTSIDE)
			continue;
		ret = u->type == SOCK_DGRAM ? plan_datagram(r, u) : plan_stream(r, u);
	}
	for (size_t i = 0; i < nr && ret >= 0; i++)
		if (p->files[i]->how != UNIX_OUTSIDE && p->files[i]->e->state == TCP_LISTEN)
			ret = plan_listening(r, p->files[i], &turn);
	/* CRIU keeps no order. */
	for (size_t i = 0; i < nr && ret >= 0; i++)
		if (p->files[i]->how == UNIX_ALONE && p->files[i]->at)
			wait_add(r, p->files[i], &turn);
	return ret < 0 || !p ? ret : slots_add(r);
}
