// SPDX-License-Identifier: GPL-2.0-only
/* criu/image/dir.c: the states of a directory, and a writer that dies between any two of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"
#include "images/fs.pb-c.h"
#include "images/inventory.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "test/unit/test.h"

#define DIED 99 /* exit status of a writer that was stopped */

/*
 * The C library's renameat and unlinkat, for all of this program: a test sets how many of them
 * its process may call, at the next one it is gone.
 */
static int calls_left = -1, calls_made;

static void count_call(void)
{
	calls_made++;
	if (calls_left >= 0 && calls_left-- == 0)
		_exit(DIED);
}

int renameat(int olddir, const char *old, int newdir, const char *new)
{
	count_call();
	return (int)syscall(SYS_renameat2, olddir, old, newdir, new, 0);
}

int unlinkat(int dirfd, const char *path, int flags)
{
	count_call();
	return (int)syscall(SYS_unlinkat, dirfd, path, flags);
}

/* --- helpers ------------------------------------------------------------------------------- */

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	return path;
}

static void touch(const char *name)
{
	FILE *f = fopen(path_of(name), "we");

	CHECK(f && fputs("x", f) >= 0 && fclose(f) == 0);
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(path_of(name), &st) == 0;
}

static int name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in the directory, sorted, with a blank between them. */
static const char *list(void)
{
	static char text[4096];
	char *names[64];
	unsigned int nr = 0;
	struct dirent *e;
	DIR *dp = opendir(test_dir());

	while (dp && nr < 64 && (e = readdir(dp)))
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			names[nr++] = strdup(e->d_name);
	if (dp)
		closedir(dp);
	qsort(names, nr, sizeof(names[0]), name_cmp);
	text[0] = '\0';
	for (unsigned int i = 0; i < nr; i++) {
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "",
			 names[i]);
		free(names[i]);
	}
	return text;
}

static struct image_dir *create(void)
{
	struct image_dir *d = NULL;

	if (!CHECK_INT_EQ(image_dir_create(test_dir(), &d), 0))
		CHECK_STR_EQ(error_text(), "");
	return d;
}

static void put_fs(struct image_dir *d, uint32_t pid, uint32_t umask_)
{
	FsEntry e = FS_ENTRY__INIT;

	e.has_umask = 1;
	e.umask = umask_;
	if (!CHECK_INT_EQ(image_put(d, IMAGE_FS, pid, &e.base), 0))
		CHECK_STR_EQ(error_text(), "");
}

static void put_inventory(struct image_dir *d)
{
	InventoryEntry e = INVENTORY_ENTRY__INIT;

	e.img_version = IMAGE_VERSION;
	CHECK_INT_EQ(image_put(d, IMAGE_INVENTORY, 0, &e.base), 0);
}

/* A dump of the processes 1 (in every dump) and pid; the umask tells one dump from another. */
static void dump(uint32_t pid, uint32_t umask_)
{
	struct image_dir *d = create();

	put_fs(d, 1, umask_);
	put_fs(d, pid, umask_);
	put_inventory(d);
	CHECK_INT_EQ(image_dir_commit(d), 0);
	image_dir_free(d);
}

static int umask_of(const struct image_dir *d, uint32_t pid)
{
	ProtobufCMessage *m = NULL;
	int value;

	if (image_get(d, IMAGE_FS, pid, &m) < 0)
		return -1;
	value = (int)((FsEntry *)m)->umask;
	protobuf_c_message_free_unpacked(m, NULL);
	return value;
}

/* Which dump is in the directory: its umask, or 0 if it cannot be opened; it must be whole. */
static int dump_found(void)
{
	struct image_dir *d = NULL;
	int value;

	if (image_dir_open(test_dir(), &d) < 0) {
		error_reset();
		return 0;
	}
	value = umask_of(d, 1);
	CHECK(value == 22 || value == 33);
	if (!CHECK_INT_EQ(umask_of(d, value == 22 ? 2 : 3), value))
		printf("  in %s\n", list());
	CHECK(!exists(value == 22 ? "fs-3.img" : "fs-2.img"));
	image_dir_free(d);
	return value;
}

