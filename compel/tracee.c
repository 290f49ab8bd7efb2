// SPDX-License-Identifier: GPL-2.0-only
#include "compel/tracee.h"

#include <asm/ldt.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

/* Not in the headers of glibc 2.36. */
#define GET_RSEQ_CONFIGURATION 0x420f
#define SET_USER_DISPATCH      0x4210
#define GET_USER_DISPATCH      0x4211
#define GET_THREAD_AREA        25
#define SET_THREAD_AREA        26

static int trace(int request, pid_t tid, uint64_t addr, const void *data)
{
	if (ptrace(request, tid, (void *)(uintptr_t)addr, data) < 0)
		return -errno;
	return 0;
}

int tracee_seize(pid_t tid)
{
	int r = trace(PTRACE_SEIZE, tid, 0, (void *)PTRACE_O_TRACESYSGOOD);

	if (r < 0)
		return r;
	return tracee_interrupt(tid);
}

int tracee_attach(pid_t tid, bool dies_with_us, bool suspend_seccomp)
{
	uintptr_t options = PTRACE_O_TRACESYSGOOD;

	if (dies_with_us)
		options |= PTRACE_O_EXITKILL;
	if (suspend_seccomp)
		options |= PTRACE_O_SUSPEND_SECCOMP;
	return trace(PTRACE_SEIZE, tid, 0, (void *)options);
}

int tracee_outlive(pid_t tid)
{
	return trace(PTRACE_SETOPTIONS, tid, 0, (void *)PTRACE_O_TRACESYSGOOD);
}

int tracee_interrupt(pid_t tid)
{
	return trace(PTRACE_INTERRUPT, tid, 0, NULL);
}

static struct tracee_stop stop_decode(int status)
{
	struct tracee_stop s = { .event = TRACEE_OTHER, .status = status };

	if (!WIFSTOPPED(status)) {
		s.event = TRACEE_EXIT;
		return s;
	}
	s.sig = WSTOPSIG(status);
	if (status >> 16 == PTRACE_EVENT_STOP)
		s.event = s.sig == SIGTRAP ? TRACEE_INTERRUPTED : TRACEE_GROUP_STOP;
	else if (s.sig == (SIGTRAP | 0x80))
		s.event = TRACEE_SYSCALL;
	else if (status >> 16 == 0)
		s.event = TRACEE_SIGNAL;
	return s;
}

/* The letter in /proc/TID/stat is Z or X, or there is no such file. */
static bool is_zombie(pid_t tid)
{
	char path[32], text[256];
	const char *state;
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, sizeof(text) - 1);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	state = strrchr(text, ')');
	return !state || state[2] == 'Z' || state[2] == 'X';
}

/* Memory goes before the rest of a thread that ends, and that is quick to see. */
static bool has_ended(pid_t tid)
{
	char byte;

	return tracee_mem_read(tid, 0, &byte, sizeof(byte)) == -ESRCH && is_zombie(tid);
}

/*
 * Not asleep in waitpid(2): that has nothing to tell of a leader that has ended before the
 * other threads are reaped, and it is the caller who has to reap them. The signal that told of the
 * end may have been taken by a wait for another thread, so it is looked for before each sleep.
 */
int tracee_wait(pid_t tid, struct tracee_stop *ret)
{
	bool ended = false;
	sigset_t set;
	int status;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	for (;;) {
		pid_t got = waitpid(tid, &status, __WALL | WNOHANG);

		if (got < 0)
			return -errno;
		if (got > 0)
			break;
		if (ended)
			return -ESRCH;
		ended = has_ended(tid);
		if (!ended && sigwaitinfo(&set, NULL) < 0)
			return -errno;
	}
	*ret = stop_decode(status);
	return 0;
}

/* Every other stop takes back an interruption that is under way: ptrace_stop() of the kernel. */
static int interrupt_again(pid_t tid, int sig)
{
	int r = tracee_interrupt(tid);

	return r < 0 ? r : tracee_cont(tid, sig);
}

int tracee_wait_interrupted(pid_t tid, struct tracee_stop *ret)
{
	for (;;) {
		int r = tracee_wait(tid, ret);

		if (r < 0)
			return r;
		switch (ret->event) {
		case TRACEE_INTERRUPTED:
		case TRACEE_GROUP_STOP:
			return 0;
		case TRACEE_EXIT:
			return -ESRCH;
		case TRACEE_SIGNAL:
			r = interrupt_again(tid, ret->sig);
			break;
		case TRACEE_SYSCALL:
		case TRACEE_OTHER:
			r = interrupt_again(tid, 0);
			break;
		}
		if (r < 0)
			return r;
	}
}

int tracee_cont(pid_t tid, int sig)
{
	return trace(PTRACE_CONT, tid, 0, (void *)(intptr_t)sig);
}

int tracee_syscall_go(pid_t tid)
{
	return trace(PTRACE_SYSCALL, tid, 0, NULL);
}

