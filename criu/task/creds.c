// SPDX-License-Identifier: GPL-2.0-only
/*
 * Credentials: read from status, per thread, set per thread by raw system calls.
 *
 * Order: what needs a capability comes before it may be gone. Groups, then ids with
 * SECBIT_KEEP_CAPS and SECBIT_NO_SETUID_FIXUP so that the capabilities survive, the
 * bounding set, then capabilities, ambient ones, and last the securebits themselves.
 * Where they are the same as what the task has from crtool nothing is done.
 */
#include "criu/task/creds.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"

#define CAP_WORDS 2
#define LAST_CAP  63

static uint32_t *cap_dump(struct arena *a, uint64_t caps)
{
	const uint32_t words[CAP_WORDS] = { (uint32_t)caps, (uint32_t)(caps >> 32) };

	return arena_dup(a, words, sizeof(words));
}

CredsEntry *creds_dump(struct arena *a, const struct thread *th)
{
	CredsEntry *e = arena_message(a, CredsEntry, CREDS_ENTRY__INIT);
	const struct proc_status *s = &th->status;

	e->uid = s->uid[0];
	e->euid = s->uid[1];
	e->suid = s->uid[2];
	e->fsuid = s->uid[3];
	e->gid = s->gid[0];
	e->egid = s->gid[1];
	e->sgid = s->gid[2];
	e->fsgid = s->gid[3];
	e->n_cap_inh = e->n_cap_prm = e->n_cap_eff = e->n_cap_bnd = e->n_cap_amb = CAP_WORDS;
	e->cap_inh = cap_dump(a, s->cap_inh);
	e->cap_prm = cap_dump(a, s->cap_prm);
	e->cap_eff = cap_dump(a, s->cap_eff);
	e->cap_bnd = cap_dump(a, s->cap_bnd);
	e->cap_amb = cap_dump(a, s->cap_amb);
	e->secbits = th->inner.securebits;
	e->n_groups = s->nr_groups;
	e->groups = arena_dup(a, s->groups, s->nr_groups * sizeof(*s->groups));
	if (s->no_new_privs) {
		e->has_no_new_privs = true;
		e->no_new_privs = 1;
	}
	return e;
}

int creds_load_check(const CredsEntry *e)
{
	if (e->n_cap_inh > CAP_WORDS || e->n_cap_prm > CAP_WORDS || e->n_cap_eff > CAP_WORDS ||
	    e->n_cap_bnd > CAP_WORDS || e->n_cap_amb > CAP_WORDS)
		return fail_plain("capability sets of more than %d words", CAP_WORDS);
	if (e->n_groups > 65536)
		return fail_plain("%zu supplementary groups", e->n_groups);
	if (e->lsm_profile && *e->lsm_profile)
		return fail_plain("security profile %s cannot be set yet", e->lsm_profile);
	return 0;
}

int creds_inherited(struct restore *r)
{
	cleanup_proc_buf struct proc_buf b = { 0 };
	struct thread own = { .tid = getpid() };
	int securebits = prctl(PR_GET_SECUREBITS), err = proc_status_of(own.tid, &b, &own.status);

	if (err < 0 || securebits < 0)
		return fail(err < 0 ? -err : errno, "read the credentials of crtool");
	own.inner.securebits = (uint32_t)securebits;
	r->inherited.creds = creds_dump(&r->arena, &own);
	proc_status_done(&own.status);
	return 0;
}

static bool words_are_same(const uint32_t *a, size_t nr_a, const uint32_t *b, size_t nr_b)
{
	return nr_a == nr_b && (!nr_a || !memcmp(a, b, nr_a * sizeof(*a)));
}

#define SAME_WORDS(a, b, f) words_are_same((a)->f, (a)->n_##f, (b)->f, (b)->n_##f)

bool creds_are_inherited(const struct inherited *had, const CredsEntry *e)
{
	const CredsEntry *own = had->creds;

	return e->uid == own->uid && e->euid == own->euid && e->suid == own->suid &&
	       e->fsuid == own->fsuid && e->gid == own->gid && e->egid == own->egid &&
	       e->sgid == own->sgid && e->fsgid == own->fsgid && e->secbits == own->secbits &&
	       e->no_new_privs == own->no_new_privs && SAME_WORDS(e, own, cap_inh) &&
	       SAME_WORDS(e, own, cap_prm) && SAME_WORDS(e, own, cap_eff) &&
	       SAME_WORDS(e, own, cap_bnd) && SAME_WORDS(e, own, cap_amb) &&
	       SAME_WORDS(e, own, groups);
}

static uint64_t cap_load(const uint32_t *words, size_t nr)
{
	return (nr > 0 ? words[0] : 0) | (nr > 1 ? (uint64_t)words[1] << 32 : 0);
}

#define CREDS_CALL(p, ...) PROGRAM_SYSCALL(p, OP_WHAT_CREDS, __VA_ARGS__)

static void ids_restore(struct program *p, const CredsEntry *e)
{
	uint64_t groups = program_copy(p, e->groups, e->n_groups * sizeof(*e->groups));

	CREDS_CALL(p, SYS_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP | SECBIT_KEEP_CAPS)
	    ->flags |= OP_ANY;
	CREDS_CALL(p, SYS_setgroups, e->n_groups, groups);
	CREDS_CALL(p, SYS_setresgid, e->gid, e->egid, e->sgid);
	CREDS_CALL(p, SYS_setfsgid, e->fsgid);
	CREDS_CALL(p, SYS_setresuid, e->uid, e->euid, e->suid);
	CREDS_CALL(p, SYS_setfsuid, e->fsuid);
}

static void caps_restore(struct program *p, const CredsEntry *e)
{
	const struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[CAP_WORDS] = { 0 };
	uint64_t bnd = cap_load(e->cap_bnd, e->n_cap_bnd), amb = cap_load(e->cap_amb, e->n_cap_amb);

	/* A capability that this kernel does not know cannot be dropped: EINVAL. */
	for (uint64_t cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!(bnd & (1ull << cap)))
			CREDS_CALL(p, SYS_prctl, PR_CAPBSET_DROP, cap)->flags |= OP_ANY;
	for (size_t i = 0; i < CAP_WORDS; i++) {
		data[i].effective = i < e->n_cap_eff ? e->cap_eff[i] : 0;
		data[i].permitted = i < e->n_cap_prm ? e->cap_prm[i] : 0;
		data[i].inheritable = i < e->n_cap_inh ? e->cap_inh[i] : 0;
	}
	CREDS_CALL(p, SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
	/* Securebits want CAP_SETPCAP, which capset may take: one call before, one after
	 * would be too late, so they come first, and capset needs no capability itself. */
	CREDS_CALL(p, SYS_prctl, PR_SET_SECUREBITS, e->secbits);
	CREDS_CALL(p, SYS_capset, program_copy(p, &head, sizeof(head)),
		   program_copy(p, data, sizeof(data)));
	for (uint64_t cap = 0; cap <= LAST_CAP; cap++)
		if (amb & (1ull << cap))
			CREDS_CALL(p, SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
}

void creds_restore(struct program *p, const CredsEntry *e)
{
	ids_restore(p, e);
	caps_restore(p, e);
	if (e->has_no_new_privs && e->no_new_privs)
		CREDS_CALL(p, SYS_prctl, PR_SET_NO_NEW_PRIVS, 1);
}
