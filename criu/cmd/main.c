// SPDX-License-Identifier: GPL-2.0-only
/*
 * From a command line to an exit code: sets up the session, runs the command, and says the one
 * error of the run.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "criu/base/cleanup.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/cmd/check.h"
#include "criu/cmd/cmdline.h"
#include "criu/cmd/help.h"
#include "criu/cmd/stats.h"
#include "criu/cmd/version.h"
#include "criu/core/session.h"
#include "criu/flow/dump.h"
#include "criu/flow/gc.h"
#include "criu/flow/predump.h"
#include "criu/flow/restore.h"
#include "criu/flow/step.h"
#include "criu/mem/dedup.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

static int run_dump(struct session *s, int *ret_status)
{
	int r = dump_run(s);

	if (r < 0)
		return r;
	*ret_status = EXIT_DONE;
	return 0;
}

static int run_predump(struct session *s, int *ret_status)
{
	int r = predump_run(s);

	if (r < 0)
		return r;
	*ret_status = EXIT_DONE;
	return 0;
}

static int run_dedup(struct session *s, int *ret_status)
{
	int r;

	error_context("dedup", NULL);
	r = dedup_run(s->opts->images_dir, DEDUP_PARENTS);
	if (r < 0)
		return r;
	*ret_status = EXIT_DONE;
	return 0;
}

static const struct runner {
	unsigned int bit;
	bool images; /* works on an images directory */
	bool writes; /* and writes there */
	const struct command *steps; /* for --fault */
	int (*usage)(const struct options *o); /* what only the command can judge */
	int (*run)(struct session *s, int *ret_status);
} runners[] = {
	{ FOR_DUMP, true, true, &dump_command, NULL, run_dump },
	{ FOR_PREDUMP, true, true, &predump_command, NULL, run_predump },
	{ FOR_DEDUP, true, true, NULL, NULL, run_dedup },
	{ FOR_RESTORE, true, false, &restore_command, NULL, restore_run },
	{ FOR_GC, true, false, NULL, NULL, gc_run },
	{ FOR_CHECK, false, false, NULL, check_usage, check_run },
};

static const struct runner *runner_of(const struct command_def *c)
{
	for (size_t i = 0; i < ARRAY_SIZE(runners); i++)
		if (runners[i].bit == c->bit)
			return &runners[i];
	return NULL;
}

/* --- set-up ------------------------------------------------------------------- */

/* What we open must not become the standard output of somebody's printf. */
static void std_fds_open(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR | O_CLOEXEC) == fd)
			fcntl(fd, F_SETFD, 0); /* as an inherited one would be */
}

static int check_fault(const struct command *c, const char *fault)
{
	struct strbuf names = { 0 };
	int r;

	if (!fault || !c || steps_have(c, fault))
		return 0;
	for (size_t i = 0; i < c->nr; i++)
		strbuf_printf(&names, "%s%s", i ? ", " : "", c->steps[i].name);
	r = fail_hint(fail_plain("--fault: there is no step \"%s\"", fault), "the steps are: %s",
		      names.data ? names.data : "none");
	strbuf_done(&names);
	return r;
}

static int fail_dir(int err, const char *what, const char *letter, const char *path, bool writes)
{
	int r = fail(err, "%s directory %s", what, path);

	switch (err) {
	case ENOENT:
		return writes ? fail_hint(r, "create it: mkdir -p %s", path)
			      : fail_hint(r, "name the directory of the dump with %s", letter);
	case ENOTDIR:
		return fail_hint(r, "name a directory with %s", letter);
	case EACCES:
	case EPERM:
		return fail_hint(r, "run crtool as root, or name another directory with %s",
				 letter);
	case EROFS:
		return fail_hint(r, "name a directory that can be written to with %s", letter);
	}
	return r;
}

