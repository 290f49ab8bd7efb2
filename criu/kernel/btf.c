// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/btf.h"

#include <assert.h>
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

/* Ids count from 1. */
static int types_index(struct btf *b, const char *at, const char *end)
{
	size_t cap = (size_t)(end - at) / 32;

	*array_push(b->types, b->nr_types, cap) = NULL;
	while (at < end) {
		const struct btf_type *t = (const void *)at;
		size_t left = (size_t)(end - at);

		if (left < sizeof(*t) || left - sizeof(*t) < rest_len(t))
			return -EINVAL;
		*array_push(b->types, b->nr_types, cap) = t;
		at += sizeof(*t) + rest_len(t);
	}
	return 0;
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
	free(b->types);
	*b = (struct btf){ 0 };
}

#define NAMES_MAX 32

/* The first bytes of a name, with its NUL: most of some hundred thousand others differ in these. */
struct front {
	uint32_t bytes, mask;
};

static uint32_t front_of(const struct btf *b, uint32_t off)
{
	size_t left = b->names_len - off;
	uint32_t bytes = 0;

	if (left >= sizeof(bytes))
		memcpy(&bytes, b->names + off, sizeof(bytes));
	else
		memcpy(&bytes, b->names + off, left);
	return bytes;
}

static struct front front_wanted(const char *name)
{
	size_t len = strlen(name) + 1;
	struct front f = { 0 };

	if (len > sizeof(f.bytes))
		len = sizeof(f.bytes);
	memcpy(&f.bytes, name, len);
	memset(&f.mask, 0xff, len);
	return f;
}

void btf_find(const struct btf *b, struct btf_name *names, size_t nr)
{
	struct front front[NAMES_MAX];

	assert(nr <= NAMES_MAX);
	for (size_t i = 0; i < nr; i++)
		front[i] = front_wanted(names[i].name);
	for (uint32_t id = 1; id < b->nr_types; id++) {
		const struct btf_type *t = b->types[id];
		uint32_t kind = BTF_INFO_KIND(t->info), is;

		if ((kind != BTF_KIND_STRUCT && kind != BTF_KIND_FUNC) ||
		    t->name_off >= b->names_len)
			continue;
		is = front_of(b, t->name_off);
		for (size_t i = 0; i < nr; i++)
			if ((is & front[i].mask) == front[i].bytes && names[i].kind == kind &&
			    !strcmp(names[i].name, b->names + t->name_off))
				names[i].id = id;
	}
}

/* In bits. */
static uint32_t member_offset(const struct btf_type *t, const struct btf_member *m)
{
	return BTF_INFO_KFLAG(t->info) ? BTF_MEMBER_BIT_OFFSET(m->offset) : m->offset;
}

static bool is_struct(const struct btf *b, uint32_t id)
{
	uint32_t kind = id && id < b->nr_types ? BTF_INFO_KIND(b->types[id]->info) : BTF_KIND_UNKN;

	return kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION;
}

struct unnamed {
	uint32_t id;
	uint32_t at; /* bits */
	uint32_t next; /* member */
};

/* In bits. Goes down into unnamed ones as it meets them: a stack of where it was. */
static bool member_find(const struct btf *b, uint32_t id, const char *name, uint32_t *ret)
{
	struct unnamed stack[UNNAMED_MAX] = { { id, 0, 0 } };
	size_t depth = is_struct(b, id);

	while (depth) {
		struct unnamed *in = &stack[depth - 1];
		const struct btf_type *t = b->types[in->id];
		const struct btf_member *m = (const struct btf_member *)(t + 1) + in->next;
		uint32_t at;

		if (in->next++ >= BTF_INFO_VLEN(t->info)) {
			depth--;
			continue;
		}
		at = in->at + member_offset(t, m);
		if (m->name_off && !strcmp(name_of(b, m->name_off), name)) {
			*ret = at;
			return true;
		}
		if (!m->name_off && is_struct(b, m->type) && depth < UNNAMED_MAX)
			stack[depth++] = (struct unnamed){ m->type, at, 0 };
	}
	return false;
}

int btf_member(const struct btf *b, uint32_t id, const char *name)
{
	uint32_t at;

	if (!member_find(b, id, name, &at))
		return -ENOENT;
	return at % 8 ? -EINVAL : (int)(at / 8);
}

int btf_member_byte(const struct btf *b, uint32_t id, const char *name)
{
	uint32_t at;

	return member_find(b, id, name, &at) ? (int)(at / 8) : -ENOENT;
}

size_t btf_size(const struct btf *b, uint32_t id)
{
	return is_struct(b, id) ? b->types[id]->size : 0;
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
