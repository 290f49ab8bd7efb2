// SPDX-License-Identifier: GPL-2.0-only
/*
 * Extended attributes of a deleted file, a removed directory and a memfd, of all classes, access
 * control lists too; one that has none does not get those of its directory.
 */
#include "zdtmtst.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static char *dirname;
TEST_OPTION(dirname, string, "directory for what is deleted", true);

#define ACL     "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

/* acl(5), linux/posix_acl_xattr.h: user::rw- user:1234:r-x group::r-- mask::r-x other::--- */
static const struct {
	uint32_t version;
	struct {
		uint16_t tag, perm;
		uint32_t id;
	} e[5];
} acl = { 2, { { 1, 6, ~0u }, { 2, 5, 1234 }, { 4, 4, ~0u }, { 16, 5, ~0u }, { 32, 0, ~0u } } };

/* vfs_cap_data of revision 2: CAP_NET_RAW */
static const uint32_t capability[] = { 0x02000001, 1 << 13, 0, 0, 0 };

static char large[3000];

static const struct attribute {
	const char *name;
	const void *value;
	size_t len;
} of_file[] = {
	{ "user.note", "of the user", 11 },
	{ "user.empty", "", 0 },
	{ "user.large", large, sizeof(large) },
	{ "trusted.note", "of root", 7 },
	{ "security.capability", capability, sizeof(capability) },
	{ ACL, &acl, sizeof(acl) },
}, of_dir[] = {
	{ "user.note", "of the directory", 16 },
	{ DEFAULT, &acl, sizeof(acl) },
}, of_memfd[] = {
	{ "trusted.note", "of the memfd", 12 },
	{ "security.note", "also", 4 },
};

static void set(int fd, const struct attribute *a, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		must(fsetxattr(fd, a[i].name, a[i].value, a[i].len, 0));
}

static void check(int fd, const struct attribute *a, size_t nr, const char *what)
{
	char names[4096], value[sizeof(large) + 1];
	ssize_t size = must(flistxattr(fd, names, sizeof(names)));
	size_t found = 0;

	for (ssize_t i = 0; i < size; i++)
		found += !names[i];
	if (found != nr)
		fail("%s: %zu attributes instead of %zu, the first is %s", what, found, nr,
		     found ? names : "none");
	for (size_t i = 0; i < nr; i++) {
		ssize_t len = fgetxattr(fd, a[i].name, value, sizeof(value));

		if (len != (ssize_t)a[i].len || memcmp(value, a[i].value, a[i].len))
			fail("%s: %s has %zd bytes", what, a[i].name, len);
	}
}

static void check_mode(int fd, mode_t mode, const char *what)
{
	struct stat st;

	must(fstat(fd, &st));
	if ((st.st_mode & 07777) != mode)
		fail("%s: mode %o instead of %o", what, st.st_mode & 07777, mode);
}

int main(int argc, char **argv)
{
	int dir, file, bare, gone, mem;

	test_init(argc, argv);
	datagen(large, sizeof(large), 5);
	must(mkdir(dirname, 0755));
	dir = (int)must(open(dirname, O_RDONLY | O_DIRECTORY));
	file = (int)must(openat(dir, "file", O_RDWR | O_CREAT, 0600));
	must(fchown(file, 12, 34));
	set(file, of_file, ARRAY_SIZE(of_file));
	bare = (int)must(openat(dir, "bare", O_RDWR | O_CREAT, 0664));
	must(fchmod(bare, 0664));
	must(mkdirat(dir, "gone", 0750));
	gone = (int)must(openat(dir, "gone", O_RDONLY | O_DIRECTORY));
	set(gone, of_dir, ARRAY_SIZE(of_dir));
	mem = (int)must(memfd_create("ghost05", 0));
	set(mem, of_memfd, ARRAY_SIZE(of_memfd));
	/* Whatever is made there from now on has it. */
	must(fsetxattr(dir, DEFAULT, &acl, sizeof(acl), 0));
	must(unlinkat(dir, "file", 0));
	must(unlinkat(dir, "bare", 0));
	must(unlinkat(dir, "gone", AT_REMOVEDIR));
	test_daemon();
	test_waitsig();

	check(file, of_file, ARRAY_SIZE(of_file), "the file");
	check_mode(file, 0650, "the file");
	check(bare, NULL, 0, "the bare file");
	check_mode(bare, 0664, "the bare file");
	check(gone, of_dir, ARRAY_SIZE(of_dir), "the directory");
	check_mode(gone, 0750, "the directory");
	check(mem, of_memfd, ARRAY_SIZE(of_memfd), "the memfd");
	return pass();
}
