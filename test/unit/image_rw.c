// SPDX-License-Identifier: GPL-2.0-only
/* criu/image/writer.c and reader.c: what is written comes back, what is damaged does not pass. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"
#include "images/core.pb-c.h"
#include "images/fs.pb-c.h"
#include "images/inventory.pb-c.h"
#include "images/pagemap.pb-c.h"
#include "images/pipe.pb-c.h"
#include "images/pstree.pb-c.h"
#include "images/seccomp.pb-c.h"
#include "test/fuzz/image_walk.h"
#include "test/unit/image_random.h"
#include "test/unit/test.h"

#define RECORDS_MAX 6

static struct image_dir *joined(void)
{
	struct image_dir *d = NULL;

	CHECK_INT_EQ(image_dir_join(test_dir(), &d), 0);
	return d;
}

static void put_file(const char *name, const void *data, size_t size)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	f = fopen(path, "we");
	if (!f) {
		CHECK(f);
		return;
	}
	CHECK(fwrite(data, 1, size, f) == size);
	CHECK(fclose(f) == 0);
}

static uint8_t *get_file(const char *path, size_t *ret_size)
{
	struct stat st;
	uint8_t *data;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return NULL;
	}
	data = malloc((size_t)st.st_size + 1);
	*ret_size = (size_t)st.st_size;
	CHECK(read(fd, data, *ret_size) == st.st_size);
	close(fd);
	return data;
}

static bool same_message(const ProtobufCMessage *a, const ProtobufCMessage *b)
{
	size_t size = protobuf_c_message_get_packed_size(a);
	uint8_t *pa = malloc(size + 1), *pb = malloc(size + 1);
	bool same = a->descriptor == b->descriptor && protobuf_c_message_get_packed_size(b) == size;

	if (same) {
		protobuf_c_message_pack(a, pa);
		protobuf_c_message_pack(b, pb);
		same = !memcmp(pa, pb, size);
	}
	free(pa);
	free(pb);
	return same;
}

/* Some records of the kind; raw bytes are tested elsewhere. */
static unsigned int random_records(const struct image_type *t, ProtobufCMessage **m)
{
	unsigned int nr = t->multiple ? 1 + test_random() % RECORDS_MAX : 1;

	if (t->next && !t->multiple)
		nr += test_random() % (RECORDS_MAX - 1);
	for (unsigned int i = 0; i < nr; i++)
		m[i] = random_message(i ? t->next : t->first);
	return nr;
}

static void round_trip(struct image_dir *d, enum image_kind kind)
{
	ProtobufCMessage *m[RECORDS_MAX + 1], *back;
	struct image_writer *w = NULL;
	struct image_reader *r = NULL;
	unsigned int nr;

	nr = random_records(&image_types[kind], m);
	if (kind == IMAGE_INVENTORY)
		((InventoryEntry *)m[0])->img_version = IMAGE_VERSION;
	CHECK_INT_EQ(image_writer_open(d, kind, 3, &w), 0);
	for (unsigned int i = 0; i < nr; i++)
		CHECK_INT_EQ(image_write(w, m[i]), 0);
	CHECK_INT_EQ(image_writer_close(&w), 0);
	CHECK(!w);
	CHECK_INT_EQ(image_reader_open(d, kind, 3, &r), 1);
	for (unsigned int i = 0; r && i < nr; i++) {
		if (!CHECK_INT_EQ(image_read(r, &back), 1)) {
			CHECK_STR_EQ(error_text(), "");
			break;
		}
		CHECK(same_message(m[i], back));
		protobuf_c_message_free_unpacked(back, NULL);
	}
	if (r) {
		CHECK_INT_EQ(image_reader_left(r), 0);
		CHECK_INT_EQ(image_read(r, &back), 0);
	}
	image_reader_free(r);
	while (nr--)
		protobuf_c_message_free_unpacked(m[nr], NULL);
}

TEST(image_records_come_back)
{
	struct image_dir *d = joined();

	for (unsigned int kind = 0; kind < IMAGE_KINDS; kind++) {
		/* The inventory takes its name at the commit: image_dir.c */
		if (!image_types[kind].first || kind == IMAGE_INVENTORY)
			continue;
		for (unsigned int i = 0; i < 40; i++) {
			test_note("%s, round %u", image_types[kind].name, i);
			test_random_seed(kind * 1000 + i);
			round_trip(d, kind);
		}
	}
	image_dir_free(d);
}

