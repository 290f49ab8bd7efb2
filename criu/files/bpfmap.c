// SPDX-License-Identifier: GPL-2.0-only
/*
 * Maps of bpf(2). The kernel tells of a map by its id; several descriptions may be of one. What is
 * in it is read by batches. Images: images/bpfmap.proto. Tests: test/zdtm/static/bpf_map*.
 *
 * On the way back crtool makes and fills each once, and opens it for whoever had it. It gets
 * another id, which cannot be chosen. A map that a program uses is refused: the program would go on
 * with the old one.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/core/restore.h"
#include "criu/files/bpfmap.h"
#include "criu/files/fown.h"
#include "criu/files/kinds.h"
#include "criu/image/reader.h"
#include "criu/image/writer.h"
#include "criu/kernel/bpf.h"

#define MAPS_OF_PROGRAM 1024
#define FLAGS_REFUSED   (BPF_F_NUMA_NODE | BPF_F_INNER_MAP)
#define BYTES_MAX       (1ull << 31) /* of all keys, or all values: what an image can say */

static bool bpfmap_match(const struct fd_probe *p)
{
	return str_eq(p->link, "anon_inode:bpf-map");
}

static int info_read(int fd, struct bpf_map_info *ret)
{
	union bpf_attr a = {
		.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(*ret), .info = (uintptr_t)ret }
	};
	int r;

	*ret = (struct bpf_map_info){ .id = 0 };
	r = bpf_call(BPF_OBJ_GET_INFO_BY_FD, &a);
	return r < 0 ? fail(-r, "BPF_OBJ_GET_INFO_BY_FD") : 0;
}

static int map_open(uint32_t id, uint32_t open_flags)
{
	union bpf_attr a = { .map_id = id, .open_flags = open_flags };
	int fd = bpf_call(BPF_MAP_GET_FD_BY_ID, &a);

	return fd < 0 ? fail(-fd, "BPF_MAP_GET_FD_BY_ID %u", id) : fd;
}

static bool program_uses(uint32_t program, uint32_t map, char name[BPF_OBJ_NAME_LEN])
{
	union bpf_attr get = { .prog_id = program };
	cleanup_close int fd = bpf_call(BPF_PROG_GET_FD_BY_ID, &get);
	uint32_t maps[MAPS_OF_PROGRAM];
	struct bpf_prog_info info = { .nr_map_ids = MAPS_OF_PROGRAM, .map_ids = (uintptr_t)maps };
	union bpf_attr a = { .info = { .bpf_fd = (uint32_t)fd,
				       .info_len = sizeof(info),
				       .info = (uintptr_t)&info } };

	if (fd < 0 || bpf_call(BPF_OBJ_GET_INFO_BY_FD, &a) < 0)
		return false;
	memcpy(name, info.name, BPF_OBJ_NAME_LEN);
	name[BPF_OBJ_NAME_LEN - 1] = '\0';
	for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_OF_PROGRAM; i++)
		if (maps[i] == map)
			return true;
	return false;
}

/* The id of a program that has the map; 0: none. */
static uint32_t user_find(uint32_t map, char name[BPF_OBJ_NAME_LEN])
{
	union bpf_attr a = { .start_id = 0 };

	while (bpf_call(BPF_PROG_GET_NEXT_ID, &a) == 0) {
		if (program_uses(a.next_id, map, name))
			return a.next_id;
		a.start_id = a.next_id;
	}
	return 0;
}

/* True when it stands in the way. */
static bool map_blocked(const struct fd_probe *p, const struct bpf_map_info *m)
{
	char name[64], program[BPF_OBJ_NAME_LEN], why[96] = "";
	uint32_t user;

	if (!bpf_value_bytes(m->type, m->value_size))
		snprintf(why, sizeof(why), "of type %u", m->type);
	else if (m->btf_id || m->btf_vmlinux_value_type_id)
		snprintf(why, sizeof(why), "with BTF types");
	else if (m->ifindex)
		snprintf(why, sizeof(why), "of a device");
	else if (m->map_flags & FLAGS_REFUSED)
		snprintf(why, sizeof(why), "with flags %#x", m->map_flags);
	else if ((user = user_find(m->id, program)))
		snprintf(why, sizeof(why), "that BPF program %u (%s) uses", user, program);
	else
		return false;
	blocker(NULL, "%s: a BPF map (%s) %s, which cannot be kept yet",
		fd_probe_name(p, name, sizeof(name)), m->name, why);
	return true;
}