int tracee_syscall_wait(pid_t tid)
{
	for (;;) {
		struct tracee_stop s = { 0 };
		int r;

		do
			r = tracee_wait(tid, &s);
		while (r == -EINTR);
		if (r < 0)
			return r;
		if (s.event == TRACEE_EXIT)
			return -ESRCH;
		if (s.event == TRACEE_SYSCALL)
			return 0;
		r = tracee_syscall_go(tid);
		if (r < 0)
			return r;
	}
}

int tracee_syscall_stop(pid_t tid)
{
	int r = tracee_syscall_go(tid);

	return r < 0 ? r : tracee_syscall_wait(tid);
}

int tracee_syscall_begin(pid_t tid, uint64_t insn, long nr, const uint64_t arg[6])
{
	struct user_regs_struct gp;
	int r = tracee_get_gp(tid, &gp);

	if (r < 0)
		return r;
	gp.orig_rax = (unsigned long long)-1;
	gp.rip = insn;
	gp.rax = (unsigned long long)nr;
	gp.rdi = arg[0];
	gp.rsi = arg[1];
	gp.rdx = arg[2];
	gp.r10 = arg[3];
	gp.r8 = arg[4];
	gp.r9 = arg[5];
	r = tracee_set_gp(tid, &gp);
	return r < 0 ? r : tracee_syscall_go(tid);
}

int tracee_syscall_enter(pid_t tid)
{
	int r = tracee_syscall_wait(tid);

	return r < 0 ? r : tracee_syscall_go(tid);
}

int tracee_syscall_end(pid_t tid, int64_t *ret)
{
	struct user_regs_struct gp;
	int r = tracee_syscall_wait(tid);

	if (r >= 0)
		r = tracee_get_gp(tid, &gp);
	if (r >= 0)
		*ret = (int64_t)gp.rax;
	return r;
}

int tracee_syscall(pid_t tid, uint64_t insn, long nr, const uint64_t arg[6], int64_t *ret)
{
	int r = tracee_syscall_begin(tid, insn, nr, arg);

	if (r >= 0)
		r = tracee_syscall_enter(tid);
	return r < 0 ? r : tracee_syscall_end(tid, ret);
}

int tracee_detach(pid_t tid)
{
	return trace(PTRACE_DETACH, tid, 0, NULL);
}

int tracee_exit(pid_t tid, uint64_t insn, int status, bool suspend_seccomp)
{
	uintptr_t options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXIT;
	struct tracee_stop s = { 0 };
	struct user_regs_struct gp;
	int r = tracee_get_gp(tid, &gp);

	if (suspend_seccomp)
		options |= PTRACE_O_SUSPEND_SECCOMP;
	gp.orig_rax = (unsigned long long)-1;
	gp.rip = insn;
	gp.rax = SYS_exit;
	gp.rdi = (unsigned long long)status;
	if (r >= 0)
		r = tracee_set_gp(tid, &gp);
	if (r >= 0)
		r = trace(PTRACE_SETOPTIONS, tid, 0, (void *)options);
	while (r >= 0 && s.status >> 16 != PTRACE_EVENT_EXIT) {
		r = tracee_cont(tid, 0);
		if (r < 0)
			break;
		do
			r = tracee_wait(tid, &s);
		while (r == -EINTR);
		if (r >= 0 && s.event == TRACEE_EXIT)
			r = -ESRCH;
	}
	return r < 0 ? r : tracee_detach(tid);
}

int tracee_suspend_seccomp(pid_t tid, bool suspend)
{
	uintptr_t options = PTRACE_O_TRACESYSGOOD;

	if (suspend)
		options |= PTRACE_O_SUSPEND_SECCOMP;
	return trace(PTRACE_SETOPTIONS, tid, 0, (void *)options);
}

int tracee_seccomp_filter(pid_t tid, uint32_t nth, struct sock_filter *ret)
{
	long n = ptrace(PTRACE_SECCOMP_GET_FILTER, tid, (void *)(uintptr_t)nth, ret);

	return n < 0 ? -errno : (int)n;
}

int tracee_seccomp_flags(pid_t tid, uint32_t nth, uint64_t *ret)
{
	struct {
		uint64_t filter_off, flags;
	} m = { .filter_off = nth };
	int r = trace(PTRACE_SECCOMP_GET_METADATA, tid, sizeof(m), &m);

	if (r >= 0)
		*ret = m.flags;
	return r;
}

int tracee_get_sigmask(pid_t tid, uint64_t *ret)
{
	return trace(PTRACE_GETSIGMASK, tid, sizeof(*ret), ret);
}

int tracee_set_sigmask(pid_t tid, uint64_t mask)
{
	return trace(PTRACE_SETSIGMASK, tid, sizeof(mask), &mask);
}

/* Not PTRACE_GETREGSET, which takes the form of the code that the thread is in. */
int tracee_get_gp(pid_t tid, struct user_regs_struct *ret)
{
	return trace(PTRACE_GETREGS, tid, 0, ret);
}

int tracee_set_gp(pid_t tid, const struct user_regs_struct *gp)
{
	return trace(PTRACE_SETREGS, tid, 0, gp);
}

int tracee_set_xstate(pid_t tid, const void *xstate, uint32_t len)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)xstate, .iov_len = len };

	return trace(PTRACE_SETREGSET, tid, NT_X86_XSTATE, &iov);
}

