// SPDX-License-Identifier: GPL-2.0-only
/* /proc/net/igmp, /proc/net/igmp6: the multicast groups that interfaces are members of. */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct proc_igmp {
	int family; /* AF_INET, AF_INET6 */
	uint32_t ifindex;
	uint8_t group[16]; /* the first 4 bytes for IPv4 */
};

struct proc_igmps {
	struct proc_igmp *v;
	size_t nr, cap;
};

/* Both add to *ret: 0, or -EINVAL. */
int proc_igmp_parse(const char *text, size_t len, struct proc_igmps *ret);
int proc_igmp6_parse(const char *text, size_t len, struct proc_igmps *ret);
/* Of the network namespace of this process. A kernel without IPv6, or without groups, has none. */
int proc_igmps_read(struct proc_igmps *ret);
void proc_igmps_done(struct proc_igmps *l);
