# SPDX-License-Identifier: GPL-2.0-only
"""One case: a directory, scenes in it, crtool run on them, and what must be as it was."""

import contextlib
import ctypes
import dataclasses
import hashlib
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time

from runner import procs, snapshot

from .scene import Failure, Scene, start, status
from . import HELPERS

CLONE_NEWNS = 0x20000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
MNT_DETACH = 2
GONE_SECONDS = 5.0
DIFFERENCES_SHOWN = 20

# What a message must not have: Documentation/errors.md.
UNREADABLE = (
    (re.compile(r"[\x00-\x1f\x7f-\x9f]"), "has control characters"),
    (re.compile(r"\\x[89a-f][0-9a-f]"), "is not UTF-8"),
)
UGLY = UNREADABLE + (
    (re.compile(r"\bfailed\b"), "says that it failed"),
    (re.compile(r"(?<![\w-])-1\b"), "shows -1"),
    (re.compile(r"\(null\)|%[sdux](?![0-9A-Za-z])|\(\)"), "has a hole"),
    (re.compile(r"\b[a-z]+_[a-z_]+\(\)"), "names a function"),
    (re.compile(r"\.$"), "ends with a full stop"),
    (re.compile(r"Success"), "has no cause"),
)


def private_mounts():
    """Mounts that we make are ours alone: they go with us."""
    if procs.libc.unshare(CLONE_NEWNS) or procs.libc.mount(
        b"none", b"/", None, MS_REC | MS_PRIVATE, None
    ):
        raise OSError(ctypes.get_errno(), "a mount namespace of our own")


def unmount_below(top):
    """Ends the mounts on TOP and below it; they are in a namespace of ours."""
    for line in reversed(pathlib.Path("/proc/self/mounts").read_text().splitlines()):
        path = line.split()[1]
        if pathlib.Path(path).is_relative_to(top):
            procs.libc.umount2(os.fsencode(path), MNT_DETACH)


@dataclasses.dataclass
class Outcome:
    """How a run of crtool ended."""

    words: list
    code: int
    out: str
    err: str
    seconds: float
    log: pathlib.Path = None


def matches(expected, text):
    """Is TEXT what was EXPECTED, in which <*> stands for anything?"""
    pattern = ".*".join(re.escape(part) for part in expected.split("<*>"))
    return re.fullmatch(pattern, text) is not None


def listing(top, without=()):
    """All files below TOP with what they are and hold, except the counters of scenes."""
    found = {}
    for folder, folders, files in os.walk(top):
        folders[:] = [name for name in folders if os.path.join(folder, name) not in without]
        for name in folders + files:
            path = os.path.join(folder, name)
            if not name.endswith(".beat"):
                found[os.path.relpath(path, top)] = _file_facts(path)
    return found


