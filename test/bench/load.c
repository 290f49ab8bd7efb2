// SPDX-License-Identifier: GPL-2.0-only
/*
 * load READY_FD WORKLOAD [ARGUMENT...]
 *
 * Something to be dumped and restored. Says "ready" on READY_FD when it stands. SIGTERM asks it
 * whether all is still there: its exit status is 0 if so.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE      4096ul
#define PIPE_DATA 1000

static int ready_fd;
static size_t nr; /* of what the workload has many of */

static void must(bool held, const char *what)
{
	if (held)
		return;
	dprintf(ready_fd, "error: %s: %s\n", what, strerror(errno));
	_exit(1);
}

/* --- idle ----------------------------------------------------------------------- */

static void idle_make(char **argv)
{
	(void)argv;
}

static bool idle_check(void)
{
	return true;
}

/* --- threads -------------------------------------------------------------------- */

static pthread_t *threads;
static uint32_t go;

static void *thread_main(void *arg)
{
	while (!__atomic_load_n(&go, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &go, FUTEX_WAIT, 0, NULL);
	return arg;
}

static void threads_make(char **argv)
{
	pthread_attr_t attr;

	nr = strtoul(argv[0], NULL, 10);
	threads = calloc(nr, sizeof(*threads));
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 16384);
	for (size_t i = 0; i < nr; i++)
		must(!pthread_create(&threads[i], &attr, thread_main, (void *)(i + 1)), "thread");
}

static bool threads_check(void)
{
	__atomic_store_n(&go, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &go, FUTEX_WAKE, INT32_MAX);
	for (size_t i = 0; i < nr; i++) {
		void *ret = NULL;

		if (pthread_join(threads[i], &ret) || ret != (void *)(i + 1))
			return false;
	}
	return true;
}

/* --- children ------------------------------------------------------------------- */

static pid_t *children;

static void children_make(char **argv)
{
	nr = strtoul(argv[0], NULL, 10);
	children = calloc(nr, sizeof(*children));
	for (size_t i = 0; i < nr; i++) {
		children[i] = fork();
		must(children[i] >= 0, "fork");
		if (children[i] == 0) {
			close(ready_fd);
			for (;;)
				pause();
		}
	}
}

static bool children_check(void)
{
	bool good = true;
	int status;

	for (size_t i = 0; i < nr; i++)
		good &= kill(children[i], SIGKILL) == 0;
	for (size_t i = 0; i < nr; i++)
		good &= waitpid(children[i], &status, 0) == children[i] && WIFSIGNALED(status) &&
			WTERMSIG(status) == SIGKILL;
	return good;
}

/* --- memory: so many MiB that cannot be compressed -------------------------------- */

static uint64_t *memory;

static uint64_t next(uint64_t x)
{
	x ^= x << 13;
	x ^= x >> 7;
	return x ^ x << 17;
}

static void memory_make(char **argv)
{
	uint64_t x = 88172645463325252ull;

	nr = strtoul(argv[0], NULL, 10) << 20;
	memory = mmap(NULL, nr, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(memory != MAP_FAILED, "mmap");
	for (size_t i = 0; i < nr / sizeof(x); i++)
		memory[i] = x = next(x);
}

static bool memory_check(void)
{
	uint64_t x = 88172645463325252ull;

	for (size_t i = 0; i < nr / sizeof(x); i++) {
		x = next(x);
		if (memory[i] != x)
			return false;
	}
	return true;
}

/* --- family: so many children that share so many MiB ------------------------------- */

static size_t family_bytes;

static void family_make(char **argv)
{
	memory_make(argv + 1);
	family_bytes = nr;
	children_make(argv);
}

static bool family_check(void)
{
	bool good = children_check();

	nr = family_bytes;
	return memory_check() && good;
}

/* --- sparse: so many GiB, a page in each 32 MiB of it, and 1 TiB that is reserved --- */

#define SPARSE_STEP (32ul << 20)

static uint8_t *sparse;

static void sparse_make(char **argv)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	nr = strtoul(argv[0], NULL, 10) << 30;
	sparse = mmap(NULL, nr, PROT_READ | PROT_WRITE, flags, -1, 0);
	must(sparse != MAP_FAILED, "mmap");
	must(mmap(NULL, 1ul << 40, PROT_NONE, flags, -1, 0) != MAP_FAILED, "mmap");
	for (size_t at = 0; at < nr; at += SPARSE_STEP)
		memcpy(sparse + at, &at, sizeof(at));
}

