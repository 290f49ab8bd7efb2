// SPDX-License-Identifier: GPL-2.0-only
/* Ptys for tests. */
#pragma once
#include <stddef.h>
#include <termios.h>

struct pty_pair {
	int master, slave;
	char name[64]; /* of the slave */
};

/* Both ends, close-on-exec, the controlling terminal of nobody. */
void pty_make(struct pty_pair *pty);
/* A new master, unlocked: its slave has never been open. */
int pty_master(char *name, size_t size);

/* Flags on top of and without those that a new pty has. */
struct pty_modes {
	tcflag_t iflag_on, iflag_off, oflag_off, lflag_on, lflag_off;
};
void pty_modes(int fd, const struct pty_modes *modes);
/* Bytes are bytes: no lines, no echo. */
void pty_raw(int fd);

void pty_write(int fd, const void *data, size_t len);
/* One read(2) returns just these bytes; else a FAIL line that begins with WHAT. */
void pty_expect(int fd, const void *data, size_t len, const char *what);
#define pty_type(fd, text)        pty_write((fd), (text), sizeof(text) - 1)
#define pty_reads(fd, text, what) pty_expect((fd), (text), sizeof(text) - 1, (what))
/* There is nothing to read, and nobody has gone. */
void pty_expect_nothing(int fd, const char *what);
/* Waits until the other end has what was written: this many bytes, as FIONREAD counts them. */
void pty_wait(int fd, int bytes);
