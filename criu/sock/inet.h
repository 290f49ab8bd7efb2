// SPDX-License-Identifier: GPL-2.0-only
/* TCP connections, beside what sock/inet.c does with all IPv4 and IPv6 sockets. */
#pragma once
#include "criu/base/parallel.h"
#include "criu/core/dump.h"
#include "criu/core/file.h"
#include "criu/core/restore.h"
#include "images/inet.pb-c.h"
#include "images/tcp.pb-c.h"

struct inet_standard;
struct tcp_guard;
struct net_conn;

/* A connection that the dump keeps. */
struct tcp_seen {
	const struct task *task, *to; /* as in struct fd_probe */
	int fd, to_fd;
	int lfd; /* the same description, in crtool, as long as the dump */
	uint32_t standard; /* which of those in struct inet_dump */
	bool has_filter; /* one that cannot be read */
	const struct tcp_seen *like; /* has the same options: sock/tcpalike.c; NULL */
	bool is_proof; /* it is asked nevertheless */
	InetSkEntry *e;
};

/* Of one of the threads that read connections. */
struct inet_worker {
	struct arena arena;
	uint8_t *buf; /* for queues */
	size_t cap;
};

/* What a dump knows of sockets; in struct dump. */
struct inet_dump {
	struct tcp_seen **seen;
	size_t nr_seen, cap_seen;
	struct inet_worker workers[PARALLEL_WORKERS_MAX];
	struct tcp_guard *guard; /* NULL: no connection was touched */
	bool locked, given_up;
	int late_fd; /* to be closed when nobody stands still; -1 */
	struct map known; /* sock/inetlist.c: by inode number; in the arena */
	bool listed[4];
	struct image_writer *queues_img;
	uint8_t *buf; /* for queues */
	size_t cap;
	struct inet_standard *fresh; /* of each sort that was met */
	size_t nr_fresh, cap_fresh;
};

/*
 * The life of connections in a dump. tcp_dump: all that were seen are locked and read.
 * tcp_release: the tree runs on, the lock is removed. Or tcp_give_up: from here on the tree is
 * killed, whatever happens, and connections are not to be released; inet_dump_done, when that is
 * done, closes them without a word to the peer. The first two speak.
 */
int tcp_dump(struct dump *d);
int tcp_release(struct dump *d);
void tcp_give_up(struct dump *d);
void inet_dump_done(struct dump *d);
/* The last descriptor of a connection is closed: in repair mode neither FIN nor RST is sent. */
void tcp_bury(int fd);

/* One more of them, whose options are still to be read. */
int tcp_see(struct dump *d, const struct fd_probe *p, uint32_t standard, InetSkEntry *e);
int tcp_seen_fail_at(int r, const struct tcp_seen *s);
/* Back from repair mode, with SO_REUSEADDR as it was. */
int tcp_repair_end(int fd, bool reuseaddr, bool probe);

/* "tcp 10.0.0.1:80 to 10.0.0.2:4711" */
#define TCP_TEXT_MAX 180
const char *tcp_text(const InetSkEntry *e, char buf[TCP_TEXT_MAX]);
bool tcp_is_connection(const InetSkEntry *e);
/* Of a connection; it may still come until there is a lock. */
#define TCP_URGENT "an urgent byte that was not received yet, which cannot be kept"
bool tcp_has_urgent(int fd);

/* restore. load: in crtool. open: in the owner; the socket stays in repair mode. */
int tcp_stream_load(struct restore *r, const InetSkEntry *e, TcpStreamEntry **ret);
int tcp_stream_open(struct restore *r, const InetSkEntry *e, const TcpStreamEntry *t, int fd);

/*
 * The lock of a restore: it is there before a socket is, whether the dump has left it or not.
 * unmake: what the restore itself has made.
 */
int tcp_lock(struct restore *r);
void tcp_unmake_lock(struct restore *r);
/* ret_fd: to be closed when the tasks run; -1. */
int tcp_go_live(struct restore *r, int *ret_fd);
/*
 * prepare, when all connections are made: they leave repair mode, behind the lock; speaks, and has
 * its undo. outlive, before the first task does not die with crtool any more. go_live: the lock
 * goes. See sock/guard.c.
 */
int tcp_prepare_live(struct restore *r);
void tcp_unprepare_live(struct restore *r);
void tcp_outlive(struct restore *r);
/* A descriptor of crtool's own, kept until then. */
int tcp_keep(struct restore *r, const InetSkEntry *e, int fd);
