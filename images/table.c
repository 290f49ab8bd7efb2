// SPDX-License-Identifier: GPL-2.0-only
#include "images/table.h"

#include <string.h>

#include "images/apparmor.pb-c.h"
#include "images/autofs.pb-c.h"
#include "images/binfmt.pb-c.h"
#include "images/bpfmap.pb-c.h"
#include "images/cgroup.pb-c.h"
#include "images/core.pb-c.h"
#include "images/cpuinfo.pb-c.h"
#include "images/creds.pb-c.h"
#include "images/eventpoll.pb-c.h"
#include "images/fh.pb-c.h"
#include "images/file.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/fsnotify.pb-c.h"
#include "images/ghost.pb-c.h"
#include "images/inetqueue.pb-c.h"
#include "images/inventory.pb-c.h"
#include "images/ipc.pb-c.h"
#include "images/left.pb-c.h"
#include "images/lock.pb-c.h"
#include "images/memfd.pb-c.h"
#include "images/mm.pb-c.h"
#include "images/mount.pb-c.h"
#include "images/netdev.pb-c.h"
#include "images/netns.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "images/pidfd.pb-c.h"
#include "images/pidns.pb-c.h"
#include "images/pipe.pb-c.h"
#include "images/pstree.pb-c.h"
#include "images/queue.pb-c.h"
#include "images/regfile.pb-c.h"
#include "images/seccomp.pb-c.h"
#include "images/stats.pb-c.h"
#include "images/tcp.pb-c.h"
#include "images/timens.pb-c.h"
#include "images/timerfd.pb-c.h"
#include "images/tty.pb-c.h"
#include "images/userns.pb-c.h"
#include "images/uts.pb-c.h"

/* clang-format off */
/* NOLINTBEGIN(bugprone-macro-parentheses): pieces of an initializer */
#define NAME_(prefix_, id_, suffix_) \
	.prefix = (prefix_), .suffix = (suffix_), .id = IMAGE_ID_##id_
#define COMMON_(magic_) .framing = IMAGE_FRAMING_COMMON, .magic = (magic_)
#define SERVICE_(magic_) .framing = IMAGE_FRAMING_SERVICE, .magic = (magic_)
#define RAW_ .framing = IMAGE_FRAMING_RAW, .raw = true
/* One record; one record and others after it; any number of records. */
#define ONE_(msg_) .first = &(msg_##__descriptor)
#define HEAD_(msg_, next_) .first = &(msg_##__descriptor), .next = &(next_##__descriptor)
#define MANY_(msg_) HEAD_(msg_, msg_), .multiple = true

