// SPDX-License-Identifier: GPL-2.0-only
/* The command line: what is accepted, what it sets, and what is said about the rest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"
#include "criu/base/str.h"
#include "criu/cmd/cmdline.h"
#include "criu/cmd/help.h"
#include "criu/cmd/nearest.h"
#include "test/unit/test.h"

#define ARGS_MAX 32

/* Words separated by single blanks. '' stands for an empty one. */
static int parse(struct cmdline *c, const char *line)
{
	static char copy[1024];
	char *argv[ARGS_MAX + 1] = { copy }, *save = NULL;
	int argc = 0, r;

	error_reset();
	snprintf(copy, sizeof(copy), "crtool %s", line);
	for (char *w = strtok_r(copy, " ", &save); w && argc < ARGS_MAX;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = str_eq(w, "''") ? w + 2 : w;
	test_note("%s", line);
	r = cmdline_parse(argc, argv, c);
	CHECK_INT_EQ(error_is_set(), r < 0);
	return r;
}

/* The line is refused, and the error holds the text. */
static void refused(const char *line, const char *text)
{
	struct cmdline c;

	if (CHECK(parse(&c, line) < 0))
		CHECK_ERROR(text);
	cmdline_done(&c);
}

static void accepted(struct cmdline *c, const char *line)
{
	if (!CHECK_INT_EQ(parse(c, line), 0))
		test_check(false, __FILE__, __LINE__, error_text());
}

TEST(options_defaults)
{
	struct cmdline c;

	accepted(&c, "dump -t 5");
	CHECK_INT_EQ(c.action, ACTION_RUN);
	CHECK_STR_EQ(c.command->name, "dump");
	CHECK_INT_EQ(c.opts.tree, 5);
	CHECK_STR_EQ(c.opts.images_dir, ".");
	CHECK(!c.opts.work_dir);
	CHECK(!c.opts.log_file);
	CHECK_INT_EQ(c.opts.verbosity, 2);
	CHECK_INT_EQ(c.opts.timeout, 10);
	CHECK_INT_EQ(c.opts.end, END_KILL);
	CHECK(!c.opts.shell_job && !c.opts.display_stats && !c.opts.detach && !c.opts.sibling);
	cmdline_done(&c);
}

TEST(options_dump_takes_all_of_its_own)
{
	struct cmdline c;

	accepted(&c, "dump --tree=77 -D img -Wwork --log-file x.log -v4 -R -j --display-stats "
		     "--timeout 3 --fault freeze");
	CHECK_INT_EQ(c.opts.tree, 77);
	CHECK_STR_EQ(c.opts.images_dir, "img");
	CHECK_STR_EQ(c.opts.work_dir, "work");
	CHECK_STR_EQ(c.opts.log_file, "x.log");
	CHECK_INT_EQ(c.opts.verbosity, 4);
	CHECK_INT_EQ(c.opts.end, END_RUNNING);
	CHECK(c.opts.shell_job);
	CHECK(c.opts.display_stats);
	CHECK_INT_EQ(c.opts.timeout, 3);
	CHECK_STR_EQ(c.opts.fault, "freeze");
	cmdline_done(&c);
	accepted(&c, "dump -st 9");
	CHECK_INT_EQ(c.opts.end, END_STOPPED);
	CHECK_INT_EQ(c.opts.tree, 9);
	cmdline_done(&c);
}

TEST(options_restore_takes_all_of_its_own)
{
	struct cmdline c;

	accepted(&c, "restore -dS -j --pidfile p --skip-file-rwx-check --file-validation filesize "
		     "--cpu-cap=none -D i");
	CHECK_STR_EQ(c.command->name, "restore");
	CHECK(c.opts.detach && c.opts.sibling && c.opts.shell_job);
	CHECK_STR_EQ(c.opts.pidfile, "p");
	CHECK(c.opts.skip_file_rwx_check);
	CHECK(c.opts.validate_size_only);
	CHECK(c.opts.cpu_cap_none);
	cmdline_done(&c);
	accepted(&c, "restore --file-validation filesize --file-validation buildid");
	CHECK(!c.opts.validate_size_only);
	cmdline_done(&c);
}

TEST(options_check_collects_features)
{
	struct cmdline c;

	accepted(&c, "check --feature timens --feature=tun --extra");
	if (CHECK_INT_EQ(c.opts.nr_features, 2)) {
		CHECK_STR_EQ(c.opts.features[0], "timens");
		CHECK_STR_EQ(c.opts.features[1], "tun");
	}
	CHECK(c.opts.check_extra);
	CHECK(!c.opts.check_experimental);
	cmdline_done(&c);
	accepted(&c, "check --all");
	CHECK(c.opts.check_extra && c.opts.check_experimental);
	cmdline_done(&c);
}

TEST(options_verbosity_forms)
{
	static const struct {
		const char *args;
		int level;
	} cases[] = {
		{ "-v", 1 },
		{ "-vv", 2 },
		{ "-vvvv", 4 },
		{ "-vvvvvvvv", 4 },
		{ "-v0", 0 },
		{ "-v3", 3 },
		{ "-v -v -v", 3 },
		{ "--verbosity", 1 },
		{ "--verbosity=4", 4 },
		{ "-v4 -v1", 1 },
		{ "-v4 -v", 4 },
		{ "-v2 -v", 3 },
		{ "-v0 -vv", 2 },
		{ "", 2 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cmdline c;
		char line[64];

		snprintf(line, sizeof(line), "check %s", cases[i].args);
		accepted(&c, line);
		CHECK_INT_EQ(c.opts.verbosity, cases[i].level);
		CHECK_INT_EQ(cmdline_given(&c, "verbosity"), *cases[i].args != '\0');
		cmdline_done(&c);
	}
	refused("check -v5", "\"5\" is not a number from 0 to 4");
	refused("check -vx", "\"x\" is not a level");
	refused("check -v-1", "\"-1\" is not a level");
	refused("check --verbosity=", "\"\" is not a level");
	refused("check -vv4", "\"v4\" is not a level");
}

TEST(options_numbers_are_checked)
{
	static const char *const bad[] = {
		"x", "0", "-1", "+5", "5x", "4194305", "0x10", "5.0", "99999999999999999999", "''"
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char line[64];

		snprintf(line, sizeof(line), "dump -t %s", bad[i]);
		refused(line, "is not a number from 1 to 4194304");
	}
	refused("dump -t 5 --timeout 86401", "is not a number from 0 to 86400");
	refused("dump -t 5 --timeout=", "is not a number");
}

TEST(options_external_and_inherited)
{
	refused("dump -t 5 --external file[1]", "is not available in this version");
	refused("dump -t 5 --external file[1:]", "is not available in this version");
	refused("dump -t 5 --external file[1:G]", "is not available in this version");
	refused("dump -t 5 --external tty[1:2]x", "is not available in this version");
	refused("dump -t 5 --inherit-fd fd[0]:pipe:[1]", "--inherit-fd");
	refused("restore --inherit-fd fd[x]:pipe:[1]", "is not a number");
	refused("restore --inherit-fd fd[0]", "is not fd[N]:NAME");
	refused("restore --inherit-fd fd[0]:", "is not fd[N]:NAME");
	refused("restore --inherit-fd fd[00000000000000000001]:a", "is not fd[N]:NAME");
	refused("restore --inherit-fd fd[99999]:a", "is not open");
}

TEST(options_stand_anywhere)
{
	static const char *const lines[] = { "dump -t 5 -D x", "-t 5 -D x dump", "-D x dump -t 5",
					     "-D x -t 5 -- dump" };

	for (int posix = 0; posix < 2; posix++) {
		if (posix)
			setenv("POSIXLY_CORRECT", "1", 1);
		for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
			struct cmdline c;

			accepted(&c, lines[i]);
			CHECK_STR_EQ(c.command->name, "dump");
			CHECK_INT_EQ(c.opts.tree, 5);
			CHECK_STR_EQ(c.opts.images_dir, "x");
			cmdline_done(&c);
		}
	}
}

TEST(options_argv_is_left_alone)
{
	char words[][10] = { "crtool", "-t", "5", "dump", "-j" };
	char *argv[] = { words[0], words[1], words[2], words[3], words[4], NULL };
	struct cmdline c;

	CHECK_INT_EQ(cmdline_parse(5, argv, &c), 0);
	for (int i = 0; i < 5; i++)
		CHECK(argv[i] == words[i]);
	cmdline_done(&c);
}

TEST(options_no_form_and_last_one_wins)
{
	struct cmdline c;

	accepted(&c, "dump -t 5 -j --no-shell-job");
	CHECK(!c.opts.shell_job);
	cmdline_done(&c);
	accepted(&c, "dump -t 5 --no-shell-job -j");
	CHECK(c.opts.shell_job);
	cmdline_done(&c);
	accepted(&c, "dump -t 5 -t 6 -D a -D b");
	CHECK_INT_EQ(c.opts.tree, 6);
	CHECK_STR_EQ(c.opts.images_dir, "b");
	cmdline_done(&c);
	accepted(&c, "dump -t 5 -R --no-leave-running");
	CHECK_INT_EQ(c.opts.end, END_KILL);
	cmdline_done(&c);
	accepted(&c, "dump -t 5 -R --no-leave-running -s");
	CHECK_INT_EQ(c.opts.end, END_STOPPED);
	cmdline_done(&c);
	accepted(&c, "dump -t 5 -s --no-leave-running");
	CHECK_INT_EQ(c.opts.end, END_STOPPED);
	cmdline_done(&c);
	refused("dump --no-tree", "unknown option --no-tree");
	refused("--no-help", "unknown option --no-help");
}

TEST(options_contradictions)
{
	refused("dump -t 5 -R -s", "--leave-running and --leave-stopped contradict each other");
	refused("restore -S", "--restore-sibling is only for use with --restore-detached");
	refused("restore -S -d --no-restore-detached", "only for use with");
}

TEST(options_of_another_command)
{
	refused("dump -t 5 --pidfile x", "--pidfile is an option of restore, not of dump");
	refused("restore -t 5", "--tree is an option of dump, not of restore");
	refused("restore --no-leave-running", "--leave-running is an option of dump");
	refused("check --leave-running", "--leave-running is an option of dump, not of check");
	refused("dump -t 5 --feature tun", "--feature is an option of check, not of dump");
}

TEST(options_of_a_trial)
{
	struct cmdline c;

	CHECK(parse(&c, "check -t 5 -j --file-locks --ghost-limit 1M") >= 0);
	CHECK_INT_EQ(c.opts.tree, 5);
	CHECK(c.opts.shell_job && c.opts.file_locks);
	CHECK_INT_EQ(c.opts.ghost_limit, 1 << 20);
	cmdline_done(&c);
	refused("check -t 5 --feature tun", "--tree and --feature contradict each other");
	refused("check -t 5 -R", "--leave-running is an option of dump, not of check");
}

TEST(options_missing_parts)
{
	refused("dump", "dump: -t PID is missing");
	refused("dump -t", "--tree needs a PID");
	refused("dump --images-dir", "--images-dir needs a DIR");
	refused("dump -t 5 -D ''", "--images-dir: the DIR is empty");
	refused("check --feature ''", "the NAME is empty");
	refused("-D x", "no command given");
	refused("dump -t 5 6", "\"6\" is one argument too many");
	refused("dump restore", "\"restore\" is one argument too many");
	refused("dump -t 5 -- -j", "\"-j\" is one argument too many");
	refused("dump -t 5 -", "\"-\" is one argument too many");
}

TEST(options_unknown_names)
{
	refused("dump --shel-job", "did you mean --shell-job?");
	refused("dump --leave-runing-", "did you mean --leave-running?");
	refused("dump --no-shel-job", "did you mean --no-shell-job?");
	refused("dump --tere 5", "did you mean --tree?");
	refused("dump --quite-another", "crtool --help lists the options");
	refused("dump --quite=5", "unknown option --quite\n");
	refused("dump -Q", "unknown option -Q");
	refused("dump -jQ", "unknown option -Q");
	refused("dump -\x01", "unknown option -\\x01");
	refused("dump --=x", "unknown option --");
	refused("dumo -t 5", "did you mean dump?");
	refused("''", "unknown command \"\"");
	refused("frobnicate", "crtool --help lists the commands");
	refused("dump --leave", "--leave could be --leave-running, --leave-stopped");
	refused("dump --shell-job=5", "--shell-job takes no value");
	refused("dump --no-shell-job=5", "--no-shell-job takes no value");
	refused("dump --help=5", "--help takes no value");
}

TEST(options_short_names_of_long_ones)
{
	struct cmdline c;

	accepted(&c, "dump --tre 5 --leave-r --shell");
	CHECK_INT_EQ(c.opts.tree, 5);
	CHECK_INT_EQ(c.opts.end, END_RUNNING);
	CHECK(c.opts.shell_job);
	cmdline_done(&c);
}

TEST(options_known_but_not_available)
{
	for (size_t i = 0; i < option_missing_nr; i++) {
		char line[96], text[96];

		snprintf(text, sizeof(text), "--%s is not available in this version",
			 option_missing_table[i].name);
		snprintf(line, sizeof(line), "restore --%s", option_missing_table[i].name);
		refused(line, text);
		snprintf(line, sizeof(line), "restore --%s=x", option_missing_table[i].name);
		refused(line, text);
		if (!option_missing_table[i].letter)
			continue;
		snprintf(line, sizeof(line), "restore -%c x", option_missing_table[i].letter);
		refused(line, text);
	}
	for (size_t i = 0; i < command_missing_nr; i++)
		refused(command_missing_table[i], "is not available in this version");
	refused("restore --no-exec-cmd", "--exec-cmd is not available");
	refused("restore --no-exec-cmd=1", "--exec-cmd is not available");
	refused("restore --cpu-cap", "--cpu-cap=all is not available");
	refused("restore --cpu-cap=ins", "--cpu-cap=ins is not available");
	refused("restore --cpu-cap=zzz", "\"zzz\" is unknown");
	refused("restore --file-validation md5", "neither filesize nor buildid");
}

TEST(options_actions)
{
	static const struct {
		const char *args;
		enum cmdline_action action;
	} cases[] = {
		{ "", ACTION_USAGE },
		{ "--help", ACTION_HELP },
		{ "-h", ACTION_HELP },
		{ "dump -h", ACTION_HELP },
		{ "dump --help -t 5", ACTION_HELP },
		{ "-V", ACTION_VERSION },
		{ "--version", ACTION_VERSION },
		{ "--man", ACTION_MAN },
		{ "check", ACTION_RUN },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cmdline c;

		accepted(&c, cases[i].args);
		CHECK_INT_EQ(c.action, cases[i].action);
		cmdline_done(&c);
	}
}

/* --- the table itself --------------------------------------------------------- */

TEST(options_table_has_no_doubles)
{
	char seen[256] = { 0 };

	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *d = &option_table[i];

		test_note("%s", d->name);
		CHECK(option_by_name(d->name) == d);
		CHECK(d->set);
		CHECK(d->help && *d->help);
		CHECK(d->commands);
		CHECK_INT_EQ(d->required & ~d->commands, 0);
		CHECK((d->arg == ARG_NONE) == !d->metavar);
		CHECK(!d->required || d->letter); /* the error names the letter */
		if (d->letter)
			CHECK(!seen[(unsigned char)d->letter]++);
	}
	for (size_t i = 0; i < option_missing_nr; i++) {
		const struct option_missing *m = &option_missing_table[i];

		test_note("%s", m->name);
		CHECK(!option_by_name(m->name));
		if (m->letter)
			CHECK(!seen[(unsigned char)m->letter]++);
	}
	for (size_t i = 0; i < option_relations_nr; i++) {
		CHECK(option_by_name(option_relations[i].a));
		CHECK(option_by_name(option_relations[i].b));
	}
	for (size_t i = 0; i < command_missing_nr; i++)
		CHECK(!command_by_name(command_missing_table[i]));
}

