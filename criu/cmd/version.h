// SPDX-License-Identifier: GPL-2.0-only
/* Our own version, and the CRIU release that we stand in for. */
#pragma once

#define CRTOOL_VERSION "0.1"

/* Callers compare it: below 10 in front of the dot, because LXC compares it as a string. */
#define CRIU_MAJOR   4
#define CRIU_MINOR   2
#define CRIU_VERSION "4.2"
