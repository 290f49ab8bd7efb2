// SPDX-License-Identifier: GPL-2.0-only
/* The build id of an ELF file: two files with the same one are the same build. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#define BUILD_ID_MAX 64

/* Bytes of it, 0 when the file is no ELF file or has none, or -errno. Quiet. */
int build_id_read(int fd, uint8_t ret[BUILD_ID_MAX]);
