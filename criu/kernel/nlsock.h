// SPDX-License-Identifier: GPL-2.0-only
/* Requests to the kernel by netlink, and what it answers: sock_diag(7), rtnetlink(7). */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct nlsock;
struct nlmsghdr;

/* One message of an answer, whole, its length checked. Less than 0 ends the request with it. */
typedef int nlsock_fn(const struct nlmsghdr *h, void *ctx);

/* protocol: NETLINK_SOCK_DIAG, ... In the network namespace that crtool is in. */
int nlsock_open(int protocol, struct nlsock **ret);
void nlsock_close(struct nlsock *s);

/* All objects of a sort: fn for each, whole answers only. req is what follows the nlmsghdr. */
int nlsock_dump(struct nlsock *s, uint16_t type, const void *req, size_t len, nlsock_fn *fn,
		void *ctx);
/* One object: fn once. -ENOENT or what else the kernel says where there is none. */
int nlsock_ask(struct nlsock *s, uint16_t type, const void *req, size_t len, nlsock_fn *fn,
	       void *ctx);

/* A change, until it is done. req: up to NLSOCK_CHANGE_MAX bytes; flags: NLM_F_CREATE, ... */
#define NLSOCK_CHANGE_MAX 4096
int nlsock_change(struct nlsock *s, uint16_t type, int flags, const void *req, size_t len);

/*
 * The attributes of a message, after `head` bytes of the family's own header: those of type
 * 0..max in ret[], NULL where there is none; the last of several counts. -EBADMSG: not whole.
 */
struct nlattr;
int nlsock_attrs(const struct nlmsghdr *h, size_t head, const struct nlattr **ret, size_t max);
/* What is in it, and how much. */
const void *nlsock_attr_data(const struct nlattr *a);
size_t nlsock_attr_len(const struct nlattr *a);
