// SPDX-License-Identifier: GPL-2.0-only
/* What a run leaves on this host, written into the images before it is made: see flow/gc.h. */
#pragma once
#include <stdint.h>

#include "criu/core/session.h"

/* As images have it. */
enum left_kind { LEFT_NETWORK_LOCK = 1 };

/* method: of the lock. Speaks. */
int left_note(const struct session *s, enum left_kind kind, uint32_t method);
