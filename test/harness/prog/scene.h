// SPDX-License-Identifier: GPL-2.0-only
/* What the scenes are made with: a process that has something open, mapped or under way. */
#pragma once
#include <stdint.h>

/*
 * A scene gets ready and then beats: its counter in a file that the harness has mapped, too,
 * grows for as long as it runs. Nothing else is needed to see whether it does.
 */
struct scene {
	const char *name;
	/* Sets it up. When it returns, scene_ready() and scene_beat(0) follow. */
	void (*set)(int argc, char **argv);
};

extern const struct scene scenes_busy[], scenes_fd[], scenes_map[], scenes_sock[], scenes_task[],
    scenes_tree[], scenes_tty[], scenes_inet[], scenes_mkfd[];

#define SCENE_TEXT  240
#define SCENE_SLOTS 480

/* The file: how many counters are in use, what a scene has found wrong, and the counters. */
struct scene_beats {
	uint64_t nr;
	uint64_t errors;
	char text[SCENE_TEXT]; /* the first error */
	uint64_t slot[SCENE_SLOTS];
};

extern struct scene_beats *scene_beats;

/* Everybody of the scene is where it has to be. */
void scene_ready(void);
/* A process that does not say so: without it the descriptor would stay open. */
void scene_quiet(void);
/* Counts for ever, a step each millisecond. */
void scene_beat(unsigned int slot) __attribute__((noreturn));
/* One step of a counter, for those that count on their own. */
void scene_step(unsigned int slot);
/* Something is not as it has to be. */
void scene_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A process or a thread that counts. Returns when its counter has moved. */
int scene_child(unsigned int slot);
void scene_thread(unsigned int slot);
/* A thread of its own kind, that calls scene_step(slot). */
void scene_thread_of(void *(*run)(void *slot), unsigned int slot);
void scene_wait_beat(unsigned int slot);

/* By SCM_RIGHTS, with one byte. */
void scene_send_fd(int sock, int fd);

/* errno, or the reason why this kernel has no such thing, for the harness. */
void scene_die(const char *what) __attribute__((noreturn));
void scene_skip(const char *why) __attribute__((noreturn));
/* What a system call said; skips where its error is that the kernel has no such thing. */
int scene_needs(long r, int missing, const char *what);

/* value, unless it is negative: then the scene ends. */
#define must(call) scene_must((long)(call), #call)
long scene_must(long value, const char *what);
