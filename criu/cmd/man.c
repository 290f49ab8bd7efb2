// SPDX-License-Identifier: GPL-2.0-only
/* crtool.8, in the macros of man(7). Sections are plain text here and escaped on the way out. */
#include <string.h>

#include "criu/base/mem.h"
#include "criu/cmd/help.h"
#include "criu/cmd/version.h"

/* Text as roff: a '-' stays one, and no line of it is a request. */
static void put_text(struct strbuf *out, const char *text)
{
	bool line_start = true;

	for (; *text; text++) {
		if (line_start && (*text == '.' || *text == '\''))
			strbuf_printf(out, "\\&");
		line_start = *text == '\n';
		if (*text == '-')
			strbuf_printf(out, "\\-");
		else if (*text == '\\')
			strbuf_printf(out, "\\e");
		else
			strbuf_append(out, text, 1);
	}
}

static void put_line(struct strbuf *out, const char *request, const char *text)
{
	strbuf_printf(out, "%s%s", request, *request ? " " : "");
	put_text(out, text);
	strbuf_printf(out, "\n");
}

static void put_option(struct strbuf *out, const struct option_def *d)
{
	strbuf_printf(out, ".TP\n");
	if (d->letter)
		strbuf_printf(out, "\\fB\\-%c\\fR, ", d->letter);
	strbuf_printf(out, "\\fB\\-\\-");
	put_text(out, d->name);
	strbuf_printf(out, "\\fR");
	if (d->arg == ARG_REQUIRED)
		strbuf_printf(out, " \\fI%s\\fR", d->metavar);
	else if (d->arg == ARG_OPTIONAL)
		strbuf_printf(out, "[=\\fI%s\\fR]", d->metavar);
	strbuf_printf(out, "\n");
	put_line(out, "", d->help);
}

static void put_options(struct strbuf *out)
{
	strbuf_printf(out, ".SH OPTIONS\n");
	put_line(out, "",
		 "Options may stand before and after the command. An option without argument is "
		 "also taken as --no-NAME; when an option is given more than once, the last one "
		 "counts. A long name may be cut short where only one begins like that.");
	for (int g = 0; g < GROUP_NR; g++) {
		put_line(out, ".SS", option_group_title((enum option_group)g));
		for (size_t i = 0; i < option_table_nr; i++)
			if ((int)option_table[i].group == g)
				put_option(out, &option_table[i]);
	}
}

static void put_synopsis(struct strbuf *out)
{
	strbuf_printf(out, ".SH SYNOPSIS\n");
	for (size_t i = 0; i < command_table_nr; i++) {
		const struct command_def *c = &command_table[i];

		strbuf_printf(out, "%s.B crtool %s\n", i ? ".br\n" : "", c->name);
		if (*c->usage)
			put_line(out, "", c->usage);
		strbuf_printf(out, "[\\fIOPTIONS\\fR]\n");
	}
}

static void put_commands(struct strbuf *out)
{
	strbuf_printf(out, ".SH COMMANDS\n");
	for (size_t i = 0; i < command_table_nr; i++) {
		strbuf_printf(out, ".TP\n");
		put_line(out, ".B", command_table[i].name);
		put_text(out, command_table[i].text);
	}
}

/* A list of terms, each with what it means. */
struct term {
	const char *term, *text;
};

static void put_terms(struct strbuf *out, const char *title, const struct term *t, size_t nr)
{
	put_line(out, ".SH", title);
	for (size_t i = 0; i < nr; i++) {
		strbuf_printf(out, ".TP\n");
		put_line(out, ".B", t[i].term);
		put_line(out, "", t[i].text);
	}
}

static const struct term exit_terms[] = {
	{ "0", "Done." },
	{ "1", "Failed. One error on standard error says what, on which object, why, and what can "
	       "be done. The tree that was to be saved runs on; of the tree that was to be "
	       "restored nothing is left." },
	{ "2", "The command line is wrong. Nothing was touched." },
	{ "other", "restore without -d ends as the first process of the tree did: with its exit "
		   "status, or with 128 and the number of the signal that killed it." },
};

static const struct term file_terms[] = {
	{ "*.img", "The images, in the images directory. inventory.img is written last: a "
		   "directory without it holds no complete dump." },
	{ "stats-dump, stats-restore", "Times and page counts of the last run, in the work "
				       "directory." },
};

struct example {
	const char *text, *command;
};

static const struct example examples[] = {
	{ "Save a server with all its processes, and bring it back:",
	  "crtool dump -t 4711 -D /var/tmp/img -o dump.log\n"
	  "crtool restore -D /var/tmp/img -d" },
	{ "Take a picture of a program that goes on running:", "crtool dump -t 4711 -D img -R" },
	{ "A program that was started from a shell and uses its terminal:",
	  "crtool dump -t 4711 -D img -j\ncrtool restore -D img -j" },
	{ "Does this kernel have what is needed?", "crtool check" },
};

static void put_examples(struct strbuf *out)
{
	strbuf_printf(out, ".SH EXAMPLES\n");
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		strbuf_printf(out, "%s", i ? ".PP\n" : "");
		put_line(out, "", examples[i].text);
		strbuf_printf(out, ".PP\n.RS 4\n.nf\n");
		put_line(out, "", examples[i].command);
		strbuf_printf(out, ".fi\n.RE\n");
	}
}

void help_man(struct strbuf *out)
{
	strbuf_printf(out, ".TH CRTOOL 8 \"\" \"crtool %s\" \"System Administration\"\n",
		      CRTOOL_VERSION);
	strbuf_printf(out, ".SH NAME\ncrtool \\- save a running process tree and bring it back\n");
	put_synopsis(out);
	strbuf_printf(out, ".SH DESCRIPTION\n");
	put_line(out, "",
		 "crtool saves a running Linux process tree (its memory, files, sockets, timers, "
		 "signals and everything else that the processes could notice) into image files, "
		 "and later, or elsewhere, brings it back with the same pids as if nothing had "
		 "happened. Command line and images are those of CRIU " CRIU_VERSION ".");
	strbuf_printf(out, ".PP\n");
	put_line(out, "",
		 "Until the images are complete, a dump that fails or is interrupted leaves the "
		 "tree running as it was. A restore that fails leaves nothing behind. Everything "
		 "that stands in the way of a dump is reported in one run. Most uses need root.");
	put_commands(out);
	put_options(out);
	put_terms(out, "EXIT STATUS", exit_terms, ARRAY_SIZE(exit_terms));
	put_terms(out, "FILES", file_terms, ARRAY_SIZE(file_terms));
	put_examples(out);
	strbuf_printf(out, ".SH SEE ALSO\n"
			   ".BR ptrace (2),\n.BR clone3 (2),\n.BR proc (5),\n"
			   ".BR namespaces (7)\n");
}
