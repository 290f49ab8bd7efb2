// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/peek.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/param.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/bpf.h"

#define WORDS       32 /* at once: on the stack of a program */
#define WORDS_BYTES (WORDS * sizeof(uint64_t))
#define CPUS_MAX    8192

static int record_take(void *arg, const void *record)
{
	memcpy(arg, record, WORDS_BYTES);
	return 0;
}

/* The iterator shows one task: crtool's. */
static int program_run(int prog, uint64_t *ret)
{
	return bpf_iterate(prog, WORDS_BYTES, BPF_OF_THREAD, gettid(), record_take, ret);
}

static int gather_load(struct peek *p, uint32_t iterator)
{
	struct bpf_code c = { 0 };

	bpf_code_begin(&c, WORDS_BYTES, 1);
	bpf_code_own(&c, 0, WORDS_BYTES, p->words);
	for (size_t i = 0; i < WORDS; i++)
		bpf_code_follow(&c, i * 8, 8, i * 8, 0);
	return bpf_code_end(&c, iterator, &p->gather);
}

/* A map that each processor has a place in: where these lie, from the address that all have in
 * common, tells what every such variable lies apart by. */
static int map_make(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_PERCPU_ARRAY,
		.key_size = 4,
		.value_size = 8,
		.max_entries = 1,
	};

	return bpf_call(BPF_MAP_CREATE, &attr);
}

static int map_address(int map, uint32_t iterator, uint64_t *ret)
{
	cleanup_close int prog = -1;
	struct bpf_code c = { 0 };
	uint64_t found[WORDS];
	int r;

	bpf_code_begin(&c, WORDS_BYTES, 1);
	bpf_code_map(&c, 0, map);
	r = bpf_code_end(&c, iterator, &prog);
	if (r >= 0)
		r = program_run(prog, found);
	if (r >= 0)
		*ret = found[0];
	return r;
}

/* Of WORDS processors: how many of them there may be. */
static ssize_t cpus_read(uint64_t *ret, uint32_t iterator, int map, size_t first)
{
	cleanup_close int prog = -1;
	struct bpf_code c = { 0 };
	size_t nr = 0;
	int r;

	bpf_code_begin(&c, WORDS_BYTES, 1);
	for (size_t i = 0; i < WORDS; i++)
		bpf_code_percpu(&c, i * 8, map, (unsigned int)(first + i));
	r = bpf_code_end(&c, iterator, &prog);
	if (r >= 0)
		r = program_run(prog, ret);
	if (r < 0)
		return r;
	while (nr < WORDS && ret[nr])
		nr++;
	return (ssize_t)nr;
}

static int cpus_find(struct peek *p, uint32_t iterator, int map)
{
	uint64_t found[WORDS];
	ssize_t nr = WORDS;

	for (size_t first = 0; nr == WORDS && first < CPUS_MAX; first += WORDS) {
		nr = cpus_read(found, iterator, map, first);
		if (nr < 0)
			return (int)nr;
		p->cpu_offsets = mem_realloc(p->cpu_offsets, p->nr_cpus + (size_t)nr + 1,
					     sizeof(*p->cpu_offsets));
		memcpy(p->cpu_offsets + p->nr_cpus, found, (size_t)nr * sizeof(*found));
		p->nr_cpus += (size_t)nr;
	}
	return p->nr_cpus ? 0 : -ENOTSUP;
}

/* places: where the map has the address that its processors have in common. */
static int offsets_find(struct peek *p, uint32_t iterator, int places)
{
	cleanup_close int map = map_make();
	uint64_t at = 0;
	int r = map < 0 ? map : cpus_find(p, iterator, map);

	if (r >= 0)
		r = map_address(map, iterator, &at);
	at += (uint64_t)places;
	if (r >= 0)
		r = peek_gather(p, &at, 1);
	for (size_t i = 0; i < p->nr_cpus && r >= 0; i++)
		p->cpu_offsets[i] -= at;
	return r;
}

int peek_open(struct peek *ret, const struct btf *btf)
{
	struct btf_name names[] = {
		{ "bpf_iter_task", BTF_KIND_FUNC, 0 },
		{ "bpf_array", BTF_KIND_STRUCT, 0 },
	};
	struct peek p = { .gather = -1 };
	int places, r;

	btf_find(btf, names, ARRAY_SIZE(names));
	places = names[1].id ? btf_member(btf, names[1].id, "pptrs") : -ENOENT;
	if (!names[0].id || places < 0)
		return -ENOTSUP;
	p.words = mem_alloc(WORDS_BYTES);
	r = gather_load(&p, names[0].id);
	if (r >= 0)
		r = offsets_find(&p, names[0].id, places);
	if (r < 0)
		peek_done(&p);
	else
		*ret = p;
	return r;
}

void peek_done(struct peek *p)
{
	if (p->gather >= 0)
		close(p->gather);
	free(p->words);
	free(p->cpu_offsets);
	*p = (struct peek){ .gather = -1 };
}

int peek_gather(const struct peek *p, uint64_t *word, size_t nr)
{
	uint64_t found[WORDS] = { 0 };

	for (size_t at = 0; at < nr; at += WORDS) {
		size_t now = MIN(nr - at, (size_t)WORDS);
		int r;

		memset(p->words, 0, WORDS_BYTES);
		memcpy(p->words, word + at, now * sizeof(*word));
		r = program_run(p->gather, found);
		if (r < 0)
			return r;
		memcpy(word + at, found, now * sizeof(*word));
	}
	return 0;
}

int peek_read(const struct peek *p, uint64_t at, void *ret, size_t size)
{
	size_t nr = (size + 7) / 8;
	uint64_t *word = mem_alloc(nr * sizeof(*word));
	int r;

	for (size_t i = 0; i < nr; i++)
		word[i] = at + i * 8;
	r = peek_gather(p, word, nr);
	if (r >= 0)
		memcpy(ret, word, size);
	free(word);
	return r;
}

int peek_percpu_s32(const struct peek *p, uint64_t at, int64_t *ret)
{
	uint64_t *word = mem_alloc(p->nr_cpus * sizeof(*word));
	int64_t sum = 0;
	int r;

	for (size_t i = 0; i < p->nr_cpus; i++)
		word[i] = at + p->cpu_offsets[i];
	r = peek_gather(p, word, p->nr_cpus);
	for (size_t i = 0; i < p->nr_cpus; i++)
		sum += (int32_t)word[i];
	free(word);
	if (r >= 0)
		*ret = sum;
	return r;
}
