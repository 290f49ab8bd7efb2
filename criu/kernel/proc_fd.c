// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/proc_fd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/mem.h"
#include "criu/kernel/proc_dir.h"

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

/* The kernel walks the table in order; qsort is there for the day when it does not. */
static void fds_sort(struct proc_fds *l)
{
	for (size_t i = 1; i < l->nr; i++)
		if (l->v[i - 1] > l->v[i]) {
			qsort(l->v, l->nr, sizeof(*l->v), compare_ints);
			return;
		}
}

int proc_fds_read(int dirfd, pid_t tid, struct proc_fds *ret)
{
	struct proc_numbers l = { 0 };
	char path[32];
	int r = proc_path(path, sizeof(path), tid, "fd");

	if (r < 0)
		return r;
	r = proc_dir_numbers(dirfd, path, &l);
	if (r < 0) {
		free(l.v);
		return r;
	}
	*ret = (struct proc_fds){ .v = l.v, .nr = l.nr, .cap = l.cap };
	fds_sort(ret);
	return 0;
}

void proc_fds_done(struct proc_fds *l)
{
	free(l->v);
	*l = (struct proc_fds){ 0 };
}

/* "fd/12", "fdinfo/12" */
static int number_path(char *path, const char *head, int fd)
{
	char digits[12], *p = stpcpy(path, head);
	size_t nr = 0;

	if (fd < 0)
		return -EBADF;
	do {
		digits[nr++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd);
	while (nr)
		*p++ = digits[--nr];
	*p = '\0';
	return 0;
}

int proc_fd_link(int dirfd, int fd, char *buf, size_t size)
{
	char path[32];
	int r = number_path(path, "fd/", fd);

	if (r < 0)
		return r;
	return proc_link(dirfd, path, buf, size);
}

int proc_fdinfo_read(int dirfd, int fd, struct proc_buf *b, struct proc_fdinfo *ret)
{
	char path[32];
	int r = number_path(path, "fdinfo/", fd);

	if (r < 0)
		return r;
	r = proc_read_single(dirfd, path, b);
	if (r < 0)
		return r;
	return proc_fdinfo_parse(b->data, b->len, ret);
}
