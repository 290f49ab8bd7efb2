// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock of a restore. On the host of the dump it is there already, elsewhere it is made: also
 * there the first packet of a peer may come before the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/sock/guard.h"
#include "criu/sock/inet.h"
#include "criu/sock/inetaddr.h"
#include "criu/sock/kinds.h"

#define RUN_ID_LETTERS 36

/* A connection whose socket is made, but not live. */
struct live_conn {
	int fd;
	const InetSkEntry *e;
};

static enum network_lock method_of(const struct restore *r)
{
	const InventoryEntry *i = r->inventory;

	if (i->has_network_lock_method && i->network_lock_method >= NETWORK_LOCK_IPTABLES &&
	    i->network_lock_method <= NETWORK_LOCK_SKIP)
		return (enum network_lock)i->network_lock_method;
	return r->s->opts->network_lock;
}

/* That of the dump. It becomes the name of a table: nothing but a UUID will do. */
static const char *run_id_of(const struct restore *r)
{
	const char *id = r->inventory->dump_criu_run_id;

	if (!id || strlen(id) != RUN_ID_LETTERS ||
	    strspn(id, "0123456789abcdef-") != RUN_ID_LETTERS)
		return r->s->run_id;
	return id;
}

static size_t connections(const struct restore *r, struct net_conn *conns)
{
	size_t nr = 0;

	for (size_t i = 0; i < r->nr_files; i++) {
		const InetSkEntry *e = r->files[i]->entry->isk;
		union inet_addr local, peer;

		if (r->files[i]->kind != &inet_kind || !tcp_is_connection(e))
			continue;
		inet_addr_local(e, &local);
		inet_addr_peer(e, &peer);
		if (conns)
			inet_conn(&local, &peer, &conns[nr]);
		nr++;
	}
	return nr;
}

int tcp_lock(struct restore *r)
{
	size_t nr = connections(r, NULL);
	struct net_conn *conns;
	int ret;

	if (!nr || method_of(r) == NETWORK_LOCK_SKIP)
		return 0;
	ret = netlock_exists(method_of(r), run_id_of(r));
	if (ret < 0)
		return ret;
	r->lock_is_ours = ret == 0;
	conns = mem_alloc(nr * sizeof(*conns));
	connections(r, conns);
	ret = netlock_make(method_of(r), run_id_of(r), conns, nr);
	free(conns);
	return ret;
}

void tcp_unmake_lock(struct restore *r)
{
	if (r->lock_is_ours)
		netlock_remove(method_of(r), run_id_of(r), NULL);
}

int tcp_keep(struct restore *r, const InetSkEntry *e, int fd)
{
	struct live_conn *c = array_push(r->live, r->nr_live, r->cap_live);

	c->e = e;
	c->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	return c->fd < 0 ? fail_hint(fail(errno, "keep a descriptor of a TCP connection"),
				     "raise the limit of open files (ulimit -Hn) above the number "
				     "of connections")
			 : 0;
}

int tcp_prepare_live(struct restore *r)
{
	char text[TCP_TEXT_MAX];
	int ret;

	if (!r->nr_live)
		return 0;
	ret = tcp_guard_start(method_of(r), run_id_of(r), r->nr_live, &r->guard);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < r->nr_live; i++)
		tcp_guard_add(r->guard, r->live[i].fd, r->live[i].e->opts->reuseaddr);
	tcp_guard_hold(r->guard);
	for (size_t i = 0; i < r->nr_live && ret >= 0; i++) {
		const InetSkEntry *e = r->live[i].e;

		ret = tcp_repair_end(r->live[i].fd, e->opts->reuseaddr, false);
		if (ret < 0)
			ret = fail(-ret, "%s: leave repair mode", tcp_text(e, text));
	}
	return ret;
}

void tcp_unprepare_live(struct restore *r)
{
	const int on = TCP_REPAIR_ON;

	for (size_t i = 0; i < r->nr_live && r->guard; i++)
		setsockopt(r->live[i].fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on));
	tcp_guard_end(r->guard);
	r->guard = NULL;
}

void tcp_outlive(struct restore *r)
{
	if (r->guard)
		tcp_guard_lives(r->guard);
}

/* The peer is asked for its window, which leaving repair mode does: it was behind the lock. */
static void window_ask(struct restore *r, const struct live_conn *c)
{
	const int on = TCP_REPAIR_ON;
	char text[TCP_TEXT_MAX];
	int err;

	tcp_guard_reads(r->guard, 0, c->fd, c->e->opts->reuseaddr);
	err = setsockopt(c->fd, IPPROTO_TCP, TCP_REPAIR, &on, sizeof(on)) < 0
		  ? -errno
		  : tcp_repair_end(c->fd, c->e->opts->reuseaddr, true);
	tcp_guard_has_read(r->guard, 0);
	if (err < 0)
		log_error("%s: stays in repair mode: %s", tcp_text(c->e, text), strerror(-err));
}

/* Also --tcp-close ends here: its connections have no lock any more. */
int tcp_go_live(struct restore *r, int *ret_fd)
{
	int ret = 0;

	*ret_fd = -1;
	if (r->nr_live || r->inventory->has_network_lock_method)
		ret = netlock_remove(method_of(r), run_id_of(r), ret_fd);
	for (size_t i = 0; i < r->nr_live; i++)
		window_ask(r, &r->live[i]);
	tcp_guard_end(r->guard);
	r->guard = NULL;
	for (size_t i = 0; i < r->nr_live; i++)
		close(r->live[i].fd);
	free(r->live);
	r->live = NULL;
	r->nr_live = 0;
	return ret;
}
