#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
How long a tree that runs on stands still, and what a chain of dumps writes. See README.md and
Documentation/performance.md.
"""

import argparse
import functools
import os
import pathlib
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import live_redis  # noqa: E402
from bench import frozen_seconds  # noqa: E402
from harness import CRTOOL, DUMP, HELPERS, suite  # noqa: E402
from harness.scene import Failure, start  # noqa: E402
from runner import procs  # noqa: E402

RUN_SECONDS = 120.0
START_SECONDS = 120.0  # memory that is touched for the first time may be slow
FLOOR_ROUNDS = 3
STORM_SECONDS = 0.3  # before and after what is measured


class Writer:
    """writer.c, running."""

    def __init__(self, top, mib):
        self.file = top / "told"
        self.pid = start(HELPERS / "writer", [mib, self.file], top, START_SECONDS)

    def told(self):
        """Rounds, and the longest gap in ns."""
        return struct.unpack("=QQ", self.file.read_bytes())

    def write_some(self):
        """One page in a hundred; returns when it has."""
        rounds = self.told()[0]
        os.kill(self.pid, signal.SIGUSR1)
        procs.wait_until(lambda: self.told()[0] > rounds, 10, "pages to be written")

    def storm(self):
        """It writes all the time from now on."""
        os.kill(self.pid, signal.SIGUSR2)
        procs.wait_until(lambda: self.told()[1] > 0, 10, "the storm to begin")
        time.sleep(STORM_SECONDS)  # pages that were never written to cost more

    def write_evenly(self):
        """One page in a hundred a second, from now on."""
        rounds = self.told()[0]
        os.kill(self.pid, signal.SIGALRM)
        procs.wait_until(lambda: self.told()[0] > rounds + 10, 10, "pages to be written")

    def forget(self):
        """The longest gap counts from now on."""
        with open(self.file, "r+b") as file:
            file.seek(8)
            file.write(bytes(8))

    def end(self):
        """Gone."""
        os.kill(self.pid, signal.SIGKILL)
        self.wait_gone()

    def wait_gone(self):
        """Dead, and reaped."""
        procs.wait_until(lambda: procs.reap() is not None and
                         not os.path.exists(f"/proc/{self.pid}"), 10, "the writer to end")


def _pages(images):
    """Bytes of page contents, with those that were copied ahead of the freeze."""
    return sum(path.stat().st_size for path in images.glob("**/pages-*.img"))


class Live:
    """Directories, figures and limits."""

    def __init__(self, options):
        self.options = options
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="live.", dir=options.dir or DUMP)).resolve()
        self.figures = {}
        self.limits = {}
        self.floors = {}

    def close(self):
        """Nothing stays."""
        procs.kill_all()
        shutil.rmtree(self.top, ignore_errors=True)

    def note(self, what, value, unit, limit=None, floor=()):
        """One figure of a round, and what floor.c is asked for what the kernel needs."""
        self.figures.setdefault((what, unit), []).append(value)
        self.limits[what] = limit
        self.floors[what] = floor

    def floor(self, what):
        """Milliseconds, the least of some runs of all that is asked for; None: nothing is."""
        words = self.floors[what]
        return sum(self.floor_of(*line) for line in words) if words else None

    @functools.cache
    def floor_of(self, *words):
        """The same of one line."""
        line = [str(HELPERS / "floor"), *map(str, words)]
        return min(float(subprocess.run(line, check=True, capture_output=True, text=True,
                                        timeout=RUN_SECONDS).stdout)
                   for _ in range(FLOOR_ROUNDS)) * 1e3

    def frozen(self, what, images, limit=None, floor=()):
        """How long the tree stood still."""
        self.note(f"{what}: frozen", frozen_seconds(images / "stats-dump") * 1e3, "ms", limit,
                  floor)

    def run(self, command, name, pid, *words):
        """Images go into a directory of that name, which is returned."""
        images = self.top / name
        shutil.rmtree(images, ignore_errors=True)
        images.mkdir()
        line = [self.options.crtool, command, "-D", images, "-t", pid, *words]
        done = subprocess.run(list(map(str, line)), capture_output=True, text=True, check=False,
                              timeout=RUN_SECONDS)
        if done.returncode:
            raise Failure(f"{command}: {done.stderr}")
        return images

    def scan(self, mib=None):
        """What the kernel takes to tell which pages are there."""
        return ("scan", mib or self.options.mib)

    def chain(self):
        """Two pre-dumps and a dump, one page in a hundred written in between."""
        writer = Writer(self.top, self.options.mib)
        total = self.options.mib << 20
        images = self.run("pre-dump", "1", writer.pid)
        self.frozen("first pre-dump", images, None, (self.scan(),))
        for number, command in (("2", "pre-dump"), ("3", "dump")):
            writer.write_some()
            prev = f"../{int(number) - 1}"
            images = self.run(command, number, writer.pid, "--prev-images-dir", prev)
            what = "second pre-dump" if command == "pre-dump" else "dump"
            scatter = () if command == "pre-dump" else (("scatter", self.options.mib, self.top),)
            self.frozen(what, images, 10, (self.scan(), *scatter))
            self.note(f"{what}: written", 100 * _pages(images) / total, "%", 3)
        writer.wait_gone()
        line = [self.options.crtool, "restore", "-d", "-D", images]
        subprocess.run(list(map(str, line)), check=True, timeout=RUN_SECONDS)
        writer.write_some()
        writer.end()

    def steady(self, mib):
        """
        Much memory, one page in a hundred of it written every second. As long as a pre-dump takes,
        so much is left for the next; the floor of it is a plain write of as many bytes. One is
        made before: memory that is touched for the first time may take ten times as long.
        """
        writer = Writer(self.top, mib)
        subprocess.run([HELPERS / "floor", "write", str(mib), self.top], check=True,
                       capture_output=True, timeout=RUN_SECONDS)
        writer.write_evenly()
        images = None
        for number, command in (("1", "pre-dump"), ("2", "pre-dump"), ("3", "dump")):
            prev = ("--prev-images-dir", f"../{int(number) - 1}") if images else ()
            start = time.monotonic()
            images = self.run(command, number, writer.pid, *prev)
            seconds = time.monotonic() - start
            written = _pages(images)
            what = f"{mib / 1024:g} GiB, 1 % a second: {number}. {command}"
            write = ("write", max(1, written >> 20), self.top)
            if command == "dump":
                self.frozen(what, images, 40, (self.scan(mib), write))
            else:
                self.note(what, seconds * 1e3, "ms", None, (write,))
            self.note(f"{what}: written", 100 * written / (mib << 20), "%")
        writer.wait_gone()

    def storm(self, command, *words, frozen=None, stall=None):
        """Somebody writes all the time."""
        writer = Writer(self.top, self.options.mib)
        writer.storm()
        writer.forget()
        images = self.run(command, "storm", writer.pid, *words)
        time.sleep(STORM_SECONDS)
        name = " ".join((command, *words))
        floor = (self.scan(),) if command == "pre-dump" else (("fork-memory", self.options.mib),)
        self.frozen(name, images, frozen, floor)
        self.note(f"{name}: longest gap of a writer", writer.told()[1] / 1e6, "ms", stall, floor)
        writer.end()

    def redis(self):
        """A server under load, and what its own way of a snapshot takes."""
        for what, value, limit in live_redis.stalls(self):
            self.note(what, value, "ms", limit)

    def show(self):
        """The table."""
        print("| what | minimum | median | floor | at most |\n|---|---|---|---|---|")
        for (what, unit), values in self.figures.items():
            limit, floor = self.limits[what], self.floor(what)
            verdict = "" if limit is None else f"{limit} {unit}: " + (
                "reached" if min(values) <= limit else "MISSED")
            least = "" if floor is None else f"{floor:.1f} {unit}"
            print(f"| {what} | {min(values):.1f} {unit} | {statistics.median(values):.1f} {unit} "
                  f"| {least} | {verdict} |")


def _free_mib():
    """Memory that is available."""
    text = pathlib.Path("/proc/meminfo").read_text(encoding="ascii")
    return int(re.search(r"MemAvailable: *(\d+)", text).group(1)) >> 10


def _run_all(live, options):
    for _ in range(options.rounds):
        live.chain()
        live.storm("dump", "-R", frozen=70, stall=100)
        live.storm("pre-dump")
    if options.steady_mib and _free_mib() < 2 * options.steady_mib:
        print(f"left out: {options.steady_mib} MiB that are written to steadily: "
              f"{_free_mib()} MiB are available")
    elif options.steady_mib:
        live.steady(options.steady_mib)
    if live_redis.is_there():
        for _ in range(options.rounds):
            live.redis()
    else:
        print("left out: redis: redis-server or redis-benchmark is not installed")
    live.show()


def main():
    """All of it, some times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-m", "--mib", type=int, default=1024)
    parser.add_argument("-r", "--rounds", type=int, default=3)
    parser.add_argument("--steady-mib", type=int, default=8192, metavar="MIB",
                        help="memory of the one that writes steadily; 0: leave it out")
    parser.add_argument("-d", "--dir", metavar="DIR", help="for images; test/dump if not given")
    parser.add_argument("--crtool", metavar="PATH", default=str(CRTOOL))
    parser.add_argument("--no-build", action="store_true", help="the helpers are there")
    options = parser.parse_args()
    trouble = suite.prepare_programs(options)
    if trouble or os.geteuid():
        print(f"live.py: {trouble or 'needs root'}", file=sys.stderr)
        return 2
    procs.become_reaper()
    live = Live(options)
    try:
        _run_all(live, options)
    except (Failure, procs.Timeout, subprocess.SubprocessError) as error:
        print(f"live.py: {error}", file=sys.stderr)
        return 1
    finally:
        live.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