/* --- states -------------------------------------------------------------------------------- */

TEST(dir_without_a_dump_says_what_it_is)
{
	struct image_dir *d = NULL;

	CHECK(image_dir_open(test_dir(), &d) < 0);
	CHECK_ERROR("not a dump: the directory is empty");
	touch("letter.txt");
	CHECK(image_dir_open(test_dir(), &d) < 0);
	CHECK_ERROR("not a dump: it has no inventory.img");
	touch("core-1.img");
	CHECK(image_dir_open(test_dir(), &d) < 0);
	CHECK_ERROR("an unfinished dump: it has images, but no inventory.img");
	CHECK(image_dir_open(path_of("nowhere"), &d) < 0);
	CHECK_ERROR("nowhere: No such file or directory");
	CHECK(image_dir_create(path_of("nowhere"), &d) < 0);
	CHECK_ERROR("nowhere: No such file or directory");
	CHECK(image_dir_open(path_of("letter.txt"), &d) < 0);
	CHECK_ERROR("letter.txt: Not a directory");
	CHECK(!d);
}

TEST(dir_is_a_dump_from_the_commit_on)
{
	struct image_dir *d = create(), *r = NULL;

	put_fs(d, 1, 22);
	put_inventory(d);
	CHECK(!exists("inventory.img"));
	CHECK(image_dir_open(test_dir(), &r) < 0);
	CHECK_ERROR("the dump in it is still being written");
	CHECK_INT_EQ(image_dir_commit(d), 0);
	CHECK_STR_EQ(list(), "fs-1.img inventory.img");
	image_dir_free(d);
	CHECK_INT_EQ(image_dir_open(test_dir(), &r), 0);
	CHECK_INT_EQ(umask_of(r, 1), 22);
	CHECK_STR_EQ(image_dir_path(r), test_dir());
	image_dir_free(r);
}

TEST(dir_needs_an_inventory_to_commit)
{
	struct image_dir *d = create();

	put_fs(d, 1, 22);
	CHECK(image_dir_commit(d) < 0);
	CHECK_ERROR("inventory");
	image_dir_free(d);
	dump(2, 22);
	d = create();
	put_fs(d, 3, 33);
	CHECK(image_dir_commit(d) < 0);
	CHECK_ERROR("inventory");
	image_dir_free(d);
	CHECK_STR_EQ(list(), "fs-1.img fs-2.img inventory.img");
}

TEST(dir_given_up_is_as_it_was)
{
	struct image_dir *d;

	touch("dump.log");
	d = create();
	put_fs(d, 1, 22);
	CHECK_INT_EQ(image_dir_set_parent(d, "../before"), 0);
	put_inventory(d);
	image_dir_free(d);
	CHECK_STR_EQ(list(), "dump.log");
	dump(2, 22);
	d = create();
	put_fs(d, 3, 33);
	CHECK(exists(".crtool-new/fs-3.img"));
	CHECK_INT_EQ(image_dir_set_parent(d, "../before"), 0);
	put_inventory(d);
	image_dir_free(d);
	CHECK_STR_EQ(list(), "dump.log fs-1.img fs-2.img inventory.img");
	CHECK_INT_EQ(dump_found(), 22);
	CHECK(!error_is_set());
}

TEST(dir_cleans_an_unfinished_dump)
{
	struct image_dir *d;

	touch("core-77.img");
	touch("pages-1.img");
	touch("dump.log");
	touch("stats-dump");
	touch(".crtool-inventory");
	CHECK(symlink("../before", path_of("parent")) == 0);
	d = create();
	CHECK_STR_EQ(list(), "dump.log stats-dump");
	image_dir_free(d);
}

