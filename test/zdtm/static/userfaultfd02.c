// SPDX-License-Identifier: GPL-2.0-only
/*
 * The memory is the parent's, the userfaultfd is with a child, that has it from a socket; the
 * parent has closed its own. The child has read of a fault, and not answered. Also one that a
 * child has by fork, and one that waits in the queue of a socket. Shared memory is looked after
 * for pages that are missing, and for those that are only not mapped.
 */
#include "rights.h"
#include "zdtmtst.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE  4096ul
#define PAGES 8

static struct ready ready;
static int wire[2], queue[2], by_fork, memory;
static char *sent_at, *forked_at, *queued_at;
static struct steps *steps;

static int uffd_new(void)
{
	struct uffdio_api api = { .api = UFFD_API,
				  .features =
				      UFFD_FEATURE_MISSING_SHMEM | UFFD_FEATURE_MINOR_SHMEM };
	int fd = (int)must(syscall(SYS_userfaultfd, O_CLOEXEC));

	must(ioctl(fd, UFFDIO_API, &api));
	return fd;
}

static char *range_new(int fd, int flags, int file, unsigned long long mode)
{
	char *at = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, flags, file, 0);
	struct uffdio_register reg = { .range = { (uintptr_t)at, PAGES * PAGE }, .mode = mode };

	must(at == MAP_FAILED ? -1 : 0);
	must(ioctl(fd, UFFDIO_REGISTER, &reg));
	return at;
}

static uint64_t fault_read(int fd)
{
	struct uffd_msg m;

	must(read(fd, &m, sizeof(m)));
	expect(m.event == UFFD_EVENT_PAGEFAULT, "event %d", m.event);
	return m.arg.pagefault.address & ~(PAGE - 1);
}

static void page_give(int fd, uint64_t at, int byte)
{
	static char page[PAGE] __attribute__((aligned(4096)));
	struct uffdio_copy copy = { .dst = at, .src = (uintptr_t)page, .len = PAGE };

	memset(page, byte, sizeof(page));
	must(ioctl(fd, UFFDIO_COPY, &copy));
}

static int monitor(void *arg)
{
	struct uffdio_continue go = { .range = { (uintptr_t)forked_at + PAGE, PAGE } };
	int sent = (int)must(fd_receive(wire[1], 0)), queued;
	uint64_t at = fault_read(sent);

	(void)arg;
	ready_report(&ready);
	test_waitsig();

	/* It is told once more; the answer is to the first. */
	expect(at == (uintptr_t)sent_at + 2 * PAGE, "fault at %#llx", (unsigned long long)at);
	page_give(sent, at, 's');
	steps_reach(steps, 1);
	expect(fault_read(by_fork) == (uintptr_t)forked_at + PAGE, "of another page");
	must(ioctl(by_fork, UFFDIO_CONTINUE, &go));
	queued = (int)must(fd_receive(queue[1], 0));
	expect(fault_read(queued) == (uintptr_t)queued_at + 3 * PAGE, "of another page");
	page_give(queued, (uintptr_t)queued_at + 3 * PAGE, 'q');
	return 0;
}

static void *waiter(void *arg)
{
	return (void *)(intptr_t)((volatile char *)arg)[2 * PAGE];
}

int main(int argc, char **argv)
{
	int sent, queued;
	pthread_t thread;
	void *got;
	pid_t pid;

	test_init(argc, argv);
	steps = steps_new();
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, wire));
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, queue));
	sent = uffd_new();
	by_fork = uffd_new();
	queued = uffd_new();
	memory = (int)must(memfd_create("userfaultfd02", 0));
	must(ftruncate(memory, PAGES * PAGE));
	must(pwrite(memory, "m", 1, PAGE));
	sent_at = range_new(sent, MAP_PRIVATE | MAP_ANONYMOUS, -1, UFFDIO_REGISTER_MODE_MISSING);
	forked_at = range_new(by_fork, MAP_SHARED, memory, UFFDIO_REGISTER_MODE_MINOR);
	queued_at = range_new(queued, MAP_SHARED | MAP_ANONYMOUS, -1, UFFDIO_REGISTER_MODE_MISSING);
	ready_init(&ready);
	must(fd_send(wire[0], sent));
	close(sent);
	pid = test_child(monitor, NULL);
	close(by_fork);
	must(fd_send(queue[0], queued));
	close(queued);
	thread = test_thread(waiter, sent_at);
	ready_collect(&ready, 1);

	test_daemon();
	test_waitsig();

	must(kill(pid, SIGTERM));
	steps_wait(steps, 1);
	must0(pthread_join(thread, &got));
	if ((intptr_t)got != 's')
		return fail("the thread has got %#lx", (long)(intptr_t)got);
	if (forked_at[PAGE] != 'm')
		return fail("the file that is mapped has other contents");
	if (queued_at[3 * PAGE] != 'q')
		return fail("the page that the third was asked for is another");
	return test_reap(pid, "monitor") ? pass() : 1;
}
