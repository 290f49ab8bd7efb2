// SPDX-License-Identifier: GPL-2.0-only
/* The types of the running kernel (Documentation/bpf/btf.rst of Linux): where a member lies. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf_type;

struct btf {
	char *data; /* of btf_open(): mapped or read */
	size_t len;
	const char *names;
	size_t names_len;
	const struct btf_type **marks; /* every so manieth type, by id; owned */
	uint32_t nr_types; /* the first has no place: it is void */
};

/* /sys/kernel/btf/vmlinux. 0, or -errno; -ENOENT: a kernel without. */
int btf_open(struct btf *ret);
/* The same of bytes that the caller keeps as long. -EINVAL: they are none. */
int btf_parse(struct btf *ret, const void *data, size_t len);
void btf_done(struct btf *b);

#define cleanup_btf __attribute__((cleanup(btf_done)))

/* A struct (BTF_KIND_STRUCT) or function (BTF_KIND_FUNC) by name: its id, or 0. Names that are
 * looked for together cost one pass. */
struct btf_name {
	const char *name;
	uint32_t kind;
	uint32_t id; /* filled in */
};

void btf_find(const struct btf *b, struct btf_name *names, size_t nr);

/* The offset in bytes of a member of struct id, also one of an unnamed struct or union in it; or
 * of a member of that member: "member.inner".
 * -ENOENT: there is none; -EINVAL: it does not begin at a byte. */
int btf_member(const struct btf *b, uint32_t id, const char *name);
/* The same of the byte in which a member begins that is a bit field. */
int btf_member_byte(const struct btf *b, uint32_t id, const char *name);
/* How many elements a member has that is an array; 0: it is none. */
size_t btf_array(const struct btf *b, uint32_t id, const char *name);
/* Of a struct, in bytes. */
size_t btf_size(const struct btf *b, uint32_t id);

/* Where members of some types lie. Zero-initialise. */
struct btf_layout {
	struct btf btf;
	struct btf_name *names; /* owned */
	bool missing; /* something that was asked for is not there */
};

/* Of the running kernel. 0, or -errno; -ENOTSUP: it does not have all of these names. */
int btf_layout_open(struct btf_layout *l, const struct btf_name *names, size_t nr);
void btf_layout_done(struct btf_layout *l);
/* Of a member of names[type]; where there is none, 0, and l->missing. */
int btf_at(struct btf_layout *l, size_t type, const char *member);
/* 0 where this kernel has none: only for a member that is never the first. */
int btf_at_optional(const struct btf_layout *l, size_t type, const char *member);

#define cleanup_btf_layout __attribute__((cleanup(btf_layout_done)))
