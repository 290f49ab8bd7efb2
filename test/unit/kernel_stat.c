// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/stat and status: texts of Linux 6.18, then a live child. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/kernel/proc.h"
#include "test/unit/test.h"

static const char stat_text[] =
    "9117 (a) (b\n\\c) R 9064 9065 4499 34816 -1 4194560 103 0 7 0 1 2 0 0 20 -5 3 0 216177 "
    "2551808 305 18446744073709551615 93888755851264 93888755854189 140728659893008 0 0 0 0 0 "
    "0 1 0 0 -1 1 99 2 0 0 0 93888755862992 93888755863800 93889218629632 140728659901063 "
    "140728659901072 140728659901073 140728659902447 256\n";

static int stat_of(const char *text, struct proc_stat *ret)
{
	return proc_stat_parse(text, strlen(text), ret);
}

TEST(kernel_stat_parses)
{
	struct proc_stat s;

	if (!CHECK_INT_EQ(stat_of(stat_text, &s), 0))
		return;
	CHECK_INT_EQ(s.pid, 9117);
	CHECK_STR_EQ(s.comm, "a) (b\n\\c");
	CHECK_INT_EQ(s.state, 'R');
	CHECK_INT_EQ(s.ppid, 9064);
	CHECK_INT_EQ(s.pgrp, 9065);
	CHECK_INT_EQ(s.session, 4499);
	CHECK_INT_EQ(s.tty_nr, 34816);
	CHECK_INT_EQ(s.tpgid, -1);
	CHECK_INT_EQ(s.flags, 4194560);
	CHECK_INT_EQ(s.min_flt, 103);
	CHECK_INT_EQ(s.maj_flt, 7);
	CHECK_INT_EQ(s.utime, 1);
	CHECK_INT_EQ(s.stime, 2);
	CHECK_INT_EQ(s.priority, 20);
	CHECK_INT_EQ(s.nice, -5);
	CHECK_INT_EQ(s.num_threads, 3);
	CHECK_INT_EQ(s.starttime, 216177);
	CHECK_INT_EQ(s.vsize, 2551808);
	CHECK_INT_EQ(s.rss_pages, 305);
	CHECK_INT_EQ(s.start_code, 93888755851264);
	CHECK_INT_EQ(s.end_code, 93888755854189);
	CHECK_INT_EQ(s.start_stack, 140728659893008);
	CHECK_INT_EQ(s.wchan, 1);
	CHECK_INT_EQ(s.exit_signal, -1);
	CHECK_INT_EQ(s.processor, 1);
	CHECK_INT_EQ(s.rt_priority, 99);
	CHECK_INT_EQ(s.policy, 2);
	CHECK_INT_EQ(s.start_data, 93888755862992);
	CHECK_INT_EQ(s.end_data, 93888755863800);
	CHECK_INT_EQ(s.start_brk, 93889218629632);
	CHECK_INT_EQ(s.arg_start, 140728659901063);
	CHECK_INT_EQ(s.arg_end, 140728659901072);
	CHECK_INT_EQ(s.env_start, 140728659901073);
	CHECK_INT_EQ(s.env_end, 140728659902447);
	CHECK_INT_EQ(s.exit_code, 256);
}

/* The text above with one thing changed. */
static int stat_with(const char *from, const char *to, struct proc_stat *ret)
{
	char text[1024];
	const char *at = strstr(stat_text, from);
	size_t head = (size_t)(at - stat_text);

	memcpy(text, stat_text, head);
	strcpy(stpcpy(text + head, to), at + strlen(from));
	return stat_of(text, ret);
}