static int data_dump(struct dump *d, const struct bpf_map_info *m)
{
	size_t value_size = bpf_value_bytes(m->type, m->value_size);
	BpfmapDataEntry e = BPFMAP_DATA_ENTRY__INIT;
	cleanup_close int fd = map_open(m->id, BPF_F_RDONLY);
	struct bpf_content c = { .nr = 0 };
	int r = fd < 0 ? fd : bpf_content_read(fd, m->key_size, value_size, &c);

	if (fd < 0)
		return fd;
	if (r < 0)
		return fail(-r, "BPF_MAP_LOOKUP_BATCH");
	if (c.nr * m->key_size > BYTES_MAX || c.nr * value_size > BYTES_MAX)
		r = fail_plain("a BPF map with more than 2 GiB in it");
	e.map_id = m->id;
	e.count = (uint32_t)c.nr;
	e.keys_bytes = (uint32_t)(c.nr * m->key_size);
	e.values_bytes = (uint32_t)(c.nr * value_size);
	if (r >= 0 && !d->bpfmap_img)
		r = image_writer_open(d->s->images, IMAGE_BPFMAP_DATA, 0, &d->bpfmap_img);
	if (r >= 0)
		r = image_write(d->bpfmap_img, &e.base);
	if (r >= 0)
		r = image_write_raw(d->bpfmap_img, c.keys, e.keys_bytes);
	if (r >= 0)
		r = image_write_raw(d->bpfmap_img, c.values, e.values_bytes);
	bpf_content_done(&c);
	return r;
}

static int bpfmap_dump(struct dump *d, const struct fd_probe *p)
{
	FileEntry fe = FILE_ENTRY__INIT;
	BpfmapFileEntry e = BPFMAP_FILE_ENTRY__INIT;
	FownEntry fown;
	struct bpf_map_info m;
	int r = info_read(p->lfd, &m);

	if (r < 0 || map_blocked(p, &m))
		return r;
	r = fown_dump_probe(p, &fown);
	if (r >= 0 && !map_get(&d->bpf_maps, m.id) && !d->trial)
		r = data_dump(d, &m);
	if (r < 0)
		return r;
	if (!map_get(&d->bpf_maps, m.id))
		map_put(&d->bpf_maps, m.id, d);
	m.name[sizeof(m.name) - 1] = '\0';
	e.id = p->id;
	e.flags = fd_probe_flags(p);
	e.fown = &fown;
	e.map_type = m.type;
	e.key_size = m.key_size;
	e.value_size = m.value_size;
	e.map_id = m.id;
	e.max_entries = m.max_entries;
	e.map_flags = m.map_flags;
	e.memlock = p->info.bpf_memlock;
	e.frozen = p->info.bpf_frozen;
	e.map_name = m.name;
	e.has_map_extra = m.map_extra != 0;
	e.map_extra = m.map_extra;
	fe.type = FD_TYPES__BPFMAP;
	fe.bpf = &e;
	return dump_file_write(d, p->id, &fe);
}

/* --- restore ------------------------------------------------------------------ */

struct bpf_file {
	struct file file;
	int slot; /* broker number */
	struct bpf_file *first; /* of those with the same map: who has it made */
	uint32_t id; /* the new one; 0: not made yet */
};

static bool same_map(const BpfmapFileEntry *a, const BpfmapFileEntry *b)
{
	return a->map_type == b->map_type && a->key_size == b->key_size &&
	       a->value_size == b->value_size && a->max_entries == b->max_entries &&
	       a->map_flags == b->map_flags && a->frozen == b->frozen;
}

