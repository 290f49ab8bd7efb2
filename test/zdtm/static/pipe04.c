// SPDX-License-Identifier: GPL-2.0-only
/* Pipes between parent and child, each with the ends it needs only. */
#include "zdtmtst.h"

#include <unistd.h>

#define SIZE 1000

static int down[2], up[2];

static int child(void *arg)
{
	uint8_t data[SIZE];

	must(close(down[1]));
	must(close(up[0]));
	ready_report(arg);
	test_waitsig();
	expect(must(read(down[0], data, SIZE)) == SIZE, "the parent's data is incomplete");
	expect(datachk(data, SIZE, 1) == SIZE, "the parent's data is wrong");
	expect(must(read(down[0], data, SIZE)) == 0, "the pipe has a second writer");
	datagen(data, SIZE, 2);
	must(write(up[1], data, SIZE));
	return 0;
}

int main(int argc, char **argv)
{
	uint8_t data[SIZE];
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	must(pipe(down));
	must(pipe(up));
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	must(close(down[0]));
	must(close(up[1]));
	datagen(data, SIZE, 1);
	must(write(down[1], data, SIZE / 2)); /* half of it is on the way during the dump */
	test_daemon();
	test_waitsig();

	must(write(down[1], data + SIZE / 2, SIZE - SIZE / 2));
	must(close(down[1]));
	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	if (read(up[0], data, SIZE) != SIZE || datachk(data, SIZE, 2) != SIZE)
		return fail("the child's data is wrong");
	if (read(up[0], data, SIZE) != 0)
		return fail("the pipe has a second writer");
	return pass();
}
