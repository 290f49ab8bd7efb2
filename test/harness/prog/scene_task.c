// SPDX-License-Identifier: GPL-2.0-only
/* What is special about a process itself. */
#include "test/harness/prog/scene.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOT_USED (void)argc, (void)argv

static void set_plain(int argc, char **argv)
{
	NOT_USED;
}

/* A filter that lets everything pass is one, too. */
static void set_seccomp(int argc, char **argv)
{
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog prog = { 1, all };

	NOT_USED;
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		scene_skip("seccomp");
}

/* Nothing is allowed but what the scene does from now on. */
static void set_seccomp_tight(int argc, char **argv)
{
	static const int calls[] = { SYS_nanosleep, SYS_restart_syscall, SYS_rt_sigreturn };
	struct sock_filter some[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[0], 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[1], 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[2], 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(some) / sizeof(some[0]), some };

	NOT_USED;
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	scene_ready();
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		_exit(1);
}

/* Descriptor 3 is told of calls of uname(2), and nobody answers. */
static void set_seccomp_supervised(int argc, char **argv)
{
	struct sock_filter ask[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_uname, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { sizeof(ask) / sizeof(ask[0]), ask };

	NOT_USED;
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog) <
	    0)
		scene_skip("a seccomp supervisor");
}

/* Our parent waits in vfork(2) for as long as we run. */
static void set_vfork(int argc, char **argv)
{
	NOT_USED;
	if (must(vfork()) == 0) {
		scene_ready();
		scene_beat(0);
	}
}

/* The same with memory of its own: all that can be said is where the parent waits. */
static void set_clone_vfork(int argc, char **argv)
{
	NOT_USED;
	if (must(syscall(SYS_clone, CLONE_VFORK | SIGCHLD, 0, 0, 0, 0)) == 0) {
		scene_ready();
		scene_beat(0);
	}
}

static int beat_main(void *slot)
{
	scene_quiet();
	scene_beat((unsigned int)(uintptr_t)slot);
}

/* A child with our memory that we do not wait for. */
static void set_clone_vm(int argc, char **argv)
{
	char *stack = malloc(65536);

	NOT_USED;
	must(clone(beat_main, stack + 65536, CLONE_VM | SIGCHLD, (void *)(uintptr_t)1));
	scene_wait_beat(1);
}

static void clone_beating(unsigned long flags, unsigned int slot)
{
	if (!must((int)syscall(SYS_clone, flags, 0, 0, 0, 0)))
		scene_beat(slot);
	scene_wait_beat(slot);
}

/* Siblings share what we do not: but neither can make the other, who tells us otherwise of its
 * end. */
static void set_clone_fs(int argc, char **argv)
{
	NOT_USED;
	clone_beating(CLONE_FS | CLONE_FILES | SIGCHLD, 1);
	clone_beating(CLONE_FS | CLONE_FILES | SIGUSR1, 2);
	must(unshare(CLONE_FS | CLONE_FILES));
}

/* A grandchild has our descriptors, and the session of the child between, which has not. */
static void set_clone_session(int argc, char **argv)
{
	NOT_USED;
	if (!must((int)syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0))) {
		must(setsid());
		clone_beating(CLONE_FILES | SIGCHLD, 1);
		must(unshare(CLONE_FILES));
		scene_beat(2);
	}
	scene_wait_beat(2);
}

/* The argument: one of uts, ipc, net, mnt, cgroup, time, user. */
static void set_unshare(int argc, char **argv)
{
	static const struct {
		const char *name;
		int flag;
	} kinds[] = {
		{ "uts", CLONE_NEWUTS },   { "ipc", CLONE_NEWIPC },       { "net", CLONE_NEWNET },
		{ "mnt", CLONE_NEWNS },    { "pid", CLONE_NEWPID },       { "time", 0x80 },
		{ "user", CLONE_NEWUSER }, { "cgroup", CLONE_NEWCGROUP },
	};

	(void)argc;
	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(kinds[i].name, argv[0]) && unshare(kinds[i].flag) == 0)
			return;
	scene_skip("that namespace");
}

static volatile char dispatched; /* 1: system calls of the thread are signals */

/* Computes for ever. */
static void *dispatched_main(void *arg)
{
	if (prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON, 0, 0, &dispatched) < 0)
		scene_skip("syscall user dispatch");
	for (dispatched = 1;;)
		__asm__ volatile("pause");
	return arg;
}

static void set_dispatched(int argc, char **argv)
{
	pthread_t thread;

	NOT_USED;
	must(-pthread_create(&thread, NULL, dispatched_main, NULL));
	while (!dispatched)
		sched_yield();
}