static int bpfmap_load(struct restore *r, const FileEntry *fe, struct file *f)
{
	struct bpf_file *b = file_to(struct bpf_file, f);
	const BpfmapFileEntry *e = fe->bpf;

	if (!e)
		return fail_plain("has no part of a BPF map");
	if (!e->key_size || !bpf_value_bytes(e->map_type, e->value_size) || e->ifindex ||
	    strlen(e->map_name) >= BPF_OBJ_NAME_LEN || e->map_flags & FLAGS_REFUSED)
		return fail_plain("a BPF map (%s) of type %u, keys of %u bytes, values of %u bytes",
				  e->map_name, e->map_type, e->key_size, e->value_size);
	b->first = map_get(&r->bpf_maps, e->map_id);
	if (!b->first) {
		b->first = b;
		map_put(&r->bpf_maps, e->map_id, b);
	}
	if (!same_map(e, b->first->file.entry->bpf))
		return fail_plain("BPF map %u is of two kinds", e->map_id);
	b->slot = restore_add_broker(r);
	return b->slot < 0 ? b->slot : 0;
}

static int map_make(const BpfmapFileEntry *e)
{
	union bpf_attr a = { .map_type = e->map_type,
			     .key_size = e->key_size,
			     .value_size = e->value_size,
			     .max_entries = e->max_entries,
			     .map_flags =
				 e->map_flags & ~(uint32_t)BPF_F_RDONLY & ~(uint32_t)BPF_F_WRONLY,
			     .map_extra = e->map_extra };
	int fd;

	memcpy(a.map_name, e->map_name, strlen(e->map_name));
	fd = bpf_call(BPF_MAP_CREATE, &a);
	return fd < 0 ? fail(-fd, "make a BPF map (%s) of type %u", e->map_name, e->map_type) : fd;
}

static int data_check(const BpfmapFileEntry *f, const BpfmapDataEntry *e)
{
	size_t value_size = bpf_value_bytes(f->map_type, f->value_size);

	if (e->count > f->max_entries || (uint64_t)e->count * f->key_size != e->keys_bytes)
		return fail_plain("bpfmap-data.img: map %u: %u entries, %u bytes of keys",
				  e->map_id, e->count, e->keys_bytes);
	if ((uint64_t)e->count * value_size == e->values_bytes)
		return 0;
	return fail_hint(fail_plain("bpfmap-data.img: map %u: %u entries, %u bytes of values",
				    e->map_id, e->count, e->values_bytes),
			 "a map with a value for each processor wants a machine with as many");
}

static int data_fill(const BpfmapFileEntry *f, const BpfmapDataEntry *e, struct image_reader *img,
		     int fd)
{
	struct bpf_content c = { .nr = e->count };
	int r;

	if ((uint64_t)e->keys_bytes + e->values_bytes > image_reader_left(img))
		return fail_plain("bpfmap-data.img: map %u is cut off", e->map_id);
	c.keys = mem_alloc(e->keys_bytes + 1ul);
	c.values = mem_alloc(e->values_bytes + 1ul);
	r = image_read_raw(img, c.keys, e->keys_bytes);
	if (r >= 0)
		r = image_read_raw(img, c.values, e->values_bytes);
	if (r >= 0) {
		r = bpf_content_write(fd, f->key_size, bpf_value_bytes(f->map_type, f->value_size),
				      &c);
		r = r < 0 ? fail(-r, "BPF_MAP_UPDATE_BATCH") : 0;
	}
	bpf_content_done(&c);
	return r;
}

