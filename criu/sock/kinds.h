// SPDX-License-Identifier: GPL-2.0-only
/* The kinds of files of this folder, for the list in flow/kinds.c. */
#pragma once
#include "criu/core/file.h"

extern const struct file_kind inet_kind, netlink_kind, packet_kind, unix_kind, vsock_kind;