static void *lonely_main(void *arg)
{
	char path[64], state = 0;
	FILE *f;

	(void)arg;
	/* "pid (name) Z": the main thread has ended. */
	while (state != 'Z') {
		snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d %*s %c", &state) != 1)
			scene_die(path);
		fclose(f);
	}
	scene_ready();
	scene_beat(0);
}

static void set_leader_gone(int argc, char **argv)
{
	pthread_t thread;

	NOT_USED;
	pthread_create(&thread, NULL, lonely_main, NULL);
	pthread_exit(NULL);
}

/* In strict mode a call that is forbidden ends the thread alone. */
static void set_leader_killed(int argc, char **argv)
{
	pthread_t thread;

	NOT_USED;
	pthread_create(&thread, NULL, lonely_main, NULL);
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT));
	syscall(SYS_getpid);
}

static void *heir_main(void *arg)
{
	int pid = (int)must(fork());

	if (!pid) {
		scene_quiet();
		must(prctl(PR_SET_PDEATHSIG, SIGUSR1));
		scene_beat(1);
	}
	scene_wait_beat(1);
	return lonely_main(arg);
}

/* A child that is to hear of the death of its parent, which has lost its main thread. */
static void set_leader_gone_pdeath(int argc, char **argv)
{
	pthread_t thread;

	NOT_USED;
	pthread_create(&thread, NULL, heir_main, NULL);
	pthread_exit(NULL);
}

/* A tracer and what it traces, both in the tree. */
static void set_traced_inside(int argc, char **argv)
{
	NOT_USED;
	must(ptrace(PTRACE_SEIZE, scene_child(1), 0, 0));
}

static void *mortal_main(void *fds)
{
	int tid = (int)syscall(SYS_gettid);
	char byte;

	must(write(((int *)fds)[1], &tid, sizeof(tid)));
	must(read(((int *)fds)[2], &byte, 1));
	return NULL;
}

/* A child with a dead thread that its tracer, we, has not waited for. */
static void set_traced_dead(int argc, char **argv)
{
	char path[64], state = 0;
	int fds[4], pid, tid;
	pthread_t thread;
	FILE *f;

	NOT_USED;
	must(pipe(fds));
	must(pipe(fds + 2));
	pid = (int)must(fork());
	if (!pid) {
		scene_quiet();
		pthread_create(&thread, NULL, mortal_main, fds);
		scene_beat(1);
	}
	must(read(fds[0], &tid, sizeof(tid)));
	must(ptrace(PTRACE_SEIZE, tid, 0, 0));
	must(write(fds[3], "x", 1));
	while (state != 'Z') {
		snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d %*s %c", &state) != 1)
			scene_die(path);
		fclose(f);
	}
	for (int i = 0; i < 4; i++)
		close(fds[i]);
	scene_wait_beat(1);
}

static void set_stopped(int argc, char **argv)
{
	int pid, status;

	NOT_USED;
	pid = scene_child(0);
	must(kill(pid, SIGSTOP));
	must(waitpid(pid, &status, WUNTRACED));
}

/* The working directory, the argument, is removed. */
static void set_cwd_gone(int argc, char **argv)
{
	(void)argc;
	must(mkdir(argv[0], 0755));
	must(chdir(argv[0]));
	must(rmdir(argv[0]));
}

static void set_cwd(int argc, char **argv)
{
	(void)argc;
	must(chdir(argv[0]));
}

/* Without a session of its own: scene.c has not made one. */
static void set_no_session(int argc, char **argv)
{
	NOT_USED;
}

/* In the process group of one that does not belong to the tree: the argument, its pid. */
static void set_group(int argc, char **argv)
{
	(void)argc;
	must(setpgid(0, atoi(argv[0])));
}

const struct scene scenes_task[] = {
	{ "plain", set_plain },
	{ "seccomp", set_seccomp },
	{ "seccomp-tight", set_seccomp_tight },
	{ "seccomp-supervised", set_seccomp_supervised },
	{ "vfork", set_vfork },
	{ "dispatched", set_dispatched },
	{ "clone-vfork", set_clone_vfork },
	{ "clone-vm", set_clone_vm },
	{ "clone-fs", set_clone_fs },
	{ "clone-session", set_clone_session },
	{ "unshare", set_unshare },
	{ "leader-gone", set_leader_gone },
	{ "leader-killed", set_leader_killed },
	{ "leader-gone-pdeath", set_leader_gone_pdeath },
	{ "traced-inside", set_traced_inside },
	{ "traced-dead", set_traced_dead },
	{ "stopped", set_stopped },
	{ "cwd", set_cwd },
	{ "cwd-gone", set_cwd_gone },
	{ "no-session", set_no_session },
	{ "group", set_group },
	{ NULL, NULL },
};