/* What the next record has, into the map that it is of. */
static int record_load(struct restore *r, struct image_reader *img, const BpfmapDataEntry *e)
{
	struct bpf_file *b = map_get(&r->bpf_maps, e->map_id);
	const BpfmapFileEntry *f = b ? b->file.entry->bpf : NULL;
	cleanup_close int fd = -1;
	int ret;

	if (!f)
		return image_skip_raw(img, (uint64_t)e->keys_bytes + e->values_bytes);
	ret = data_check(f, e);
	if (ret >= 0)
		ret = fd = map_open(b->id, 0);
	return ret < 0 ? ret : data_fill(f, e, img, fd);
}

static int data_load(struct restore *r)
{
	struct image_reader *img;
	ProtobufCMessage *m;
	int ret = image_reader_open(r->s->images, IMAGE_BPFMAP_DATA, 0, &img);

	if (ret <= 0)
		return ret;
	while ((ret = image_read(img, &m)) > 0) {
		ret = record_load(r, img, (const BpfmapDataEntry *)m);
		protobuf_c_message_free_unpacked(m, NULL);
		if (ret < 0)
			break;
	}
	image_reader_free(img);
	return ret;
}

static int id_make(struct bpf_file *b, int *ret_fd)
{
	struct bpf_map_info m;
	int r;

	*ret_fd = map_make(b->file.entry->bpf);
	if (*ret_fd < 0)
		return *ret_fd;
	r = info_read(*ret_fd, &m);
	if (r >= 0)
		b->id = m.id;
	return r;
}

/* A map lives as long as somebody has it: each has its descriptor before any is filled. */
static int description_make(struct restore *r, struct bpf_file *b)
{
	uint32_t access = b->file.entry->bpf->flags & O_ACCMODE;
	cleanup_close int made = -1;
	int ret = b->first->id ? 0 : id_make(b->first, &made);

	if (ret >= 0)
		ret = map_open(b->first->id, access == O_RDONLY   ? BPF_F_RDONLY
					     : access == O_WRONLY ? BPF_F_WRONLY
								  : 0);
	if (ret < 0)
		return ret;
	broker_give(r, b->slot, ret);
	return 0;
}

static int map_freeze(uint32_t id)
{
	cleanup_close int fd = map_open(id, 0);
	union bpf_attr a = { .map_fd = (uint32_t)fd };
	int r = fd < 0 ? fd : bpf_call(BPF_MAP_FREEZE, &a);

	return fd >= 0 && r < 0 ? fail(-r, "BPF_MAP_FREEZE") : r;
}

static int each_map(struct restore *r, int (*fn)(struct restore *r, struct bpf_file *b))
{
	for (size_t i = 0; i < r->nr_files; i++) {
		struct file *f = r->files[i];
		int ret = f->kind == &bpfmap_kind ? fn(r, file_to(struct bpf_file, f)) : 0;

		if (ret < 0)
			return f->owner ? task_fail_at(fail_at(ret, "fd %d", f->owner_fd), f->owner)
					: fail_at(ret, "file %u", f->id);
	}
	return 0;
}

static int freeze_one(struct restore *r, struct bpf_file *b)
{
	(void)r;
	return b->first == b && b->file.entry->bpf->frozen ? map_freeze(b->id) : 0;
}

static int bpfmap_create_all(struct restore *r)
{
	int ret = each_map(r, description_make);

	if (ret >= 0 && r->bpf_maps.nr)
		ret = data_load(r);
	return ret < 0 ? ret : each_map(r, freeze_one);
}

static int bpfmap_open(struct restore *r, struct file *f)
{
	const BpfmapFileEntry *e = f->entry->bpf;
	cleanup_close int fd = broker_take(r, file_to(struct bpf_file, f)->slot);
	int ret = fd < 0 ? fd : status_restore(fd, e->flags, e->fown);

	return ret < 0 ? ret : take_fd(&fd);
}

const struct file_kind bpfmap_kind = {
	.name = "bpfmap",
	.type = FD_TYPES__BPFMAP,
	.size = sizeof(struct bpf_file),
	.match = bpfmap_match,
	.dump = bpfmap_dump,
	.load = bpfmap_load,
	.create_all = bpfmap_create_all,
	.open = bpfmap_open,
};
