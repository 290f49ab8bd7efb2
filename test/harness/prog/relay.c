// SPDX-License-Identifier: GPL-2.0-only
/*
 * relay NETNS_A NETNS_B DELAY_US LATE_PERMILLE LATE_US
 *
 * A slow cable between two network namespaces, whose ends are tun devices named far0. Each packet
 * takes DELAY_US; LATE_PERMILLE of a thousand take LATE_US more, and so come after others that were
 * sent later. Nothing is lost: who cannot keep up lets the device wait. Says "ready" when both
 * devices are there, and runs until it is killed.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signal.h>
#include <time.h>
#include <unistd.h>

#define PACKET_MAX 2048 /* more than the MTU */
#define QUEUE_MAX  8192

struct packet {
	uint64_t due, number; /* ns; in the order in which they came */
	uint32_t size;
	uint8_t *bytes;
};

/* What is under way in one direction: a heap, what is due first is first. */
struct way {
	int from, to;
	struct packet heap[QUEUE_MAX];
	size_t nr;
	uint64_t numbers;
};

static struct way ways[2];
static uint64_t delay_ns, late_ns, late_permille;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static bool before(const struct packet *a, const struct packet *b)
{
	return a->due != b->due ? a->due < b->due : a->number < b->number;
}

static void swap(struct packet *a, struct packet *b)
{
	struct packet t = *a;

	*a = *b;
	*b = t;
}

static void push(struct way *w, struct packet p)
{
	size_t at = w->nr++;

	w->heap[at] = p;
	for (; at && before(&w->heap[at], &w->heap[(at - 1) / 2]); at = (at - 1) / 2)
		swap(&w->heap[at], &w->heap[(at - 1) / 2]);
}

static struct packet pop(struct way *w)
{
	struct packet first = w->heap[0];

	w->heap[0] = w->heap[--w->nr];
	for (size_t at = 0, child; (child = 2 * at + 1) < w->nr; at = child) {
		if (child + 1 < w->nr && before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!before(&w->heap[child], &w->heap[at]))
			break;
		swap(&w->heap[child], &w->heap[at]);
	}
	return first;
}

/* All that has been sent until now. */
static void take(struct way *w)
{
	uint8_t bytes[PACKET_MAX];

	while (w->nr < QUEUE_MAX) {
		ssize_t n = read(w->from, bytes, sizeof(bytes));
		struct packet p = { .due = now_ns() + delay_ns, .number = w->numbers++ };

		if (n < 0) {
			if (errno == EAGAIN || errno == EIO) /* EIO: it is down */
				return;
			err(1, "read a packet");
		}
		if ((uint64_t)rand() % 1000 < late_permille)
			p.due += late_ns;
		p.size = (uint32_t)n;
		p.bytes = malloc(p.size);
		if (!p.bytes)
			err(1, "memory");
		memcpy(p.bytes, bytes, p.size);
		push(w, p);
	}
}

/* All that is due. */
static void deliver(struct way *w)
{
	uint64_t now = now_ns();

	while (w->nr && w->heap[0].due <= now) {
		struct packet p = pop(w);

		if (write(w->to, p.bytes, p.size) < 0 && errno != EIO)
			err(1, "deliver a packet");
		free(p.bytes);
	}
}

static struct timespec until_next(void)
{
	uint64_t now = now_ns(), next = now + 1000000000;

	for (int i = 0; i < 2; i++)
		if (ways[i].nr && ways[i].heap[0].due < next)
			next = ways[i].heap[0].due;
	next = next > now ? next - now : 0;
	return (struct timespec){ (time_t)(next / 1000000000), (long)(next % 1000000000) };
}

static int device(const char *netns)
{
	struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	int fd = open(netns, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		err(1, "enter %s", netns);
	close(fd);
	strcpy(ifr.ifr_name, "far0");
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &ifr) < 0)
		err(1, "make a tun device in %s", netns);
	return fd;
}

int main(int argc, char **argv)
{
	if (argc != 6)
		errx(2, "usage: relay NETNS_A NETNS_B DELAY_US LATE_PERMILLE LATE_US");
	delay_ns = strtoull(argv[3], NULL, 10) * 1000;
	late_permille = strtoull(argv[4], NULL, 10);
	late_ns = strtoull(argv[5], NULL, 10) * 1000;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_TIMERSLACK, 1000);
	ways[0].from = ways[1].to = device(argv[1]);
	ways[1].from = ways[0].to = device(argv[2]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		struct timespec timeout = until_next();
		struct pollfd p[2];

		for (int i = 0; i < 2; i++)
			p[i] =
			    (struct pollfd){ ways[i].from, ways[i].nr < QUEUE_MAX ? POLLIN : 0, 0 };
		/* A device that is down has an error at once. */
		if (ppoll(p, 2, &timeout, NULL) > 0 && (p[0].revents | p[1].revents) & POLLERR)
			usleep(1000);
		for (int i = 0; i < 2; i++) {
			take(&ways[i]);
			deliver(&ways[i]);
		}
	}
}
