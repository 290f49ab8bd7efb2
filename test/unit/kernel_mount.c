// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/mountinfo and cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "criu/kernel/proc.h"
#include "test/unit/test.h"

static int mounts_of(const char *text, struct proc_mounts *ret)
{
	return proc_mountinfo_parse(text, strlen(text), ret);
}

TEST(kernel_mountinfo_parses)
{
	struct proc_mounts l;

	if (!CHECK_INT_EQ(
		mounts_of("27 1 254:16 / / rw,relatime shared:1 master:2 propagate_from:3 "
			  "new_tag:4 - ext4 /dev/vda rw,discard\n"
			  "28 27 0:25 /a\\040b /x\\011\\012\\134y ro unbindable - tmpfs  ro,a b\n"
			  "42 27 0:4 net:[4026531833] /run/\\043\\04 rw - nsfs.x nsfs rw",
			  &l),
		0))
		return;
	if (CHECK_INT_EQ(l.nr, 3)) {
		const struct proc_mount *m = l.v;

		CHECK(m[0].id == 27 && m[0].parent == 1);
		CHECK(m[0].dev_major == 254 && m[0].dev_minor == 16);
		CHECK(m[0].shared == 1 && m[0].master == 2 && m[0].propagate_from == 3);
		CHECK(!m[0].unbindable && m[1].unbindable && !m[1].shared);
		CHECK_STR_EQ(m[0].root, "/");
		CHECK_STR_EQ(m[0].options, "rw,relatime");
		CHECK_STR_EQ(m[0].fstype, "ext4");
		CHECK_STR_EQ(m[0].source, "/dev/vda");
		CHECK_STR_EQ(m[0].super_options, "rw,discard");
		CHECK_STR_EQ(m[1].root, "/a b");
		CHECK_STR_EQ(m[1].mountpoint, "/x\t\n\\y");
		CHECK_STR_EQ(m[1].source, "");
		CHECK_STR_EQ(m[1].super_options, "ro,a b");
		CHECK_STR_EQ(m[2].root, "net:[4026531833]");
		CHECK_STR_EQ(m[2].mountpoint, "/run/#\\04");
	}
	proc_mounts_done(&l);
}

TEST(kernel_mountinfo_refuses)
{
	static const char *const bad[] = {
		"\n",
		"27\n",
		"27 1 254 / / rw - ext4 s rw\n",
		"27 1 254:0 / / rw ext4 s rw\n",
		"27 1 254:0 / / rw - ext4 rw\n",
		"27 1 254:0 / / rw shared:x - ext4 s rw\n",
		"27 1 254:0 / / rw master:99999999999 - ext4 s rw\n",
		"99999999999 1 254:0 / / rw - ext4 s rw\n",
		"27 1 254:0 / / rw  - ext4 s rw\n",
		"27 1 254:0 / / rw - ext4 s rw\n\n",
	};
	struct proc_mounts l = { .nr = 77 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		test_note("%s", bad[i]);
		CHECK_INT_EQ(mounts_of(bad[i], &l), -EINVAL);
	}
	CHECK_INT_EQ(l.nr, 77);
	CHECK_INT_EQ(mounts_of("", &l), 0);
	CHECK_INT_EQ(l.nr, 0);
	proc_mounts_done(&l);
}

TEST(kernel_mountinfo_of_own_mounts)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_mounts l = { 0 };
	const struct proc_mount *found = NULL;
	struct stat st;
	char path[128];
	int dir = proc_open(getpid());

	if (unshare(CLONE_NEWNS) < 0)
		test_skip("mount namespaces");
	strcat(strcpy(path, test_dir()), "/a b\n\\c\t#");
	CHECK(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	CHECK(mkdir(path, 0700) == 0);
	CHECK(mount("the source", path, "tmpfs", MS_NOEXEC, "size=4k") == 0);
	CHECK(mount(NULL, path, NULL, MS_SHARED, NULL) == 0);
	CHECK(stat(path, &st) == 0);
	CHECK_INT_EQ(proc_mountinfo_read(dir, &b, &l), 0);
	for (size_t i = 0; i < l.nr; i++)
		if (!strcmp(l.v[i].mountpoint, path))
			found = &l.v[i];
	if (CHECK(found)) {
		CHECK_STR_EQ(found->source, "the source");
		CHECK_STR_EQ(found->fstype, "tmpfs");
		CHECK_STR_HAS(found->options, "noexec");
		CHECK_STR_HAS(found->super_options, "size=4k");
		CHECK(found->shared > 0 && !found->master);
	}
	proc_mounts_done(&l);
	umount2(path, MNT_DETACH);
	close(dir);
}

static int cgroups_of(const char *text, struct proc_cgroups *ret)
{
	return proc_cgroup_parse(text, strlen(text), ret);
}

TEST(kernel_cgroup_parses)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct proc_cgroups l;
	int dir;

	if (CHECK_INT_EQ(cgroups_of("9:name=systemd:/\n4:cpu,cpuacct:/a:b/c (deleted)\n0::/", &l),
			 0)) {
		CHECK_INT_EQ(l.nr, 3);
		CHECK_INT_EQ(l.v[0].hierarchy, 9);
		CHECK_STR_EQ(l.v[0].controllers, "name=systemd");
		CHECK_STR_EQ(l.v[0].path, "/");
		CHECK_STR_EQ(l.v[1].controllers, "cpu,cpuacct");
		CHECK_STR_EQ(l.v[1].path, "/a:b/c");
		CHECK(l.v[1].deleted && !l.v[0].deleted);
		CHECK_INT_EQ(l.v[2].hierarchy, 0);
		CHECK_STR_EQ(l.v[2].controllers, "");
		CHECK_STR_EQ(l.v[2].path, "/");
		proc_cgroups_done(&l);
	}
	CHECK_INT_EQ(cgroups_of("9:x\n", &l), -EINVAL);
	CHECK_INT_EQ(cgroups_of("9:x:\n", &l), -EINVAL);
	CHECK_INT_EQ(cgroups_of("9:x:y\n", &l), -EINVAL);
	CHECK_INT_EQ(cgroups_of(":x:/\n", &l), -EINVAL);
	CHECK_INT_EQ(cgroups_of("\n", &l), -EINVAL);
	dir = proc_open(getpid());
	CHECK_INT_EQ(proc_cgroup_read(dir, getpid(), &b, &l), 0);
	CHECK(l.nr > 0);
	proc_cgroups_done(&l);
	close(dir);
}
