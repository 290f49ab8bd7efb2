// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files that stay outside: at the dump such as --external names are not looked into, and at the
 * restore those that --inherit-fd gives take the place of what the images have.
 */
#pragma once
#include <limits.h>

#include "criu/core/dump.h"
#include "criu/core/file.h"
#include "criu/core/restore.h"

#define GIVEN_NAME_SIZE (PATH_MAX + 32)

/* What --external and --inherit-fd call a file, and what there was. */
struct given_name {
	char text[GIVEN_NAME_SIZE];
	uint32_t flags; /* O_* */
	const FownEntry *fown;
};

/* --- dump --- */

bool external_has(const struct dump *d, const char *name);
/* tty[rdev:dev], as --external has it. */
void given_tty_name(uint32_t rdev, uint32_t dev, char *buf, size_t size);
/* Is it one, as file[mnt_id:inode]? Then its kind is given_kind. */
bool external_file_is(const struct dump *d, const struct fd_probe *p);

/* --- restore --- */

/* When files.img is read: the files that are given become those of given_kind. Speaks. */
int given_load(struct restore *r);
/* When service_base is known. Speaks. */
int given_open(struct restore *r);
/* In crtool, when all tasks have what they need. */
void given_done(struct restore *r);
/* crtool's own or the task's, whoever calls; -1: nobody has given it. Quiet. */
int given_find(const struct restore *r, const char *name);
/* For a mapping: another descriptor of it. Speaks. */
int given_open_mapped(const struct restore *r, const struct file *f);

extern const struct file_kind given_kind;