TEST(dir_keeps_what_only_looks_like_ours)
{
	struct image_dir *d;

	CHECK(mkdir(path_of("parent"), 0700) == 0);
	touch("core-x.img");
	touch("inventory.img.bak");
	d = create();
	put_fs(d, 1, 22);
	image_dir_free(d);
	CHECK_STR_EQ(list(), "core-x.img inventory.img.bak parent");
}

TEST(dir_with_a_directory_for_an_image)
{
	struct image_dir *d = NULL;

	CHECK(mkdir(path_of("core-1.img"), 0700) == 0);
	CHECK(image_dir_create(test_dir(), &d) < 0);
	CHECK_ERROR("remove an unfinished dump: Is a directory");
	CHECK(exists("core-1.img"));
}

TEST(dir_replaces_a_dump_as_a_whole)
{
	struct stat st;

	touch("dump.log");
	dump(2, 22);
	CHECK_STR_EQ(list(), "dump.log fs-1.img fs-2.img inventory.img");
	dump(3, 33);
	CHECK_STR_EQ(list(), "dump.log fs-1.img fs-3.img inventory.img");
	CHECK_INT_EQ(dump_found(), 33);
	CHECK(stat(path_of("fs-3.img"), &st) == 0);
	CHECK_INT_EQ(st.st_mode & 07777, 0600);
}

TEST(dir_staging_is_private)
{
	struct image_dir *d;
	struct stat st;

	umask(0);
	dump(2, 22);
	d = create();
	CHECK(stat(path_of(".crtool-new"), &st) == 0);
	CHECK_INT_EQ(st.st_mode & 07777, 0700);
	CHECK_INT_EQ(dump_found(), 22);
	image_dir_free(d);
}

TEST(dir_removes_a_stale_staging)
{
	struct image_dir *d;

	dump(2, 22);
	CHECK(mkdir(path_of(".crtool-new"), 0700) == 0);
	touch(".crtool-new/core-1.img");
	touch(".crtool-new/whatever");
	d = create();
	CHECK(exists(".crtool-new"));
	CHECK(!exists(".crtool-new/core-1.img"));
	image_dir_free(d);
	CHECK_STR_EQ(list(), "fs-1.img fs-2.img inventory.img");
}

/* --- a writer that dies -------------------------------------------------------------------- */

/* Runs fn in a process that may call renameat and unlinkat so often; true if it died of it. */
static bool die_after(int calls, void (*fn)(void))
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		calls_left = calls;
		fn();
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status) == DIED;
}

static void dump_second(void)
{
	dump(3, 33);
}

static void open_any(void)
{
	dump_found();
}

static void empty_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s/* %s/.crtool*", test_dir(), test_dir());
	CHECK(system(command) == 0);
}

/* Also to a tool that knows nothing of .crtool-commit, an inventory means a whole dump. */
static void check_inventory(void)
{
	if (!exists("inventory.img"))
		return;
	CHECK(exists("fs-1.img"));
	if (!CHECK(exists("fs-2.img") != exists("fs-3.img")))
		printf("  in %s\n", list());
}

TEST(dir_survives_a_writer_that_dies)
{
	int old = 0, new = 0, first = 0;
	bool died = true;

	for (int calls = 0; died; calls++) {
		test_note("after %d calls", calls);
		empty_dir();
		dump(2, 22);
		died = die_after(calls, dump_second);
		check_inventory();
		first = dump_found();
		CHECK(first == 22 || first == 33);
		old += first == 22;
		new += first == 33;
		CHECK(first == 22 || !exists(".crtool-commit"));
		/* The next writer comes along in any case. */
		dump(3, 33);
		CHECK_INT_EQ(dump_found(), 33);
		CHECK_STR_EQ(list(), "fs-1.img fs-3.img inventory.img");
	}
	test_note(NULL);
	CHECK_INT_EQ(first, 33);
	CHECK(old > 0 && new > 5);
}

