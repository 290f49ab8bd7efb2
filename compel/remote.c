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

#define PAGE        4096ull
#define BLOB_STACK  8192ull
#define LEAVE_SPACE PAGE /* the leader's struct blob_wait, and a stack for blob_leave() */
#define SLOT_SPACE  PAGE /* a thread's arguments, and its stack */
#define SPIN_ROUNDS 2000000u
#define RET_BYTES   8ull /* that a `ret` takes; the rest of a frame is rt_sigreturn's */

static uint64_t page_up(uint64_t n)
{
	return (n + PAGE - 1) & ~(PAGE - 1);
}

static uint64_t mask_for(int signo)
{
	return signo ? ~(1ull << (signo - 1)) : ~0ull;
}

uint64_t remote_region_len(uint64_t blob_len, uint64_t data_len)
{
	return page_up(blob_len) + page_up(data_len) + LEAVE_SPACE + BLOB_SLOTS * SLOT_SPACE +
	       BLOB_STACK;
}

/* Keeps what is under the frames, then writes them. */
static int frames_write(pid_t pid, struct remote_frames *f, uint8_t *bytes)
{
	uint8_t *under = malloc(f->len);
	int err = under ? tracee_mem_read(pid, f->at, under, f->len) : -ENOMEM;

	if (!err)
		err = tracee_mem_write(pid, f->at, bytes, f->len);
	if (err) {
		free(under);
		return err;
	}
	f->under = under;
	return 0;
}

static int frames_remove(pid_t pid, struct remote_frames *f)
{
	int err = f->under ? tracee_mem_write(pid, f->at, f->under, f->len) : 0;

	free(f->under);
	f->under = NULL;
	return err;
}

static const struct frame_kind *kind_of(const struct remote_site *site)
{
	return site->is_32bit ? &frame_32bit : &frame_64bit;
}

/* With this stack pointer the code that makes a system call comes to the slot of the frame. */
static uint64_t sp_for(const struct remote_site *site, uint64_t frame)
{
	return frame - kind_of(site)->popped;
}

/* The frame that leads home, with `before` bytes for others below it; *ret is to be freed. */
static int home_build(struct remote_frames *f, const struct tracee_regs *regs, uint64_t top,
		      uint32_t before, const struct remote_site *site, uint8_t **ret)
{
	const struct frame_kind *kind = kind_of(site);
	uint32_t len;

	before += kind->popped;
	f->home = kind->place(regs, top ? top : regs->gp.rsp - FRAME_RED_ZONE, &len);
	f->at = f->home - before;
	f->len = len + before;
	*ret = calloc(1, f->len);
	if (!*ret)
		return -ENOMEM;
	kind->build(*ret + before, f->home, regs, site->sigreturn);
	return 0;
}

int remote_init(struct remote *r, pid_t tid, const struct tracee_regs *regs,
		const struct remote_site *site, uint64_t top, uint64_t region, uint64_t region_len)
{
	struct remote new = { .pid = tid,
			      .regs = regs,
			      .site = *site,
			      .tgid = r->tgid,
			      .signo = r->signo,
			      .wary = r->wary,
			      .region = region,
			      .region_len = region_len };
	const struct frame_kind *kind = kind_of(site);
	uint8_t *bytes;
	int err;

	err = home_build(&new.frames, regs, top, kind->popped + kind->call_len, site, &bytes);
	if (err)
		return err;
	kind->build_call(bytes + kind->popped, regs, site->sigreturn,
			 (const uint64_t[5]){ site->syscall_ret, sp_for(site, new.frames.home),
					      (uint64_t)kind->nr_munmap, region, region_len });
	err = frames_write(tid, &new.frames, bytes);
	free(bytes);
	if (err)
		return err;
	*r = new;
	return 0;
}

