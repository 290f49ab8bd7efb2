// SPDX-License-Identifier: GPL-2.0-only
/* What the option table looks like to a reader. */
#pragma once
#include "criu/base/str.h"
#include "criu/cmd/options.h"

/* `crtool --help`, or of one command when it is not NULL: at most 80 columns. */
void help_text(struct strbuf *out, const struct command_def *command);
/* The few lines for `crtool` without arguments. */
void help_usage(struct strbuf *out);
/* crtool.8, in roff with the man macros. */
void help_man(struct strbuf *out);
void help_version(struct strbuf *out);
