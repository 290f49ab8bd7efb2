// SPDX-License-Identifier: GPL-2.0-only
/* Trees of processes and threads, with what connects them. */
#include "test/harness/prog/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void set_threads(int argc, char **argv)
{
	int nr = atoi(argv[0]);

	(void)argc;
	for (int i = 1; i <= nr; i++)
		scene_thread((unsigned int)i);
}

static void set_children(int argc, char **argv)
{
	int nr = atoi(argv[0]);

	(void)argc;
	for (int i = 1; i <= nr; i++)
		scene_child((unsigned int)i);
}

static void zombie(int status)
{
	siginfo_t info;
	int pid = (int)must(fork());

	if (pid == 0)
		_exit(status);
	must(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT));
}

/* A grandchild in a session of its own, with a thread. */
static void branch(unsigned int slot)
{
	if (must(fork()) == 0) {
		scene_quiet();
		must(setsid());
		scene_child(slot + 1);
		scene_thread(slot + 2);
		scene_beat(slot);
	}
	scene_wait_beat(slot);
}

/* Everything at once: children, a process group, a session, a zombie, a thread, a pipe with
 * data, shared memory. */
static void set_family(int argc, char **argv)
{
	int ends[2], leader;
	char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)argc;
	(void)argv;
	if (shared == MAP_FAILED)
		scene_die("mmap");
	shared[5000] = 'x';
	must(pipe2(ends, 0));
	must(write(ends[1], "in the pipe", 11));
	must(open("/dev/null", O_WRONLY | O_APPEND));
	leader = scene_child(1);
	must(setpgid(leader, leader));
	must(setpgid(scene_child(2), leader));
	zombie(7);
	branch(3);
	scene_thread(6);
}

/* A process group that has lost its leader: nobody has the number, and nobody may get it. */
static void set_orphan_group(int argc, char **argv)
{
	int leader, i;

	(void)argc;
	(void)argv;
	leader = (int)must(fork());
	if (leader == 0) {
		scene_quiet();
		for (;;)
			pause();
	}
	must(setpgid(leader, leader));
	for (i = 1; i <= 2; i++)
		must(setpgid(scene_child((unsigned int)i), leader));
	must(kill(leader, SIGKILL));
	must(waitpid(leader, NULL, 0));
}

const struct scene scenes_tree[] = {
	{ "orphan-group", set_orphan_group },
	{ "threads", set_threads },
	{ "children", set_children },
	{ "family", set_family },
	{ NULL, NULL },
};
