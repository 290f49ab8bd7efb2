// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs a list of operations. It knows nothing of what they are for; the first that does
 * not end as expected is reported as it stands, and the task ends.
 */
#include <asm/unistd.h>
#include <linux/futex.h>
#include <linux/ioctl.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <stddef.h>

#include "compel/blob/syscall.h"
#include "criu/pie/abi/program.h"
#include "criu/pie/restorer/aio.h"

#define IOV_AT_ONCE   1024
#define BYTES_AT_ONCE (64ull << 20)
#define TIMER_TRIES   1000000
#define EINTR_        4
#define O_CLOEXEC_    02000000
#define EAGAIN_       11
#define ENODATA_      61
#define EEXIST_       17
#define ETIMEDOUT_    110

/* struct uffdio_move, and its ioctl: Linux 6.8, not in the headers of Debian 12. */
struct move {
	uint64_t dst, src, len, mode;
	int64_t moved;
};

#define FEATURE_MOVE     (1ull << 16)
#define FIRST_BUNDLE     (2 * HUGE_BYTES)
#define SLOW_US_PER_MIB  1000
#define CLOCK_MONOTONIC_ 1
#define IOCTL_MOVE       _IOWR(UFFDIO, 0x05, struct move)
#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

struct run {
	struct stage_area *area;
	const struct op *ops;
	int32_t pid, tid;
};

void blob_entry(struct restorer_args *a) __attribute__((noreturn, section(".text.entry")));
static void run_list(const struct run *r) __attribute__((noreturn));

static void futex_wake(uint32_t *word)
{
	blob_syscall3(__NR_futex, BLOB_ADDR(word), FUTEX_WAKE, 0x7fffffff);
}

static long futex_wait(uint32_t *word, uint32_t seen, uint64_t ms)
{
	const uint64_t ts[2] = { ms / 1000, ms % 1000 * 1000000 };

	return blob_syscall4(__NR_futex, BLOB_ADDR(word), FUTEX_WAIT, seen, ms ? BLOB_ADDR(ts) : 0);
}

static void __attribute__((noreturn)) die(void)
{
	for (;;)
		blob_syscall1(__NR_exit_group, 1);
}

static void __attribute__((noreturn)) report(const struct run *r, const struct op *op, long err)
{
	struct stage_area *a = r->area;

	if (!__atomic_exchange_n(&a->failed, 1, __ATOMIC_SEQ_CST)) {
		a->pid = r->pid;
		a->err = (int32_t)err;
		a->is_op = 1;
		a->op = *op;
		__atomic_store_n(&a->told, 1, __ATOMIC_SEQ_CST);
	}
	futex_wake(&a->busy);
	die();
}

static void stage_done(struct stage_area *a)
{
	if (__atomic_sub_fetch(&a->busy, 1, __ATOMIC_SEQ_CST) == 0)
		futex_wake(&a->busy);
}

/* A pidfd can be read once its process has ended, reaped or not. */
static int is_gone(int64_t pidfd)
{
	struct {
		int32_t fd;
		int16_t events, revents;
	} p = { (int32_t)pidfd, 1 /* POLLIN */, 0 };

	return blob_syscall3(__NR_poll, BLOB_ADDR(&p), 1, 0) > 0;
}

/* crtool: a pidfd, or -1. Without crtool nobody would ever start the stage. */
static void stage_wait(struct stage_area *a, uint32_t stage, int64_t crtool)
{
	uint32_t now;

	while ((now = __atomic_load_n(&a->stage, __ATOMIC_SEQ_CST)) < stage)
		if (futex_wait(&a->stage, now, crtool < 0 ? 0 : a->patience_ms) == -ETIMEDOUT_ &&
		    is_gone(crtool))
			die();
}

/* How many of the next iovecs go into one call: enough to be quick, few enough to be seen. */
static uint64_t batch_of(const struct op_iov *iov, uint64_t nr)
{
	uint64_t n = 0, bytes = 0;

	while (n < nr && n < IOV_AT_ONCE && bytes < BYTES_AT_ONCE)
		bytes += iov[n++].len;
	return n;
}

/* arg: fd, offset, iov, nr, total */
static long read_all(const struct run *r, const struct op *op)
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
		__atomic_add_fetch(&r->area->read_bytes, (uint64_t)n, __ATOMIC_RELAXED);
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

