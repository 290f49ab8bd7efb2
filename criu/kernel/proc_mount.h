// SPDX-License-Identifier: GPL-2.0-only
/* /proc/PID/mountinfo and /proc/PID/cgroup. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "criu/kernel/proc_file.h"

/* Strings are decoded (\040 and so on), never NULL, and live as long as the list. */
struct proc_mount {
	int id, parent;
	uint32_t dev_major, dev_minor;
	const char *root; /* within the filesystem; of nsfs: net:[4026531833] */
	const char *mountpoint; /* below the reader's root */
	const char *options; /* per mount: rw,nosuid */
	int shared, master, propagate_from; /* peer groups; 0: none */
	bool unbindable;
	const char *fstype;
	const char *source;
	const char *super_options;
};

struct proc_mounts {
	struct proc_mount *v;
	size_t nr, cap;
	char *text;
};

/* ret is written over. The order is the kernel's: a parent comes before its children. */
int proc_mountinfo_parse(const char *text, size_t len, struct proc_mounts *ret);
int proc_mountinfo_read(int dirfd, struct proc_buf *b, struct proc_mounts *ret);
void proc_mounts_done(struct proc_mounts *l);

#define cleanup_proc_mounts __attribute__((cleanup(proc_mounts_done)))

struct proc_cgroup {
	uint32_t hierarchy; /* 0: the unified one (v2) */
	const char *controllers; /* "cpu,cpuacct", "name=systemd", "" for v2 */
	const char *path; /* seen from the reader's cgroup namespace: /../x lies outside */
	bool deleted; /* the directory is gone; path no longer says so */
};

struct proc_cgroups {
	struct proc_cgroup *v;
	size_t nr, cap;
	char *text;
};

int proc_cgroup_parse(const char *text, size_t len, struct proc_cgroups *ret);
int proc_cgroup_read(int dirfd, pid_t tid, struct proc_buf *b, struct proc_cgroups *ret);
void proc_cgroups_done(struct proc_cgroups *l);

#define cleanup_proc_cgroups __attribute__((cleanup(proc_cgroups_done)))
