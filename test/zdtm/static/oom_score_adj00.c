// SPDX-License-Identifier: GPL-2.0-only
/* The adjustment of the out-of-memory score, of a parent and a child. */
#include "zdtmtst.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void adjust(const char *value)
{
	int fd = (int)must(open("/proc/self/oom_score_adj", O_WRONLY));

	must(write(fd, value, strlen(value)));
	must(close(fd));
}

static int adjustment(void)
{
	char text[32];

	file_read_text("/proc/self/oom_score_adj", text, sizeof(text));
	return atoi(text);
}

static int child(void *arg)
{
	adjust("777");
	ready_report(arg);
	test_waitsig();
	expect(adjustment() == 777, "the child has %d", adjustment());
	return 0;
}

int main(int argc, char **argv)
{
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	adjust("123");
	test_daemon();
	test_waitsig();

	if (adjustment() != 123)
		fail("the parent has %d", adjustment());
	if (!test_stop(pid, "child"))
		fail("the child is not well");
	return pass();
}
