// SPDX-License-Identifier: GPL-2.0-only
/* Thread-local variables, of the compiler's and of the library's kind. */
#include "zdtmtst.h"

#include <errno.h>

#define THREADS 4

static pthread_barrier_t barrier;
static pthread_key_t key;
static uint32_t over;
static __thread uint64_t by_compiler;

static void *thread_fn(void *arg)
{
	uint64_t number = (uint64_t)(intptr_t)arg, *address = &by_compiler;

	by_compiler = number * 0x0101010101010101;
	must0(pthread_setspecific(key, arg));
	errno = (int)number;
	pthread_barrier_wait(&barrier);
	while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST))
		continue; /* no system call: errno stays */
	expect(errno == (int)number, "errno is %d instead of %d", errno, (int)number);
	expect(address == &by_compiler, "the variable has moved");
	expect(by_compiler == number * 0x0101010101010101, "the variable is %#lx",
	       (unsigned long)by_compiler);
	expect(pthread_getspecific(key) == arg, "the key has %p", pthread_getspecific(key));
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];

	test_init(argc, argv);
	must0(pthread_key_create(&key, NULL));
	must0(pthread_barrier_init(&barrier, NULL, THREADS + 1));
	for (intptr_t i = 0; i < THREADS; i++)
		threads[i] = test_thread(thread_fn, (void *)(i + 1));
	pthread_barrier_wait(&barrier);
	test_daemon();
	test_waitsig();

	__atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
	for (int i = 0; i < THREADS; i++)
		must0(pthread_join(threads[i], NULL));
	return pass();
}
