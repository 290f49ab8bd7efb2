// SPDX-License-Identifier: GPL-2.0-only
/*
 * Addresses and routes are kept as the kernel tells them by rtnetlink(7), and told back in the same
 * words; settings as the files of /proc/sys/net. What the kernel makes by itself when an address is
 * given (routes to what is connected, to itself, and to broadcasts) is not kept.
 *
 * When it comes up it makes an IPv6 address by itself, from the same secret as before; should that
 * be one that it has not had, it goes.
 */
#include "criu/net/device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/kernel/nlsock.h"

#define SETTING_MAX  256
#define ROUTE_ROUNDS 8 /* a route may need another one, for its gateway */
#define EXTRA_MAX    4

/* What SIOCSIFFLAGS takes. */
#define FLAGS_KEPT                                                                                 \
	(IFF_UP | IFF_DEBUG | IFF_NOARP | IFF_PROMISC | IFF_ALLMULTI | IFF_MULTICAST | IFF_DYNAMIC)

struct looking {
	struct arena *a;
	unsigned int ifindex;
	TunDeviceEntry *e;
};

static void record_add(struct arena *a, ProtobufCBinaryData **list, size_t *nr,
		       const struct nlmsghdr *h)
{
	/* A power of two is full: the next one is twice as large. */
	if (!(*nr & (*nr - 1))) {
		ProtobufCBinaryData *more = arena_array(a, ProtobufCBinaryData, *nr ? *nr * 2 : 1);

		if (*nr)
			memcpy(more, *list, *nr * sizeof(*more));
		*list = more;
	}
	(*list)[*nr].len = h->nlmsg_len - NLMSG_HDRLEN;
	(*list)[*nr].data = arena_dup(a, NLMSG_DATA(h), h->nlmsg_len - NLMSG_HDRLEN);
	(*nr)++;
}

static uint32_t attr_u32(const struct nlattr *a, uint32_t otherwise)
{
	uint32_t v = otherwise;

	if (a && nlsock_attr_len(a) >= sizeof(v))
		memcpy(&v, nlsock_attr_data(a), sizeof(v));
	return v;
}

static int on_link(const struct nlmsghdr *h, void *ctx)
{
	const struct nlattr *a[IFLA_CARRIER + 1];
	const struct ifinfomsg *info = NLMSG_DATA(h);
	struct looking *l = ctx;
	char master[IF_NAMESIZE];
	uint32_t index;
	int r = nlsock_attrs(h, sizeof(*info), a, IFLA_CARRIER);

	if (r < 0)
		return r;
	l->e->ifindex = (uint32_t)info->ifi_index;
	l->e->flags = info->ifi_flags & FLAGS_KEPT;
	l->e->type = info->ifi_type;
	l->e->mtu = attr_u32(a[IFLA_MTU], 0);
	l->e->has_txqlen = a[IFLA_TXQLEN] != NULL;
	l->e->txqlen = attr_u32(a[IFLA_TXQLEN], 0);
	l->e->carrier = !a[IFLA_CARRIER] || *(const uint8_t *)nlsock_attr_data(a[IFLA_CARRIER]);
	if (a[IFLA_ADDRESS] && nlsock_attr_len(a[IFLA_ADDRESS])) {
		l->e->has_address = true;
		l->e->address.len = nlsock_attr_len(a[IFLA_ADDRESS]);
		l->e->address.data =
		    arena_dup(l->a, nlsock_attr_data(a[IFLA_ADDRESS]), l->e->address.len);
	}
	index = attr_u32(a[IFLA_MASTER], 0);
	if (index && if_indextoname(index, master))
		l->e->master = arena_strdup(l->a, master);
	return 0;
}

static int on_address(const struct nlmsghdr *h, void *ctx)
{
	const struct ifaddrmsg *m = NLMSG_DATA(h);
	struct looking *l = ctx;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) || h->nlmsg_type != RTM_NEWADDR)
		return -EBADMSG;
	if (m->ifa_index == l->ifindex)
		record_add(l->a, &l->e->addresses, &l->e->n_addresses, h);
	return 0;
}

