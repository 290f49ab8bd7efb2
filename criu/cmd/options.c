// SPDX-License-Identifier: GPL-2.0-only
/* What can be asked for, and how it lands in struct options. */
#include "criu/cmd/options.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"

#define VERBOSITY_MAX  4
#define VERBOSITY      2 /* errors and warnings */
#define TIMEOUT        10 /* seconds, as in CRIU */
#define SIZE_MAX_BYTES (1l << 60)
#define TIMEOUT_MAX    86400l
#define PID_LIMIT      (1 << 22) /* PID_MAX_LIMIT of include/linux/threads.h */

/* --- setters ------------------------------------------------------------------ */

static void *field(struct options *o, const struct option_def *d)
{
	return (char *)o + d->offset;
}

static int set_flag(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	(void)arg;
	*(bool *)field(o, d) = on;
	return 0;
}

static int set_text(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	(void)on;
	if (!*arg)
		return fail_plain("--%s: the %s is empty", d->name, d->metavar);
	*(const char **)field(o, d) = arg;
	return 0;
}

/* Digits only: strtol() would also take a sign and leading blanks. */
static int read_number(const struct option_def *d, const char *arg, long min, long max, long *ret)
{
	if (!isdigit((unsigned char)arg[0]) || str_to_long(arg, min, max, ret) < 0)
		return fail_plain("--%s: \"%s\" is not a number from %ld to %ld", d->name, arg, min,
				  max);
	return 0;
}

static int set_tree(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	long pid = 0;
	int r = read_number(d, arg, 1, PID_LIMIT, &pid);

	(void)on;
	if (r < 0)
		return r;
	o->tree = (pid_t)pid;
	return 0;
}

static int set_timeout(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	long seconds = 0;
	int r = read_number(d, arg, 0, TIMEOUT_MAX, &seconds);

	(void)on;
	if (r < 0)
		return r;
	o->timeout = (unsigned int)seconds;
	return 0;
}

/* A number of bytes, or of K, M, G. */
static int set_ghost_limit(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	static const char units[] = "KMG";
	size_t len = strlen(arg);
	const char *unit = len > 1 ? strchr(units, toupper((unsigned char)arg[len - 1])) : NULL;
	char number[24];
	long value = 0;
	int r;

	(void)on;
	snprintf(number, sizeof(number), "%.*s", (int)(unit ? len - 1 : len), arg);
	r = read_number(d, number, 0, unit ? SIZE_MAX_BYTES >> 30 : SIZE_MAX_BYTES, &value);
	if (r < 0)
		return r;
	o->ghost_limit = (unsigned long long)value << (unit ? 10 * (unit - units + 1) : 0);
	return 0;
}

/* -v adds one, -vvv adds three, -v2 says two. More than there is counts as all there is. */
static int set_verbosity(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	size_t more = 1;
	long level = 0;
	int r;

	(void)on;
	if (arg && isdigit((unsigned char)arg[0])) {
		r = read_number(d, arg, 0, VERBOSITY_MAX, &level);
		if (r < 0)
			return r;
		o->verbosity = (int)level;
		return 0;
	}
	if (arg) {
		more += strlen(arg);
		if (!*arg || arg[strspn(arg, "v")])
			return fail_hint(fail_plain("--%s: \"%s\" is not a level", d->name, arg),
					 "levels are 0 to %d: -v%d, -vv, --verbosity=%d",
					 VERBOSITY_MAX, VERBOSITY_MAX, VERBOSITY);
	}
	if (o->verbosity < 0)
		o->verbosity = 0;
	o->verbosity = more > VERBOSITY_MAX ? VERBOSITY_MAX : o->verbosity + (int)more;
	if (o->verbosity > VERBOSITY_MAX)
		o->verbosity = VERBOSITY_MAX;
	return 0;
}

static int set_end(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	(void)arg;
	if (on)
		o->end = (enum end_state)d->value;
	else if (o->end == (enum end_state)d->value)
		o->end = END_KILL;
	return 0;
}

