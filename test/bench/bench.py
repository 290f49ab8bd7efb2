#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Times of dumps and restores, beside what the kernel itself needs for as much. See README.md and
Documentation/performance.md.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import platform
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

from harness import CRTOOL, DUMP, HELPERS, suite  # noqa: E402
from harness.scene import Failure, start  # noqa: E402
from runner import procs  # noqa: E402

ROUNDS = 5
FLOOR_ROUNDS = 3
RUN_SECONDS = 120.0
SHM = "/dev/shm"
HEAD = ("workload", "program", "dump", "frozen", "restore", "floor", "dump/floor", "floor",
        "restore/floor")


@dataclasses.dataclass(frozen=True)
class Workload:
    """A row of the table: what load is told, where the images go, what it is compared with."""

    name: str
    load: tuple
    dump_floor: tuple
    restore_floor: tuple
    in_memory: bool = False
    options: tuple = ()  # of both commands
    # Milliseconds, on a machine whose floor takes as many; 0 where it is no measure of that.
    dump_limit: tuple = (0, 0)
    restore_limit: tuple = (0, 0)
    frozen_limit: tuple = (0, 0)
    memory_limit_mib: float = 0.0  # of crtool itself
    dump_least: tuple = ()  # what no dump can do without


def _many(kind, number, dump, restore, **limits):
    number = str(number)
    return Workload(f"{kind} {number}", (kind, number), (dump, number), (restore, number), **limits)


def _memory(mib, in_memory, **limits):
    mib = str(mib)
    where = "tmpfs" if in_memory else "disk"
    return Workload(f"memory {mib} MiB, {where}", ("memory", mib), ("write", mib, "{images}"),
                    ("read-huge", mib, "{images}"), in_memory, **limits)


def _family(number, mib):
    words = str(number), str(mib)
    return Workload(f"family of {number}, {mib} MiB", ("family", *words),
                    ("write", words[1], "{images}"), ("read", words[1], "{images}"), True)


TCP = ("--tcp-established",)

WORKLOADS = (
    Workload("idle", ("idle",), ("exec",), ("exec",), dump_limit=(10, 1.1),
             restore_limit=(10, 1.1)),
    _many("threads", 100, "stop-threads", "threads", in_memory=True),
    _many("threads", 1000, "stop-threads", "threads", in_memory=True, dump_limit=(60, 12),
          restore_limit=(60, 20), dump_least=("crew", "1000", "{images}")),
    _many("children", 50, "stop", "clone", in_memory=True),
    _many("children", 500, "stop", "clone", in_memory=True),
    _many("children", 1000, "stop", "clone", in_memory=True, dump_limit=(350, 15),
          restore_limit=(300, 60), dump_least=("children", "1000", "{images}")),
    _memory(100, False),
    _memory(100, True),
    _memory(1024, False, dump_limit=(500, 350), restore_limit=(200, 100)),
    _memory(1024, True, dump_limit=(600, 450)),
    _family(4, 256),
    _family(500, 16),
    Workload("sparse 64 GiB", ("sparse", "64"), ("exec",), ("exec",), in_memory=True,
             frozen_limit=(60, 0), memory_limit_mib=16),
    _many("mappings", 1000, "maps", "mmap"),
    _many("mappings", 10000, "maps", "mmap", dump_limit=(60, 11), restore_limit=(80, 40)),
    Workload("files and pipes 100", ("files", "100", "{files}"), ("fds", "100"), ("files", "100")),
    Workload("files and pipes 1000", ("files", "1000", "{files}"), ("fds", "1000"),
             ("files", "1000")),
    Workload("fds 1000", ("fds", "1000", "{files}"), ("fds", "250"), ("files", "250")),
    Workload("fds 10000", ("fds", "10000", "{files}"), ("fds", "2500"), ("files", "2500"),
             in_memory=True, dump_limit=(80, 10), restore_limit=(80, 10)),
    _many("tcp", 100, "fds", "fds", in_memory=True, options=TCP),
    _many("tcp", 1000, "fds", "fds", in_memory=True, options=TCP, dump_limit=(80, 0),
          restore_limit=(100, 0)),
    # What open files cost is measured of as many as the limit has room for.
    Workload("tcp 10000", ("tcp", "10000"), ("fds", "5000"), ("fds", "5000"), in_memory=True,
             options=TCP),
)


