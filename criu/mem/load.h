// SPDX-License-Identifier: GPL-2.0-only
/* Address spaces of a restore: loaded, checked, and the hole that all of them have in common. */
#pragma once
#include "criu/core/restore.h"
#include "criu/image/dir.h"

/* A piece of shared anonymous memory, waiting in the hole of every task. */
struct shmem_segment {
	uint64_t shmid;
	uint64_t size; /* as far as anybody maps it */
	uint64_t at;
	uint64_t huge; /* bytes of its pages, of hugetlbfs; 0: usual ones */
	uint32_t huge_flags; /* of mmap */
	bool is_private; /* nobody shares what is in it: it is empty */
	int fd; /* of huge pages, instead of a place in the hole */
	bool reserve; /* somebody maps it without MAP_NORESERVE */
};

/* mm-N and pagemap-N of every task. */
int mem_load(struct restore *r);
/* Finds and maps the hole, with the stage area and the shared memory in it, filled. */
int hole_make(struct restore *r);
void hole_done(struct restore *r);

/* Where pages of shared memory belong: into the file, or, fd being -1, what is mapped at `at`. */
struct shmem_target {
	uint64_t shmid, size, at;
	int fd;
};

int shmem_fill(struct restore *r, const struct shmem_target *to);

const struct shmem_segment *shmem_find(const struct restore *r, uint64_t shmid);
