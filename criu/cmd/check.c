// SPDX-License-Identifier: GPL-2.0-only
#include "criu/cmd/check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "criu/base/error.h"
#include "criu/base/str.h"
#include "criu/cmd/check_tree.h"
#include "criu/cmd/nearest.h"
#include "criu/core/session.h"
#include "criu/kernel/feature.h"

static int fail_unknown(const char *name)
{
	int r = fail_plain("--feature: \"%s\" is unknown", name);
	struct nearest n = { .word = name };

	for (int f = 0; f < FEATURE_NR; f++)
		nearest_try(&n, feature_info((enum feature)f)->name);
	if (n.best)
		return fail_hint(r, "did you mean %s?", n.best);
	return fail_hint(r, "crtool check --feature list prints the names");
}

int check_usage(const struct options *o)
{
	for (size_t i = 0; i < o->nr_features; i++)
		if (!str_eq(o->features[i], "list") && feature_by_name(o->features[i]) < 0)
			return fail_unknown(o->features[i]);
	return 0;
}

/* "timens: missing (CONFIG_TIME_NS, Linux 5.6)" */
static void print_missing(const struct feature_info *info, int has)
{
	if (has < 0)
		printf("%s: cannot be tried: %s (run it as root)\n", info->name, strerror(-has));
	else
		printf("%s: missing (%s)\n", info->name, info->hint);
}

static void print_names(void)
{
	for (int f = 0; f < FEATURE_NR; f++) {
		const struct feature_info *info = feature_info((enum feature)f);

		printf("%-26s %s\n", info->name, info->what);
	}
}

/* The number that are not there. */
static size_t check_asked(const struct options *o)
{
	size_t missing = 0;

	for (size_t i = 0; i < o->nr_features; i++) {
		enum feature f;
		int has;

		if (str_eq(o->features[i], "list")) {
			print_names();
			continue;
		}
		f = (enum feature)feature_by_name(o->features[i]);
		has = feature_has(f);
		if (has > 0) {
			printf("%s: available\n", feature_info(f)->name);
			continue;
		}
		print_missing(feature_info(f), has);
		missing++;
	}
	return missing;
}

static bool wanted(const struct options *o, const struct feature_info *info)
{
	switch (info->kind) {
	case FEATURE_CORE:
		return true;
	case FEATURE_EXTRA:
		return o->check_extra;
	case FEATURE_EXPERIMENTAL:
		return o->check_experimental;
	}
	return false;
}

static size_t check_kinds(const struct options *o)
{
	size_t missing = 0;

	for (int f = 0; f < FEATURE_NR; f++) {
		const struct feature_info *info = feature_info((enum feature)f);
		int has;

		if (!wanted(o, info))
			continue;
		has = feature_has((enum feature)f);
		if (has > 0)
			continue;
		print_missing(info, has);
		missing++;
	}
	return missing;
}

int check_run(struct session *s, int *ret_status)
{
	const struct options *o = s->opts;
	size_t missing;

	if (o->tree) {
		*ret_status = 0;
		return check_tree(s);
	}
	missing = o->nr_features ? check_asked(o) : check_kinds(o);

	if (!missing && !o->nr_features)
		printf("Looks good.\n");
	if (fflush(stdout) || ferror(stdout)) /* also: the list before the error that counts it */
		return fail(errno, "standard output");
	if (missing)
		return fail_plain("%zu feature%s missing", missing, missing == 1 ? " is" : "s are");
	*ret_status = 0;
	return 0;
}
