// SPDX-License-Identifier: GPL-2.0-only
/* The table is whole, each probe answers, and leaves nothing behind. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/kernel/feature.h"
#include "criu/kernel/proc.h"
#include "test/unit/test.h"

/* The names that callers of CRIU know. */
static const char *const names[] = {
	"mnt_id",
	"mem_dirty_track",
	"aio_remap",
	"timerfd",
	"tun",
	"tun_ns",
	"userns",
	"fdinfo_lock",
	"seccomp_suspend",
	"seccomp_filters",
	"loginuid",
	"cgroupns",
	"autofs",
	"tcp_half_closed",
	"compat_cr",
	"uffd",
	"uffd-noncoop",
	"can_map_vdso",
	"sk_ns",
	"sk_unix_file",
	"net_diag_raw",
	"nsid",
	"link_nsid",
	"kcmp_epoll",
	"timens",
	"external_net_ns",
	"clone3_set_tid",
	"newifindex",
	"nftables",
	"has_ipt_legacy",
	"pidfd_store",
	"ns_pid",
	"apparmor_stacking",
	"network_lock_nftables",
	"sockopt_buf_lock",
	"memfd_hugetlb",
	"move_mount_set_group",
	"openat2",
	"get_rseq_conf",
	"ipv6_freebind",
	"pagemap_scan",
	"timer_cr_ids",
	"overlayfs_maps",
	"breakpoints",
	"pagemap_scan_guard_pages",
	"numa_policy",
	"sched_deadline",
	"sched_slice",
	"sched_util_clamp",
	"mdwe",
	"memory_merge",
	"io_flusher",
	"speculation",
	"cpuid_fault",
	"sched_core",
	"user_dispatch",
	"autogroup",
	"pidfd_thread",
	"vsock",
	"mptcp",
};

TEST(kernel_feature_table_is_whole)
{
	CHECK_INT_EQ(FEATURE_NR, sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int f = feature_by_name(names[i]);

		test_note("%s", names[i]);
		if (!CHECK(f >= 0))
			continue;
		CHECK_STR_EQ(feature_info((enum feature)f)->name, names[i]);
		CHECK(feature_info((enum feature)f)->probe);
		CHECK(strlen(feature_info((enum feature)f)->what) > 4);
		CHECK(strlen(feature_info((enum feature)f)->hint) > 4);
	}
	test_note(NULL);
	CHECK_INT_EQ(feature_by_name("uffd_noncoop"), -ENOENT);
	CHECK_INT_EQ(feature_by_name(""), -ENOENT);
}

struct traces {
	struct proc_fds fds;
	struct proc_vmas vmas;
	struct proc_ns ns;
	struct proc_mounts mounts;
};

static void traces_read(int dir, struct traces *t)
{
	cleanup_proc_buf struct proc_buf b = { 0 };

	CHECK_INT_EQ(proc_fds_read(dir, 0, &t->fds), 0);
	CHECK_INT_EQ(proc_maps_read(dir, &b, &t->vmas), 0);
	CHECK_INT_EQ(proc_ns_read(dir, 0, &t->ns), 0);
	CHECK_INT_EQ(proc_mountinfo_read(dir, &b, &t->mounts), 0);
}

static void traces_done(struct traces *t)
{
	proc_fds_done(&t->fds);
	proc_vmas_done(&t->vmas);
	proc_mounts_done(&t->mounts);
}

TEST(kernel_feature_probes_leave_nothing)
{
	int dir = proc_open(getpid());

	for (int f = 0; f < FEATURE_NR; f++) {
		const struct feature_info *i = feature_info((enum feature)f);
		struct traces before = { 0 }, after = { 0 };
		int r;

		test_note("%s", i->name);
		i->probe(); /* what libc keeps from a first call is no trace */
		traces_read(dir, &before);
		r = i->probe();
		traces_read(dir, &after);
		CHECK(r <= 1 && r > -134);
		CHECK_INT_EQ(before.fds.nr, after.fds.nr);
#ifndef __SANITIZE_ADDRESS__ /* whose own memory comes and goes */
		CHECK_INT_EQ(before.vmas.nr, after.vmas.nr);
#endif
		CHECK_INT_EQ(before.mounts.nr, after.mounts.nr);
		CHECK(!memcmp(&before.ns, &after.ns, sizeof(before.ns)));
		CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1 && errno == ECHILD);
		traces_done(&before);
		traces_done(&after);
	}
	close(dir);
}

TEST(kernel_feature_answers_are_kept)
{
	int first = feature_has(FEATURE_KCMP_EPOLL);

	CHECK_INT_EQ(feature_has(FEATURE_KCMP_EPOLL), first);
	feature_forget();
	CHECK_INT_EQ(feature_has(FEATURE_KCMP_EPOLL), first);
}

/* As root on a kernel of the last years these have to be there. */
TEST(kernel_feature_core_is_there)
{
	if (geteuid())
		test_skip("root");
	for (int f = 0; f < FEATURE_NR; f++) {
		const struct feature_info *i = feature_info((enum feature)f);

		test_note("%s", i->name);
		if (i->kind == FEATURE_CORE)
			CHECK_INT_EQ(feature_has((enum feature)f), 1);
	}
}

/* Somebody who may do nothing gets an answer, too. */
TEST(kernel_feature_probes_without_rights)
{
	if (geteuid())
		test_skip("root");
	if (!CHECK(setresgid(65534, 65534, 65534) == 0 && setresuid(65534, 65534, 65534) == 0))
		return;
	for (int f = 0; f < FEATURE_NR; f++) {
		const struct feature_info *i = feature_info((enum feature)f);
		int r = i->probe();

		test_note("%s", i->name);
		CHECK(r == 1 || r == 0 || r == -EPERM || r == -EACCES);
	}
}
