// SPDX-License-Identifier: GPL-2.0-only
#include "criu/kernel/uring.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/mem.h"
#include "criu/kernel/bpf.h"

/* --- what lies where --------------------------------------------------------------------- */

enum {
	TASK,
	FILE_,
	CTX,
	FILE_TABLE,
	TABLE,
	XARRAY,
	LIST,
	RESTRICTION,
	REGION,
	EVENT,
	NODE,
	BUFFER,
	TCTX,
	COUNTER,
	ITER_TASK,
	ITER_FILE
};

static const struct btf_name kernel_names[] = {
	[TASK] = { "task_struct", BTF_KIND_STRUCT, 0 },
	[FILE_] = { "file", BTF_KIND_STRUCT, 0 },
	[CTX] = { "io_ring_ctx", BTF_KIND_STRUCT, 0 },
	[FILE_TABLE] = { "io_file_table", BTF_KIND_STRUCT, 0 },
	[TABLE] = { "io_rsrc_data", BTF_KIND_STRUCT, 0 },
	[XARRAY] = { "xarray", BTF_KIND_STRUCT, 0 },
	[LIST] = { "list_head", BTF_KIND_STRUCT, 0 },
	[RESTRICTION] = { "io_restriction", BTF_KIND_STRUCT, 0 },
	[REGION] = { "io_mapped_region", BTF_KIND_STRUCT, 0 },
	[EVENT] = { "io_ev_fd", BTF_KIND_STRUCT, 0 },
	[NODE] = { "io_rsrc_node", BTF_KIND_STRUCT, 0 },
	[BUFFER] = { "io_mapped_ubuf", BTF_KIND_STRUCT, 0 },
	[TCTX] = { "io_uring_task", BTF_KIND_STRUCT, 0 },
	[COUNTER] = { "percpu_counter", BTF_KIND_STRUCT, 0 },
	[ITER_TASK] = { "bpf_iter_task", BTF_KIND_FUNC, 0 },
	[ITER_FILE] = { "bpf_iter_task_file", BTF_KIND_FUNC, 0 },
};

#define ABSENT (-1) /* this kernel has no such thing */

/* A member of a structure, or one of a member of it. */
struct place {
	int type;
	const char *member;
	int inner_type;
	const char *inner;
	bool optional;
};

enum {
	RING_FLAGS,
	RING_SQ_ENTRIES,
	RING_CQ_ENTRIES,
	RING_SQ_HEAD,
	RING_CQ_TAIL,
	RING_ISSUER,
	RING_MM,
	RING_FILES,
	RING_NR_FILES,
	RING_BUFFERS,
	RING_NR_BUFFERS,
	RING_ALLOC_START,
	RING_ALLOC_END,
	RING_EVENT,
	RING_CLOCK,
	RING_WORKERS,
	RING_BUFFER_RINGS,
	RING_PERSONALITIES,
	RING_RECEIVE,
	RING_RECEIVE_OLD,
	RING_POLLER,
	RING_RESTRICTIONS,
	RING_OVERFLOW,
	RING_NAPI,
	RING_WAIT_REGION,
	RING_WAIT_ARG,
	RING_PLACES
};

static const struct place ring_places[RING_PLACES] = {
	[RING_FLAGS] = { CTX, "flags", 0, NULL, false },
	[RING_SQ_ENTRIES] = { CTX, "sq_entries", 0, NULL, false },
	[RING_CQ_ENTRIES] = { CTX, "cq_entries", 0, NULL, false },
	[RING_SQ_HEAD] = { CTX, "cached_sq_head", 0, NULL, false },
	[RING_CQ_TAIL] = { CTX, "cached_cq_tail", 0, NULL, false },
	[RING_ISSUER] = { CTX, "submitter_task", 0, NULL, false },
	[RING_MM] = { CTX, "mm_account", 0, NULL, false },
	/* The table of files begins with one like that of buffers: FILE_TABLE. */
	[RING_FILES] = { CTX, "file_table", TABLE, "nodes", false },
	[RING_NR_FILES] = { CTX, "file_table", TABLE, "nr", false },
	[RING_BUFFERS] = { CTX, "buf_table", TABLE, "nodes", false },
	[RING_NR_BUFFERS] = { CTX, "buf_table", TABLE, "nr", false },
	[RING_ALLOC_START] = { CTX, "file_alloc_start", 0, NULL, false },
	[RING_ALLOC_END] = { CTX, "file_alloc_end", 0, NULL, false },
	[RING_EVENT] = { CTX, "io_ev_fd", 0, NULL, false },
	[RING_CLOCK] = { CTX, "clockid", 0, NULL, true },
	[RING_WORKERS] = { CTX, "iowq_limits", 0, NULL, false },
	[RING_BUFFER_RINGS] = { CTX, "io_bl_xa", XARRAY, "xa_head", false },
	[RING_PERSONALITIES] = { CTX, "personalities", XARRAY, "xa_head", false },
	[RING_RECEIVE] = { CTX, "zcrx_ctxs", XARRAY, "xa_head", true },
	[RING_RECEIVE_OLD] = { CTX, "ifq", 0, NULL, true },
	[RING_POLLER] = { CTX, "sq_data", 0, NULL, false },
	[RING_RESTRICTIONS] = { CTX, "restrictions", RESTRICTION, "registered", false },
	[RING_OVERFLOW] = { CTX, "cq_overflow_list", LIST, "next", false },
	[RING_NAPI] = { CTX, "napi_track_mode", 0, NULL, true },
	[RING_WAIT_REGION] = { CTX, "param_region", REGION, "pages", true },
	[RING_WAIT_ARG] = { CTX, "cq_wait_arg", 0, NULL, true },
};

