// SPDX-License-Identifier: GPL-2.0-only
#include "schedattr.h"

#include <sys/syscall.h>
#include <unistd.h>

#include "zdtmtst.h"

void attr_set(const struct attr *wanted)
{
	struct attr attr = *wanted;

	attr.size = sizeof(attr);
	must(syscall(SYS_sched_setattr, 0, &attr, 0));
}

struct attr attr_get(void)
{
	struct attr attr = { 0 };

	must(syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0));
	return attr;
}
