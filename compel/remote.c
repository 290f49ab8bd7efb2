// SPDX-License-Identifier: GPL-2.0-only
#include "compel/remote.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "compel/arch/x86/frame.h"

#define PAGE	    4096ull
#define BLOB_STACK  8192ull
#define SPIN_ROUNDS 2000000u

static uint64_t page_up(uint64_t n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

static uint64_t mask_for(int signo)
{
	return signo ? ~(1ull << (signo - 1)) : ~0ull;
}

int remote_init(struct remote *r, pid_t tid, const struct tracee_regs *regs,
		const struct remote_site *site, uint64_t top)
{
	struct remote new = { .pid = tid, .regs = regs, .site = *site, .signo = r->signo };
	uint8_t *frame;
	int err;

	if (regs->compat)
		return -ENOTSUP;
	new.frame = frame_place(regs, top ? top : regs->gp.rsp - FRAME_RED_ZONE, &new.frame_len);
	frame = calloc(2, new.frame_len);
	if (!frame)
		return -ENOMEM;
	new.under = frame + new.frame_len;
	frame_build(frame, new.frame, regs, site->sigreturn);
	err = tracee_mem_read(tid, new.frame, new.under, new.frame_len);
	if (!err)
		err = tracee_mem_write(tid, new.frame, frame, new.frame_len);
	if (err) {
		free(frame);
		return err;
	}
	new.under = memmove(frame, new.under, new.frame_len);
	*r = new;
	return 0;
}

/* Registers first, then the mask: see the head of remote.h. */
static int remote_leave(struct remote *r, pid_t tid, const struct user_regs_struct *gp)
{
	int err = tracee_set_gp(tid, gp);

	r->away = true;
	if (!err)
		err = tracee_set_sigmask(tid, mask_for(r->signo));
	return err;
}

static int remote_return(pid_t tid, const struct tracee_regs *regs)
{
	int err = tracee_set_sigmask(tid, regs->sigmask);

	return err ? err : tracee_set_gp(tid, &regs->gp);
}

static void regs_for_call(const struct remote *r, struct user_regs_struct *gp)
{
	*gp = r->regs->gp;
	gp->orig_rax = (unsigned long long)-1;
	gp->rsp = r->frame;
	gp->eflags &= ~0x100ull; /* no single step */
}

int remote_syscall(struct remote *r, long nr, const uint64_t arg[6], int64_t *ret)
{
	struct user_regs_struct gp;
	bool compat;
	int err;

	regs_for_call(r, &gp);
	gp.rip = r->site.syscall_ret;
	gp.rax = (unsigned long long)nr;
	gp.rdi = arg[0];
	gp.rsi = arg[1];
	gp.rdx = arg[2];
	gp.r10 = arg[3];
	gp.r8 = arg[4];
	gp.r9 = arg[5];
	err = remote_leave(r, r->pid, &gp);
	if (!err)
		err = tracee_syscall_stop(r->pid);
	if (!err)
		err = tracee_syscall_stop(r->pid);
	if (!err)
		err = tracee_get_gp(r->pid, &gp, &compat);
	if (!err)
		*ret = (int64_t)gp.rax;
	return err;
}

static int remote_map(struct remote *r, uint64_t addr, uint64_t len, int prot, int64_t *ret)
{
	uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | (addr ? MAP_FIXED : 0);
	int err = remote_syscall(r, SYS_mmap,
				 (uint64_t[6]){ addr, len, (uint64_t)prot, flags, (uint64_t)-1, 0 },
				 ret);

	return err ? err : *ret < 0 && *ret > -4096 ? (int)*ret : 0;
}

int remote_infect(struct remote *r, const void *blob, uint64_t blob_len, uint64_t data_len)
{
	uint64_t code = page_up(blob_len), len = code + page_up(data_len) + BLOB_STACK;
	int64_t addr = 0;
	int err;

	err = remote_map(r, 0, len, PROT_READ | PROT_WRITE | PROT_EXEC, &addr);
	if (err == -EACCES || err == -EPERM) {
		/* PR_SET_MDWE or a security module: never writable and executable at once. */
		int64_t data;

		err = remote_map(r, 0, len, PROT_READ | PROT_EXEC, &addr);
		if (!err) {
			r->region = (uint64_t)addr;
			r->region_len = len;
			err = remote_map(r, r->region + code, len - code, PROT_READ | PROT_WRITE,
					 &data);
		}
	}
	if (err)
		return err;
	r->region = (uint64_t)addr;
	r->region_len = len;
	r->data = r->region + code;
	r->blob = blob;
	err = tracee_mem_write(r->pid, r->region, blob, blob_len);
	return err == -EFAULT ? tracee_mem_poke(r->pid, r->region, blob, blob_len) : err;
}

/* Without a signal to stop by: until the blob says that it is done, then by an interrupt. */
static int blob_watch(const struct remote *r, pid_t tid, uint64_t exit_at)
{
	uint32_t done = 0;
	int err = 0;

	while (!err && !done) {
		sched_yield();
		err = tracee_mem_read(r->pid, exit_at + offsetof(struct blob_exit, done), &done,
				      sizeof(done));
	}
	return err ? err : tracee_interrupt(tid);
}

/* Until the blob has stopped at its end. */
static int blob_run(const struct remote *r, pid_t tid, uint64_t exit_at)
{
	struct tracee_stop s;
	int err = tracee_cont(tid, 0);

	if (!err && !r->signo)
		err = blob_watch(r, tid, exit_at);
	while (!err) {
		err = tracee_wait(tid, &s);
		if (err == -EINTR) {
			err = 0;
			continue;
		}
		if (err)
			break;
		if (s.event == TRACEE_EXIT)
			return -ESRCH;
		if (s.event == TRACEE_SIGNAL && s.sig == r->signo)
			return 0;
		if (s.event == TRACEE_INTERRUPTED && !r->signo)
			return 0;
		/* A fault inside the blob: its registers are lost, the thread's are not. */
		if (s.event == TRACEE_SIGNAL)
			return -EFAULT;
		err = tracee_cont(tid, 0);
	}
	return err;
}

static int blob_call(struct remote *r, pid_t tid, struct user_regs_struct *gp, uint64_t off,
		     void *args, uint32_t args_len)
{
	int err = tracee_mem_write(r->pid, r->data + off, args, args_len);

	if (err)
		return err;
	gp->rip = r->region + r->blob->entry;
	gp->rdi = r->data + off;
	gp->rsp = r->region + r->region_len - 8; /* as a call leaves it: 16n + 8 */
	gp->eflags &= ~0x400ull; /* the ABI wants the direction flag clear */
	err = remote_leave(r, tid, gp);
	if (!err)
		err = blob_run(r, tid, r->data + off);
	if (!err)
		err = tracee_mem_read(r->pid, r->data + off, args, args_len);
	return err;
}

int remote_call(struct remote *r, uint64_t off, void *args, uint32_t args_len)
{
	struct blob_exit *x = args;
	struct user_regs_struct gp;

	*x = (struct blob_exit){
		.rip = r->site.syscall_ret,
		.rsp = r->frame,
		.rax = SYS_munmap,
		.rdi = r->region,
		.rsi = r->region_len,
		.signo = (uint32_t)r->signo,
		.pid = r->pid,
		.tid = r->pid,
		.spin = SPIN_ROUNDS,
	};
	regs_for_call(r, &gp);
	return blob_call(r, r->pid, &gp, off, args, args_len);
}

int remote_call_thread(struct remote *r, pid_t tid, const struct tracee_regs *regs, uint64_t off,
		       void *args, uint32_t args_len)
{
	struct blob_exit *x = args;
	struct user_regs_struct gp = regs->gp;
	uint32_t len;
	uint64_t at = frame_place(regs, r->region + r->region_len - BLOB_STACK, &len);
	uint8_t *frame;
	int err;

	if (at < r->data + off + args_len)
		return -ENOSPC;
	frame = calloc(1, len);
	if (!frame)
		return -ENOMEM;
	frame_build(frame, at, regs, r->site.sigreturn);
	err = tracee_mem_write(r->pid, at, frame, len);
	free(frame);
	if (err)
		return err;
	*x = (struct blob_exit){
		.rip = r->site.sigreturn,
		.rsp = at + 8,
		.signo = (uint32_t)r->signo,
		.pid = r->pid,
		.tid = tid,
		.spin = SPIN_ROUNDS,
	};
	gp.orig_rax = (unsigned long long)-1;
	err = blob_call(r, tid, &gp, off, args, args_len);
	if (err != -ESRCH) {
		int back = remote_return(tid, regs);

		err = err ? err : back;
	}
	return err;
}

int remote_cure(struct remote *r)
{
	int64_t ret;
	int err = 0, e;

	if (r->region)
		err = remote_syscall(r, SYS_munmap, (uint64_t[6]){ r->region, r->region_len }, &ret);
	r->region = 0;
	if (r->away) {
		e = remote_return(r->pid, r->regs);
		err = err ? err : e;
	}
	r->away = false;
	if (r->under) {
		e = tracee_mem_write(r->pid, r->frame, r->under, r->frame_len);
		err = err ? err : e;
	}
	free(r->under);
	r->under = NULL;
	return err;
}

void remote_done(struct remote *r)
{
	free(r->under);
	r->under = NULL;
}
