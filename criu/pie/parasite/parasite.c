// SPDX-License-Identifier: GPL-2.0-only
/*
 * One entry, all that only the task itself can ask, and out again. Nothing here leaves the task
 * changed; what waits (uffd_make(), room_make()) waits for us, and not for long.
 */
#include <asm/prctl.h>
#include <linux/ioprio.h>
#include <linux/membarrier.h>
#include <linux/mempolicy.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <stdbool.h>
#include <stddef.h>

#include "compel/blob/exit.h"
#include "compel/blob/syscall.h"
#include "criu/pie/abi/parasite.h"

#ifndef PR_GET_MDWE /* 6.3 */
#define PR_GET_MDWE 66
#endif
#ifndef PR_GET_MEMORY_MERGE /* 6.4 */
#define PR_GET_MEMORY_MERGE 68
#endif

#ifndef ARCH_GET_XCOMP_PERM /* 5.16 */
#define ARCH_GET_XCOMP_PERM 0x1022
#endif

#define READ_LDT    0
#define LDT_BYTES   65536u
#define LDT_ENTRIES (LDT_BYTES / 8)

#define TASK_END  0x7ffffffff000ull
#define NODE_BITS (PARASITE_NODE_WORDS * 64 + 1) /* the kernel counts from one */
#define ENOENT_   2
#define EINVAL_   22

#define O_CLOEXEC_           02000000
#define O_NONBLOCK_          04000
#define UFFD_USER_MODE_ONLY_ 1
#define UFFD_PAUSE_NS        20000
#define UFFD_PAUSES          5000 /* about half a second */

#define ROOM_PAGE         4096ul
#define SECRET_PAGES      64
#define MFD_CLOEXEC_      1
#define MFD_SEALS_        2
#define ADD_SEALS         1033 /* F_ADD_SEALS */
#define SEAL_FUTURE_WRITE 16

#define IORING_ENTER_GETEVENTS_ 1

#define CLOSE_RANGE_UNSHARE_ 2
#define WAIT_ALL             0x40000000 /* __WALL */
#define COPY_PAUSE_NS        1000000
#define COPY_PAUSES          2000 /* some seconds */

/* Since Linux 6.3. */
#define GET_REGISTRATIONS (1 << 9)
#define GET_FD_FLAGS      1 /* F_GETFD */
#define ONLY_ASK          0xffffffff /* personality(2) */

void blob_entry(struct parasite_process_args *a) __attribute__((noreturn, section(".text.entry")));

struct first_error {
	int32_t err;
	uint32_t nr;
};

static long answer(struct first_error *e, long nr, long r)
{
	if (r < 0 && !e->err) {
		e->err = (int32_t)r;
		e->nr = (uint32_t)nr;
	}
	return r;
}

static long ask(struct first_error *e, long nr, uint64_t a, uint64_t b, uint64_t c)
{
	return answer(e, nr, blob_syscall(nr, a, b, c, 0, 0, 0));
}

/* What PR_SET_TIMERSLACK with 0 goes back to can only be seen by doing that. */
static void slack_ask(struct parasite_thread *t)
{
	t->timer_slack = (uint64_t)blob_syscall1(__NR_prctl, PR_GET_TIMERSLACK);
	if (!t->timer_slack)
		return; /* a real-time thread has none, and cannot set one */
	blob_syscall2(__NR_prctl, PR_SET_TIMERSLACK, 0);
	t->timer_slack_default = (uint64_t)blob_syscall1(__NR_prctl, PR_GET_TIMERSLACK);
	blob_syscall2(__NR_prctl, PR_SET_TIMERSLACK, t->timer_slack);
}

/* What a kernel without NUMA answers is that there is none. */
static void mempolicy_ask(struct first_error *e, struct parasite_thread *t)
{
	uint32_t mode = MPOL_DEFAULT;

	t->mempolicy = MPOL_DEFAULT;
	if (blob_syscall5(__NR_get_mempolicy, BLOB_ADDR(&mode), 0, 0, 0, 0) < 0 ||
	    mode == MPOL_DEFAULT)
		return;
	t->mempolicy = mode;
	answer(
	    e, __NR_get_mempolicy,
	    blob_syscall5(__NR_get_mempolicy, 0, BLOB_ADDR(t->mempolicy_nodes), NODE_BITS, 0, 0));
}