def frozen_seconds(path):
    """dump.frozen_time of a stats-dump image: field 2 of field 1, microseconds."""
    data = path.read_bytes()
    size = struct.unpack_from("<I", data, 8)[0]
    entry = dict(_fields(data[12:12 + size]))
    return dict(_fields(entry[1]))[2] / 1e6


def _fields(data):
    """(number, value) of each field of a protobuf message; no fixed ones."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        value, at = _varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        yield key >> 3, value


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


class Bench:
    """Directories, and the programs that are compared."""

    def __init__(self, options):
        self.options = options
        self.programs = [str(pathlib.Path(options.crtool).resolve())]
        if os.environ.get("BENCH_PEER"):
            self.programs.append(os.environ["BENCH_PEER"])
        self.disk = pathlib.Path(tempfile.mkdtemp(prefix="bench.", dir=options.dir or DUMP))
        self.memory = pathlib.Path(tempfile.mkdtemp(prefix="crtool-bench.", dir=SHM))

    def close(self):
        """Nothing stays."""
        procs.kill_all()
        for path in (self.disk, self.memory):
            shutil.rmtree(path, ignore_errors=True)

    def run(self, workload):
        """All rounds of all programs, in turn; the first does not count. A list of results."""
        images = (self.memory if workload.in_memory else self.disk) / "images"
        times = {program: [] for program in self.programs}
        for number in range(self.options.rounds + 1):
            for program in self.programs:
                one = self._round(program, workload, images)
                if number:
                    times[program].append(one)
        floors = [self._floor(words, images.parent) if words else 0
                  for words in (workload.dump_floor, workload.restore_floor, workload.dump_least)]
        return [self._result(workload, program, times[program], floors)
                for program in self.programs]

    def _round(self, program, workload, images):
        """Seconds of a dump, of the tree standing still, of a restore; KiB of the dump."""
        files = self.disk / "files"
        for path in (images, files):
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir()
        words = [word.format(files=files) for word in workload.load]
        pid = start(HELPERS / "load", words, self.disk)
        peak = (HELPERS / "peak", self.disk / "peak") if workload.memory_limit_mib else ()
        dump = self._time(*peak, program, "dump", "-t", pid, "-D", images, *workload.options)
        self._wait_gone(pid)
        frozen = frozen_seconds(images / "stats-dump")
        restore = self._time(program, "restore", "-d", "-D", images, *workload.options)
        self._verify(workload, pid)
        shutil.rmtree(images)
        kib = int((self.disk / "peak").read_text()) if peak else 0
        return dump, frozen, restore, kib

    def _time(self, *words):
        words = [str(word) for word in words]
        started = time.perf_counter()
        done = subprocess.run(words, cwd=self.disk, stdin=subprocess.DEVNULL, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=RUN_SECONDS)
        seconds = time.perf_counter() - started
        if done.returncode:
            raise Failure(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}")
        return seconds

    @staticmethod
    def _wait_gone(pid):
        def gone():
            procs.reap()
            return not os.path.exists(f"/proc/{pid}") and not procs.children(os.getpid())

        procs.wait_until(gone, 20, f"pid {pid} to be gone")

    @staticmethod
    def _verify(workload, pid):
        """It says itself whether everything is there."""
        os.kill(pid, signal.SIGTERM)
        status = procs.wait_until(lambda: [procs.reap().get(pid)] if _is_over(pid) else None, 60,
                                  "the verdict")[0]
        if status != 0:
            raise Failure(f"{workload.name}: not all has come back (wait status {status})")

    def _floor(self, words, images):
        words = [str(HELPERS / "floor"), *(word.format(images=images) for word in words)]
        times = []
        for _ in range(FLOOR_ROUNDS):
            done = subprocess.run(words, capture_output=True, text=True, check=False,
                                  timeout=RUN_SECONDS)
            if done.returncode:
                raise Failure(f"{' '.join(words)}: {done.stderr}")
            times.append(float(done.stdout))
        return min(times)

    @staticmethod
    def _result(workload, program, times, floors):
        dump, frozen, restore, kib = zip(*times)
        result = {"workload": workload.name, "program": program,
                  "dump_floor_s": floors[0], "restore_floor_s": floors[1],
                  "dump_least_s": floors[2],
                  "dump_memory_mib": max(kib) / 1024}
        for name, values in (("dump", dump), ("frozen", frozen), ("restore", restore)):
            result[f"{name}_min_s"] = min(values)
            result[f"{name}_median_s"] = statistics.median(values)
        return result


def _is_over(pid):
    """Dead, but not reaped: then its children are, too."""
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return text.rpartition(")")[2].split()[0] == "Z"


def _pair(result, name):
    """Minimum and median in milliseconds."""
    return f"{_ms(result[f'{name}_min_s'])} {_ms(result[f'{name}_median_s'])}"


def _ms(seconds):
    value = seconds * 1000
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"


def print_head():
    """What is in the columns."""
    print(f"Linux {platform.release()}, {os.cpu_count()} processors. Milliseconds: minimum and "
          "median. The floor is the least of its runs.")
    print(_line(HEAD))


def _line(cells):
    widths = (23, 8, 13, 13, 13, 7, 10, 7, 13)
    first = f"{cells[0]:{widths[0]}} {cells[1]:{widths[1]}}"
    return first + "".join(f" {cell:>{width}}" for cell, width in zip(cells[2:], widths[2:]))


def print_result(result):
    """A row."""
    dump, restore = result["dump_floor_s"], result["restore_floor_s"]
    print(_line((result["workload"], pathlib.Path(result["program"]).name,
                 _pair(result, "dump"), _pair(result, "frozen"), _pair(result, "restore"),
                 _ms(dump), f"{result['dump_min_s'] / dump:.1f}",
                 _ms(restore), f"{result['restore_min_s'] / restore:.1f}")), flush=True)


def _judge(name, what, seconds, floor_s, limit, least_s=0):
    """Another machine may take longer: as many times the floor as where the limit was set."""
    most, floor_ms = limit
    text = f"{name}: {what} {seconds * 1e3:.1f} ms, at most {most} ms"
    is_reached = seconds * 1e3 <= most
    if floor_ms and floor_s:
        ratio, most_ratio = seconds / floor_s, most / floor_ms
        text += f"; {ratio:.1f} times the floor, at most {most_ratio:.1f}"
        is_reached |= ratio <= most_ratio
    if least_s:
        text += f"; what no dump can do without takes {least_s * 1e3:.1f} ms"
    print(f"{text}: {'reached' if is_reached else 'MISSED'}")


def print_limits(workloads, results):
    """What this version has to reach, and whether it does."""
    for workload in workloads:
        for result in results:
            if result["workload"] != workload.name or result["program"] != results[0]["program"]:
                continue
            for what, limit in (("dump", workload.dump_limit), ("frozen", workload.frozen_limit),
                                ("restore", workload.restore_limit)):
                if limit[0]:
                    _judge(workload.name, what, result[f"{what}_min_s"],
                           result.get(f"{what}_floor_s"), limit,
                           result.get(f"{what}_least_s"))
            used, most = result["dump_memory_mib"], workload.memory_limit_mib
            if most:
                print(f"{workload.name}: memory of the dump {used:.1f} MiB, at most {most} MiB: "
                      f"{'reached' if used <= most else 'MISSED'}")


def parse_arguments():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-k", metavar="PATTERN", default="", help="only workloads that match")
    parser.add_argument("-l", "--list", action="store_true", help="print their names")
    parser.add_argument("-d", "--dir", metavar="DIR", help="for images; test/dump if not given")
    parser.add_argument("-r", "--rounds", type=int, default=ROUNDS)
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    parser.add_argument("--crtool", metavar="PATH", default=str(CRTOOL))
    parser.add_argument("--no-build", action="store_true", help="the helpers are there")
    return parser.parse_args()


def measure(options, workloads):
    """Returns the results. Raises Failure."""
    results = []
    bench = Bench(options)
    try:
        print_head()
        for workload in workloads:
            found = bench.run(workload)
            for result in found:
                print_result(result)
            results += found
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        bench.close()
    return results


def main():
    """All workloads, or those that match."""
    options = parse_arguments()
    workloads = [load for load in WORKLOADS if re.search(options.k, load.name)]
    if options.list:
        print("\n".join(load.name for load in workloads))
        return 0
    if os.geteuid() or not workloads:
        print("bench.py: " + ("needs root" if os.geteuid() else "no workload matches"),
              file=sys.stderr)
        return 2
    trouble = suite.prepare_programs(options)
    if trouble:
        print(f"bench.py: {trouble}", file=sys.stderr)
        return 2
    try:
        results = measure(options, workloads)
    except (Failure, procs.Timeout, subprocess.TimeoutExpired) as error:
        print(f"bench.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    print_limits(workloads, results)
    if options.json:
        record = {"kernel": platform.release(), "processors": os.cpu_count(), "results": results}
        pathlib.Path(options.json).write_text(json.dumps(record, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
