// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/proc_vma.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "criu/base/mem.h"
#include "criu/kernel/text.h"

struct vma_parser {
	struct proc_vmas list;
	const char *name; /* the last one that was stored */
	size_t name_len;
	uint16_t keys_of[26]; /* which of smaps_keys begin with this letter */
	bool smaps;
	unsigned char flag_of[26 * 26]; /* two letters to flag number + 1 */
};

static const char no_name[] = "";

/* \012 is a newline. The length without the NUL. */
static size_t name_decode(const struct text *name, char *to)
{
	char *out = to;
	struct text t = *name;

	while (!text_empty(&t)) {
		const char *esc = memchr(t.p, '\\', text_len(&t));
		size_t plain = (size_t)((esc ? esc : t.end) - t.p);

		memcpy(out, t.p, plain);
		out += plain;
		t.p += plain;
		if (text_empty(&t))
			break;
		*out++ = text_lit(&t, "\\012") ? '\n' : *t.p++;
	}
	*out = '\0';
	return (size_t)(out - to);
}

static const struct {
	const char *name;
	uint8_t special;
} special_names[] = {
	{ "[heap]", PROC_VMA_HEAP },
	{ "[stack]", PROC_VMA_STACK },
	{ "[vdso]", PROC_VMA_VDSO },
	{ "[vvar]", PROC_VMA_VVAR },
	{ "[vvar_vclock]", PROC_VMA_VVAR_VCLOCK },
	{ "[vsyscall]", PROC_VMA_VSYSCALL },
	{ "[uprobes]", PROC_VMA_UPROBES },
};

static bool name_between(struct text *name, const char *head, size_t head_len)
{
	struct text t = *name;

	if (!text_str(&t, head, head_len) || text_empty(&t) || t.end[-1] != ']')
		return false;
	t.end--;
	*name = t;
	return true;
}

/* What kind of [...] it is; *name is narrowed to what path shall be. */
static uint8_t name_special(struct text *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(special_names); i++)
		if (text_is(name, special_names[i].name)) {
			name->p = name->end;
			return special_names[i].special;
		}
	if (name_between(name, "[anon:", 6))
		return PROC_VMA_ANON_NAMED;
	if (name_between(name, "[anon_shmem:", 12))
		return PROC_VMA_SHMEM_NAMED;
	return PROC_VMA_OTHER;
}

#define DELETED     " (deleted)"
#define DELETED_LEN (sizeof(DELETED) - 1)

/* A library's mappings follow each other: their name is stored once. */
static const char *name_store(struct vma_parser *p, const struct text *name)
{
	size_t len = text_len(name);
	char *to;

	if (!len)
		return no_name;
	if (p->name_len == len && memcmp(p->name, name->p, len) == 0)
		return p->name;
	to = arena_alloc(&p->list.names, len + 1);
	p->name = to;
	p->name_len = name_decode(name, to);
	return to;
}

static void vma_name(struct vma_parser *p, struct proc_vma *v, struct text name)
{
	size_t len;

	if (!text_empty(&name) && *name.p == '[')
		v->special = name_special(&name);
	len = text_len(&name);
	if (v->special == PROC_VMA_NONE && len > DELETED_LEN &&
	    memcmp(name.end - DELETED_LEN, DELETED, DELETED_LEN) == 0) {
		name.end -= DELETED_LEN;
		v->deleted = true;
	}
	v->path = name_store(p, &name);
}

/* "rwxp" */
static bool vma_prot(struct text *t, struct proc_vma *v)
{
	const char *p = t->p;

	if (text_len(t) < 4)
		return false;
	if ((p[0] != 'r' && p[0] != '-') || (p[1] != 'w' && p[1] != '-') ||
	    (p[2] != 'x' && p[2] != '-') || (p[3] != 'p' && p[3] != 's'))
		return false;
	v->prot = (uint8_t)((p[0] == 'r' ? PROT_READ : 0) | (p[1] == 'w' ? PROT_WRITE : 0) |
			    (p[2] == 'x' ? PROT_EXEC : 0));
	v->shared = p[3] == 's';
	t->p += 4;
	return true;
}

