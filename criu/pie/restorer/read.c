// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is small is read by a few large calls, of one thread or of several. Large ranges are read
 * by several, which take a piece after the other. Where huge pages are asked for, each is filled
 * aside, and moved to its place (UFFDIO_MOVE): for that the mapping is registered with a
 * userfaultfd, for a kind of fault that never comes (write protection), so that whatever cannot be
 * moved is just read there.
 */
#include "criu/pie/restorer/read.h"

#include <asm/unistd.h>
#include <linux/ioctl.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stddef.h>

#include "compel/blob/syscall.h"
#include "criu/pie/restorer/clone.h"

#define IOV_AT_ONCE   1024
#define BYTES_AT_ONCE (64ull << 20)
#define O_CLOEXEC_    02000000
#define ESRCH_        3
#define EINTR_        4
#define EAGAIN_       11
#define ENODATA_      61

/* struct uffdio_move, and its ioctl: Linux 6.8, not in the headers of Debian 12. */
struct move {
	uint64_t dst, src, len, mode;
	int64_t moved;
};

#define FEATURE_MOVE (1ull << 16)
#define IOCTL_MOVE   _IOWR(UFFDIO, 0x05, struct move)
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#define SLOW_US_PER_MIB          1500
#define FIRST_DISTANCE           (8 * HUGE_BYTES)
#define CLOCK_THREAD_CPUTIME_ID_ 3
#define FUTEX_WAIT_              0

static bool is_error(long ret)
{
	return ret < 0 && ret > -4096;
}

/* --- what is small ---------------------------------------------------------------- */

/* How many of the next iovecs go into one call: enough to be quick, few enough to be seen. */
static uint64_t batch_of(const struct op_iov *iov, uint64_t nr)
{
	uint64_t n = 0, bytes = 0;

	while (n < nr && n < IOV_AT_ONCE && bytes < BYTES_AT_ONCE)
		bytes += iov[n++].len;
	return n;
}

/* arg: fd, offset, iov, nr, total */
long read_all(struct stage_area *area, const struct op *op)
{
	struct op_iov *iov = (struct op_iov *)(uintptr_t)op->arg[2];
	uint64_t nr = op->arg[3], off = op->arg[1], left = op->arg[4];

	while (left) {
		long n = blob_syscall5(__NR_preadv, op->arg[0], BLOB_ADDR(iov), batch_of(iov, nr),
				       off, 0);

		if (n == -EINTR_ || n == -EAGAIN_)
			continue;
		if (n <= 0)
			return n ? n : -ENODATA_;
		__atomic_add_fetch(&area->read_bytes, (uint64_t)n, __ATOMIC_RELAXED);
		off += (uint64_t)n;
		left -= (uint64_t)n;
		for (; nr && (uint64_t)n >= iov->len; nr--, iov++)
			n -= (long)iov->len;
		if (n) {
			iov->base += (uint64_t)n;
			iov->len -= (uint64_t)n;
		}
	}
	return 0;
}

/* --- a piece of what is large ------------------------------------------------------ */

struct reader {
	struct stage_area *area;
	struct large_read *l;
	const struct read_range *at; /* pieces come in their order, so it only goes forward */
	uint64_t before; /* bytes of all ranges before that */
	const struct read_range *stuck; /* nothing can be moved there */
	int64_t uffd; /* negative: no huge pages */
	uint64_t staging, rights; /* 0: not mapped yet */
	uint32_t tid; /* 0: it has ended */
};

