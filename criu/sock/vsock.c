// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets between a virtual machine and its host, vsock(7): new, bound or listening ones. Of a
 * connection the other machine has the half. Images: images/vsock.proto. Tests:
 * test/zdtm/static/vsock*.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/sock/kinds.h"
#include "criu/sock/opts.h"
#include "images/external.pb-c.h"

#define USEC 1000000ll

static const struct {
	int name;
	const char *text;
	size_t value; /* of the entry */
} sizes[] = {
	/* In this order: each is cut to what the ones before allow. */
	{ SO_VM_SOCKETS_BUFFER_MAX_SIZE, "SO_VM_SOCKETS_BUFFER_MAX_SIZE",
	  offsetof(VsockEntry, buffer_max) },
	{ SO_VM_SOCKETS_BUFFER_MIN_SIZE, "SO_VM_SOCKETS_BUFFER_MIN_SIZE",
	  offsetof(VsockEntry, buffer_min) },
	{ SO_VM_SOCKETS_BUFFER_SIZE, "SO_VM_SOCKETS_BUFFER_SIZE",
	  offsetof(VsockEntry, buffer_size) },
};

static bool vsock_match(const struct fd_probe *p)
{
	return p->family == AF_VSOCK;
}

static int option_get(int fd, int level, int name, const char *text, void *ret, socklen_t len)
{
	return getsockopt(fd, level, name, ret, &len) < 0 ? fail(errno, "%s", text) : 0;
}

/* One that is new or bound can be written to, as poll(2) says it: which one that is about to be
 * connected cannot. */
static const char *obstacle(const struct fd_probe *p, const VsockEntry *e)
{
	struct sockaddr_vm peer;
	socklen_t len = sizeof(peer);
	struct pollfd now = { .fd = p->lfd, .events = POLLIN | POLLOUT };
	int nr = poll(&now, 1, 0);

	if (e->type != SOCK_STREAM && e->type != SOCK_SEQPACKET)
		return "a vsock datagram socket";
	if (getpeername(p->lfd, (void *)&peer, &len) == 0)
		return "a vsock connection, whose other end is on another machine";
	if (e->listening)
		return nr > 0 && now.revents & POLLIN
			   ? "a vsock connection that nobody has accepted yet"
			   : NULL;
	return nr > 0 && now.revents & POLLOUT ? NULL : "a vsock connection that is being made";
}

/* 0, or 1: it stands in the way. */
static int state_dump(const struct fd_probe *p, VsockEntry *e)
{
	struct sockaddr_vm own = { 0 };
	socklen_t len = sizeof(own);
	int type = 0, listening = 0;
	const char *why;
	char name[64];
	int r = option_get(p->lfd, SOL_SOCKET, SO_TYPE, "SO_TYPE", &type, sizeof(type));

	if (r >= 0)
		r = option_get(p->lfd, SOL_SOCKET, SO_ACCEPTCONN, "SO_ACCEPTCONN", &listening,
			       sizeof(listening));
	if (r < 0)
		return r;
	e->type = (uint32_t)type;
	e->listening = listening;
	why = obstacle(p, e);
	if (why) {
		blocker(NULL, "%s: %s: %s, which cannot be kept",
			fd_probe_name(p, name, sizeof(name)), p->link, why);
		return 1;
	}
	if (getsockname(p->lfd, (void *)&own, &len) < 0)
		return fail(errno, "getsockname");
	e->cid = own.svm_cid;
	e->port = own.svm_port;
	return 0;
}

static int options_dump(int fd, VsockEntry *e)
{
	struct timeval timeout = { 0 };
	int r = option_get(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT,
			   "SO_VM_SOCKETS_CONNECT_TIMEOUT", &timeout, sizeof(timeout));

	for (size_t i = 0; i < ARRAY_SIZE(sizes) && r >= 0; i++)
		r = option_get(fd, AF_VSOCK, sizes[i].name, sizes[i].text,
			       (char *)e + sizes[i].value, sizeof(uint64_t));
	e->timeout_us = timeout.tv_sec * USEC + timeout.tv_usec;
	return r;
}