TEST(kernel_stat_refuses)
{
	struct proc_stat s = { .pid = 42 };

	CHECK_INT_EQ(stat_with("9117", "99999999999", &s), -EINVAL);
	CHECK_INT_EQ(stat_with("9117", "", &s), -EINVAL);
	CHECK_INT_EQ(stat_with("(a) (b\n\\c)", "a", &s), -EINVAL);
	CHECK_INT_EQ(stat_with(" R ", " ", &s), -EINVAL);
	CHECK_INT_EQ(stat_with(" 9064 ", " x ", &s), -EINVAL);
	CHECK_INT_EQ(stat_with(" 9064 ", " 2147483648 ", &s), -EINVAL);
	CHECK_INT_EQ(stat_with(" -5 ", " -2147483649 ", &s), -EINVAL);
	CHECK_INT_EQ(stat_with("4194560", "4294967296", &s), -EINVAL);
	CHECK_INT_EQ(stat_with("18446744073709551615", "18446744073709551616", &s), -EINVAL);
	CHECK_INT_EQ(stat_with("216177", "-9223372036854775809", &s), -EINVAL);
	CHECK_INT_EQ(stat_with(" 256\n", "\n", &s), -EINVAL);
	CHECK_INT_EQ(stat_with(" 256\n", " 256x\n", &s), -EINVAL);
	CHECK_INT_EQ(
	    stat_with("(a", "(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", &s),
	    -EINVAL);
	CHECK_INT_EQ(s.pid, 42);
	/* a field of a later kernel; no newline; no name */
	CHECK_INT_EQ(stat_with(" 256\n", " 256 77\n", &s), 0);
	CHECK_INT_EQ(stat_with(" 256\n", " 256", &s), 0);
	CHECK_INT_EQ(stat_with("(a) (b\n\\c)", "()", &s), 0);
	CHECK_STR_EQ(s.comm, "");
}

static const char status_text[] = "Name:\t a) (b\\n\\\\c\n"
				  "Umask:\t0027\n"
				  "State:\tS (sleeping)\n"
				  "Tgid:\t9117\n"
				  "Ngid:\t0\n"
				  "Pid:\t9118\n"
				  "PPid:\t9064\n"
				  "TracerPid:\t7\n"
				  "Uid:\t1\t2\t3\t4294967295\n"
				  "Gid:\t5\t6\t7\t8\n"
				  "FDSize:\t256\n"
				  "Groups:\t4 24 4294967294 \n"
				  "NStgid:\t9117\t1\n"
				  "NSpid:\t9118\t20\t2\n"
				  "NSpgid:\t9064\t0\t9\n"
				  "NSsid:\t4499\t0\t0\n"
				  "Kthread:\t0\n"
				  "VmPeak:\t    2492 kB\n"
				  "VmSize:\t    2490 kB\n"
				  "VmLck:\t       4 kB\n"
				  "VmRSS:\t    1392 kB\n"
				  "VmSwap:\t       8 kB\n"
				  "CoreDumping:\t1\n"
				  "THP_enabled:\t1\n"
				  "untag_mask:\t0xffffffffffffffff\n"
				  "Threads:\t2\n"
				  "SigQ:\t0/96365\n"
				  "SigPnd:\t0000000000000001\n"
				  "ShdPnd:\t0000000000000002\n"
				  "SigBlk:\tfffffffe7ffbfeff\n"
				  "SigIgn:\t0000000000001000\n"
				  "SigCgt:\t0000000180000000\n"
				  "CapInh:\t0000000000000001\n"
				  "CapPrm:\t000001fffeffffff\n"
				  "CapEff:\t000001fffefffffe\n"
				  "CapBnd:\t000001fffefffffd\n"
				  "CapAmb:\t0000000000000002\n"
				  "NoNewPrivs:\t1\n"
				  "Seccomp:\t2\n"
				  "Seccomp_filters:\t3\n"
				  "Speculation_Store_Bypass:\tvulnerable\n"
				  "x86_Thread_features:\tshstk wrss \n"
				  "x86_Thread_features_locked:\t\n";

