// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of processors, counted up in restartable sequences: read, wait a little, write. Whoever
 * is interrupted in between begins anew, or two threads on one processor would lose a count.
 */
#include "zdtmtst.h"

#include <linux/rseq.h>
#include <sched.h>
#include <sys/rseq.h>

#define THREADS 4
#define CPUS    1024
#define SPINS   200 /* long enough to be found inside often */

static struct counter {
	uint64_t value;
	uint64_t pad[7];
} counters[CPUS];

static struct rseq *own_area(void)
{
	return (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/*
 * Between 1 and 2 the kernel sends a thread that was preempted, moved or signalled to 4, which is
 * marked by the signature of the registration before it. The last instruction commits.
 */
/* clang-format off */
static bool count_up(struct rseq *area, uint32_t cpu)
{
	uint64_t *value = &counters[cpu].value, copy;
	uint32_t spins;
	int done = 0;

	asm volatile(
		".pushsection __rseq_cs, \"aw\"\n"
		".balign 32\n"
		"3:	.long	0, 0\n"
		"	.quad	1f, 2f - 1f, 4f\n"
		".popsection\n"
		"	leaq	3b(%%rip), %[copy]\n"
		"	movq	%[copy], 8(%[area])\n"
		"1:	cmpl	%[cpu], 4(%[area])\n"
		"	jnz	4f\n"
		"	movq	(%[value]), %[copy]\n"
		"	movl	%[limit], %[spins]\n"
		"5:	decl	%[spins]\n"
		"	jnz	5b\n"
		"	incq	%[copy]\n"
		"	movq	%[copy], (%[value])\n"
		"2:	movl	$1, %[done]\n"
		"	jmp	6f\n"
		"	.byte	0x0f, 0xb9, 0x3d\n"
		"	.long	0x53053053\n"
		"4:\n"
		"6:\n"
		: [copy] "=&r"(copy), [spins] "=&r"(spins), [done] "+r"(done)
		: [area] "r"(area), [value] "r"(value), [cpu] "r"(cpu), [limit] "i"(SPINS)
		: "memory", "cc");
	return done;
}
/* clang-format on */

struct result {
	uint64_t counted, begun;
};

static void *thread_fn(void *arg)
{
	struct rseq *area = own_area();
	struct result *result = arg;

	while (test_go()) {
		uint32_t cpu = *(volatile uint32_t *)&area->cpu_id_start;

		result->begun++;
		result->counted += count_up(area, cpu);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct result results[THREADS] = { 0 };
	uint64_t counted = 0, sum = 0;
	pthread_t threads[THREADS];

	test_init(argc, argv);
	expect(__rseq_size, "the C library has registered no area");
	for (int i = 0; i < THREADS; i++)
		threads[i] = test_thread(thread_fn, &results[i]);
	test_daemon();
	test_waitsig();

	for (int i = 0; i < THREADS; i++) {
		must0(pthread_join(threads[i], NULL));
		counted += results[i].counted;
		if (!results[i].counted)
			fail("thread %d has not counted", i);
	}
	for (int i = 0; i < CPUS; i++)
		sum += counters[i].value;
	if (sum != counted)
		fail("the processors have %lu, the threads have counted %lu", (unsigned long)sum,
		     (unsigned long)counted);
	return pass();
}
