#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Jobs of an interactive shell, dumped and restored with --shell-job.

A bash on a pty of its own runs the job and the restore; the dump comes from outside, as from
another window. Nothing sleeps for luck: each step waits for a text, until a deadline.
"""
import argparse
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
PROMPT = "ready> "
SECONDS = 20


class Failed(Exception):
    pass


class Shell:
    """An interactive bash on a pty."""

    def __init__(self, program="bash", *args):
        self.text, self.at = "", 0
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(PS1=PROMPT, TERM="dumb", LC_ALL="C")
            os.environ.pop("PROMPT_COMMAND", None)
            os.execvp(program, [program, *(args or ("--norc", "-i"))])

    def read_some(self, seconds):
        if not select.select([self.fd], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.text += data.decode(errors="replace")
        return bool(data)

    def expect(self, pattern, seconds=SECONDS):
        """Waits for the pattern behind what was expected last."""
        end = time.monotonic() + seconds
        while True:
            found = re.compile(pattern, re.M).search(self.text, self.at)
            if found:
                self.at = found.end()
                return found
            if not self.read_some(end - time.monotonic()) and time.monotonic() >= end:
                raise Failed(f"no {pattern!r} in:\n{self.text[max(self.at - 200, 0):]}")

    def send(self, text):
        os.write(self.fd, text.encode())

    def run(self, command):
        self.send(command + "\r")
        self.expect(re.escape(command.split("\n")[-1][-20:]) + r"\s*\n")

    def prompt(self):
        self.expect(r"^(\^C)?" + re.escape(PROMPT))

    def number(self):
        """The next line of the counter: its pid and number."""
        found = self.expect(r"^(\d+) (\d+)\r?\n")
        return int(found[1]), int(found[2])

    def numbers(self):
        return [int(n) for n in re.findall(r"^\d+ (\d+)\r?$", self.text, re.M)]

    def size(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def lflag(self):
        return termios.tcgetattr(self.fd)[3]

    def foreground(self):
        return os.tcgetpgrp(self.fd)

    def close(self):
        for pid in session_of(self.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def stat_of(pid):
    """Fields of /proc/PID/stat from the state on; None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def session_of(sid):
    out = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        stat = stat_of(name)
        if stat and int(stat[3]) == sid:
            out.append(int(name))
    return out


def is_gone(pid):
    stat = stat_of(pid)
    return stat is None or stat[0] in "ZX"


def wait_until(what, condition, seconds=SECONDS):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"not in time: {what}")
        time.sleep(0.005)


def check(held, what):
    if not held:
        raise Failed(what)


class World:
    def __init__(self, criu, directory):
        self.criu, self.dir = criu, directory
        self.counter = os.path.join(directory, "counter")
        self.images = os.path.join(directory, "img")
        subprocess.run([os.environ.get("CC", "gcc"), "-O2", "-Wall", "-pthread", "-o", self.counter,
                        os.path.join(HERE, "scenarios", "counter.c")], check=True)
        self.shell = None

    def start(self):
        shutil.rmtree(self.images, ignore_errors=True)
        os.mkdir(self.images)
        self.shell = Shell()
        self.shell.prompt()
        return self.shell

    def end(self):
        if self.shell:
            self.shell.close()
            self.shell = None

    def dump(self, pid, *options, job=True):
        return subprocess.run([self.criu, "dump", "-t", str(pid), "-D", self.images,
                               *(["-j"] if job else []), *options], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)

    def dump_done(self, pid, *options):
        done = self.dump(pid, *options)
        check(done.returncode == 0, f"dump: exit code {done.returncode}: {done.stderr}")

    def restore(self, *options):
        return " ".join([self.criu, "restore", "-D", self.images, "-j", *options])


def root_of(shell, pid):
    """The process below the shell that pid belongs to."""
    while int(stat_of(pid)[1]) != shell.pid:
        pid = int(stat_of(pid)[1])
    return pid


