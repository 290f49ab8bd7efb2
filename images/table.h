// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of image files: name, magic, framing and what stands inside. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGE_MAGIC_COMMON       0x54564319u /* begins every image with IMAGE_FRAMING_COMMON */
#define IMAGE_MAGIC_SERVICE      0x55105940u /* begins every image with IMAGE_FRAMING_SERVICE */
#define IMAGE_VERSION            2u /* inventory_entry.img_version, unless: */
/* There is a pagemap_entry.same_as: who does not know it would restore empty pages. */
#define IMAGE_VERSION_SAME_PAGES 3u
#define IMAGE_VERSION_MAX        IMAGE_VERSION_SAME_PAGES
#define IMAGE_NAME_MAX           64 /* a buffer for any image file name */
#define IMAGE_RECORD_MAX         (256u << 20) /* bytes; what would be larger is damaged */
#define IMAGE_PARENT_LINK        "parent" /* symbolic link to the previous dump of a chain */
/* A directory in that of a dump: what was copied before the tree stood still. */
#define IMAGE_AHEAD_DIR          "ahead"

enum image_kind {
	/* the dump as a whole */
	IMAGE_INVENTORY,
	IMAGE_PSTREE,
	IMAGE_CPUINFO,
	IMAGE_SECCOMP,
	IMAGE_CGROUP,
	IMAGE_APPARMOR,
	IMAGE_LEFT,
	/* a task; id: its pid, or the id of the shared object */
	IMAGE_CORE,
	IMAGE_IDS,
	IMAGE_MM,
	IMAGE_FS,
	IMAGE_CREDS,
	IMAGE_FDINFO,
	/* memory; id: pid, shmid, pages_id */
	IMAGE_PAGEMAP,
	IMAGE_SHMEM_PAGEMAP,
	IMAGE_PAGES,
	/* files */
	IMAGE_FILES,
	IMAGE_REG_FILES,
	IMAGE_REMAP_FPATH,
	IMAGE_GHOST_FILE,
	IMAGE_PIPES_DATA,
	IMAGE_FIFO_DATA,
	IMAGE_EVENTPOLL_TFD,
	IMAGE_INOTIFY_WD,
	IMAGE_FANOTIFY_MARK,
	IMAGE_TIMERFD,
	IMAGE_TTY_INFO,
	IMAGE_TTY_DATA,
	IMAGE_MEMFD_INODE,
	IMAGE_PIDFD,
	IMAGE_FILE_LOCKS,
	IMAGE_BPFMAP_FILE,
	IMAGE_BPFMAP_DATA,
	/* sockets */
	IMAGE_SK_QUEUES,
	IMAGE_TCP_STREAM,
	IMAGE_INET_QUEUES,
	/* namespaces; id: of the namespace */
	IMAGE_UTSNS,
	IMAGE_IPC_VAR,
	IMAGE_IPCNS_SHM,
	IMAGE_IPCNS_MSG,
	IMAGE_IPCNS_SEM,
	IMAGE_USERNS,
	IMAGE_PIDNS,
	IMAGE_TIMENS,
	/* mounts */
	IMAGE_MNTS,
	IMAGE_AUTOFS,
	IMAGE_BINFMT_MISC,
	IMAGE_TMPFS,
	IMAGE_TMPFS_DEV,
	/* the network */
	IMAGE_NETNS,
	IMAGE_NETDEV,
	IMAGE_IFADDR,
	IMAGE_ROUTE,
	IMAGE_ROUTE6,
	IMAGE_RULE,
	IMAGE_IPTABLES,
	IMAGE_IP6TABLES,
	IMAGE_NFTABLES,
	IMAGE_NETNF_CT,
	IMAGE_NETNF_EXP,
	/* written into the work directory */
	IMAGE_STATS_DUMP,
	IMAGE_STATS_RESTORE,
	IMAGE_IRMAP_CACHE,

	IMAGE_KINDS, /* how many there are */
};

enum image_framing {
	IMAGE_FRAMING_INVENTORY, /* u32 magic */
	IMAGE_FRAMING_COMMON, /* u32 common magic, u32 magic */
	IMAGE_FRAMING_SERVICE, /* u32 service magic, u32 magic */
	IMAGE_FRAMING_RAW, /* nothing: bytes as somebody else defines them */
};

/* How the id stands in the file name. */
enum image_id {
	IMAGE_ID_NONE,
	IMAGE_ID_DEC,
	IMAGE_ID_HEX,
};

struct image_type {
	const char *name; /* "CORE", as other tools call it */
	const char *prefix; /* the file name up to the id ... */
	const char *suffix; /* ... and after it */
	enum image_id id;
	enum image_framing framing;
	uint32_t magic;
	/* The first record; NULL if the file has no records. */
	const ProtobufCMessageDescriptor *first;
	/* The records after it; NULL if there is at most one. */
	const ProtobufCMessageDescriptor *next;
	/* A record that follows others inside; for image_read_as() only. */
	const ProtobufCMessageDescriptor *inner;
	bool multiple; /* any number of records, also none: the file appears with the first one */
	bool raw; /* raw bytes follow (some) records */
};

/* Indexed by enum image_kind. */
extern const struct image_type image_types[IMAGE_KINDS];

/* The file name of an image; `id` is ignored where the name has none. Returns buf. */
const char *image_file_name(enum image_kind kind, uint64_t id, char buf[IMAGE_NAME_MAX]);

/* The kind (and id, 0 if there is none) that a file name belongs to; false: no image of ours. */
bool image_name_parse(const char *name, enum image_kind *ret_kind, uint64_t *ret_id);

/*
 * Does a directory entry look like a part of a dump? That is what the cleaning of an unfinished
 * dump removes: service images live longer than a dump and are not counted.
 */
bool image_name_known(const char *name);

/* The name of the kind that has this magic, NULL if none has. */
const char *image_magic_name(uint32_t magic);
