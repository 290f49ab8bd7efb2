// SPDX-License-Identifier: GPL-2.0-only
/* Threads that spin in assembly with known registers until the test is over. */
#pragma once

#include <stdint.h>

/*
 * The loops are written so that they change nothing but the flags: they set spin_on when all
 * registers are loaded, and go on until spin_over is set.
 */
extern uint32_t spin_on, spin_over;

/* Runs SPIN(ARG) in a thread, over the dump and the restore. Returns when it has ended. */
void spin_across(void (*spin)(void *arg), void *arg);

/* clang-format off */
#define SPIN_LOOP \
	"	movl	$1, spin_on(%rip)\n" \
	"9:	cmpl	$0, spin_over(%rip)\n" \
	"	je	9b\n"
/* clang-format on */
