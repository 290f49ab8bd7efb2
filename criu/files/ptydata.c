// SPDX-License-Identifier: GPL-2.0-only
/*
 * The queues of a pty (drivers/tty/pty.c, n_tty.c of the kernel). What the slave writes is waiting,
 * ready made, to be read from the master. What the master writes has gone through the line
 * discipline on its way in: echoed, edited, cut into lines.
 *
 *	slave   write --OPOST--> [ 8 KiB ] --> [ 4095 ] --> read   master
 *	master  write --> [ 8 KiB ] --ICRNL, ISIG, ECHO, ICANON--> [ 4095 ] --> read   slave
 *
 * Nothing shows what is in them without taking it out. Bytes are put back at the front door of the
 * same queue: TIOCSTI is a byte that arrives now, under modes that let every byte pass as it is.
 * Modes are read and set through the master, which means those of the slave.
 *
 * Whoever kills crtool (SIGKILL) between the two loses what was in the queue: some 20 us, and
 * only where something was in it. A line that is only half typed can be seen only when the
 * terminal is not in canonical mode, so that is left for a moment, too.
 */
#include "criu/files/ptydata.h"

#include <asm/ioctls.h>
#include <asm/termbits.h> /* not to be had together with <termios.h> */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/mem.h"

#define READ_BYTES   8192 /* more than a line can have */
#define LDISC_BYTES  4095 /* that the line discipline holds: N_TTY_BUF_SIZE - 1 */
#define ROOM_WAIT_MS 1000 /* for the kernel's worker to move bytes along */
#define NO_CHAR      0 /* _POSIX_VDISABLE */

void pty_queue_done(struct pty_queue *q)
{
	free(q->data);
	free(q->lines);
	*q = (struct pty_queue){ 0 };
}

static void queue_add(struct pty_queue *q, const uint8_t *data, size_t len)
{
	if (q->cap - q->len < len) {
		q->cap = q->len + len + READ_BYTES;
		q->data = mem_realloc(q->data, q->cap, 1);
	}
	if (len)
		memcpy(q->data + q->len, data, len);
	q->len += len;
}

static int modes_get(int master, struct termios2 *ret)
{
	return ioctl(master, TCGETS2, ret) < 0 ? fail(errno, "TCGETS2") : 0;
}

static int modes_set(int master, const struct termios2 *modes)
{
	return ioctl(master, TCSETS2, modes) < 0 ? fail(errno, "TCSETS2") : 0;
}

/* By lines; of others (EXTPROC: an editor at the other end of a connection) bytes are bytes. */
static bool is_canonical(const struct termios2 *m)
{
	return m->c_lflag & ICANON && !(m->c_lflag & EXTPROC);
}

static bool is_ready(int fd, short events, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = events };

	return poll(&p, 1, wait_ms) > 0 && p.revents & events;
}

static int byte_arrives(int fd, uint8_t byte)
{
	return ioctl(fd, TIOCSTI, &byte) < 0 ? fail(errno, "TIOCSTI") : 0;
}

static int bytes_arrive(int fd, const uint8_t *data, size_t len)
{
	int r = 0;

	for (size_t i = 0; i < len && r >= 0; i++)
		r = byte_arrives(fd, data[i]);
	return r;
}

