// SPDX-License-Identifier: GPL-2.0-only
#include "criu/cmd/help.h"

#include <string.h>

#include "criu/cmd/version.h"

#define WIDTH  80
#define INDENT 30 /* where the explanation of an option begins */

/* Words of text, from column *col on, in lines of WIDTH that begin at column indent. */
static void put_wrapped(struct strbuf *out, size_t col, size_t indent, const char *text)
{
	bool first = true;

	while (*text) {
		size_t len = strcspn(text, " \n");

		if (!first && col + 1 + len > WIDTH) {
			strbuf_printf(out, "\n");
			col = 0;
		} else if (!first) {
			strbuf_printf(out, " ");
			col++;
		}
		if (col < indent) {
			strbuf_printf(out, "%*s", (int)(indent - col), "");
			col = indent;
		}
		strbuf_append(out, text, len);
		col += len;
		first = false;
		text += len;
		text += strspn(text, " \n");
	}
	strbuf_printf(out, "\n");
}

/* "  -v, --verbosity[=LEVEL]" */
static size_t put_names(struct strbuf *out, const struct option_def *d)
{
	size_t start = out->len;

	if (d->letter)
		strbuf_printf(out, "  -%c, --%s", d->letter, d->name);
	else
		strbuf_printf(out, "      --%s", d->name);
	if (d->arg == ARG_REQUIRED)
		strbuf_printf(out, " %s", d->metavar);
	else if (d->arg == ARG_OPTIONAL)
		strbuf_printf(out, "[=%s]", d->metavar);
	return out->len - start;
}

static void put_option(struct strbuf *out, const struct option_def *d)
{
	size_t col = put_names(out, d);

	if (col + 2 > INDENT) {
		strbuf_printf(out, "\n");
		col = 0;
	}
	put_wrapped(out, col, INDENT, d->help);
}

static void put_group(struct strbuf *out, enum option_group g, unsigned int commands)
{
	bool titled = false;

	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *d = &option_table[i];

		if (d->group != g || !(d->commands & commands))
			continue;
		if (!titled)
			strbuf_printf(out, "\n%s:\n", option_group_title(g));
		titled = true;
		put_option(out, d);
	}
}

static void put_command(struct strbuf *out, const struct command_def *c)
{
	strbuf_printf(out, "Usage: crtool %s%s%s [OPTIONS]\n\n", c->name, *c->usage ? " " : "",
		      c->usage);
	put_wrapped(out, 0, 0, c->text);
	/* Its own options first, those that every command has after them. */
	for (int g = GROUP_GENERAL + 1; g < GROUP_TEST; g++)
		put_group(out, (enum option_group)g, c->bit);
	put_group(out, GROUP_GENERAL, c->bit);
	put_group(out, GROUP_TEST, c->bit);
}

static void put_commands(struct strbuf *out)
{
	strbuf_printf(out, "Commands:\n");
	for (size_t i = 0; i < command_table_nr; i++)
		strbuf_printf(out, "  %-10s %s\n", command_table[i].name, command_table[i].summary);
}

void help_usage(struct strbuf *out)
{
	strbuf_printf(out, "Usage: crtool COMMAND [OPTIONS]\n\n");
	put_commands(out);
	strbuf_printf(out, "\ncrtool --help lists all options, crtool COMMAND --help those of "
			   "one command.\n");
}

void help_text(struct strbuf *out, const struct command_def *command)
{
	if (command) {
		put_command(out, command);
	} else {
		strbuf_printf(out, "Usage: crtool COMMAND [OPTIONS]\n\n"
				   "Saves a running process tree into image files and brings it "
				   "back.\n\n");
		put_commands(out);
		for (int g = 0; g < GROUP_NR; g++)
			put_group(out, (enum option_group)g, ~0u);
	}
	strbuf_printf(out, "\n");
	put_wrapped(out, 0, 0,
		    "An option without argument is also taken as --no-NAME; the last one counts. "
		    "Exit status: 0 done, 1 failed, 2 wrong usage.");
}

void help_version(struct strbuf *out)
{
	strbuf_printf(out, "Version: %s\ncrtool %s\n", CRIU_VERSION, CRTOOL_VERSION);
}