const struct image_type image_types[IMAGE_KINDS] = {
	[IMAGE_INVENTORY] = { "INVENTORY", NAME_("inventory", NONE, ".img"),
			      .framing = IMAGE_FRAMING_INVENTORY, .magic = 0x58313116,
			      ONE_(inventory_entry) },
	[IMAGE_PSTREE] = { "PSTREE", NAME_("pstree", NONE, ".img"), COMMON_(0x50273030),
			   MANY_(pstree_entry) },
	[IMAGE_CPUINFO] = { "CPUINFO", NAME_("cpuinfo", NONE, ".img"), COMMON_(0x61404013),
			    ONE_(cpuinfo_entry) },
	[IMAGE_SECCOMP] = { "SECCOMP", NAME_("seccomp", NONE, ".img"), COMMON_(0x64413049),
			    ONE_(seccomp_entry) },
	[IMAGE_CGROUP] = { "CGROUP", NAME_("cgroup", NONE, ".img"), COMMON_(0x59383330),
			   ONE_(cgroup_entry) },
	[IMAGE_APPARMOR] = { "APPARMOR", NAME_("apparmor", NONE, ".img"), COMMON_(0x59423047),
			     ONE_(apparmor_entry) },
	[IMAGE_LEFT] = { "LEFT", NAME_("left-", DEC, ".img"), COMMON_(0x4c454654),
			 MANY_(left_entry) },

	[IMAGE_CORE] = { "CORE", NAME_("core-", DEC, ".img"), COMMON_(0x55053847),
			 ONE_(core_entry) },
	[IMAGE_IDS] = { "IDS", NAME_("ids-", DEC, ".img"), COMMON_(0x54432030),
			ONE_(task_kobj_ids_entry) },
	[IMAGE_MM] = { "MM", NAME_("mm-", DEC, ".img"), COMMON_(0x57492820), ONE_(mm_entry) },
	[IMAGE_FS] = { "FS", NAME_("fs-", DEC, ".img"), COMMON_(0x51403912), ONE_(fs_entry) },
	[IMAGE_CREDS] = { "CREDS", NAME_("creds-", DEC, ".img"), COMMON_(0x54023547),
			  ONE_(creds_entry) },
	[IMAGE_FDINFO] = { "FDINFO", NAME_("fdinfo-", DEC, ".img"), COMMON_(0x56213732),
			   MANY_(fdinfo_entry) },

	[IMAGE_PAGEMAP] = { "PAGEMAP", NAME_("pagemap-", DEC, ".img"), COMMON_(0x56084025),
			    HEAD_(pagemap_head, pagemap_entry) },
	[IMAGE_SHMEM_PAGEMAP] = { "SHMEM_PAGEMAP", NAME_("pagemap-shmem-", DEC, ".img"),
				  COMMON_(0x56084025), HEAD_(pagemap_head, pagemap_entry) },
	[IMAGE_PAGES] = { "PAGES", NAME_("pages-", DEC, ".img"), RAW_ },

	[IMAGE_FILES] = { "FILES", NAME_("files", NONE, ".img"), COMMON_(0x56303138),
			  MANY_(file_entry) },
	[IMAGE_REG_FILES] = { "REG_FILES", NAME_("reg-files", NONE, ".img"), COMMON_(0x50363636),
			      MANY_(reg_file_entry) },
	[IMAGE_REMAP_FPATH] = { "REMAP_FPATH", NAME_("remap-fpath", NONE, ".img"),
				COMMON_(0x59133954), MANY_(remap_file_path_entry) },
	[IMAGE_GHOST_FILE] = { "GHOST_FILE", NAME_("ghost-file-", HEX, ".img"),
			       COMMON_(0x52583605), HEAD_(ghost_file_entry, ghost_chunk_entry),
			       .raw = true },
	[IMAGE_PIPES_DATA] = { "PIPES_DATA", NAME_("pipes-data", NONE, ".img"),
			       COMMON_(0x56453709), MANY_(pipe_data_entry), .raw = true },
	[IMAGE_FIFO_DATA] = { "FIFO_DATA", NAME_("fifo-data", NONE, ".img"), COMMON_(0x59333054),
			      MANY_(pipe_data_entry), .raw = true },
	[IMAGE_EVENTPOLL_TFD] = { "EVENTPOLL_TFD", NAME_("eventpoll-tfd", NONE, ".img"),
				  COMMON_(0x44433746), MANY_(eventpoll_tfd_entry) },
	[IMAGE_INOTIFY_WD] = { "INOTIFY_WD", NAME_("inotify-wd", NONE, ".img"),
			       COMMON_(0x54562009), MANY_(inotify_wd_entry) },
	[IMAGE_FANOTIFY_MARK] = { "FANOTIFY_MARK", NAME_("fanotify-mark", NONE, ".img"),
				  COMMON_(0x56506035), MANY_(fanotify_mark_entry) },
	[IMAGE_TIMERFD] = { "TIMERFD", NAME_("timerfd", NONE, ".img"), COMMON_(0x50493712),
			    MANY_(timerfd_entry) },
	[IMAGE_TTY_INFO] = { "TTY_INFO", NAME_("tty-info", NONE, ".img"), COMMON_(0x59453036),
			     MANY_(tty_info_entry) },
	[IMAGE_TTY_DATA] = { "TTY_DATA", NAME_("tty-data", NONE, ".img"), COMMON_(0x59413026),
			     MANY_(tty_data_entry) },
	[IMAGE_MEMFD_INODE] = { "MEMFD_INODE", NAME_("memfd", NONE, ".img"), COMMON_(0x48453499),
				MANY_(memfd_inode_entry) },
	[IMAGE_PIDFD] = { "PIDFD", NAME_("pidfd", NONE, ".img"), COMMON_(0x54435556),
			  MANY_(pidfd_entry) },
	[IMAGE_FILE_LOCKS] = { "FILE_LOCKS", NAME_("filelocks", NONE, ".img"),
			       COMMON_(0x54323616), MANY_(file_lock_entry) },
	[IMAGE_BPFMAP_FILE] = { "BPFMAP_FILE", NAME_("bpfmap-file", NONE, ".img"),
				COMMON_(0x57506142), MANY_(bpfmap_file_entry) },
	[IMAGE_BPFMAP_DATA] = { "BPFMAP_DATA", NAME_("bpfmap-data", NONE, ".img"),
				COMMON_(0x64324033), MANY_(bpfmap_data_entry), .raw = true },

	[IMAGE_SK_QUEUES] = { "SK_QUEUES", NAME_("sk-queues", NONE, ".img"), COMMON_(0x56264026),
			      MANY_(sk_packet_entry), .raw = true },
	[IMAGE_TCP_STREAM] = { "TCP_STREAM", NAME_("tcp-stream-", HEX, ".img"),
			       COMMON_(0x51465506), ONE_(tcp_stream_entry), .raw = true },
	[IMAGE_INET_QUEUES] = { "INET_QUEUES", NAME_("inet-queues", NONE, ".img"),
				COMMON_(0x49515545), MANY_(inet_packet_entry), .raw = true },

	[IMAGE_UTSNS] = { "UTSNS", NAME_("utsns-", DEC, ".img"), COMMON_(0x54473203),
			  ONE_(utsns_entry) },
	[IMAGE_IPC_VAR] = { "IPC_VAR", NAME_("ipcns-var-", DEC, ".img"), COMMON_(0x53115007),
			    ONE_(ipc_var_entry) },
	[IMAGE_IPCNS_SHM] = { "IPCNS_SHM", NAME_("ipcns-shm-", DEC, ".img"), COMMON_(0x46283044),
			      MANY_(ipc_shm_entry), .raw = true },
	[IMAGE_IPCNS_MSG] = { "IPCNS_MSG", NAME_("ipcns-msg-", DEC, ".img"), COMMON_(0x55453737),
			      MANY_(ipc_msg_entry), .inner = &ipc_msg__descriptor, .raw = true },
	[IMAGE_IPCNS_SEM] = { "IPCNS_SEM", NAME_("ipcns-sem-", DEC, ".img"), COMMON_(0x59573019),
			      MANY_(ipc_sem_entry), .raw = true },
	[IMAGE_USERNS] = { "USERNS", NAME_("userns-", DEC, ".img"), COMMON_(0x55474906),
			   ONE_(userns_entry) },
	[IMAGE_PIDNS] = { "PIDNS", NAME_("pidns-", DEC, ".img"), COMMON_(0x61157326),
			  ONE_(pidns_entry) },
	[IMAGE_TIMENS] = { "TIMENS", NAME_("timens-", DEC, ".img"), COMMON_(0x43114433),
			   ONE_(timens_entry) },

	[IMAGE_MNTS] = { "MNTS", NAME_("mountpoints-", DEC, ".img"), COMMON_(0x55563928),
			 MANY_(mnt_entry) },
	[IMAGE_AUTOFS] = { "AUTOFS", NAME_("autofs-", DEC, ".img"), COMMON_(0x49353943),
			   ONE_(autofs_entry) },
	[IMAGE_BINFMT_MISC] = { "BINFMT_MISC", NAME_("binfmt-misc", NONE, ".img"),
				COMMON_(0x67343323), MANY_(binfmt_misc_entry) },
	[IMAGE_TMPFS] = { "TMPFS_IMG", NAME_("tmpfs-", DEC, ".tar.gz.img"), RAW_ },
	[IMAGE_TMPFS_DEV] = { "TMPFS_DEV", NAME_("tmpfs-dev-", DEC, ".tar.gz.img"), RAW_ },

	[IMAGE_NETNS] = { "NETNS", NAME_("netns-", DEC, ".img"), COMMON_(0x55933752),
			  ONE_(netns_entry) },
	[IMAGE_NETDEV] = { "NETDEV", NAME_("netdev-", DEC, ".img"), COMMON_(0x57373951),
			   MANY_(net_device_entry) },
	[IMAGE_IFADDR] = { "IFADDR", NAME_("ifaddr-", DEC, ".img"), RAW_ },
	[IMAGE_ROUTE] = { "ROUTE", NAME_("route-", DEC, ".img"), RAW_ },
	[IMAGE_ROUTE6] = { "ROUTE6", NAME_("route6-", DEC, ".img"), RAW_ },
	[IMAGE_RULE] = { "RULE", NAME_("rule-", DEC, ".img"), RAW_ },
	[IMAGE_IPTABLES] = { "IPTABLES", NAME_("iptables-", DEC, ".img"), RAW_ },
	[IMAGE_IP6TABLES] = { "IP6TABLES", NAME_("ip6tables-", DEC, ".img"), RAW_ },
	[IMAGE_NFTABLES] = { "NFTABLES", NAME_("nftables-", DEC, ".img"), RAW_ },
	[IMAGE_NETNF_CT] = { "NETNF_CT", NAME_("netns-ct-", DEC, ".img"), RAW_ },
	[IMAGE_NETNF_EXP] = { "NETNF_EXP", NAME_("netns-exp-", DEC, ".img"), RAW_ },

	[IMAGE_STATS_DUMP] = { "STATS", NAME_("stats-dump", NONE, ""), SERVICE_(0x57093306),
			       ONE_(stats_entry) },
	[IMAGE_STATS_RESTORE] = { "STATS", NAME_("stats-restore", NONE, ""), SERVICE_(0x57093306),
				  ONE_(stats_entry) },
	[IMAGE_IRMAP_CACHE] = { "IRMAP_CACHE", NAME_("irmap-cache", NONE, ""),
				SERVICE_(0x57004059), MANY_(irmap_cache_entry) },
};
/* NOLINTEND(bugprone-macro-parentheses) */
/* clang-format on */

