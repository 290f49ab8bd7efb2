// SPDX-License-Identifier: GPL-2.0-only
/* crtool dump. */
#pragma once
#include "criu/core/session.h"

/* 0, or negative with an error recorded; the tree then runs as before. */
int dump_run(struct session *s);