TEST(kernel_status_parses)
{
	struct proc_status s;

	if (!CHECK_INT_EQ(proc_status_parse(status_text, sizeof(status_text) - 1, &s), 0))
		return;
	CHECK_STR_EQ(s.comm, " a) (b\n\\c");
	CHECK_INT_EQ(s.umask, 027);
	CHECK_INT_EQ(s.state, 'S');
	CHECK_INT_EQ(s.tgid, 9117);
	CHECK_INT_EQ(s.pid, 9118);
	CHECK_INT_EQ(s.ppid, 9064);
	CHECK_INT_EQ(s.tracer_pid, 7);
	CHECK_INT_EQ(s.uid[0], 1);
	CHECK_INT_EQ(s.uid[3], 4294967295u);
	CHECK_INT_EQ(s.gid[2], 7);
	if (CHECK_INT_EQ(s.nr_groups, 3)) {
		CHECK_INT_EQ(s.groups[1], 24);
		CHECK_INT_EQ(s.groups[2], 4294967294u);
	}
	if (CHECK_INT_EQ(s.nr_ns_pid, 3))
		CHECK_INT_EQ(s.ns_pid[2], 2);
	CHECK_INT_EQ(s.ns_pgid, 9);
	CHECK_INT_EQ(s.ns_sid, 0);
	CHECK_INT_EQ(s.vm_size_kb, 2490);
	CHECK_INT_EQ(s.vm_lck_kb, 4);
	CHECK_INT_EQ(s.vm_rss_kb, 1392);
	CHECK_INT_EQ(s.vm_swap_kb, 8);
	CHECK(s.core_dumping && s.thp_enabled && s.no_new_privs && s.shstk && !s.kthread);
	CHECK_INT_EQ(s.threads, 2);
	CHECK_INT_EQ(s.sig_pnd, 1);
	CHECK_INT_EQ(s.shd_pnd, 2);
	CHECK_INT_EQ(s.sig_blk, 0xfffffffe7ffbfeff);
	CHECK_INT_EQ(s.sig_ign, 0x1000);
	CHECK_INT_EQ(s.sig_cgt, 0x180000000);
	CHECK_INT_EQ(s.cap_inh, 1);
	CHECK_INT_EQ(s.cap_prm, 0x1fffeffffff);
	CHECK_INT_EQ(s.cap_eff, 0x1fffefffffe);
	CHECK_INT_EQ(s.cap_bnd, 0x1fffefffffd);
	CHECK_INT_EQ(s.cap_amb, 2);
	CHECK_INT_EQ(s.seccomp, 2);
	CHECK_INT_EQ(s.seccomp_filters, 3);
	proc_status_done(&s);
}

static int status_with(const char *from, const char *to)
{
	static char text[65536];
	const char *at = strstr(status_text, from);
	size_t head = (size_t)(at - status_text);
	struct proc_status s;
	int r;

	memcpy(text, status_text, head);
	strcpy(stpcpy(text + head, to), at + strlen(from));
	r = proc_status_parse(text, strlen(text), &s);
	if (!r)
		proc_status_done(&s);
	return r;
}

