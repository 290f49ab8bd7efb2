// SPDX-License-Identifier: GPL-2.0-only
/*
 * A userfaultfd(2) that is closed forgets what it has seen. So between two dumps of a chain
 * somebody has to hold it: a child of crtool that sleeps until all tasks are gone whose
 * descriptors it has. ps(1) shows it as crtool-keeper; whoever ends it does no harm: the kernel
 * then takes the marks off the mappings, and the next dump is a full one.
 *
 * Every dump starts a keeper of its own, and then ends the one before. So whoever finds alive
 * the keeper that a dump names, knows that no other has begun to count from later on.
 *
 * What is held stands in a memfd, by the numbers that the descriptors have in the keeper. Its
 * pidfds tell a task from a later one with the same pid.
 */
#include "criu/mem/keeper.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/io.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/syscalls.h"

#define KEEPER_NAME "crtool-keeper"
#define KEEPER_LINK "/memfd:" KEEPER_NAME " (deleted)"
#define UFFD_LINK   "anon_inode:[userfaultfd]"
#define KEPT_MAX    (1u << 20)

/* The memfd. */
struct kept_head {
	uint32_t nr;
	int32_t root;
};

struct kept_row {
	int32_t pid, pidfd, uffd, pad;
};

static int int_order(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* All but those in keep[], ascending. */
static void close_others(int *keep, size_t nr)
{
	unsigned int at = 0;

	qsort(keep, nr, sizeof(*keep), int_order);
	for (size_t i = 0; i < nr; i++) {
		if (keep[i] < 0)
			continue;
		if ((unsigned int)keep[i] > at)
			close_range(at, (unsigned int)keep[i] - 1, 0);
		at = (unsigned int)keep[i] + 1;
	}
	close_range(at, ~0u, 0);
}

static void wait_for_all(const struct kept *v, size_t nr)
{
	struct pollfd *p = mem_alloc(nr * sizeof(*p));
	size_t left = nr;

	for (size_t i = 0; i < nr; i++)
		p[i] = (struct pollfd){ .fd = v[i].pidfd, .events = POLLIN };
	while (left) {
		if (poll(p, nr, -1) < 0 && errno != EINTR)
			return;
		for (size_t i = 0; i < nr; i++) {
			if (p[i].fd < 0 || !p[i].revents)
				continue;
			p[i].fd = -1;
			left--;
		}
	}
}

static void keep(const struct kept *v, size_t nr, int memfd, int word)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGTERM, SIGALRM, SIGPIPE };
	int *open_fds = mem_alloc((2 * nr + 2) * sizeof(*open_fds));
	char yes;

	prctl(PR_SET_NAME, KEEPER_NAME);
	setsid();
	for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
		signal(ignored[i], i < 2 ? SIG_IGN : SIG_DFL);
	if (chdir("/") < 0)
		_exit(1);
	for (size_t i = 0; i < nr; i++) {
		open_fds[2 * i] = v[i].pidfd;
		open_fds[2 * i + 1] = v[i].uffd;
	}
	open_fds[2 * nr] = memfd;
	open_fds[2 * nr + 1] = word;
	close_others(open_fds, 2 * nr + 2);
	if (io_write(word, "r", 1) < 0 || io_read(word, &yes, 1) < 0)
		_exit(0);
	close(word);
	wait_for_all(v, nr);
	_exit(0);
}

static int write_rows(pid_t root, const struct kept *v, size_t nr)
{
	struct kept_head head = { (uint32_t)nr, root };
	struct kept_row *rows = mem_alloc((nr + 1) * sizeof(*rows));
	int fd = memfd_create(KEEPER_NAME, MFD_CLOEXEC);
	int r = fd < 0 ? -errno : io_write(fd, &head, sizeof(head));

	for (size_t i = 0; i < nr; i++)
		rows[i] = (struct kept_row){ v[i].pid, v[i].pidfd, v[i].uffd, 0 };
	if (r >= 0)
		r = io_write(fd, rows, nr * sizeof(*rows));
	free(rows);
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

static int start_time(pid_t pid, uint64_t *ret)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int proc = proc_open(pid);
	struct proc_stat st;
	int r = proc < 0 ? proc : proc_stat_read(proc, 0, &b, &st);

	if (r < 0)
		return r;
	if (!str_eq(st.comm, KEEPER_NAME))
		return -ENOENT;
	*ret = st.starttime;
	return 0;
}

int keeper_start(struct keeper *k, pid_t root, const struct kept *v, size_t nr)
{
	cleanup_close int memfd = write_rows(root, v, nr);
	struct proc_stat st = { .pid = 0 };
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int proc = -1;
	int word[2], r;

	if (memfd < 0)
		return fail(-memfd, "list what the keeper holds");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, word) < 0)
		return fail(errno, "socket to the keeper");
	k->pid = fork();
	if (k->pid < 0) {
		r = fail(errno, "fork the keeper");
		k->pid = 0;
		close(word[0]);
		close(word[1]);
		return r;
	}
	if (!k->pid) {
		close(word[1]);
		keep(v, nr, memfd, word[0]);
	}
	close(word[0]);
	k->word = word[1];
	k->is_child = true;
	k->pidfd = sys_pidfd_open(k->pid, 0);
	proc = proc_open(k->pid);
	r = k->pidfd < 0 ? k->pidfd : proc < 0 ? proc : proc_stat_read(proc, 0, &b, &st);
	k->start = st.starttime;
	return r < 0 ? fail(-r, "look at the keeper") : 0;
}

