// SPDX-License-Identifier: GPL-2.0-only
#include "criu/flow/step.h"

#include "criu/base/clock.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/str.h"
#include "criu/core/session.h"

bool steps_have(const struct command *c, const char *name)
{
	for (size_t i = 0; i < c->nr; i++)
		if (str_eq(c->steps[i].name, name))
			return true;
	return false;
}

static int step_run(struct session *s, const struct command *c, const struct step *step, void *ctx,
		    bool committed)
{
	uint64_t start = clock_us();
	int r;

	error_context(c->name, step->name);
	r = committed ? 0 : session_interrupted(s);
	if (r < 0)
		return r;
	r = step->run(ctx);
	log_info("%s: %s: %s in %u us", c->name, step->name, r < 0 ? "failed" : "done",
		 (unsigned)(clock_us() - start));
	if (r >= 0 && !committed && s->opts->fault && str_eq(s->opts->fault, step->name))
		r = fail_plain("made to fail by --fault");
	return r;
}

int steps_run(struct session *s, const struct command *c, void *ctx)
{
	bool committed = false;
	size_t i;
	int r = 0;

	for (i = 0; i < c->nr; i++) {
		r = step_run(s, c, &c->steps[i], ctx, committed || c->steps[i].commit);
		if (r < 0)
			break;
		committed |= c->steps[i].commit;
	}
	if (r >= 0)
		return 0;
	if (committed)
		return r;
	for (i = i < c->nr ? i + 1 : i; i-- > 0;) {
		if (!c->steps[i].undo)
			continue;
		log_info("%s: undo %s", c->name, c->steps[i].name);
		c->steps[i].undo(ctx);
	}
	return r;
}
