// SPDX-License-Identifier: GPL-2.0-only
/* The log: one line per record with time, pid and place, to a file or to stderr. */
#pragma once
#include <stdbool.h>

enum log_level { LOG_LEVEL_NONE, LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Records above the level are dropped before they are formatted. fd is borrowed. */
void log_init(int fd, enum log_level level);
int log_fd(void);
/* The same log by another descriptor. */
void log_move(int fd);
bool log_wants(enum log_level level);

void log_record(enum log_level level, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_at(level, ...)                                                                         \
	do {                                                                                       \
		if (log_wants(level))                                                              \
			log_record((level), __FILE__, __VA_ARGS__);                                \
	} while (0)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)