/* Not what comes by itself. */
static int on_route(const struct nlmsghdr *h, void *ctx)
{
	const struct nlattr *a[RTA_OIF + 1];
	const struct rtmsg *m = NLMSG_DATA(h);
	struct looking *l = ctx;
	int r = nlsock_attrs(h, sizeof(*m), a, RTA_OIF);

	if (r < 0)
		return r;
	if (attr_u32(a[RTA_OIF], 0) == l->ifindex && m->rtm_protocol != RTPROT_KERNEL &&
	    m->rtm_protocol != RTPROT_REDIRECT && !(m->rtm_flags & RTM_F_CLONED))
		record_add(l->a, &l->e->routes, &l->e->n_routes, h);
	return 0;
}

/* --- settings ----------------------------------------------------------------------- */

static int setting_path(char *buf, size_t size, const char *name, uint32_t family,
			const char *setting)
{
	int n = snprintf(buf, size, "/proc/sys/net/ipv%u/conf/%s/%s", family, name, setting);

	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

/* False: it has none, or cannot be read (an IPv6 secret that is not set). */
static bool setting_read(const char *name, uint32_t family, const char *setting,
			 char ret[SETTING_MAX])
{
	char path[PATH_MAX];
	cleanup_close int fd = -1;
	ssize_t n;

	if (setting_path(path, sizeof(path), name, family, setting) < 0)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, ret, SETTING_MAX - 1);
	if (n <= 0)
		return false;
	ret[n] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	return true;
}

static int setting_write(const char *name, uint32_t family, const char *setting, const char *value)
{
	char path[PATH_MAX];
	cleanup_close int fd = -1;

	if (setting_path(path, sizeof(path), name, family, setting) < 0)
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : io_write(fd, value, strlen(value));
}

static void settings_dump(const struct looking *l, const char *name, uint32_t family)
{
	char path[PATH_MAX], value[SETTING_MAX];
	cleanup_closedir DIR *dir = NULL;
	struct dirent *de;

	setting_path(path, sizeof(path), name, family, "");
	dir = opendir(path);
	while (dir && (de = readdir(dir))) {
		TunSettingEntry *s, **more;

		if (de->d_name[0] == '.' || !setting_read(name, family, de->d_name, value))
			continue;
		s = arena_message(l->a, TunSettingEntry, TUN_SETTING_ENTRY__INIT);
		s->family = family;
		s->name = arena_strdup(l->a, de->d_name);
		s->value = arena_strdup(l->a, value);
		more = arena_array(l->a, TunSettingEntry *, l->e->n_settings + 1);
		for (size_t i = 0; i < l->e->n_settings; i++)
			more[i] = l->e->settings[i];
		more[l->e->n_settings++] = s;
		l->e->settings = more;
	}
}

int netdev_dump(struct arena *a, const char *name, TunDeviceEntry *ret)
{
	struct looking l = { a, if_nametoindex(name), ret };
	struct ifinfomsg link = { .ifi_family = AF_UNSPEC, .ifi_index = (int)l.ifindex };
	struct ifaddrmsg addr = { .ifa_family = AF_UNSPEC };
	struct rtmsg route[] = { { .rtm_family = AF_INET }, { .rtm_family = AF_INET6 } };
	struct nlsock *s = NULL;
	int r = l.ifindex ? nlsock_open(NETLINK_ROUTE, &s) : -ENODEV;

	if (r >= 0)
		r = nlsock_ask(s, RTM_GETLINK, &link, sizeof(link), on_link, &l);
	if (r >= 0)
		r = nlsock_dump(s, RTM_GETADDR, &addr, sizeof(addr), on_address, &l);
	for (size_t i = 0; i < ARRAY_SIZE(route) && r >= 0; i++)
		r = nlsock_dump(s, RTM_GETROUTE, &route[i], sizeof(route[i]), on_route, &l);
	nlsock_close(s);
	settings_dump(&l, name, 4);
	settings_dump(&l, name, 6);
	return r < 0 ? fail(-r, "interface %s: ask by netlink", name) : 0;
}

/* --- restore ------------------------------------------------------------------------ */

