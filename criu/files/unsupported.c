// SPDX-License-Identifier: GPL-2.0-only
/* What no kind before it in the list has claimed: the reason is recorded, nothing is lost
 * in silence. */
#include <stdio.h>
#include <sys/socket.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/file.h"
#include "criu/files/kinds.h"

static bool any_match(const struct fd_probe *p)
{
	(void)p;
	return true;
}

static const char *family_name(int family)
{
	switch (family) {
	case AF_UNIX:
		return "unix";
	case AF_INET:
		return "IPv4";
	case AF_INET6:
		return "IPv6";
	case AF_NETLINK:
		return "netlink";
	case AF_PACKET:
		return "packet";
	case AF_XDP:
		return "kernel-bypass (XDP)";
	default:
		return "unknown";
	}
}

static void what(const struct fd_probe *p, char *buf, size_t size)
{
	int type = 0;
	socklen_t len = sizeof(int);

	if (p->family >= 0 && getsockopt(p->lfd, SOL_SOCKET, SO_TYPE, &type, &len) == 0)
		snprintf(buf, size, "%s %s socket", family_name(p->family),
			 type == SOCK_STREAM  ? "stream"
			 : type == SOCK_DGRAM ? "datagram"
			 : type == SOCK_RAW   ? "raw"
					      : "other");
	else if (S_ISCHR(p->st.st_mode))
		snprintf(buf, size, "device");
	else
		snprintf(buf, size, "file");
}

static int unsupported_dump(struct dump *d, const struct fd_probe *p)
{
	char name[64], kind[64];

	(void)d;
	what(p, kind, sizeof(kind));
	blocker(NULL, "%s: %s: a %s, which cannot be kept yet",
		fd_probe_name(p, name, sizeof(name)), p->link, kind);
	return 0;
}

const struct file_kind unsupported_kind = {
	.name = "unsupported",
	.type = FD_TYPES__UND,
	.match = any_match,
	.dump = unsupported_dump,
};
