// SPDX-License-Identifier: GPL-2.0-only
/* Every parser of /proc with a text it likes, for the fuzzer and for the unit tests. */
#pragma once
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "criu/kernel/inet_diag.h"
#include "criu/kernel/mqueue.h"
#include "criu/kernel/proc.h"
#include "criu/kernel/proc_igmp.h"

/* What must hold of every result, however odd the text was. */
static inline void proc_rule(int held, const char *what)
{
	if (held)
		return;
	fprintf(stderr, "broken: %s\n", what);
	abort();
}

static inline int proc_try_stat(const char *text, size_t len)
{
	struct proc_stat s;
	int r = proc_stat_parse(text, len, &s);

	if (!r)
		proc_rule(strnlen(s.comm, sizeof(s.comm)) < sizeof(s.comm), "comm ends");
	return r;
}

static inline int proc_try_status(const char *text, size_t len)
{
	struct proc_status s;
	int r = proc_status_parse(text, len, &s);

	if (r)
		return r;
	proc_rule(strnlen(s.comm, sizeof(s.comm)) < sizeof(s.comm), "comm ends");
	proc_rule(s.nr_ns_pid <= PROC_NS_PID_MAX, "levels of pid namespaces are bounded");
	proc_rule(s.nr_groups <= 65536, "groups are bounded");
	proc_status_done(&s);
	return 0;
}

static inline void proc_check_vmas(struct proc_vmas *l)
{
	size_t letters = 0;

	for (size_t i = 0; i < l->nr; i++) {
		const struct proc_vma *v = &l->v[i];

		proc_rule(v->start < v->end, "a mapping is not empty");
		proc_rule(!(v->prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC)), "prot is known");
		proc_rule(v->special <= PROC_VMA_OTHER, "special is known");
		proc_rule(v->vmflags_known || !v->vmflags, "no flags without the line");
		letters += strlen(v->path);
	}
	proc_rule(letters < 1ul << 40, "paths can be read");
	proc_vmas_find(l, 0x7f0000000000);
	proc_vmas_done(l);
}

static inline int proc_try_maps(const char *text, size_t len)
{
	struct proc_vmas l;
	int r = proc_maps_parse(text, len, &l);

	if (!r)
		proc_check_vmas(&l);
	return r;
}

static inline int proc_try_smaps(const char *text, size_t len)
{
	struct proc_vmas l;
	int r = proc_smaps_parse(text, len, &l);

	if (!r)
		proc_check_vmas(&l);
	return r;
}

static inline int proc_try_fdinfo(const char *text, size_t len)
{
	struct proc_fdinfo f;
	struct proc_epoll epoll;
	struct proc_inotify inotify;
	struct proc_fanotify fanotify;
	size_t at, nr;
	int r = proc_fdinfo_parse(text, len, &f);

	for (at = 0, nr = 0; proc_epoll_next(text, len, &at, &epoll) == 1; nr++)
		proc_rule(at <= len && epoll.tfd >= 0, "epoll: the cursor and the fd");
	proc_rule(r || nr <= f.nr_epoll, "epoll: lines are counted");
	for (at = 0, nr = 0; proc_inotify_next(text, len, &at, &inotify) == 1; nr++)
		proc_rule(at <= len && inotify.handle.bytes <= PROC_HANDLE_MAX, "inotify: handle");
	proc_rule(r || nr <= f.nr_inotify, "inotify: lines are counted");
	for (at = 0, nr = 0; proc_fanotify_next(text, len, &at, &fanotify) == 1; nr++)
		proc_rule(at <= len && fanotify.handle.bytes <= PROC_HANDLE_MAX,
			  "fanotify: handle");
	proc_rule(r || nr <= f.nr_fanotify, "fanotify: lines are counted");
	return r;
}

static inline int proc_try_locks(const char *text, size_t len)
{
	struct proc_lock lock;
	size_t at = 0, before = 0;
	int r;

	while ((r = proc_lock_next(text, len, &at, &lock)) == 1) {
		proc_rule(at > before && at <= len, "lock: the cursor moves");
		before = at;
	}
	return r;
}

static inline int proc_try_mountinfo(const char *text, size_t len)
{
	struct proc_mounts l;
	size_t letters = 0;
	int r = proc_mountinfo_parse(text, len, &l);

	if (r)
		return r;
	for (size_t i = 0; i < l.nr; i++) {
		const struct proc_mount *m = &l.v[i];

		letters += strlen(m->root) + strlen(m->mountpoint) + strlen(m->options) +
			   strlen(m->fstype) + strlen(m->source) + strlen(m->super_options);
	}
	proc_rule(letters <= len, "mountinfo: strings lie in the text");
	proc_mounts_done(&l);
	return 0;
}