/* The value of an attribute, to be changed in place; NULL. */
static void *attr_in(uint8_t *record, size_t len, size_t head, unsigned int type, size_t size)
{
	for (size_t at = NLMSG_ALIGN(head); at + NLA_HDRLEN <= len;) {
		struct nlattr *a = (struct nlattr *)(record + at);

		if (a->nla_len < NLA_HDRLEN || at + a->nla_len > len)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type && a->nla_len >= NLA_HDRLEN + size)
			return record + at + NLA_HDRLEN;
		at += NLA_ALIGN(a->nla_len);
	}
	return NULL;
}

/* One way out, which will be the interface itself; the kernel would take the last of several. */
static bool route_is_good(const ProtobufCBinaryData *b)
{
	size_t nr_out = 0, nr_ways = 0;

	for (size_t at = NLMSG_ALIGN(sizeof(struct rtmsg)); at + NLA_HDRLEN <= b->len;) {
		const struct nlattr *a = (const void *)(b->data + at);

		if (a->nla_len < NLA_HDRLEN || at + a->nla_len > b->len)
			return false;
		nr_out += (a->nla_type & NLA_TYPE_MASK) == RTA_OIF;
		nr_ways += (a->nla_type & NLA_TYPE_MASK) == RTA_MULTIPATH;
		at += NLA_ALIGN(a->nla_len);
	}
	return nr_out == 1 && !nr_ways;
}

static bool record_is_good(const ProtobufCBinaryData *b, size_t head)
{
	return b->len >= head && b->len <= NLSOCK_CHANGE_MAX;
}

static bool setting_is_good(const TunSettingEntry *s)
{
	return (s->family == 4 || s->family == 6) && *s->name && s->name[0] != '.' &&
	       !strchr(s->name, '/') && strlen(s->value) < SETTING_MAX;
}

int netdev_check(const TunDeviceEntry *e)
{
	for (size_t i = 0; i < e->n_addresses; i++)
		if (!record_is_good(&e->addresses[i], sizeof(struct ifaddrmsg)))
			return fail_plain("an address of %zu bytes", e->addresses[i].len);
	for (size_t i = 0; i < e->n_routes; i++)
		if (!record_is_good(&e->routes[i], sizeof(struct rtmsg)) ||
		    !route_is_good(&e->routes[i]))
			return fail_plain("a route of %zu bytes", e->routes[i].len);
	for (size_t i = 0; i < e->n_settings; i++)
		if (!setting_is_good(e->settings[i]))
			return fail_plain("a setting of an interface: ipv%u %s",
					  e->settings[i]->family, e->settings[i]->name);
	if (e->has_address && e->address.len > sizeof(((struct ifreq *)0)->ifr_hwaddr.sa_data))
		return fail_plain("a link-layer address of %zu bytes", e->address.len);
	if (e->flags & ~(uint32_t)FLAGS_KEPT)
		return fail_plain("an interface with flags %#x", e->flags);
	return 0;
}

struct making {
	const char *name;
	const TunDeviceEntry *e;
	unsigned int ifindex;
	int sock; /* for ioctls */
	struct nlsock *s;
};

static int change(const struct making *m, unsigned long what, struct ifreq *ifr, const char *text)
{
	snprintf(ifr->ifr_name, sizeof(ifr->ifr_name), "%s", m->name);
	return ioctl(m->sock, what, ifr) < 0 ? fail(errno, "interface %s: %s", m->name, text) : 0;
}

static int link_restore(const struct making *m)
{
	struct ifreq ifr = { .ifr_mtu = (int)m->e->mtu };
	int r = change(m, SIOCSIFMTU, &ifr, "set its MTU");

	if (r >= 0 && m->e->has_txqlen) {
		ifr.ifr_qlen = (int)m->e->txqlen;
		r = change(m, SIOCSIFTXQLEN, &ifr, "set the length of its queue");
	}
	if (r >= 0 && m->e->has_address && change(m, SIOCGIFHWADDR, &ifr, "ask its address") >= 0) {
		memcpy(ifr.ifr_hwaddr.sa_data, m->e->address.data, m->e->address.len);
		r = change(m, SIOCSIFHWADDR, &ifr, "set its address");
	}
	return r;
}

