// SPDX-License-Identifier: GPL-2.0-only
/* What the kernel tells of a queue, and what an iterator has to be asked for. */
#include "criu/kernel/mqueue.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "test/unit/test.h"

static int queue_new(struct stat *st)
{
	struct mq_attr attr = { .mq_maxmsg = 3, .mq_msgsize = 40 };
	int fd = mqueue_open("crtool-unit", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600, &attr);

	mqueue_unlink("crtool-unit");
	if (fd >= 0 && fstat(fd, st) < 0)
		return -errno;
	return fd;
}

TEST(kernel_mqueue_status)
{
	static const char text[] = "QSIZE:12         NOTIFY:0     SIGNO:10    NOTIFY_PID:4711  \n";
	struct mqueue_status s = { 0 };

	CHECK_INT_EQ(mqueue_status_parse(text, sizeof(text) - 1, &s), 0);
	CHECK_INT_EQ(s.bytes, 12);
	CHECK_INT_EQ(s.notify, 0);
	CHECK_INT_EQ(s.signo, 10);
	CHECK_INT_EQ(s.pid, 4711);
	CHECK_INT_EQ(mqueue_status_parse(text, 30, &s), -EINVAL);
	CHECK_INT_EQ(mqueue_status_parse("QSIZE:-1", 8, &s), -EINVAL);
}

TEST(kernel_mqueue_of_a_queue)
{
	struct mqueue_status s = { 0 };
	struct mq_attr attr = { 0 };
	struct stat st;
	uint32_t priority = 0;
	char buf[40];
	cleanup_close int fd = queue_new(&st);

	if (!CHECK(fd >= 0))
		return;
	CHECK_INT_EQ(st.st_size, MQUEUE_FILE_BYTES);
	CHECK_INT_EQ(mqueue_send(fd, "seven b", 7, 5), 0);
	CHECK_INT_EQ(mqueue_status_read(fd, &s), 0);
	CHECK_INT_EQ(s.bytes, 7);
	CHECK_INT_EQ(s.pid, 0);
	CHECK_INT_EQ(mqueue_attr(fd, &attr), 0);
	CHECK_INT_EQ(attr.mq_maxmsg, 3);
	CHECK_INT_EQ(attr.mq_msgsize, 40);
	CHECK_INT_EQ(attr.mq_curmsgs, 1);
	CHECK_INT_EQ(mqueue_receive(fd, buf, sizeof(buf), &priority), 7);
	CHECK_INT_EQ(priority, 5);
}

TEST(kernel_mqueue_notice)
{
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 };
	struct mqueue_notice n = { 0 };
	struct stat st, sock_st;
	char cookie[MQUEUE_COOKIE] = "what the thread is told, 31 b..";
	cleanup_close int fd = queue_new(&st);
	cleanup_close int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
	int r;

	if (!CHECK(fd >= 0) || !CHECK(sock >= 0))
		return;
	r = mqueue_notice_read(st.st_ino, &n);
	if (r < 0)
		test_skip("iterators of files by BPF: %s", strerror(-r));
	CHECK_INT_EQ(r, 0);
	event.sigev_value.sival_ptr = (void *)0x123456789abcul;
	CHECK_INT_EQ(syscall(SYS_mq_notify, fd, &event), 0);
	CHECK_INT_EQ(mqueue_notice_read(st.st_ino, &n), 1);
	CHECK_INT_EQ(n.notify, SIGEV_SIGNAL);
	CHECK_INT_EQ(n.signo, SIGUSR1);
	CHECK(n.value == 0x123456789abcul);
	CHECK_INT_EQ(syscall(SYS_mq_notify, fd, NULL), 0);

	event = (struct sigevent){ .sigev_notify = SIGEV_THREAD, .sigev_signo = sock };
	event.sigev_value.sival_ptr = cookie;
	CHECK_INT_EQ(syscall(SYS_mq_notify, fd, &event), 0);
	CHECK_INT_EQ(fstat(sock, &sock_st), 0);
	CHECK_INT_EQ(mqueue_notice_read(st.st_ino, &n), 1);
	CHECK_INT_EQ(n.notify, SIGEV_THREAD);
	CHECK(n.socket == sock_st.st_ino);
	CHECK(!memcmp(n.cookie, cookie, MQUEUE_COOKIE - 1));
}
