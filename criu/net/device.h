// SPDX-License-Identifier: GPL-2.0-only
/* What an interface has beyond its driver: it goes with it, and is to come back with it. */
#pragma once
#include <stdint.h>

#include "criu/base/arena.h"
#include "images/tun.pb-c.h"

/* In the network namespace of crtool. Speaks. */
int netdev_dump(struct arena *a, const char *name, TunDeviceEntry *ret);

/* What an image says can be made. Speaks. */
int netdev_check(const TunDeviceEntry *e);
/* Of an interface that is new. Speaks. */
int netdev_restore(const char *name, const TunDeviceEntry *e);

/* Which TUN_F_* are on: 0, or -errno. */
int netdev_offload(const char *name, uint32_t *ret);
