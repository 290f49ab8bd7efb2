// SPDX-License-Identifier: GPL-2.0-only
/* The lock of connections: from the freeze until the restored socket is live, nothing comes in to
 * them and nothing goes out. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "criu/core/options.h"

/* SO_MARK of the packets that a restore makes itself: they pass. */
#define NETLOCK_MARK 0x43525431

/* Both ends of a TCP connection, as they stand in packets. */
struct net_conn {
	int family; /* AF_INET, AF_INET6; of v4-in-v6 AF_INET */
	uint8_t local[16], remote[16]; /* network byte order */
	uint16_t local_port, remote_port; /* network byte order */
};

/*
 * A lock is known by the id of the run that made it; all of it or nothing is made, and what is
 * there already stays. Nothing but this lock is touched. All of them speak.
 */
int netlock_make(enum network_lock method, const char *run_id, const struct net_conn *conns,
		 size_t nr);
/* Waits until no packet that came before is on its way to a socket. Speaks. */
int netlock_settle(void);
/* 0: there is none any more. ret_fd: to be closed when nobody is waiting for us, as that takes its
 * time, or -1; NULL: it is closed. */
int netlock_remove(enum network_lock method, const char *run_id, int *ret_fd);
/* 1: it is there; 0: it is not. */
int netlock_exists(enum network_lock method, const char *run_id);

/* What it is called where it can be seen, for messages. */
const char *netlock_name(enum network_lock method, const char *run_id, char *buf, size_t size);