TEST(dir_survives_a_reader_that_dies_while_it_finishes)
{
	bool died = true;

	/* The commit itself is the first rename: die at once after it. */
	for (int calls = 0; died; calls++) {
		test_note("after %d calls", calls);
		empty_dir();
		dump(2, 22);
		CHECK(die_after(1, dump_second));
		CHECK(exists(".crtool-commit"));
		died = die_after(calls, open_any);
		check_inventory();
		CHECK_INT_EQ(dump_found(), 33);
		CHECK_STR_EQ(list(), "fs-1.img fs-3.img inventory.img");
	}
}

/* A dump of the process 4, without an inventory yet, that has another one inside, ahead of it, on
 * top of `prev`. */
static struct image_dir *begin_with_ahead(void)
{
	struct image_dir *d = create(), *ahead = NULL;

	CHECK_INT_EQ(image_dir_set_parent(d, "../prev"), 0);
	if (CHECK_INT_EQ(image_dir_create_ahead(d, &ahead), 1)) {
		put_fs(ahead, 5, 55);
		put_inventory(ahead);
		CHECK_INT_EQ(image_dir_commit(ahead), 0);
		image_dir_free(ahead);
	}
	put_fs(d, 4, 44);
	return d;
}

static void dump_with_ahead(void)
{
	struct image_dir *d = begin_with_ahead();

	put_inventory(d);
	CHECK_INT_EQ(image_dir_commit(d), 0);
	image_dir_free(d);
}

static const char *link_of(const char *name)
{
	static char target[256];
	ssize_t n = readlink(path_of(name), target, sizeof(target) - 1);

	target[n < 0 ? 0 : n] = '\0';
	return target;
}

TEST(dir_ahead_is_between)
{
	for (unsigned int i = 0; i < 2; i++) { /* the second time it replaces one like it */
		struct image_dir *d = NULL, *ahead = NULL;

		dump_with_ahead();
		CHECK_STR_EQ(list(), "ahead fs-4.img inventory.img parent");
		CHECK_STR_EQ(link_of("parent"), "ahead");
		CHECK_STR_EQ(link_of("ahead/parent"), "../../prev");
		CHECK_INT_EQ(image_dir_open(test_dir(), &d), 0);
		CHECK_INT_EQ(image_dir_open_parent(d, &ahead), 1);
		CHECK_INT_EQ(umask_of(ahead, 5), 55);
		image_dir_free(ahead);
		image_dir_free(d);
	}
	dump(2, 22);
	CHECK_STR_EQ(list(), "fs-1.img fs-2.img inventory.img");
	CHECK(!error_is_set());
}

TEST(dir_ahead_keeps_a_whole_path)
{
	struct image_dir *d = create(), *ahead = NULL;

	CHECK_INT_EQ(image_dir_set_parent(d, "/nowhere/prev"), 0);
	CHECK_INT_EQ(image_dir_create_ahead(d, &ahead), 1);
	CHECK_STR_EQ(link_of("ahead/parent"), "/nowhere/prev");
	put_fs(ahead, 5, 55);
	image_dir_free(ahead); /* each alone, or the outer one with all that is inside */
	CHECK_STR_EQ(list(), "ahead parent");
	image_dir_free(d);
	CHECK_STR_EQ(list(), "");
}

TEST(dir_ahead_goes_with_a_dump_that_is_given_up)
{
	for (unsigned int i = 0; i < 2; i++) { /* the second time beside a complete one */
		image_dir_free(begin_with_ahead());
		CHECK_STR_EQ(list(), i ? "fs-1.img fs-2.img inventory.img" : "");
		dump(2, 22);
	}
}

