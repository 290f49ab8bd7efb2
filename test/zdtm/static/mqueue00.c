// SPDX-License-Identifier: GPL-2.0-only
/*
 * Message queues without a name: messages with their priorities, also empty ones, in order; what
 * fits in, owner and mode, several descriptions of one queue; and one that still has its name.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <mqueue.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGES 9
#define SIZE     100

static const struct {
	const char *text;
	unsigned int priority;
} sent[MESSAGES] = {
	{ "first of 5", 5 },
	{ "first of 0", 0 },
	{ "", 5 },
	{ "highest", 32767 },
	{ "second of 0", 0 },
	{ "third of 5", 5 },
	{ "the only of 1", 1 },
	{ "", 0 },
	{ "second highest", 32767 },
};
/* As they are to be received. */
static const int order[MESSAGES] = { 3, 8, 0, 2, 5, 6, 1, 4, 7 };

static mqd_t queue_new(const char *name, int flags)
{
	struct mq_attr attr = { .mq_maxmsg = MESSAGES, .mq_msgsize = SIZE };

	return (mqd_t)must(mq_open(name, flags | O_CREAT | O_EXCL | O_RDWR, 0640, &attr));
}

static void fill(mqd_t q)
{
	for (int i = 0; i < MESSAGES; i++)
		must(mq_send(q, sent[i].text, strlen(sent[i].text), sent[i].priority));
}

static void check_attr(mqd_t q, int fd_flags, long messages)
{
	struct mq_attr a;

	must(mq_getattr(q, &a));
	if (a.mq_flags != fd_flags || a.mq_maxmsg != MESSAGES || a.mq_msgsize != SIZE ||
	    a.mq_curmsgs != messages)
		fail("queue %d: flags %#lo, %ld messages of %ld bytes at most, %ld now", (int)q,
		     a.mq_flags, a.mq_maxmsg, a.mq_msgsize, a.mq_curmsgs);
}

static void check_content(mqd_t q)
{
	char buf[SIZE];

	for (int i = 0; i < MESSAGES; i++) {
		unsigned int priority = 0;
		ssize_t n = mq_receive(q, buf, sizeof(buf), &priority);
		const char *text = sent[order[i]].text;

		if (n != (ssize_t)strlen(text) || memcmp(buf, text, strlen(text)) ||
		    priority != sent[order[i]].priority)
			fail("queue %d: message %d is '%.*s' of priority %u, not '%s'", (int)q, i,
			     n < 0 ? 0 : (int)n, buf, priority, text);
	}
	if (mq_receive(q, buf, sizeof(buf), NULL) >= 0 || errno != EAGAIN)
		fail("queue %d: there is more in it", (int)q);
}

int main(int argc, char **argv)
{
	char name[64], again[80];
	mqd_t gone, reader, writer, named;
	struct stat st;
	int fd;

	test_init(argc, argv);
	snprintf(name, sizeof(name), "/zdtm-mqueue00-%d", (int)getpid());
	snprintf(again, sizeof(again), "%s-named", name);
	gone = queue_new(name, O_NONBLOCK);
	reader = (mqd_t)must(mq_open(name, O_RDONLY | O_NONBLOCK));
	writer = (mqd_t)must(mq_open(name, O_WRONLY));
	must(fchown(gone, 12, 34));
	must(fchmod(gone, 0604));
	must(lseek(reader, 7, SEEK_SET));
	must(mq_unlink(name));
	fill(gone);
	named = queue_new(again, O_NONBLOCK);
	fill(named);
	test_daemon();
	test_waitsig();

	check_attr(gone, O_NONBLOCK, MESSAGES);
	check_attr(writer, 0, MESSAGES);
	must(fstat(reader, &st));
	if (st.st_uid != 12 || st.st_gid != 34 || st.st_mode != (S_IFREG | 0604))
		fail("owner %d:%d, mode %o", (int)st.st_uid, (int)st.st_gid, st.st_mode);
	if (mq_send(reader, "x", 1, 0) == 0 || errno != EBADF)
		fail("what was opened for reading can be written to");
	if (lseek(reader, 0, SEEK_CUR) != 7)
		fail("its position is %ld", (long)lseek(reader, 0, SEEK_CUR));
	check_content(reader);
	must(mq_send(writer, "last", 4, 3));
	check_attr(gone, O_NONBLOCK, 1);
	if (mq_open(name, O_RDWR) != (mqd_t)-1 || errno != ENOENT)
		fail("it has got a name");

	fd = (int)mq_open(again, O_RDONLY);
	if (fd < 0)
		return fail("the other one has lost its name");
	must(mq_unlink(again));
	check_attr(named, O_NONBLOCK, MESSAGES);
	check_attr(fd, 0, MESSAGES);
	check_content(named);
	return pass();
}