enum { THREAD_MM, THREAD_TCTX, TCTX_CACHED, TCTX_RINGS, TCTX_COUNT, TCTX_COUNTERS, THREAD_PLACES };

static const struct place thread_places[THREAD_PLACES] = {
	[THREAD_MM] = { TASK, "mm", 0, NULL, false },
	[THREAD_TCTX] = { TASK, "io_uring", 0, NULL, false },
	[TCTX_CACHED] = { TCTX, "cached_refs", 0, NULL, false },
	[TCTX_RINGS] = { TCTX, "registered_rings", 0, NULL, false },
	[TCTX_COUNT] = { TCTX, "inflight", COUNTER, "count", false },
	[TCTX_COUNTERS] = { TCTX, "inflight", COUNTER, "counters", false },
};

enum { NODE_TAG, NODE_OBJECT, EVENT_CONTEXT, EVENT_ASYNC, NODE_PLACES };

static const struct place node_places[NODE_PLACES] = {
	[NODE_TAG] = { NODE, "tag", 0, NULL, false },
	[NODE_OBJECT] = { NODE, "file_ptr", 0, NULL, false },
	[EVENT_CONTEXT] = { EVENT, "cq_ev_fd", 0, NULL, false },
	[EVENT_ASYNC] = { EVENT, "eventfd_async", 0, NULL, false },
};

enum { BUFFER_ADDR, BUFFER_LEN, BUFFER_IS_KERNELS, BUFFER_PLACES };

static const struct place buffer_places[BUFFER_PLACES] = {
	[BUFFER_ADDR] = { BUFFER, "ubuf", 0, NULL, false },
	[BUFFER_LEN] = { BUFFER, "len", 0, NULL, false },
	[BUFFER_IS_KERNELS] = { BUFFER, "is_kbuf", 0, NULL, true },
};

_Static_assert(RING_PLACES <= URING_FIELDS, "room");

static int offset_of(const struct uring_view *v, int type, const char *member)
{
	return btf_member(&v->layout.btf, v->layout.names[type].id, member);
}

static int place_find(const struct uring_view *v, const struct place *p, int *ret)
{
	int at = offset_of(v, p->type, p->member), inner = 0;

	if (at >= 0 && p->inner)
		inner = offset_of(v, p->inner_type, p->inner);
	*ret = at < 0 || inner < 0 ? ABSENT : at + inner;
	return *ret == ABSENT && !p->optional ? -ENOTSUP : 0;
}