/* "55e0-55f0 r--p 00002000 fe:00 247498      /usr/bin/head" */
static int vma_line(struct vma_parser *p, struct text *t)
{
	struct proc_vma v = { .path = no_name };
	struct proc_vma *slot;

	if (!text_hex(t, &v.start) || !text_char(t, '-') || !text_hex(t, &v.end) ||
	    !text_char(t, ' ') || !vma_prot(t, &v) || !text_char(t, ' ') ||
	    !text_hex(t, &v.pgoff) || !text_char(t, ' ') || !text_hex32(t, &v.dev_major) ||
	    !text_char(t, ':') || !text_hex32(t, &v.dev_minor) || !text_char(t, ' ') ||
	    !text_u64(t, &v.ino) || v.start >= v.end)
		return -EINVAL;
	if (!text_empty(t) && *t->p != ' ')
		return -EINVAL;
	text_blanks(t);
	slot = array_push(p->list.v, p->list.nr, p->list.cap);
	*slot = v;
	vma_name(p, slot, *t);
	return 0;
}

struct smaps_key {
	const char *key;
	unsigned char len, size;
	unsigned short offset;
};

#define KEY(name, member)                                                                          \
	{                                                                                          \
		name ":", sizeof(name ":") - 1, sizeof(((struct proc_vma *)0)->member),            \
		    offsetof(struct proc_vma, member)                                              \
	}

static const struct smaps_key smaps_keys[] = {
	KEY("KernelPageSize", page_kb),
	KEY("Rss", rss_kb),
	KEY("Anonymous", anonymous_kb),
	KEY("AnonHugePages", anon_huge_kb),
	KEY("Shared_Hugetlb", shared_hugetlb_kb),
	KEY("Private_Hugetlb", private_hugetlb_kb),
	KEY("Swap", swap_kb),
	KEY("Locked", locked_kb),
	KEY("ProtectionKey", pkey),
};

static bool smaps_number(struct text *t, const struct smaps_key *k, struct proc_vma *v)
{
	char *to = (char *)v + k->offset;
	uint64_t n;

	if (!text_next_u64(t, &n))
		return false;
	if (k->size == sizeof(uint8_t)) {
		*(uint8_t *)to = (uint8_t)n;
		return n <= UINT8_MAX;
	}
	if (k->size == sizeof(uint32_t)) {
		*(uint32_t *)to = (uint32_t)n;
		return n <= UINT32_MAX;
	}
	*(uint64_t *)to = n;
	return true;
}

static int smaps_flags(const struct vma_parser *p, struct text *t, struct proc_vma *v)
{
	if (v->vmflags_known)
		return -EINVAL;
	v->vmflags_known = true;
	while (!text_done(t)) {
		unsigned int a, b, nr = 0;

		if (text_len(t) < 2 || (text_len(t) > 2 && t->p[2] != ' '))
			return -EINVAL;
		a = (unsigned int)t->p[0] - 'a';
		b = (unsigned int)t->p[1] - 'a';
		t->p += 2;
		if (a < 26 && b < 26)
			nr = p->flag_of[a * 26 + b];
		v->vmflags |= nr ? 1ull << (nr - 1) : PROC_VMF_OTHER;
	}
	return 0;
}

/* Most lines are of no interest here: this is asked 24 times for each mapping. */
static int smaps_line(const struct vma_parser *p, struct text *t)
{
	struct proc_vma *v;

	if (!p->list.nr)
		return -EINVAL;
	v = &p->list.v[p->list.nr - 1];
	if (*t->p == 'V' && text_lit(t, "VmFlags:"))
		return smaps_flags(p, t, v);
	for (unsigned int mask = p->keys_of[*t->p - 'A']; mask; mask &= mask - 1) {
		const struct smaps_key *k = &smaps_keys[__builtin_ctz(mask)];

		if (text_str(t, k->key, k->len))
			return smaps_number(t, k, v) ? 0 : -EINVAL;
	}
	return 0;
}

