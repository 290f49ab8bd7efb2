// SPDX-License-Identifier: GPL-2.0-only
/*
 * The lock of a restore. On the host of the dump it is there already, elsewhere it is made: also
 * there the first packet of a peer may come before the socket.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
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
		netlock_remove(method_of(r), run_id_of(r));
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

/*
 * First the lock: what leaving repair mode sends, the question for the peer's window, is to get
 * there. Also --tcp-close ends here: its connections have no lock any more.
 */
int tcp_go_live(struct restore *r)
{
	char text[TCP_TEXT_MAX];
	int ret = 0;

	if (r->nr_live || r->inventory->has_network_lock_method)
		ret = netlock_remove(method_of(r), run_id_of(r));
	for (size_t i = 0; i < r->nr_live; i++) {
		const struct live_conn *c = &r->live[i];
		int err = tcp_repair_end(c->fd, c->e->opts->reuseaddr, true);

		if (err < 0)
			log_error("%s: stays in repair mode: %s", tcp_text(c->e, text),
				  strerror(-err));
		close(c->fd);
	}
	free(r->live);
	r->live = NULL;
	r->nr_live = 0;
	return ret;
}