static int places_find(const struct uring_view *v, const struct place *p, size_t nr, int *ret)
{
	for (size_t i = 0; i < nr; i++) {
		int r = place_find(v, &p[i], &ret[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

static int layout_find(struct uring_view *v)
{
	int r;

	r = btf_layout_open(&v->layout, kernel_names, ARRAY_SIZE(kernel_names));
	if (r < 0)
		return r;
	if (offset_of(v, FILE_TABLE, "data") != 0)
		return -ENOTSUP;
	r = places_find(v, ring_places, RING_PLACES, v->ring_at);
	if (r >= 0)
		r = places_find(v, thread_places, THREAD_PLACES, v->thread_at);
	if (r >= 0)
		r = places_find(v, node_places, NODE_PLACES, v->node_at);
	return r < 0 ? r : places_find(v, buffer_places, BUFFER_PLACES, v->buf_at);
}

/* --- what iterators show ------------------------------------------------------------------ */

struct task_record {
	uint64_t task, mm, tctx;
};

static int tasks_load(struct uring_view *v)
{
	struct bpf_code c = { 0 };

	bpf_code_begin(&c, sizeof(struct task_record), 1);
	bpf_code_argument(&c, offsetof(struct task_record, task), 1);
	bpf_code_read(&c, offsetof(struct task_record, mm), 8, BPF_R7, v->thread_at[THREAD_MM]);
	bpf_code_read(&c, offsetof(struct task_record, tctx), 8, BPF_R7, v->thread_at[THREAD_TCTX]);
	return bpf_code_end(&c, v->layout.names[ITER_TASK].id, &v->tasks);
}

static int files_load(struct uring_view *v)
{
	int object = offset_of(v, FILE_, "private_data");
	struct bpf_code c = { 0 };

	if (object < 0)
		return -ENOTSUP;
	bpf_code_begin(&c, sizeof(struct uring_fd), 3);
	bpf_code_argument32(&c, offsetof(struct uring_fd, fd), 2);
	bpf_code_argument(&c, offsetof(struct uring_fd, file), 3);
	bpf_code_read(&c, offsetof(struct uring_fd, object), 8, BPF_R7, object);
	return bpf_code_end(&c, v->layout.names[ITER_FILE].id, &v->files);
}

int uring_view_open(struct uring_view *ret)
{
	struct uring_view v = { .peek = { .gather = -1 }, .tasks = -1, .files = -1 };
	int r = layout_find(&v);

	if (r >= 0)
		r = peek_open(&v.peek, &v.layout.btf);
	if (r >= 0)
		r = tasks_load(&v);
	if (r >= 0)
		r = files_load(&v);
	if (r < 0)
		uring_view_done(&v);
	else
		*ret = v;
	return r;
}

void uring_view_done(struct uring_view *v)
{
	if (v->tasks >= 0)
		close(v->tasks);
	if (v->files >= 0)
		close(v->files);
	peek_done(&v->peek);
	btf_layout_done(&v->layout);
	*v = (struct uring_view){ .peek = { .gather = -1 }, .tasks = -1, .files = -1 };
}

struct fds {
	struct uring_fd *v;
	size_t nr, cap;
};

static int fd_add(void *arg, const void *record)
{
	struct fds *to = arg;
	struct uring_fd *f = array_push(to->v, to->nr, to->cap);

	memcpy(f, record, sizeof(*f));
	return 0;
}

ssize_t uring_fds_read(const struct uring_view *v, pid_t pid, struct uring_fd **ret)
{
	struct fds to = { 0 };
	int r = bpf_iterate(v->files, sizeof(struct uring_fd), BPF_OF_THREAD, pid, fd_add, &to);

	if (r < 0) {
		free(to.v);
		return r;
	}
	*ret = to.v;
	return (ssize_t)to.nr;
}

/* --- a ring ------------------------------------------------------------------------------- */

#define NAPI_INACTIVE    255 /* IO_URING_NAPI_TRACKING_INACTIVE */
#define CLOCK_MONOTONIC_ 1 /* what a ring begins with */

static int event_read(const struct uring_view *v, uint64_t event, struct uring_ring *ret)
{
	uint64_t word[2] = { event + (uint64_t)v->node_at[EVENT_CONTEXT],
			     event + (uint64_t)v->node_at[EVENT_ASYNC] };
	int r = event ? peek_gather(&v->peek, word, 2) : 0;

	if (r < 0)
		return r;
	ret->event = event ? word[0] : 0;
	ret->event_async = event && (uint32_t)word[1];
	return 0;
}

int uring_ring_read(const struct uring_view *v, uint64_t ring, struct uring_ring *ret)
{
	uint64_t w[RING_PLACES];
	int r;

	for (size_t i = 0; i < RING_PLACES; i++)
		w[i] = v->ring_at[i] == ABSENT ? 0 : ring + (uint64_t)v->ring_at[i];
	r = peek_gather(&v->peek, w, RING_PLACES);
	if (r < 0)
		return r;
	*ret = (struct uring_ring){
		.setup_flags = (uint32_t)w[RING_FLAGS],
		.sq_entries = (uint32_t)w[RING_SQ_ENTRIES],
		.cq_entries = (uint32_t)w[RING_CQ_ENTRIES],
		.sq_head = (uint32_t)w[RING_SQ_HEAD],
		.cq_tail = (uint32_t)w[RING_CQ_TAIL],
		.issuer = w[RING_ISSUER],
		.mm = w[RING_MM],
		.files = w[RING_FILES],
		.buffers = w[RING_BUFFERS],
		.nr_files = (uint32_t)w[RING_NR_FILES],
		.nr_buffers = (uint32_t)w[RING_NR_BUFFERS],
		.alloc_start = (uint32_t)w[RING_ALLOC_START],
		.alloc_end = (uint32_t)w[RING_ALLOC_END],
		.clock =
		    v->ring_at[RING_CLOCK] == ABSENT ? CLOCK_MONOTONIC_ : (uint32_t)w[RING_CLOCK],
		.workers = { (uint32_t)w[RING_WORKERS], (uint32_t)(w[RING_WORKERS] >> 32) },
		.has_buffer_rings = w[RING_BUFFER_RINGS],
		.has_personalities = w[RING_PERSONALITIES],
		.has_receive_rings = w[RING_RECEIVE] || w[RING_RECEIVE_OLD],
		.has_poller = w[RING_POLLER],
		.has_restrictions = w[RING_RESTRICTIONS] & 0xff,
		.has_overflow = w[RING_OVERFLOW] != ring + (uint64_t)v->ring_at[RING_OVERFLOW],
		.has_napi =
		    v->ring_at[RING_NAPI] != ABSENT && (w[RING_NAPI] & 0xff) != NAPI_INACTIVE,
		.has_wait_region = w[RING_WAIT_REGION] || w[RING_WAIT_ARG],
	};
	return event_read(v, w[RING_EVENT], ret);
}

/* Nodes of a table, and what two words of each say. */
static int nodes_read(const struct uring_view *v, uint64_t table, size_t nr, struct uring_slot *ret)
{
	uint64_t *word = mem_alloc((nr * 3 + 1) * sizeof(*word)), *node = word + 2 * nr;
	int r = peek_read(&v->peek, table, node, nr * sizeof(*node));

	for (size_t i = 0; i < nr; i++) {
		word[2 * i] = node[i] + (uint64_t)v->node_at[NODE_OBJECT];
		word[2 * i + 1] = node[i] + (uint64_t)v->node_at[NODE_TAG];
	}
	if (r >= 0)
		r = peek_gather(&v->peek, word, 2 * nr);
	for (size_t i = 0; i < nr; i++)
		ret[i] = (struct uring_slot){
			.object = node[i] ? word[2 * i] : 0,
			.tag = node[i] ? word[2 * i + 1] : 0,
		};
	free(word);
	return r;
}

int uring_files_read(const struct uring_view *v, const struct uring_ring *r, struct uring_slot *ret)
{
	int err = nodes_read(v, r->files, r->nr_files, ret);

	/* The lowest bits are flags: FFS_MASK. */
	for (size_t i = 0; i < r->nr_files; i++)
		ret[i].object &= ~7ull;
	return err;
}

int uring_buffers_read(const struct uring_view *v, const struct uring_ring *r,
		       struct uring_slot *ret)
{
	size_t nr = r->nr_buffers;
	uint64_t *word = mem_alloc((nr * BUFFER_PLACES + 1) * sizeof(*word));
	int err = nodes_read(v, r->buffers, nr, ret);

	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < BUFFER_PLACES; j++)
			word[i * BUFFER_PLACES + j] =
			    v->buf_at[j] == ABSENT ? 0 : ret[i].object + (uint64_t)v->buf_at[j];
	if (err >= 0)
		err = peek_gather(&v->peek, word, nr * BUFFER_PLACES);
	for (size_t i = 0; i < nr; i++) {
		const uint64_t *w = word + i * BUFFER_PLACES;

		if (!ret[i].object)
			continue;
		ret[i].object = 1;
		ret[i].addr = w[BUFFER_ADDR];
		ret[i].len = (uint32_t)w[BUFFER_LEN];
		ret[i].is_kernels =
		    v->buf_at[BUFFER_IS_KERNELS] != ABSENT && w[BUFFER_IS_KERNELS] & 0xff;
	}
	free(word);
	return err;
}

/* --- a thread ----------------------------------------------------------------------------- */

static int task_take(void *arg, const void *record)
{
	memcpy(arg, record, sizeof(struct task_record));
	return 0;
}

int uring_thread_read(const struct uring_view *v, pid_t tid, struct uring_thread *ret)
{
	struct uring_thread t = { 0 };
	struct task_record rec = { 0 };
	uint64_t word[3];
	int64_t each = 0;
	int r = bpf_iterate(v->tasks, sizeof(rec), BPF_OF_THREAD, tid, task_take, &rec);

	t.task = rec.task;
	t.mm = rec.mm;
	if (r >= 0 && rec.tctx) {
		word[0] = rec.tctx + (uint64_t)v->thread_at[TCTX_CACHED];
		word[1] = rec.tctx + (uint64_t)v->thread_at[TCTX_COUNT];
		word[2] = rec.tctx + (uint64_t)v->thread_at[TCTX_COUNTERS];
		r = peek_gather(&v->peek, word, 3);
		if (r >= 0)
			r = peek_percpu_s32(&v->peek, word[2], &each);
		/* What it has taken ahead counts as well. */
		t.requests = (int64_t)word[1] + each - (int32_t)word[0];
		if (r >= 0)
			r = peek_read(&v->peek, rec.tctx + (uint64_t)v->thread_at[TCTX_RINGS],
				      t.ring_files, sizeof(t.ring_files));
	}
	if (r >= 0)
		*ret = t;
	return r;
}
