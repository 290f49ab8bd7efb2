// SPDX-License-Identifier: GPL-2.0-only
/*
 * Two threads write to a memfd and read it back, all the time, by rings of io_uring: by workers of
 * the kernel, too. A dump that comes while requests are under way waits until they are over, and
 * no request fails or is told of twice.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rings.h"

#define BYTES 4096
#define AHEAD 8
#define DEFER (IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

struct work {
	struct ring ring;
	int fd;
	off_t from; /* its part of the memfd */
	char out[AHEAD][BYTES], in[AHEAD][BYTES];
	bool bad;
};

static void request(struct work *w, uint8_t opcode, unsigned int i, char *buf)
{
	struct io_uring_sqe *sqe = ring_next(&w->ring, opcode, i);

	sqe->fd = w->fd;
	sqe->off = (uint64_t)(w->from + i * BYTES);
	sqe->addr = (uintptr_t)buf;
	sqe->len = BYTES;
	sqe->flags = i % 2 ? IOSQE_ASYNC : 0;
}

/* All of them, each once. A freeze may interrupt the wait. */
static bool results_take(struct work *w, const char *what)
{
	unsigned int seen = 0;

	ring_flush(&w->ring);
	if (ring_enter(&w->ring, AHEAD, 0) != AHEAD) {
		pr_perror("%s: io_uring_enter", what);
		return false;
	}
	for (unsigned int nr = 0; nr < AHEAD;) {
		const struct io_uring_cqe *cqe = ring_result(&w->ring);

		if (!cqe && ring_enter(&w->ring, 0, 1) < 0 && errno != EINTR) {
			pr_perror("%s: wait", what);
			return false;
		}
		if (!cqe)
			continue;
		if (cqe->res != BYTES || cqe->user_data >= AHEAD || seen & 1u << cqe->user_data) {
			test_msg("%s: request %llu: %d", what, (unsigned long long)cqe->user_data,
				 cqe->res);
			return false;
		}
		seen |= 1u << cqe->user_data;
		ring_seen(&w->ring);
		nr++;
	}
	return true;
}

static bool round_do(struct work *w, uint32_t seed)
{
	for (unsigned int i = 0; i < AHEAD; i++) {
		datagen(w->out[i], BYTES, seed + i);
		request(w, IORING_OP_WRITE, i, w->out[i]);
	}
	if (!results_take(w, "write"))
		return false;
	for (unsigned int i = 0; i < AHEAD; i++)
		request(w, IORING_OP_READ, i, w->in[i]);
	if (!results_take(w, "read"))
		return false;
	if (!memcmp(w->in, w->out, sizeof(w->in)))
		return true;
	test_msg("what was read is not what was written");
	return false;
}

static void *work_run(void *arg)
{
	struct work *w = arg;

	for (uint32_t seed = 0; test_go() && !w->bad; seed += AHEAD)
		w->bad = !round_do(w, seed);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct work work[2];
	pthread_t thread;
	int fd;

	test_init(argc, argv);
	fd = (int)must(memfd_create("rings", 0));
	for (int i = 0; i < 2; i++) {
		work[i].fd = fd;
		work[i].from = i * AHEAD * BYTES;
	}
	ring_make(&work[0].ring, AHEAD, DEFER);
	ring_make(&work[1].ring, AHEAD, 0);
	thread = test_thread(work_run, &work[1]);
	test_daemon();
	work_run(&work[0]);
	must0(pthread_join(thread, NULL));
	if (work[0].bad || work[1].bad)
		return fail("requests, see above");
	return pass();
}
