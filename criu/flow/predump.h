// SPDX-License-Identifier: GPL-2.0-only
/* crtool pre-dump: the memory of a tree that runs on. */
#pragma once
#include "criu/core/session.h"

int predump_run(struct session *s);