static inline int proc_try_cgroup(const char *text, size_t len)
{
	struct proc_cgroups l;
	size_t letters = 0;
	int r = proc_cgroup_parse(text, len, &l);

	if (r)
		return r;
	for (size_t i = 0; i < l.nr; i++) {
		letters += strlen(l.v[i].controllers) + strlen(l.v[i].path);
		proc_rule(l.v[i].path[0] == '/', "cgroup: paths are absolute");
	}
	proc_rule(letters <= len, "cgroup: strings lie in the text");
	proc_cgroups_done(&l);
	return 0;
}

static inline int proc_try_children(const char *text, size_t len)
{
	struct proc_pids l = { 0 };
	int r = proc_children_parse(text, len, &l);

	for (size_t i = 0; i < l.nr; i++)
		proc_rule(l.v[i] > 0, "a child has a pid");
	proc_rule(!r || !l.nr, "nothing is kept of a bad text");
	proc_pids_done(&l);
	return r;
}

static inline int proc_try_limits(const char *text, size_t len)
{
	struct proc_limits l;

	return proc_limits_parse(text, len, &l);
}

static inline int proc_try_timers(const char *text, size_t len)
{
	struct proc_timers l;
	int r = proc_timers_parse(text, len, &l);

	if (r)
		return r;
	for (size_t i = 1; i < l.nr; i++)
		proc_rule(l.v[i - 1].id <= l.v[i].id, "timers are sorted");
	proc_timers_done(&l);
	return 0;
}

static inline int proc_try_igmp(const char *text, size_t len)
{
	struct proc_igmps l = { 0 };
	int r = proc_igmp_parse(text, len, &l);

	proc_igmps_done(&l);
	return r;
}

static inline int proc_try_igmp6(const char *text, size_t len)
{
	struct proc_igmps l = { 0 };
	int r = proc_igmp6_parse(text, len, &l);

	proc_igmps_done(&l);
	return r;
}

/* The text is the attributes of a message that is right so far. */
static inline int proc_try_inet_diag(const char *text, size_t len)
{
	struct inet_diag_msg m = { .idiag_family = AF_INET };
	struct nlmsghdr h = { .nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(m)) + len) };
	uint8_t *whole = malloc(h.nlmsg_len);
	struct inet_diag s;
	int r;

	memcpy(whole, &h, sizeof(h));
	memcpy(whole + NLMSG_HDRLEN, &m, sizeof(m));
	memcpy(whole + NLMSG_LENGTH(sizeof(m)), text, len);
	r = inet_diag_parse((const struct nlmsghdr *)whole, &s);
	if (r >= 0)
		proc_rule(s.nr_md5 <= INET_MD5_MAX, "there are no more keys than fit");
	free(whole);
	return r;
}

static inline int proc_try_syscall(const char *text, size_t len)
{
	struct proc_syscall s;

	return proc_syscall_parse(text, len, &s);
}

static inline int proc_try_sched(const char *text, size_t len)
{
	uint64_t ns, switches;

	return proc_sched_parse(text, len, &ns, &switches);
}

static inline int proc_try_ns(const char *text, size_t len)
{
	char link[64];
	uint64_t ino;

	if (len >= sizeof(link))
		return -1;
	memcpy(link, text, len);
	link[len] = '\0';
	return proc_ns_link_parse(link, &ino);
}

static inline int proc_try_mqueue(const char *text, size_t len)
{
	struct mqueue_status m;

	return mqueue_status_parse(text, len, &m);
}