static long read_exact(const struct run *r, uint64_t fd, uint64_t to, uint64_t len, uint64_t off)
{
	while (len) {
		uint64_t at_once = len < BYTES_AT_ONCE ? len : BYTES_AT_ONCE;
		long n = blob_syscall4(__NR_pread64, fd, to, at_once, off);

		if (n == -EINTR_ || n == -EAGAIN_)
			continue;
		if (n <= 0)
			return n ? n : -ENODATA_;
		__atomic_add_fetch(&r->area->read_bytes, (uint64_t)n, __ATOMIC_RELAXED);
		to += (uint64_t)n;
		off += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

/* A userfaultfd with the range registered, or negative. */
static long move_begin(uint64_t addr, uint64_t len)
{
	struct uffdio_api api = { .api = UFFD_API, .features = FEATURE_MOVE };
	struct uffdio_register reg = { .range = { addr, len },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	long fd = blob_syscall1(__NR_userfaultfd, O_CLOEXEC_ | UFFD_USER_MODE_ONLY), ret;

	if (fd < 0)
		return fd;
	ret = blob_syscall3(__NR_ioctl, fd, UFFDIO_API, BLOB_ADDR(&api));
	if (ret >= 0)
		ret = blob_syscall3(__NR_ioctl, fd, UFFDIO_REGISTER, BLOB_ADDR(&reg));
	if (ret < 0) {
		blob_syscall1(__NR_close, fd);
		return ret;
	}
	return fd;
}

static void move_end(long fd, uint64_t addr, uint64_t len)
{
	struct uffdio_range range = { addr, len };

	blob_syscall3(__NR_ioctl, fd, UFFDIO_UNREGISTER, BLOB_ADDR(&range));
	blob_syscall1(__NR_close, fd);
}

static long move(long fd, uint64_t to, uint64_t from, uint64_t len)
{
	while (len) {
		struct move m = { .dst = to, .src = from, .len = len };
		long ret = blob_syscall3(__NR_ioctl, fd, IOCTL_MOVE, BLOB_ADDR(&m));

		if (m.moved > 0) {
			to += (uint64_t)m.moved;
			from += (uint64_t)m.moved;
			len -= (uint64_t)m.moved;
		} else if (ret < 0 && ret != -EAGAIN_) {
			return ret;
		}
	}
	return 0;
}

static uint64_t now_us(void)
{
	struct {
		uint64_t sec, nsec;
	} t = { 0 };

	blob_syscall2(__NR_clock_gettime, CLOCK_MONOTONIC_, BLOB_ADDR(&t));
	return t.sec * 1000000 + t.nsec / 1000;
}

/*
 * Fills huge pages in growing bundles, as long as that is quick: how many bytes are in place,
 * or negative. In a virtual machine that gives free memory back to its host, huge pages are what
 * it gives first, and to get each of them back takes many times as long as all small ones.
 */
static long fill_and_move(const struct run *r, const struct op *op, long fd)
{
	uint64_t off = op->arg[1], addr = op->arg[2], left = op->arg[3], staging = op->arg[4];
	uint64_t bundle = FIRST_BUNDLE;

	while (left && !__atomic_load_n(&r->area->huge_is_slow, __ATOMIC_RELAXED)) {
		uint64_t n = left < bundle ? left : bundle, start = now_us();
		long ret = read_exact(r, op->arg[0], staging, n, off);

		if (ret < 0)
			return ret;
		if (now_us() - start > (n >> 20) * SLOW_US_PER_MIB)
			__atomic_store_n(&r->area->huge_is_slow, 1, __ATOMIC_RELAXED);
		if (move(fd, addr, staging, n) < 0)
			break;
		addr += n;
		off += n;
		left -= n;
		bundle = bundle < STAGING_BYTES ? bundle * 2 : STAGING_BYTES;
	}
	return (long)(op->arg[3] - left);
}

/* arg: fd, offset, address, length, staging, rights. What is not moved is read into place. */
static long read_huge(const struct run *r, const struct op *op)
{
	uint64_t staging = op->arg[4], len = op->arg[3], done = 0;
	long fd = move_begin(op->arg[2], len), ret;

	if (fd >= 0) {
		ret = blob_syscall6(__NR_mmap, staging, STAGING_BYTES, op->arg[5],
				    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, (uint64_t)-1, 0);
		if (ret < 0 && ret > -4096)
			return ret;
		blob_syscall3(__NR_madvise, staging, STAGING_BYTES, MADV_HUGEPAGE);
		ret = fill_and_move(r, op, fd);
		if (ret < 0)
			return ret;
		done = (uint64_t)ret;
		move_end(fd, op->arg[2], len);
		blob_syscall2(__NR_munmap, staging, STAGING_BYTES);
	}
	return read_exact(r, op->arg[0], op->arg[2] + done, len - done, op->arg[1] + done);
}

/* The new thread starts on its own stack, with nothing but the run in a register. */
static long clone_thread(const struct run *r, const struct op *op)
{
	int32_t tid = (int32_t)op->arg[1];
	struct run *its = (struct run *)(uintptr_t)op->arg[2] - 1;
	struct clone_args ca = {
		.flags = op->arg[0],
		.stack = op->arg[2] - 4096,
		.stack_size = 4096 - 64,
		.set_tid = BLOB_ADDR(&tid),
		.set_tid_size = 1,
	};
	register struct run *start __asm__("r12") = its;
	long ret;

	*its = (struct run){ r->area, (const struct op *)(uintptr_t)op->arg[3], r->pid, tid };
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r12, %%rdi\n\t"
			 "and $-16, %%rsp\n\t"
			 "call *%[run]\n\t"
			 "1:"
			 : "=a"(ret)
			 : "a"(__NR_clone3), "D"(&ca), "S"(sizeof(ca)),
			   "r"(start), [run] "r"(run_list)
			 : "rcx", "r11", "memory");
	return ret < 0 ? ret : ret == tid ? 0 : -EEXIST_;
}

/* arg: clock, sigevent, id. Without a way to ask for an id, ids are counted up. */
static long timer_create(const struct op *op)
{
	int32_t want = (int32_t)op->arg[2];

	for (int i = 0; i < TIMER_TRIES; i++) {
		int32_t id = want;
		long r = blob_syscall3(__NR_timer_create, op->arg[0], op->arg[1], BLOB_ADDR(&id));

		if (r < 0 || id == want)
			return r;
		blob_syscall1(__NR_timer_delete, id);
		if (id > want)
			break;
	}
	return -EEXIST_;
}

/* arg: array of 128-byte siginfo, how many, tid or 0 */
static long sigqueue(const struct run *r, const struct op *op)
{
	for (uint64_t i = 0; i < op->arg[1]; i++) {
		uint64_t info = op->arg[0] + i * 128;
		uint32_t signo = *(const uint32_t *)(uintptr_t)info;
		long ret = op->arg[2] ? blob_syscall4(__NR_rt_tgsigqueueinfo, r->pid, op->arg[2],
						      signo, info)
				      : blob_syscall3(__NR_rt_sigqueueinfo, r->pid, signo, info);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* arg: pidfd, number there, number here, flags */
static long take_fd(const struct op *op)
{
	long fd = blob_syscall3(__NR_pidfd_getfd, op->arg[0], op->arg[1], 0), ret;

	if (fd < 0)
		return fd;
	ret = blob_syscall3(__NR_dup3, (uint64_t)fd, op->arg[2], op->arg[3]);
	blob_syscall1(__NR_close, fd);
	return ret;
}

/* Addresses among the arguments are below 4 GiB: the host sees to it. */
static long syscall32(const struct op *op)
{
	long r;

	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(op->nr), "b"(op->arg[0]), "c"(op->arg[1]), "d"(op->arg[2]),
			   "S"(op->arg[3]), "D"(op->arg[4])
			 : "r8", "r9", "r10", "r11", "memory");
	return r;
}

static long run_one(const struct run *r, const struct op *op)
{
	switch (op->kind) {
	case OP_SYSCALL:
		return blob_syscall6(op->nr, op->arg[0], op->arg[1], op->arg[2], op->arg[3],
				     op->arg[4], op->arg[5]);
	case OP_SYSCALL32:
		return syscall32(op);
	case OP_READ:
		return read_all(r, op);
	case OP_READ_HUGE:
		return read_huge(r, op);
	case OP_CLONE:
		return clone_thread(r, op);
	case OP_TIMER:
		return timer_create(op);
	case OP_SIGQUEUE:
		return sigqueue(r, op);
	case OP_TAKE_FD:
		return take_fd(op);
	case OP_AIO:
		return aio_make_all(op);
	case OP_STAGE:
		stage_done(r->area);
		stage_wait(r->area, (uint32_t)op->arg[0], (int64_t)op->arg[1]);
		return 0;
	default:
		return -EEXIST_;
	}
}

static void run_list(const struct run *r)
{
	uint32_t never = 0;

	for (const struct op *op = r->ops; op->kind != OP_END; op++) {
		long ret = run_one(r, op);

		if (op->flags & OP_ANY)
			continue;
		if ((op->flags & OP_EXPECT) ? ret != op->expect : ret < 0 && ret > -4096)
			report(r, op, ret < 0 && ret > -4096 ? ret : -EEXIST_);
	}
	stage_done(r->area);
	for (;;)
		futex_wait(&never, 0, 0);
}

void blob_entry(struct restorer_args *a)
{
	struct run r = { (struct stage_area *)(uintptr_t)a->area,
			 (const struct op *)(uintptr_t)a->ops, a->pid, a->tid };

	run_list(&r);
}
