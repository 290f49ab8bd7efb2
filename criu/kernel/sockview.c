// SPDX-License-Identifier: GPL-2.0-only
/* Members: include/net/sock.h, inet_sock.h, inet_connection_sock.h, linux/tcp.h of Linux. */
#include "criu/kernel/sockview.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/mem.h"
#include "criu/kernel/ownfile.h"

/* A struct sock is the beginning of those that are more of it. */
enum { COMMON = OWNFILE_MORE, SOCK, INET, CONN, QUEUE, TCP };

static const struct btf_name kernel_names[] = {
	OWNFILE_NAMES,
	[COMMON] = { "sock_common", BTF_KIND_STRUCT, 0 },
	[SOCK] = { "sock", BTF_KIND_STRUCT, 0 },
	[INET] = { "inet_sock", BTF_KIND_STRUCT, 0 },
	[CONN] = { "inet_connection_sock", BTF_KIND_STRUCT, 0 },
	[QUEUE] = { "request_sock_queue", BTF_KIND_STRUCT, 0 },
	[TCP] = { "tcp_sock", BTF_KIND_STRUCT, 0 },
};

enum how {
	WHOLE,
	OPTIONAL, /* kernels without it do not have the option, or have it in another of these */
	BITS, /* the byte where they are */
};

/* A member that is wider here than in some kernel has its neighbour with it. */
static const struct member {
	unsigned int type;
	const char *name;
	unsigned int size;
	enum how how;
} members[] = {
	{ COMMON, "skc_prot", 8, WHOLE },
	{ COMMON, "skc_net", 8, WHOLE }, /* sysctls stand for what was not set */
	{ COMMON, "skc_flags", 8, WHOLE },
	{ COMMON, "skc_reuse", 1, BITS },
	{ COMMON, "skc_reuseport", 1, BITS },
	{ COMMON, "skc_bound_dev_if", 4, WHOLE },
	{ COMMON, "skc_incoming_cpu", 4, WHOLE },
	{ SOCK, "sk_peek_off", 4, WHOLE },
	{ SOCK, "sk_ll_usec", 4, WHOLE },
	{ SOCK, "sk_prefer_busy_poll", 1, WHOLE },
	{ SOCK, "sk_userlocks", 1, BITS },
	{ SOCK, "sk_filter", 8, WHOLE },
	{ SOCK, "sk_rcvtimeo", 8, WHOLE },
	{ SOCK, "sk_sndtimeo", 8, WHOLE },
	{ SOCK, "sk_lingertime", 8, WHOLE },
	{ SOCK, "sk_rcvlowat", 4, WHOLE },
	{ SOCK, "sk_reserved_mem", 4, WHOLE },
	{ SOCK, "sk_tsflags", 4, WHOLE },
	{ SOCK, "sk_bind_phc", 4, WHOLE },
	{ SOCK, "sk_max_pacing_rate", 8, WHOLE },
	{ SOCK, "sk_priority", 4, WHOLE },
	{ SOCK, "sk_mark", 4, WHOLE },
	{ SOCK, "sk_no_check_tx", 1, BITS },
	{ SOCK, "sk_txrehash", 1, WHOLE },
	{ SOCK, "sk_scm_recv_flags", 1, OPTIONAL }, /* before 6.16 in flags of struct socket */
	{ SOCK, "sk_clockid", 1, WHOLE },
	{ SOCK, "sk_txtime_deadline_mode", 1, BITS },
	{ INET, "inet_flags", 8, WHOLE },
	{ INET, "inet_opt", 8, WHOLE },
	{ INET, "uc_ttl", 2, WHOLE },
	{ INET, "tos", 1, WHOLE },
	{ INET, "min_ttl", 1, WHOLE },
	{ INET, "pmtudisc", 1, WHOLE },
	{ INET, "convert_csum", 1, WHOLE },
	{ INET, "uc_index", 4, WHOLE },
	{ INET, "local_port_range", 4, WHOLE },
	{ CONN, "icsk_ca_ops", 8, WHOLE },
	{ CONN, "icsk_rto_min", 4, WHOLE },
	{ CONN, "icsk_rto_max", 4, OPTIONAL },
	{ CONN, "icsk_delack_max", 4, WHOLE },
	{ CONN, "icsk_user_timeout", 4, WHOLE },
	{ CONN, "icsk_syn_retries", 1, WHOLE },
	{ TCP, "nonagle", 1, BITS },
	{ TCP, "thin_lto", 1, BITS },
	{ TCP, "recvmsg_inq", 1, BITS },
	{ TCP, "keepalive_probes", 1, WHOLE },
	{ TCP, "keepalive_time", 4, WHOLE },
	{ TCP, "keepalive_intvl", 4, WHOLE },
	{ TCP, "notsent_lowat", 4, WHOLE },
	{ TCP, "linger2", 4, WHOLE },
	{ TCP, "tcp_tx_delay", 4, WHOLE },
};

struct record {
	struct ownfile file;
	uint8_t state[SOCKVIEW_BYTES];
};

_Static_assert(sizeof(struct record) <= 512, "the stack of a program");

#define TO(field) offsetof(struct record, field)

/* False: the kernel does not have it. */
static bool member_read(struct btf_layout *l, struct bpf_code *c, const struct member *m,
			size_t *to)
{
	int at =
	    (m->how == BITS ? btf_member_byte : btf_member)(&l->btf, l->names[m->type].id, m->name);

	if (at < 0)
		return m->how == OPTIONAL;
	if (*to + m->size > TO(state) + SOCKVIEW_BYTES)
		return false;
	bpf_code_follow(c, *to, m->size, TO(file.sock), at);
	*to += m->size;
	return true;
}

static int program_load(struct btf_layout *l, int *ret)
{
	struct bpf_code c = { 0 };
	size_t to = TO(state);

	ownfile_begin(l, &c, sizeof(struct record));
	bpf_code_follow(&c, to, 8, TO(file.socket), btf_at(l, OWNFILE_SOCKET, "flags"));
	bpf_code_follow(&c, to + 8, 1, TO(file.sock),
			btf_at(l, CONN, "icsk_accept_queue") +
			    btf_at(l, QUEUE, "rskq_defer_accept"));
	to += 9;
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		l->missing |= !member_read(l, &c, &members[i], &to);
	return ownfile_end(l, &c, ret);
}

static int socket_add(void *arg, const void *record)
{
	const struct record *r = record;
	struct sockview *v = arg;
	struct sockview_socket *s = array_push(v->v, v->nr, v->cap);

	s->fd = r->file.fd;
	memcpy(s->state, r->state, sizeof(s->state));
	return 0;
}

int sockview_read(struct sockview *ret)
{
	cleanup_btf_layout struct btf_layout l = { 0 };
	cleanup_close int prog = -1;
	int r;

	r = btf_layout_open(&l, kernel_names, ARRAY_SIZE(kernel_names));
	if (r >= 0)
		r = program_load(&l, &prog);
	return r < 0 ? r
		     : bpf_iterate(prog, sizeof(struct record), BPF_OF_THREAD, getpid(), socket_add,
				   ret);
}

static int by_fd(const void *key, const void *socket)
{
	uint64_t fd = *(const uint64_t *)key, other = ((const struct sockview_socket *)socket)->fd;

	return (fd > other) - (fd < other);
}

const struct sockview_socket *sockview_find(const struct sockview *v, int fd)
{
	uint64_t key = (uint64_t)fd;

	return v->nr ? bsearch(&key, v->v, v->nr, sizeof(*v->v), by_fd) : NULL;
}

void sockview_done(struct sockview *v)
{
	free(v->v);
	*v = (struct sockview){ 0 };
}
