// SPDX-License-Identifier: GPL-2.0-only
/* Bytes of the target's own code that make one system call, or return from a signal. */
#include <string.h>

#include "compel/remote.h"

const uint8_t remote_site_bytes[12] = {
	0x0f, 0x05, 0xc3, /* syscall; ret */
	0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05, /* mov $15, %rax; syscall */
};

static uint64_t find(const uint8_t *text, uint64_t len, const uint8_t *want, uint64_t want_len)
{
	const uint8_t *p = memmem(text, len, want, want_len);

	return p ? (uint64_t)(p - text) : UINT64_MAX;
}

struct remote_site remote_site_find(const void *text, uint64_t len)
{
	struct remote_site s = {
		.syscall_ret = find(text, len, remote_site_bytes + REMOTE_SITE_SYSCALL_RET, 3),
		.sigreturn = find(text, len, remote_site_bytes + REMOTE_SITE_SIGRETURN, 9),
	};

	/* musl: mov $15, %eax */
	if (s.sigreturn == UINT64_MAX)
		s.sigreturn = find(text, len, (const uint8_t *)"\xb8\x0f\0\0\0\x0f\x05", 7);
	return s;
}

struct remote_site remote_site_find_32bit(const void *text, uint64_t len)
{
	/* The ends of __kernel_vsyscall() and __kernel_rt_sigreturn(), which debuggers know by
	 * these bytes, too: arch/x86/entry/vdso/vdso32. */
	static const uint8_t call[] = { 0xcd, 0x80, 0x5d, 0x5a, 0x59, 0xc3 };
	static const uint8_t sigreturn[] = { 0xb8, 0xad, 0, 0, 0, 0xcd, 0x80 };

	return (struct remote_site){
		.syscall_ret = find(text, len, call, sizeof(call)),
		.sigreturn = find(text, len, sigreturn, sizeof(sigreturn)),
		.is_32bit = true,
	};
}
