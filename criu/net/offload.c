// SPDX-License-Identifier: GPL-2.0-only
/* What TUNSETOFFLOAD has switched on is told by ethtool only, as features by name. */
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/net/device.h"

#define FEATURES_MAX 1024

#ifndef TUN_F_USO4 /* 6.2 */
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

static const struct {
	const char *name;
	uint32_t flags;
} features[] = {
	{ "tx-checksum-ip-generic", TUN_F_CSUM },
	{ "tx-tcp-segmentation", TUN_F_TSO4 },
	{ "tx-tcp6-segmentation", TUN_F_TSO6 },
	{ "tx-tcp-ecn-segmentation", TUN_F_TSO_ECN },
	{ "tx-udp-segmentation", TUN_F_USO4 | TUN_F_USO6 },
};

static int ask(int sock, const char *name, void *what)
{
	struct ifreq ifr = { .ifr_data = what };

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(sock, SIOCETHTOOL, &ifr) < 0 ? -errno : 0;
}

static int count(int sock, const char *name, uint32_t *ret)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t nr;
	} a = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_FEATURES } };
	int r = ask(sock, name, &a);

	if (r < 0)
		return r;
	if (!a.info.sset_mask || a.nr > FEATURES_MAX)
		return -EOPNOTSUPP;
	*ret = a.nr;
	return 0;
}

static uint32_t flags_of(const char *feature)
{
	for (size_t i = 0; i < ARRAY_SIZE(features); i++)
		if (str_eq(feature, features[i].name))
			return features[i].flags;
	return 0;
}

int netdev_offload(const char *name, uint32_t *ret)
{
	cleanup_close int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	cleanup_free struct ethtool_gstrings *names = NULL;
	cleanup_free struct ethtool_gfeatures *on = NULL;
	uint32_t nr = 0, found = 0;
	int r = sock < 0 ? -errno : count(sock, name, &nr);

	if (r < 0)
		return r;
	names = mem_alloc(sizeof(*names) + (size_t)nr * ETH_GSTRING_LEN);
	on = mem_alloc(sizeof(*on) + (nr + 31) / 32 * sizeof(on->features[0]));
	*names = (struct ethtool_gstrings){ .cmd = ETHTOOL_GSTRINGS,
					    .string_set = ETH_SS_FEATURES,
					    .len = nr };
	*on = (struct ethtool_gfeatures){ .cmd = ETHTOOL_GFEATURES, .size = (nr + 31) / 32 };
	r = ask(sock, name, names);
	if (r >= 0)
		r = ask(sock, name, on);
	for (uint32_t i = 0; i < nr && r >= 0; i++) {
		char text[ETH_GSTRING_LEN + 1] = "";

		memcpy(text, names->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		if (on->features[i / 32].active & 1u << i % 32)
			found |= flags_of(text);
	}
	if (r >= 0)
		*ret = found;
	return r;
}