def _file_facts(path):
    info = os.lstat(path)
    kind = stat.S_IFMT(info.st_mode)
    if kind == stat.S_IFDIR:
        return (oct(info.st_mode),)
    content = ""
    if kind == stat.S_IFLNK:
        content = os.readlink(path)
    elif kind == stat.S_IFREG:
        with open(path, "rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
    return (oct(info.st_mode), info.st_ino, info.st_size, info.st_mtime_ns, content)


class World:
    """What a case is given."""

    def __init__(self, name, options):
        self.options = options
        prefix = re.sub(r"\W+", "-", name) + "."
        self.top = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=options.top))
        self.top.chmod(0o755)
        self.images = self.folder("images")
        self.work = self.folder("work")
        self.cwd = self.folder("cwd")
        self.scenes = []
        self.said = []  # for -v
        self._elsewhere = []
        self._runs = 0

    # --- making ----------------------------------------------------------------------

    def folder(self, name):
        """A new directory."""
        path = self.top / name
        path.mkdir()
        return path

    def file(self, name, content="content\n", mode=0o644):
        """A new file."""
        path = self.top / name
        path.write_text(content)
        path.chmod(mode)
        return path

    def scene(self, name="plain", *arguments, program="scene", top=None):
        """A tree that runs, in a directory of ours or in TOP."""
        scene = Scene(top or self.top, name, *arguments, program=program)
        self.scenes.append(scene)
        return scene

    def helper(self, name, *arguments):
        """Another helper; returns its pid."""
        return start(HELPERS / name, arguments, self.top)

    def elsewhere(self):
        """A directory that every user may look into."""
        path = pathlib.Path(tempfile.mkdtemp(prefix="crtool-test."))
        path.chmod(0o755)
        self._elsewhere.append(path)
        return path

    @staticmethod
    def mount(path, kind, source="none", data="", flags=0):
        """A mount that ends with the case."""
        if procs.libc.mount(
            os.fsencode(source), os.fsencode(path), kind.encode(), flags, data.encode()
        ):
            raise OSError(ctypes.get_errno(), f"mount {kind} on {path}")

    @staticmethod
    def unmount(path):
        """The end of it, before that of the case."""
        procs.libc.umount2(os.fsencode(path), MNT_DETACH)

    def tmpfs(self, name, size):
        """A small file system, SIZE as mount(8) has it."""
        path = self.folder(name)
        self.mount(path, "tmpfs", data=f"size={size}")
        return path

    @contextlib.contextmanager
    def hidden(self, path):
        """PATH is below another mount."""
        self.mount(path, "tmpfs")
        try:
            yield
        finally:
            self.unmount(path)

    def read_only(self, path):
        """PATH can still be seen, and no more written to."""
        self.mount(path, "", source=path, flags=MS_BIND)
        if procs.libc.mount(None, os.fsencode(path), None, MS_BIND | MS_REMOUNT | MS_RDONLY, None):
            raise OSError(ctypes.get_errno(), f"make {path} read-only")

    # --- running crtool --------------------------------------------------------------

    def command(self, *words, log=True, program=None):
        """The words of a command line, with a log in the work directory."""
        line = [str(program or self.options.crtool), *map(str, words)]
        if log:
            self._runs += 1
            line += ["-W", str(self.work), "-o", f"{self._runs}.log", "-v4"]
        return line

    def spawn(self, *words, log=True, program=None, user=None, cwd=None, pass_fds=()):
        """crtool, running; ended() goes with it."""
        return self.popen(
            self.command(*words, log=log, program=program),
            cwd=cwd or self.cwd,
            pass_fds=pass_fds,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )

    @staticmethod
    def popen(line, **more):
        """What it says goes into files: who inherits a pipe could keep us waiting."""
        files = [tempfile.TemporaryFile() for _ in range(2)]
        child = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=files[0], stderr=files[1], **more
        )
        child.files = files
        return child

    def crtool(self, *words, log=True, **more):
        """Runs crtool to its end."""
        started = time.monotonic()
        child = self.spawn(*words, log=log, **more)
        outcome = self.ended(child, started)
        if log:
            outcome.log = self.last_log()
        return outcome

    def last_log(self):
        """The log of the last command line that had one."""
        return self.work / f"{self._runs}.log"

    def ended(self, child, started=0.0):
        """The Outcome of a crtool that was spawned."""
        try:
            child.wait(self.options.timeout)
        except subprocess.TimeoutExpired as error:
            child.kill()
            child.wait()
            line = " ".join(child.args).replace(str(self.top) + "/", "")
            raise Failure(f"{line}: still running after {self.options.timeout:g} s") from error
        text = []
        for file in child.files:
            file.seek(0)
            text.append(file.read().decode(errors="backslashreplace"))
            file.close()
        outcome = Outcome(child.args, child.returncode, *text, time.monotonic() - started)
        self.said += outcome.err.splitlines()
        return outcome

    def dump(self, scene, *options, images=None, **more):
        """A dump that has to succeed."""
        words = ["dump", "-D", images or self.images, "-t", scene.pid, *options]
        pids = scene.pids()
        self.succeeded(self.crtool(*words, **more))
        if not {"-R", "-s"} & set(options):
            self.wait_gone(scene, pids)

    def restore(self, scene, *options, images=None, **more):
        """A restore that has to succeed."""
        words = ["restore", "-d", "-D", images or self.images, *options]
        self.succeeded(self.crtool(*words, **more))
        scene.expect_beats()
        scene.expect_untraced()

    def succeeded(self, outcome):
        """Exit code 0, and not a word."""
        if outcome.code or outcome.out or outcome.err:
            raise Failure(f"{self.line(outcome)}\nexit code {outcome.code} instead of 0\n"
                          f"{outcome.out}{outcome.err}".rstrip())

    def line(self, outcome):
        """The command line, short enough to read."""
        return " ".join(outcome.words).replace(str(self.top) + "/", "")

    def wait_gone(self, scene, pids=None):
        """Nothing of the tree is left. We are the reaper of its orphans."""
        pids = pids or [scene.pid]

        def gone():
            procs.reap()
            return not any(os.path.exists(f"/proc/{pid}") for pid in pids)

        procs.wait_until(gone, GONE_SECONDS, f"pid {scene.pid} ({scene.name}) to be gone")

    def kill(self, scene):
        """Ends a tree."""
        pids = scene.pids()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.wait_gone(scene, pids)

    # --- what must be as it was --------------------------------------------------------

    def look(self):
        """Everything that a refused run may not change."""
        procs.reap()
        trees = {}
        for scene in self.scenes:
            if scene.is_running():
                take = snapshot.Snapshot if scene.is_moving else snapshot.settled
                trees[scene] = take(scene.pid)
        return {
            "files": listing(self.top, without=(str(self.work),)),
            "mounts": pathlib.Path("/proc/self/mounts").read_text(),
            "processes": self._processes(),
            "trees": trees,
        }

    def _processes(self):
        """Everything below us: pid, name, state and tracer."""
        found = {}
        for pid in procs.tree(os.getpid()):
            if pid != os.getpid():
                facts = status(pid, pid)
                found[pid] = facts.get("Name"), facts.get("TracerPid")
        return found

    def expect_same(self, before, patient=False):
        """Raises Failure if something is not as it was. PATIENT: killed processes may still go."""
        if patient:
            try:
                procs.wait_until(
                    lambda: procs.reap() is not None and self._processes() == before["processes"],
                    1, "processes to go")
            except procs.Timeout:
                pass  # the comparison tells which are left
        after = self.look()
        lines = _changes("file", before["files"], after["files"])
        lines += _changes("process", before["processes"], after["processes"])
        if before["mounts"] != after["mounts"]:
            lines.append("the mounts have changed")
        for scene, was in before["trees"].items():
            if scene not in after["trees"]:
                lines.append(f"pid {scene.pid} ({scene.name}) is gone")
            else:
                now = after["trees"][scene]
                lines += snapshot.differences(was, now, scene.excuses)
        if len(lines) > DIFFERENCES_SHOWN:
            lines[DIFFERENCES_SHOWN:] = [f"... and {len(lines) - DIFFERENCES_SHOWN} more"]
        if lines:
            raise Failure("\n".join(["it is not as it was before:"] + lines))

    def expect_running(self, but=()):
        """All scenes run, and nobody traces them."""
        for scene in self.scenes:
            if scene.is_running() and scene not in but:
                scene.expect_beats()
                scene.expect_untraced()

    # --- refusals --------------------------------------------------------------------

    def refuses(self, words, *lines, code=1, but=(), patient=False, **more):
        """
        crtool WORDS ends with CODE, says LINES on standard error and nothing else, and leaves
        everything as it was. Scenes in BUT do not run, on purpose.
        """
        before = self.look()
        outcome = self.crtool(*words, **more)
        self.check_refusal(outcome, lines, code)
        self.expect_same(before, patient)
        self.expect_running(but)
        return outcome

    def check_refusal(self, outcome, lines=None, code=1, sins=UGLY):
        """
        The exit code, and the text on standard error and at the end of the log. Without LINES
        it may be any error, in the form that all have; where names may be anything, UNREADABLE
        are its SINS.
        """
        told = f"{self.line(outcome)}\nexit code {outcome.code}, stderr:\n{outcome.err}".rstrip()
        if outcome.code != code:
            raise Failure(f"exit code {code} expected: {told}")
        if outcome.out:
            raise Failure(f"there is something on standard output: {outcome.out!r}\n{told}")
        got = outcome.err.removesuffix("\n").split("\n") if outcome.err else []
        if lines is None:
            if not got or not got[0].startswith("crtool: ") or any(
                not line.startswith("  ") for line in got[1:]
            ):
                raise Failure(f"not one error: {told}")
        else:
            wanted = ["crtool: " + lines[0]] + ["  " + line for line in lines[1:]]
            if not self._same_lines(wanted, got):
                raise Failure("\n".join(["expected:"] + wanted + ["instead of what came:", told]))
        for pattern, sin in sins:
            if pattern.search(got[0]):
                raise Failure(f"the line {sin}: {got[0]}")
        self._check_log(outcome)

    @staticmethod
    def _same_lines(wanted, got):
        """The first as it is, the others in any order."""
        if len(wanted) != len(got) or not got or not matches(wanted[0], got[0]):
            return False
        left = wanted[1:]
        for line in got[1:]:
            found = next((text for text in left if matches(text, line)), None)
            if found is None:
                return False
            left.remove(found)
        return True

    def _check_log(self, outcome):
        """The error is the end of the log, too."""
        if not outcome.log or not outcome.log.exists() or outcome.code != 1:
            return
        text = outcome.log.read_text(errors="backslashreplace")
        records = re.split(r"^\(\d+\.\d+\) \d+ (?=\S+ \w+: )", text, flags=re.MULTILINE)
        last = records[-1].rstrip("\n")
        error = outcome.err.rstrip("\n").removeprefix("crtool: ")
        if not last.endswith(" Error: " + error):
            raise Failure(f"the log ends with {last!r} instead of the error")

    # --- the end ---------------------------------------------------------------------

    def close(self):
        """Nothing stays."""
        procs.kill_all()
        for scene in self.scenes:
            scene.close()
        unmount_below(self.top)
        for path in [self.top, *self._elsewhere]:
            shutil.rmtree(path, ignore_errors=True)


def _changes(kind, before, after):
    lines = []
    for name in sorted(set(before) | set(after), key=str):
        if name not in after:
            lines.append(f"{kind} {name} is gone")
        elif name not in before:
            lines.append(f"{kind} {name} is new: {after[name]}")
        elif before[name] != after[name]:
            lines.append(f"{kind} {name} has changed: {before[name]} -> {after[name]}")
    return lines
