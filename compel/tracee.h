// SPDX-License-Identifier: GPL-2.0-only
/*
 * A thread under ptrace(2). Quiet: every function returns >= 0 or -errno.
 *
 * A tracer that dies lets go of its tracees, and they run on. So whatever is done to a
 * thread here must, at each single instant, leave it in a state that it can run on from:
 * see compel/remote.h.
 */
#pragma once
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

/* Extended registers as PTRACE_GETREGSET(NT_X86_XSTATE) gives them: the XSAVE area in
 * its standard format. AMX makes it 11 KiB, all that is defined fits in 16. */
#define TRACEE_XSTATE_MAX 16384

struct tracee_regs {
	struct user_regs_struct gp;
	uint64_t sigmask;
	uint32_t xstate_len;
	uint8_t *xstate; /* owned; tracee_regs_done() */
};

/* Segments of 64-bit code; with any other code segment a thread runs 32-bit or 16-bit code. The
 * registers are kept in their 64-bit form all the same: PTRACE_GETREGS tells it of any thread. */
#define TRACEE_CS_64 0x33
#define TRACEE_SS_64 0x2b

static inline bool tracee_runs_32bit(const struct user_regs_struct *gp)
{
	return gp->cs != TRACEE_CS_64;
}

enum tracee_event {
	TRACEE_INTERRUPTED, /* by PTRACE_INTERRUPT */
	TRACEE_GROUP_STOP, /* stopped by a job-control signal, in .sig */
	TRACEE_SIGNAL, /* about to take the signal in .sig */
	TRACEE_SYSCALL, /* entry or exit of a system call */
	TRACEE_EXIT, /* gone; wait status in .status */
	TRACEE_OTHER,
};

struct tracee_stop {
	enum tracee_event event;
	int sig;
	int status;
};

/* Attach and ask for a stop; tracee_wait() then says when it has come. */
int tracee_seize(pid_t tid);
int tracee_interrupt(pid_t tid);
/* Attach without a stop. dies_with_us: its process, all threads of it, is killed when the tracer
 * ends; until it may live on. */
int tracee_attach(pid_t tid, bool dies_with_us, bool suspend_seccomp);
int tracee_outlive(pid_t tid);

/* Wait for the next stop, or for the end. SIGCHLD must be blocked and not ignored. -ESRCH of a
 * leader that has ended while other threads of its process are still to be reaped; -EINTR when
 * a signal handler ran in the tracer. */
int tracee_wait(pid_t tid, struct tracee_stop *ret);

/* Wait for the stop that PTRACE_INTERRUPT asked for. Signals that come first are
 * delivered as they would have been. -ESRCH when the thread is gone instead. */
int tracee_wait_interrupted(pid_t tid, struct tracee_stop *ret);

int tracee_cont(pid_t tid, int sig);
/* One system call of a stopped thread, by the instruction at insn. Its registers are lost. */
int tracee_syscall(pid_t tid, uint64_t insn, long nr, const uint64_t arg[6], int64_t *ret);
/* The same in three parts, to be done for many threads one after the other. */
int tracee_syscall_begin(pid_t tid, uint64_t insn, long nr, const uint64_t arg[6]);
int tracee_syscall_enter(pid_t tid);
int tracee_syscall_end(pid_t tid, int64_t *ret);
/* On to the entry or the exit of the next system call, and wait until it is there. */
int tracee_syscall_stop(pid_t tid);
/* The same in two parts. */
int tracee_syscall_go(pid_t tid);
int tracee_syscall_wait(pid_t tid);
int tracee_detach(pid_t tid);
/*
 * exit(2) of a stopped thread, one of several of its process, which will die with its tracer until
 * then. It is let go of on the way, past what seccomp says of the call: as long as a dead main
 * thread has a tracer, nobody else hears of the end of the process. When this returns, it may
 * still be ending.
 */
int tracee_exit(pid_t tid, uint64_t insn, int status, bool suspend_seccomp);

/* Of a stopped thread: its filters let everything pass. Ends with the tracer. -EPERM without
 * CAP_SYS_ADMIN, or when the tracer is under seccomp itself. */
int tracee_suspend_seccomp(pid_t tid, bool suspend);
/* The nth filter, 0 is the one installed first (kernel/seccomp.c: get_nth_filter(); the manual
 * page has it the other way round). Instructions into ret, room for BPF_MAXINSNS of them: how
 * many; SECCOMP_FILTER_FLAG_*. -ENOENT when there are fewer, -EACCES as above. */
struct sock_filter;
int tracee_seccomp_filter(pid_t tid, uint32_t nth, struct sock_filter *ret);
int tracee_seccomp_flags(pid_t tid, uint32_t nth, uint64_t *ret);

int tracee_get_sigmask(pid_t tid, uint64_t *ret);
int tracee_set_sigmask(pid_t tid, uint64_t mask);
int tracee_get_gp(pid_t tid, struct user_regs_struct *ret);
int tracee_set_gp(pid_t tid, const struct user_regs_struct *gp);
int tracee_set_xstate(pid_t tid, const void *xstate, uint32_t len);

int tracee_regs_read(pid_t tid, struct tracee_regs *ret);
void tracee_regs_done(struct tracee_regs *r);

struct tracee_rseq {
	uint64_t addr; /* 0: none registered */
	uint32_t size, signature;
};

int tracee_get_rseq(pid_t tid, struct tracee_rseq *ret);

/* The bitmap of ioperm(2) is there. */
bool tracee_has_ioperm(pid_t tid);

/* Syscall user dispatch, as PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG has it (Linux 6.4; -EIO
 * before). */
struct tracee_dispatch {
	uint64_t mode; /* PR_SYS_DISPATCH_* */
	uint64_t selector; /* address of the byte; 0: none */
	uint64_t offset, len;
};

int tracee_get_dispatch(pid_t tid, struct tracee_dispatch *ret);
int tracee_set_dispatch(pid_t tid, const struct tracee_dispatch *d);

/* Up to nr pending signals, from `from` on, of the thread or, shared, of the process: how
 * many, 0 at the end. Nothing is dequeued. */
int tracee_peek_siginfo(pid_t tid, bool shared, uint64_t from, siginfo_t *ret, int nr);

/* A TLS entry of the GDT, entry_number 12 to 14. */
struct user_desc;
int tracee_get_tls(pid_t tid, int entry, struct user_desc *ret);
int tracee_set_tls(pid_t tid, const struct user_desc *d);

/* The whole range or an error; -EFAULT when not all of it is there. */
int tracee_mem_read(pid_t pid, uint64_t addr, void *buf, uint64_t len);
/* The eight bytes at each address; 0 where there are none. */
void tracee_mem_words(pid_t pid, const uint64_t *addr, uint64_t *ret, size_t nr);
int tracee_mem_write(pid_t pid, uint64_t addr, const void *buf, uint64_t len);
/* Also where the mapping is not writable: through /proc/PID/mem. */
int tracee_mem_poke(pid_t pid, uint64_t addr, const void *buf, uint64_t len);
