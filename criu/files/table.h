// SPDX-License-Identifier: GPL-2.0-only
/* Descriptor tables of the tasks, their directories, and the files that they map. */
#pragma once
#include "criu/core/dump.h"

/* Gives ids to shared objects: address spaces, tables, directories, handlers. */
int ids_dump(struct dump *d);
/* fdinfo-N, files: each table once, each description once. */
int tables_dump(struct dump *d);
/*
 * A descriptor of crtool's, which is taken: a copy of one that is in flight to number fd of the
 * task. Speaks.
 */
int flight_dump(struct dump *d, const struct task *t, int fd, int lfd, uint32_t *ret_id);
/* fs-N: working directory, root, umask. */
int fs_dump(struct dump *d);
/* The map_file of struct dump. v NULL: the executable. */
int mapped_file_dump(struct dump *d, const struct task *t, const struct proc_vma *v, uint32_t flags,
		     uint32_t *ret_id);
/* Closes the images that all of these write to. */
int files_finish(struct dump *d);
void flights_done(struct dump *d);