static int vsock_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	ExtFileEntry ext = EXT_FILE_ENTRY__INIT;
	VsockEntry e = VSOCK_ENTRY__INIT;
	FownEntry fown;
	int r = state_dump(p, &e);

	if (r)
		return r < 0 ? r : 0;
	r = options_dump(p->lfd, &e);
	if (r >= 0)
		r = fown_dump_probe(p, &fown);
	if (r >= 0)
		r = sk_opts_dump(d, p, &e.opts);
	if (r < 0)
		return r;
	e.flags = fd_probe_flags(p);
	ext.id = p->id;
	ext.fown = &fown;
	ext.vsock = &e;
	fe.type = FD_TYPES__EXT;
	fe.ext = &ext;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

static bool vsock_reads(const FileEntry *fe)
{
	return fe->ext && fe->ext->vsock;
}

static int vsock_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	const VsockEntry *e = fe->ext->vsock;

	(void)r;
	(void)f;
	if (e->type != SOCK_STREAM && e->type != SOCK_SEQPACKET)
		return fail_plain("a vsock socket of type %u", e->type);
	if (e->listening && e->port == VMADDR_PORT_ANY)
		return fail_plain("a vsock socket that listens at no port");
	if (e->timeout_us < 0)
		return fail_plain("a vsock socket that waits for %lld us",
				  (long long)e->timeout_us);
	return sk_opts_load(e->opts);
}

static int options_set(int fd, const VsockEntry *e)
{
	struct timeval timeout = { e->timeout_us / USEC, e->timeout_us % USEC };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
		if (setsockopt(fd, AF_VSOCK, sizes[i].name, (const char *)e + sizes[i].value,
			       sizeof(uint64_t)) < 0)
			return fail(errno, "%s", sizes[i].text);
	if (setsockopt(fd, AF_VSOCK, SO_VM_SOCKETS_CONNECT_TIMEOUT, &timeout, sizeof(timeout)) < 0)
		return fail(errno, "SO_VM_SOCKETS_CONNECT_TIMEOUT");
	return 0;
}

/* Its backlog is shown nowhere. */
static int place_take(int fd, const VsockEntry *e)
{
	const struct sockaddr_vm a = { .svm_family = AF_VSOCK,
				       .svm_cid = e->cid,
				       .svm_port = e->port };

	if (e->port == VMADDR_PORT_ANY)
		return 0;
	if (bind(fd, (const void *)&a, sizeof(a)) < 0)
		return fail(errno, "bind to vsock port %u, cid %u", e->port, e->cid);
	if (e->listening && listen(fd, INT_MAX) < 0)
		return fail(errno, "listen at vsock port %u", e->port);
	return 0;
}

static int vsock_open(struct restore *r, struct file *f)
{
	const ExtFileEntry *ext = f->entry->ext;
	const VsockEntry *e = ext->vsock;
	cleanup_close int fd = socket(AF_VSOCK, (int)e->type | SOCK_CLOEXEC, 0);
	int ret;

	(void)r;
	if (fd < 0)
		return fail(errno, "vsock socket");
	ret = sk_opts_restore_early(fd, e->opts);
	if (ret >= 0)
		ret = options_set(fd, e);
	if (ret >= 0)
		ret = place_take(fd, e);
	if (ret >= 0)
		ret = sk_opts_restore_late(fd, e->opts);
	if (ret >= 0)
		ret = status_restore(fd, e->flags, ext->fown);
	return ret < 0 ? ret : take_fd(&fd);
}

const struct file_kind vsock_kind = {
	.name = "vsock",
	.type = FD_TYPES__EXT,
	.size = sizeof(struct file),
	.match = vsock_match,
	.dump = vsock_dump,
	.reads = vsock_reads,
	.load = vsock_load,
	.open = vsock_open,
};
