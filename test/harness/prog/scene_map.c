// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of many kinds. */
#include "test/harness/prog/scene.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define NOT_USED (void)argc, (void)argv
#define BYTES    16384ul

static void *map(int fd, int flags)
{
	void *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (at == MAP_FAILED)
		scene_die("mmap");
	return at;
}

static void set_map_file(int argc, char **argv)
{
	int fd = (int)must(open(argv[0], O_RDWR));

	(void)argc;
	map(fd, MAP_SHARED);
	close(fd);
}

/* Removed at once: it lives for as long as it is mapped. */
/* The argument: its key. */
static void set_map_sysv_key(int argc, char **argv)
{
	int id = (int)must(shmget((key_t)atoi(argv[0]), BYTES, IPC_CREAT | IPC_EXCL | 0600));
	char *at = shmat(id, NULL, 0);

	(void)argc;
	if (at == (void *)-1)
		scene_die("shmat");
	*at = 'x';
}

/* No page is touched, so none has to be there. */
static void set_map_sysv_hugetlb(int argc, char **argv)
{
	int id = shmget(IPC_PRIVATE, 2ul << 20, 0600 | SHM_HUGETLB | SHM_NORESERVE);
	void *at = id < 0 ? (void *)-1 : shmat(id, NULL, 0);

	NOT_USED;
	if (at == (void *)-1)
		scene_skip("hugetlb");
	must(shmctl(id, IPC_RMID, NULL));
}

static int userfault_new(void *at)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range = { (uintptr_t)at, BYTES },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = (int)syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY);

	if (fd < 0)
		scene_skip("userfaultfd");
	must(ioctl(fd, UFFDIO_API, &api));
	must(ioctl(fd, UFFDIO_REGISTER, &reg));
	return fd;
}

static void set_map_userfault(int argc, char **argv)
{
	NOT_USED;
	userfault_new(map(-1, MAP_PRIVATE | MAP_ANONYMOUS));
}

static void set_map_userfault_locked(int argc, char **argv)
{
	void *at = map(-1, MAP_PRIVATE | MAP_ANONYMOUS);

	NOT_USED;
	must(mlock2(at, BYTES, MLOCK_ONFAULT));
	userfault_new(at);
}

/* Who listens there has it now, and nobody else. */
static void set_map_userfault_sent(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = userfault_new(map(-1, MAP_PRIVATE | MAP_ANONYMOUS));
	int sock = (int)must(socket(AF_UNIX, SOCK_STREAM, 0));

	(void)argc;
	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", argv[0]);
	must(connect(sock, (void *)&addr, sizeof(addr)));
	scene_send_fd(sock, fd);
	close(fd);
	close(sock);
}

/* Enough that a dump does not end while one looks. The argument: how many MiB. */
static void set_memory(int argc, char **argv)
{
	size_t len = (size_t)atoi(argv[0]) << 20;
	uint64_t *at = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)argc;
	if (at == MAP_FAILED)
		scene_die("mmap");
	for (size_t i = 0; i < len / sizeof(*at); i++)
		at[i] = i * 0x9e3779b97f4a7c15ull;
}

const struct scene scenes_map[] = {
	{ "map-file", set_map_file },
	{ "map-sysv-key", set_map_sysv_key },
	{ "map-sysv-hugetlb", set_map_sysv_hugetlb },
	{ "map-userfault", set_map_userfault },
	{ "map-userfault-locked", set_map_userfault_locked },
	{ "map-userfault-sent", set_map_userfault_sent },
	{ "memory", set_memory },
	{ NULL, NULL },
};
