// SPDX-License-Identifier: GPL-2.0-only
/* POSIX message queues: mq_overview(7), ipc/mqueue.c of Linux. Calls of the kernel's own, which
 * want names without the slash. */
#pragma once
#include <linux/mqueue.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define MQUEUE_FS_MAGIC   0x19800202 /* statfs(2) */
#define MQUEUE_FILE_BYTES 80 /* st_size of every queue */
#define MQUEUE_COOKIE     32 /* bytes: what SIGEV_THREAD sends to a netlink socket */

/* All: -errno. */
int mqueue_open(const char *name, int flags, mode_t mode, const struct mq_attr *attr);
int mqueue_unlink(const char *name);
int mqueue_attr(int fd, struct mq_attr *ret);
int mqueue_send(int fd, const void *data, size_t len, uint32_t priority);
/* size: at least mq_msgsize. Its length. */
ssize_t mqueue_receive(int fd, void *data, size_t size, uint32_t *ret_priority);

/* What read(2) of a queue tells. */
struct mqueue_status {
	uint64_t bytes; /* of all messages */
	int notify; /* SIGEV_*, of mq_notify(3), if pid is not 0 */
	int signo; /* of SIGEV_SIGNAL */
	pid_t pid; /* who is to be told; 0: nobody */
};

int mqueue_status_parse(const char *text, size_t len, struct mqueue_status *ret);
/* fd is open for reading; its position stays. */
int mqueue_status_read(int fd, struct mqueue_status *ret);

/* What mq_notify(3) was called with, and read(2) does not tell. */
struct mqueue_notice {
	uint64_t value; /* sigev_value; of SIGEV_THREAD nothing */
	int signo, notify; /* SIGEV_* */
	uint64_t socket; /* of SIGEV_THREAD: inode number of the netlink socket, and ... */
	uint8_t cookie[MQUEUE_COOKIE]; /* ... what it is sent, but for the last byte */
};

/*
 * By a BPF iterator (Linux 5.8 with BTF, CAP_BPF and CAP_PERFMON) over crtool's own descriptors, of
 * which one is of the queue. 1; 0: nobody is to be told; or -errno.
 */
int mqueue_notice_read(uint64_t ino, struct mqueue_notice *ret);
