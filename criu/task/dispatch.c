// SPDX-License-Identifier: GPL-2.0-only
/*
 * The thread has a range of addresses whose system calls pass. Others pass while a byte of
 * the program, the selector, says so, and are signals (SIGSYS) else. Since Linux 6.17 the
 * range may be the one whose calls do not pass: the kernel shows it as one that passes and
 * wraps around the end of the address space, but takes it only as what it is.
 *
 * It could be switched off by ptrace while the parasite is in, but if crtool was killed
 * then, nobody would switch it on again. So it never is: in a thread whose selector lets
 * calls pass, as in one that waits in a system call from outside of the range, nothing is to
 * be done. Any other is a blocker; it usually is computing, and may be elsewhere the next
 * moment.
 */
#include "criu/task/dispatch.h"

#include <errno.h>
#include <sys/prctl.h>

#include "criu/base/error.h"

#ifndef PR_SYS_DISPATCH_INCLUSIVE_ON /* 6.17 */
#define PR_SYS_DISPATCH_INCLUSIVE_ON 2
#endif

int dispatch_read(struct thread *th)
{
	int r = tracee_get_dispatch(th->tid, &th->dispatch);

	return r < 0 && r != -EIO && r != -EINVAL ? fail(-r, "ptrace syscall user dispatch") : 0;
}

static bool selector_lets_pass(const struct thread *th)
{
	uint8_t selector = SYSCALL_DISPATCH_FILTER_BLOCK;

	return th->dispatch.selector &&
	       tracee_mem_read(th->tid, th->dispatch.selector, &selector, 1) == 0 &&
	       selector == SYSCALL_DISPATCH_FILTER_ALLOW;
}

static bool range_lets_pass(const struct tracee_dispatch *d, uint64_t from, uint64_t len)
{
	return from - d->offset < d->len && from - d->offset + len <= d->len;
}

/* The kernel looks at the address after the instruction. */
#define SITE_BYTES 16

bool dispatch_is_on(const struct task *t)
{
	for (size_t i = 0; i < t->nr_threads; i++)
		if (t->threads[i].dispatch.mode != PR_SYS_DISPATCH_OFF)
			return true;
	return false;
}

void dispatch_block(const struct task *t, const struct remote_site *site, uint64_t region,
		    uint64_t region_len)
{
	for (size_t i = 0; i < t->nr_threads; i++) {
		const struct thread *th = &t->threads[i];
		const struct tracee_dispatch *d = &th->dispatch;

		if (d->mode == PR_SYS_DISPATCH_OFF || selector_lets_pass(th) ||
		    (range_lets_pass(d, site->syscall_ret, SITE_BYTES) &&
		     range_lets_pass(d, site->sigreturn, SITE_BYTES) &&
		     range_lets_pass(d, region, region_len)))
			continue;
		blocker("try again: it may be elsewhere then",
			"pid %d (%s): thread %d runs code whose system calls become signals "
			"(syscall user dispatch)",
			(int)t->pid, t->comm, (int)th->tid);
	}
}

/* Only the range that does not pass can be set again. */
void dispatch_dump(const struct thread *th, ThreadCoreEntry *e)
{
	const struct tracee_dispatch *d = &th->dispatch;
	bool wraps = d->len && d->offset + d->len <= d->offset;

	if (d->mode == PR_SYS_DISPATCH_OFF)
		return;
	e->has_dispatch = e->has_dispatch_offset = e->has_dispatch_len = true;
	e->dispatch = wraps ? PR_SYS_DISPATCH_INCLUSIVE_ON : (uint32_t)d->mode;
	e->dispatch_offset = wraps ? d->offset + d->len : d->offset;
	e->dispatch_len = wraps ? -d->len : d->len;
	e->has_dispatch_selector = d->selector != 0;
	e->dispatch_selector = d->selector;
}

int dispatch_load_check(const ThreadCoreEntry *e)
{
	if (e->has_dispatch && e->dispatch != PR_SYS_DISPATCH_ON &&
	    e->dispatch != PR_SYS_DISPATCH_INCLUSIVE_ON)
		return fail_plain("syscall user dispatch of kind %u", e->dispatch);
	return 0;
}

int dispatch_restore(pid_t tid, const ThreadCoreEntry *e)
{
	const struct tracee_dispatch d = {
		.mode = e->dispatch,
		.offset = e->dispatch_offset,
		.len = e->dispatch_len,
		.selector = e->dispatch_selector,
	};

	return e->has_dispatch ? tracee_set_dispatch(tid, &d) : 0;
}
