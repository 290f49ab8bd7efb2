// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of sockets. */
#pragma once
#include "criu/core/file.h"

extern const struct file_kind inet_kind;