TEST(dir_ahead_of_somebody_else_stays)
{
	struct image_dir *d = NULL, *ahead = NULL;

	CHECK(mkdir(path_of("ahead"), 0700) == 0);
	touch("ahead/mine");
	d = create();
	CHECK_INT_EQ(image_dir_set_parent(d, "../prev"), 0);
	CHECK_INT_EQ(image_dir_create_ahead(d, &ahead), 0);
	CHECK_STR_EQ(link_of("parent"), "../prev");
	image_dir_free(d);
	CHECK(exists("ahead/mine"));
	CHECK_STR_EQ(list(), "ahead");
	CHECK(unlink(path_of("ahead/mine")) == 0 && rmdir(path_of("ahead")) == 0);
	CHECK(symlink("/", path_of("ahead")) == 0);
	dump(2, 22);
	CHECK_STR_EQ(list(), "ahead fs-1.img fs-2.img inventory.img");
}

TEST(dir_ahead_survives_a_writer_that_dies)
{
	bool died = true;
	int calls;

	for (calls = 0; died; calls++) {
		test_note("after %d calls", calls);
		empty_dir();
		dump_with_ahead();
		died = die_after(calls, dump_with_ahead);
		if (exists("inventory.img"))
			CHECK(exists("fs-4.img") && exists("ahead/inventory.img"));
		dump(3, 33);
		CHECK_INT_EQ(dump_found(), 33);
		CHECK_STR_EQ(list(), "fs-1.img fs-3.img inventory.img");
	}
	test_note(NULL);
	CHECK(calls > 10);
}

TEST(dir_next_writer_finishes_a_commit)
{
	struct image_dir *d;

	dump(2, 22);
	CHECK(die_after(1, dump_second));
	CHECK(exists(".crtool-commit"));
	d = create();
	image_dir_free(d);
	CHECK_STR_EQ(list(), "fs-1.img fs-3.img inventory.img");
	CHECK_INT_EQ(dump_found(), 33);
}

TEST(dir_dead_first_dump_is_garbage)
{
	bool died = true;

	for (int calls = 0; died; calls++) {
		empty_dir();
		died = die_after(calls, dump_second);
		CHECK_INT_EQ(dump_found(), died ? 0 : 33);
		dump(2, 22);
		CHECK_STR_EQ(list(), "fs-1.img fs-2.img inventory.img");
	}
}

TEST(dir_without_images_in_the_way_is_fast)
{
	struct image_dir *d;

	calls_made = 0;
	d = create();
	put_fs(d, 1, 22);
	put_inventory(d);
	CHECK_INT_EQ(image_dir_commit(d), 0);
	image_dir_free(d);
	CHECK_INT_EQ(calls_made, 1);
}

/* --- others -------------------------------------------------------------------------------- */

TEST(dir_has_one_writer)
{
	struct image_dir *d = create(), *other = NULL;

	CHECK(image_dir_create(test_dir(), &other) < 0);
	CHECK_ERROR("another crtool is writing a dump into it");
	put_fs(d, 1, 22);
	put_inventory(d);
	CHECK_INT_EQ(image_dir_commit(d), 0);
	image_dir_free(d);
	other = create();
	image_dir_free(other);
}

TEST(dir_lock_ends_with_the_writer_not_with_its_children)
{
	struct image_dir *d = create();
	int fds[2];
	pid_t pid;

	CHECK(pipe(fds) == 0);
	pid = fork();
	if (!pid) {
		char c;

		close(fds[1]);
		(void)!read(fds[0], &c, 1);
		_exit(0);
	}
	image_dir_free(d);
	d = create();
	image_dir_free(d);
	close(fds[1]);
	CHECK(waitpid(pid, NULL, 0) == pid);
}