static char *put_text(char *to, const char *text)
{
	while ((*to = *text++))
		to++;
	return to;
}

static char *put_id(char *to, unsigned int base, uint64_t id)
{
	char digits[24], *at = digits + sizeof(digits);

	*--at = '\0';
	do
		*--at = "0123456789abcdef"[id % base];
	while ((id /= base));
	return put_text(to, at);
}

/* Each task of a restore makes a few, and would need a handful of pages for printf(3). */
const char *image_file_name(enum image_kind kind, uint64_t id, char buf[IMAGE_NAME_MAX])
{
	const struct image_type *t = &image_types[kind];
	char *end = put_text(buf, t->prefix);

	if (t->id != IMAGE_ID_NONE)
		end = put_id(end, t->id == IMAGE_ID_HEX ? 16 : 10, id);
	put_text(end, t->suffix);
	return buf;
}

/* Reads a number as image_file_name() writes it; returns its end, or NULL. */
static const char *parse_id(const char *s, unsigned int base, uint64_t *ret)
{
	uint64_t id = 0;
	const char *p;

	for (p = s; *p; p++) {
		unsigned int digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned int)(*p - '0');
		else if (base == 16 && *p >= 'a' && *p <= 'f')
			digit = (unsigned int)(*p - 'a') + 10;
		else
			break;
		if (id > (UINT64_MAX - digit) / base)
			return NULL;
		id = id * base + digit;
	}
	if (p == s || (*s == '0' && p > s + 1))
		return NULL;
	*ret = id;
	return p;
}