static const struct proc_parser {
	const char *name;
	int (*fn)(const char *text, size_t len);
	const char *sample;
} proc_parsers[] = {
	{ "stat", proc_try_stat,
	  "9117 (a) (b\n\\c) R 9064 9064 4499 0 -1 4194560 103 0 0 0 0 0 0 0 20 0 1 0 216177 "
	  "2551808 305 18446744073709551615 93888755851264 93888755854189 140728659893008 0 0 0 0 "
	  "0 0 0 0 0 17 0 0 0 0 0 0 93888755862992 93888755863800 93889218629632 "
	  "140728659901063 140728659901072 140728659901072 140728659902447 0\n" },
	{ "status", proc_try_status,
	  "Name:\ta) (b\\n\\\\c\nUmask:\t0022\nState:\tR (running)\nTgid:\t9117\nNgid:\t0\n"
	  "Pid:\t9117\nPPid:\t9064\nTracerPid:\t0\nUid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n"
	  "FDSize:\t256\nGroups:\t4 24 27 \nNStgid:\t9117\nNSpid:\t9117\t5\t1\n"
	  "NSpgid:\t9064\t2\t0\nNSsid:\t4499\nKthread:\t0\nVmPeak:\t    2492 kB\n"
	  "VmSize:\t    2492 kB\nVmLck:\t       0 kB\nVmRSS:\t    1392 kB\nVmSwap:\t       0 kB\n"
	  "CoreDumping:\t0\nTHP_enabled:\t1\nuntag_mask:\t0xffffffffffffffff\nThreads:\t1\n"
	  "SigQ:\t0/96365\nSigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\n"
	  "SigBlk:\tfffffffe7ffbfeff\nSigIgn:\t0000000000000000\nSigCgt:\t0000000000000000\n"
	  "CapInh:\t0000000000000000\nCapPrm:\t000001fffeffffff\nCapEff:\t000001fffeffffff\n"
	  "CapBnd:\t000001fffeffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t0\n"
	  "Seccomp_filters:\t0\nx86_Thread_features:\tshstk wrss \nMems_allowed_list:\t0\n" },
	{ "maps", proc_try_maps,
	  "55642df0d000-55642df0e000 r--p 00000000 fe:00 10953075                   /tmp/fdi\n"
	  "55642df0e000-55642df0f000 r-xp 00001000 fe:00 10953075                   /tmp/fdi\n"
	  "556449865000-556449886000 rw-p 00000000 00:00 0                          [heap]\n"
	  "7f95da900000-7f95da903000 rw-p 00000000 00:00 0 \n"
	  "7f95da903000-7f95da904000 rw-p 00000000 00:00 0                [anon:my name]\n"
	  "7f95daaed000-7f95daaee000 r--s 00000000 00:01 5        /memfd:a b (deleted)\n"
	  "7f95daaee000-7f95daaef000 r--s 00000000 00:01 4        /dev/zero (deleted)\n"
	  "7f95daaef000-7f95daaf0000 r--s 00000000 fe:00 1095294  /tmp/with nl\\012x\\y\n"
	  "7ffdf1c67000-7ffdf1c88000 rw-p 00000000 00:00 0                          [stack]\n"
	  "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]\n" },
	{ "smaps", proc_try_smaps,
	  "5631345a1000-5631345a3000 r--p 00000000 fe:00 247498             /usr/bin/head\n"
	  "Size:                  8 kB\nKernelPageSize:        4 kB\nMMUPageSize:           4 kB\n"
	  "Rss:                   8 kB\nPss:                   8 kB\nPss_Dirty:             0 kB\n"
	  "Shared_Clean:          0 kB\nAnonymous:             4 kB\nAnonHugePages:         0 kB\n"
	  "Shared_Hugetlb:        0 kB\nPrivate_Hugetlb:       0 kB\nSwap:                  0 kB\n"
	  "SwapPss:               0 kB\nLocked:                0 kB\nTHPeligible:           0\n"
	  "ProtectionKey:         3\nVmFlags: rd mr mw me sd ?? zz \n"
	  "5631345a3000-5631345a9000 r-xp 00002000 fe:00 247498             /usr/bin/head\n"
	  "Rss:                  24 kB\nVmFlags: rd ex mr mw me \n" },
	{ "fdinfo", proc_try_fdinfo,
	  "pos:\t0\nflags:\t02\nmnt_id:\t17\nino:\t1039\neventfd-count:      10000000000\n"
	  "eventfd-id: 1\neventfd-semaphore: 1\nclockid: 1\nticks: 1\nsettime flags: 01\n"
	  "it_value: (7, 999999999)\nit_interval: (1, 5)\nsigmask:\tfffffffe7ffbfeff\n"
	  "Pid:\t9117\nNSpid:\t9117\t4\nscm_fds: 0\n"
	  "pending:\t1\ntotal:\t2\nAPI:\taa:80000421:80000000000001ff\n"
	  "map_type:\t1\nmemlock:\t4096\nmap_id:\t77\nfrozen:\t1\n"
	  "inotify wd:3 ino:1 sdev:15 mask:fff ignored_mask:0 fhandle-bytes:c fhandle-type:81 "
	  "f_handle:010000000000000000000000\n"
	  "inotify wd:2 ino:35d sdev:fe00000 mask:fff ignored_mask:0 \n"
	  "fanotify flags:0 event-flags:8000\n"
	  "fanotify sdev:1b mflags:0 mask:20 ignored_mask:0 \n"
	  "fanotify ino:35d sdev:fe00000 mflags:0 mask:20 ignored_mask:8 fhandle-bytes:8 "
	  "fhandle-type:1 f_handle:5d03000000000000\n"
	  "fanotify mnt_id:1b mflags:0 mask:20 ignored_mask:0\n"
	  "tfd:        4 events: 80000019 data: deadbeef12345678  pos:0 ino:40f sdev:10\n"
	  "tfd:        3 events:       19 data:                0 \n"
	  "lock:\t1: POSIX  ADVISORY  WRITE 9117 fe:00:10952943 5 14\n" },
	{ "mqueue", proc_try_mqueue,
	  "QSIZE:12         NOTIFY:0     SIGNO:10    NOTIFY_PID:4711  \n" },
	{ "locks", proc_try_locks,
	  "lock:\t1: FLOCK  ADVISORY  WRITE 9117 fe:00:10952939 0 EOF\n"
	  "lock:\t2: OFDLCK ADVISORY  READ -1 fe:00:10952943 100 EOF\n"
	  "1: LEASE  ACTIVE    READ 9117 fe:00:10952944 0 EOF\n"
	  "2: LEASE  BREAKING  UNLCK 9117 fe:00:10952944 0 EOF\n"
	  "2: -> LEASE  BREAKER   WRITE 9118 fe:00:10952944 0 EOF\n"
	  "3: POSIX  *NOINODE* WRITE 9117 <none>:0 5 14\n" },
	{ "mountinfo", proc_try_mountinfo,
	  "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
	  "27 1 254:0 / / rw,relatime shared:1 master:2 propagate_from:3 - ext4 /dev/vda rw\n"
	  "28 27 0:25 /a\\040b /mnt/with\\011tab\\012nl\\134 ro unbindable - tmpfs  ro,size=4k\n"
	  "42 27 0:4 net:[4026531833] /run/ns rw - nsfs nsfs rw\n" },
	{ "cgroup", proc_try_cgroup,
	  "9:name=systemd:/\n4:cpu,cpuacct:/a:b/c (deleted)\n1:cpu:/../x\n0::/\n" },
	{ "children", proc_try_children, "12 345 6789 " },
	{ "limits", proc_try_limits,
	  "Limit                     Soft Limit           Hard Limit           Units     \n"
	  "Max cpu time              unlimited            unlimited            seconds   \n"
	  "Max file size             unlimited            unlimited            bytes     \n"
	  "Max data size             unlimited            unlimited            bytes     \n"
	  "Max stack size            8388608              unlimited            bytes     \n"
	  "Max core file size        0                    unlimited            bytes     \n"
	  "Max resident set          unlimited            unlimited            bytes     \n"
	  "Max processes             96365                96365                processes \n"
	  "Max open files            20000                20001                files     \n"
	  "Max locked memory         8388608              8388608              bytes     \n"
	  "Max address space         unlimited            unlimited            bytes     \n"
	  "Max file locks            unlimited            unlimited            locks     \n"
	  "Max pending signals       96365                96365                signals   \n"
	  "Max msgqueue size         819200               819200               bytes     \n"
	  "Max nice priority         0                    1                    \n"
	  "Max realtime priority     0                    2                    \n"
	  "Max realtime timeout      unlimited            18446744073709551614 us        \n" },
	{ "timers", proc_try_timers,
	  "ID: 3\nsignal: 10/0000000000001234\nnotify: signal/pid.100\nClockID: 0\n"
	  "ID: 1\nsignal: 34/00007f1234567890\nnotify: signal/tid.101\nClockID: 1\n"
	  "ID: 2\nsignal: 0/0000000000000000\nnotify: none/pid.100\nClockID: -6\n"
	  "ID: 0\nsignal: 0/0000000000000000\nnotify: thread/pid.100\nClockID: 7\n" },
	{ "igmp", proc_try_igmp,
	  "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n"
	  "4\teth0      :     2      V3\n"
	  "\t\t\t\tFB0000E0     1 0:00000000\t\t0\n" },
	{ "igmp6", proc_try_igmp6,
	  "2    ifb0            ff15000000000000000000000077abcd     1 00000008 0\n" },
	{ "inet_diag", proc_try_inet_diag, "" },
	{ "syscall", proc_try_syscall,
	  "0 0x3 0x7f8300d52000 0x20000 0x7f8300de3b60 0xffffffff 0x0 0x7ffe8400ab58 "
	  "0x7f8300ecc2ad\n" },
	{ "sched", proc_try_sched,
	  "cat (5169, #threads: 1)\n"
	  "-------------------------------------------------------------------\n"
	  "se.exec_start                                :        952792.020101\n"
	  "se.vruntime                                  :           237.478630\n"
	  "nr_switches                                  :                    7\n"
	  "nr_voluntary_switches                        :                    4\n" },
	{ "ns", proc_try_ns, "net:[4026531833]" },
};

#define PROC_PARSERS_NR (sizeof(proc_parsers) / sizeof(proc_parsers[0]))
