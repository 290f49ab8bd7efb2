// SPDX-License-Identifier: GPL-2.0-only
/* Unix sockets: who makes what, from images alone; and images that cannot be right. */
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/sock/kinds.h"
#include "criu/sock/unix.h"
#include "test/unit/test.h"

#define MOST 8

/* Two processes, 10 and 11, and the sockets that they have. */
struct world {
	struct restore r;
	struct task *t[2];
	size_t nr;
	struct unix_file file[MOST];
	FileEntry fe[MOST];
	UnixSkEntry e[MOST];
	SkOptsEntry opts;
};

static struct world *world_new(void)
{
	struct world *w = mem_alloc(sizeof(*w));

	for (int i = 0; i < 2; i++)
		w->t[i] = tree_add(&w->r.tree, 10 + i, i ? w->t[0] : NULL);
	for (int i = 0; i < 2; i++)
		w->t[i]->kind = TASK_ALIVE;
	tree_index(&w->r.tree);
	w->opts = (SkOptsEntry)SK_OPTS_ENTRY__INIT;
	w->r.brokers = mem_alloc(64 * sizeof(*w->r.brokers));
	return w;
}

/* Socket number ino of task 10 + owner; name: what follows the NUL of an abstract one. */
static UnixSkEntry *add(struct world *w, int owner, uint32_t ino, uint32_t type, uint32_t state,
			uint32_t peer, const char *name)
{
	size_t i = w->nr++;
	UnixSkEntry *e = &w->e[i];

	*e = (UnixSkEntry)UNIX_SK_ENTRY__INIT;
	e->ino = ino;
	e->type = type;
	e->state = state;
	e->peer = peer;
	e->opts = &w->opts;
	e->has_peer_pid = true;
	e->peer_pid = 10;
	if (name) {
		e->name.len = strlen(name) + 1;
		e->name.data = mem_alloc(e->name.len);
		memcpy(e->name.data + 1, name, e->name.len - 1);
	}
	w->fe[i] = (FileEntry)FILE_ENTRY__INIT;
	w->fe[i].usk = e;
	w->file[i].file.kind = &unix_kind;
	w->file[i].file.owner = w->t[owner];
	w->file[i].queue.last = &w->file[i].queue.first;
	return e;
}

static int load_and_plan(struct world *w)
{
	for (size_t i = 0; i < w->nr; i++) {
		int r = unix_load(&w->r, &w->fe[i], &w->file[i].file);

		if (r < 0)
			return r;
	}
	return unix_plan(&w->r);
}

static const struct unix_deed *deed(const struct world *w, int owner, size_t nr)
{
	const struct unix_deeds *all = map_get(&w->r.unix_plan->deeds, (uint64_t)(10 + owner));
	const struct unix_deed *d = all ? all->first : NULL;

	while (d && nr-- > 0)
		d = d->next;
	return d;
}

/* Made by who SO_PEERCRED shows, whoever has it. */
TEST(unix_plan_pair)
{
	struct world *w = world_new();
	const struct unix_deed *d;

	add(w, 1, 1, SOCK_STREAM, TCP_ESTABLISHED, 2, NULL);
	add(w, 1, 2, SOCK_STREAM, TCP_ESTABLISHED, 1, NULL);
	CHECK_INT_EQ(load_and_plan(w), 0);
	d = deed(w, 0, 0);
	CHECK(d && d->sort == UNIX_MAKE_PAIR && d->a == &w->file[0] && d->b == &w->file[1]);
	CHECK(d && !d->next && !deed(w, 1, 0) && d->id.pid == 10);
	CHECK_INT_EQ(w->r.make_rounds, 1);
}

/* One that has gone: by the owner, under its number. */
TEST(unix_plan_maker_gone)
{
	struct world *w = world_new();
	const struct unix_deed *d;

	add(w, 1, 1, SOCK_DGRAM, TCP_CLOSE, 2, NULL)->peer_pid = 99;
	add(w, 1, 2, SOCK_DGRAM, TCP_CLOSE, 1, NULL)->peer_pid = 99;
	CHECK_INT_EQ(load_and_plan(w), 0);
	d = deed(w, 1, 0);
	CHECK(d && d->sort == UNIX_MAKE_PAIR && d->id.pid == 99);
}