static int master_restore(const struct making *m)
{
	struct {
		struct ifinfomsg info;
		struct nlattr head;
		uint32_t index;
	} req = { .info = { .ifi_index = (int)m->ifindex },
		  .head = { .nla_len = NLA_HDRLEN + sizeof(uint32_t), .nla_type = IFLA_MASTER },
		  .index = m->e->master ? if_nametoindex(m->e->master) : 0 };
	int r;

	if (!m->e->master)
		return 0;
	if (!req.index)
		return fail_plain("interface %s: is to be a port of %s, which is not there",
				  m->name, m->e->master);
	r = nlsock_change(m->s, RTM_NEWLINK, 0, &req, sizeof(req));
	return r < 0 ? fail(-r, "interface %s: make it a port of %s", m->name, m->e->master) : 0;
}

static int flags_restore(const struct making *m)
{
	struct ifreq ifr = { .ifr_mtu = 0 };
	int r = change(m, SIOCGIFFLAGS, &ifr, "ask its flags");

	if (r < 0)
		return r;
	ifr.ifr_flags = (short)((ifr.ifr_flags & ~FLAGS_KEPT) | (int)m->e->flags);
	return change(m, SIOCSIFFLAGS, &ifr, "set its flags");
}

struct address {
	union {
		struct ifaddrmsg m;
		uint8_t bytes[NLSOCK_CHANGE_MAX];
	} req;
	size_t len;
};

static int address_send(const struct making *m, struct address *a, bool no_dad)
{
	uint32_t *flags =
	    attr_in(a->req.bytes, a->len, sizeof(a->req.m), IFA_FLAGS, sizeof(*flags));

	if (no_dad)
		a->req.m.ifa_flags |= IFA_F_NODAD;
	if (flags && no_dad)
		*flags |= IFA_F_NODAD;
	return nlsock_change(m->s, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &a->req, a->len);
}

/* It was nobody else's before, so nobody is asked whether it is now; that there is a flag which
 * says so is to be seen only if there was one. */
static int address_restore(const struct making *m, const ProtobufCBinaryData *b)
{
	struct address a = { .len = b->len };
	int r = 0;

	memcpy(a.req.bytes, b->data, b->len);
	a.req.m.ifa_index = m->ifindex;
	if (a.req.m.ifa_family == AF_INET6) {
		struct address first = a;

		r = address_send(m, &first, true);
	}
	if (r >= 0)
		r = address_send(m, &a, false);
	return r < 0 ? fail(-r, "interface %s: give it address %zu", m->name,
			    (size_t)(b - m->e->addresses) + 1)
		     : 0;
}

static int route_restore(const struct making *m, const ProtobufCBinaryData *b)
{
	union {
		struct rtmsg m;
		uint8_t bytes[NLSOCK_CHANGE_MAX];
	} req;
	uint32_t *oif;
	int r;

	memcpy(req.bytes, b->data, b->len);
	oif = attr_in(req.bytes, b->len, sizeof(req.m), RTA_OIF, sizeof(*oif));
	if (!oif)
		return -EBADMSG;
	*oif = m->ifindex;
	/* What the kernel adds when it tells of one. */
	req.m.rtm_flags &= RTNH_F_ONLINK;
	r = nlsock_change(m->s, RTM_NEWROUTE, NLM_F_CREATE, &req, b->len);
	return r == -EEXIST ? 0 : r;
}

static int routes_restore(const struct making *m)
{
	size_t left = m->e->n_routes;
	int err = 0;

	for (unsigned int i = 0; i < ROUTE_ROUNDS && left; i++) {
		left = 0;
		for (size_t k = 0; k < m->e->n_routes; k++) {
			int r = route_restore(m, &m->e->routes[k]);

			left += r < 0;
			err = r < 0 ? r : err;
		}
	}
	return left ? fail(-err, "interface %s: %zu of its %zu routes", m->name, left,
			   m->e->n_routes)
		    : 0;
}

/* A secret that addresses are made from makes it that they are; so how they are made is said
 * after it. */