TEST(dir_planted_links_are_not_followed)
{
	struct image_dir *d = create();
	struct image_reader *r;
	FsEntry e = FS_ENTRY__INIT;
	int fd = -1;

	touch("victim");
	CHECK(symlink("victim", path_of("fs-1.img")) == 0);
	CHECK(symlink("victim", path_of("pages-1.img")) == 0);
	CHECK(symlink("nowhere", path_of("fs-2.img")) == 0);
	CHECK(image_put(d, IMAGE_FS, 1, &e.base) < 0);
	CHECK_ERROR("fs-1.img: create: File exists");
	CHECK(image_put(d, IMAGE_FS, 2, &e.base) < 0);
	CHECK_ERROR("fs-2.img: create: File exists");
	CHECK(image_create_raw(d, IMAGE_PAGES, 1) < 0);
	CHECK_ERROR("pages-1.img: create: File exists");
	CHECK(image_reader_open(d, IMAGE_FS, 1, &r) < 0);
	CHECK_ERROR("fs-1.img: is a symbolic link");
	CHECK(image_open_raw(d, IMAGE_PAGES, 1, &fd) < 0);
	CHECK_ERROR("pages-1.img: is a symbolic link");
	image_dir_free(d);
	CHECK_STR_EQ(list(), "victim");
}

TEST(dir_planted_staging_link_is_not_followed)
{
	struct image_dir *d = NULL;

	dump(2, 22);
	CHECK(mkdir(path_of("elsewhere"), 0700) == 0);
	touch("elsewhere/precious");
	CHECK(symlink("elsewhere", path_of(".crtool-new")) == 0);
	CHECK(image_dir_create(test_dir(), &d) < 0);
	CHECK_ERROR(".crtool-new: ");
	CHECK(exists("elsewhere/precious"));
	CHECK(unlink(path_of(".crtool-new")) == 0);
	CHECK(symlink("elsewhere", path_of(".crtool-commit")) == 0);
	CHECK(image_dir_open(test_dir(), &d) < 0);
	CHECK_ERROR(".crtool-commit: ");
	CHECK(image_dir_create(test_dir(), &d) < 0);
	CHECK_ERROR(".crtool-commit: ");
	CHECK(exists("elsewhere/precious"));
}

TEST(dir_planted_fifo_does_not_block)
{
	struct image_dir *d = create();
	struct image_reader *r;

	CHECK(mkfifo(path_of("fs-1.img"), 0600) == 0);
	CHECK(image_reader_open(d, IMAGE_FS, 1, &r) < 0);
	CHECK_ERROR("fs-1.img: not a regular file");
	image_dir_free(d);
}

TEST(dir_joined_is_added_to)
{
	struct image_dir *d = NULL;

	dump(2, 22);
	CHECK_INT_EQ(image_dir_join(test_dir(), &d), 0);
	put_fs(d, 2, 22); /* replaced */
	put_fs(d, 4, 44);
	CHECK_INT_EQ(umask_of(d, 4), 44);
	image_dir_free(d);
	CHECK_STR_EQ(list(), "fs-1.img fs-2.img fs-4.img inventory.img");
}

TEST(dir_parents_are_followed)
{
	struct image_dir *d = NULL, *p = NULL, *pp = NULL;

	CHECK(mkdir(path_of("0"), 0700) == 0);
	CHECK(mkdir(path_of("1"), 0700) == 0);
	for (unsigned int i = 0; i < 2; i++) { /* the second time with a staged dump */
		CHECK_INT_EQ(image_dir_create(path_of("1"), &d), 0);
		CHECK_INT_EQ(image_dir_set_parent(d, "../0"), 0);
		put_inventory(d);
		if (CHECK_INT_EQ(image_dir_open_parent(d, &p), 1)) {
			CHECK_STR_HAS(image_dir_path(p), "/1/../0");
			CHECK_INT_EQ(image_dir_open_parent(p, &pp), 0);
			p = image_dir_free(p);
		}
		CHECK_INT_EQ(image_dir_commit(d), 0);
		image_dir_free(d);
	}
	CHECK_INT_EQ(image_dir_open(path_of("1"), &d), 0);
	CHECK_INT_EQ(image_dir_open_parent(d, &p), 1);
	image_dir_free(p);
	image_dir_free(d);
	CHECK(!error_is_set());
}

