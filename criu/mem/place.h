// SPDX-License-Identifier: GPL-2.0-only
/* Room for page contents that is made before anybody stands still. */
#pragma once
#include "criu/core/dump.h"

/* A pages-N.img that is there, and has so many bytes. */
struct page_place {
	pid_t pid;
	uint32_t pages_id;
	int fd; /* -1: it is not there yet, or taken */
	uint64_t bytes;
};

/* How much of it has changed, and is the task's own. mark: PAGE_IS_* that a page has which was
 * written to. 0 when it is not known. */
uint64_t place_bytes_changed(pid_t pid, uint64_t mark);
/* For what has changed since the dump before; images are open. Speaks only to the log. */
void places_make(struct dump *d);
/* That of a task, which is taken; or a new number. */
struct page_place place_take(struct dump *d, pid_t pid, uint32_t new_id);
/* Those that nobody has taken are gone. */
void places_done(struct dump *d);
