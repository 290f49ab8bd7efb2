// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/btf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/io.h"
#include "criu/base/mem.h"

#define VMLINUX     "/sys/kernel/btf/vmlinux"
#define VMLINUX_MAX (64u << 20)
#define UNNAMED_MAX 8 /* structs without a name in each other */
#define MARK_EVERY  32

#define QUALIFIERS_MAX 16

/* What follows struct btf_type. */
static size_t rest_len(const struct btf_type *t)
{
	size_t nr = BTF_INFO_VLEN(t->info);

	switch (BTF_INFO_KIND(t->info)) {
	case BTF_KIND_INT:
		return sizeof(uint32_t);
	case BTF_KIND_ARRAY:
		return sizeof(struct btf_array);
	case BTF_KIND_STRUCT:
	case BTF_KIND_UNION:
		return nr * sizeof(struct btf_member);
	case BTF_KIND_ENUM:
		return nr * sizeof(struct btf_enum);
	case BTF_KIND_ENUM64:
		return nr * sizeof(struct btf_enum64);
	case BTF_KIND_FUNC_PROTO:
		return nr * sizeof(struct btf_param);
	case BTF_KIND_VAR:
		return sizeof(struct btf_var);
	case BTF_KIND_DATASEC:
		return nr * sizeof(struct btf_var_secinfo);
	case BTF_KIND_DECL_TAG:
		return sizeof(struct btf_decl_tag);
	default:
		return 0;
	}
}

static const char *name_of(const struct btf *b, uint32_t off)
{
	return off < b->names_len ? b->names + off : "";
}

static const struct btf_type *next_type(const struct btf_type *t)
{
	return (const void *)((const char *)(t + 1) + rest_len(t));
}

/* Ids count from 1. A mark for each would take more time than the way from one to the next. */
static int types_index(struct btf *b, const char *at, const char *end)
{
	size_t nr = 0, cap = (size_t)(end - at) / sizeof(struct btf_type) / MARK_EVERY + 1;

	b->marks = mem_alloc(cap * sizeof(*b->marks));
	for (b->nr_types = 1; at < end; b->nr_types++) {
		const struct btf_type *t = (const void *)at;
		size_t left = (size_t)(end - at);

		if (left < sizeof(*t) || left - sizeof(*t) < rest_len(t))
			return -EINVAL;
		if (b->nr_types % MARK_EVERY == 1)
			b->marks[nr++] = t;
		at = (const char *)next_type(t);
	}
	return 0;
}

/* NULL: there is none. */
static const struct btf_type *type_of(const struct btf *b, uint32_t id)
{
	const struct btf_type *t;

	if (!id || id >= b->nr_types)
		return NULL;
	t = b->marks[(id - 1) / MARK_EVERY];
	for (uint32_t i = 0; i < (id - 1) % MARK_EVERY; i++)
		t = next_type(t);
	return t;
}

int btf_parse(struct btf *ret, const void *data, size_t len)
{
	const struct btf_header *h = data;
	struct btf b = { 0 };
	const char *base;
	size_t room;
	int r;

	if (len < sizeof(*h) || h->magic != BTF_MAGIC || h->hdr_len < sizeof(*h) ||
	    h->hdr_len > len || (h->hdr_len | h->type_off) & 3)
		return -EINVAL;
	base = (const char *)data + h->hdr_len;
	room = len - h->hdr_len;
	if (h->type_off > room || h->type_len > room - h->type_off || h->str_off > room ||
	    h->str_len > room - h->str_off || !h->str_len ||
	    base[h->str_off + h->str_len - 1] != '\0')
		return -EINVAL;
	b.names = base + h->str_off;
	b.names_len = h->str_len;
	r = types_index(&b, base + h->type_off, base + h->type_off + h->type_len);
	if (r < 0) {
		btf_done(&b);
		return r;
	}
	*ret = b;
	return 0;
}

/* It can be mapped since Linux 6.14 or so. */
static char *vmlinux_get(int fd, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	ssize_t n;

	if (p != MAP_FAILED)
		return p;
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	for (size_t at = 0; at < len; at += (size_t)n) {
		n = read(fd, (char *)p + at, len - at);
		if (n <= 0) {
			munmap(p, len);
			errno = n ? errno : EIO;
			return NULL;
		}
	}
	return p;
}

int btf_open(struct btf *ret)
{
	cleanup_close int fd = open(VMLINUX, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0 || st.st_size > VMLINUX_MAX)
		return -EINVAL;
	data = vmlinux_get(fd, (size_t)st.st_size);
	if (!data)
		return -errno;
	r = btf_parse(ret, data, (size_t)st.st_size);
	if (r < 0) {
		munmap(data, (size_t)st.st_size);
		return r;
	}
	ret->data = data;
	ret->len = (size_t)st.st_size;
	return 0;
}

void btf_done(struct btf *b)
{
	if (b->data)
		munmap(b->data, b->len);
	free(b->marks);
	*b = (struct btf){ 0 };
}

/* A bit for each two bytes that a name may begin with: most of some hundred thousand names begin
 * like none of those that are wanted. */
struct fronts {
	uint64_t bits[65536 / 64];
};

static uint32_t front_of(const char *name)
{
	return (uint32_t)(uint8_t)name[0] << 8 | (name[0] ? (uint8_t)name[1] : 0);
}

static bool front_is(const struct fronts *f, uint32_t front)
{
	return f->bits[front / 64] >> (front % 64) & 1;
}

