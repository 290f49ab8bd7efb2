// SPDX-License-Identifier: GPL-2.0-only
#include "compel/blob/exit.h"

#include "compel/blob/syscall.h"

/* rcx and r11 are the kernel's to clobber, all other registers come back from the frame. A
 * 32-bit call has its two arguments in rbx and rcx. */
static void __attribute__((noreturn)) go_home(const struct blob_exit *x)
{
	__asm__ volatile("mov %[rsp], %%rsp\n\t"
			 "jmp *%[rip]"
			 :
			 : [rsp] "r"(x->rsp), [rip] "r"(x->rip), "a"(x->rax), "D"(x->rdi),
			   "S"(x->rsi), "b"(x->rdi), "c"(x->rsi)
			 : "memory");
	__builtin_unreachable();
}

/* Runs past tgkill() only where the tracer is gone: a live one catches the stop and sets
 * the registers itself. */
void blob_exit(struct blob_exit *x)
{
	__atomic_store_n(&x->done, 1, __ATOMIC_SEQ_CST);
	if (x->signo)
		blob_syscall3(__NR_tgkill, x->pid, x->tid, x->signo);
	else
		for (uint32_t i = 0; i < x->spin; i++)
			blob_syscall0(__NR_sched_yield);
	go_home(x);
}

static int all_are_out(const struct blob_wait *w)
{
	for (int i = 0; i < BLOB_SLOTS; i++)
		if (!__atomic_load_n(&w->out[i], __ATOMIC_SEQ_CST))
			return 0;
	return 1;
}

void blob_leave(struct blob_wait *w)
{
	for (uint32_t i = 0; i < w->exit.spin && !all_are_out(w); i++)
		blob_syscall0(__NR_sched_yield);
	go_home(&w->exit);
}
