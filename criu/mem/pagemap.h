// SPDX-License-Identifier: GPL-2.0-only
/* Where each page of an image stands: in the dump itself, or in one that it builds upon. */
#pragma once
#include "criu/core/restore.h"
#include "images/table.h"

struct image_chain;

/* All of it ascends. */
struct page_list {
	struct page_run *runs; /* .source: index in files */
	size_t nr, cap;
	struct page_same *same; /* pages that another process of this dump has */
	size_t nr_same, cap_same;
	struct page_file *files;
	size_t nr_files, cap_files;
};

/* The pages of pagemap-ID of a dump and its parents; checked to be in their files. Speaks; 1, or
 * 0 when the dump has no such image. ret is zeroed; to be freed: page_list_done(). */
int page_list_load(struct image_chain *c, enum image_kind kind, uint64_t id, struct page_list *ret);
void page_list_done(struct page_list *l);

/* A pages-N.img, for reading. Speaks. */
int page_file_open(struct image_chain *c, const struct page_file *f);
/* Its name, and the descriptor of the directory that has it. Speaks. */
int page_file_name(struct image_chain *c, const struct page_file *f, char name[IMAGE_NAME_MAX]);
/* Of what a task reads, the run that has the page at addr, or NULL. */
const struct page_run *page_run_find(const struct task_restore *tr, uint64_t addr);
