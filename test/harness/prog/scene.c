// SPDX-License-Identifier: GPL-2.0-only
/*
 * scene READY_FD BEAT_FILE NAME [ARGUMENT...]
 *
 * Becomes the leader of a session without a terminal, sets up the scene NAME, says "ready" on
 * READY_FD and closes it. What else it says there is why it could not.
 */
#include "test/harness/prog/scene.h"
#include "test/zdtm/lib/rights.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct scene_beats *scene_beats;
static int ready_fd;

static void say(const char *kind, const char *text, const char *cause)
{
	char line[512];
	int len = snprintf(line, sizeof(line), "%s: %s%s%s\n", kind, text, cause ? ": " : "",
			   cause ? cause : "");

	if (write(ready_fd, line, (size_t)len) < 0)
		_exit(2);
	_exit(1);
}

int scene_needs(long r, int missing, const char *what)
{
	if (r < 0 && errno == missing)
		scene_skip(what);
	return (int)must(r);
}

void scene_send_fd(int sock, int fd)
{
	must(fd_send(sock, fd));
}

void scene_die(const char *what)
{
	say("error", what, strerror(errno));
	__builtin_unreachable();
}

void scene_skip(const char *why)
{
	say("skip", why, NULL);
	__builtin_unreachable();
}

long scene_must(long value, const char *what)
{
	if (value < 0)
		scene_die(what);
	return value;
}

void scene_ready(void)
{
	if (ready_fd < 0)
		return;
	must(write(ready_fd, "ready\n", 6));
	close(ready_fd);
	ready_fd = -1;
}

void scene_quiet(void)
{
	close(ready_fd);
}

static void slot_used(unsigned int slot)
{
	uint64_t nr = __atomic_load_n(&scene_beats->nr, __ATOMIC_SEQ_CST);

	while (nr < slot + 1 && !__atomic_compare_exchange_n(&scene_beats->nr, &nr, slot + 1, 0,
							     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
}

void scene_step(unsigned int slot)
{
	if (!__atomic_fetch_add(&scene_beats->slot[slot], 1, __ATOMIC_SEQ_CST))
		slot_used(slot);
}

void scene_beat(unsigned int slot)
{
	const struct timespec pause = { .tv_nsec = 1000000 };

	for (;;) {
		scene_step(slot);
		syscall(SYS_nanosleep, &pause, NULL);
	}
}

void scene_error(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!__atomic_fetch_add(&scene_beats->errors, 1, __ATOMIC_SEQ_CST))
		vsnprintf(scene_beats->text, sizeof(scene_beats->text), fmt, ap);
	va_end(ap);
}

void scene_wait_beat(unsigned int slot)
{
	const struct timespec pause = { .tv_nsec = 100000 };

	while (!__atomic_load_n(&scene_beats->slot[slot], __ATOMIC_SEQ_CST))
		nanosleep(&pause, NULL);
}

int scene_child(unsigned int slot)
{
	int pid = (int)must(fork());

	if (pid == 0) {
		scene_quiet();
		scene_beat(slot);
	}
	scene_wait_beat(slot);
	return pid;
}

static void *thread_main(void *slot)
{
	scene_beat((unsigned int)(uintptr_t)slot);
}

void scene_thread(unsigned int slot)
{
	scene_thread_of(thread_main, slot);
}

void scene_thread_of(void *(*run)(void *slot), unsigned int slot)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	errno = pthread_create(&thread, &attr, run, (void *)(uintptr_t)slot);
	if (errno)
		scene_die("pthread_create");
	scene_wait_beat(slot);
}

static const struct scene *scene_find(const char *name)
{
	const struct scene *const tables[] = { scenes_busy, scenes_fd,   scenes_map,
					       scenes_sock, scenes_task, scenes_tree,
					       scenes_tty,  scenes_inet, scenes_mkfd };

	for (unsigned int i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct scene *s = tables[i]; s->name; s++)
			if (!strcmp(s->name, name))
				return s;
	return NULL;
}

/* Descriptors of the harness have no part in this. */
static void descriptors_clean(const char *ready)
{
	int fd = atoi(ready), null;

	ready_fd = 1023;
	must(dup3(fd, ready_fd, O_CLOEXEC));
	syscall(SYS_close_range, 3, ready_fd - 1, 0);
	null = (int)must(open("/dev/null", O_RDWR));
	for (fd = 0; fd < 3; fd++)
		must(dup2(null, fd));
	close(null);
}

static void beats_map(const char *file)
{
	int fd = (int)must(open(file, O_RDWR | O_CLOEXEC));

	scene_beats = mmap(NULL, sizeof(*scene_beats), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (scene_beats == MAP_FAILED)
		scene_die("map the counters");
	close(fd);
}

int main(int argc, char **argv)
{
	const struct scene *s;

	if (argc < 4)
		return 2;
	descriptors_clean(argv[1]);
	s = scene_find(argv[3]);
	if (!s)
		say("error", "no such scene", argv[3]);
	beats_map(argv[2]);
	if (strcmp(argv[3], "no-session"))
		must(setsid());
	s->set(argc - 4, argv + 4);
	scene_ready();
	scene_beat(0);
}
