// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/net/tun: a file that is a queue of an interface. The interface ends with its last file,
 * unless it is persistent, and with it goes all that was configured. ioctls and rtnetlink(7) tell
 * what that was (net/device.c). Images: images/tun.proto. Tests: test/zdtm/static/tun*, tap*.
 *
 * On the way back crtool makes them before any other file is looked at: sockets may have addresses
 * of theirs. One that is persistent and still there is taken as it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"
#include "criu/files/reg.h"
#include "criu/kernel/ia32.h"
#include "criu/net/device.h"

#define TUN_MAJOR 10
#define TUN_MINOR 200

#ifndef IFF_NO_CARRIER /* 6.5 */
#define IFF_NO_CARRIER 0x0040
#endif
#ifndef TUNSETCARRIER /* 5.0 */
#define TUNSETCARRIER _IOW('T', 226, int)
#endif

#define FLAGS_OF_DEVICE                                                                            \
	(IFF_TUN | IFF_TAP | IFF_NO_PI | IFF_ONE_QUEUE | IFF_VNET_HDR | IFF_MULTI_QUEUE |          \
	 IFF_NAPI | IFF_NAPI_FRAGS | IFF_NO_CARRIER)

static bool tun_match(const struct fd_probe *p)
{
	return S_ISCHR(p->st.st_mode) && p->st.st_rdev == makedev(TUN_MAJOR, TUN_MINOR) &&
	       !(p->info.flags & O_PATH);
}

/* In the namespace that crtool is in, where the tree is, too. */
static bool is_here(int fd)
{
	cleanup_close int ns = ioctl(fd, TUNGETDEVNETNS);
	struct stat its, ours;

	return ns < 0 || (fstat(ns, &its) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
			  its.st_ino == ours.st_ino && its.st_dev == ours.st_dev);
}

/* True when it stands in the way. */
static bool tun_blocked(const struct fd_probe *p, const struct ifreq *ifr)
{
	struct sock_fprog filter = { 0 };
	const char *why = NULL;
	char name[64];

	if (!is_here(p->lfd))
		why = "is in another network namespace";
	else if (ioctl(p->lfd, TUNGETFILTER, &filter) == 0 && filter.len)
		why = "has, or had, a filter (TUNATTACHFILTER), which nobody can read";
	if (why)
		blocker(NULL, "%s: %s: interface %s %s: this cannot be kept",
			fd_probe_name(p, name, sizeof(name)), p->link, ifr->ifr_name, why);
	return why;
}

/* sysfs shows those of the namespace that it was mounted in. */
static int owner_read(const char *name, const char *what)
{
	char path[128], text[32] = "";
	cleanup_close int fd = -1;
	long id;

	snprintf(path, sizeof(path), "/sys/class/net/%s/%s", name, what);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return fail(errno, "read %s", path);
	text[strcspn(text, "\n")] = '\0';
	return str_to_long(text, -1, INT32_MAX, &id) < 0 ? fail_plain("%s: %s", path, text)
							 : (int)id;
}

static int link_dump(int fd, const struct ifreq *ifr, TunLinkEntry *l)
{
	int sndbuf = 0, vnethdr = 0, is_le = 0, is_be = 0, r;

	if (ioctl(fd, TUNGETSNDBUF, &sndbuf) < 0 || ioctl(fd, TUNGETVNETHDRSZ, &vnethdr) < 0 ||
	    ioctl(fd, TUNGETVNETLE, &is_le) < 0)
		return fail(errno, "interface %s: ask what it is", ifr->ifr_name);
	/* Not of every kernel. */
	(void)ioctl(fd, TUNGETVNETBE, &is_be);
	l->flags = (uint16_t)ifr->ifr_flags;
	l->sndbuf = (uint32_t)sndbuf;
	l->vnethdr = (uint32_t)vnethdr;
	l->has_vnet_le = l->has_vnet_be = true;
	l->vnet_le = is_le;
	l->vnet_be = is_be;
	l->owner = owner_read(ifr->ifr_name, "owner");
	l->group = owner_read(ifr->ifr_name, "group");
	if (l->owner < -1 || l->group < -1)
		return l->owner < -1 ? l->owner : l->group;
	r = netdev_offload(ifr->ifr_name, &l->offload);
	l->has_offload = true;
	return r < 0 ? fail(-r, "interface %s: ask for its features", ifr->ifr_name) : 0;
}

static int tun_write(struct dump *d, const struct fd_probe *p, TunfileEntry *e)
{
	FileEntry fe = FILE_ENTRY__INIT;
	int r;

	e->fown = arena_message(&d->arena, FownEntry, FOWN_ENTRY__INIT);
	r = fown_dump_probe(p, e->fown);
	if (r < 0)
		return r;
	e->id = p->id;
	e->has_flags = true;
	e->flags = fd_probe_flags(p);
	e->path = (char *)(uintptr_t)p->link;
	fe.type = FD_TYPES__TUNF;
	fe.tunf = e;
	return dump_file_write(d, p->id, &fe);
}