/* No line of the help is longer than a terminal. */
static void check_width(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (!CHECK(len <= 80))
			test_check(false, __FILE__, __LINE__, text);
		text += len + (text[len] == '\n');
	}
}

TEST(options_help_names_them_all)
{
	struct strbuf all = { 0 };
	char name[64];

	help_text(&all, NULL);
	check_width(all.data);
	for (size_t i = 0; i < option_table_nr; i++) {
		snprintf(name, sizeof(name), "--%s", option_table[i].name);
		CHECK_STR_HAS(all.data, name);
	}
	for (size_t c = 0; c < command_table_nr; c++) {
		struct strbuf one = { 0 };

		help_text(&one, &command_table[c]);
		check_width(one.data);
		for (size_t i = 0; i < option_table_nr; i++) {
			bool its = option_table[i].commands & command_table[c].bit;

			snprintf(name, sizeof(name), ", --%s", option_table[i].name);
			test_note("%s %s", command_table[c].name, name);
			if (option_table[i].letter)
				CHECK_INT_EQ(strstr(one.data, name) != NULL, its);
		}
		strbuf_done(&one);
	}
	strbuf_done(&all);
}

TEST(options_man_page_is_roff)
{
	static const char *const sections[] = { "NAME",     "SYNOPSIS", "DESCRIPTION",
						"COMMANDS", "OPTIONS",  "EXIT STATUS",
						"FILES",    "EXAMPLES", "SEE ALSO" };
	struct strbuf man = { 0 };
	const char *at;

	help_man(&man);
	at = man.data;
	for (size_t i = 0; i < ARRAY_SIZE(sections) && at; i++) {
		char line[64];

		snprintf(line, sizeof(line), ".SH %s\n", sections[i]);
		test_note("%s", sections[i]);
		at = strstr(at, line);
		CHECK(at);
	}
	test_note(NULL);
	CHECK_STR_HAS(man.data, "\\-\\-leave\\-running");
	strbuf_done(&man);
}

TEST(options_version_is_for_lxc)
{
	struct strbuf v = { 0 };

	help_version(&v);
	CHECK(str_starts(v.data, "Version: 4.2\n"));
	strbuf_done(&v);
}

TEST(options_nearest)
{
	struct nearest n = { .word = "resotre" };

	nearest_try(&n, "dump");
	CHECK(!n.best);
	nearest_try(&n, "restored");
	nearest_try(&n, "restore");
	CHECK_STR_EQ(n.best, "restore");
	CHECK_INT_EQ(n.cost, 1);
	n = (struct nearest){ .word = "x" };
	nearest_try(&n, "y");
	CHECK(!n.best);
}