/* The line of a mapping starts with a small hexadecimal digit, a key with a capital. */
static int vma_lines(void *arg, const char *text, size_t len)
{
	struct vma_parser *p = arg;
	struct text t = text_of(text, len), line;
	int r;

	while (text_line(&t, &line)) {
		bool key = p->smaps && !text_empty(&line) && *line.p >= 'A' && *line.p <= 'Z';

		r = key ? smaps_line(p, &line) : vma_line(p, &line);
		if (r < 0)
			return r;
	}
	return 0;
}

static void parser_init(struct vma_parser *p, bool smaps)
{
	static const char letters[][3] = {
#define X(name) #name,
		PROC_VMFLAGS(X)
#undef X
	};

	*p = (struct vma_parser){ .smaps = smaps };
	if (!smaps)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		p->flag_of[(letters[i][0] - 'A') * 26 + letters[i][1] - 'A'] =
		    (unsigned char)(i + 1);
	for (size_t i = 0; i < ARRAY_SIZE(smaps_keys); i++)
		p->keys_of[smaps_keys[i].key[0] - 'A'] |= (uint16_t)(1u << i);
}

static int parser_end(struct vma_parser *p, int r, struct proc_vmas *ret)
{
	if (r < 0) {
		proc_vmas_done(&p->list);
		return r;
	}
	*ret = p->list;
	return 0;
}

static int vmas_parse(const char *text, size_t len, bool smaps, struct proc_vmas *ret)
{
	struct vma_parser p;

	parser_init(&p, smaps);
	return parser_end(&p, vma_lines(&p, text, len), ret);
}

int proc_maps_parse(const char *text, size_t len, struct proc_vmas *ret)
{
	return vmas_parse(text, len, false, ret);
}

int proc_smaps_parse(const char *text, size_t len, struct proc_vmas *ret)
{
	return vmas_parse(text, len, true, ret);
}

static int vmas_read(int dirfd, const char *path, struct proc_buf *b, struct proc_vmas *ret)
{
	struct vma_parser p;

	parser_init(&p, strcmp(path, "smaps") == 0);
	return parser_end(&p, proc_stream(dirfd, path, b, vma_lines, &p), ret);
}

int proc_maps_read(int dirfd, struct proc_buf *b, struct proc_vmas *ret)
{
	return vmas_read(dirfd, "maps", b, ret);
}

int proc_smaps_read(int dirfd, struct proc_buf *b, struct proc_vmas *ret)
{
	return vmas_read(dirfd, "smaps", b, ret);
}

struct proc_vmas_shared {
	size_t users;
	struct proc_vma *v;
	struct arena names;
};

void proc_vmas_share(struct proc_vmas *l, struct proc_vmas *ret)
{
	if (!l->shared) {
		l->shared = mem_alloc(sizeof(*l->shared));
		*l->shared = (struct proc_vmas_shared){ 1, l->v, l->names };
		l->names = (struct arena){ 0 };
	}
	__atomic_add_fetch(&l->shared->users, 1, __ATOMIC_RELAXED);
	*ret = *l;
}

void proc_vmas_own(struct proc_vmas *l)
{
	if (l->shared && l->v == l->shared->v)
		l->v = mem_dup(l->v, l->nr * sizeof(*l->v));
}

void proc_vmas_done(struct proc_vmas *l)
{
	struct proc_vmas_shared *shared = l->shared;

	if (!shared || l->v != shared->v)
		free(l->v);
	if (shared && !__atomic_sub_fetch(&shared->users, 1, __ATOMIC_ACQ_REL)) {
		arena_done(&shared->names);
		free(shared->v);
		free(shared);
	}
	arena_done(&l->names);
	*l = (struct proc_vmas){ 0 };
}

const struct proc_vma *proc_vmas_find(const struct proc_vmas *l, uint64_t addr)
{
	size_t lo = 0, hi = l->nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (l->v[mid].end <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < l->nr && l->v[lo].start <= addr ? &l->v[lo] : NULL;
}
