// SPDX-License-Identifier: GPL-2.0-only
/* What is in a pty: whole lines, ended in three ways, and one that is being typed; raw bytes; more
 * output than the line discipline holds; output that was stopped, in either way; packet mode;
 * exclusive use. */
#include "zdtmtst.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ptys.h"

#define OUTPUT 9000

static struct pty_pair lines, raw, much, stopped, flow, packets;
static unsigned char bytes[256], output[OUTPUT];

static void lines_set(void)
{
	const struct pty_modes modes = { .lflag_off = ECHO };
	struct termios t;

	pty_make(&lines);
	pty_modes(lines.slave, &modes);
	must(tcgetattr(lines.slave, &t));
	t.c_cc[VEOL] = ';';
	must(tcsetattr(lines.slave, TCSANOW, &t));
	pty_type(lines.master, "one\r;two;\004end of file\004\026\003\026\004quoted\nbeing ty");
	/* end-of-file is no byte */
	pty_wait(lines.slave, 4 + 1 + 4 + 11 + 9);
}

static void lines_check(void)
{
	pty_reads(lines.slave, "one\n", "a line");
	pty_reads(lines.slave, ";", "a line of VEOL alone");
	pty_reads(lines.slave, "two;", "a line with VEOL");
	pty_reads(lines.slave, "", "an end of file");
	pty_reads(lines.slave, "end of file", "a line with VEOF");
	pty_reads(lines.slave, "\003\004quoted\n", "characters that mean nothing");
	pty_expect_nothing(lines.slave, "a line that is not complete");
	pty_type(lines.master, "p\177ped\n");
	pty_wait(lines.slave, 12);
	pty_reads(lines.slave, "being typed\n", "a line that was being typed");
}

static void raw_set(void)
{
	pty_make(&raw);
	pty_raw(raw.slave);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)i;
	pty_write(raw.master, bytes, sizeof(bytes));
	pty_wait(raw.slave, sizeof(bytes));
}

/* Nothing is made of newlines on their way. */
static void much_set(void)
{
	const struct pty_modes modes = { .iflag_off = ICRNL };

	pty_make(&much);
	pty_modes(much.slave, &modes);
	datagen(output, sizeof(output), 5);
	for (size_t i = 0; i < sizeof(output); i++)
		if (output[i] < ' ')
			output[i] = ' ';
	pty_write(much.slave, output, sizeof(output));
}

static void much_check(void)
{
	static unsigned char buf[OUTPUT];
	size_t at = 0;

	while (at < sizeof(buf))
		at += (size_t)must(read(much.master, buf + at, sizeof(buf) - at));
	if (memcmp(buf, output, sizeof(buf)) != 0)
		fail("9000 bytes of output are others");
	pty_expect_nothing(much.master, "behind 9000 bytes");
	pty_type(much.slave, "\n");
	pty_wait(much.master, 2);
	pty_reads(much.master, "\r\n", "a newline after the restore");
}

static bool is_writable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	return must(poll(&p, 1, 0)) > 0 && p.revents & POLLOUT;
}

static void stopped_set(void)
{
	pty_make(&stopped);
	pty_type(stopped.slave, "before");
	pty_type(stopped.master, "\023");
	while (is_writable(stopped.slave))
		usleep(1000);
}

static void stopped_check(void)
{
	if (is_writable(stopped.slave))
		fail("output goes on after Ctrl-S");
	pty_reads(stopped.master, "before", "what was written before Ctrl-S");
	pty_type(stopped.master, "\021");
	while (!is_writable(stopped.slave))
		usleep(1000);
	pty_type(stopped.slave, "after");
	pty_wait(stopped.master, 5);
	pty_reads(stopped.master, "after", "what was written after Ctrl-Q");
}

/* What tcflow(3) has stopped, Ctrl-Q does not start. */
static void flow_set(void)
{
	pty_make(&flow);
	pty_type(flow.slave, "before");
	must(tcflow(flow.slave, TCOOFF));
}

static void flow_check(void)
{
	if (is_writable(flow.slave))
		fail("output goes on after tcflow");
	pty_reads(flow.master, "before", "what was written before tcflow");
	/* When the line is there, the key before it has been looked at. */
	pty_type(flow.master, "\021\n");
	pty_wait(flow.slave, 1);
	if (is_writable(flow.slave))
		fail("output goes on after Ctrl-Q");
	must(tcflow(flow.slave, TCOON));
	if (!is_writable(flow.slave))
		fail("output does not go on after tcflow");
}

static void packets_set(void)
{
	int on = 1;

	pty_make(&packets);
	must(ioctl(packets.master, TIOCPKT, &on));
	must(ioctl(packets.slave, TIOCEXCL));
	pty_type(packets.slave, "packet");
	pty_type(packets.master, "line\nli");
	pty_wait(packets.slave, 5);
}

static void packets_check(void)
{
	int on = 0;

	must(ioctl(packets.slave, TIOCGEXCL, &on));
	if (!on)
		fail("not exclusive any more");
	must(ioctl(packets.master, TIOCGEXCL, &on));
	if (on)
		fail("the master is exclusive");
	pty_reads(packets.master, "\0packetline\r\nli", "a packet");
	must(tcflush(packets.slave, TCIFLUSH));
	pty_reads(packets.master, "\001", "a flush");
	pty_type(packets.master, "next\n");
	pty_wait(packets.slave, 5);
	pty_reads(packets.slave, "next\n", "typed to it");
}

int main(int argc, char **argv)
{
	test_init(argc, argv);
	lines_set();
	raw_set();
	much_set();
	stopped_set();
	flow_set();
	packets_set();
	test_daemon();
	test_waitsig();

	lines_check();
	pty_expect(raw.slave, bytes, sizeof(bytes), "raw bytes");
	much_check();
	stopped_check();
	flow_check();
	packets_check();
	return pass();
}
