// SPDX-License-Identifier: GPL-2.0-only
/* A tree of processes that live at random, one order at a time: the board, and what is on it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define NODES_MAX 8192

enum order {
	ORDER_NONE,
	ORDER_FORK, /* arg: the slot of the child */
	ORDER_EXIT, /* ends, by an exit code or a signal */
	ORDER_SETSID,
	ORDER_GROUP, /* its own if other is 0, or the group `other` */
	ORDER_REAPER, /* becomes a subreaper, or is none any more */
	ORDER_REAP, /* waits for those of its children that are dead */
	ORDER_SEE_STOP, /* hears that its child `other` has stopped */
	ORDER_THREAD,
	ORDER_NAME,
	ORDER_LIMIT,
	ORDER_MAP,
	ORDER_MASK,
	ORDER_QUEUE,
	ORDER_ACTION,
	ORDER_NICE,
	ORDER_UMASK,
	ORDER_FILE,
	ORDER_USER,
	ORDER_EXEC,
	ORDER_CHECK, /* is all as it was left? */
};

/* Where a process takes its orders. The board is a file that all of them have mapped. */
struct slot {
	uint32_t turn; /* odd: there is an order */
	uint32_t order;
	uint64_t random;
	pid_t other;
	int32_t result;
	pid_t pid, sid, pgid;
	bool lives, stopped;
};

struct board {
	uint32_t answered; /* counts answers */
	uint32_t nr;
	struct slot slots[NODES_MAX];
};

extern struct board *board;
extern const char *board_path, *program_path;

void board_map(const char *path, bool make);
/* The next number of a sequence; the whole of a tree follows from its seed. */
uint64_t next_random(uint64_t *state);

/* A process of the tree: takes orders for ever. */
void node_live(uint32_t slot) __attribute__((noreturn));

/* Answers the order that made it: a fork, or an exec. */
void node_born(uint32_t slot);

/*
 * What a process has and has to keep: deeds.c does it, and knows how it must be.
 * After a fork, or an exec, what is inherited is looked at, and what is not is forgotten.
 */
void self_begin(void);
/* Each returns 0, or -1 if the kernel would not have it. */
int self_thread(uint64_t random);
int self_name(uint64_t random);
int self_limit(uint64_t random);
int self_map(uint64_t random);
int self_mask(uint64_t random);
int self_queue(uint64_t random);
int self_action(uint64_t random);
int self_file(uint64_t random);
int self_user(uint64_t random);
void self_looks(void); /* notes what is seen from inside: ids, limits, name ... */
/* How many things are not as they were left; each is told. */
int self_check(void);
