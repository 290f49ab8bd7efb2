// SPDX-License-Identifier: GPL-2.0-only
/* What host and blob agree on: fixed-size integers and offsets only. */
#pragma once
#include <stdint.h>

#define BLOB_MAGIC 0x424c4f42u

/* Written by the linker script at offset 0 of the blob. Offsets are from there. */
struct blob_header {
	uint32_t magic;
	uint32_t entry; /* where to jump, with the address of the arguments in rdi */
	uint32_t leave; /* blob_leave(), with a struct blob_wait in rdi */
	uint32_t file_size; /* bytes of the blob */
};

/*
 * How a blob gives the thread back. The last thing it does is to send itself the signal
 * `signo`, which a tracer sees as a stop. The signal is one that this process ignores by
 * default: without a tracer nothing happens, and the blob loads the registers below
 * and is gone. They lead, through code and a signal frame that the host has laid
 * out before it touched the thread, back to where the thread was interrupted.
 */
struct blob_exit {
	uint64_t rip, rsp;
	uint64_t rax, rdi, rsi; /* for the system call that rip is at */
	uint32_t signo; /* 0: set done, and spin until the tracer interrupts or `spin` runs out */
	int32_t pid, tid;
	uint32_t spin;
	uint64_t done;
};

#define BLOB_SLOTS 16

/* Of a thread that waits outside while others, one in each slot, are in the blob. */
struct blob_wait {
	struct blob_exit exit;
	uint64_t out[BLOB_SLOTS]; /* 0: somebody is inside */
};
