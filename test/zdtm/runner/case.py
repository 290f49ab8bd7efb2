# SPDX-License-Identifier: GPL-2.0-only
"""One test from its start to its verdict. Runs in a process of its own (see pool.py)."""

import dataclasses
import os
import pathlib
import random
import shutil
import signal
import tempfile
import time

from . import catalog, procs, snapshot

TAIL_LINES = 25
DIFFERENCES_SHOWN = 40


@dataclasses.dataclass
class Plan:
    """What the command line asks to do with each test."""

    criu: str
    iterations: int = 1
    mode: str = "full"  # or "nocr", "norst", "snapshot"
    keep_images: str = "failed"  # or "never", "always"
    fault_command: str = ""  # "dump" or "restore"
    fault_step: str = ""
    pre_dumps: int = 0
    dedup: int = 0  # of which pre-dump; -1: by each dump, of all before it
    pause: float = 0.0  # at most, before each of them
    timeout: float = 30.0


class Failure(Exception):
    """The test has failed; the text says why."""


def tail(path, title):
    """The last lines of a log, for the report."""
    try:
        lines = pathlib.Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []
    return [f"--- {title} ({path})"] + lines[-TAIL_LINES:]


class Case:
    """One test, being run."""

    def __init__(self, test, plan):
        self.test = test
        self.plan = plan
        self.root = 0
        self.images = None
        self.previous = []  # options that name the last pre-dump
        (catalog.DUMP_DIR / "run").mkdir(parents=True, exist_ok=True)
        prefix = test.short_name + "."
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=catalog.DUMP_DIR / "run"))
        self.scratch.chmod(0o755)
        self.out = self.scratch / "test.out"
        self.ready = self.scratch / "test.pid"

    def run(self):
        """Raises Failure, or procs.Timeout."""
        self._start()
        if self.plan.mode != "nocr":
            for iteration in range(1, self.plan.iterations + 1):
                self._cycle(iteration)
        self._finish()

    def _start(self):
        command = [
            self.test.binary,
            f"--pidfile={self.ready}",
            f"--outfile={self.out}",
            f"--dirname={self.scratch / (self.test.short_name + '.dir')}",
            f"--filename={self.scratch / (self.test.short_name + '.file')}",
            *self.test.arguments,
        ]
        work = self.scratch / "cwd"
        work.mkdir()
        os.umask(0o022)
        code, output = procs.run(command, work, self.plan.timeout)
        if code:
            raise Failure(f"not ready, exit code {code}\n{output}".rstrip())
        self.root = int(self.ready.read_text())
        self.ready.unlink()

    def _cycle(self, iteration):
        before = self._snapshot()
        self.images = catalog.DUMP_DIR / self.test.full_name / str(self.root) / str(iteration)
        shutil.rmtree(self.images, ignore_errors=True)
        self.images.mkdir(parents=True)
        self.previous = []
        if not self._dump_is_to_fail():
            for number in range(1, self.plan.pre_dumps + 1):
                self._pre_dump(number)
        if self._dump_is_to_fail():
            self._dump(expected=1)
            self._compare(before, "after the refused dump")
        elif self.plan.mode == "norst":
            self._dump(expected=0, options=["-R"])
            self._compare(before, "after the dump")
        else:
            if self.plan.mode == "snapshot":
                self._dump(expected=0, options=["-R"])
                procs.kill_all()  # what it has done since is forgotten
            else:
                self._dump(expected=0)
            self._wait_gone(before.pids, "after the dump")
            if self.plan.dedup > 0:
                self._dedup(self.plan.dedup)
            if self.plan.fault_command == "restore":
                self._restore(expected=1, options=["--fault", self.plan.fault_step])
                self._wait_gone(before.pids, "after the restore that had to fail")
            self._restore(expected=0)
            self._compare(before, "after the restore")

    def _run_on(self):
        """What is dumped next is at another point of its work each time."""
        time.sleep(random.uniform(0, self.plan.pause))

    def _dump_is_to_fail(self):
        return self.plan.fault_command == "dump" or "crfail" in self.test.flags

    def _crtool(self, command, log, expected, options, images=None):
        images = images or self.images
        words = [self.plan.criu, command, "-D", images, "-o", log, "-v4", *options]
        code, output = procs.run(words, self.scratch, self.plan.timeout)
        if code != expected:
            said = f"{command}: exit code {code} instead of {expected}\n{output}".rstrip()
            raise Failure("\n".join([said] + tail(images / log, log)))

    def _dump(self, expected, options=()):
        self._run_on()
        extra = [*self.test.dump_options, *options, *self.previous]
        extra += ["--auto-dedup"] if self.plan.dedup < 0 else []
        if self.plan.fault_command == "dump":
            extra += ["--fault", self.plan.fault_step]
        self._crtool("dump", "dump.log", expected, ["-t", self.root, *extra])

    def _pre_dump(self, number):
        """Into a directory of its own, which the next dump builds upon."""
        self._run_on()
        images = self.images.with_name(f"{self.images.name}.pre{number}")
        shutil.rmtree(images, ignore_errors=True)
        images.mkdir()
        words = ["-t", self.root, *self.test.dump_options, *self.previous]
        words += ["--auto-dedup"] if self.plan.dedup < 0 else []
        self._crtool("pre-dump", "pre-dump.log", 0, words, images)
        self.previous = ["--prev-images-dir", f"../{images.name}"]

    def _dedup(self, number):
        """One of the older directories gives up what it has in common with those before."""
        images = self.images.with_name(f"{self.images.name}.pre{number}")
        self._crtool("dedup", "dedup.log", 0, [], images)

    def _restore(self, expected, options=()):
        pidfile = self.images / "restored.pid"
        pidfile.unlink(missing_ok=True)
        extra = ["-d", "--pidfile", pidfile, *self.test.restore_options, *options]
        self._crtool("restore", "restore.log", expected, extra)
        if expected:
            return
        written = pidfile.read_text().strip() if pidfile.exists() else "nothing"
        if written != str(self.root):
            raise Failure(f"restore: the pid file has {written} instead of {self.root}")

    def _wait_gone(self, pids, when):
        """Nothing of the tree may be left. We are the reaper of its orphans."""

        def gone():
            procs.reap()
            return not any(os.path.exists(f"/proc/{pid}") for pid in pids)

        try:
            procs.wait_until(gone, 5, when)
        except procs.Timeout as error:
            left = [str(pid) for pid in pids if os.path.exists(f"/proc/{pid}")]
            raise Failure(f"{when}: still there: {' '.join(left)}") from error

    def _snapshot(self):
        if self.test.is_moving:
            return snapshot.Snapshot(self.root)
        return snapshot.settled(self.root)

    def _compare(self, before, when):
        procs.reap()
        lines = snapshot.differences(before, self._snapshot(), self.test.is_excused)
        if not lines:
            return
        if len(lines) > DIFFERENCES_SHOWN:
            more = len(lines) - DIFFERENCES_SHOWN
            lines = lines[:DIFFERENCES_SHOWN] + [f"... and {more} more"]
        raise Failure("\n".join([f"{when}, /proc differs:"] + lines))

    def _finish(self):
        """SIGTERM is the question, the last line of the out file and the exit code the answer."""
        try:
            os.kill(self.root, signal.SIGTERM)
        except ProcessLookupError as error:
            raise Failure("the test is gone before its end") from error
        status = procs.wait_until(
            lambda: [procs.reap().get(self.root)] if self._is_over() else None,
            self.plan.timeout,
            "the verdict after SIGTERM",
        )[0]
        lines = self.out.read_text(errors="replace").splitlines()
        if not lines or lines[-1] != "PASS":
            raise Failure(f"no PASS from the test (wait status {status})")
        if status:
            raise Failure(f"PASS, but the wait status is {status:#x}")

    def _is_over(self):
        """True when the root is dead, reaped or not."""
        return not procs.living_threads(self.root)

    def logs(self):
        """The tails that explain a failure."""
        lines = tail(self.out, "out file")
        if self.images:
            for log in ("dump.log", "restore.log"):
                lines += tail(self.images / log, log)
        return lines

    def clean(self, failed):
        """Ends what is left of the test and removes its files, unless they are to be kept."""
        procs.kill_all()
        keep = self.plan.keep_images
        if keep == "always" or (keep == "failed" and failed):
            return
        shutil.rmtree(self.scratch, ignore_errors=True)
        if self.images:
            shutil.rmtree(self.images.parent, ignore_errors=True)
            try:
                self.images.parent.parent.rmdir()
            except OSError:
                pass  # something of another run is to be kept


def run_case(test, plan):
    """Returns (verdict, text): "passed" or "failed"."""
    case = Case(test, plan)
    failed = False
    try:
        case.run()
        return "passed", ""
    except (Failure, procs.Timeout) as error:
        failed = True
        text = str(error)
        seen = [line for line in case.logs() if line not in text.splitlines()]
        return "failed", "\n".join([text] + seen)
    finally:
        case.clean(failed)
