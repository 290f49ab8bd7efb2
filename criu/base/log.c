// SPDX-License-Identifier: GPL-2.0-only
/* A record is one write(2) to a descriptor opened with O_APPEND, so that the tasks of a
 * restore, which are processes of their own, can share the file. */
#include "criu/base/log.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "criu/base/clock.h"
#include "criu/base/str.h"

static struct {
	int fd;
	enum log_level level;
	uint64_t start_us;
} target = { .fd = STDERR_FILENO, .level = LOG_LEVEL_WARN };

void log_init(int fd, enum log_level level)
{
	target.fd = fd;
	target.level = level;
	target.start_us = clock_us();
}

int log_fd(void)
{
	return target.fd;
}

void log_move(int fd)
{
	target.fd = fd;
}

bool log_wants(enum log_level level)
{
	return level <= target.level;
}

/* "criu/task/regs.c" -> "task/regs" is place enough. */
static const char *place(const char *file)
{
	return strncmp(file, "criu/", 5) ? file : file + 5;
}

void log_record(enum log_level level, const char *file, const char *fmt, ...)
{
	static const char *const name[] = { "", "Error", "Warn", "info", "debug" };
	uint64_t us = clock_us() - target.start_us;
	const char *where = place(file);
	char line[2048];
	size_t len;
	va_list ap;

	len = (size_t)snprintf(
	    line, sizeof(line), "(%02u.%06u) %d %.*s %s: ", (unsigned)(us / 1000000),
	    (unsigned)(us % 1000000), (int)getpid(), (int)strcspn(where, "."), where, name[level]);
	va_start(ap, fmt);
	vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	str_make_printable(line);
	len = strlen(line);
	line[len++] = '\n';
	if (write(target.fd, line, len) < 0)
		return; /* a full disk must not stop a dump because of its log */
}