/* fd does not block. */
static int bytes_write(int fd, const uint8_t *data, size_t len)
{
	while (len) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return fail(errno, "write %zu bytes", len);
		if (n <= 0 && !is_ready(fd, POLLOUT, ROOM_WAIT_MS))
			return fail_plain("no room for %zu bytes", len);
		if (n > 0) {
			data += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* --- from the slave to the master ----------------------------------------------- */

static int output_take(int master, struct pty_queue *q)
{
	uint8_t buf[READ_BYTES];
	int packets = 0;

	if (ioctl(master, TIOCGPKT, &packets) < 0)
		return fail(errno, "TIOCGPKT");
	while (is_ready(master, POLLIN, 0)) {
		ssize_t n = read(master, buf, sizeof(buf));
		size_t head = packets ? 1 : 0; /* TIOCPKT_DATA */

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(errno, "read");
		if ((size_t)n <= head)
			break;
		queue_add(q, buf + head, (size_t)n - head);
	}
	return 0;
}

/* Whichever way it was stopped, TCOOFF makes it the way that TCOON ends. */
static int output_start(int slave)
{
	if (ioctl(slave, TCXONC, TCOOFF) < 0 || ioctl(slave, TCXONC, TCOON) < 0)
		return fail(errno, "TCXONC");
	return 0;
}

/*
 * How it was stopped: TCOON goes on with nothing but what TCOOFF has stopped, and TCOOFF stops that
 * again. A master in packet mode would be told, so it is not tried there.
 */
static int flow_find(int master, int slave, enum pty_flow *ret)
{
	int packets = 0, r = 0;

	*ret = is_ready(slave, POLLOUT, 0) ? PTY_GOES_ON : PTY_STOPPED;
	if (*ret == PTY_GOES_ON)
		return 0;
	if (ioctl(master, TIOCGPKT, &packets) < 0)
		return fail(errno, "TIOCGPKT");
	if (packets)
		return 0;
	if (ioctl(slave, TCXONC, TCOON) < 0)
		return fail(errno, "TCXONC");
	if (is_ready(slave, POLLOUT, 0)) {
		*ret = PTY_STOPPED_BY_TCFLOW;
		r = ioctl(slave, TCXONC, TCOOFF);
	}
	return r < 0 ? fail(errno, "TCXONC") : 0;
}

int pty_output_stop(int master, int slave, enum pty_flow flow)
{
	struct termios2 m;
	int r = modes_get(master, &m);

	if (r < 0)
		return r;
	if (flow != PTY_STOPPED_BY_TCFLOW && m.c_iflag & IXON && m.c_cc[VSTOP] != NO_CHAR)
		return byte_arrives(slave, m.c_cc[VSTOP]);
	return ioctl(slave, TCXONC, TCOOFF) < 0 ? fail(errno, "TCXONC") : 0;
}

int pty_output_put(int master, int slave, const struct pty_queue *q)
{
	struct termios2 m, plain;
	int r;

	if (!q->len)
		return 0;
	if (slave < 0)
		return bytes_arrive(master, q->data, q->len);
	r = modes_get(master, &m);
	if (r < 0)
		return r;
	plain = m;
	plain.c_oflag &= ~(tcflag_t)OPOST;
	if (m.c_oflag & OPOST)
		r = modes_set(master, &plain);
	if (r < 0)
		return r;
	r = bytes_write(slave, q->data, q->len);
	if (m.c_oflag & OPOST && modes_set(master, &m) < 0 && r >= 0)
		r = -EIO;
	return r;
}

int pty_output_look(int master, int slave, struct pty_queue *ret, enum pty_flow *ret_flow)
{
	int r = output_take(master, ret), back = 0;
	enum pty_flow flow = PTY_GOES_ON;
	bool stopped;

	/* Now there is room. */
	if (slave >= 0)
		back = flow_find(master, slave, &flow);
	stopped = flow != PTY_GOES_ON;
	if (back >= 0 && stopped && ret->len)
		back = output_start(slave);
	if (back >= 0)
		back = pty_output_put(master, slave, ret);
	if (back >= 0 && stopped && ret->len)
		back = pty_output_stop(master, slave, flow);
	*ret_flow = flow;
	return r < 0 ? r : back;
}

/* --- from the master to the slave ----------------------------------------------- */

/* One read is one line, as long as there is a whole one. */
static int lines_take(int slave, struct pty_queue *q)
{
	uint8_t buf[READ_BYTES];
	ssize_t n;

	while ((n = read(slave, buf, sizeof(buf))) >= 0 || errno == EINTR) {
		if (n < 0)
			continue;
		queue_add(q, buf, (size_t)n);
		*array_push(q->lines, q->nr_lines, q->cap_lines) = (uint32_t)n;
	}
	return errno == EAGAIN ? 0 : fail(errno, "read");
}

static int bytes_take(int slave, struct pty_queue *q)
{
	uint8_t buf[READ_BYTES];
	ssize_t n;

	while ((n = read(slave, buf, sizeof(buf))) > 0 || (n < 0 && errno == EINTR))
		if (n > 0)
			queue_add(q, buf, (size_t)n);
	return n == 0 || errno == EAGAIN ? 0 : fail(errno, "read");
}

static int input_take(int master, int slave, const struct termios2 *m, struct pty_queue *q)
{
	struct termios2 raw = *m;
	int r;

	if (!is_canonical(m))
		return bytes_take(slave, q);
	r = lines_take(slave, q);
	raw.c_lflag &= ~(tcflag_t)ICANON;
	if (r >= 0)
		r = modes_set(master, &raw);
	if (r < 0)
		return r;
	r = bytes_take(slave, q);
	return modes_set(master, m) < 0 ? -EIO : r;
}

static bool has_flow_char(const struct termios2 *m, const struct pty_queue *q)
{
	return q->len && (memchr(q->data, m->c_cc[VSTOP], q->len) ||
			  memchr(q->data, m->c_cc[VSTART], q->len));
}

/* Every byte is an ordinary one. What a master in packet mode is told of stays as it is, if that
 * can be: IXON and its characters. */
static struct termios2 modes_plain(const struct termios2 *m, const struct pty_queue *q)
{
	struct termios2 plain = *m;

	plain.c_iflag &= IXON;
	if (has_flow_char(m, q))
		plain.c_iflag = 0;
	plain.c_lflag &= ICANON | EXTPROC;
	for (size_t i = 0; i < sizeof(plain.c_cc); i++)
		if (i != VSTOP && i != VSTART && i != VMIN && i != VTIME)
			plain.c_cc[i] = NO_CHAR;
	return plain;
}

/* The byte is the end of a line, as this character is. */
static int line_end(int master, int slave, struct termios2 plain, int which, uint8_t byte)
{
	struct termios2 now = plain;
	int r;

	now.c_cc[which] = byte;
	r = modes_set(master, &now);
	if (r >= 0)
		r = byte_arrives(slave, byte);
	return r < 0 ? r : modes_set(master, &plain);
}

static int line_put(int master, int slave, const struct termios2 *m, const struct termios2 *plain,
		    const uint8_t *line, size_t len)
{
	static const uint8_t any = 4;
	uint8_t last = len ? line[len - 1] : 0;
	bool by_char = len && last != NO_CHAR &&
		       (last == m->c_cc[VEOL] || (last == m->c_cc[VEOL2] && m->c_lflag & IEXTEN));
	int r;

	if (len && last == '\n')
		return bytes_arrive(slave, line, len);
	r = bytes_arrive(slave, line, by_char ? len - 1 : len);
	if (r < 0)
		return r;
	return by_char ? line_end(master, slave, *plain, VEOL, last)
		       : line_end(master, slave, *plain, VEOF, any);
}

/* How many bytes of q are in the line discipline then. Lines that do not fit are cut again when
 * they pass it: they stay in front of it, as they were. */
static int lines_put(int master, int slave, const struct termios2 *m, const struct pty_queue *q,
		     size_t *ret_at)
{
	struct termios2 plain = modes_plain(m, q);
	size_t room = LDISC_BYTES, at = 0, i, rest;
	int r = modes_set(master, &plain);

	for (i = 0; i < q->nr_lines && r >= 0 && q->lines[i] < room; i++) {
		r = line_put(master, slave, m, &plain, q->data + at, q->lines[i]);
		at += q->lines[i];
		room -= q->lines[i] + 1;
	}
	rest = q->len - at < room ? q->len - at : room;
	if (r >= 0 && i == q->nr_lines) {
		r = bytes_arrive(slave, q->data + at, rest);
		at += rest;
	}
	*ret_at = at;
	return modes_set(master, m) < 0 ? -EIO : r;
}

int pty_input_put(int master, int slave, const struct pty_queue *q)
{
	struct termios2 m;
	size_t at;
	int r;

	if (!q->len && !q->nr_lines)
		return 0;
	r = modes_get(master, &m);
	if (r >= 0)
		r = lines_put(master, slave, &m, q, &at);
	return r < 0 ? r : bytes_write(master, q->data + at, q->len - at);
}

int pty_input_look(int master, int slave, struct pty_queue *ret)
{
	struct termios2 m;
	int r = modes_get(master, &m), back;

	if (r < 0)
		return r;
	r = input_take(master, slave, &m, ret);
	back = pty_input_put(master, slave, ret);
	return r < 0 ? r : back;
}