static bool sparse_check(void)
{
	for (size_t at = 0; at < nr; at += SPARSE_STEP)
		if (memcmp(sparse + at, &at, sizeof(at)))
			return false;
	return true;
}

/* --- mappings: of one page, neighbours with different rights ---------------------- */

static uint8_t *area;

static void mappings_make(char **argv)
{
	nr = strtoul(argv[0], NULL, 10);
	area = mmap(NULL, nr * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(area != MAP_FAILED, "mmap");
	for (size_t i = 0; i < nr; i++) {
		memcpy(area + i * PAGE, &i, sizeof(i));
		must(i % 2 == 0 || !mprotect(area + i * PAGE, PAGE, PROT_READ), "mprotect");
	}
}

static bool mappings_check(void)
{
	for (size_t i = 0; i < nr; i++)
		if (memcmp(area + i * PAGE, &i, sizeof(i)))
			return false;
	return true;
}

/* --- files: so many regular files, and as many pipes with data --------------------- */

static int *files, *pipes;

static void files_make(char **argv)
{
	struct rlimit lim;
	char data[PIPE_DATA] = { 0 };

	nr = strtoul(argv[0], NULL, 10);
	files = calloc(nr, sizeof(*files));
	pipes = calloc(2 * nr, sizeof(*pipes));
	must(!getrlimit(RLIMIT_NOFILE, &lim), "limit");
	lim.rlim_cur = lim.rlim_max;
	must(!setrlimit(RLIMIT_NOFILE, &lim), "limit");
	for (size_t i = 0; i < nr; i++) {
		char path[512];

		snprintf(path, sizeof(path), "%s/%zu", argv[1], i);
		files[i] = open(path, O_RDWR | O_CREAT, 0600);
		must(files[i] >= 0 && ftruncate(files[i], 65536) == 0, "file");
		must(lseek(files[i], (off_t)i, SEEK_SET) == (off_t)i, "seek");
		memcpy(data, &i, sizeof(i));
		must(!pipe(pipes + 2 * i), "pipe");
		must(write(pipes[2 * i + 1], data, sizeof(data)) == sizeof(data), "write");
	}
}

static bool files_check(void)
{
	char data[PIPE_DATA];
	int left;

	for (size_t i = 0; i < nr; i++) {
		if (lseek(files[i], 0, SEEK_CUR) != (off_t)i ||
		    read(pipes[2 * i], data, sizeof(data)) != sizeof(data) ||
		    memcmp(data, &i, sizeof(i)) || ioctl(pipes[2 * i], FIONREAD, &left) || left)
			return false;
	}
	return true;
}

/* --- fds: a quarter regular files, a quarter eventfds, the rest ends of pipes with data ---- */

static int *fds;

static void fds_make(char **argv)
{
	struct rlimit lim;

	nr = strtoul(argv[0], NULL, 10) / 4;
	fds = calloc(4 * nr, sizeof(*fds));
	must(!getrlimit(RLIMIT_NOFILE, &lim), "limit");
	lim.rlim_cur = lim.rlim_max;
	must(!setrlimit(RLIMIT_NOFILE, &lim), "limit");
	for (size_t i = 0; i < nr; i++) {
		int *fd = fds + 4 * i;
		char path[512];

		snprintf(path, sizeof(path), "%s/%zu", argv[1], i);
		fd[0] = open(path, O_RDWR | O_CREAT, 0600);
		must(fd[0] >= 0 && lseek(fd[0], (off_t)i, SEEK_SET) == (off_t)i, "file");
		fd[1] = eventfd((unsigned int)i, EFD_NONBLOCK);
		must(fd[1] >= 0 && !pipe(fd + 2), "eventfd and pipe");
		must(write(fd[3], &i, sizeof(i)) == sizeof(i), "write");
	}
}

static bool fds_check(void)
{
	for (size_t i = 0; i < nr; i++) {
		const int *fd = fds + 4 * i;
		size_t is = nr;
		eventfd_t count = 0;

		if (lseek(fd[0], 0, SEEK_CUR) != (off_t)i ||
		    (i && (eventfd_read(fd[1], &count) || count != i)) ||
		    read(fd[2], &is, sizeof(is)) != sizeof(is) || is != i)
			return false;
	}
	return true;
}

/* --- tcp: so many ends of connections, half of them of the other half --------------- */

static int *ends;

static void tcp_make(char **argv)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	socklen_t len = sizeof(addr);
	struct rlimit lim;
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	nr = strtoul(argv[0], NULL, 10);
	ends = calloc(nr + 1, sizeof(*ends));
	must(!getrlimit(RLIMIT_NOFILE, &lim), "limit");
	lim.rlim_cur = lim.rlim_max;
	must(!setrlimit(RLIMIT_NOFILE, &lim), "limit");
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	must(!bind(listener, (void *)&addr, len) && !listen(listener, 128), "listen");
	must(!getsockname(listener, (void *)&addr, &len), "getsockname");
	for (size_t i = 0; i < nr; i += 2) {
		ends[i] = socket(AF_INET, SOCK_STREAM, 0);
		must(!connect(ends[i], (void *)&addr, sizeof(addr)), "connect");
		ends[i + 1] = accept(listener, NULL, NULL);
		must(ends[i + 1] >= 0, "accept");
	}
	close(listener);
}

