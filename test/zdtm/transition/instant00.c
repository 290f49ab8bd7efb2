// SPDX-License-Identifier: GPL-2.0-only
/*
 * What several processes have is of one instant, however it has been saved. Each write has a number
 * that no other has: it stands in shared memory before and after it, and in the private memory of
 * the process that has made it. Who comes to the same place again looks whether all three say
 * the same. Private memory of a later instant has numbers that are given out again; of an earlier
 * one, it lacks some.
 */
#include "zdtmtst.h"

#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#define PROCESSES 3
#define SLOTS     (1ul << 18)

struct slot {
	uint64_t begun, done, owner; /* owner: 0: nobody */
};

struct shared {
	uint64_t next;
	struct slot slots[SLOTS];
};

/* Private: of a cache line. */
struct record {
	uint64_t before, body[6], after;
};

static struct shared *shared;

static bool record_is_whole(const struct record *r)
{
	for (size_t i = 0; i < 6; i++)
		if (r->body[i] != r->before * (i + 2))
			return false;
	return r->before == r->after;
}

static bool look(const struct slot *s, const struct record *r, uint64_t number, uint64_t who)
{
	uint64_t begun = __atomic_load_n(&s->begun, __ATOMIC_SEQ_CST);
	uint64_t done = __atomic_load_n(&s->done, __ATOMIC_SEQ_CST);
	uint64_t owner = __atomic_load_n(&s->owner, __ATOMIC_SEQ_CST);
	bool at_rest = begun == done && begun < number && begun == s->begun;

	if (!record_is_whole(r))
		test_msg("record %llu is not whole\n", (unsigned long long)r->before);
	else if (r->before >= number)
		test_msg("record %llu is there before it was written\n",
			 (unsigned long long)r->before);
	else if (at_rest && owner == who && r->before != done)
		test_msg("record %llu is gone: there is %llu\n", (unsigned long long)done,
			 (unsigned long long)r->before);
	else
		return true;
	return false;
}

static void write_record(struct slot *s, struct record *r, uint64_t number, uint64_t who)
{
	__atomic_store_n(&s->begun, number, __ATOMIC_SEQ_CST);
	r->before = number;
	for (size_t i = 0; i < 6; i++)
		r->body[i] = number * (i + 2);
	r->after = number;
	__atomic_store_n(&s->owner, who, __ATOMIC_SEQ_CST);
	__atomic_store_n(&s->done, number, __ATOMIC_SEQ_CST);
}

static int process(void *arg)
{
	struct record *own = map_anon(SLOTS * sizeof(*own), PROT_READ | PROT_WRITE, 0);
	uint64_t who = (uintptr_t)arg, last = 0;
	bool good = true;

	for (size_t i = 0; i < SLOTS; i++)
		((volatile struct record *)own)[i].before = 0;
	while (good && test_go()) {
		uint64_t number = __atomic_add_fetch(&shared->next, 1, __ATOMIC_SEQ_CST);
		struct record *r = &own[number % SLOTS];

		expect(number > last, "number %llu after %llu", (unsigned long long)number,
		       (unsigned long long)last);
		last = number;
		good = look(&shared->slots[number % SLOTS], r, number, who);
		write_record(&shared->slots[number % SLOTS], r, number, who);
	}
	return good ? 0 : 1;
}

int main(int argc, char **argv)
{
	pid_t children[PROCESSES];
	bool good = true;

	test_init(argc, argv);
	shared = map_anon(sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED);
	for (uintptr_t i = 0; i < PROCESSES; i++)
		children[i] = test_companion(process, (void *)(i + 1));
	while (__atomic_load_n(&shared->next, __ATOMIC_SEQ_CST) < 4 * SLOTS)
		continue; /* the runner has the time limit */
	test_daemon();
	test_waitsig();

	for (uint32_t i = 0; i < PROCESSES; i++)
		good = test_stop(children[i], "a process") && good;
	return good ? pass() : fail("a record is wrong");
}
