// SPDX-License-Identifier: GPL-2.0-only
/* Segments of System V shared memory: with a key, without, for reading only, in part. */
#include "zdtmtst.h"

#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

#define PAGE  4096
#define PAGES 16
#define SIZE  (PAGES * PAGE - 100) /* not all of the last page is part of it */

static uint8_t *area[2], *reads;
static int id[2];

static int child(void *arg)
{
	must(munmap(area[0], 4 * PAGE));
	reads = shmat(id[0], NULL, SHM_RDONLY);
	must(reads == (void *)-1 ? -1 : 0);
	ready_report(arg);
	test_waitsig();
	expect(datachk_at(area[0] + 4 * PAGE, 8 * PAGE, 1, 4 * PAGE) == 8 * PAGE,
	       "the child's part is wrong");
	expect(datachk(reads, 12 * PAGE, 1) == 12 * PAGE, "what the child reads is wrong");
	expect(mprotect(reads, PAGE, PROT_READ | PROT_WRITE) < 0, "the child may write");
	datagen(area[0] + 12 * PAGE, PAGE, 4);
	datagen(area[1], PAGE, 5);
	return 0;
}

static bool is_same(int which, const struct shmid_ds *was)
{
	struct shmid_ds now;

	memset(&now, 0, sizeof(now));
	must(shmctl(id[which], IPC_STAT, &now));
	if (now.shm_perm.__key != was->shm_perm.__key || now.shm_segsz != was->shm_segsz ||
	    now.shm_perm.mode != was->shm_perm.mode || now.shm_perm.uid != was->shm_perm.uid ||
	    now.shm_perm.gid != was->shm_perm.gid || now.shm_perm.cuid != was->shm_perm.cuid)
		return fail("segment %d: key, size, mode or owner differ", which), false;
	if (now.shm_nattch != was->shm_nattch)
		return fail("segment %d: %lu have it, and were %lu", which, now.shm_nattch,
			    was->shm_nattch),
		       false;
	return true;
}

int main(int argc, char **argv)
{
	struct shmid_ds was[2], ds;
	struct ready ready;
	pid_t pid;

	test_init(argc, argv);
	id[0] = (int)must(shmget((key_t)getpid() << 8, SIZE, IPC_CREAT | IPC_EXCL | 0640));
	id[1] = (int)must(shmget(IPC_PRIVATE, PAGES * PAGE, IPC_CREAT | 0600));
	for (int i = 0; i < 2; i++) {
		area[i] = shmat(id[i], NULL, 0);
		must(area[i] == (void *)-1 ? -1 : 0);
		datagen(area[i], 12 * PAGE, 1 + (uint32_t)i);
	}
	must(shmctl(id[0], IPC_STAT, &ds));
	ds.shm_perm.mode = 0604;
	must(shmctl(id[0], IPC_SET, &ds));
	must(shmctl(id[1], IPC_RMID, NULL)); /* when nobody has it any more */
	ready_init(&ready);
	pid = test_child(child, &ready);
	ready_collect(&ready, 1);
	memset(was, 0, sizeof(was));
	for (int i = 0; i < 2; i++)
		must(shmctl(id[i], IPC_STAT, &was[i]));
	test_daemon();
	test_waitsig();

	for (int i = 0; i < 2; i++) {
		if (!is_same(i, &was[i]))
			return 1;
		if (datachk(area[i], 12 * PAGE, 1 + (uint32_t)i) != 12 * PAGE)
			return fail("segment %d: the contents are wrong", i);
	}
	if (!test_stop(pid, "child"))
		return fail("the child is not well");
	if (datachk(area[0] + 12 * PAGE, PAGE, 4) != PAGE || datachk(area[1], PAGE, 5) != PAGE)
		return fail("what the child has written is not here");
	must(shmctl(id[0], IPC_RMID, NULL));
	must(shmdt(area[1]));
	if (shmctl(id[1], IPC_STAT, &ds) == 0)
		return fail("the segment without a key is still there");
	return pass();
}