TEST(dir_parents_may_not_loop)
{
	struct image_dir *d = create(), *p = NULL;
	int r;

	CHECK_INT_EQ(image_dir_set_parent(d, "."), 0);
	put_inventory(d);
	CHECK_INT_EQ(image_dir_commit(d), 0);
	while ((r = image_dir_open_parent(d, &p)) == 1) {
		image_dir_free(d);
		d = p;
	}
	CHECK(r < 0);
	CHECK_ERROR("a loop");
	image_dir_free(d);
}

TEST(dir_parent_that_is_gone)
{
	struct image_dir *d = create(), *p = NULL;

	CHECK_INT_EQ(image_dir_set_parent(d, "../gone-for-ever"), 0);
	CHECK(image_dir_open_parent(d, &p) < 0);
	CHECK_ERROR("/parent: ../gone-for-ever: No such file");
	image_dir_free(d);
}

/* --- full disks ---------------------------------------------------------------------------- */

static void mount_tmpfs(const char *options)
{
	if (unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", test_dir(), "tmpfs", 0, options) < 0)
		test_skip("no mount namespace: %s", strerror(errno));
}

TEST(dir_on_a_full_disk)
{
	struct image_writer *w = NULL;
	PagemapHead h = PAGEMAP_HEAD__INIT;
	PagemapEntry e = PAGEMAP_ENTRY__INIT;
	struct image_dir *d;
	int r = 0;

	mount_tmpfs("size=256k");
	d = create();
	CHECK_INT_EQ(image_writer_open(d, IMAGE_PAGEMAP, 1, &w), 0);
	CHECK_INT_EQ(image_write(w, &h.base), 0);
	for (unsigned int i = 0; i < 100000 && r >= 0; i++)
		r = image_write(w, &e.base);
	CHECK_INT_EQ(r, -ENOSPC);
	CHECK_ERROR("/pagemap-1.img: write: No space left on device");
	CHECK(image_writer_close(&w) < 0);
	CHECK(!w);
	error_reset();
	image_dir_free(d);
	CHECK_STR_EQ(list(), "");
	umount(test_dir());
}

TEST(dir_on_a_full_disk_tells_at_the_close)
{
	static const char zeros[4096];
	FsEntry e = FS_ENTRY__INIT;
	struct image_dir *d;
	int fd;

	mount_tmpfs("size=64k");
	fd = open(path_of("filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	while (write(fd, zeros, sizeof(zeros)) > 0)
		;
	close(fd);
	d = create();
	CHECK(image_put(d, IMAGE_FS, 1, &e.base) < 0);
	CHECK_ERROR("/fs-1.img: write: No space left on device");
	image_dir_free(d);
	CHECK_STR_EQ(list(), "filler");
	umount(test_dir());
}

TEST(dir_without_inodes)
{
	FsEntry e = FS_ENTRY__INIT;
	struct image_dir *d;

	mount_tmpfs("nr_inodes=2");
	d = create();
	CHECK_INT_EQ(image_put(d, IMAGE_FS, 1, &e.base), 0);
	CHECK(image_put(d, IMAGE_FS, 2, &e.base) < 0);
	CHECK_ERROR("/fs-2.img: create: No space left on device");
	image_dir_free(d);
	CHECK_STR_EQ(list(), "");
	umount(test_dir());
}

/* --- threads ------------------------------------------------------------------------------- */

static void *write_many(void *arg)
{
	struct image_dir *d = arg;
	static unsigned int next;

	for (unsigned int i = 0; i < 200; i++)
		put_fs(d, __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED), i);
	return NULL;
}

TEST(dir_takes_writers_of_many_threads)
{
	struct image_dir *d = create();
	pthread_t threads[8];

	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
		CHECK(pthread_create(&threads[i], NULL, write_many, d) == 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	put_inventory(d);
	CHECK_INT_EQ(image_dir_commit(d), 0);
	for (unsigned int i = 0; i < 200 * ARRAY_SIZE(threads); i++)
		CHECK(umask_of(d, i) >= 0);
	image_dir_free(d);
}
