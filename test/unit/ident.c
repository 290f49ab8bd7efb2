// SPDX-License-Identifier: GPL-2.0-only
#include "criu/core/ident.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test/unit/test.h"

#define FILES 8
#define DUPS  3

/* Each of a few descriptions of one file under some numbers. */
struct many {
	int fd[FILES][DUPS];
	struct stat st;
	struct ident_set set;
	uint32_t last;
};

static bool many_open(struct many *m)
{
	m->last = 100;
	ident_set_init(&m->set, &m->last);
	for (int i = 0; i < FILES; i++) {
		m->fd[i][0] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		for (int k = 1; k < DUPS; k++)
			m->fd[i][k] = fcntl(m->fd[i][0], F_DUPFD_CLOEXEC, 0);
	}
	return CHECK(fstat(m->fd[0][0], &m->st) == 0);
}

static void many_close(struct many *m)
{
	for (int i = 0; i < FILES; i++)
		for (int k = 0; k < DUPS; k++)
			close(m->fd[i][k]);
	ident_set_done(&m->set);
}

/* The id of a description under its k-th number; addresses are whatever differs. */
static uint32_t get(struct many *m, int i, int k, bool has_address, int expected)
{
	const struct ident_file f = {
		.dev = m->st.st_dev,
		.ino = m->st.st_ino,
		.address = has_address ? 0xffff888100000000 + 256 * (uint64_t)i : 0,
		.pid = getpid(),
		.fd = m->fd[i][k],
	};
	uint32_t id = 0;

	CHECK(ident_set_get(&m->set, &f, &id) == expected);
	return id;
}

static void check_all(bool (*has_address)(int i, int k))
{
	struct many m;
	uint32_t ids[FILES];

	if (!many_open(&m))
		return;
	for (int i = 0; i < FILES; i++) {
		ids[i] = get(&m, i, 0, has_address(i, 0), 1);
		CHECK(ids[i] == 101 + (uint32_t)i);
		for (int at = 0; at <= i; at++)
			CHECK(get(&m, at, 1, has_address(at, 1), 0) == ids[at]);
	}
	for (int i = 0; i < FILES; i++)
		CHECK(get(&m, i, 2, has_address(i, 2), 0) == ids[i]);
	CHECK(m.last == 100 + FILES);
	many_close(&m);
}

static bool always(int i, int k)
{
	return i >= 0 && k >= 0;
}

static bool never(int i, int k)
{
	return i < 0 || k < 0;
}

/* The others come when all that have one are there. */
static bool at_first(int i, int k)
{
	return i >= 0 && k < 2;
}

static bool some_files(int i, int k)
{
	return k >= 0 && i % 2;
}

static bool some_numbers(int i, int k)
{
	return (i + k) % 2;
}

TEST(ident_set_by_address)
{
	check_all(always);
}

TEST(ident_set_by_kcmp)
{
	check_all(never);
}

TEST(ident_set_mixed)
{
	check_all(at_first);
	check_all(some_files);
	check_all(some_numbers);
}
