# SPDX-License-Identifier: GPL-2.0-only
"""The part of scripts/demo that runs when everything is built."""

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROGRAM = "build/demo/counter"
CRTOOL = "criu/crtool"
PATIENCE = 20.0  # seconds for anything
NUMBERS = 4  # to be seen before and after


class Wrong(Exception):
    """Something is not as it should be."""


def say(text=""):
    """A line of our own."""
    print(text, flush=True)


class Terminal:
    """A shell in a terminal of its own. What the terminal shows is shown here, behind a bar."""

    def __init__(self):
        self.pid, self.fd = pty.fork()
        if not self.pid:
            os.environ.update(PS1="$ ", TERM="dumb")
            os.execv("/bin/bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"])
        self.line = ""
        self.lines = []
        self.numbers = {}  # by thread: the last one

    def command(self, line):
        """Typed when the shell has asked for it."""
        self.wait(lambda: self.line.endswith("$ "), "the prompt")
        self.type(line + "\n")

    def type(self, keys):
        """As from a keyboard."""
        os.write(self.fd, keys.encode())

    def _take(self, line):
        line = line.rstrip("\r")
        say(f"    | {line}")
        self.lines.append(line)
        found = re.fullmatch(r"(?:thread (\d+): )?(\d+)", line)
        if not found:
            return
        thread, number = int(found[1] or 0), int(found[2])
        expected = self.numbers.get(thread, -1) + 1
        if number != expected:
            raise Wrong(f"{number} came where {expected} was to come")
        self.numbers[thread] = number

    def read(self, seconds):
        """What there is to be read, or comes within this time."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return
        *whole, self.line = (self.line + os.read(self.fd, 4096).decode()).split("\n")
        for line in whole:
            self._take(line)

    def wait(self, condition, what):
        """Reads until CONDITION() is true."""
        end = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > end:
                raise Wrong(f"{what} did not come in {PATIENCE:g} seconds")
            self.read(0.1)

    def wait_numbers(self, threads, last):
        """Until the main thread and THREADS others have come to LAST."""
        self.wait(lambda: all(self.numbers.get(i, -1) >= last for i in range(threads + 1)),
                  f"number {last}")

    def children(self):
        """Whom the shell has started."""
        with open(f"/proc/{self.pid}/task/{self.pid}/children", encoding="ascii") as file:
            return [int(pid) for pid in file.read().split()]

    def close(self):
        """The shell and whatever runs in the terminal are hung up."""
        os.close(self.fd)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def runs(pid):
    """Is it there, and is it our program?"""
    try:
        return os.readlink(f"/proc/{pid}/exe") == os.path.realpath(PROGRAM)
    except OSError:
        return False


def run(*words):
    """A command; returns its exit code and what it said."""
    say("    $ " + " ".join(words))
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=PATIENCE, check=False)
    for line in done.stdout.splitlines():
        say("    " + line)
    return done.returncode, done.stdout


class Demo:
    """The counter with THREADS more threads."""

    def __init__(self, threads):
        self.threads = threads
        self.pid = 0
        self.images = tempfile.mkdtemp(prefix="images.", dir="build/demo")
        self.terminal = Terminal()

    def start(self):
        """The program counts."""
        say("A program counts, in a terminal:")
        self.terminal.command(f"{PROGRAM} {self.threads}" if self.threads else PROGRAM)
        self.terminal.wait(self.terminal.children, "the program")
        self.pid = self.terminal.children()[0]
        self.terminal.wait_numbers(self.threads, NUMBERS - 1)
        say(f"  It is process {self.pid}.")

    def refuse(self):
        """Without -j."""
        say("Another terminal asks crtool to save it, which would leave its terminal behind:")
        code, said = run(CRTOOL, "dump", "-t", str(self.pid), "-D", self.images)
        if code != 1 or "--shell-job" not in said:
            raise Wrong("that had to be refused, with a word about --shell-job")
        say(f"  Refused. Process {self.pid} has not noticed:")
        self.terminal.wait_numbers(0, self.terminal.numbers[0] + 1)

    def dump(self):
        """With -j: gone."""
        say("Saved with -j, a job of a shell:")
        code, _ = run(CRTOOL, "dump", "-t", str(self.pid), "-D", self.images, "-j")
        if code:
            raise Wrong("the dump was to end with 0")
        self.terminal.wait(lambda: any("Killed" in line for line in self.terminal.lines),
                           "word of its end")
        if os.path.exists(f"/proc/{self.pid}"):
            raise Wrong(f"process {self.pid} is still there")
        files = [os.path.getsize(os.path.join(self.images, name))
                 for name in os.listdir(self.images)]
        say(f"  The shell has seen its end: there is no process {self.pid} any more. It is in "
            f"{len(files)} files, {sum(files) // 1024} KiB.")

    def restore(self):
        """Back, in the terminal."""
        was = dict(self.terminal.numbers)
        say("Brought back, in the terminal:")
        self.terminal.command(f"{CRTOOL} restore -D {self.images} -j")
        self.terminal.wait_numbers(self.threads, max(was.values()) + NUMBERS)
        if not runs(self.pid):
            raise Wrong(f"it is not process {self.pid} that counts")
        threads = len(os.listdir(f"/proc/{self.pid}/task"))
        if threads != self.threads + 1:
            raise Wrong(f"it has {threads} threads")
        say(f"  It is process {self.pid} again, and has gone on with "
            + ", ".join(str(was[i] + 1) for i in sorted(was)) + ".")

    def end(self):
        """Ctrl-C."""
        say("Ctrl-C reaches it as it did before:")
        self.terminal.type("\x03")
        self.terminal.wait(lambda: not runs(self.pid), "its end")
        self.terminal.wait(lambda: self.terminal.line.endswith("$ "), "the prompt")

    def close(self):
        """Leave nothing behind."""
        self.terminal.close()
        if self.pid and runs(self.pid):
            os.kill(self.pid, signal.SIGKILL)
        shutil.rmtree(self.images, ignore_errors=True)


def show(threads):
    """One round."""
    demo = Demo(threads)
    try:
        demo.start()
        if not threads:
            demo.refuse()
        demo.dump()
        demo.restore()
        demo.end()
    finally:
        demo.close()


def main():
    """Returns the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        say("\n--- A program with one thread\n")
        show(0)
        say("\n--- The same with two more threads\n")
        show(2)
    except (Wrong, OSError, subprocess.TimeoutExpired) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    say("\nNo number was left out, and none came twice.")
    return 0


sys.exit(main())