/* An O_PATH descriptor of a directory that we may use. */
static int dir_open(const char *what, const char *letter, const char *path, bool writes,
		    int *ret_fd)
{
	cleanup_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return fail_dir(errno, what, letter, path, writes);
	if (faccessat(AT_FDCWD, path, (writes ? W_OK : R_OK) | X_OK, AT_EACCESS) < 0)
		return fail_dir(errno, what, letter, path, writes);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int dirs_open(struct session *s, const struct runner *runner)
{
	const struct options *o = s->opts;
	cleanup_close int images = -1;
	int r;

	if (runner->images) {
		r = dir_open("images", "-D", o->images_dir, runner->writes, &images);
		if (r < 0)
			return r;
		if (!o->work_dir) {
			s->work_fd = take_fd(&images);
			return 0;
		}
	}
	/* A restore may work beside images that nobody can write to. */
	return dir_open("work", "-W", o->work_dir ? o->work_dir : ".", o->work_dir != NULL,
			&s->work_fd);
}

static int fail_log(int err, const char *file)
{
	int r = fail(err, "log file %s", file);

	if (err == ELOOP)
		return fail_hint(r, "it is a symbolic link: name the file itself with -o");
	if (err == ENOENT)
		return fail_hint(r, "create its directory first");
	return fail_hint(r, "name another file with -o, or another work directory with -W");
}

/* *ret_fd is the log file; -1 when the log goes to standard output or error. */
static int log_open(const struct session *s, const struct cmdline *c, int *ret_fd)
{
	const char *file = s->opts->log_file;
	enum log_level level = (enum log_level)s->opts->verbosity;

	if (!file) {
		/* On a terminal the error that ends the run is enough, unless -v asks for more. */
		log_init(STDERR_FILENO, cmdline_given(c, "verbosity") ? level : LOG_LEVEL_NONE);
		return 0;
	}
	if (str_eq(file, "-")) {
		log_init(STDOUT_FILENO, level);
		return 0;
	}
	*ret_fd = openat(s->work_fd, file,
			 O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (*ret_fd < 0)
		return fail_log(errno, file);
	log_init(*ret_fd, level);
	return 0;
}

/* A random UUID, RFC 4122 version 4. */
static void run_id_make(char *ret, size_t size)
{
	unsigned char b[16] = { 0 };
	size_t at = 0;

	while (getrandom(b, sizeof(b), 0) != (ssize_t)sizeof(b))
		;
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++)
		at += (size_t)snprintf(ret + at, size - at, "%s%02x",
				       i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", b[i]);
}

static void log_first_line(const struct session *s, const struct cmdline *c)
{
	struct utsname u = { 0 };

	uname(&u);
	log_info("crtool %s (as CRIU %s), %s, run %s, Linux %s %s", CRTOOL_VERSION, CRIU_VERSION,
		 c->command->name, s->run_id, u.release, u.machine);
}

/* --- running ------------------------------------------------------------------ */

/* The one error of the run: at the end of the log, and on standard error. */
static void say_error(void)
{
	const char *text = error_is_set() ? error_text() : "an error that nobody has explained";

	if (log_fd() != STDERR_FILENO)
		log_error("%s", text);
	fflush(stdout);
	fprintf(stderr, "crtool: %s\n", text);
}

static int session_start(struct session *s, const struct cmdline *c, const struct runner *runner,
			 int *ret_log)
{
	int r;

	if (runner->images || s->opts->log_file) {
		r = dirs_open(s, runner);
		if (r < 0)
			return r;
	}
	r = log_open(s, c, ret_log);
	if (r < 0)
		return r;
	run_id_make(s->run_id, sizeof(s->run_id));
	log_first_line(s, c);
	/* The others have nothing to undo: a signal may end them. */
	if (runner->images || s->opts->tree)
		session_signals();
	return 0;
}

static int session_end(struct session *s, const struct cmdline *c, int r, int status)
{
	if (r < 0)
		say_error();
	else if (c->opts.display_stats)
		stats_print(s, c->command->name);
	if (s->work_fd >= 0)
		close(s->work_fd);
	return r < 0 ? EXIT_FAILED : status;
}

static int command_run(const struct cmdline *c)
{
	const struct runner *runner = runner_of(c->command);
	struct session s = { .opts = &c->opts, .work_fd = -1 };
	cleanup_close int log = -1;
	int status = EXIT_DONE, r;

	r = check_fault(runner->steps, c->opts.fault);
	if (r >= 0 && runner->usage)
		r = runner->usage(&c->opts);
	if (r < 0) {
		say_error();
		return EXIT_USAGE;
	}
	r = session_start(&s, c, runner, &log);
	if (r >= 0)
		r = runner->run(&s, &status);
	return session_end(&s, c, r, status);
}

/* Help and the like: to standard output, whole or not at all. */
static int print_out(struct strbuf *text)
{
	bool whole = fwrite(text->data, 1, text->len, stdout) == text->len && !fflush(stdout);

	strbuf_done(text);
	if (whole)
		return EXIT_DONE;
	fail(errno, "standard output");
	say_error();
	return EXIT_FAILED;
}

static int act(const struct cmdline *c)
{
	struct strbuf text = { 0 };

	switch (c->action) {
	case ACTION_USAGE:
		help_usage(&text);
		fputs(text.data, stderr);
		strbuf_done(&text);
		return EXIT_USAGE;
	case ACTION_HELP:
		help_text(&text, c->command);
		return print_out(&text);
	case ACTION_VERSION:
		help_version(&text);
		return print_out(&text);
	case ACTION_MAN:
		help_man(&text);
		return print_out(&text);
	case ACTION_RUN:
		break;
	}
	return command_run(c);
}

int main(int argc, char **argv)
{
	struct cmdline c;
	int status;

	std_fds_open();
	if (cmdline_parse(argc, argv, &c) < 0) {
		say_error();
		status = EXIT_USAGE;
	} else {
		status = act(&c);
	}
	cmdline_done(&c);
	return status;
}
