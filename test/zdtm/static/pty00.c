// SPDX-License-Identifier: GPL-2.0-only
/* Both ends of a pty: number, modes, locked modes, size, owner, what was written to either end. */
#include "zdtmtst.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ptys.h"

static void modes_set(int fd, struct termios *ret, struct termios *ret_locked)
{
	struct termios t, locked = { .c_iflag = IXANY };

	must(tcgetattr(fd, &t));
	t.c_iflag = (t.c_iflag | IXANY) & ~(tcflag_t)ICRNL;
	t.c_lflag &= ~(tcflag_t)ECHOE;
	t.c_cc[VINTR] = 1;
	t.c_cc[VMIN] = 3;
	must(tcsetattr(fd, TCSANOW, &t));
	must(tcgetattr(fd, ret));
	must(ioctl(fd, TIOCSLCKTRMIOS, &locked));
	must(ioctl(fd, TIOCGLCKTRMIOS, ret_locked));
}

static void modes_are(int fd, const struct termios *was, const struct termios *was_locked)
{
	struct termios t, locked = { 0 };

	must(tcgetattr(fd, &t));
	must(ioctl(fd, TIOCGLCKTRMIOS, &locked));
	if (t.c_iflag != was->c_iflag || t.c_oflag != was->c_oflag || t.c_cflag != was->c_cflag ||
	    t.c_lflag != was->c_lflag)
		fail("modes %x %x %x %x instead of %x %x %x %x", t.c_iflag, t.c_oflag, t.c_cflag,
		     t.c_lflag, was->c_iflag, was->c_oflag, was->c_cflag, was->c_lflag);
	if (memcmp(t.c_cc, was->c_cc, 19) != 0)
		fail("control characters are others");
	if (locked.c_iflag != was_locked->c_iflag)
		fail("locked: %x instead of %x", locked.c_iflag, was_locked->c_iflag);
}

int main(int argc, char **argv)
{
	struct winsize size = { 33, 77, 5, 6 }, now;
	struct termios modes, locked = { 0 };
	struct pty_pair pty;
	struct stat was, st;
	char name[64];

	test_init(argc, argv);
	pty_make(&pty);
	modes_set(pty.slave, &modes, &locked);
	must(ioctl(pty.master, TIOCSWINSZ, &size));
	must(fchown(pty.slave, 7, 8));
	must(fchmod(pty.slave, 0640));
	must(fstat(pty.slave, &was));
	pty_type(pty.master, "typed\n");
	pty_wait(pty.slave, 6);
	pty_type(pty.slave, "written\n");
	test_daemon();
	test_waitsig();

	must0(ptsname_r(pty.master, name, sizeof(name)));
	if (strcmp(name, pty.name) != 0)
		fail("is %s instead of %s", name, pty.name);
	must(fstat(pty.slave, &st));
	if (st.st_uid != 7 || st.st_gid != 8 || st.st_mode != was.st_mode ||
	    st.st_rdev != was.st_rdev)
		fail("owner %d:%d, mode %o", st.st_uid, st.st_gid, st.st_mode);
	modes_are(pty.slave, &modes, &locked);
	must(ioctl(pty.slave, TIOCGWINSZ, &now));
	if (memcmp(&now, &size, sizeof(now)) != 0)
		fail("size %d x %d", now.ws_col, now.ws_row);
	pty_reads(pty.slave, "typed\n", "typed");
	pty_reads(pty.master, "typed\r\nwritten\r\n", "written");
	pty_type(pty.master, "more\n");
	pty_wait(pty.slave, 5);
	pty_reads(pty.slave, "more\n", "typed later");
	return pass();
}
