// SPDX-License-Identifier: GPL-2.0-only
/*
 * BPF maps of each sort that is kept: what is in them, flags, names; one that is frozen; one that
 * two descriptions are of, the second of which may only read.
 */
#include "zdtmtst.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRIES 10000u

static const struct sort {
	uint32_t type, key, value, entries, flags, used;
	bool each_processor, frozen;
} sorts[] = {
	{ BPF_MAP_TYPE_HASH, 8, 12, ENTRIES + 7, 0, ENTRIES, false, false },
	{ BPF_MAP_TYPE_HASH, 5, 3, 100, BPF_F_NO_PREALLOC, 100, false, true },
	{ BPF_MAP_TYPE_ARRAY, 4, 6, ENTRIES, BPF_F_MMAPABLE, ENTRIES, false, false },
	{ BPF_MAP_TYPE_PERCPU_HASH, 4, 12, 50, 0, 40, true, false },
	{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 50, 0, 50, true, false },
	{ BPF_MAP_TYPE_LRU_HASH, 16, 8, 64, 0, 20, false, false },
	{ BPF_MAP_TYPE_LRU_PERCPU_HASH, 4, 8, 64, 0, 20, true, false },
	{ BPF_MAP_TYPE_LPM_TRIE, 8, 4, 300, BPF_F_NO_PREALLOC, 200, false, false },
	{ BPF_MAP_TYPE_HASH, 4, 4, 3, 0, 0, false, false },
};

static long bpf(int cmd, union bpf_attr *a)
{
	return syscall(SYS_bpf, cmd, a, sizeof(*a));
}

static int map_new(const struct sort *s, const char *name)
{
	union bpf_attr a = { .map_type = s->type,
			     .key_size = s->key,
			     .value_size = s->value,
			     .max_entries = s->entries,
			     .map_flags = s->flags };

	memcpy(a.map_name, name, strlen(name));
	return (int)must(bpf(BPF_MAP_CREATE, &a));
}

static size_t value_bytes(const struct sort *s)
{
	return s->each_processor ? (s->value + 7ul) / 8 * 8 * (size_t)sysconf(_SC_NPROCESSORS_CONF)
				 : s->value;
}

/* Number i of a map: of a trie, a prefix of 32 bits, then the number. */
static void entry_make(const struct sort *s, uint32_t i, uint8_t *key, uint8_t *value)
{
	uint32_t prefix = 32;

	memset(key, 0, s->key);
	memcpy(key, s->type == BPF_MAP_TYPE_LPM_TRIE ? &prefix : &i, 4);
	if (s->type == BPF_MAP_TYPE_LPM_TRIE)
		memcpy(key + 4, &i, 4);
	memset(value, 0, value_bytes(s));
	for (size_t at = 0; at < value_bytes(s); at += (s->value + 7ul) / 8 * 8)
		datagen(value + at, s->value, i * 64 + (uint32_t)at);
}

static long element(int cmd, int fd, uint8_t *key, uint8_t *value)
{
	union bpf_attr a = { .map_fd = (uint32_t)fd,
			     .key = (uintptr_t)key,
			     .value = (uintptr_t)value };

	return bpf(cmd, &a);
}

static uint32_t count(int fd, const struct sort *s)
{
	uint8_t key[64] = "", next[64];
	union bpf_attr a = { .map_fd = (uint32_t)fd, .next_key = (uintptr_t)next };
	uint32_t nr = 0;

	while (bpf(BPF_MAP_GET_NEXT_KEY, &a) == 0) {
		memcpy(key, next, s->key);
		a.key = (uintptr_t)key;
		nr++;
	}
	return nr;
}

static bool map_check(int fd, const struct sort *s)
{
	uint8_t key[64], *wanted = calloc(1, value_bytes(s)), *value = calloc(1, value_bytes(s));
	bool good = count(fd, s) == s->used;

	for (uint32_t i = 0; i < s->used && good; i++) {
		entry_make(s, i, key, wanted);
		good = element(BPF_MAP_LOOKUP_ELEM, fd, key, value) == 0 &&
		       memcmp(value, wanted, value_bytes(s)) == 0;
	}
	free(wanted);
	free(value);
	return good;
}

static void info(int fd, struct bpf_map_info *ret)
{
	union bpf_attr a = {
		.info = { .bpf_fd = (uint32_t)fd, .info_len = sizeof(*ret), .info = (uintptr_t)ret }
	};

	memset(ret, 0, sizeof(*ret));
	must(bpf(BPF_OBJ_GET_INFO_BY_FD, &a));
}

int main(int argc, char **argv)
{
	int fd[ARRAY_SIZE(sorts)], reader;
	uint8_t key[64] = { 1 }, value[4096] = { 2 };
	struct bpf_map_info m;
	union bpf_attr a;

	test_init(argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(sorts); i++) {
		char name[] = "map_0";

		name[4] += (char)i;
		fd[i] = map_new(&sorts[i], name);
		for (uint32_t k = 0; k < sorts[i].used; k++) {
			entry_make(&sorts[i], k, key, value);
			must(element(BPF_MAP_UPDATE_ELEM, fd[i], key, value));
		}
		a = (union bpf_attr){ .map_fd = (uint32_t)fd[i] };
		if (sorts[i].frozen)
			must(bpf(BPF_MAP_FREEZE, &a));
	}
	info(fd[0], &m);
	a = (union bpf_attr){ .map_id = m.id, .open_flags = BPF_F_RDONLY };
	reader = (int)must(bpf(BPF_MAP_GET_FD_BY_ID, &a));

	test_daemon();
	test_waitsig();

	for (size_t i = 0; i < ARRAY_SIZE(sorts); i++) {
		info(fd[i], &m);
		if (m.name[4] != (char)('0' + i) || m.type != sorts[i].type ||
		    m.max_entries != sorts[i].entries || m.map_flags != sorts[i].flags)
			return fail("map %zu is another: %s", i, m.name);
		if (!map_check(fd[i], &sorts[i]))
			return fail("map %zu (%s) has not what was in it", i, m.name);
		entry_make(&sorts[i], 0, key, value);
		if ((element(BPF_MAP_UPDATE_ELEM, fd[i], key, value) == 0) == sorts[i].frozen)
			return fail("map %zu: frozen, or not any more", i);
	}
	entry_make(&sorts[0], 1, key, value);
	if (element(BPF_MAP_UPDATE_ELEM, reader, key, value) == 0 || errno != EPERM)
		return fail("who may only read has written");
	memset(value, 'x', sizeof(value));
	must(element(BPF_MAP_UPDATE_ELEM, fd[0], key, value));
	memset(value, 0, sizeof(value));
	must(element(BPF_MAP_LOOKUP_ELEM, reader, key, value));
	return value[0] == 'x' ? pass() : fail("two descriptions of one map are of two maps now");
}
