# SPDX-License-Identifier: GPL-2.0-only
"""fio: reads and writes by io_uring, eight at a time, and checks all that it reads."""

import os
import re
import signal

from runner import procs
from stage import expect, wait_until

PROGRAMS = ("fio",)
BYTES = 1 << 20


def _moved(pid):
    """Bytes that it has read and written since it began, or was restored."""
    with open(f"/proc/{pid}/io", encoding="ascii") as io:
        return sum(int(n) for n in re.findall(r"^(?:read|write)_bytes: (\d+)$", io.read(), re.M))


def _works(pid):
    before = _moved(pid)
    wait_until(lambda: _moved(pid) > before + BYTES, "fio to work")


def run(stage):
    """All is as it was written, after each of three restores in the middle of it."""
    pid = stage.start("fio", "--name=a", "--filename=data", "--size=16m", "--rw=randrw",
                      "--bs=4k", "--ioengine=io_uring", "--iodepth=8", "--direct=1",
                      "--time_based", "--runtime=1000", "--verify=crc32c", "--verify_fatal=1",
                      "--output=result")
    worker = wait_until(lambda: procs.tree(pid)[1:], "fio to have a worker")[0]
    _works(worker)
    for _ in range(3):
        stage.save_and_bring_back(pid)
        _works(worker)
    os.kill(pid, signal.SIGINT)
    stage.wait_gone([pid, worker])
    expect("err= 0" in stage.read("result"), f"fio says:\n{stage.read('result')}")