static bool is_late(const TunSettingEntry *s)
{
	return str_eq(s->name, "addr_gen_mode");
}

/* What is as it should be is not written: not all can be. */
static void setting_restore(const struct making *m, const TunSettingEntry *s)
{
	char now[SETTING_MAX];
	int r;

	if (setting_read(m->name, s->family, s->name, now) && str_eq(now, s->value))
		return;
	r = setting_write(m->name, s->family, s->name, s->value);
	if (r < 0)
		log_warn("interface %s: net.ipv%u.conf.%s = %s: %s", m->name, s->family, s->name,
			 s->value, strerror(-r));
}

static void settings_restore(const struct making *m, bool late)
{
	for (size_t i = 0; i < m->e->n_settings; i++)
		if (is_late(m->e->settings[i]) == late && !str_eq(m->e->settings[i]->name, "mtu"))
			setting_restore(m, m->e->settings[i]);
}

/* --- addresses that it has got by itself --- */

struct extra {
	const struct making *m;
	struct {
		uint8_t bytes[NLSOCK_CHANGE_MAX];
		size_t len;
	} found[EXTRA_MAX];
	size_t nr;
};

static bool same_address(const ProtobufCBinaryData *b, const uint8_t *record, size_t len)
{
	const size_t head = sizeof(struct ifaddrmsg);
	const struct ifaddrmsg *x = (const void *)b->data, *y = (const void *)record;
	size_t size = y->ifa_family == AF_INET6 ? 16 : 4;
	const void *a = attr_in(b->data, b->len, head, IFA_ADDRESS, size);
	const void *c = attr_in((uint8_t *)(uintptr_t)record, len, head, IFA_ADDRESS, size);

	return x->ifa_family == y->ifa_family && x->ifa_prefixlen == y->ifa_prefixlen && a && c &&
	       memcmp(a, c, size) == 0;
}

static int on_extra(const struct nlmsghdr *h, void *ctx)
{
	const struct ifaddrmsg *msg = NLMSG_DATA(h);
	size_t len = h->nlmsg_len - NLMSG_HDRLEN;
	struct extra *x = ctx;

	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)) || len > NLSOCK_CHANGE_MAX)
		return -EBADMSG;
	if (msg->ifa_index != x->m->ifindex || x->nr == EXTRA_MAX)
		return 0;
	for (size_t i = 0; i < x->m->e->n_addresses; i++)
		if (same_address(&x->m->e->addresses[i], (const void *)msg, len))
			return 0;
	memcpy(x->found[x->nr].bytes, msg, len);
	x->found[x->nr++].len = len;
	return 0;
}

static int addresses_trim(const struct making *m)
{
	struct ifaddrmsg all = { .ifa_family = AF_UNSPEC };
	struct extra x = { .m = m };
	int r = nlsock_dump(m->s, RTM_GETADDR, &all, sizeof(all), on_extra, &x);

	for (size_t i = 0; i < x.nr && r >= 0; i++)
		r = nlsock_change(m->s, RTM_DELADDR, 0, x.found[i].bytes, x.found[i].len);
	return r < 0 ? fail(-r, "interface %s: take away an address that it has not had", m->name)
		     : 0;
}

static int parts_restore(const struct making *m)
{
	int r = link_restore(m);

	if (r >= 0)
		r = master_restore(m);
	if (r >= 0) {
		settings_restore(m, false);
		settings_restore(m, true);
		r = flags_restore(m);
	}
	for (size_t i = 0; i < m->e->n_addresses && r >= 0; i++)
		r = address_restore(m, &m->e->addresses[i]);
	if (r >= 0)
		r = routes_restore(m);
	return r < 0 ? r : addresses_trim(m);
}

int netdev_restore(const char *name, const TunDeviceEntry *e)
{
	cleanup_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct making m = { name, e, if_nametoindex(name), sock, NULL };
	int r = sock < 0 ? -errno : nlsock_open(NETLINK_ROUTE, &m.s);

	if (r < 0)
		return fail(-r, "interface %s: netlink", name);
	r = parts_restore(&m);
	nlsock_close(m.s);
	return r;
}
