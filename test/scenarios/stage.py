# SPDX-License-Identifier: GPL-2.0-only
"""What scenarios are written with: a program on a stage of its own, saved and brought back."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

from runner import procs
from harness.scene import Failure, Skip

SECONDS = 20.0


def run(world, scenario):
    """Skips a scenario whose PROGRAMS are not all there."""
    for program in scenario.PROGRAMS:
        if not shutil.which(program):
            raise Skip(f"{program} is not installed")
    return scenario.run(Stage(world))


def wait_until(condition, what, seconds=SECONDS):
    """Waits for an event that CONDITION sees. Its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failure(f"waited for {seconds:g} s in vain: {what}")
        time.sleep(0.01)


def expect(condition, text):
    """What has to be so."""
    if not condition:
        raise Failure(text)


def free_port():
    """A TCP port that nobody has."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Stage:
    """A directory, programs that run in it, and the two commands."""

    def __init__(self, world):
        self.world = world
        self.top = world.top
        self._dumps = 0

    def start(self, *command, **more):
        """
        A program in a session of its own, with no terminal; what it says goes to the file out.
        Its pid. It is ours to reap, before and after a dump.
        """
        with open(self.top / "out", "ab") as out:
            child = subprocess.Popen(
                [str(word) for word in command], cwd=self.top, stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.STDOUT, start_new_session=True, **more)
        child.returncode = 0  # whoever reaps it, it is not Popen
        return child.pid

    def out(self):
        """What the programs have said."""
        return (self.top / "out").read_text(errors="replace")

    def tell(self, *command, **more):
        """A command that ends by itself, and well: what it says."""
        done = subprocess.run([str(word) for word in command], cwd=self.top, check=False,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=SECONDS, **more)
        if done.returncode:
            raise Failure(f"{' '.join(map(str, command))}: exit code {done.returncode}\n"
                          f"{done.stdout}{done.stderr}".rstrip())
        return done.stdout

    def file(self, name):
        """A file of the stage: its path."""
        return self.top / name

    def read(self, name):
        """Its contents; empty if it is not there yet."""
        path = pathlib.Path(self.file(name))
        return path.read_text() if path.exists() else ""

    def save(self, pid, *options):
        """Dumps the tree of PID, and sees it go. Where the images are."""
        self._dumps += 1
        images = self.world.folder(f"images{self._dumps}")
        pids = procs.tree(pid)
        self.world.succeeded(self.world.crtool("dump", "-D", images, "-t", pid, *options))
        if not {"-R", "-s"} & set(options):
            self.wait_gone(pids)
        return images

    @staticmethod
    def wait_gone(pids):
        """Sees that all of PIDS have ended."""
        def gone():
            procs.reap()
            return not any(os.path.exists(f"/proc/{pid}") for pid in pids)

        wait_until(gone, f"{pids} to be gone")

    def bring_back(self, images, *options, under=()):
        """Restores it, as our child's child that we reap; UNDER begins the command line."""
        words = [*under, self.world.options.crtool, "restore", "-d", "-D", images, *options]
        self.world.succeeded(self.world.crtool(*words[1:], program=words[0]))

    def save_and_bring_back(self, pid, *options):
        """Both, with options for the dump; a trial before says that it will work."""
        outcome = self.world.crtool("check", "-t", pid, *options)
        if outcome.code or outcome.out != "Looks good.\n":
            raise Failure(f"{self.world.line(outcome)}\n{outcome.out}{outcome.err}".rstrip())
        self.bring_back(self.save(pid, *options))

    def end(self, pid):
        """Ends a tree."""
        pids = procs.tree(pid)
        for one in pids:
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.wait_gone(pids)