/* Registers first, then the mask: see the head of remote.h. */
static int remote_leave(struct remote *r, pid_t tid, const struct user_regs_struct *gp)
{
	int err = tracee_set_gp(tid, gp);

	if (tid == r->pid)
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

static void regs_for_call(const struct tracee_regs *regs, uint64_t rsp, struct user_regs_struct *gp)
{
	*gp = regs->gp;
	gp->orig_rax = (unsigned long long)-1;
	gp->rsp = rsp;
	/* Also in a thread that was in 32-bit code: the frames lead back there. */
	gp->cs = TRACEE_CS_64;
	gp->ss = TRACEE_SS_64;
	gp->eflags &= ~0x500ull; /* no single step; the ABI wants the direction flag clear */
}

/* A system call in three parts, between which the caller may attend to other tasks: gone
 * to its entry, gone to its exit, done. A wary one goes to the entry of what would be the way
 * home. */
static int syscall_begin(struct remote *r, uint64_t rsp, long nr, const uint64_t arg[6])
{
	struct user_regs_struct gp;
	int err;

	r->nr = nr;
	regs_for_call(r->regs, r->wary ? r->frames.home + RET_BYTES : rsp, &gp);
	gp.rip = r->site.syscall_ret;
	kind_of(&r->site)->set_call(&gp, r->wary ? SYS_rt_sigreturn : nr, arg);
	err = remote_leave(r, r->pid, &gp);
	return err ? err : tracee_syscall_go(r->pid);
}

/* It becomes the call that is meant. */
static int syscall_turn(const struct remote *r)
{
	struct user_regs_struct gp;
	int err = tracee_get_gp(r->pid, &gp);

	if (err)
		return err;
	gp.orig_rax = (unsigned long long)r->nr;
	gp.rsp = r->frames.home;
	return tracee_set_gp(r->pid, &gp);
}

static int syscall_enter(const struct remote *r)
{
	int err;

	if (!r->wary)
		return tracee_syscall_enter(r->pid);
	err = tracee_syscall_wait(r->pid);
	if (!err)
		err = syscall_turn(r);
	return err ? err : tracee_syscall_go(r->pid);
}

/* The answer of a call that gives no address near the top: an error is one of the kernel's. */
static int syscall_end(const struct remote *r)
{
	int64_t ret = 0;
	int err = tracee_syscall_end(r->pid, &ret);

	if (err)
		return err;
	return ret < 0 && ret > -4096 ? (int)ret : 0;
}

/* By way of the detour: whatever becomes of us, the range is unmapped again. */
static int map_begin(struct remote *r, uint64_t addr, uint64_t len, int prot, int how)
{
	const uint64_t flags = (uint64_t)(MAP_PRIVATE | MAP_ANONYMOUS | how);

	return syscall_begin(r, r->frames.at, kind_of(&r->site)->nr_mmap,
			     (uint64_t[6]){ addr, len, (uint64_t)prot, flags, (uint64_t)-1, 0 });
}

static int map_whole(struct remote *r, uint64_t addr, uint64_t len, int prot, int how)
{
	int err = map_begin(r, addr, len, prot, how);

	if (!err)
		err = syscall_enter(r);
	return err ? err : syscall_end(r);
}

/* PR_SET_MDWE or a security module: never writable and executable at once. */
static int map_apart(struct remote *r)
{
	uint64_t code = r->data - r->region;
	int err =
	    map_whole(r, r->region, r->region_len, PROT_READ | PROT_EXEC, MAP_FIXED_NOREPLACE);

	return err ? err
		   : map_whole(r, r->data, r->region_len - code, PROT_READ | PROT_WRITE, MAP_FIXED);
}

int remote_infect_begin(struct remote *r, const void *blob, uint64_t blob_len, uint64_t data_len)
{
	if (remote_region_len(blob_len, data_len) > r->region_len)
		return -EINVAL;
	r->data = r->region + page_up(blob_len);
	r->leave = r->data + page_up(data_len);
	r->blob = blob;
	r->blob_len = blob_len;
	return map_begin(r, r->region, r->region_len, PROT_READ | PROT_WRITE | PROT_EXEC,
			 MAP_FIXED_NOREPLACE);
}

int remote_infect_enter(struct remote *r)
{
	return syscall_enter(r);
}

int remote_infect_end(struct remote *r)
{
	int err = syscall_end(r);

	if (err == -EACCES || err == -EPERM)
		err = map_apart(r);
	if (err)
		return err;
	r->mapped = true;
	err = tracee_mem_write(r->pid, r->region, r->blob, r->blob_len);
	return err == -EFAULT ? tracee_mem_poke(r->pid, r->region, r->blob, r->blob_len) : err;
}

int remote_infect(struct remote *r, const void *blob, uint64_t blob_len, uint64_t data_len)
{
	int err = remote_infect_begin(r, blob, blob_len, data_len);

	if (!err)
		err = remote_infect_enter(r);
	return err ? err : remote_infect_end(r);
}

/* Without a signal to stop by: until the blob says that it is done, then by an interrupt. */
static int blob_watch(const struct remote *r, pid_t tid, uint64_t exit_at)
{
	uint64_t done = 0;
	int err = 0;

	while (!err && !done) {
		sched_yield();
		err = tracee_mem_read(r->pid, exit_at + offsetof(struct blob_exit, done), &done,
				      sizeof(done));
	}
	return err ? err : tracee_interrupt(tid);
}

/* Until the blob has stopped at its end. */
static int blob_wait(const struct remote *r, pid_t tid, uint64_t exit_at)
{
	struct tracee_stop s;
	int err = r->signo ? 0 : blob_watch(r, tid, exit_at);

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

/* at: address of the arguments; top: the end of a stack. */
static int blob_begin(struct remote *r, pid_t tid, const struct tracee_regs *regs, uint64_t at,
		      uint64_t top)
{
	struct user_regs_struct gp;
	int err;

	/* As a call leaves it: 16n + 8. */
	regs_for_call(regs, top - 8, &gp);
	gp.rip = r->region + ((const struct blob_header *)r->blob)->entry;
	gp.rdi = at;
	err = remote_leave(r, tid, &gp);
	return err ? err : tracee_cont(tid, 0);
}

/* The way home by a call of the program's own code and then the frame, or by the frame. */
static struct blob_exit exit_by(const struct remote *r, pid_t tid, uint64_t home, long nr)
{
	return (struct blob_exit){
		.rip = r->wary ? r->site.sigreturn : r->site.syscall_ret,
		.rsp = r->wary ? home + RET_BYTES : sp_for(&r->site, home),
		.rax = (uint64_t)nr,
		.signo = (uint32_t)r->signo,
		.pid = r->tgid ? r->tgid : r->pid,
		.tid = tid,
		.spin = SPIN_ROUNDS,
	};
}

static struct blob_exit leader_exit(const struct remote *r)
{
	struct blob_exit x = exit_by(r, r->pid, r->frames.home, kind_of(&r->site)->nr_munmap);

	x.rdi = r->region;
	x.rsi = r->region_len;
	return x;
}

int remote_call_begin(struct remote *r, uint64_t off, void *args, uint32_t args_len)
{
	uint64_t at = r->data + off;
	int err;

	*(struct blob_exit *)args = leader_exit(r);
	err = tracee_mem_write(r->pid, at, args, args_len);
	return err ? err : blob_begin(r, r->pid, r->regs, at, r->region + r->region_len);
}

int remote_call_end(struct remote *r, uint64_t off, void *args, uint32_t args_len)
{
	int err = blob_wait(r, r->pid, r->data + off);

	return err ? err : tracee_mem_read(r->pid, r->data + off, args, args_len);
}

/* --- other threads ------------------------------------------------------------------- */

static uint64_t slot_at(const struct remote *r, size_t slot)
{
	return r->leave + LEAVE_SPACE + slot * SLOT_SPACE;
}

static uint64_t out_at(const struct remote *r, size_t slot)
{
	return r->leave + offsetof(struct blob_wait, out) + slot * sizeof(uint64_t);
}

/* The leader, let go, waits while somebody is inside, then unmaps and goes home. */
static int leader_waits(struct remote *r)
{
	struct blob_wait w = { .exit = leader_exit(r) };
	struct user_regs_struct gp;
	int err;

	if (r->waits || r->wary)
		return 0;
	memset(w.out, 0xff, sizeof(w.out));
	err = tracee_mem_write(r->pid, r->leave, &w, sizeof(w));
	if (err)
		return err;
	r->waits = true;
	regs_for_call(r->regs, r->leave + LEAVE_SPACE - 8, &gp);
	gp.rip = r->region + ((const struct blob_header *)r->blob)->leave;
	gp.rdi = r->leave;
	return remote_leave(r, r->pid, &gp);
}

static int slot_begin(struct remote *r, struct remote_thread *th, size_t slot)
{
	uint64_t at = slot_at(r, slot), inside = 0;
	uint8_t *bytes;
	int err = home_build(&th->frames, th->regs, 0, 0, &r->site, &bytes);

	if (err)
		return err;
	err = frames_write(r->pid, &th->frames, bytes);
	free(bytes);
	if (err)
		return err;
	/* time(2) writes to the word: nobody is in the blob any more when it does. */
	*(struct blob_exit *)th->args =
	    exit_by(r, th->tid, th->frames.home, kind_of(&r->site)->nr_time);
	((struct blob_exit *)th->args)->rdi = out_at(r, slot);
	err = tracee_mem_write(r->pid, at, th->args, th->args_len);
	if (!err)
		err = tracee_mem_write(r->pid, out_at(r, slot), &inside, sizeof(inside));
	th->away = !err;
	return err ? err : blob_begin(r, th->tid, th->regs, at, at + SLOT_SPACE);
}

static int slot_end(struct remote *r, struct remote_thread *th, size_t slot)
{
	uint64_t at = slot_at(r, slot), out = 1;
	int err = th->err, e;

	if (!err)
		err = blob_wait(r, th->tid, at);
	if (!err)
		err = tracee_mem_read(r->pid, at, th->args, th->args_len);
	if (th->away && err != -ESRCH) {
		e = remote_return(th->tid, th->regs);
		err = err ? err : e;
	}
	if (th->away) {
		e = tracee_mem_write(r->pid, out_at(r, slot), &out, sizeof(out));
		err = err ? err : e;
	}
	e = frames_remove(r->pid, &th->frames);
	return err ? err : e;
}

int remote_call_threads(struct remote *r, struct remote_thread *th, size_t nr)
{
	int first = leader_waits(r);

	for (size_t i = 0; i < nr; i++) {
		th[i].frames = (struct remote_frames){ 0 };
		th[i].away = false;
		th[i].err = first ? first : slot_begin(r, &th[i], i);
	}
	for (size_t i = 0; i < nr; i++) {
		th[i].err = slot_end(r, &th[i], i);
		first = first ? first : th[i].err;
	}
	return first;
}

/* What cannot be unmapped is not waited for. */
static int cure_went(struct remote *r, int err)
{
	if (err)
		r->mapped = false;
	return err;
}

int remote_cure_begin(struct remote *r)
{
	if (!r->mapped)
		return 0;
	return cure_went(r, syscall_begin(r, sp_for(&r->site, r->frames.home),
					  kind_of(&r->site)->nr_munmap,
					  (uint64_t[6]){ r->region, r->region_len }));
}

int remote_cure_enter(struct remote *r)
{
	return r->mapped ? cure_went(r, syscall_enter(r)) : 0;
}

int remote_cure_end(struct remote *r)
{
	int err = r->mapped ? syscall_end(r) : 0, e;

	r->mapped = false;
	if (r->away) {
		e = remote_return(r->pid, r->regs);
		err = err ? err : e;
	}
	r->away = false;
	e = frames_remove(r->pid, &r->frames);
	return err ? err : e;
}
