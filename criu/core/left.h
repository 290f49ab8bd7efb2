// SPDX-License-Identifier: GPL-2.0-only
/* What a run leaves on this host, written into the images before it is made: see flow/gc.h. */
#pragma once
#include <stdint.h>

#include "criu/core/session.h"

/* As images have it. */
enum left_kind { LEFT_NETWORK_LOCK = 1, LEFT_LINK = 2 };

struct image_writer;

/* method: of the lock. Speaks. */
int left_note(const struct session *s, enum left_kind kind, uint32_t method);

/* Names of files: all of them are noted, and that is closed, before any is made. Speak. */
struct left_notes {
	struct image_writer *w;
};

int left_note_link(const struct session *s, struct left_notes *n, const char *path, uint64_t dev,
		   uint64_t ino);
/* r: what went before; returns it where it is an error. */
int left_notes_close(struct left_notes *n, int r);