/* Accepted from the one that listens; then who waits, in order; then the backlog. */
TEST(unix_plan_listening)
{
	struct world *w = world_new();
	uint32_t pending[] = { 5, 4 };
	UnixSkEntry *l = add(w, 0, 1, SOCK_STREAM, TCP_LISTEN, 0, "x");

	l->backlog = 7;
	l->pending = pending;
	l->n_pending = 2;
	add(w, 0, 2, SOCK_STREAM, TCP_ESTABLISHED, 3, "x")->peer_pid = 11;
	add(w, 1, 3, SOCK_STREAM, TCP_ESTABLISHED, 2, NULL);
	add(w, 1, 4, SOCK_STREAM, TCP_ESTABLISHED, 1, NULL);
	add(w, 1, 5, SOCK_STREAM, TCP_ESTABLISHED, 1, NULL);
	CHECK_INT_EQ(load_and_plan(w), 0);
	CHECK_INT_EQ(w->file[1].how, UNIX_ACCEPTED);
	CHECK(w->file[1].at == &w->file[0] && w->file[1].peer == &w->file[2]);
	if (!CHECK(deed(w, 0, 1) && deed(w, 1, 2)))
		return;
	CHECK(deed(w, 0, 0)->sort == UNIX_MAKE_LISTEN && deed(w, 0, 0)->round == 0);
	CHECK(deed(w, 0, 1)->backlog == 7 && deed(w, 0, 1)->round == 31);
	CHECK(deed(w, 1, 0)->announces && deed(w, 1, 0)->a == &w->file[2]);
	CHECK(deed(w, 1, 1)->a == &w->file[4] && deed(w, 1, 1)->turn == 0);
	CHECK(deed(w, 1, 2)->a == &w->file[3] && deed(w, 1, 2)->turn == 1);
}

/* What has its name from one that is gone needs another one; and a peer that was closed. */
TEST(unix_plan_helpers)
{
	struct world *w = world_new();

	add(w, 0, 1, SOCK_SEQPACKET, TCP_ESTABLISHED, 0, "x");
	CHECK_INT_EQ(load_and_plan(w), 0);
	CHECK_INT_EQ(w->r.unix_plan->nr_files, 3);
	CHECK_INT_EQ(w->file[0].how, UNIX_ACCEPTED);
	CHECK(!w->file[0].peer->e && !w->file[0].at->e);
	CHECK_INT_EQ(w->file[0].at->name_len, 2);
	CHECK_INT_EQ(w->r.make_rounds, 3);
}

static void refused(struct world *w, const char *text)
{
	CHECK(load_and_plan(w) < 0);
	CHECK_ERROR(text);
}

TEST(unix_plan_refuses)
{
	static const struct {
		uint32_t type, state, peer;
		const char *text;
	} bad[] = {
		{ SOCK_RAW, TCP_CLOSE, 0, "of type 3" },
		{ SOCK_STREAM, TCP_SYN_SENT, 0, "in state 2" },
		{ SOCK_STREAM, TCP_LISTEN, 0, "listens without a name" },
		{ SOCK_STREAM, TCP_ESTABLISHED, 9, "its peer 9 is not in the images" },
		{ SOCK_STREAM, TCP_ESTABLISHED, 1, "its peer 1 is not in the images" },
		{ SOCK_STREAM, TCP_ESTABLISHED, 2, "its peer 2 has another one" },
		{ SOCK_DGRAM, TCP_CLOSE, 9, "its peer 9 is not in the images" },
		{ SOCK_DGRAM, TCP_CLOSE, 2, "its peer 2 is not in the images" },
		{ SOCK_DGRAM, TCP_CLOSE, 3, "its peer 3 has no name" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct world *w = world_new();

		add(w, 0, 1, bad[i].type, bad[i].state, bad[i].peer, NULL);
		add(w, 0, 2, SOCK_STREAM, TCP_ESTABLISHED, 0, NULL);
		add(w, 0, 3, SOCK_DGRAM, TCP_CLOSE, 0, NULL);
		test_note("%s", bad[i].text);
		refused(w, bad[i].text);
	}
}

TEST(unix_plan_refuses_numbers)
{
	struct world *w = world_new();
	uint32_t pending = 2;

	add(w, 0, 1, SOCK_DGRAM, TCP_CLOSE, 0, NULL);
	add(w, 0, 1, SOCK_DGRAM, TCP_CLOSE, 0, NULL);
	refused(w, "unix socket 1 twice");
	w = world_new();
	add(w, 0, 1, SOCK_STREAM, TCP_LISTEN, 0, "x")->pending = &pending;
	w->e[0].n_pending = 1;
	add(w, 0, 2, SOCK_STREAM, TCP_CLOSE, 0, NULL);
	refused(w, "2 does not wait there");
	w = world_new();
	add(w, 0, 1, SOCK_DGRAM, TCP_CLOSE, 0, NULL)->name.len = 200;
	refused(w, "a name of 200 bytes");
}