int tracee_regs_read(pid_t tid, struct tracee_regs *ret)
{
	static uint8_t buf[TRACEE_XSTATE_MAX];
	struct iovec iov = { .iov_base = buf, .iov_len = sizeof(buf) };
	struct tracee_regs regs = { 0 };
	int r;

	r = tracee_get_gp(tid, &regs.gp);
	if (r < 0)
		return r;
	r = tracee_get_sigmask(tid, &regs.sigmask);
	if (r < 0)
		return r;
	r = trace(PTRACE_GETREGSET, tid, NT_X86_XSTATE, &iov);
	if (r < 0)
		return r;
	regs.xstate = malloc(iov.iov_len);
	if (!regs.xstate)
		return -ENOMEM;
	memcpy(regs.xstate, buf, iov.iov_len);
	regs.xstate_len = (uint32_t)iov.iov_len;
	*ret = regs;
	return 0;
}

void tracee_regs_done(struct tracee_regs *r)
{
	free(r->xstate);
	r->xstate = NULL;
}

int tracee_get_rseq(pid_t tid, struct tracee_rseq *ret)
{
	struct {
		uint64_t addr;
		uint32_t size, signature, flags, pad;
	} conf = { 0 };

	if (ptrace((enum __ptrace_request)GET_RSEQ_CONFIGURATION, tid, sizeof(conf), &conf) < 0)
		return -errno;
	*ret = (struct tracee_rseq){ .addr = conf.addr,
				     .size = conf.size,
				     .signature = conf.signature };
	return 0;
}

bool tracee_has_ioperm(pid_t tid)
{
	uint8_t bits[8192];
	struct iovec iov = { bits, sizeof(bits) };

	return ptrace(PTRACE_GETREGSET, tid, NT_386_IOPERM, &iov) == 0 && iov.iov_len;
}

int tracee_get_dispatch(pid_t tid, struct tracee_dispatch *ret)
{
	struct tracee_dispatch d;

	if (ptrace((enum __ptrace_request)GET_USER_DISPATCH, tid, sizeof(d), &d) < 0)
		return -errno;
	*ret = d;
	return 0;
}

int tracee_set_dispatch(pid_t tid, const struct tracee_dispatch *d)
{
	return ptrace((enum __ptrace_request)SET_USER_DISPATCH, tid, sizeof(*d), d) < 0 ? -errno
											: 0;
}

int tracee_peek_siginfo(pid_t tid, bool shared, uint64_t from, siginfo_t *ret, int nr)
{
	struct __ptrace_peeksiginfo_args args = {
		.off = from,
		.flags = shared ? PTRACE_PEEKSIGINFO_SHARED : 0,
		.nr = nr,
	};
	long got = ptrace(PTRACE_PEEKSIGINFO, tid, &args, ret);

	return got < 0 ? -errno : (int)got;
}

int tracee_get_tls(pid_t tid, int entry, struct user_desc *ret)
{
	return trace(GET_THREAD_AREA, tid, (uint64_t)entry, ret);
}

int tracee_set_tls(pid_t tid, const struct user_desc *d)
{
	return trace(SET_THREAD_AREA, tid, d->entry_number, d);
}

static int moved(ssize_t n, uint64_t len)
{
	if (n < 0)
		return -errno;
	return (uint64_t)n == len ? 0 : -EFAULT;
}

int tracee_mem_read(pid_t pid, uint64_t addr, void *buf, uint64_t len)
{
	struct iovec here = { .iov_base = buf, .iov_len = len };
	struct iovec there = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };

	return moved(process_vm_readv(pid, &here, 1, &there, 1, 0), len);
}

#define WORDS_AT_ONCE 256

void tracee_mem_words(pid_t pid, const uint64_t *addr, uint64_t *ret, size_t nr)
{
	struct iovec there[WORDS_AT_ONCE];
	size_t done = 0;

	while (done < nr) {
		size_t some = nr - done < WORDS_AT_ONCE ? nr - done : WORDS_AT_ONCE;
		struct iovec here = { .iov_base = ret + done, .iov_len = some * sizeof(*ret) };
		ssize_t got;

		for (size_t i = 0; i < some; i++)
			there[i] =
			    (struct iovec){ (void *)(uintptr_t)addr[done + i], sizeof(*ret) };
		got = process_vm_readv(pid, &here, 1, there, some, 0);
		done += got < 0 ? 0 : (size_t)got / sizeof(*ret);
		/* This is the one that cannot be read. */
		if (got != (ssize_t)here.iov_len)
			ret[done++] = 0;
	}
}

int tracee_mem_write(pid_t pid, uint64_t addr, const void *buf, uint64_t len)
{
	struct iovec here = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	struct iovec there = { .iov_base = (void *)(uintptr_t)addr, .iov_len = len };

	return moved(process_vm_writev(pid, &here, 1, &there, 1, 0), len);
}

int tracee_mem_poke(pid_t pid, uint64_t addr, const void *buf, uint64_t len)
{
	char path[32];
	int fd, r;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = moved(pwrite(fd, buf, len, (off_t)addr), len);
	close(fd);
	return r;
}