static int tun_dump(struct dump *d, const struct fd_probe *p)
{
	TunfileEntry e = TUNFILE_ENTRY__INIT;
	TunLinkEntry link = TUN_LINK_ENTRY__INIT;
	TunDeviceEntry device = TUN_DEVICE_ENTRY__INIT;
	struct ifreq ifr = { .ifr_mtu = 0 };
	int r;

	if (ioctl(p->lfd, TUNGETIFF, &ifr) < 0)
		return errno == EBADFD ? tun_write(d, p, &e) : fail(errno, "TUNGETIFF");
	if (tun_blocked(p, &ifr))
		return 0;
	e.netdev = ifr.ifr_name;
	e.has_detached = true;
	e.detached = ifr.ifr_flags & IFF_DETACH_QUEUE;
	e.link = &link;
	e.device = &device;
	r = link_dump(p->lfd, &ifr, &link);
	if (r >= 0)
		r = netdev_dump(&d->arena, ifr.ifr_name, &device);
	return r < 0 ? r : tun_write(d, p, &e);
}

/* --- restore ------------------------------------------------------------------ */

struct tun_file {
	struct file file;
	int slot; /* broker number */
	int fd; /* crtool's own, until it is given away; -1 */
	bool is_new; /* the interface was made for it */
};

static int entry_check(const TunfileEntry *e)
{
	if (!e || !e->path || !e->fown || !e->has_flags)
		return fail_plain("has no part of a tun device");
	if (!e->netdev)
		return 0;
	if (!e->link || !e->device || !*e->netdev || strlen(e->netdev) >= IFNAMSIZ ||
	    strchr(e->netdev, '/') || e->netdev[0] == '.')
		return fail_plain("a tun device without what belongs to it");
	return fail_at(netdev_check(e->device), "interface %s", e->netdev);
}

/* Settings of the queue, which each file has. */
static int queue_restore(const TunfileEntry *e, int fd)
{
	const TunLinkEntry *l = e->link;
	int sndbuf = (int)l->sndbuf, is_le = l->vnet_le, is_be = l->vnet_be, now = 0;
	struct ifreq detach = { .ifr_flags = IFF_DETACH_QUEUE };

	if (ioctl(fd, TUNSETSNDBUF, &sndbuf) < 0)
		return fail(errno, "interface %s: TUNSETSNDBUF %d", e->netdev, sndbuf);
	if (ioctl(fd, TUNGETVNETLE, &now) == 0 && now != is_le &&
	    ioctl(fd, TUNSETVNETLE, &is_le) < 0)
		return fail(errno, "interface %s: TUNSETVNETLE %d", e->netdev, is_le);
	if (is_be && ioctl(fd, TUNSETVNETBE, &is_be) < 0)
		return fail(errno, "interface %s: TUNSETVNETBE %d", e->netdev, is_be);
	if (e->detached && ioctl(fd, TUNSETQUEUE, &detach) < 0)
		return fail(errno, "interface %s: detach a queue", e->netdev);
	return 0;
}

/* What the driver has to be told of one that is new. */
static int link_restore(const TunfileEntry *e, int fd)
{
	const TunLinkEntry *l = e->link;
	int size = (int)l->vnethdr, type = (int)e->device->type;
	int usual = l->flags & IFF_TAP ? ARPHRD_ETHER : ARPHRD_NONE;

	if (l->owner >= 0 && ioctl(fd, TUNSETOWNER, (unsigned long)l->owner) < 0)
		return fail(errno, "interface %s: owner %d", e->netdev, l->owner);
	if (l->group >= 0 && ioctl(fd, TUNSETGROUP, (unsigned long)l->group) < 0)
		return fail(errno, "interface %s: group %d", e->netdev, l->group);
	if (type != usual && ioctl(fd, TUNSETLINK, (unsigned long)type) < 0)
		return fail(errno, "interface %s: type %d", e->netdev, type);
	if (l->flags & IFF_VNET_HDR && ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
		return fail(errno, "interface %s: TUNSETVNETHDRSZ %d", e->netdev, size);
	if (l->has_offload && l->offload && ioctl(fd, TUNSETOFFLOAD, (unsigned long)l->offload) < 0)
		return fail(errno, "interface %s: TUNSETOFFLOAD %#x", e->netdev, l->offload);
	return 0;
}

/* An interface may have had a number that is another's by now; then it gets another. */
static int attach(const TunfileEntry *e, int fd, bool is_new)
{
	struct ifreq ifr = { .ifr_flags = (short)(e->link->flags & FLAGS_OF_DEVICE) };
	unsigned int index = e->device->ifindex;
	char name[IF_NAMESIZE];

	if (is_new && !if_indextoname(index, name) && ioctl(fd, TUNSETIFINDEX, &index) < 0)
		return fail(errno, "interface %s: number %u", e->netdev, index);
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", e->netdev);
	if (ioctl(fd, TUNSETIFF, &ifr) == 0)
		return 0;
	return fail_hint(fail(errno, "interface %s: TUNSETIFF", e->netdev),
			 "end whoever has the interface, or remove it");
}

static int tun_make(struct restore *r, struct tun_file *t)
{
	const TunfileEntry *e = t->file.entry->tunf;
	cleanup_close int fd = -1;
	struct stat st;
	int ret = 0;

	if (stat(e->path, &st) < 0)
		return fail(errno, "stat %s", e->path);
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(TUN_MAJOR, TUN_MINOR))
		return fail_plain("%s: is not the tun device any more", e->path);
	fd = reg_open_link(r, e->path, O_RDWR | O_NONBLOCK | (e->flags & IA32_O_LARGEFILE));
	if (fd < 0)
		return fail(-fd, "open %s", e->path);
	if (e->netdev) {
		t->is_new = !if_nametoindex(e->netdev);
		ret = attach(e, fd, t->is_new);
	}
	if (ret >= 0 && e->netdev && t->is_new)
		ret = link_restore(e, fd);
	if (ret >= 0 && e->netdev)
		ret = queue_restore(e, fd);
	t->fd = take_fd(&fd);
	return ret;
}

