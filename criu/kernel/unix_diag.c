// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/unix_diag.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <string.h>
#include <sys/socket.h>

/* Copies an attribute that must have just this size; 0 too when it is not there. */
static int take(const struct nlattr *a, void *ret, size_t size)
{
	if (!a)
		return 0;
	if (nlsock_attr_len(a) != size)
		return -EBADMSG;
	memcpy(ret, nlsock_attr_data(a), size);
	return 0;
}

static int name_parse(const struct nlattr *a, struct unix_diag *u)
{
	if (!a)
		return 0;
	if (nlsock_attr_len(a) > UNIX_NAME_MAX)
		return -EBADMSG;
	u->name_len = nlsock_attr_len(a);
	memcpy(u->name, nlsock_attr_data(a), u->name_len);
	return 0;
}

static int pending_parse(const struct nlattr *a, struct unix_diag *u)
{
	if (!a)
		return 0;
	if (nlsock_attr_len(a) % sizeof(uint32_t))
		return -EBADMSG;
	u->pending = nlsock_attr_data(a); /* netlink aligns to four bytes */
	u->nr_pending = nlsock_attr_len(a) / sizeof(uint32_t);
	return 0;
}

int unix_diag_parse(const struct nlmsghdr *h, struct unix_diag *ret)
{
	const struct nlattr *a[UNIX_DIAG_MAX + 1];
	const struct unix_diag_msg *m = NLMSG_DATA(h);
	struct unix_diag_vfs vfs = { 0 };
	struct unix_diag_rqlen len = { 0 };
	struct unix_diag u = { 0 };
	int r = nlsock_attrs(h, sizeof(*m), a, UNIX_DIAG_MAX);

	if (r < 0)
		return r;
	if (m->udiag_family != AF_UNIX)
		return -EBADMSG;
	u.ino = m->udiag_ino;
	u.type = m->udiag_type;
	u.state = m->udiag_state;
	u.has_peer = a[UNIX_DIAG_PEER];
	u.has_file = a[UNIX_DIAG_VFS];
	if (take(a[UNIX_DIAG_PEER], &u.peer, sizeof(u.peer)) < 0 ||
	    take(a[UNIX_DIAG_VFS], &vfs, sizeof(vfs)) < 0 ||
	    take(a[UNIX_DIAG_RQLEN], &len, sizeof(len)) < 0 ||
	    take(a[UNIX_DIAG_SHUTDOWN], &u.shutdown, sizeof(u.shutdown)) < 0 ||
	    name_parse(a[UNIX_DIAG_NAME], &u) < 0 || pending_parse(a[UNIX_DIAG_ICONS], &u) < 0)
		return -EBADMSG;
	u.file_ino = vfs.udiag_vfs_ino;
	u.file_dev = vfs.udiag_vfs_dev;
	u.queued = len.udiag_rqueue;
	u.sent = len.udiag_wqueue;
	*ret = u;
	return 0;
}

struct each {
	unix_diag_fn *fn;
	void *ctx;
};

static int on_message(const struct nlmsghdr *h, void *ctx)
{
	const struct each *e = ctx;
	struct unix_diag u;
	int r = unix_diag_parse(h, &u);

	return r < 0 ? r : e->fn(&u, e->ctx);
}

int unix_diag_each(unix_diag_fn *fn, void *ctx)
{
	struct unix_diag_req req = {
		.sdiag_family = AF_UNIX,
		.udiag_states = ~0u,
		.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER |
			      UDIAG_SHOW_ICONS | UDIAG_SHOW_RQLEN,
	};
	struct each e = { fn, ctx };
	struct nlsock *s;
	int r = nlsock_open(NETLINK_SOCK_DIAG, &s);

	if (r < 0)
		return r;
	r = nlsock_dump(s, SOCK_DIAG_BY_FAMILY, &req, sizeof(req), on_message, &e);
	nlsock_close(s);
	return r;
}
