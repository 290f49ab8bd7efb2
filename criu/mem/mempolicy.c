// SPDX-License-Identifier: GPL-2.0-only
/*
 * Only the task itself can ask for them, get_mempolicy(2); numa_maps in /proc has them, too,
 * but counts all pages on the way.
 *
 * Nearly nobody has a policy for a mapping, and nothing in /proc tells whether there is one.
 * set_mempolicy_home_node(2) over the whole address space does (ENOENT: no mapping has
 * one), but would move the home of those that have one. Where the machine has a single
 * node for all time, that is no change. Elsewhere each mapping is asked for.
 *
 * They are set as soon as the mapping is there: before its pages come.
 */
#include "criu/mem/mempolicy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/mem/vma.h"

#define NODES_POSSIBLE "/sys/devices/system/node/possible"
#define MODES_MAX      16 /* far above what there is: the kernel knows which */
/* The kernel counts from one. */
#define NODE_BITS      (PARASITE_NODE_WORDS * 64 + 1)

bool mempolicy_one_node(void)
{
	cleanup_close int fd = open(NODES_POSSIBLE, O_RDONLY | O_CLOEXEC);
	char text[8];

	return fd >= 0 && read(fd, text, sizeof(text)) == 2 && !memcmp(text, "0\n", 2);
}

/* --- dump ------------------------------------------------------------------------- */

static bool has_none(const struct proc_vma *v)
{
	return v->special == PROC_VMA_VDSO || v->special == PROC_VMA_VVAR ||
	       v->special == PROC_VMA_VVAR_VCLOCK || v->special == PROC_VMA_VSYSCALL;
}

static int chunk_ask(struct task *t, struct remote *r, struct parasite_policies_args *a,
		     const uint32_t *index)
{
	uint32_t len = (uint32_t)(sizeof(*a) + a->nr * sizeof(a->addr[0]));
	int err = remote_call_begin(r, 0, a, len);

	if (!err)
		err = remote_call_end(r, 0, a, len);
	if (err < 0)
		return fail(-err, "run the parasite");
	if (a->err < 0)
		return fail(-a->err, "get_mempolicy of a mapping");
	for (uint32_t i = 0; i < a->nr_found; i++) {
		struct parasite_policy *policy =
		    array_push(t->policies, t->nr_policies, t->cap_policies);

		*policy = a->found[i];
		policy->index = index[policy->index];
	}
	return 0;
}

int mempolicy_ask(struct task *t, struct remote *r, uint64_t room)
{
	size_t at_once = (room - sizeof(struct parasite_policies_args)) / sizeof(uint64_t);
	cleanup_free struct parasite_policies_args *a = mem_alloc(room);
	cleanup_free uint32_t *index = mem_alloc(at_once * sizeof(*index));
	size_t at = 0;

	while (at < t->vmas.nr) {
		int err;

		a->command = PARASITE_POLICIES;
		for (a->nr = 0; at < t->vmas.nr && a->nr < at_once; at++) {
			if (has_none(&t->vmas.v[at]))
				continue;
			index[a->nr] = (uint32_t)at;
			a->addr[a->nr++] = t->vmas.v[at].start;
		}
		err = a->nr ? chunk_ask(t, r, a, index) : 0;
		if (err < 0)
			return err;
		/* No room for more answers: from there on again. */
		if (a->nr && a->next < a->nr)
			at = index[a->next];
	}
	return 0;
}

const struct parasite_policy *mempolicy_of(const struct task *t, size_t index)
{
	size_t lo = 0, hi = t->nr_policies;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (t->policies[mid].index < index)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < t->nr_policies && t->policies[lo].index == index ? &t->policies[lo] : NULL;
}

/* --- restore ---------------------------------------------------------------------- */

int mempolicy_check(uint32_t mode, size_t nr_words)
{
	if ((mode & ~(uint32_t)MPOL_MODE_FLAGS) >= MODES_MAX || nr_words > PARASITE_NODE_WORDS)
		return fail_plain("memory policy %#x with %zu words of nodes", mode, nr_words);
	return 0;
}

/* Nodes count from those that the process may use: then any number of them will do. */
static bool nodes_are_here(uint32_t mode, const uint64_t *nodes, size_t nr_words)
{
	uint64_t allowed[PARASITE_NODE_WORDS] = { 0 };
	bool any = false;

	if (mode & MPOL_F_RELATIVE_NODES ||
	    syscall(SYS_get_mempolicy, NULL, allowed, NODE_BITS, 0, MPOL_F_MEMS_ALLOWED) < 0)
		return true;
	for (size_t i = 0; i < nr_words; i++) {
		if (nodes[i] & allowed[i])
			return true;
		any |= nodes[i] != 0;
	}
	return !any;
}

/* Address of the mask, or 0 where the policy cannot be had on this machine. */
static uint64_t mask_for(struct program *p, uint32_t mode, const uint64_t *nodes, size_t nr_words)
{
	uint64_t mask[PARASITE_NODE_WORDS] = { 0 };

	if (!nodes_are_here(mode, nodes, nr_words)) {
		log_warn("a memory policy (mode %#x) is dropped: none of its nodes is here", mode);
		return 0;
	}
	memcpy(mask, nodes, nr_words * sizeof(*mask));
	return program_copy(p, mask, sizeof(mask));
}

void mempolicy_set(struct program *p, uint32_t mode, const uint64_t *nodes, size_t nr_words)
{
	uint64_t mask = mask_for(p, mode, nodes, nr_words);

	if (mask)
		PROGRAM_SYSCALL(p, OP_WHAT_MEMPOLICY, SYS_set_mempolicy, mode, mask, NODE_BITS);
}

void mempolicy_inherited(struct inherited *i)
{
	if (syscall(SYS_get_mempolicy, &i->mempolicy, NULL, 0, 0, 0) < 0)
		i->mempolicy = MPOL_DEFAULT;
}

void mempolicy_reset(struct program *p, const struct inherited *had)
{
	if (had->mempolicy != MPOL_DEFAULT)
		PROGRAM_SYSCALL(p, OP_WHAT_MEMPOLICY, SYS_set_mempolicy, MPOL_DEFAULT, 0, 0);
}

void mempolicy_bind(struct program *p, const VmaEntry *v)
{
	uint64_t mask;

	if (!v->has_mempolicy)
		return;
	mask = mask_for(p, v->mempolicy, v->mempolicy_nodes, v->n_mempolicy_nodes);
	if (mask)
		PROGRAM_SYSCALL(p, OP_WHAT_MBIND, SYS_mbind, v->start, v->end - v->start,
				v->mempolicy, mask, NODE_BITS, 0);
}