TEST(image_of_many_records_appears_with_the_first)
{
	struct image_dir *d = joined();
	struct image_writer *w = NULL;
	struct image_reader *r = NULL;

	CHECK_INT_EQ(image_writer_open(d, IMAGE_PSTREE, 0, &w), 0);
	CHECK_INT_EQ(image_writer_close(&w), 0);
	CHECK_INT_EQ(image_reader_open(d, IMAGE_PSTREE, 0, &r), 0);
	CHECK(!error_is_set());
	image_dir_free(d);
}

TEST(image_files_are_private)
{
	struct image_dir *d = joined();
	FsEntry e = FS_ENTRY__INIT;
	struct stat st;
	char path[512];

	umask(0);
	CHECK_INT_EQ(image_put(d, IMAGE_FS, 1, &e.base), 0);
	snprintf(path, sizeof(path), "%s/fs-1.img", test_dir());
	CHECK(stat(path, &st) == 0);
	CHECK_INT_EQ(st.st_mode & 07777, 0600);
	image_dir_free(d);
}

TEST(image_get_wants_exactly_one_record)
{
	/* common magic, FS magic, size 4, cwd_id 1, root_id 2 */
	uint8_t fs[20] = {
		0x19, 0x43, 0x56, 0x54, 0x12, 0x39, 0x40, 0x51, 4, 0, 0, 0, 8, 1, 16, 2
	};
	struct image_dir *d = joined();
	ProtobufCMessage *m = NULL;

	put_file("fs-1.img", fs, 16);
	if (CHECK_INT_EQ(image_get(d, IMAGE_FS, 1, &m), 0)) {
		CHECK_INT_EQ(((FsEntry *)m)->root_id, 2);
		protobuf_c_message_free_unpacked(m, NULL);
	}
	CHECK(image_get(d, IMAGE_FS, 2, &m) < 0);
	CHECK_ERROR("fs-2.img: No such file");
	put_file("fs-1.img", fs, 17);
	CHECK(image_get(d, IMAGE_FS, 1, &m) < 0);
	CHECK_ERROR("fs-1.img: 1 bytes too many");
	put_file("fs-1.img", fs, 8);
	CHECK(image_get(d, IMAGE_FS, 1, &m) < 0);
	CHECK_ERROR("fs-1.img: there is no fs_entry");
	put_file("fs-1.img", fs, 0);
	CHECK(image_get(d, IMAGE_FS, 1, &m) < 0);
	CHECK_ERROR("fs-1.img: 0 bytes, too short");
	image_dir_free(d);
}

TEST(image_errors_name_file_record_and_field)
{
	struct image_dir *d = joined();
	ProtobufCMessage *m = NULL;
	struct image_reader *r = NULL;
	/* two processes; the second has no sid */
	uint8_t p[] = { 0x19, 0x43, 0x56, 0x54, 0x30, 0x30, 0x27, 0x50, 8, 0, 0, 0,  8, 1,  16,
			1,    24,   1,    32,   1,    6,    0,    0,    0, 8, 2, 16, 1, 24, 1 };

	put_file("pstree.img", p, sizeof(p));
	CHECK_INT_EQ(image_reader_open(d, IMAGE_PSTREE, 0, &r), 1);
	CHECK_INT_EQ(image_read(r, &m), 1);
	protobuf_c_message_free_unpacked(m, NULL);
	CHECK_STR_HAS(image_reader_where(r), "/pstree.img: record 1");
	CHECK(image_read(r, &m) < 0);
	CHECK_ERROR("/pstree.img: record 2 (pstree_entry): sid: missing");
	image_reader_free(r);
	put_file("pstree.img", p, sizeof(p) - 1);
	CHECK(walk_image(d, IMAGE_PSTREE, 0) < 0);
	CHECK_ERROR("/pstree.img: record 2 (pstree_entry): cut off: 6 bytes, 5 are left");
	put_file("pstree.img", p, 23);
	CHECK(walk_image(d, IMAGE_PSTREE, 0) < 0);
	CHECK_ERROR("/pstree.img: 3 bytes at the end belong to no pstree_entry");
	image_dir_free(d);
}