static int set_cpu_cap(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	static const char *const later[] = { "all", "cpu", "fpu", "ins", "image" };
	const char *value = arg ? arg : "all"; /* what the bare option means to CRIU */
	int r;

	(void)on;
	if (str_eq(value, "none")) {
		o->cpu_cap_none = true;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(later); i++) {
		if (!str_eq(value, later[i]))
			continue;
		r = fail_plain("--%s=%s is not available in this version", d->name, value);
		return fail_hint(r, "--%s=none turns the comparison off", d->name);
	}
	return fail_plain("--%s: \"%s\" is unknown; none is the value it takes", d->name, value);
}

static int set_validation(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	(void)on;
	if (!str_eq(arg, "filesize") && !str_eq(arg, "buildid"))
		return fail_plain("--%s: \"%s\" is neither filesize nor buildid", d->name, arg);
	o->validate_size_only = str_eq(arg, "filesize");
	return 0;
}

static int set_network_lock(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	static const char *const names[] = { [NETWORK_LOCK_IPTABLES] = "iptables",
					     [NETWORK_LOCK_NFTABLES] = "nftables",
					     [NETWORK_LOCK_SKIP] = "skip" };

	(void)on;
	for (size_t i = NETWORK_LOCK_IPTABLES; i < ARRAY_SIZE(names); i++) {
		if (!str_eq(arg, names[i]))
			continue;
		o->network_lock = (enum network_lock)i;
		return 0;
	}
	return fail_plain("--%s: \"%s\" is neither nftables nor iptables nor skip", d->name, arg);
}

static int add_external_unix(struct options *o, const struct option_def *d, const char *text)
{
	long ino = 0;
	int r = read_number(d, text, 1, UINT32_MAX, &ino);

	if (r < 0)
		return r;
	o->external_unix =
	    mem_realloc(o->external_unix, o->nr_external_unix + 1, sizeof(*o->external_unix));
	o->external_unix[o->nr_external_unix++] = (uint32_t)ino;
	return 0;
}

