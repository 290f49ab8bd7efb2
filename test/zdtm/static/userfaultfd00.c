// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is missing in a range that a userfaultfd looks after is still missing, and asked for; what
 * was there, zeros included, still is. A thread that waits for a page waits on, and is told of
 * again. Two of them in one process keep their ranges, and whether they are for user mode only.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PAGE      4096ul
#define HUGE      (2ul << 20)
#define USER_MODE 1 /* UFFD_USER_MODE_ONLY */

enum { THERE = 3, ZERO = 5, WAITED_FOR = 7, NEW = 9 };

static char *all_faults, *user_faults;
static volatile char got;

static int uffd_new(int flags, unsigned long long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = (int)must(syscall(SYS_userfaultfd, flags));

	must(ioctl(fd, UFFDIO_API, &api));
	return fd;
}

/* Of pages that may be huge: not one of them may be made up. */
static char *range_new(int fd)
{
	char *room =
	    mmap(NULL, 2 * HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *at = (char *)(((uintptr_t)room + HUGE - 1) & ~(HUGE - 1));
	struct uffdio_register reg = { .range = { (uintptr_t)at, HUGE },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };

	must(room == MAP_FAILED ? -1 : 0);
	madvise(at, HUGE, MADV_HUGEPAGE);
	must(ioctl(fd, UFFDIO_REGISTER, &reg));
	return at;
}

static int page_give(int fd, char *at, char byte)
{
	static char page[PAGE] __attribute__((aligned(4096)));
	struct uffdio_copy copy = { .dst = (uintptr_t)at, .src = (uintptr_t)page, .len = PAGE };

	memset(page, byte, sizeof(page));
	return ioctl(fd, UFFDIO_COPY, &copy);
}

static void scene(int fd, char *at)
{
	struct uffdio_zeropage zero = { .range = { (uintptr_t)at + ZERO * PAGE, PAGE } };

	must(page_give(fd, at + THERE * PAGE, 't'));
	must(ioctl(fd, UFFDIO_ZEROPAGE, &zero));
}

static void *waiter(void *arg)
{
	(void)arg;
	got = all_faults[WAITED_FOR * PAGE + 17];
	return NULL;
}

/* The page of the next fault. */
static long fault_page(int fd, const char *at)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct uffd_msg m;

	must(poll(&p, 1, -1));
	must(read(fd, &m, sizeof(m)));
	expect(m.event == UFFD_EVENT_PAGEFAULT, "event %d", m.event);
	return (long)(m.arg.pagefault.address - (uintptr_t)at) / (long)PAGE;
}

static bool present(const char *at)
{
	unsigned char vec = 0;

	must(mincore((void *)(uintptr_t)at, PAGE, &vec));
	return vec & 1;
}

static void *kernel_waiter(void *arg)
{
	int *pipe_in = arg;

	/* The kernel's own fault: it waits, too. */
	return (void *)(intptr_t)write(*pipe_in, all_faults + NEW * PAGE, 1);
}

int main(int argc, char **argv)
{
	int fd, user_fd, ends[2];
	struct pollfd p;
	pthread_t thread;
	void *ret;

	test_init(argc, argv);
	must(pipe(ends));
	fd = uffd_new(O_NONBLOCK, 0);
	user_fd = uffd_new(O_CLOEXEC | O_NONBLOCK | USER_MODE, 0);
	all_faults = range_new(fd);
	user_faults = range_new(user_fd);
	scene(fd, all_faults);
	scene(user_fd, user_faults);
	thread = test_thread(waiter, NULL);
	p = (struct pollfd){ .fd = fd, .events = POLLIN };
	must(poll(&p, 1, -1));

	test_daemon();
	test_waitsig();

	for (int i = 0; i < (int)(HUGE / PAGE); i++)
		if (present(all_faults + i * PAGE) != (i == THERE || i == ZERO) ||
		    present(user_faults + i * PAGE) != (i == THERE || i == ZERO))
			return fail("page %d was made up, or is lost", i);
	if (all_faults[THERE * PAGE + 5] != 't' || all_faults[ZERO * PAGE] ||
	    user_faults[THERE * PAGE + 5] != 't' || user_faults[ZERO * PAGE])
		return fail("the pages that were there are others now");
	if (fault_page(fd, all_faults) != WAITED_FOR)
		return fail("another page than the one that a thread waits for");
	must(page_give(fd, all_faults + WAITED_FOR * PAGE, 'w'));
	must0(pthread_join(thread, NULL));
	if (got != 'w')
		return fail("the thread has got %#x", got);

	must0(pthread_create(&thread, NULL, kernel_waiter, &ends[1]));
	if (fault_page(fd, all_faults) != NEW)
		return fail("a fault of the kernel is not told");
	must(page_give(fd, all_faults + NEW * PAGE, 'n'));
	must0(pthread_join(thread, &ret));
	if ((intptr_t)ret != 1)
		return fail("write has returned %ld", (long)(intptr_t)ret);
	if (write(ends[1], user_faults + NEW * PAGE, 1) >= 0 || errno != EFAULT)
		return fail("one for user mode only lets the kernel wait");
	if (read(fd, &p, sizeof(p)) >= 0 || read(user_fd, &p, sizeof(p)) >= 0)
		return fail("there is more to be read");
	return pass();
}