TEST(image_magic_says_what_it_is)
{
	struct image_dir *d = joined();
	uint8_t p[8] = { 0x19, 0x43, 0x56, 0x54, 0x12, 0x39, 0x40, 0x51 };

	put_file("core-1.img", p, 8);
	CHECK(walk_image(d, IMAGE_CORE, 1) < 0);
	CHECK_ERROR("/core-1.img: is a FS image, not CORE");
	p[7] = 0;
	put_file("core-1.img", p, 8);
	CHECK(walk_image(d, IMAGE_CORE, 1) < 0);
	CHECK_ERROR("/core-1.img: not a CORE image: magic 0x00403912, not 0x55053847");
	p[0] = 0;
	put_file("core-1.img", p, 8);
	CHECK(walk_image(d, IMAGE_CORE, 1) < 0);
	CHECK_ERROR("/core-1.img: not an image of version 2");
	image_dir_free(d);
}

TEST(image_version_is_checked)
{
	struct image_dir *d = joined();
	ProtobufCMessage *m = NULL;
	uint8_t p[12] = { 0x16, 0x31, 0x31, 0x58, 2, 0, 0, 0, 8, 2, 0x30, 77 };

	put_file("inventory.img", p, 10);
	CHECK_INT_EQ(image_get(d, IMAGE_INVENTORY, 0, &m), 0);
	protobuf_c_message_free_unpacked(m, NULL);
	p[9] = 3;
	put_file("inventory.img", p, 10);
	CHECK_INT_EQ(image_get(d, IMAGE_INVENTORY, 0, &m), 0);
	protobuf_c_message_free_unpacked(m, NULL);
	p[9] = 4;
	put_file("inventory.img", p, 10);
	CHECK(image_get(d, IMAGE_INVENTORY, 0, &m) < 0);
	CHECK_ERROR("inventory.img: image version 4: made by a newer crtool");
	p[4] = 4; /* with an lsmtype that we do not know */
	put_file("inventory.img", p, 12);
	CHECK(image_get(d, IMAGE_INVENTORY, 0, &m) < 0);
	CHECK_ERROR("inventory.img: image version 4: made by a newer crtool");
	p[9] = 1;
	p[4] = 2;
	put_file("inventory.img", p, 10);
	CHECK(image_get(d, IMAGE_INVENTORY, 0, &m) < 0);
	CHECK_ERROR("inventory.img: image version 1 is too old");
	image_dir_free(d);
}

TEST(image_record_sizes_are_bounded)
{
	struct image_dir *d = joined();
	uint8_t p[12] = { 0x19, 0x43, 0x56, 0x54, 0x20, 0x28, 0x49, 0x57, 0, 0, 0, 0xf0 };
	char path[512];

	put_file("mm-1.img", p, 12);
	CHECK(walk_image(d, IMAGE_MM, 1) < 0);
	CHECK_ERROR("/mm-1.img: record 1 (mm_entry): cut off: 4026531840 bytes, 0 are left");
	snprintf(path, sizeof(path), "%s/mm-1.img", test_dir());
	CHECK(truncate(path, 1ll << 40) == 0);
	CHECK(walk_image(d, IMAGE_MM, 1) < 0);
	CHECK_ERROR("/mm-1.img: record 1 (mm_entry): 4026531840 bytes are too many");
	image_dir_free(d);
}

/* --- raw bytes ------------------------------------------------------------------------------- */

static void write_pipes(struct image_dir *d, const uint8_t *data, const uint32_t *sizes,
			unsigned int nr)
{
	struct image_writer *w = NULL;

	CHECK_INT_EQ(image_writer_open(d, IMAGE_PIPES_DATA, 0, &w), 0);
	for (unsigned int i = 0; i < nr; i++) {
		PipeDataEntry e = PIPE_DATA_ENTRY__INIT;

		e.pipe_id = i;
		e.bytes = sizes[i];
		CHECK_INT_EQ(image_write(w, &e.base), 0);
		CHECK_INT_EQ(image_write_raw(w, data, sizes[i]), 0);
	}
	CHECK_INT_EQ(image_writer_close(&w), 0);
}

TEST(image_raw_bytes_come_back)
{
	static const uint32_t sizes[] = { 0, 1, 65535, 65536, 65537, 1 << 20, 3, 0, 200000 };
	const unsigned int nr = sizeof(sizes) / sizeof(sizes[0]);
	static uint8_t data[1 << 20], back[1 << 20];
	struct image_dir *d = joined();
	struct image_reader *r = NULL;
	ProtobufCMessage *m = NULL;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)test_random();
	write_pipes(d, data, sizes, nr);
	CHECK_INT_EQ(image_reader_open(d, IMAGE_PIPES_DATA, 0, &r), 1);
	for (unsigned int i = 0; i < nr; i++) {
		if (!CHECK_INT_EQ(image_read(r, &m), 1))
			break;
		CHECK_INT_EQ(((PipeDataEntry *)m)->bytes, sizes[i]);
		protobuf_c_message_free_unpacked(m, NULL);
		CHECK_INT_EQ(image_read_raw(r, back, sizes[i]), 0);
		CHECK(!memcmp(data, back, sizes[i]));
	}
	CHECK_INT_EQ(image_read(r, &m), 0);
	image_reader_free(r);
	CHECK_INT_EQ(walk_image(d, IMAGE_PIPES_DATA, 0), nr);
	image_dir_free(d);
}