static long read_exact(const struct reader *rd, uint64_t fd, uint64_t to, uint64_t len,
		       uint64_t off)
{
	while (len) {
		long n = blob_syscall4(__NR_pread64, fd, to, len, off);

		if (n == -EINTR_ || n == -EAGAIN_)
			continue;
		if (n <= 0)
			return n ? n : -ENODATA_;
		__atomic_add_fetch(&rd->area->read_bytes, (uint64_t)n, __ATOMIC_RELAXED);
		to += (uint64_t)n;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* How many bytes of a piece are in their place. */
static uint64_t move(long fd, uint64_t to, uint64_t from, uint64_t len)
{
	uint64_t done = 0;

	while (done < len) {
		struct move m = { .dst = to + done, .src = from + done, .len = len - done };
		long ret = blob_syscall3(__NR_ioctl, fd, IOCTL_MOVE, BLOB_ADDR(&m));

		if (m.moved > 0)
			done += (uint64_t)m.moved;
		else if (ret < 0 && ret != -EAGAIN_)
			break;
	}
	return done;
}

static uint64_t worked_us(void)
{
	struct {
		uint64_t sec, nsec;
	} t = { 0 };

	blob_syscall2(__NR_clock_gettime, CLOCK_THREAD_CPUTIME_ID_, BLOB_ADDR(&t));
	return t.sec * 1000000 + t.nsec / 1000;
}

/* Both sides of a move need the same rights. */
static bool staging_ready(struct reader *rd, uint64_t rights)
{
	long ret;

	if (rd->rights == rights)
		return true;
	ret = blob_syscall6(__NR_mmap, rd->staging, READ_PIECE, rights,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0);
	rd->rights = is_error(ret) ? 0 : rights;
	if (rd->rights)
		blob_syscall3(__NR_madvise, rd->staging, READ_PIECE, MADV_HUGEPAGE);
	return rd->rights;
}

/*
 * In a virtual machine that gives free memory back to its host, huge pages are what it gives first,
 * and to get one of them back takes many times as long as 512 small ones. So when they are slow
 * most goes on with small ones, and now and then one is tried.
 */
static bool is_too_early(struct stage_area *a, uint64_t n)
{
	uint64_t left = __atomic_load_n(&a->huge_distance, __ATOMIC_RELAXED);

	if (left)
		__atomic_store_n(&a->huge_distance, left > n ? left - n : 0, __ATOMIC_RELAXED);
	return left;
}

static void judge(struct stage_area *a, bool slow)
{
	uint64_t last = __atomic_load_n(&a->huge_last_distance, __ATOMIC_RELAXED), next = last / 2;

	if (slow) {
		next = last ? 2 * last : FIRST_DISTANCE;
		__atomic_store_n(&a->huge_distance, next, __ATOMIC_RELAXED);
	}
	if (next != last)
		__atomic_store_n(&a->huge_last_distance, next < FIRST_DISTANCE ? 0 : next,
				 __ATOMIC_RELAXED);
}

static bool goes_by_huge(struct reader *rd, uint64_t n)
{
	return rd->at->by_huge && rd->uffd >= 0 && rd->at != rd->stuck &&
	       !is_too_early(rd->area, n) && staging_ready(rd, rd->at->rights);
}

/* How many bytes are in place, or negative. What counts is the time of this processor: to wait for
 * a disk, or for others on a busy machine, is not slow. */
static long read_by_huge(struct reader *rd, uint64_t skip, uint64_t n)
{
	const struct read_range *g = rd->at;
	uint64_t start = worked_us(), moved;
	long ret = read_exact(rd, g->fd, rd->staging, n, g->off + skip);

	if (ret < 0)
		return ret;
	judge(rd->area, worked_us() - start > (n >> 20) * SLOW_US_PER_MIB);
	moved = move(rd->uffd, g->addr + skip, rd->staging, n);
	if (moved < n)
		rd->stuck = g;
	return (long)moved;
}

/* n bytes of the range that the reader is at, from skip on. */
static long read_part(struct reader *rd, uint64_t skip, uint64_t n)
{
	const struct read_range *g = rd->at;

	while (n && goes_by_huge(rd, n)) {
		bool careful = __atomic_load_n(&rd->area->huge_last_distance, __ATOMIC_RELAXED);
		long done = read_by_huge(rd, skip, careful ? HUGE_BYTES : n);

		if (done < 0)
			return done;
		skip += (uint64_t)done;
		n -= (uint64_t)done;
	}
	return read_exact(rd, g->fd, g->addr + skip, n, g->off + skip);
}

/* From at to end, of all ranges one behind the other. */
static long read_piece(struct reader *rd, uint64_t at, uint64_t end)
{
	while (at < end) {
		uint64_t skip, n;
		long ret;

		for (; at - rd->before >= rd->at->len; rd->at++)
			rd->before += rd->at->len;
		skip = at - rd->before;
		n = rd->at->len - skip < end - at ? rd->at->len - skip : end - at;
		ret = read_part(rd, skip, n);
		if (ret < 0)
			return ret;
		at += n;
	}
	return 0;
}

static void read_pieces(struct reader *rd)
{
	struct large_read *l = rd->l;
	long ret = 0;

	while (!ret && !__atomic_load_n(&l->err, __ATOMIC_RELAXED)) {
		uint64_t at = __atomic_fetch_add(&l->next, READ_PIECE, __ATOMIC_RELAXED);

		if (at >= l->total)
			break;
		ret = read_piece(rd, at, l->total - at < READ_PIECE ? l->total : at + READ_PIECE);
	}
	if (ret)
		__atomic_store_n(&l->err, ret, __ATOMIC_RELAXED);
	if (rd->rights)
		blob_syscall2(__NR_munmap, rd->staging, READ_PIECE);
}

static void read_small(const struct reader *rd)
{
	const struct op *reads = (const struct op *)(uintptr_t)rd->l->reads;
	struct large_read *l = rd->l;
	long ret = 0;

	while (!ret && !__atomic_load_n(&l->err, __ATOMIC_RELAXED)) {
		uint64_t i = __atomic_fetch_add(&l->next_read, 1, __ATOMIC_RELAXED);

		if (i >= l->nr_reads)
			break;
		ret = read_all(rd->area, &reads[i]);
	}
	if (ret)
		__atomic_store_n(&l->err, ret, __ATOMIC_RELAXED);
}

/* --- several threads --------------------------------------------------------------- */

static void __attribute__((noreturn)) reader_main(void *arg)
{
	read_pieces(arg);
	read_small(arg);
	for (;;)
		blob_syscall1(__NR_exit, 0);
}

/* Its number, one of those that nobody in the tree is to have; or negative. */
static long reader_start(struct reader *rd, uint64_t stack)
{
	const int32_t *numbers = (const int32_t *)(uintptr_t)rd->l->numbers;
	struct clone_args ca = {
		.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			 CLONE_SYSVSEM | CLONE_CHILD_CLEARTID,
		.stack = stack,
		.stack_size = READER_STACK - sizeof(*rd),
		.set_tid_size = 1,
		.child_tid = BLOB_ADDR(&rd->tid),
	};
	long tid = -EAGAIN_;

	for (uint64_t i = 0; i < rd->l->nr_numbers && tid < 0; i++) {
		rd->tid = (uint32_t)numbers[i];
		ca.set_tid = BLOB_ADDR(&numbers[i]);
		tid = clone_on(&ca, reader_main, rd);
	}
	return tid;
}

/* Until its number is free, and nobody sees it any more. */
static void reader_wait(const struct run *r, struct reader *rd, long tid)
{
	uint32_t now;

	while ((now = __atomic_load_n(&rd->tid, __ATOMIC_SEQ_CST)))
		blob_syscall4(__NR_futex, BLOB_ADDR(&rd->tid), FUTEX_WAIT_, now, 0);
	while (blob_syscall3(__NR_tgkill, r->pid, tid, 0) != -ESRCH_)
		blob_syscall0(__NR_sched_yield);
}

/* A userfaultfd with all mappings that huge pages are to be moved into, or negative. */
static long moves_begin(const struct large_read *l)
{
	const struct op_iov *span = (const struct op_iov *)(uintptr_t)l->spans;
	struct uffdio_api api = { .api = UFFD_API, .features = FEATURE_MOVE };
	long fd, ret;

	if (!l->staging)
		return -1;
	fd = blob_syscall1(__NR_userfaultfd, O_CLOEXEC_ | UFFD_USER_MODE_ONLY);
	if (fd < 0)
		return fd;
	ret = blob_syscall3(__NR_ioctl, fd, UFFDIO_API, BLOB_ADDR(&api));
	for (uint64_t i = 0; i < l->nr_spans && ret >= 0; i++) {
		struct uffdio_register reg = { .range = { span[i].base, span[i].len },
					       .mode = UFFDIO_REGISTER_MODE_WP };

		ret = blob_syscall3(__NR_ioctl, fd, UFFDIO_REGISTER, BLOB_ADDR(&reg));
	}
	if (ret >= 0)
		return fd;
	blob_syscall1(__NR_close, fd);
	return ret;
}

long read_large(const struct run *r, struct large_read *l)
{
	const struct read_range *ranges = (const struct read_range *)(uintptr_t)l->ranges;
	struct reader own = { r->area, l, ranges, .uffd = moves_begin(l), .staging = l->staging };
	struct reader *others[READERS_MAX];
	long tids[READERS_MAX];
	uint64_t nr = 1;

	for (; nr < l->nr_readers && nr < READERS_MAX; nr++) {
		uint64_t stack = l->stacks + (nr - 1) * READER_STACK;
		struct reader *rd = (struct reader *)(uintptr_t)(stack + READER_STACK) - 1;

		*rd = own;
		rd->staging += nr * STAGING_STEP;
		others[nr] = rd;
		tids[nr] = reader_start(rd, stack);
		if (tids[nr] < 0)
			break;
	}
	read_pieces(&own);
	read_small(&own);
	for (uint64_t i = 1; i < nr; i++)
		reader_wait(r, others[i], tids[i]);
	if (own.uffd >= 0)
		blob_syscall1(__NR_close, own.uffd); /* which ends the registration */
	return l->err;
}