/* Until there is no room for another answer. */
static void policies_ask(struct parasite_policies_args *a)
{
	a->err = 0;
	a->nr_found = 0;
	for (a->next = 0; a->next < a->nr; a->next++) {
		struct parasite_policy *p = &a->found[a->nr_found];
		uint32_t mode = MPOL_DEFAULT;
		long r = blob_syscall5(__NR_get_mempolicy, BLOB_ADDR(&mode), 0, 0, a->addr[a->next],
				       MPOL_F_ADDR);

		if (r == 0 && mode != MPOL_DEFAULT) {
			if (a->nr_found == PARASITE_POLICIES_AT_ONCE)
				return;
			p->index = a->next;
			p->mode = mode;
			r = blob_syscall5(__NR_get_mempolicy, 0, BLOB_ADDR(p->nodes), NODE_BITS,
					  a->addr[a->next], MPOL_F_ADDR);
			a->nr_found++;
		}
		if (r < 0) {
			a->err = (int32_t)r;
			return;
		}
	}
}

/* One call for all mappings, where it can change nothing: see mem/mempolicy.c. */
static bool some_policies(const struct parasite_process_args *a)
{
	uint32_t mode;

	if (blob_syscall5(__NR_get_mempolicy, BLOB_ADDR(&mode), 0, 0, 0, 0) < 0)
		return false;
	return !a->one_node ||
	       blob_syscall4(__NR_set_mempolicy_home_node, 0, TASK_END, 0, 0) != -ENOENT_;
}

static long prctl_get(long what, long arg)
{
	return blob_syscall5(__NR_prctl, what, arg, 0, 0, 0);
}

/* An answer that is an error means the default, or "no such thing". */
static void modes_ask(struct first_error *e, uint32_t wanted, struct parasite_thread *t)
{
	uint32_t tsc = PR_TSC_ENABLE;

	ask(e, __NR_prctl, PR_GET_TSC, BLOB_ADDR(&tsc), 0);
	t->no_tsc = tsc == PR_TSC_SIGSEGV;
	t->mce_kill = (uint32_t)answer(e, __NR_prctl, prctl_get(PR_MCE_KILL_GET, 0));
	/* Wants CAP_SYS_RESOURCE: see task/modes.c. */
	t->io_flusher = prctl_get(PR_GET_IO_FLUSHER, 0) == 1;
	for (uint32_t i = 0; i < PARASITE_SPECULATIONS; i++) {
		long r =
		    wanted & PARASITE_SPECULATION << i ? prctl_get(PR_GET_SPECULATION_CTRL, i) : 0;

		t->speculation[i] = r > 0 ? (uint16_t)r : 0;
	}
	t->no_cpuid =
	    wanted & PARASITE_CPUID && blob_syscall2(__NR_arch_prctl, ARCH_GET_CPUID, 0) == 0;
}

static void thread_ask(struct first_error *e, uint32_t wanted, struct parasite_thread *t)
{
	struct {
		uint64_t sp;
		int32_t flags, pad;
		uint64_t size;
	} sas = { 0 };

	ask(e, __NR_sigaltstack, 0, BLOB_ADDR(&sas), 0);
	t->sas_sp = sas.sp;
	t->sas_size = sas.size;
	t->sas_flags = (uint32_t)sas.flags;
	ask(e, __NR_prctl, PR_GET_PDEATHSIG, BLOB_ADDR(&t->pdeath_sig), 0);
	ask(e, __NR_prctl, PR_GET_TID_ADDRESS, BLOB_ADDR(&t->clear_child_tid), 0);
	t->securebits = (uint32_t)ask(e, __NR_prctl, PR_GET_SECUREBITS, 0, 0);
	t->ioprio = (uint32_t)ask(e, __NR_ioprio_get, IOPRIO_WHO_PROCESS, 0, 0);
	slack_ask(t);
	mempolicy_ask(e, t);
	modes_ask(e, wanted, t);
}

static void timers_ask(struct first_error *e, struct parasite_process_args *a)
{
	for (uint32_t i = 0; i < a->nr_timers; i++) {
		struct parasite_timer *t = &a->timer[i];

		ask(e, __NR_timer_gettime, (uint64_t)t->id, BLOB_ADDR(&t->interval_sec), 0);
		t->overrun = (int32_t)ask(e, __NR_timer_getoverrun, (uint64_t)t->id, 0, 0);
	}
}

