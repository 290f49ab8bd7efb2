// SPDX-License-Identifier: GPL-2.0-only
/* crtool dump. */
#pragma once
#include "criu/core/session.h"

/* 0, or negative with an error recorded; the tree then runs as before. */
int dump_run(struct session *s);

/*
 * crtool check -t: the same steps as far as they find what stands in the way. Nothing is written,
 * and the tree runs on. 0, or negative: error_text() has all of it.
 */
int dump_try(struct session *s);
