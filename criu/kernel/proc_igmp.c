// SPDX-License-Identifier: GPL-2.0-only
/* igmp_mc_seq_show() of net/ipv4/igmp.c, igmp6_mc_seq_show() of net/ipv6/mcast.c. */
#include "criu/kernel/proc_igmp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/proc_file.h"
#include "criu/kernel/text.h"

static bool hex_byte(struct text *t, uint8_t *ret)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t value = 0;

	for (int i = 0; i < 2; i++) {
		const char *d = text_empty(t) || !*t->p ? NULL : strchr(digits, *t->p | 0x20);

		if (!d)
			return false;
		value = (uint8_t)(value << 4 | (d - digits));
		t->p++;
	}
	*ret = value;
	return true;
}

static bool hex_bytes(struct text *t, uint8_t *ret, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		if (!hex_byte(t, &ret[i]))
			return false;
	return true;
}

/* A line of an interface begins with its number, one of a group with a tab: as a number of this
 * machine that is, in memory, in network byte order. */
int proc_igmp_parse(const char *text, size_t len, struct proc_igmps *ret)
{
	struct text t = text_of(text, len), line;
	uint64_t ifindex = 0;
	uint8_t b[4];

	if (!text_line(&t, &line)) /* titles */
		return 0;
	while (text_line(&t, &line)) {
		bool inner = !text_empty(&line) && *line.p == '\t';

		if (!inner) {
			if (!text_u64(&line, &ifindex) || ifindex > INT32_MAX)
				return -EINVAL;
			continue;
		}
		text_blanks(&line);
		if (!ifindex || !hex_bytes(&line, b, sizeof(b)))
			return -EINVAL;
		struct proc_igmp *g = array_push(ret->v, ret->nr, ret->cap);

		g->family = AF_INET;
		g->ifindex = (uint32_t)ifindex;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		for (size_t i = 0; i < sizeof(b); i++)
			g->group[i] = b[sizeof(b) - 1 - i];
#else
		memcpy(g->group, b, sizeof(b));
#endif
	}
	return 0;
}

int proc_igmp6_parse(const char *text, size_t len, struct proc_igmps *ret)
{
	struct text t = text_of(text, len), line, name;
	uint64_t ifindex;
	uint8_t b[16];

	while (text_line(&t, &line)) {
		struct proc_igmp *g;

		if (!text_u64(&line, &ifindex) || ifindex > INT32_MAX)
			return -EINVAL;
		text_blanks(&line);
		if (!text_word(&line, &name))
			return -EINVAL;
		text_blanks(&line);
		if (!hex_bytes(&line, b, sizeof(b)))
			return -EINVAL;
		g = array_push(ret->v, ret->nr, ret->cap);
		g->family = AF_INET6;
		g->ifindex = (uint32_t)ifindex;
		memcpy(g->group, b, sizeof(b));
	}
	return 0;
}

int proc_igmps_read(struct proc_igmps *ret)
{
	static const struct {
		const char *path;
		int (*parse)(const char *text, size_t len, struct proc_igmps *ret);
	} lists[] = { { "igmp", proc_igmp_parse }, { "igmp6", proc_igmp6_parse } };
	cleanup_proc_buf struct proc_buf b = { 0 };
	cleanup_close int dir = open("/proc/self/net", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		int r = proc_read(dir, lists[i].path, &b);

		if (r == -ENOENT)
			continue;
		if (r >= 0)
			r = lists[i].parse(b.data, b.len, ret);
		if (r < 0)
			return r;
	}
	return 0;
}

void proc_igmps_done(struct proc_igmps *l)
{
	free(l->v);
	*l = (struct proc_igmps){ 0 };
}