static bool tcp_check(void)
{
	for (size_t i = 0; i < nr; i++) {
		size_t got = 0;

		if (send(ends[i], &i, sizeof(i), 0) != sizeof(i) ||
		    recv(ends[i ^ 1], &got, sizeof(got), MSG_WAITALL) != sizeof(got) || got != i)
			return false;
	}
	return true;
}

static const struct workload {
	const char *name;
	int arguments;
	void (*make)(char **argv);
	bool (*check)(void);
} workloads[] = {
	{ "idle", 0, idle_make, idle_check },
	{ "threads", 1, threads_make, threads_check },
	{ "children", 1, children_make, children_check },
	{ "memory", 1, memory_make, memory_check },
	{ "family", 2, family_make, family_check },
	{ "sparse", 1, sparse_make, sparse_check },
	{ "mappings", 1, mappings_make, mappings_check },
	{ "files", 2, files_make, files_check },
	{ "fds", 2, fds_make, fds_check },
	{ "tcp", 1, tcp_make, tcp_check },
};

static const struct workload *find(int argc, char **argv)
{
	for (size_t i = 0; argc > 2 && i < sizeof(workloads) / sizeof(workloads[0]); i++)
		if (!strcmp(workloads[i].name, argv[2]) && argc == 3 + workloads[i].arguments)
			return &workloads[i];
	return NULL;
}

/* Only what the workload has is to be dumped. */
static void become_alone(const char *fd)
{
	int null = open("/dev/null", O_RDWR);

	for (int i = 0; i < 3; i++)
		dup2(null, i);
	close(null);
	/* Out of the way of the numbers that the workload gets. */
	ready_fd = fcntl(atoi(fd), F_DUPFD_CLOEXEC, 900);
	close(atoi(fd));
	setsid();
}

int main(int argc, char **argv)
{
	const struct workload *w = find(argc, argv);
	sigset_t set;
	int sig;

	if (!w)
		return 2;
	become_alone(argv[1]);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	w->make(argv + 3);
	must(write(ready_fd, "ready\n", 6) == 6, "ready");
	close(ready_fd);
	while (sigwait(&set, &sig))
		;
	return w->check() ? 0 : 1;
}
