// SPDX-License-Identifier: GPL-2.0-only
/* Paths of device nodes: with --evasive-devices any to the same device will do. */
#pragma once
#include <stddef.h>
#include <sys/types.h>

/*
 * A path to the character device: was, if it is one, else the name in /dev that sysfs tells. 0, or
 * -errno. Quiet.
 */
int device_path(dev_t rdev, const char *was, char *buf, size_t size);