/* Of CRIU, too: with a list of inode numbers it is about these only. */
static int set_ext_unix(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	cleanup_free char *list = arg ? mem_strdup(arg) : NULL;
	char *rest = list, *one;

	o->ext_unix_sk = on && !arg;
	while (rest && (one = strsep(&rest, ","))) {
		int r = add_external_unix(o, d, one);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Two numbers as printf(3) has them by %x: as CRIU says them. */
static bool is_pair(const char *arg, const char *front)
{
	static const char hex[] = "0123456789abcdef";
	const char *s = arg + strlen(front);
	size_t first, second;

	if (!str_starts(arg, front))
		return false;
	first = strspn(s, hex);
	second = s[first] == ':' ? strspn(s + first + 1, hex) : 0;
	return first && second && str_eq(s + first + 1 + second, "]");
}

static int set_external(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	cleanup_free char *ino = NULL;

	(void)on;
	if (is_pair(arg, "file[") || is_pair(arg, "tty[")) {
		o->external = mem_realloc(o->external, o->nr_external + 1, sizeof(*o->external));
		o->external[o->nr_external++] = arg;
		return 0;
	}
	if (!str_starts(arg, "unix[") || !str_ends(arg, "]"))
		return fail_hint(
		    fail_plain("--%s: \"%s\" is not available in this version", d->name, arg),
		    "unix[INO], file[MNT_ID:INODE] and tty[RDEV:DEV] are, the last two in "
		    "hexadecimal digits");
	ino = mem_strdup(arg + strlen("unix["));
	ino[strlen(ino) - 1] = '\0';
	return add_external_unix(o, d, ino);
}

/* What is not open now would be a file of crtool's own in a moment. */
static int set_inherit_fd(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	const char *end = strstr(arg, "]:");
	char number[16];
	long fd = 0;
	int r;

	(void)on;
	if (!str_starts(arg, "fd[") || !end || !end[2] ||
	    end - arg - 3 >= (ptrdiff_t)sizeof(number))
		return fail_plain("--%s: \"%s\" is not fd[N]:NAME", d->name, arg);
	snprintf(number, sizeof(number), "%.*s", (int)(end - arg - 3), arg + 3);
	r = read_number(d, number, 0, INT_MAX, &fd);
	if (r < 0)
		return r;
	if (fcntl((int)fd, F_GETFD) < 0)
		return fail_plain("--%s %s: descriptor %ld is not open", d->name, arg, fd);
	o->inherit_fds =
	    mem_realloc(o->inherit_fds, o->nr_inherit_fds + 1, sizeof(*o->inherit_fds));
	o->inherit_fds[o->nr_inherit_fds++] = (struct inherit_fd){ (int)fd, end + 2 };
	return 0;
}

/* At once: nothing of ours is open yet. The first three stay taken, by /dev/null. */
static int set_close(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	cleanup_close int null = -1;
	long fd = 0;
	int r;

	(void)o;
	(void)on;
	r = read_number(d, arg, 0, INT_MAX, &fd);
	if (r < 0)
		return r;
	if (fd > STDERR_FILENO) {
		close((int)fd);
		return 0;
	}
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(null, (int)fd) < 0)
		return fail(errno, "--%s: /dev/null", d->name);
	return 0;
}

static int set_feature(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	(void)on;
	if (!*arg)
		return fail_plain("--%s: the %s is empty", d->name, d->metavar);
	o->features = mem_realloc(o->features, o->nr_features + 1, sizeof(*o->features));
	o->features[o->nr_features++] = arg;
	return 0;
}

static int set_check_all(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	(void)d;
	(void)arg;
	o->check_extra = o->check_experimental = on;
	return 0;
}

/* --help, --version, --man: the parser itself looks at their state. */
static int set_nothing(struct options *o, const struct option_def *d, const char *arg, bool on)
{
	(void)o;
	(void)d;
	(void)arg;
	(void)on;
	return 0;
}

/* --- tables ------------------------------------------------------------------- */

#define FLAG(f) .arg = ARG_NONE, .set = set_flag, .offset = offsetof(struct options, f)
#define TEXT(f, m)                                                                                 \
	.arg = ARG_REQUIRED, .metavar = (m), .set = set_text, .offset = offsetof(struct options, f)
#define FOR_DUMPS (FOR_DUMP | FOR_PREDUMP)
#define FOR_TREE  (FOR_DUMPS | FOR_RESTORE)
#define FOR_TRIAL (FOR_DUMPS | FOR_CHECK) /* check -t tries what dump would do */

/* clang-format off */
const struct option_def option_table[] = {
	{ "images-dir", 'D', TEXT(images_dir, "DIR"),
	  .commands = FOR_TREE | FOR_DEDUP | FOR_GC, .group = GROUP_GENERAL,
	  .help = "Where the images are written or read. The current directory if not given." },
	{ "work-dir", 'W', TEXT(work_dir, "DIR"),
	  .commands = FOR_ALL, .group = GROUP_GENERAL,
	  .help = "Where the log, the statistics and the pid file go. The images directory if "
		  "not given." },
	{ "log-file", 'o', TEXT(log_file, "FILE"),
	  .commands = FOR_ALL, .group = GROUP_GENERAL,
	  .help = "Write the log to this file in the work directory, replacing it; - is standard "
		  "output. Without it only the error that ends a run is shown, and the log where "
		  "-v is given, on standard error." },
	{ "verbosity", 'v', .arg = ARG_OPTIONAL, .metavar = "LEVEL",
	  .commands = FOR_ALL, .group = GROUP_GENERAL, .set = set_verbosity,
	  .help = "How much is logged: 0 nothing, 1 errors, 2 warnings too (for a log file the "
		  "default), 3 each step, 4 everything. -v adds one and may be repeated." },
	{ "shell-job", 'j', FLAG(shell_job),
	  .commands = FOR_ALL, .group = GROUP_GENERAL,
	  .help = "The tree belongs to the session of a shell and uses its terminal. It is "
		  "restored into the session and terminal that restore runs in." },
	{ "file-locks", 'l', FLAG(file_locks),
	  .commands = FOR_ALL, .group = GROUP_GENERAL,
	  .help = "Save file locks and leases. Without it, dump refuses a tree that has any: while "
		  "it is not running, others can lock the files. Restore locks them again, with or "
		  "without this, before anything runs, or says who has them." },
	{ "evasive-devices", 0, FLAG(evasive_devices),
	  .commands = FOR_ALL, .group = GROUP_GENERAL,
	  .help = "A device is open whose name leads elsewhere, or nowhere: use any other path to "
		  "the same device, whatever its permissions." },
	{ "ext-unix-sk", 'x', .arg = ARG_OPTIONAL, .metavar = "INO,...",
	  .commands = FOR_ALL, .group = GROUP_GENERAL, .set = set_ext_unix,
	  .help = "A unix socket may be connected to one outside of the tree: restore connects to "
		  "its name again. With inode numbers, of either end, only these may." },
	{ "close", 0, .arg = ARG_REQUIRED, .metavar = "FD",
	  .commands = FOR_ALL, .group = GROUP_GENERAL, .set = set_close,
	  .help = "Close descriptor FD, which crtool was started with, before anything else. So "
		  "the end of a pipe is not held open while crtool runs. May be repeated." },
	{ "unix-close", 0, FLAG(unix_close),
	  .commands = FOR_TRIAL, .group = GROUP_DUMP,
	  .help = "A unix socket that is connected to one outside of the tree comes back as if "
		  "that one had been closed, unless --ext-unix-sk or --external says that it is to "
		  "be connected again, and it has a name." },
	{ "external", 0, .arg = ARG_REQUIRED, .metavar = "WHAT",
	  .commands = FOR_ALL, .group = GROUP_GENERAL, .set = set_external,
	  .help = "What is outside of the tree, and is there at the restore: unix[INO], a unix "
		  "socket, as --ext-unix-sk=INO; or, to be given by --inherit-fd under the same "
		  "name, tty[RDEV:DEV], a terminal whose master is not in the tree, and "
		  "file[MNT_ID:INODE], any file, with the mnt_id of its fdinfo. All numbers but "
		  "INO are hexadecimal. A unix socket whose peer has no name is to be given too." },
	{ "cpu-cap", 0, .arg = ARG_OPTIONAL, .metavar = "CAP",
	  .commands = FOR_TREE, .group = GROUP_GENERAL, .set = set_cpu_cap,
	  .help = "none: do not compare the processor with the one of the dump. Other values "
		  "are not available yet." },
	{ "display-stats", 0, FLAG(display_stats),
	  .commands = FOR_TREE, .group = GROUP_GENERAL,
	  .help = "When done, print times and page counts on standard output." },
	{ "help", 'h', .arg = ARG_NONE, .once = true,
	  .commands = FOR_ALL | FOR_NONE, .group = GROUP_GENERAL, .set = set_nothing,
	  .help = "Print this, or after a command its options." },
	{ "version", 'V', .arg = ARG_NONE, .once = true,
	  .commands = FOR_ALL | FOR_NONE, .group = GROUP_GENERAL, .set = set_nothing,
	  .help = "Print the CRIU release that this program stands in for, and its own version." },
	{ "man", 0, .arg = ARG_NONE, .once = true,
	  .commands = FOR_ALL | FOR_NONE, .group = GROUP_GENERAL, .set = set_nothing,
	  .help = "Print the manual page: crtool --man | man -l -" },

	{ "tree", 't', .arg = ARG_REQUIRED, .metavar = "PID",
	  .commands = FOR_TRIAL, .required = FOR_DUMPS, .group = GROUP_DUMP, .set = set_tree,
	  .help = "The process to save, with all its descendants. For check: whether it could be "
		  "saved, with the options that are given." },
	{ "leave-running", 'R', .arg = ARG_NONE,
	  .commands = FOR_DUMPS, .group = GROUP_DUMP, .set = set_end, .value = END_RUNNING,
	  .help = "Let the tree run on once it is saved, as pre-dump always does. Without this or "
		  "-s, dump kills it." },
	{ "leave-stopped", 's', .arg = ARG_NONE,
	  .commands = FOR_DUMP, .group = GROUP_DUMP, .set = set_end, .value = END_STOPPED,
	  .help = "Leave the tree stopped once it is saved; SIGCONT lets it run on." },
	{ "timeout", 0, .arg = ARG_REQUIRED, .metavar = "SECONDS",
	  .commands = FOR_TRIAL, .group = GROUP_DUMP, .set = set_timeout,
	  .help = "Give up, and let the tree run on, when it could not be frozen in this time. "
		  "10 if not given, 0 waits for ever." },

	{ "tcp-established", 0, FLAG(tcp_established),
	  .commands = FOR_ALL, .group = GROUP_GENERAL,
	  .help = "Keep TCP connections: their state and what is in their queues. From the dump to "
		  "the restore their packets are dropped, so that the peers wait." },
	{ "tcp-close", 0, FLAG(tcp_close),
	  .commands = FOR_ALL, .group = GROUP_GENERAL,
	  .help = "TCP connections come back closed." },
	{ "network-lock", 0, .arg = ARG_REQUIRED, .metavar = "METHOD",
	  .commands = FOR_ALL, .group = GROUP_GENERAL, .set = set_network_lock,
	  .help = "What drops the packets of connections meanwhile: nftables (the default), "
		  "iptables, or skip, which drops none." },
	{ "skip-in-flight", 0, FLAG(skip_in_flight),
	  .commands = FOR_TRIAL, .group = GROUP_DUMP,
	  .help = "Drop connections that no process has accepted yet; without it the dump is "
		  "refused while there are any." },
	{ "track-mem", 0, FLAG(track_mem),
	  .commands = FOR_DUMPS, .group = GROUP_DUMP,
	  .help = "With -R or -s: keep track of which pages are written from now on, so that the "
		  "next dump can leave out the others. A process named crtool-keeper does so until "
		  "a dump without this option; pre-dump always does." },
	{ "prev-images-dir", 0, TEXT(prev_images_dir, "DIR"),
	  .commands = FOR_DUMPS, .group = GROUP_DUMP,
	  .help = "Build upon the dump or pre-dump of the same tree in this directory, which is "
		  "relative to the images directory: pages that were not written since are left "
		  "out. Restore then needs both. Where nobody has kept track, all pages are "
		  "written." },
	{ "auto-dedup", 0, FLAG(auto_dedup),
	  .commands = FOR_TREE, .group = GROUP_GENERAL,
	  .help = "When done, give back the room that pages take which are not needed any more: "
		  "after a dump or pre-dump with --prev-images-dir those of its parents that it "
		  "does not build upon, as dedup does; after a restore all that was restored." },
	{ "ghost-limit", 0, .arg = ARG_REQUIRED, .metavar = "SIZE",
	  .commands = FOR_TRIAL, .group = GROUP_DUMP, .set = set_ghost_limit,
	  .help = "Refuse a tree that has a deleted file of more than this open or mapped: its "
		  "contents go into the images. Bytes, or with K, M or G; 0, and without the "
		  "option, no limit." },

	{ "link-remap", 0, FLAG(link_remap),
	  .commands = FOR_TRIAL, .group = GROUP_DUMP,
	  .help = "Keep files that were deleted under the name that they were opened by, and have "
		  "another one: a name is made for each beside the one that it had. The restore "
		  "takes it away, or gc." },

	{ "restore-detached", 'd', FLAG(detach),
	  .commands = FOR_RESTORE, .group = GROUP_RESTORE,
	  .help = "Return as soon as the tree runs, instead of waiting for its first process and "
		  "ending with that process's exit status." },
	{ "inherit-fd", 0, .arg = ARG_REQUIRED, .metavar = "fd[N]:NAME",
	  .commands = FOR_RESTORE, .group = GROUP_RESTORE, .set = set_inherit_fd,
	  .help = "Descriptor N of crtool takes the place of the file that NAME is in the images: "
		  "pipe:[INO], socket:[INO], /memfd:NAME, a path, or a name that --external had. "
		  "May be repeated; names that the images do not have are passed over." },
	{ "restore-sibling", 'S', FLAG(sibling),
	  .commands = FOR_RESTORE, .group = GROUP_RESTORE,
	  .help = "Make the first process a child of whoever started crtool, not of crtool. "
		  "Only together with -d." },
	{ "pidfile", 0, TEXT(pidfile, "FILE"),
	  .commands = FOR_RESTORE, .group = GROUP_RESTORE,
	  .help = "Write the pid of the first process to this file in the work directory." },
	{ "skip-file-rwx-check", 0, FLAG(skip_file_rwx_check),
	  .commands = FOR_RESTORE, .group = GROUP_RESTORE,
	  .help = "Accept files whose r, w and x permissions have changed since the dump." },
	{ "file-validation", 0, .arg = ARG_REQUIRED, .metavar = "METHOD",
	  .commands = FOR_RESTORE, .group = GROUP_RESTORE, .set = set_validation,
	  .help = "How to tell that a file is still the one of the dump: filesize compares sizes, "
		  "buildid (the default) also the build id of ELF files." },

	{ "feature", 0, .arg = ARG_REQUIRED, .metavar = "NAME",
	  .commands = FOR_CHECK, .group = GROUP_CHECK, .set = set_feature,
	  .help = "Ask for this feature only; may be repeated, and all must be there. "
		  "--feature list prints the names." },
	{ "extra", 0, FLAG(check_extra),
	  .commands = FOR_CHECK, .group = GROUP_CHECK,
	  .help = "Also what only some process trees need." },
	{ "experimental", 0, FLAG(check_experimental),
	  .commands = FOR_CHECK, .group = GROUP_CHECK,
	  .help = "Also what only experimental features of crtool need." },
	{ "all", 0, .arg = ARG_NONE,
	  .commands = FOR_CHECK, .group = GROUP_CHECK, .set = set_check_all,
	  .help = "The same as --extra and --experimental." },

	{ "show", 0, FLAG(show),
	  .commands = FOR_GC, .group = GROUP_GC,
	  .help = "Print what there is, and remove nothing." },

	{ "fault", 0, TEXT(fault, "STEP"),
	  .commands = FOR_TREE, .group = GROUP_TEST,
	  .help = "Let the run fail after this step, to see that everything is undone." },
};
/* clang-format on */
const size_t option_table_nr = ARRAY_SIZE(option_table);
_Static_assert(ARRAY_SIZE(option_table) <= OPTIONS_MAX, "raise OPTIONS_MAX");

const struct option_relation option_relations[] = {
	{ "leave-running", "leave-stopped", false },
	{ "restore-sibling", "restore-detached", true },
	{ "tree", "feature", false },
};
const size_t option_relations_nr = ARRAY_SIZE(option_relations);

const struct command_def command_table[] = {
	{ "dump", FOR_DUMP, "-t PID", "save a process tree into image files",
	  "Saves the process with the given pid, its threads and all its descendants into image "
	  "files. The tree is frozen while it is saved and killed when the images are complete, "
	  "unless -R or -s says otherwise. When anything stands in the way, all of it is named, "
	  "and the tree goes on as if nothing had happened.\n" },
	{ "pre-dump", FOR_PREDUMP, "-t PID", "save the memory of a tree that runs on",
	  "Saves the memory of a process tree, which is only stopped for as long as it takes to "
	  "list and mark its pages, and runs on while they are written. A dump or pre-dump that "
	  "follows, with --prev-images-dir, saves what has changed since, so the tree stands still "
	  "for a shorter time. A pre-dump alone cannot be restored.\n" },
	{ "restore", FOR_RESTORE, "", "bring a saved process tree back",
	  "Brings back the tree whose images are in the images directory: same pids, same memory, "
	  "same files, from where it was. When it cannot be brought back completely, nothing is "
	  "left behind.\n" },
	{ "dedup", FOR_DEDUP, "", "free pages of earlier dumps that a later one has as well",
	  "Goes along the chain of dumps that the one in the images directory builds upon, and "
	  "makes holes in their images where this one has other pages, or needs none. What builds "
	  "upon this one can still be restored; the earlier ones by themselves cannot.\n" },
	{ "gc", FOR_GC, "", "remove what a dump has left on this host",
	  "A dump that keeps TCP connections has their packets dropped until they are restored. "
	  "When no restore will come, this removes it, and whatever else the dump in the images "
	  "directory, complete or not, has left on this host. Refused while a process of the tree "
	  "lives; may be repeated.\n" },
	{ "check", FOR_CHECK, "", "tell whether this kernel has what is needed",
	  "Tries what dump and restore need from the kernel. Prints what is missing and what to do "
	  "about it, or \"Looks good.\"\n"
	  "With -t PID, tries a dump of that tree as far as it takes to find what stands in its "
	  "way, which is some milliseconds. Nothing is written, and the tree runs on as it was. "
	  "Each obstacle is one line, and the options that a dump needs come last.\n" },
};
const size_t command_table_nr = ARRAY_SIZE(command_table);

/* Remove a name from here when it gets a row above. */
const struct option_missing option_missing_table[] = {
	{ "action-script", 0 },
	{ "address", 0 },
	{ "allow-uprobes", 0 },
	{ "cgroup-dump-controller", 0 },
	{ "cgroup-props", 0 },
	{ "cgroup-props-file", 0 },
	{ "cgroup-root", 0 },
	{ "cgroup-yard", 0 },
	{ "config", 0 },
	{ "deprecated", 0 },
	{ "empty-ns", 0 },
	{ "enable-external-masters", 0 },
	{ "enable-external-sharing", 0 },
	{ "enable-fs", 0 },
	{ "exec-cmd", 0 },
	{ "ext-mount-map", 'M' },
	{ "force-irmap", 0 },
	{ "freeze-cgroup", 0 },
	{ "ghost-fiemap", 0 },
	{ "irmap-scan-path", 0 },
	{ "join-ns", 'J' },
	{ "lazy-pages", 0 },
	{ "libdir", 'L' },
	{ "log-pid", 0 },
	{ "lsm-mount-context", 0 },
	{ "lsm-profile", 0 },
	{ "manage-cgroups", 0 },
	{ "mntns-compat-mode", 0 },
	{ "no-default-config", 0 },
	{ "page-server", 0 },
	{ "port", 0 },
	{ "pre-dump-mode", 0 },
	{ "ps-socket", 0 },
	{ "root", 'r' },
	{ "skip-mnt", 0 },
	{ "status-fd", 0 },
	{ "stream", 0 },
	{ "tls", 0 },
	{ "tls-cacert", 0 },
	{ "tls-cacrl", 0 },
	{ "tls-cert", 0 },
	{ "tls-key", 0 },
	{ "tls-no-cn-verify", 0 },
	{ "unprivileged", 0 },
	{ "veth-pair", 0 },
	{ "weak-sysctls", 0 },
};
const size_t option_missing_nr = ARRAY_SIZE(option_missing_table);

const char *const command_missing_table[] = {
	"cpuinfo", "lazy-pages", "page-server", "service", "swrk",
};
const size_t command_missing_nr = ARRAY_SIZE(command_missing_table);

const char *option_group_title(enum option_group g)
{
	static const char *const titles[GROUP_NR] = {
		[GROUP_GENERAL] = "General options",    [GROUP_DUMP] = "Options of dump",
		[GROUP_RESTORE] = "Options of restore", [GROUP_CHECK] = "Options of check",
		[GROUP_GC] = "Options of gc",           [GROUP_TEST] = "Options for tests",
	};

	return titles[g];
}

/* --- access ------------------------------------------------------------------- */

const struct option_def *option_by_name(const char *name)
{
	for (size_t i = 0; i < option_table_nr; i++)
		if (str_eq(option_table[i].name, name))
			return &option_table[i];
	return NULL;
}

const struct command_def *command_by_name(const char *name)
{
	for (size_t i = 0; i < command_table_nr; i++)
		if (str_eq(command_table[i].name, name))
			return &command_table[i];
	return NULL;
}

void options_init(struct options *o)
{
	*o = (struct options){
		.images_dir = ".",
		.verbosity = VERBOSITY,
		.timeout = TIMEOUT,
		.network_lock = NETWORK_LOCK_NFTABLES,
	};
}

void options_done(struct options *o)
{
	free(o->features);
	free(o->external_unix);
	free(o->external);
	free(o->inherit_fds);
	o->features = NULL;
	o->nr_features = 0;
}