/* When it has all its queues: each has brought the carrier back. */
static int tun_configure(struct restore *r, struct tun_file *t)
{
	const TunfileEntry *e = t->file.entry->tunf;
	int carrier = 0;

	(void)r;
	if (!t->is_new)
		return 0;
	if (!e->device->carrier && ioctl(t->fd, TUNSETCARRIER, &carrier) < 0)
		return fail(errno, "interface %s: TUNSETCARRIER", e->netdev);
	return netdev_restore(e->netdev, e->device);
}

static int tun_check_and_make(struct restore *r, struct tun_file *t)
{
	int ret = entry_check(t->file.entry->tunf);

	t->fd = -1;
	return ret < 0 ? ret : tun_make(r, t);
}

static int each_tun(struct restore *r, int (*fn)(struct restore *r, struct tun_file *t))
{
	for (size_t i = 0; i < r->nr_files; i++) {
		const struct file *f = r->files[i];
		int ret = f->kind == &tun_kind ? fn(r, file_to(struct tun_file, r->files[i])) : 0;

		if (ret < 0 && f->owner)
			return task_fail_at(fail_at(ret, "fd %d", f->owner_fd), f->owner);
		if (ret < 0)
			return fail_at(ret, "files.img: file %u", f->id);
	}
	return 0;
}

/* Before anybody looks whether this host has an address. */
static int tun_adopt(struct restore *r)
{
	int ret = each_tun(r, tun_check_and_make);

	return ret < 0 ? ret : each_tun(r, tun_configure);
}

static int tun_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct tun_file *t = file_to(struct tun_file, f);

	(void)fe;
	t->slot = restore_add_broker(r);
	return t->slot < 0 ? t->slot : 0;
}

static int tun_create(struct restore *r, struct file *f)
{
	struct tun_file *t = file_to(struct tun_file, f);

	broker_give(r, t->slot, take_fd(&t->fd));
	return 0;
}

static int tun_open(struct restore *r, struct file *f)
{
	const TunfileEntry *e = f->entry->tunf;
	cleanup_close int fd = broker_take(r, file_to(struct tun_file, f)->slot);
	int ret = fd < 0 ? fd : status_restore(fd, e->flags, e->fown);

	return ret < 0 ? ret : take_fd(&fd);
}

/* Now that nothing can fail: it outlives its files again. */
static int tun_arm(struct restore *r, struct file *f, int fd)
{
	const TunfileEntry *e = f->entry->tunf;

	(void)r;
	if (!file_to(struct tun_file, f)->is_new || !(e->link->flags & IFF_PERSIST))
		return 0;
	return ioctl(fd, TUNSETPERSIST, 1ul) < 0
		   ? fail(errno, "interface %s: TUNSETPERSIST", e->netdev)
		   : 0;
}

static void tun_done(struct file *f)
{
	struct tun_file *t = file_to(struct tun_file, f);

	if (t->fd > 0)
		close(t->fd);
}

const struct file_kind tun_kind = {
	.name = "tun",
	.type = FD_TYPES__TUNF,
	.size = sizeof(struct tun_file),
	.match = tun_match,
	.dump = tun_dump,
	.adopt = tun_adopt,
	.load = tun_load,
	.create = tun_create,
	.open = tun_open,
	.arm = tun_arm,
	.done = tun_done,
};
