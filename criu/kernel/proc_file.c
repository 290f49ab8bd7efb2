// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/proc_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"

/* Most files fit at once; a seq_file hands out about a page at a time anyway. */
#define PROC_BUF_FIRST 16384ul
#define PROC_BUF_ROOM  4096ul

void proc_buf_done(struct proc_buf *b)
{
	free(b->data);
	*b = (struct proc_buf){ 0 };
}

/* "12345" without printf: this runs several times for every thread. */
static char *put_pid(char *p, pid_t pid)
{
	char digits[12];
	size_t nr = 0;
	uint32_t v = (uint32_t)pid;

	do {
		digits[nr++] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	while (nr)
		*p++ = digits[--nr];
	*p = '\0';
	return p;
}

int proc_open_at(int procfd, pid_t pid)
{
	char path[16];
	int fd;

	if (pid <= 0)
		return -ESRCH;
	put_pid(path, pid);
	fd = openat(procfd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int proc_open(pid_t pid)
{
	char path[24] = "/proc/";
	int fd;

	if (pid <= 0)
		return -ESRCH;
	put_pid(path + strlen(path), pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int proc_path(char *buf, size_t size, pid_t tid, const char *name)
{
	char head[24] = "";
	size_t len, name_len = strlen(name);

	if (tid) {
		char *p = put_pid(stpcpy(head, "task/"), tid);

		p[0] = '/';
		p[1] = '\0';
	}
	len = strlen(head);
	if (len + name_len >= size)
		return -ENAMETOOLONG;
	memcpy(buf, head, len);
	memcpy(buf + len, name, name_len + 1);
	return (int)(len + name_len);
}

/* Room for one more read. */
static int buf_grow(struct proc_buf *b)
{
	size_t cap = b->cap ? b->cap * 2 : PROC_BUF_FIRST;

	if (b->cap > b->len + PROC_BUF_ROOM)
		return 0;
	if (cap > PROC_FILE_MAX)
		return -EFBIG;
	b->data = mem_realloc(b->data, cap, 1);
	b->cap = cap;
	return 0;
}

static int read_whole(int dirfd, const char *path, struct proc_buf *b, bool single)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (b->len = 0;;) {
		ssize_t n;
		int r = buf_grow(b);

		if (r < 0)
			return r;
		n = read(fd, b->data + b->len, b->cap - b->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		b->len += (size_t)n;
		if (n == 0 || (single && b->len < b->cap - 1))
			break;
	}
	b->data[b->len] = '\0';
	return 0;
}

int proc_read(int dirfd, const char *path, struct proc_buf *b)
{
	return read_whole(dirfd, path, b, false);
}

int proc_read_single(int dirfd, const char *path, struct proc_buf *b)
{
	return read_whole(dirfd, path, b, true);
}

int proc_read_of(pid_t tid, const char *name, struct proc_buf *b)
{
	char path[64] = "/proc/";
	char *end = put_pid(path + strlen(path), tid);

	if (strlen(name) + 2 > sizeof(path) - (size_t)(end - path))
		return -ENAMETOOLONG;
	*end = '/';
	memcpy(end + 1, name, strlen(name) + 1);
	return proc_read(AT_FDCWD, path, b);
}

int proc_read_tid(int dirfd, pid_t tid, const char *name, struct proc_buf *b)
{
	char path[64];
	int r;

	if (!tid)
		return proc_read(dirfd, name, b);
	r = proc_path(path, sizeof(path), tid, name);
	if (r < 0)
		return r;
	return proc_read(dirfd, path, b);
}

/* One stream of lines: keeps what follows the last newline at the front of the buffer. */
int proc_stream(int dirfd, const char *path, struct proc_buf *b, proc_line_fn *fn, void *arg)
{
	cleanup_close int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	for (b->len = 0;;) {
		const char *last;
		size_t done;
		ssize_t n;
		int r = buf_grow(b);

		if (r < 0)
			return r;
		n = read(fd, b->data + b->len, b->cap - b->len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return b->len ? fn(arg, b->data, b->len) : 0;
		b->len += (size_t)n;
		last = memrchr(b->data, '\n', b->len);
		if (!last)
			continue;
		done = (size_t)(last + 1 - b->data);
		r = fn(arg, b->data, done);
		if (r < 0)
			return r;
		b->len -= done;
		memmove(b->data, b->data + done, b->len);
	}
}

int proc_link(int dirfd, const char *path, char *buf, size_t size)
{
	ssize_t n = readlinkat(dirfd, path, buf, size);

	if (n < 0)
		return -errno;
	if ((size_t)n >= size)
		return -ENAMETOOLONG;
	buf[n] = '\0';
	return (int)n;
}
