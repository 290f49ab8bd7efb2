// SPDX-License-Identifier: GPL-2.0-only
/* Shared anonymous memory: contents stored once, mapped by whoever had it mapped. */
#pragma once
#include "criu/core/dump.h"
#include "images/mm.pb-c.h"

/* A number for contents that have none. */
uint32_t shmem_next_id(struct dump *d);
/* pagemap-shmem-SHMID.img: the pages that a file of tmpfs has. */
int shmem_dump_file(struct dump *d, int fd, off_t size, uint64_t shmid);
/* Frees what that took. */
void shmem_dump_done(struct dump *d);

/* Private huge pages are over a file as well, which pieces of a mapping and children share. */
void shmem_dump_huge(struct dump *d, const struct proc_vma *v, VmaEntry *e);

/* Gives the mapping the id that all of this memory carry; its pages are written the first time. */
int shmem_dump(struct dump *d, const struct task *t, const struct proc_vma *v, VmaEntry *e);