static void fds_ask(struct first_error *e, struct parasite_process_args *a)
{
	int32_t *fd = parasite_fds(a);

	for (uint32_t i = 0; i < a->nr_fds; i++)
		fd[i] = (int32_t)ask(e, __NR_fcntl, (uint64_t)fd[i], GET_FD_FLAGS, 0);
}

/* A table is as many bytes as were asked for, none is 0. */
static bool has_ldt(void)
{
	uint64_t first;

	return blob_syscall3(__NR_modify_ldt, READ_LDT, BLOB_ADDR(&first), sizeof(first)) > 0;
}

static void ldt_ask(struct parasite_ldt_args *a)
{
	long map = blob_syscall6(__NR_mmap, 0, LDT_BYTES, PROT_READ | PROT_WRITE,
				 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const uint64_t *entry = (const uint64_t *)map;

	a->err = map < 0 && map > -4096 ? (int32_t)map : 0;
	if (a->err)
		return;
	a->err = (int32_t)blob_syscall3(__NR_modify_ldt, READ_LDT, map, LDT_BYTES);
	for (uint32_t i = 0; i < LDT_ENTRIES && a->err >= 0; i++)
		if (entry[i])
			a->end = i + 1;
	for (uint32_t i = 0; i < PARASITE_LDT_AT_ONCE && a->err >= 0; i++)
		a->entry[i] = a->from + i < LDT_ENTRIES ? entry[a->from + i] : 0;
	blob_syscall2(__NR_munmap, map, LDT_BYTES);
}

/* There is no other way for a descriptor out of a process than to be taken. Who is to take it may
 * have been killed, so the wait has an end. Changes only: it is asked for no faults. */
static void uffd_make(struct parasite_uffd_args *a)
{
	struct {
		int64_t sec, nsec;
	} pause = { 0, UFFD_PAUSE_NS };
	long fd = blob_syscall1(__NR_userfaultfd, O_CLOEXEC_ | O_NONBLOCK_ | UFFD_USER_MODE_ONLY_);

	a->err = fd < 0 ? (int32_t)fd : 0;
	if (fd < 0)
		return;
	__atomic_store_n(&a->fd, (int32_t)fd, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < UFFD_PAUSES && !__atomic_load_n(&a->taken, __ATOMIC_ACQUIRE); i++)
		blob_syscall2(__NR_nanosleep, BLOB_ADDR(&pause), 0);
	blob_syscall1(__NR_close, fd);
}

static long sealed_make(void)
{
	char name = '\0';
	long fd = blob_syscall2(__NR_memfd_create, BLOB_ADDR(&name), MFD_CLOEXEC_ | MFD_SEALS_);
	long r = fd;

	if (r >= 0)
		r = blob_syscall2(__NR_ftruncate, fd, ROOM_PAGE);
	if (r >= 0)
		r = blob_syscall3(__NR_fcntl, fd, ADD_SEALS, SEAL_FUTURE_WRITE);
	if (r < 0 && fd >= 0)
		blob_syscall1(__NR_close, fd);
	return r < 0 ? r : fd;
}

static long room_map(uint64_t at)
{
	const uint64_t len = PARASITE_ROOM_PAGES * ROOM_PAGE;
	long fd = sealed_make(), r;

	if (fd < 0)
		return fd;
	r = blob_syscall6(__NR_mmap, at, len, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	if (r == (long)at) {
		r = blob_syscall6(__NR_mmap, at, ROOM_PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd,
				  0);
		if (r < 0)
			blob_syscall2(__NR_munmap, at, len);
	}
	blob_syscall1(__NR_close, fd);
	return r < 0 ? r : 0;
}

static void room_make(struct parasite_room_args *a)
{
	struct {
		int64_t sec, nsec;
	} pause = { 0, UFFD_PAUSE_NS };

	a->err = (int32_t)room_map(a->at);
	if (a->err)
		return;
	__atomic_store_n(&a->made, 1, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < UFFD_PAUSES && !__atomic_load_n(&a->done, __ATOMIC_ACQUIRE); i++)
		blob_syscall2(__NR_nanosleep, BLOB_ADDR(&pause), 0);
	blob_syscall2(__NR_munmap, a->at, PARASITE_ROOM_PAGES * ROOM_PAGE);
}

static long secret_write(const struct parasite_secret_args *a, long fd)
{
	uint8_t there[SECRET_PAGES] = { 0 };
	long r = blob_syscall2(__NR_ftruncate, fd, a->len);

	for (uint64_t at = 0; at < a->len && r >= 0; at += SECRET_PAGES * ROOM_PAGE) {
		uint64_t left = a->len - at, len = SECRET_PAGES * ROOM_PAGE;

		len = left < len ? left : len;
		r = blob_syscall3(__NR_mincore, a->addr + at, len, BLOB_ADDR(there));
		for (uint64_t i = 0; i < len && r >= 0; i += ROOM_PAGE)
			if (there[i / ROOM_PAGE] & 1)
				r = blob_syscall4(__NR_pwrite64, fd, a->addr + at + i, ROOM_PAGE,
						  at + i);
	}
	return r;
}

static void secret_copy(struct parasite_secret_args *a)
{
	struct {
		int64_t sec, nsec;
	} pause = { 0, UFFD_PAUSE_NS };
	char name = '\0';
	long fd = blob_syscall2(__NR_memfd_create, BLOB_ADDR(&name), MFD_CLOEXEC_);
	long r = fd < 0 ? fd : secret_write(a, fd);

	a->err = r < 0 ? (int32_t)r : 0;
	if (!a->err)
		__atomic_store_n(&a->fd, (int32_t)fd, __ATOMIC_RELEASE);
	for (uint32_t i = 0;
	     i < UFFD_PAUSES && !a->err && !__atomic_load_n(&a->taken, __ATOMIC_ACQUIRE); i++)
		blob_syscall2(__NR_nanosleep, BLOB_ADDR(&pause), 0);
	if (fd >= 0)
		blob_syscall1(__NR_close, fd);
}

/*
 * The copy is a grandchild: its parent ends at once, is waited for here, and so the copy belongs to
 * whoever reaps orphans. The parent in between lives in our memory and on our stack, so it must
 * not come back to code that uses either. Returns 0 in the copy.
 */
/* NOLINTNEXTLINE(readability-non-const-parameter): what assembly writes it does not see */
static long copy_clone(int32_t *ret_pid)
{
	register uint64_t r10 __asm__("r10") = 0;
	register uint64_t r8 __asm__("r8") = 0;
	long r = __NR_clone;

	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %[nr], %%eax\n\t"
			 "mov %[copy], %%edi\n\t"
			 "syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jz 1f\n\t"
			 "mov %%eax, (%[pid])\n\t"
			 "xor %%edi, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "1:"
			 : "+a"(r), "+r"(r10), "+r"(r8), "+m"(*ret_pid)
			 : "D"(CLONE_VM | CLONE_VFORK | CLONE_FILES), "S"(0),
			   "d"(0), [nr] "i"(__NR_clone), [copy] "i"(CLONE_FILES),
			   [exit] "i"(__NR_exit), [pid] "r"(ret_pid)
			 : "rcx", "r11", "memory", "cc");
	return r;
}

/* Until it is killed; by itself when nobody says that it is to stay. */
static void __attribute__((noreturn)) copy_run(const struct parasite_copy_args *a)
{
	struct {
		int64_t sec, nsec;
	} pause = { 0, COPY_PAUSE_NS };

	blob_syscall3(__NR_close_range, 0, ~0u, CLOSE_RANGE_UNSHARE_);
	blob_syscall0(__NR_setsid);
	for (uint32_t i = 0; i < COPY_PAUSES && !__atomic_load_n(&a->stay, __ATOMIC_ACQUIRE); i++)
		blob_syscall2(__NR_nanosleep, BLOB_ADDR(&pause), 0);
	while (__atomic_load_n(&a->stay, __ATOMIC_ACQUIRE))
		blob_syscall0(__NR_pause);
	for (;;)
		blob_syscall1(__NR_exit_group, 0);
}

static void copy_make(struct parasite_copy_args *a)
{
	long child;

	a->pid = 0;
	child = copy_clone(&a->pid);
	if (!child)
		copy_run(a);
	a->err = child < 0 ? (int32_t)child : 0;
	if (child > 0)
		blob_syscall4(__NR_wait4, child, 0, WAIT_ALL, 0);
	if (!a->err && a->pid < 0)
		a->err = a->pid;
}

#define REAPS 16 /* the kernel tells of some at a time */

/* To return from any system call is enough for most rings. */
static void urings_reap(const struct parasite_uring_args *a)
{
	for (uint32_t i = 0; i < a->nr * REAPS && i < PARASITE_URINGS * REAPS; i++)
		blob_syscall6(__NR_io_uring_enter, a->fd[i / REAPS], 0, 0, IORING_ENTER_GETEVENTS_,
			      0, 0);
}

static void process_ask(struct first_error *e, struct parasite_process_args *a)
{
	uint8_t there = 0;
	long r;

	for (uint32_t i = 0; i < PARASITE_NSIG; i++)
		blob_syscall4(__NR_rt_sigaction, i + 1, 0, BLOB_ADDR(&a->sa[i]), 8);
	for (uint32_t i = 0; i < 3; i++)
		ask(e, __NR_getitimer, i, BLOB_ADDR(&a->itimer[i]), 0);
	a->brk = (uint64_t)ask(e, __NR_brk, 0, 0, 0);
	a->dumpable = (uint32_t)ask(e, __NR_prctl, PR_GET_DUMPABLE, 0, 0);
	ask(e, __NR_prctl, PR_GET_CHILD_SUBREAPER, BLOB_ADDR(&a->child_subreaper), 0);
	a->thp_disabled = (uint32_t)ask(e, __NR_prctl, PR_GET_THP_DISABLE, 0, 0);
	r = prctl_get(PR_GET_MDWE, 0);
	a->mdwe = r > 0 ? (uint32_t)r : 0;
	a->memory_merge = prctl_get(PR_GET_MEMORY_MERGE, 0) == 1;
	r = blob_syscall3(__NR_membarrier, GET_REGISTRATIONS, 0, 0);
	a->membarrier = r < 0 ? 0 : (uint32_t)r;
	if (blob_syscall3(__NR_mincore, a->untouched, 1, BLOB_ADDR(&there)) == 0)
		a->lock_future = there & 1;
	/* Of a locked mapping nothing is given back, whether its pages are there or not. */
	a->lock_on_fault = !a->lock_future &&
			   blob_syscall3(__NR_madvise, a->untouched, 1, MADV_DONTNEED) == -EINVAL_;
	a->personality = (uint32_t)ask(e, __NR_personality, ONLY_ASK, 0, 0);
	a->mpol_some = some_policies(a);
	a->has_ldt = has_ldt();
	if (a->wanted & PARASITE_XCOMP)
		ask(e, __NR_arch_prctl, ARCH_GET_XCOMP_PERM, BLOB_ADDR(&a->xcomp_perm), 0);
	timers_ask(e, a);
	fds_ask(e, a);
}

void blob_entry(struct parasite_process_args *a)
{
	struct first_error e = { 0 };

	if (a->command == PARASITE_POLICIES) {
		policies_ask((struct parasite_policies_args *)a);
		blob_exit(&a->exit);
	}
	if (a->command == PARASITE_LDT) {
		ldt_ask((struct parasite_ldt_args *)a);
		blob_exit(&a->exit);
	}
	if (a->command == PARASITE_COPY) {
		copy_make((struct parasite_copy_args *)a);
		blob_exit(&a->exit);
	}
	if (a->command == PARASITE_ROOM) {
		room_make((struct parasite_room_args *)a);
		blob_exit(&a->exit);
	}
	if (a->command == PARASITE_SECRET) {
		secret_copy((struct parasite_secret_args *)a);
		blob_exit(&a->exit);
	}
	if (a->command == PARASITE_URING) {
		urings_reap((struct parasite_uring_args *)a);
		blob_exit(&a->exit);
	}
	if (a->command == PARASITE_UFFD) {
		uffd_make((struct parasite_uffd_args *)a);
		blob_exit(&a->exit);
	}
	thread_ask(&e, a->wanted, &a->thread);
	if (a->command == PARASITE_PROCESS)
		process_ask(&e, a);
	a->err = e.err;
	a->err_nr = e.nr;
	blob_exit(&a->exit);
}