void btf_find(const struct btf *b, struct btf_name *names, size_t nr)
{
	const struct btf_type *t = type_of(b, 1);
	struct fronts wanted = { { 0 } };

	for (size_t i = 0; i < nr; i++) {
		uint32_t front = front_of(names[i].name);

		wanted.bits[front / 64] |= 1ull << front % 64;
	}
	for (uint32_t id = 1; id < b->nr_types; id++, t = next_type(t)) {
		uint32_t kind = BTF_INFO_KIND(t->info);
		const char *name;

		if ((kind != BTF_KIND_STRUCT && kind != BTF_KIND_FUNC) ||
		    t->name_off >= b->names_len)
			continue;
		name = b->names + t->name_off; /* the last of them ends with a NUL */
		if (!front_is(&wanted, front_of(name)))
			continue;
		for (size_t i = 0; i < nr; i++)
			if (names[i].kind == kind && !strcmp(names[i].name, name))
				names[i].id = id;
	}
}

/* In bits. */
static uint32_t member_offset(const struct btf_type *t, const struct btf_member *m)
{
	return BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
}

/* NULL: it is none. */
static const struct btf_type *struct_of(const struct btf *b, uint32_t id)
{
	const struct btf_type *t = type_of(b, id);
	uint32_t kind = t ? BTF_INFO_KIND(t->info) : BTF_KIND_UNKN;

	return kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION ? t : NULL;
}

/* Without the names and qualifiers that it has been given. */
static uint32_t plain_type(const struct btf *b, uint32_t id)
{
	for (unsigned int i = 0; i < QUALIFIERS_MAX; i++) {
		const struct btf_type *t = type_of(b, id);
		uint32_t kind = t ? BTF_INFO_KIND(t->info) : BTF_KIND_UNKN;

		if (kind != BTF_KIND_TYPEDEF && kind != BTF_KIND_VOLATILE &&
		    kind != BTF_KIND_CONST && kind != BTF_KIND_TYPE_TAG)
			break;
		id = t->type;
	}
	return id;
}

struct unnamed {
	const struct btf_type *type;
	uint32_t at; /* bits */
	uint32_t next; /* member */
};

/* In bits. Goes down into unnamed ones as it meets them: a stack of where it was. */
static bool member_find(const struct btf *b, uint32_t id, const char *name, size_t len,
			uint32_t *ret, uint32_t *ret_type)
{
	struct unnamed stack[UNNAMED_MAX] = { { struct_of(b, id), 0, 0 } };
	size_t depth = stack[0].type ? 1 : 0;

	while (depth) {
		struct unnamed *in = &stack[depth - 1];
		const struct btf_type *t = in->type, *inner;
		const struct btf_member *m = (const struct btf_member *)(t + 1) + in->next;
		const char *its = name_of(b, m->name_off);
		uint32_t at;

		if (in->next++ >= BTF_INFO_VLEN(t->info)) {
			depth--;
			continue;
		}
		at = in->at + member_offset(t, m);
		if (m->name_off && !strncmp(its, name, len) && !its[len]) {
			*ret = at;
			*ret_type = plain_type(b, m->type);
			return true;
		}
		inner = m->name_off || depth >= UNNAMED_MAX ? NULL : struct_of(b, m->type);
		if (inner)
			stack[depth++] = (struct unnamed){ inner, at, 0 };
	}
	return false;
}

/* In bits, of a member of a member of ..., with points in between. */
static bool path_find(const struct btf *b, uint32_t id, const char *path, uint32_t *ret,
		      uint32_t *ret_type)
{
	uint32_t at;

	*ret_type = id;
	for (*ret = 0;; path++) {
		size_t len = strcspn(path, ".");

		if (!member_find(b, *ret_type, path, len, &at, ret_type))
			return false;
		*ret += at;
		path += len;
		if (!*path)
			return true;
	}
}

int btf_member(const struct btf *b, uint32_t id, const char *name)
{
	uint32_t at, type;

	if (!path_find(b, id, name, &at, &type))
		return -ENOENT;
	return at % 8 ? -EINVAL : (int)(at / 8);
}

int btf_member_byte(const struct btf *b, uint32_t id, const char *name)
{
	uint32_t at, type;

	return path_find(b, id, name, &at, &type) ? (int)(at / 8) : -ENOENT;
}

size_t btf_array(const struct btf *b, uint32_t id, const char *name)
{
	const struct btf_array *array;
	const struct btf_type *t;
	uint32_t at, type;

	if (!path_find(b, id, name, &at, &type))
		return 0;
	t = type_of(b, type);
	if (!t || BTF_INFO_KIND(t->info) != BTF_KIND_ARRAY)
		return 0;
	array = (const struct btf_array *)(t + 1);
	return array->nelems;
}

size_t btf_size(const struct btf *b, uint32_t id)
{
	const struct btf_type *t = struct_of(b, id);

	return t ? t->size : 0;
}

/* --- layouts ----------------------------------------------------------------------------- */

int btf_layout_open(struct btf_layout *l, const struct btf_name *names, size_t nr)
{
	int r = btf_open(&l->btf);

	if (r < 0)
		return r;
	l->names = mem_dup(names, nr * sizeof(*names));
	btf_find(&l->btf, l->names, nr);
	for (size_t i = 0; i < nr; i++)
		if (!l->names[i].id)
			return -ENOTSUP;
	return 0;
}

void btf_layout_done(struct btf_layout *l)
{
	btf_done(&l->btf);
	free(l->names);
	l->names = NULL;
}

int btf_at(struct btf_layout *l, size_t type, const char *member)
{
	int r = btf_member(&l->btf, l->names[type].id, member);

	if (r < 0)
		l->missing = true;
	return r < 0 ? 0 : r;
}

int btf_at_optional(const struct btf_layout *l, size_t type, const char *member)
{
	int r = btf_member(&l->btf, l->names[type].id, member);

	return r < 0 ? 0 : r;
}