def goes_on(shell, pid, last):
    """The next number, by the same process."""
    now, number = shell.number()
    check(now == pid, f"pid {now} counts, it was {pid}")
    check(number == last + 1, f"{number} after {last}")
    shell.number()


def last_number(shell):
    """After the job is killed: all that it printed has been read."""
    return shell.numbers()[-1]


# --- the cases ------------------------------------------------------------------

def job(world, command, dump_options=()):
    """Runs it, dumps it in the foreground: the root, the counter's pid, the last number."""
    shell = world.start()
    shell.run(command)
    pid, _ = shell.number()
    shell.number()
    root = root_of(shell, pid)
    world.dump_done(root, *dump_options)
    if "-R" in dump_options:
        shell.number()
        shell.number()
        os.kill(root, signal.SIGKILL)
        shell.expect("Killed")
        shell.prompt()
        return shell, root, pid, None
    shell.expect("Killed")
    shell.prompt()
    return shell, root, pid, last_number(shell)


def foreground(world, command, dump_options=()):
    shell, root, pid, last = job(world, command, dump_options)
    shell.run(world.restore())
    if last is not None:
        goes_on(shell, pid, last)
    check(shell.number()[0] == pid, "another pid")
    check(shell.foreground() == root, f"foreground group is {shell.foreground()}, not {root}")
    shell.send("\x03")
    shell.prompt()
    wait_until("the job is gone", lambda: is_gone(root) and is_gone(pid))
    check("stuck" not in shell.text, "a thread does not go on")
    shell.run("echo status $?")
    shell.expect("status 130")


def case_counter(world):
    foreground(world, world.counter)


def case_threads(world):
    foreground(world, world.counter + " 2")


def case_pipeline(world):
    foreground(world, f"bash -c '{world.counter} | cat'")


def case_leave_running(world):
    foreground(world, world.counter, ("-R",))


def case_leave_running_threads(world):
    foreground(world, world.counter + " 2", ("-R",))


def case_detached(world):
    """The shell takes the terminal back; the counter goes on behind its prompt."""
    for command in (world.counter, world.counter + " 2", f"bash -c '{world.counter} | cat'"):
        shell, root, pid, last = job(world, command)
        shell.run(world.restore("-d"))
        shell.expect(r"^(?:.*> )?(\d+) (\d+)\r?\n")
        wait_until("the shell has its terminal", lambda: shell.foreground() == shell.pid)
        shell.at = shell.text.rindex("restore -D")
        found = shell.expect(r"(\d+) (\d+)\r?\n")
        check(found[1].endswith(str(pid)) and int(found[2]) == last + 1,
              f"{found[0]} after {last}")
        check(os.getpgid(root) == root and int(stat_of(root)[3]) == shell.pid, "group, session")
        os.kill(-root, signal.SIGINT)
        wait_until("the job is gone", lambda: is_gone(root) and is_gone(pid))
        shell.run("echo here $((6 * 7))")
        shell.expect("here 42")
        world.end()


def case_refused(world):
    """Without -j: names the session, the terminal and the option, and harms nobody."""
    shell = world.start()
    shell.run(world.counter)
    pid, _ = shell.number()
    done = world.dump(pid, job=False)
    check(done.returncode == 1, f"exit code {done.returncode}")
    for text in (f"session {shell.pid}", "--shell-job", f"pid {pid} (counter): fd 0: /dev/pts/"):
        check(text in done.stderr, f"no {text!r} in {done.stderr}")
    shell.number()
    world.dump_done(pid)
    shell.prompt()
    shell.run(world.restore().replace(" -j", ""))
    shell.expect(f"session {shell.pid}.*\n.*--shell-job")
    shell.prompt()
    check(is_gone(pid), "it runs")


