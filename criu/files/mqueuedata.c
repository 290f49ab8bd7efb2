// SPDX-License-Identifier: GPL-2.0-only
/*
 * Nothing shows the messages of a queue but to take them out (ipc/mqueue.c of Linux: msg_get()).
 * They come out by priority and age, and those of one priority stay in the order in which they are
 * put in: so, taken out and put back one by one, all is as it was.
 *
 * That is done by a process of its own, which ends its work even when crtool is killed in the
 * midst of it: only SIGKILL of that very process could lose them.
 */
#include "criu/files/mqueuedata.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/kernel/apart.h"
#include "criu/kernel/mqueue.h"
#include "criu/kernel/syscalls.h"

/* Shared by both processes. */
struct carry {
	size_t size; /* of all of it */
	size_t room; /* bytes of data */
	size_t max, nr; /* messages */
	int err; /* the first errno */
	struct {
		uint32_t priority;
		size_t at, len; /* in data */
	} v[];
};

static char *data_of(struct carry *c)
{
	return (char *)&c->v[c->max];
}

/* The kernel wants room for the largest message, whatever comes. */
static struct carry *carry_new(uint64_t count, uint64_t bytes, uint64_t msg_size)
{
	struct carry *c;
	size_t size = sizeof(*c) + count * sizeof(c->v[0]) + bytes + msg_size;

	c = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (c == MAP_FAILED)
		return NULL;
	c->size = size;
	c->max = count;
	c->room = bytes + msg_size;
	return c;
}

static void carry_out(struct carry *c, int fd, size_t msg_size)
{
	size_t at = 0;

	while (c->nr < c->max && c->room - at >= msg_size) {
		ssize_t n =
		    mqueue_receive(fd, data_of(c) + at, c->room - at, &c->v[c->nr].priority);

		if (n < 0) {
			c->err = (int)-n;
			return;
		}
		c->v[c->nr].at = at;
		c->v[c->nr++].len = (size_t)n;
		at += (size_t)n;
	}
}

/* Should somebody have filled it meanwhile, there will be room again. */
static void carry_back(struct carry *c, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	size_t i = 0;

	while (i < c->nr) {
		int r = mqueue_send(fd, data_of(c) + c->v[i].at, c->v[i].len, c->v[i].priority);

		if (r == -EAGAIN) {
			poll(&p, 1, -1);
			continue;
		}
		if (r < 0 && !c->err)
			c->err = -r;
		i++;
	}
}

static void carry_body(struct carry *c, int fd, size_t msg_size)
{
	struct stat st;
	int known;

	stand_apart("mq-carrier");
	known = fstat(fd, &st);
	carry_out(c, fd, msg_size);
	carry_back(c, fd);
	if (known == 0)
		futimens(fd, (const struct timespec[]){ st.st_atim, st.st_mtim });
}

static int carry_run(struct carry *c, int fd, size_t msg_size)
{
	pid_t pid = sys_clone3(&(struct clone_args){ .exit_signal = 0 });
	int status = 0;

	if (pid < 0)
		return fail(-pid, "make a process that looks into the queue");
	if (pid == 0) {
		carry_body(c, fd, msg_size);
		_exit(0);
	}
	while (waitpid(pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return fail(errno, "wait for pid %d", (int)pid);
	if (status)
		return fail_plain("pid %d (mq-carrier), which looked into the queue, was killed",
				  (int)pid);
	return c->err ? fail(c->err, "look into the queue") : 0;
}

static void content_keep(struct dump *d, struct carry *c, MqueueQueueEntry *e)
{
	e->messages = arena_array(&d->arena, MqueueMessageEntry *, c->nr);
	for (size_t i = 0; i < c->nr; i++) {
		MqueueMessageEntry *m =
		    arena_message(&d->arena, MqueueMessageEntry, MQUEUE_MESSAGE_ENTRY__INIT);

		m->priority = c->v[i].priority;
		m->data.len = c->v[i].len;
		m->data.data = arena_dup(&d->arena, data_of(c) + c->v[i].at, c->v[i].len);
		e->messages[e->n_messages++] = m;
	}
}

int mqueue_content_dump(struct dump *d, int fd, uint64_t count, uint64_t bytes, uint64_t msg_size,
			MqueueQueueEntry *ret)
{
	struct carry *c = carry_new(count, bytes, msg_size);
	int r;

	if (!c)
		return fail(errno, "memory for %llu bytes", (unsigned long long)bytes);
	r = carry_run(c, fd, msg_size);
	if (r >= 0)
		content_keep(d, c, ret);
	munmap(c, c->size);
	return r;
}

int mqueue_content_fill(int fd, const MqueueQueueEntry *e)
{
	for (size_t i = 0; i < e->n_messages; i++) {
		const MqueueMessageEntry *m = e->messages[i];
		int r = mqueue_send(fd, m->data.data, m->data.len, m->priority);

		if (r < 0)
			return fail(-r, "send message %zu of %zu, of %zu bytes", i + 1,
				    e->n_messages, m->data.len);
	}
	return 0;
}
