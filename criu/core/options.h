// SPDX-License-Identifier: GPL-2.0-only
/* What the user asked for. Filled by cmd/options.c, const for everyone else. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum end_state {
	END_KILL, /* dump: the tree is gone afterwards */
	END_RUNNING, /* --leave-running */
	END_STOPPED, /* --leave-stopped */
};

/* As images and the RPC number them. */
enum network_lock { NETWORK_LOCK_IPTABLES = 1, NETWORK_LOCK_NFTABLES, NETWORK_LOCK_SKIP };

/* --inherit-fd fd[N]:NAME */
struct inherit_fd {
	int fd;
	const char *name; /* of a file of the images */
};

struct options {
	/* general */
	const char *images_dir; /* --images-dir, "." by default */
	const char *work_dir; /* --work-dir; the images directory when NULL */
	const char *log_file; /* --log-file, in the work dir; stderr when NULL */
	int verbosity; /* -v0..4 */
	bool display_stats;
	bool shell_job;
	unsigned int timeout; /* --timeout, seconds a freeze may take */
	bool evasive_devices; /* --evasive-devices */
	bool file_locks; /* --file-locks */
	bool cpu_cap_none; /* --cpu-cap=none: do not compare processors */

	bool tcp_established; /* --tcp-established */
	bool tcp_close; /* --tcp-close: connections come back closed */
	enum network_lock network_lock; /* --network-lock */

	/* dump */
	pid_t tree; /* --tree */
	enum end_state end;
	bool show; /* --show, of gc */
	bool skip_in_flight; /* --skip-in-flight */
	bool ext_unix_sk; /* --ext-unix-sk */
	uint32_t *external_unix; /* --external unix[INO] */
	size_t nr_external_unix;
	const char **external; /* --external file[..], tty[..] */
	size_t nr_external;
	bool unix_close; /* --unix-close */
	bool link_remap; /* --link-remap */
	unsigned long long ghost_limit; /* --ghost-limit, bytes; 0: none */
	bool track_mem; /* --track-mem; pre-dump always does */
	const char *prev_images_dir; /* --prev-images-dir, from the images directory; NULL */
	bool auto_dedup; /* --auto-dedup; restore too */

	/* restore */
	bool detach; /* --restore-detached */
	bool sibling; /* --restore-sibling */
	struct inherit_fd *inherit_fds; /* --inherit-fd */
	size_t nr_inherit_fds;
	const char *pidfile; /* --pidfile, in the work dir; NULL: none */
	bool skip_file_rwx_check; /* --skip-file-rwx-check */
	bool validate_size_only; /* --file-validation filesize, the default is buildid */

	/* check */
	const char **features; /* --feature, may be given more than once */
	size_t nr_features;
	bool check_extra, check_experimental;

	/* for tests */
	const char *fault; /* --fault STEP: this step fails */
};
