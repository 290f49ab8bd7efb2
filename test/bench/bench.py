#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Dump and restore times, beside the floor of this machine in the same run.

Each workload is dumped and restored ROUNDS times after one that does not count; minimum and
median are printed, of memory also the ratio to a plain write of as much. BENCH_PEER names a
second binary that takes the same options, run in turn.
"""
import argparse
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 5
TOP = pathlib.Path(__file__).resolve().parents[2]
LOAD = TOP / "build/test/bench/load"
WORKLOADS = (("idle",), ("children", "500"), ("threads", "1000"), ("memory", "1024"))


def exists(group):
    """Somebody is in the process group, a zombie at least."""
    try:
        os.killpg(group, 0)
        return True
    except ProcessLookupError:
        return False


def gone(pid, deadline=20):
    """Wait until nobody is in the group; our own zombie is reaped."""
    end = time.monotonic() + deadline
    while exists(pid):
        try:
            os.waitpid(pid, os.WNOHANG)
        except ChildProcessError:
            pass
        if time.monotonic() > end:
            sys.exit(f"pid {pid} does not go away")
        time.sleep(0.002)


def wait_line(log, wanted, deadline=120):
    """The last line of the log, when there are as many as wanted."""
    end = time.monotonic() + deadline
    while True:
        lines = log.read_text().splitlines()
        if len(lines) >= wanted:
            return lines[-1]
        if time.monotonic() > end:
            sys.exit(f"{log}: no line {wanted}")
        time.sleep(0.002)


def timed(*command):
    """Seconds of a command that must succeed."""
    start = time.monotonic()
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return time.monotonic() - start


def round_of(binary, workload, where):
    """Dump and restore once: the two times."""
    images, log = where / "images", where / "log"
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir(parents=True)
    with open(log, "w", encoding="ascii") as out:
        child = subprocess.Popen([LOAD, *workload], stdin=subprocess.DEVNULL, stdout=out,
                                 stderr=out, start_new_session=True)
    wait_line(log, 1)
    dump = timed(binary, "dump", "-t", str(child.pid), "-D", images)
    child.wait()
    gone(child.pid)
    restore = timed(binary, "restore", "-d", "-D", images)
    if workload[0] == "memory":
        os.kill(child.pid, signal.SIGUSR1)
        if wait_line(log, 2) != "same":
            sys.exit("memory: the contents have changed")
    os.killpg(child.pid, signal.SIGKILL)
    gone(child.pid)
    return dump, restore


def main():
    """All workloads, or those that match."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-k", default="", help="only workloads with this in their name")
    parser.add_argument("-d", default=str(TOP / "build"), help="where images go")
    options = parser.parse_args()
    binaries = [str(TOP / "criu/crtool")] + [b for b in [os.environ.get("BENCH_PEER")] if b]
    print(f"{'workload':16} {'program':10} {'dump ms: min':>13} {'median':>8} "
          f"{'restore ms: min':>16} {'median':>8}")
    with tempfile.TemporaryDirectory(dir=options.d) as scratch:
        for workload in WORKLOADS:
            name = " ".join(workload)
            if options.k not in name:
                continue
            for binary in binaries:
                rounds = [round_of(binary, workload, pathlib.Path(scratch))
                          for _ in range(ROUNDS + 1)][1:]
                cells = [f(times) * 1000 for times in zip(*rounds)
                         for f in (min, statistics.median)]
                print(f"{name:16} {pathlib.Path(binary).name:10} {cells[0]:13.1f} "
                      f"{cells[1]:8.1f} {cells[2]:16.1f} {cells[3]:8.1f}", flush=True)
                if workload[0] == "memory":
                    floors = [float(subprocess.run([LOAD, "write", workload[1], f"{scratch}/floor"],
                                                   check=True, capture_output=True).stdout)
                              for _ in range(3)]
                    floor = min(floors) * 1000
                    print(f"{'':16} {'plain write':10} {floor:12.1f}; "
                          f"dump / write {cells[0] / floor:.2f}")


if __name__ == "__main__":
    main()