void keeper_stay(struct keeper *k)
{
	char ready;

	/* Only now it bears its name, and can be found by it. */
	if (k->pid && k->word >= 0 &&
	    (io_read(k->word, &ready, 1) < 0 || io_write(k->word, "y", 1) < 0))
		log_warn("the keeper %d is gone", (int)k->pid);
	keeper_forget(k);
}

void keeper_end(struct keeper *k)
{
	struct pollfd p = { .fd = k->pidfd, .events = POLLIN };

	if (k->pid && k->pidfd >= 0) {
		sys_pidfd_send_signal(k->pidfd, SIGKILL, NULL);
		while (poll(&p, 1, -1) < 0 && errno == EINTR)
			;
	}
	if (k->pid && k->is_child)
		while (waitpid(k->pid, NULL, 0) < 0 && errno == EINTR)
			;
	keeper_forget(k);
}

void keeper_forget(struct keeper *k)
{
	if (k->pidfd >= 0)
		close(k->pidfd);
	if (k->word >= 0)
		close(k->word);
	*k = KEEPER_NONE;
}

/* --- an older one ---------------------------------------------------------------- */

/* A number of a descriptor of the keeper that leads to `link`; negative: none. */
static int find_fd(pid_t pid, const char *link)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_fds fds = { 0 };
	cleanup_close int proc = proc_open(pid);
	int found = -ENOENT, r = proc < 0 ? proc : proc_fds_read(proc, 0, &fds);

	for (size_t i = 0; i < fds.nr && r >= 0 && found < 0; i++) {
		char name[32], to[128];

		snprintf(name, sizeof(name), "fd/%d", fds.v[i]);
		if (proc_link(proc, name, to, sizeof(to)) >= 0 && str_eq(to, link))
			found = fds.v[i];
	}
	free(fds.v);
	return r < 0 ? r : found;
}

/* Its list: 1, or 0 when it has none that can be believed. */
static int read_rows(const struct keeper *k, struct kept_head *head, struct kept_row **ret)
{
	int there = find_fd(k->pid, KEEPER_LINK);
	cleanup_close int fd = there < 0 ? -1 : sys_pidfd_getfd(k->pidfd, there);
	struct kept_row *rows;

	if (fd < 0 || io_pread(fd, head, sizeof(*head), 0) < 0 || head->nr > KEPT_MAX)
		return 0;
	rows = mem_alloc((head->nr + 1) * sizeof(*rows));
	if (io_pread(fd, rows, head->nr * sizeof(*rows), sizeof(*head)) < 0) {
		free(rows);
		return 0;
	}
	*ret = rows;
	return 1;
}

static int keeper_at(pid_t pid, uint64_t start, pid_t root, struct keeper *ret)
{
	struct keeper k = { pid, 0, sys_pidfd_open(pid, 0), -1, false };
	struct kept_head head = { 0 };
	struct kept_row *rows = NULL;
	bool good = k.pidfd >= 0 && start_time(pid, &k.start) >= 0 &&
		    (!start || k.start == start) && read_rows(&k, &head, &rows) > 0 &&
		    head.root == root;

	free(rows);
	if (good)
		*ret = k;
	else if (k.pidfd >= 0)
		close(k.pidfd);
	return good;
}

int keeper_find(pid_t pid, uint64_t start, pid_t root, struct keeper *ret)
{
	cleanup_closedir DIR *proc = NULL;
	const struct dirent *e;
	long any;

	if (pid)
		return keeper_at(pid, start, root, ret);
	proc = opendir("/proc");
	if (!proc)
		return fail(errno, "open /proc");
	while ((e = readdir(proc))) {
		uint64_t at;

		if (str_to_long(e->d_name, 1, INT32_MAX, &any) < 0 ||
		    start_time((pid_t)any, &at) < 0)
			continue;
		if (keeper_at((pid_t)any, at, root, ret))
			return 1;
	}
	return 0;
}

/* The pidfd is of the process that has this pid now. */
static bool pidfd_is(int fd, pid_t pid)
{
	char path[40], text[512];
	cleanup_close int info = -1;
	const char *at;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY | O_CLOEXEC);
	n = info < 0 ? -1 : read(info, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = strstr(text, "\nPid:");
	return at && strtol(at + 5, NULL, 10) == pid;
}

static bool uffd_is(int fd)
{
	char path[40], to[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, to, sizeof(to) - 1);
	if (n <= 0)
		return false;
	to[n] = '\0';
	return str_eq(to, UFFD_LINK);
}

void kept_close(const struct kept *t)
{
	if (t->pidfd >= 0)
		close(t->pidfd);
	if (t->uffd >= 0)
		close(t->uffd);
}

static bool row_take(const struct keeper *k, const struct kept_row *row, struct kept *ret)
{
	struct kept t = { row->pid, sys_pidfd_getfd(k->pidfd, row->pidfd), -1 };
	bool good = t.pidfd >= 0 && pidfd_is(t.pidfd, t.pid);

	if (good && row->uffd >= 0) {
		t.uffd = sys_pidfd_getfd(k->pidfd, row->uffd);
		good = t.uffd >= 0 && uffd_is(t.uffd);
	}
	if (good)
		*ret = t;
	else
		kept_close(&t);
	return good;
}

int keeper_take(const struct keeper *k, struct kept **ret, size_t *ret_nr)
{
	struct kept_head head = { 0 };
	struct kept_row *rows = NULL;
	struct kept *v;
	size_t nr = 0;

	if (read_rows(k, &head, &rows) <= 0)
		return 0;
	v = mem_alloc((head.nr + 1) * sizeof(*v));
	for (uint32_t i = 0; i < head.nr; i++)
		nr += row_take(k, &rows[i], &v[nr]);
	free(rows);
	*ret = v;
	*ret_nr = nr;
	return 1;
}
