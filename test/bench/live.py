#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
How long a tree that runs on stands still, and what a chain of dumps writes. See README.md and
Documentation/performance.md.
"""

import argparse
import os
import pathlib
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

from bench import frozen_seconds  # noqa: E402
from harness import CRTOOL, DUMP, HELPERS, suite  # noqa: E402
from harness.scene import Failure, start  # noqa: E402
from runner import procs  # noqa: E402

RUN_SECONDS = 120.0
STORM_SECONDS = 0.3  # before and after what is measured


class Writer:
    """writer.c, running."""

    def __init__(self, top, mib):
        self.file = top / "told"
        self.pid = start(HELPERS / "writer", [mib, self.file], top)

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
    """Bytes of page contents."""
    return sum(path.stat().st_size for path in images.glob("pages-*.img"))


class Live:
    """Directories, figures and limits."""

    def __init__(self, options):
        self.options = options
        self.top = pathlib.Path(tempfile.mkdtemp(prefix="live.", dir=options.dir or DUMP))
        self.figures = {}
        self.limits = {}

    def close(self):
        """Nothing stays."""
        procs.kill_all()
        shutil.rmtree(self.top, ignore_errors=True)

    def note(self, what, value, unit, limit=None):
        """One figure of a round."""
        self.figures.setdefault((what, unit), []).append(value)
        self.limits[what] = limit

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

    def chain(self):
        """Two pre-dumps and a dump, one page in a hundred written in between."""
        writer = Writer(self.top, self.options.mib)
        total = self.options.mib << 20
        images = self.run("pre-dump", "1", writer.pid)
        self.note("first pre-dump: frozen", frozen_seconds(images / "stats-dump") * 1e3, "ms")
        for number, command in (("2", "pre-dump"), ("3", "dump")):
            writer.write_some()
            prev = f"../{int(number) - 1}"
            images = self.run(command, number, writer.pid, "--prev-images-dir", prev)
            what = "second pre-dump" if command == "pre-dump" else "dump"
            self.note(f"{what}: frozen", frozen_seconds(images / "stats-dump") * 1e3, "ms", 10)
            self.note(f"{what}: written", 100 * _pages(images) / total, "%", 3)
        writer.wait_gone()
        line = [self.options.crtool, "restore", "-d", "-D", images]
        subprocess.run(list(map(str, line)), check=True, timeout=RUN_SECONDS)
        writer.write_some()
        writer.end()

    def storm(self, command, *words, frozen=None, stall=None):
        """Somebody writes all the time."""
        writer = Writer(self.top, self.options.mib)
        writer.storm()
        writer.forget()
        images = self.run(command, "storm", writer.pid, *words)
        time.sleep(STORM_SECONDS)
        name = " ".join((command, *words))
        self.note(f"{name}: frozen", frozen_seconds(images / "stats-dump") * 1e3, "ms", frozen)
        self.note(f"{name}: longest gap of a writer", writer.told()[1] / 1e6, "ms", stall)
        writer.end()

    def show(self):
        """The table."""
        print("| what | minimum | median | at most |\n|---|---|---|---|")
        for (what, unit), values in self.figures.items():
            limit = self.limits[what]
            verdict = "" if limit is None else f"{limit} {unit}: " + (
                "reached" if min(values) <= limit else "MISSED")
            print(f"| {what} | {min(values):.1f} {unit} | {statistics.median(values):.1f} {unit} "
                  f"| {verdict} |")


def main():
    """All of it, some times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-m", "--mib", type=int, default=1024)
    parser.add_argument("-r", "--rounds", type=int, default=3)
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
        for _ in range(options.rounds):
            live.chain()
            live.storm("dump", "-R", frozen=70, stall=100)
            live.storm("pre-dump")
    except (Failure, procs.Timeout, subprocess.SubprocessError) as error:
        print(f"live.py: {error}", file=sys.stderr)
        return 1
    finally:
        live.close()
    live.show()
    return 0


if __name__ == "__main__":
    sys.exit(main())
