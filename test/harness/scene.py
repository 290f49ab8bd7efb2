# SPDX-License-Identifier: GPL-2.0-only
"""Processes to be dumped: prog/scene and its like, and whether they run."""

import contextlib
import mmap
import os
import pathlib
import re
import select
import struct
import subprocess
import time

from runner import procs

from . import HELPERS

READY_SECONDS = 10.0
BEAT_SECONDS = 5.0
BEATS = struct.Struct("<QQ240s480Q")  # struct scene_beats of prog/scene.h


class Skip(Exception):
    """The case cannot run here; the text says what is missing."""


class Failure(Exception):
    """The case has failed; the text says why."""


def start(program, arguments, cwd, seconds=READY_SECONDS):
    """Starts a helper that says on a descriptor, its first argument, when it is ready. Its pid."""
    read_end, write_end = os.pipe()
    try:
        child = subprocess.Popen(
            [str(program), str(write_end), *map(str, arguments)],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=[write_end],
        )
    except OSError as error:
        os.close(read_end)
        raise Failure(f"{program}: {error.strerror}; make helpers builds it") from error
    finally:
        os.close(write_end)
    pipe = f"pipe:[{os.fstat(read_end).st_ino}]"
    text = _read_line(read_end, program, seconds)
    if text == "ready\n":
        _wait_closed(child.pid, pipe)
    else:
        child.wait()
        if text.startswith("skip: "):
            raise Skip(text[6:].strip())
        raise Failure(f"{pathlib.Path(program).name} {' '.join(map(str, arguments))}: {text!r}")
    child.returncode = 0  # whoever reaps it, it is not Popen
    return child.pid


def _wait_closed(pid, pipe):
    """Until it has closed what it was ready on: a dump is not to meet that. Who waits for the
    child of its vfork(2), which was ready, does not come to that."""
    deadline = time.monotonic() + READY_SECONDS
    while pipe in _links(pid) and not status(pid, pid).get("State", "").startswith("D"):
        if time.monotonic() > deadline:
            raise Failure(f"pid {pid}: ready, and has not closed {pipe}")
        time.sleep(0.001)


def _links(pid):
    links = set()
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                links.add(os.readlink(f"/proc/{pid}/fd/{fd}"))
    return links


def _read_line(fd, program, seconds):
    """A line, or what came before the end of file."""
    text = b""
    deadline = time.monotonic() + seconds
    try:
        while not text.endswith(b"\n"):
            left = max(0.0, deadline - time.monotonic())
            if not select.select([fd], [], [], left)[0]:
                raise Failure(f"{program}: not ready within {seconds:g} s")
            part = os.read(fd, 4096)
            if not part:
                break
            text += part
    finally:
        os.close(fd)
    return text.decode()


def threads(pid):
    """The threads of PID; [] if it is gone."""
    try:
        return sorted(map(int, os.listdir(f"/proc/{pid}/task")))
    except OSError:
        return []


def status(pid, tid):
    """/proc/PID/task/TID/status as a dictionary; {} if it is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/task/{tid}/status").read_text()
    except OSError:
        return {}
    return dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))


class Scene:
    """A tree made by prog/scene."""

    def __init__(self, directory, name, *arguments, program="scene"):
        self.name = name
        self.program = program if os.path.isabs(program) else str(HELPERS / program)
        self.comm = os.path.basename(self.program)
        self._beats = pathlib.Path(directory) / f"{name}.{os.urandom(4).hex()}.beat"
        with open(self._beats, "xb") as file:
            file.truncate(BEATS.size)
        with open(self._beats, "rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        self.pid = start(self.program, [self._beats, name, *arguments], directory)
        # Only then it has closed what it said it with.
        procs.wait_until(lambda: any(self.beats()[:1]), BEAT_SECONDS, f"{name}: the first beat")

    @property
    def is_moving(self):
        """Two looks at it are never the same."""
        return self.name == "busy"

    def excuses(self, fact):
        """May FACT (as runner.snapshot names it) change on its own?"""
        return self.is_moving and fact in ("status.SigPnd", "status.ShdPnd")

    def pids(self):
        """The processes of the tree."""
        return procs.tree(self.pid)

    def beats(self):
        """The counters in use."""
        number, _, _, *slots = BEATS.unpack(self._map)
        return slots[:number]

    def expect_no_errors(self):
        """The program itself has found nothing wrong."""
        _, errors, text, *_ = BEATS.unpack(self._map)
        if errors:
            first = text.split(b"\0")[0].decode(errors="replace")
            raise Failure(f"pid {self.pid} ({self.name}): {errors} errors, the first: {first}")

    def is_running(self):
        """The root is there, and no zombie."""
        return status(self.pid, self.pid).get("State", "X")[0] not in "XZ"

    def expect_beats(self, but=()):
        """Everybody who counts goes on counting."""
        before = self.beats()

        def all_moved():
            now = self.beats()
            return all(n > b for i, (b, n) in enumerate(zip(before, now)) if i not in but)

        try:
            procs.wait_until(all_moved, BEAT_SECONDS, "progress")
        except procs.Timeout as error:
            still = [i for i, (b, n) in enumerate(zip(before, self.beats())) if n <= b]
            raise Failure(f"pid {self.pid} ({self.name}): makes no progress: {still}") from error

    def expect_untraced(self):
        """Nobody traces a thread of it, none has been left stopped by a tracer."""
        for pid in self.pids():
            for tid in threads(pid):
                facts = status(pid, tid)
                if facts.get("TracerPid", "0") != "0":
                    raise Failure(f"thread {tid} of {pid} is traced by {facts['TracerPid']}")
                if facts.get("State", "S").startswith("t"):
                    raise Failure(f"thread {tid} of {pid} is in a tracing stop")

    def close(self):
        """Forgets the counters; the processes are killed by who owns all."""
        self._map.close()
