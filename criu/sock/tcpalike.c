// SPDX-License-Identifier: GPL-2.0-only
/*
 * A hundred questions for each of a thousand connections, when most of them were accepted by the
 * same listener and have the same answers. Where the kernel's state of two sockets is the same
 * (kernel/sockview.h), the second has the options of the first. To be on the safe side one more of
 * each sort is asked all the same: should it say otherwise, all are.
 */
#include "criu/sock/tcpalike.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/files/fown.h"
#include "criu/kernel/sockview.h"
#include "criu/sock/opts.h"

/* Below, to ask each costs less than to have an iterator made and loaded. */
#define MANY_CONNECTIONS 400

struct one {
	const struct sockview_socket *seen;
	struct tcp_seen *s;
};

static int by_state(const void *a, const void *b)
{
	const struct one *x = a, *y = b;
	int r = memcmp(x->seen->state, y->seen->state, SOCKVIEW_BYTES);

	if (r)
		return r;
	if (x->s->standard != y->s->standard)
		return x->s->standard < y->s->standard ? -1 : 1;
	return (x->s->lfd > y->s->lfd) - (x->s->lfd < y->s->lfd);
}

static bool is_alike(const struct one *x, const struct one *y)
{
	return x->s->standard == y->s->standard &&
	       memcmp(x->seen->state, y->seen->state, SOCKVIEW_BYTES) == 0;
}

static void compare(struct one *v, size_t nr)
{
	size_t first = 0;

	qsort(v, nr, sizeof(*v), by_state);
	for (size_t i = 1; i < nr; i++) {
		if (!is_alike(&v[first], &v[i])) {
			first = i;
			continue;
		}
		v[i].s->like = v[first].s;
		v[i].s->is_proof = i == first + 1;
	}
}

void connections_compare(struct dump *d)
{
	const struct inet_dump *in = d->inet;
	cleanup_sockview struct sockview view = { 0 };
	struct one *v;
	size_t nr = 0;
	int r;

	if (in->nr_seen < MANY_CONNECTIONS)
		return;
	r = sockview_read(&view);
	if (r < 0) {
		log_info("each connection is asked for its options: no view of the kernel: %s",
			 strerror(-r));
		return;
	}
	v = mem_alloc(in->nr_seen * sizeof(*v));
	for (size_t i = 0; i < in->nr_seen; i++) {
		struct tcp_seen *s = in->seen[i];
		const struct sockview_socket *seen =
		    s->e->family == AF_INET ? sockview_find(&view, s->lfd) : NULL;

		if (seen)
			v[nr++] = (struct one){ seen, s };
	}
	compare(v, nr);
	free(v);
}

static void options_share(InetSkEntry *e, const InetSkEntry *from)
{
	e->ip_opts = from->ip_opts;
	e->tcp_opts = from->tcp_opts;
	e->more_opts = from->more_opts;
	e->n_more_opts = from->n_more_opts;
	e->has_ip_options = from->has_ip_options;
	e->ip_options = from->ip_options;
}

int connection_dump_like(struct arena *a, const struct tcp_seen *s)
{
	InetSkEntry *e = s->e;
	int r;

	options_share(e, s->like->e);
	e->fown = arena_alloc(a, sizeof(*e->fown));
	r = fown_dump(s->lfd, e->fown);
	return r < 0 ? r : sk_opts_read_like(a, s->lfd, s->like->e->opts, &e->opts);
}

static size_t options_pack(const InetSkEntry *from, const SkOptsEntry *opts, uint8_t *ret)
{
	SkOptsEntry own = *opts;
	InetSkEntry e = INET_SK_ENTRY__INIT;

	own.so_sndbuf = own.so_rcvbuf = 0;
	options_share(&e, from);
	e.opts = &own;
	return ret ? inet_sk_entry__pack(&e, ret) : inet_sk_entry__get_packed_size(&e);
}

bool connection_is_like(const struct tcp_seen *s)
{
	const InetSkEntry *e = s->e, *like = s->like->e;
	size_t len = options_pack(e, e->opts, NULL);
	uint8_t *mine, *other;
	bool same;

	if (len != options_pack(like, like->opts, NULL))
		return false;
	mine = mem_alloc(len);
	other = mem_alloc(len);
	options_pack(e, e->opts, mine);
	options_pack(like, like->opts, other);
	same = memcmp(mine, other, len) == 0;
	free(mine);
	free(other);
	return same;
}
