// SPDX-License-Identifier: GPL-2.0-only
/* memfd_create(2): files of an internal tmpfs, open, mapped or executed. */
#pragma once
#include "criu/core/file.h"

/* Is it one, or only a file that has such a name? */
bool memfd_is(const char *link, const struct stat *st);

/*
 * The file with this id is the memfd that the link (of map_files, or exe) leads to, opened with
 * these flags. Returns an enum mapped_kind. Speaks.
 */
int memfd_dump_mapped(struct dump *d, uint32_t id, const char *link, const struct stat *st,
		      uint32_t flags);
int memfds_dump_end(struct dump *d);

/* memfd.img: before files are checked. */
int memfds_load(struct restore *r);
/* In crtool: makes all of them before the first fork. */
int memfds_make(struct restore *r);
/* In crtool, when all mappings are made: times, and seals that would have been in their way. */
int memfds_arm(struct restore *r);
void memfds_done(struct restore *r);

/* For a mapping, or to be executed. */
int memfd_open_mapped(const struct restore *r, const struct file *f, uint32_t flags);