def case_no_terminal(world):
    _, _, pid, _ = job(world, world.counter)
    done = subprocess.run(["setsid", world.criu, "restore", "-D", world.images, "-j"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, text=True, timeout=SECONDS, check=False)
    check(done.returncode == 1, f"exit code {done.returncode}")
    check("crtool has none to give it\n  run it in a terminal" in done.stderr, done.stderr)
    check(is_gone(pid), "it runs")


def case_redirected(world):
    """The terminal is found wherever crtool's own output goes."""
    shell, _, pid, last = job(world, world.counter)
    shell.run(world.restore("</dev/null", ">/dev/null", "2>&1"))
    goes_on(shell, pid, last)
    shell.send("\x03")
    shell.prompt()


def case_stop(world):
    """Ctrl-Z, bg, fg, Ctrl-C."""
    shell, root, pid, last = job(world, world.counter)
    shell.run(world.restore())
    goes_on(shell, pid, last)
    for _ in range(3):
        shell.send("\x1a")
        shell.expect(r"Stopped .*restore")
        shell.prompt()
        check(stat_of(root)[0] == "T", "the job is not stopped")
        check(shell.foreground() == shell.pid, "the shell has no terminal")
        shell.run("fg")
        check(shell.number()[0] == pid, "another pid")
        shell.number()
        check(shell.foreground() == root, "the job has no terminal")
    shell.send("\x1a")
    shell.prompt()
    shell.run("bg")
    shell.number()
    check(shell.foreground() == shell.pid, "the shell has no terminal")
    front_of_running(shell, root)
    shell.number()
    shell.send("\x03")
    shell.prompt()
    wait_until("the job is gone", lambda: is_gone(root))


def front_of_running(shell, root):
    """The shell tells nobody that it moves a running job to the front: the first key does."""
    shell.run("fg")
    shell.number()
    shell.send("\x1a")
    shell.prompt()
    check(stat_of(root)[0] == "T", "the job is not stopped")
    shell.run("fg")
    shell.number()
    check(shell.foreground() == root, "the job has no terminal")


def case_stopped_by_signal(world):
    """kill -STOP of the job shows in the shell; kill %1 ends the job."""
    shell, root, pid, last = job(world, world.counter)
    shell.run(world.restore())
    goes_on(shell, pid, last)
    os.kill(root, signal.SIGSTOP)
    shell.expect(r"Stopped .*restore")
    shell.prompt()
    shell.run("kill %1; fg")
    shell.prompt()
    wait_until("the job is gone", lambda: is_gone(root))
    shell.run("jobs; echo status $?")
    shell.expect("status 0")


def case_background(world):
    """restore & leaves the terminal alone; fg gives it."""
    shell, root, pid, last = job(world, world.counter)
    shell.run(world.restore("&"))
    shell.expect(r"(\d+) %d\r?\n" % (last + 1))
    shell.number()
    check(shell.foreground() == shell.pid, "the shell has no terminal")
    shell.run("fg")
    shell.number()
    shell.send("\x03")
    shell.prompt()
    wait_until("the job is gone", lambda: is_gone(root))


def case_background_stop(world):
    shell, root, pid, last = job(world, world.counter)
    shell.run(world.restore("&"))
    shell.expect(r"(\d+) %d\r?\n" % (last + 1))
    front_of_running(shell, root)
    check(shell.number()[0] == pid, "another pid")
    shell.send("\x03")
    shell.prompt()


def case_dump_of_stopped(world):
    """A job that was stopped comes back stopped, and fg has it go on."""
    shell = world.start()
    shell.run(world.counter)
    pid, _ = shell.number()
    shell.send("\x1a")
    shell.expect("Stopped")
    shell.prompt()
    world.dump_done(pid)
    wait_until("it is gone", lambda: is_gone(pid))
    shell.run("wait; echo gone")
    shell.expect("^gone")
    shell.run(world.restore())
    shell.expect(r"Stopped .*restore")
    shell.prompt()
    shell.run("fg")
    check(shell.number()[0] == pid, "another pid")
    check(shell.foreground() == pid, "the job has no terminal")
    shell.send("\x03")
    shell.prompt()


def case_screen(world):
    """Modes come back, the size is the new one and told, keys reach the program."""
    shell = world.start()
    shell.size(24, 80)
    shell.run("stty intr ^G; " + world.counter + " screen")
    pid = int(shell.expect(r"^(\d+) size 24 80")[1])
    shell.send("x")
    shell.expect(f"^{pid} key x")
    raw = termios.tcgetattr(shell.fd)
    check(not raw[3] & (termios.ICANON | termios.ECHO), "the program has not set its modes")
    for rows, cols in ((30, 100), (30, 100)):
        world.dump_done(pid)
        shell.prompt()
        shell.size(rows, cols)
        shell.run("stty sane; " + world.restore())
        shell.expect(f"^{pid} size {rows} {cols}")
        check(termios.tcgetattr(shell.fd)[:4] == raw[:4], "other modes")
        check(termios.tcgetattr(shell.fd)[6][termios.VINTR] == b"\x07", "other characters")
        shell.send("y")
        shell.expect(f"^{pid} key y")
        shutil.rmtree(world.images)
        os.mkdir(world.images)
    shell.send("q")
    shell.expect(f"^{pid} key q")
    shell.prompt()
    check(is_gone(pid), "it runs")


def case_screen_stopped(world):
    """Stopped, it leaves the shell's modes; going on, it has its own."""
    shell = world.start()
    shell.run(world.counter + " screen")
    pid = int(shell.expect(r"^(\d+) size")[1])
    world.dump_done(pid)
    shell.prompt()
    shell.run(world.restore())
    shell.expect(f"^{pid} size")
    shell.send("\x1a")
    shell.prompt()
    shell.run("stty -a; echo done")
    check(" icanon" in shell.expect(r"(?s)speed.*done")[0], "the shell has the job's modes")
    shell.run("fg")
    wait_until("the job's modes", lambda: not shell.lflag() & termios.ICANON)
    shell.send("z")
    shell.expect(f"^{pid} key z")
    os.kill(pid, signal.SIGKILL)
    shell.prompt()
    shell.run("stty -a; echo done")
    check(" icanon" in shell.expect(r"(?s)speed.*done")[0], "a killed job has left its modes")


def case_failed_restore(world):
    """The terminal is as it was, whichever step fails."""
    shell = world.start()
    shell.run(world.counter + " screen")
    pid = int(shell.expect(r"^(\d+) size")[1])
    world.dump_done(pid)
    shell.prompt()
    for step in ("fork tasks", "connect files", "set registers", "write results", "give terminal"):
        shell.run(world.restore(f"--fault '{step}'"))
        shell.expect("made to fail")
        shell.prompt()
        check(is_gone(pid), f"{step}: it runs")
        shell.run("stty -a; echo done")
        check(" icanon" in shell.expect(r"(?s)speed.*done")[0], f"{step}: other modes")
    shell.run(world.restore())
    shell.expect(f"^{pid} size")
    shell.send("q")
    shell.expect(f"^{pid} key q")
    shell.prompt()


def case_no_shell(world):
    """crtool leads the session of the terminal itself: Ctrl-Z stops nobody for good."""
    _, root, pid, last = job(world, world.counter)
    world.end()
    shell = Shell(world.criu, "restore", "-D", world.images, "-j")
    world.shell = shell
    goes_on(shell, pid, last)
    check(shell.foreground() == root, "the job has no terminal")
    shell.send("\x1a")
    shell.number()
    shell.number()
    shell.send("\x03")
    wait_until("crtool has ended", lambda: is_gone(shell.pid))


def case_script(world):
    """A script that restores stops and goes on as one job with what it restored."""
    shell, root, pid, last = job(world, world.counter)
    with open(os.path.join(world.dir, "script"), "w", encoding="utf-8") as f:
        f.write(world.restore() + "\necho code $?\n")
    shell.run(f"sh {world.dir}/script")
    goes_on(shell, pid, last)
    shell.send("\x1a")
    shell.expect("Stopped .*script")
    shell.prompt()
    shell.run("fg")
    shell.number()
    check(shell.foreground() == root, "the job has no terminal")
    shell.send("\x03")
    shell.expect("^.*code 130")
    shell.prompt()


def case_shell_in_shell(world):
    """A whole interactive bash with its job in the foreground."""
    shell = world.start()
    shell.run("bash --norc -i")
    shell.prompt()
    shell.run(world.counter)
    pid, _ = shell.number()
    inner = int(stat_of(pid)[1])
    world.dump_done(inner)
    shell.prompt()
    last = last_number(shell)
    shell.run(world.restore())
    goes_on(shell, pid, last)
    check(shell.foreground() == pid, "the counter has no terminal")
    shell.send("\x03")
    shell.prompt()
    shell.run("echo I am $$")
    shell.expect(f"I am {inner}")
    shell.run(world.counter)
    second, _ = shell.number()
    shell.send("\x1a")
    shell.expect("Stopped .*counter")
    shell.prompt()
    shell.run("kill -9 %1")
    shell.prompt()
    wait_until("it is gone", lambda: is_gone(second))
    # Between commands bash looks after its children; as long as it has not, it does not exit.
    for _ in range(100):
        shell.run(":")
        shell.prompt()
        if stat_of(second) is None:
            break
    shell.run("exit")
    shell.prompt()
    shell.run("echo I am $$")
    shell.expect(f"I am {shell.pid}")


def case_background_read(world):
    """In the background it stops when it reads, and gets the terminal when it may."""
    shell = world.start()
    shell.run("cat")
    wait_until("cat runs", lambda: shell.foreground() != shell.pid)
    pid = shell.foreground()
    shell.send("one\r")
    shell.expect(r"^one\r?\none\r?\n")
    world.dump_done(pid)
    shell.prompt()
    shell.run(world.restore("&"))
    shell.prompt()
    wait_until("cat and crtool are stopped", lambda: [
        stat[0] for stat in map(stat_of, session_of(shell.pid))
        if stat and stat[2] != str(shell.pid)
    ] == ["T", "T"])
    shell.run("")
    shell.expect(r"Stopped .*restore")
    shell.prompt()
    shell.run("fg")
    wait_until("the job has the terminal", lambda: shell.foreground() == pid)
    shell.send("two\r")
    shell.expect(r"^two\r?\ntwo\r?\n")
    shell.send("\x04")
    shell.prompt()
    shell.run("echo status $?")
    shell.expect("status 0")


def case_again(world):
    """Dumped and restored five times over."""
    shell, root, pid, last = job(world, world.counter + " 2")
    for _ in range(5):
        shell.run(world.restore())
        goes_on(shell, pid, last)
        shutil.rmtree(world.images)
        os.mkdir(world.images)
        world.dump_done(root)
        shell.prompt()
        last = last_number(shell)
    numbers = shell.numbers()
    check(numbers == list(range(len(numbers))), f"a gap in {numbers}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--criu-bin", default=os.path.join(HERE, "..", "criu", "crtool"))
    parser.add_argument("case", nargs="*", help="names, or their beginnings")
    args = parser.parse_args()
    cases = {n[5:]: f for n, f in globals().items() if n.startswith("case_")}
    chosen = [n for n in cases if not args.case or any(n.startswith(c) for c in args.case)]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="crtool-job-") as directory:
        world = World(os.path.abspath(args.criu_bin), directory)
        for name in chosen:
            start = time.monotonic()
            try:
                cases[name](world)
                print(f"ok    {name} ({time.monotonic() - start:.1f} s)", flush=True)
            except (Failed, OSError, TypeError, subprocess.SubprocessError) as e:
                bad += 1
                where = traceback.extract_tb(e.__traceback__)
                line = [f.lineno for f in where if f.name.startswith("case_")]
                print(f"FAIL  {name}: line {line}: {e}", flush=True)
            finally:
                world.end()
    print(f"{len(chosen) - bad} passed, {bad} failed")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main())
