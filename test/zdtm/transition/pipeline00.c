// SPDX-License-Identifier: GPL-2.0-only
/* A producer, a filter and a consumer, joined by pipes that are full most of the time. */
#include "zdtmtst.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK 3000

static int first[2], second[2];
static uint64_t *totals; /* produced, filtered, consumed */

static void all_write(int fd, const uint8_t *data, size_t size)
{
	for (size_t done = 0; done < size;)
		done += (size_t)must(write(fd, data + done, size - done));
}

static int produce(void *arg)
{
	uint8_t data[CHUNK];

	(void)arg;
	must(close(first[0]));
	must(close(second[0]));
	must(close(second[1]));
	for (; test_go(); totals[0] += CHUNK) {
		datagen_at(data, CHUNK, 1, totals[0]);
		all_write(first[1], data, CHUNK);
	}
	return 0;
}

static int filter(void *arg)
{
	uint8_t data[CHUNK + 100];
	size_t got;

	(void)arg;
	must(close(first[1]));
	must(close(second[0]));
	while ((got = (size_t)must(read(first[0], data, sizeof(data))))) {
		for (size_t i = 0; i < got; i++)
			data[i] ^= 0xff;
		all_write(second[1], data, got);
		totals[1] += got;
	}
	return 0;
}

static int consume(void *arg)
{
	uint8_t data[CHUNK - 100];
	size_t got;

	must(close(first[0]));
	must(close(first[1]));
	must(close(second[1]));
	ready_report(arg);
	while ((got = (size_t)must(read(second[0], data, sizeof(data))))) {
		for (size_t i = 0; i < got; i++)
			data[i] ^= 0xff;
		expect(datachk_at(data, got, 1, totals[2]) == got, "the stream is wrong after %lu",
		       (unsigned long)totals[2]);
		totals[2] += got;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pids[3];

	test_init(argc, argv);
	totals = map_anon(4096, PROT_READ | PROT_WRITE, MAP_SHARED);
	must(pipe(first));
	must(pipe(second));
	ready_init(&ready);
	pids[2] = test_child(consume, &ready);
	ready_collect(&ready, 1);
	pids[0] = test_companion(produce, NULL);
	pids[1] = test_companion(filter, NULL);
	for (int i = 0; i < 2; i++) {
		must(close(first[i]));
		must(close(second[i]));
	}
	while (!__atomic_load_n(&totals[2], __ATOMIC_SEQ_CST))
		continue; /* now all have closed the ends that are not theirs */
	test_daemon();
	test_waitsig();

	must(kill(pids[0], SIGTERM));
	for (int i = 0; i < 3; i++)
		if (!test_reap(pids[i], i == 0 ? "producer" : i == 1 ? "filter" : "consumer"))
			fail("process %d of the pipeline is not well", i);
	if (totals[0] != totals[1] || totals[0] != totals[2])
		fail("%lu bytes produced, %lu filtered, %lu consumed", (unsigned long)totals[0],
		     (unsigned long)totals[1], (unsigned long)totals[2]);
	return pass();
}
