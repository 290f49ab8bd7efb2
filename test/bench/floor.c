// SPDX-License-Identifier: GPL-2.0-only
/*
 * floor OPERATION [ARGUMENT...]
 *
 * What the kernel takes for as much of the plainest kind: prints seconds. The least that a dump
 * or a restore could take, however it were written.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "criu/kernel/uapi.h"

#define PAGE      4096ul
#define CHUNK     (1ul << 20)
#define PIPE_DATA 1000
#define SCATTERED 128 /* pages that are copied at once */

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long must(long value, const char *what)
{
	if (value >= 0)
		return value;
	fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void *map(size_t len)
{
	void *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(at == MAP_FAILED ? -1 : 0, "mmap");
	return at;
}

/* --- memory --------------------------------------------------------------------- */

static void file_path(char *path, size_t size, const char *dir)
{
	snprintf(path, size, "%s/floor.%d", dir, getpid());
}

static int file_written(const char *path, const char *from, size_t len)
{
	int fd = (int)must(open(path, O_RDWR | O_CREAT | O_EXCL, 0600), path);

	for (size_t off = 0; off < len; off += CHUNK)
		must(write(fd, from + off, CHUNK) == CHUNK ? 0 : -1, "write");
	return fd;
}

static char *memory_touched(size_t len)
{
	uint64_t *p = map(len), x = 1;

	for (size_t i = 0; i < len / sizeof(x); i++)
		p[i] = x = x * 6364136223846793005ull + 1442695040888963407ull;
	return (char *)p;
}

/* write MIB DIR: of memory that is there, to a new file. */
static double floor_write(char **argv)
{
	size_t len = strtoul(argv[0], NULL, 10) << 20;
	char path[512], *from = memory_touched(len);
	double start, end;

	file_path(path, sizeof(path), argv[1]);
	start = now();
	close(file_written(path, from, len));
	end = now();
	unlink(path);
	return end - start;
}

static double read_into(char **argv, int advice)
{
	size_t len = strtoul(argv[0], NULL, 10) << 20;
	char path[512], *from = memory_touched(len), *to;
	double start, end;
	int fd;

	file_path(path, sizeof(path), argv[1]);
	fd = file_written(path, from, len);
	munmap(from, len);
	must(lseek(fd, 0, SEEK_SET), "seek");
	start = now();
	to = map(len);
	madvise(to, len, advice);
	for (size_t off = 0; off < len; off += CHUNK)
		must(read(fd, to + off, CHUNK) == CHUNK ? 0 : -1, "read");
	end = now();
	unlink(path);
	return end - start;
}

/* read MIB DIR: of a file that is cached, into memory that is not there yet. */
static double floor_read(char **argv)
{
	return read_into(argv, MADV_NOHUGEPAGE);
}

/* read-huge MIB DIR: the same, into huge pages. */
static double floor_read_huge(char **argv)
{
	return read_into(argv, MADV_HUGEPAGE);
}

static void touch(char *at, size_t len)
{
	madvise(at, len, MADV_NOHUGEPAGE);
	for (size_t off = 0; off < len; off += PAGE)
		at[off] = 1;
}

static char *small_pages(size_t len)
{
	char *at = map(len);

	touch(at, len);
	return at;
}

/* fork-memory MIB: a process with so much of small pages. */
static double floor_fork_memory(char **argv)
{
	double start, end;
	pid_t pid;

	small_pages(strtoul(argv[0], NULL, 10) << 20);
	start = now();
	pid = (pid_t)must(fork(), "fork");
	if (!pid)
		_exit(0);
	end = now();
	waitpid(pid, NULL, 0);
	return end - start;
}

/* scan MIB: which of so many pages are there? */
static double floor_scan(char **argv)
{
	size_t len = strtoul(argv[0], NULL, 10) << 20;
	uint64_t at = (uintptr_t)small_pages(len);
	struct page_region found[64];
	struct pm_scan_arg arg = {
		.size = sizeof(arg),
		.start = at,
		.end = at + len,
		.vec = (uintptr_t)found,
		.vec_len = 64,
		.category_anyof_mask = PAGE_IS_PRESENT | PAGE_IS_SWAPPED,
		.return_mask = PAGE_IS_PRESENT,
	};
	int fd = (int)must(open("/proc/self/pagemap", O_RDONLY), "pagemap");
	double start = now();

	must(ioctl(fd, PAGEMAP_SCAN, &arg), "PAGEMAP_SCAN");
	return now() - start;
}

/* Somebody who has that memory. */
static pid_t owner_start(char *at, size_t len)
{
	int ready[2];
	char byte;
	pid_t pid;

	must(pipe(ready), "pipe");
	pid = (pid_t)must(fork(), "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		touch(at, len);
		must(write(ready[1], "", 1), "write");
		for (;;)
			pause();
	}
	must(read(ready[0], &byte, 1), "read");
	return pid;
}

/* scatter MIB DIR: one page in a hundred of another process with so much, to a new file. */
static double floor_scatter(char **argv)
{
	size_t len = strtoul(argv[0], NULL, 10) << 20, step = 100 * PAGE;
	char path[512], *buf = small_pages(SCATTERED * PAGE), *from = map(len);
	struct iovec to = { buf, SCATTERED * PAGE }, iov[SCATTERED];
	pid_t pid = owner_start(from, len);
	double start, end;
	int fd;

	file_path(path, sizeof(path), argv[1]);
	fd = (int)must(open(path, O_RDWR | O_CREAT | O_EXCL, 0600), path);
	start = now();
	for (size_t off = 0; off + SCATTERED * step <= len; off += SCATTERED * step) {
		for (size_t i = 0; i < SCATTERED; i++)
			iov[i] = (struct iovec){ from + off + i * step, PAGE };
		must(process_vm_readv(pid, &to, 1, iov, SCATTERED, 0), "process_vm_readv");
		must(write(fd, buf, SCATTERED * PAGE), "write");
	}
	end = now();
	unlink(path);
	kill(pid, SIGKILL);
	return end - start;
}

/* --- processes and threads -------------------------------------------------------- */

static pid_t clone_pid(pid_t pid)
{
	struct clone_args a = { .exit_signal = SIGCHLD };

	if (pid) {
		a.set_tid = (uintptr_t)&pid;
		a.set_tid_size = 1;
	}
	pid = (pid_t)must(syscall(SYS_clone3, &a, sizeof(a)), "clone3");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static void end_all(const pid_t *pids, size_t nr)
{
	for (size_t i = nr; i-- > 0;)
		kill(pids[i], SIGKILL);
	for (size_t i = nr; i-- > 0;)
		waitpid(pids[i], NULL, __WALL);
}

/* exec: a process that does nothing, from fork to wait. */
static double floor_exec(char **argv)
{
	double start = now();
	pid_t pid = vfork();

	(void)argv;
	if (pid == 0) {
		execl("/proc/self/exe", "floor", "nothing", NULL);
		_exit(127);
	}
	must(pid, "vfork");
	waitpid(pid, NULL, 0);
	return now() - start;
}

/* fork N: processes that end at once. */
static double floor_fork(char **argv)
{
	size_t nr = strtoul(argv[0], NULL, 10);
	double start = now();

	for (size_t i = 0; i < nr; i++) {
		pid_t pid = (pid_t)must(fork(), "fork");

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	return now() - start;
}

/* clone N: processes with pids of our choice; those that others of us just had. */
static double floor_clone(char **argv)
{
	size_t nr = strtoul(argv[0], NULL, 10);
	pid_t *pids = calloc(nr, sizeof(*pids));
	double start, end;

	for (size_t i = 0; i < nr; i++)
		pids[i] = clone_pid(0);
	end_all(pids, nr);
	start = now();
	for (size_t i = 0; i < nr; i++)
		clone_pid(pids[i]);
	end = now();
	end_all(pids, nr);
	return end - start;
}

static double stop_all(const pid_t *tids, size_t nr)
{
	double start = now();

	for (size_t i = 0; i < nr; i++) {
		must(ptrace(PTRACE_SEIZE, tids[i], NULL, NULL), "seize");
		must(ptrace(PTRACE_INTERRUPT, tids[i], NULL, NULL), "interrupt");
	}
	for (size_t i = 0; i < nr; i++)
		must(waitpid(tids[i], NULL, __WALL), "wait");
	return now() - start;
}

static void *crew_member(void *arg)
{
	pid_t *slot = arg;

	__atomic_store_n(slot, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	for (;;)
		pause();
	return NULL;
}

#define CREW_STACK 16384ul

static char *crew_stacks; /* of all of them; who stops them knows where they are, too */

static void crew_start(pid_t *tids, size_t nr)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, CREW_STACK);
	for (size_t i = 0; i < nr; i++) {
		if (crew_stacks)
			pthread_attr_setstack(&attr, crew_stacks + i * CREW_STACK, CREW_STACK);
		errno = pthread_create(&thread, &attr, crew_member, &tids[i]);
		must(errno ? -1 : 0, "thread");
	}
	for (size_t i = 0; i < nr; i++)
		while (!__atomic_load_n(&tids[i], __ATOMIC_SEQ_CST))
			sched_yield();
}

static void children_start(pid_t *pids, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		__atomic_store_n(&pids[i], clone_pid(0), __ATOMIC_SEQ_CST);
}

/*
 * What start() makes is stopped, and ended, as a tree is that is dumped: it has another parent than
 * who stops it, and a session of its own (another group of the scheduler, where it groups by
 * session, so that whoever is woken runs at once), and has been asleep for a moment.
 */
static pid_t tree_start(pid_t *ids, size_t nr, void (*start)(pid_t *ids, size_t nr))
{
	const struct timespec moment = { .tv_nsec = 50000000 };
	pid_t pid = (pid_t)must(fork(), "fork");

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		must(setsid(), "setsid");
		start(ids, nr);
		for (;;)
			pause();
	}
	for (size_t i = 0; i < nr; i++)
		while (!__atomic_load_n(&ids[i], __ATOMIC_SEQ_CST))
			sched_yield();
	nanosleep(&moment, NULL);
	return pid;
}

/* All registers, and which signals are blocked. */
static void registers_read(const pid_t *ids, size_t nr)
{
	static const int sets[] = { NT_PRSTATUS, NT_X86_XSTATE };
	static uint8_t set[16384];
	uint64_t mask;

	for (size_t i = 0; i < nr; i++) {
		for (size_t k = 0; k < sizeof(sets) / sizeof(sets[0]); k++) {
			struct iovec to = { set, sizeof(set) };

			must(ptrace(PTRACE_GETREGSET, ids[i], sets[k], &to), "registers");
		}
		must(ptrace(PTRACE_GETSIGMASK, ids[i], sizeof(mask), &mask), "signal mask");
	}
}

/* The two pages at the top of each stack. */
static void stacks_copy(pid_t pid, size_t nr, int file)
{
	static char buf[SCATTERED * PAGE];
	struct iovec from[SCATTERED / 2], to = { buf, 0 };

	for (size_t i = 0, n = 0; i < nr; i++) {
		from[n].iov_base = crew_stacks + (i + 1) * CREW_STACK - 2 * PAGE;
		from[n++].iov_len = 2 * PAGE;
		if (n < SCATTERED / 2 && i + 1 < nr)
			continue;
		to.iov_len = 2 * n * PAGE;
		must(process_vm_readv(pid, &to, 1, from, n, 0), "process_vm_readv");
		must(write(file, buf, to.iov_len), "write");
		n = 0;
	}
}

/* How long it takes to stop them, and to read their registers, copy two pages of each of the stacks
 * that we know to the file, and end them. */
static double tree_times(size_t nr, void (*start)(pid_t *ids, size_t nr), int file, double *ret_end)
{
	pid_t *ids = mmap(NULL, nr * sizeof(*ids), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = tree_start(ids, nr, start);
	double stop = stop_all(ids, nr), begin = now();

	registers_read(ids, nr);
	if (crew_stacks)
		stacks_copy(pid, nr, file);
	end_all(ids, nr);
	*ret_end = now() - begin;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return stop;
}

/* stop N: processes, seized, interrupted, waited for. */
static double floor_stop(char **argv)
{
	double end;

	return tree_times(strtoul(argv[0], NULL, 10), children_start, -1, &end);
}

/* stop-threads N: of one process. */
static double floor_stop_threads(char **argv)
{
	double end;

	return tree_times(strtoul(argv[0], NULL, 10), crew_start, -1, &end);
}

/* --- what no dump of many tasks can do without ---------------------------------------- */

#define SMALL_IMAGE 512

struct small_images {
	const char *dir;
	size_t nr, at;
};

static void *small_images_write(void *arg)
{
	static const char data[SMALL_IMAGE];
	struct small_images *s = arg;
	int dir = (int)must(open(s->dir, O_RDONLY | O_DIRECTORY), s->dir);

	for (size_t i; (i = __atomic_fetch_add(&s->at, 1, __ATOMIC_RELAXED)) < s->nr;) {
		char name[32];
		int fd;

		snprintf(name, sizeof(name), "floor-%zu.img", i);
		fd = (int)must(openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600), name);
		must(write(fd, data, sizeof(data)), "write");
		close(fd);
	}
	close(dir);
	return NULL;
}

/* So many files of 512 bytes, by two threads. */
static double small_images(const char *dir, size_t nr)
{
	struct small_images s = { dir, nr, 0 };
	double start = now(), seconds;
	pthread_t other;

	errno = pthread_create(&other, NULL, small_images_write, &s);
	must(errno ? -1 : 0, "thread");
	small_images_write(&s);
	pthread_join(other, NULL);
	seconds = now() - start;
	for (size_t i = 0; i < nr; i++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/floor-%zu.img", dir, i);
		unlink(path);
	}
	return seconds;
}

/* children N DIR: stopped, registers read, seven images written for each, ended. */
static double floor_children(char **argv)
{
	size_t nr = strtoul(argv[0], NULL, 10);
	double end, stop = tree_times(nr, children_start, -1, &end);

	return stop + small_images(argv[1], 7 * nr) + end;
}

/* crew N DIR: the same of the threads of one process, one image for each, and two pages of their
 * stacks, by one processor. */
static double floor_crew(char **argv)
{
	size_t nr = strtoul(argv[0], NULL, 10);
	char path[4096];
	double end, stop;
	int file;

	file_path(path, sizeof(path), argv[1]);
	file = (int)must(open(path, O_RDWR | O_CREAT | O_EXCL, 0600), path);
	unlink(path);
	crew_stacks = map(nr * CREW_STACK);
	stop = tree_times(nr, crew_start, file, &end);
	return stop + small_images(argv[1], nr) + end;
}

/* threads N: made. */
static double floor_threads(char **argv)
{
	size_t nr = strtoul(argv[0], NULL, 10);
	pid_t *tids = calloc(nr, sizeof(*tids));
	double start = now();

	crew_start(tids, nr);
	return now() - start;
}

/* --- mappings and files ----------------------------------------------------------- */

static char *mappings_make(size_t nr)
{
	char *area = map(2 * nr * PAGE);

	munmap(area, 2 * nr * PAGE);
	for (size_t i = 0; i < nr; i++) {
		char *at = mmap(area + 2 * i * PAGE, PAGE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		must(at == MAP_FAILED ? -1 : 0, "mmap");
		*at = 1;
	}
	return area;
}

/* mmap N: mappings of a page, touched. */
static double floor_mmap(char **argv)
{
	double start = now();

	mappings_make(strtoul(argv[0], NULL, 10));
	return now() - start;
}

/* maps N: so many mappings, listed with their flags. */
static double floor_maps(char **argv)
{
	static char buf[1 << 16];
	double start;
	int fd;

	mappings_make(strtoul(argv[0], NULL, 10));
	start = now();
	fd = (int)must(open("/proc/self/smaps", O_RDONLY), "smaps");
	while (must(read(fd, buf, sizeof(buf)), "smaps"))
		;
	close(fd);
	return now() - start;
}

static void limit_raise(void)
{
	struct rlimit lim;

	must(getrlimit(RLIMIT_NOFILE, &lim), "limit");
	lim.rlim_cur = lim.rlim_max;
	must(setrlimit(RLIMIT_NOFILE, &lim), "limit");
}

static void files_make(size_t nr)
{
	char data[PIPE_DATA] = { 0 };
	int ends[2];

	for (size_t i = 0; i < nr; i++) {
		must(open("/proc/self/exe", O_RDONLY), "open");
		must(pipe(ends), "pipe");
		must(write(ends[1], data, sizeof(data)), "write");
	}
}

/* files N: opened, and as many pipes, with data. */
static double floor_files(char **argv)
{
	double start;

	limit_raise();
	start = now();
	files_make(strtoul(argv[0], NULL, 10));
	return now() - start;
}

/* fds N: N files and 2 N ends of pipes, taken from another process. */
static double floor_fds(char **argv)
{
	int nr = atoi(argv[0]), pidfd;
	double start;

	limit_raise();
	files_make((size_t)nr);
	pidfd = (int)must(syscall(SYS_pidfd_open, getpid(), 0), "pidfd");
	start = now();
	for (int fd = 3; fd < 3 + 3 * nr; fd++)
		close((int)must(syscall(SYS_pidfd_getfd, pidfd, fd, 0), "pidfd_getfd"));
	return now() - start;
}

static const struct operation {
	const char *name;
	int arguments;
	double (*run)(char **argv);
} operations[] = {
	{ "write", 2, floor_write },
	{ "read", 2, floor_read },
	{ "read-huge", 2, floor_read_huge },
	{ "fork-memory", 1, floor_fork_memory },
	{ "scan", 1, floor_scan },
	{ "scatter", 2, floor_scatter },
	{ "exec", 0, floor_exec },
	{ "fork", 1, floor_fork },
	{ "clone", 1, floor_clone },
	{ "stop", 1, floor_stop },
	{ "stop-threads", 1, floor_stop_threads },
	{ "children", 2, floor_children },
	{ "crew", 2, floor_crew },
	{ "threads", 1, floor_threads },
	{ "mmap", 1, floor_mmap },
	{ "maps", 1, floor_maps },
	{ "files", 1, floor_files },
	{ "fds", 1, floor_fds },
};

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	for (size_t i = 0; argc > 1 && i < sizeof(operations) / sizeof(operations[0]); i++) {
		const struct operation *o = &operations[i];

		if (strcmp(o->name, argv[1]) || argc != 2 + o->arguments)
			continue;
		printf("%.6f\n", o->run(argv + 2));
		fflush(stdout);
		_exit(0); /* threads are still there */
	}
	return 2;
}
