// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/mqueue.h"

#include <errno.h>
#include <linux/btf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/ownfile.h"
#include "criu/kernel/syscalls.h"
#include "criu/kernel/text.h"

int mqueue_open(const char *name, int flags, mode_t mode, const struct mq_attr *attr)
{
	return (int)sys_result(syscall(SYS_mq_open, name, flags, mode, attr));
}

int mqueue_unlink(const char *name)
{
	return (int)sys_result(syscall(SYS_mq_unlink, name));
}

int mqueue_attr(int fd, struct mq_attr *ret)
{
	return (int)sys_result(syscall(SYS_mq_getsetattr, fd, NULL, ret));
}

int mqueue_send(int fd, const void *data, size_t len, uint32_t priority)
{
	return (int)sys_result(syscall(SYS_mq_timedsend, fd, data, len, priority, NULL));
}

ssize_t mqueue_receive(int fd, void *data, size_t size, uint32_t *ret_priority)
{
	return sys_result(syscall(SYS_mq_timedreceive, fd, data, size, ret_priority, NULL));
}

/* --- the text ---------------------------------------------------------------------------- */

static bool status_number(struct text *t, const char *name, uint64_t max, uint64_t *ret)
{
	text_blanks(t);
	return text_str(t, name, strlen(name)) && text_number(t, 10, max, ret);
}

int mqueue_status_parse(const char *text, size_t len, struct mqueue_status *ret)
{
	struct text t = text_of(text, len);
	uint64_t bytes, notify, signo, pid;

	if (!status_number(&t, "QSIZE:", INT64_MAX, &bytes) ||
	    !status_number(&t, "NOTIFY:", INT32_MAX, &notify) ||
	    !status_number(&t, "SIGNO:", INT32_MAX, &signo) ||
	    !status_number(&t, "NOTIFY_PID:", INT32_MAX, &pid))
		return -EINVAL;
	*ret = (struct mqueue_status){ bytes, (int)notify, (int)signo, (pid_t)pid };
	return 0;
}

int mqueue_status_read(int fd, struct mqueue_status *ret)
{
	char text[MQUEUE_FILE_BYTES];
	ssize_t n = pread(fd, text, sizeof(text), 0);

	return n < 0 ? -errno : mqueue_status_parse(text, (size_t)n, ret);
}

/* --- the rest ---------------------------------------------------------------------------- */

enum { QUEUE = OWNFILE_MORE, SKB, SOCK, SOCKET_INODE };

static const struct btf_name kernel_names[] = {
	OWNFILE_NAMES,
	[QUEUE] = { "mqueue_inode_info", BTF_KIND_STRUCT, 0 },
	[SKB] = { "sk_buff", BTF_KIND_STRUCT, 0 },
	[SOCK] = { "sock", BTF_KIND_STRUCT, 0 },
	[SOCKET_INODE] = { "socket_alloc", BTF_KIND_STRUCT, 0 },
};

struct record {
	struct ownfile file;
	uint64_t owner;
	struct {
		uint64_t value;
		int32_t signo, notify;
	} event; /* the front of struct sigevent */
	uint64_t skb, data, sock, socket, socket_ino;
	uint8_t cookie[MQUEUE_COOKIE];
};

#define TO(field) offsetof(struct record, field)

static int program_load(struct btf_layout *l, int *ret)
{
	int info = -btf_at(l, QUEUE, "vfs_inode");
	int of_socket = btf_at(l, SOCKET_INODE, "vfs_inode") - btf_at(l, SOCKET_INODE, "socket");
	struct bpf_code c = { 0 };

	ownfile_begin(l, &c, sizeof(struct record));
	bpf_code_follow(&c, TO(owner), 8, TO(file.inode), info + btf_at(l, QUEUE, "notify_owner"));
	bpf_code_follow(&c, TO(event), 16, TO(file.inode), info + btf_at(l, QUEUE, "notify"));
	bpf_code_follow(&c, TO(skb), 8, TO(file.inode), info + btf_at(l, QUEUE, "notify_cookie"));
	bpf_code_follow(&c, TO(data), 8, TO(skb), btf_at(l, SKB, "data"));
	bpf_code_follow(&c, TO(cookie), MQUEUE_COOKIE, TO(data), 0);
	bpf_code_follow(&c, TO(sock), 8, TO(file.inode), info + btf_at(l, QUEUE, "notify_sock"));
	bpf_code_follow(&c, TO(socket), 8, TO(sock), btf_at(l, SOCK, "sk_socket"));
	bpf_code_follow(&c, TO(socket_ino), 8, TO(socket),
			of_socket + btf_at(l, OWNFILE_INODE, "i_ino"));
	return ownfile_end(l, &c, ret);
}

static int notice_find(uint64_t ino, struct record *ret)
{
	cleanup_btf_layout struct btf_layout l = { 0 };
	cleanup_close int prog = -1;
	int r;

	r = btf_layout_open(&l, kernel_names, ARRAY_SIZE(kernel_names));
	if (r >= 0)
		r = program_load(&l, &prog);
	return r < 0 ? r : ownfile_read(prog, sizeof(*ret), MQUEUE_FS_MAGIC, ino, ret);
}

int mqueue_notice_read(uint64_t ino, struct mqueue_notice *ret)
{
	struct record rec;
	int r = notice_find(ino, &rec);

	if (r <= 0 || !rec.owner)
		return r < 0 ? r : 0;
	*ret = (struct mqueue_notice){
		.value = rec.event.value,
		.signo = rec.event.signo,
		.notify = rec.event.notify,
		.socket = rec.socket_ino,
	};
	memcpy(ret->cookie, rec.cookie, MQUEUE_COOKIE);
	return 1;
}