TEST(image_raw_bytes_that_are_not_there)
{
	static const uint32_t size = 100;
	static const uint8_t data[100];
	struct image_dir *d = joined();
	char path[512];

	write_pipes(d, data, &size, 1);
	snprintf(path, sizeof(path), "%s/pipes-data.img", test_dir());
	CHECK(truncate(path, 60) == 0);
	CHECK(walk_image(d, IMAGE_PIPES_DATA, 0) < 0);
	CHECK_ERROR("/pipes-data.img: cut off: 100 bytes should follow record 1, ");
	image_dir_free(d);
}

TEST(image_writer_fd_continues_the_image)
{
	struct image_dir *d = joined();
	struct image_writer *w = NULL;
	struct image_reader *r = NULL;
	PipeDataEntry e = PIPE_DATA_ENTRY__INIT;
	ProtobufCMessage *m = NULL;
	char back[5] = "";
	off_t pos;
	int fd;

	e.bytes = 10;
	CHECK_INT_EQ(image_writer_open(d, IMAGE_FIFO_DATA, 0, &w), 0);
	CHECK_INT_EQ(image_write(w, &e.base), 0);
	CHECK_INT_EQ(image_write_raw(w, "12345", 5), 0);
	fd = image_writer_fd(w);
	CHECK(write(fd, "67890", 5) == 5);
	CHECK_INT_EQ(image_write(w, &e.base), 0);
	CHECK_INT_EQ(image_write_raw(w, "abcdeABCDE", 10), 0);
	CHECK_INT_EQ(image_writer_close(&w), 0);

	CHECK_INT_EQ(image_reader_open(d, IMAGE_FIFO_DATA, 0, &r), 1);
	CHECK_INT_EQ(image_read(r, &m), 1);
	protobuf_c_message_free_unpacked(m, NULL);
	CHECK_INT_EQ(image_skip_raw(r, 5), 0);
	fd = image_reader_fd(r, &pos);
	CHECK(pread(fd, back, 5, pos) == 5 && !memcmp(back, "67890", 5));
	CHECK_INT_EQ(image_skip_raw(r, 5), 0);
	CHECK_INT_EQ(image_read(r, &m), 1);
	protobuf_c_message_free_unpacked(m, NULL);
	CHECK_INT_EQ(image_skip_raw(r, 10), 0);
	CHECK_INT_EQ(image_read(r, &m), 0);
	image_reader_free(r);
	image_dir_free(d);
}

TEST(image_large_records_come_back)
{
	struct image_dir *d = joined();
	SeccompFilter f = SECCOMP_FILTER__INIT, *filters[3] = { &f, &f, &f };
	SeccompEntry e = SECCOMP_ENTRY__INIT;
	ProtobufCMessage *m = NULL;

	e.n_seccomp_filters = 3;
	e.seccomp_filters = filters;
	f.filter.len = 10 << 20;
	f.filter.data = calloc(1, f.filter.len);
	CHECK_INT_EQ(image_put(d, IMAGE_SECCOMP, 0, &e.base), 0);
	if (CHECK_INT_EQ(image_get(d, IMAGE_SECCOMP, 0, &m), 0)) {
		CHECK(same_message(&e.base, m));
		protobuf_c_message_free_unpacked(m, NULL);
	}
	free(f.filter.data);
	image_dir_free(d);
}

TEST(image_many_records_come_back)
{
	struct image_dir *d = joined();
	struct image_writer *w = NULL;
	PagemapHead h = PAGEMAP_HEAD__INIT;
	PagemapEntry e = PAGEMAP_ENTRY__INIT;
	const int nr = 100000;

	CHECK_INT_EQ(image_writer_open(d, IMAGE_PAGEMAP, 1, &w), 0);
	CHECK_INT_EQ(image_write(w, &h.base), 0);
	e.has_nr_pages = 1;
	for (int i = 0; i < nr; i++) {
		e.vaddr = test_random();
		e.nr_pages = (uint64_t)i;
		if (!CHECK_INT_EQ(image_write(w, &e.base), 0))
			break;
	}
	CHECK_INT_EQ(image_writer_close(&w), 0);
	CHECK_INT_EQ(walk_image(d, IMAGE_PAGEMAP, 1), nr + 1);
	image_dir_free(d);
}