TEST(kernel_status_refuses)
{
	static char pids[34 * 3 + 1];

	CHECK_INT_EQ(status_with("Pid:\t9118\n", ""), -EINVAL);
	CHECK_INT_EQ(status_with("Pid:\t9118", "Pid:\t"), -EINVAL);
	CHECK_INT_EQ(status_with("Pid:\t9118", "Pid:\t9118 x"), -EINVAL);
	CHECK_INT_EQ(status_with("Tgid:\t9117", "Tgid:\t91170000000"), -EINVAL);
	CHECK_INT_EQ(status_with("Ngid:", "Name:"), -EINVAL);
	CHECK_INT_EQ(status_with("4294967294", "4294967296"), -EINVAL);
	CHECK_INT_EQ(status_with("\\n\\\\c", "\\"), -EINVAL);
	CHECK_INT_EQ(status_with("SigBlk:\tf", "SigBlk:\t1f"), -EINVAL);
	CHECK_INT_EQ(status_with("2490 kB", "2490"), -EINVAL);
	CHECK_INT_EQ(status_with("Uid:\t1\t2\t3\t4294967295", "Uid:\t1\t2\t3"), -EINVAL);
	CHECK_INT_EQ(status_with("S (sleeping)", ""), -EINVAL);
	for (int i = 0; i < 34; i++)
		strcat(pids, "\t12");
	CHECK_INT_EQ(status_with("\t20\t2", pids), -EINVAL);
	pids[31 * 3] = '\0';
	CHECK_INT_EQ(status_with("\t20\t2", pids), 0);
	/* lines that this kernel does not have, or has in another order */
	CHECK_INT_EQ(status_with("Groups:\t4 24 4294967294 \n", "Groups:\t \n"), 0);
	CHECK_INT_EQ(status_with("Kthread:\t0\n", ""), 0);
	CHECK_INT_EQ(status_with("Ngid:\t0\n", "Ngid:\t0\nNew thing:\twhatever\n"), 0);
}

TEST(kernel_stat_and_status_agree_on_a_child)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	const gid_t groups[] = { 12, 34, 56 };
	struct proc_status status;
	struct proc_stat stat;
	int dir, fds[2];
	char c;
	pid_t pid;

	if (!CHECK(pipe(fds) == 0))
		return;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "x) R 1\n\\ y");
		setsid();
		umask(0123);
		signal(SIGUSR1, SIG_IGN);
		if (setgroups(3, groups) < 0 || write(fds[1], "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (CHECK(read(fds[0], &c, 1) == 1)) {
		dir = proc_open(pid);
		CHECK(dir >= 0);
		CHECK_INT_EQ(proc_stat_read(dir, 0, &b, &stat), 0);
		CHECK_INT_EQ(stat.pid, pid);
		CHECK_STR_EQ(stat.comm, "x) R 1\n\\ y");
		CHECK_INT_EQ(stat.ppid, getpid());
		CHECK_INT_EQ(stat.session, pid);
		CHECK_INT_EQ(stat.pgrp, pid);
		CHECK_INT_EQ(stat.exit_signal, SIGCHLD);
		CHECK_INT_EQ(stat.num_threads, 1);
		CHECK(stat.arg_end > stat.arg_start);
		CHECK_INT_EQ(proc_status_read(dir, pid, &b, &status), 0);
		CHECK_STR_EQ(status.comm, stat.comm);
		CHECK_INT_EQ(status.pid, pid);
		CHECK_INT_EQ(status.umask, 0123);
		CHECK_INT_EQ(status.nr_groups, 3);
		CHECK(status.nr_groups == 3 && status.groups[2] == 56);
		CHECK(status.sig_ign & 1ull << (SIGUSR1 - 1));
		CHECK(status.nr_ns_pid >= 1);
		CHECK_INT_EQ(status.ns_sid, status.ns_pid[status.nr_ns_pid - 1]);
		proc_status_done(&status);
		close(dir);
	}
	kill(pid, SIGKILL);
	siginfo_t info;
	waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT);
	dir = proc_open(pid);
	CHECK_INT_EQ(proc_stat_read(dir, 0, &b, &stat), 0);
	CHECK_INT_EQ(stat.state, 'Z');
	CHECK_INT_EQ(stat.exit_code, SIGKILL);
	CHECK_INT_EQ(proc_status_read(dir, 0, &b, &status), 0);
	CHECK_INT_EQ(status.vm_size_kb, 0);
	proc_status_done(&status);
	waitpid(pid, NULL, 0);
	CHECK_INT_EQ(proc_stat_read(dir, 0, &b, &stat), -ESRCH);
	close(dir);
	CHECK_INT_EQ(proc_open(pid), -ENOENT);
	CHECK_INT_EQ(proc_open(0), -ESRCH);
	CHECK_INT_EQ(proc_open(-1), -ESRCH);
}
