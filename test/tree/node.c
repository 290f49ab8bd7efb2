// SPDX-License-Identifier: GPL-2.0-only
/* One process of the tree: takes an order, carries it out, answers, waits for the next. */
#include "tree.h"
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct board *board;
const char *board_path, *program_path;

static struct slot *own;

void board_map(const char *path, bool make)
{
	int fd = (int)must(open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_EXCL : 0), 0666));

	if (make)
		must(ftruncate(fd, sizeof(*board)));
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	expect(board != MAP_FAILED, "the board cannot be mapped");
	board_path = path;
	must(close(fd));
}

uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void answer(int result)
{
	own->pid = getpid();
	own->sid = getsid(0);
	own->pgid = getpgrp();
	own->result = result;
	__atomic_add_fetch(&own->turn, 1, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&board->answered, 1, __ATOMIC_SEQ_CST);
	futex_wake_all(&board->answered);
}

void node_born(uint32_t slot)
{
	own = &board->slots[slot];
	self_begin();
	answer(0);
}

/* The child answers for itself, too. */
static int do_fork(uint32_t child)
{
	pid_t pid = fork();

	if (pid)
		return pid < 0 ? -1 : pid;
	board->slots[child].turn = 1;
	node_born(child);
	node_live(child);
}

/* By a code, or by a signal that is certain to end it. */
static int do_exit(uint64_t random)
{
	static const int deadly[] = { SIGKILL, SIGHUP, SIGSEGV, SIGUSR2, SIGTERM, SIGALRM };
	int sig = deadly[random / 8 % ARRAY_SIZE(deadly)];
	sigset_t set;

	answer(0);
	if (random % 4)
		_exit((int)(random / 8 % 256));
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	kill(getpid(), sig);
	_exit(255);
}

static int do_reap(void)
{
	int nr = 0;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		nr++;
	return nr;
}

static int do_see_stop(pid_t child)
{
	int status;

	return waitpid(child, &status, WUNTRACED | WNOHANG) == child && WIFSTOPPED(status) ? 0 : -1;
}

/* The program begins anew, as the same process. Only what it answers then is the answer. */
static int do_exec(void)
{
	char number[16];

	if (geteuid())
		return -1;
	snprintf(number, sizeof(number), "%u", (unsigned)(own - board->slots));
	execl(program_path, "tree-again", "--again", number, board_path, program_path, NULL);
	return -1;
}

static int carry_out(enum order order, uint64_t random, pid_t other)
{
	switch (order) {
	case ORDER_FORK:
		return do_fork((uint32_t)other);
	case ORDER_EXIT:
		return do_exit(random);
	case ORDER_SETSID:
		return setsid() < 0 ? -1 : 0;
	case ORDER_GROUP:
		return setpgid(0, other);
	case ORDER_REAPER:
		return prctl(PR_SET_CHILD_SUBREAPER, random % 4 != 0);
	case ORDER_REAP:
		return do_reap();
	case ORDER_SEE_STOP:
		return do_see_stop(other);
	case ORDER_THREAD:
		return self_thread(random);
	case ORDER_NAME:
		return self_name(random);
	case ORDER_LIMIT:
		return self_limit(random);
	case ORDER_MAP:
		return self_map(random);
	case ORDER_MASK:
		return self_mask(random);
	case ORDER_QUEUE:
		return self_queue(random);
	case ORDER_ACTION:
		return self_action(random);
	case ORDER_NICE:
		return setpriority(PRIO_PROCESS, 0, (int)(random % 20));
	case ORDER_UMASK:
		umask((mode_t)(random % 01000));
		return 0;
	case ORDER_FILE:
		return self_file(random);
	case ORDER_USER:
		return self_user(random);
	case ORDER_EXEC:
		return do_exec();
	case ORDER_CHECK:
		return self_check();
	default:
		return -1;
	}
}

void node_live(uint32_t slot)
{
	own = &board->slots[slot];
	for (;;) {
		uint32_t turn = __atomic_load_n(&own->turn, __ATOMIC_SEQ_CST);
		enum order order = own->order;
		int result;

		if (turn % 2 == 0) {
			futex_wait_change(&own->turn, turn);
			continue;
		}
		result = carry_out(order, own->random, own->other);
		if (order != ORDER_CHECK)
			self_looks();
		answer(result);
	}
}