/* --- damage -------------------------------------------------------------------------------- */

/* Whatever the bytes are: a valid image, or an error that is told. */
static void survive(struct image_dir *d, enum image_kind kind, uint64_t id)
{
	int err = walk_image(d, kind, id);

	CHECK((err < 0) == error_is_set());
	error_reset();
}

static void damage(const char *name, const uint8_t *data, size_t size)
{
	struct image_dir *d;
	enum image_kind kind;
	char path[512];
	uint64_t id;
	int fd;

	if (!image_name_parse(name, &kind, &id) || !image_types[kind].first)
		return;
	d = joined();
	snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	put_file(name, data, size);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	for (size_t i = 0; i < size * 8; i++) {
		uint8_t byte = data[i / 8] ^ (uint8_t)(1 << i % 8);

		test_note("%s: bit %zu of byte %zu", name, i % 8, i / 8);
		CHECK(pwrite(fd, &byte, 1, (off_t)(i / 8)) == 1);
		survive(d, kind, id);
		CHECK(pwrite(fd, &data[i / 8], 1, (off_t)(i / 8)) == 1);
	}
	for (size_t len = size; len--;) {
		test_note("%s: cut off at %zu", name, len);
		CHECK(ftruncate(fd, (off_t)len) == 0);
		survive(d, kind, id);
	}
	close(fd);
	image_dir_free(d);
}

static void damage_random(enum image_kind kind)
{
	char name[IMAGE_NAME_MAX], path[512];
	struct image_dir *d = joined();
	uint8_t *data;
	size_t size;

	test_random_seed(kind + 77);
	round_trip(d, kind);
	image_dir_free(d);
	snprintf(path, sizeof(path), "%s/%s", test_dir(), image_file_name(kind, 3, name));
	data = get_file(path, &size);
	if (CHECK(data) && size < 2000)
		damage(name, data, size);
	free(data);
}

TEST(image_damage_to_random_images)
{
	for (unsigned int kind = 0; kind < IMAGE_KINDS; kind++)
		if (image_types[kind].first && kind != IMAGE_INVENTORY)
			damage_random(kind);
}

/* --- images of CRIU's ---------------------------------------------------------------------- */

typedef void (*sample_fn)(const char *dir, const char *name);

static void samples_in(const char *dir, sample_fn fn)
{
	struct dirent *e;
	DIR *dp = opendir(dir);

	if (!dp)
		return;
	while ((e = readdir(dp)))
		fn(dir, e->d_name);
	closedir(dp);
}

/* CRTOOL_SAMPLES: a directory of directories with images. */
static void samples_for_each(sample_fn fn)
{
	const char *top = getenv("CRTOOL_SAMPLES");
	struct dirent *e;
	DIR *dp;

	if (!top)
		test_skip("CRTOOL_SAMPLES is not set");
	dp = opendir(top);
	if (!CHECK(dp))
		return;
	while ((e = readdir(dp))) {
		char path[1024];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", top, e->d_name);
		samples_in(path, fn);
	}
	closedir(dp);
}

static unsigned int samples_read;

static void sample_read(const char *dir, const char *name)
{
	struct image_dir *d = NULL;
	enum image_kind kind;
	uint64_t id;

	if (!image_name_parse(name, &kind, &id))
		return;
	test_note("%s/%s", dir, name);
	if (!CHECK_INT_EQ(image_dir_open(dir, &d), 0))
		return;
	if (image_types[kind].first && !CHECK(walk_image(d, kind, id) >= 0))
		CHECK_STR_EQ(error_text(), "");
	samples_read++;
	image_dir_free(d);
}

TEST(image_samples_are_read)
{
	samples_for_each(sample_read);
	CHECK(samples_read > 0);
}

static void sample_damage(const char *dir, const char *name)
{
	char path[1024];
	uint8_t *data;
	size_t size;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	data = get_file(path, &size);
	if (data && size <= 1200)
		damage(name, data, size);
	free(data);
}

TEST(image_damage_to_samples)
{
	samples_for_each(sample_damage);
}
