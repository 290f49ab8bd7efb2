// SPDX-License-Identifier: GPL-2.0-only
/* The lock of connections where somebody wants iptables(8): see lock.h. */
#pragma once
#include <stddef.h>

struct net_conn;

const char *iptables_lock_name(const char *run_id, char *buf, size_t size);
/* All of them speak. */
int iptables_lock(const char *chain, const struct net_conn *conns, size_t nr);
int iptables_unlock(const char *chain);
int iptables_lock_exists(const char *chain);