static bool type_name_parse(const struct image_type *t, const char *name, uint64_t *ret_id)
{
	size_t len = strlen(t->prefix);
	uint64_t id = 0;

	if (strncmp(name, t->prefix, len) != 0)
		return false;
	name += len;
	if (t->id != IMAGE_ID_NONE) {
		name = parse_id(name, t->id == IMAGE_ID_HEX ? 16 : 10, &id);
		if (!name)
			return false;
	}
	if (strcmp(name, t->suffix) != 0)
		return false;
	*ret_id = id;
	return true;
}

bool image_name_parse(const char *name, enum image_kind *ret_kind, uint64_t *ret_id)
{
	for (unsigned int kind = 0; kind < IMAGE_KINDS; kind++) {
		if (type_name_parse(&image_types[kind], name, ret_id)) {
			*ret_kind = kind;
			return true;
		}
	}
	return false;
}

bool image_name_known(const char *name)
{
	enum image_kind kind;
	uint64_t id;

	return image_name_parse(name, &kind, &id) &&
	       image_types[kind].framing != IMAGE_FRAMING_SERVICE;
}

const char *image_magic_name(uint32_t magic)
{
	for (unsigned int kind = 0; kind < IMAGE_KINDS; kind++)
		if (image_types[kind].framing != IMAGE_FRAMING_RAW &&
		    image_types[kind].magic == magic)
			return image_types[kind].name;
	return NULL;
}
