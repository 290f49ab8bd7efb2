# SPDX-License-Identifier: GPL-2.0-only
"""Processes: the tree below a pid, waiting with a deadline, leaving none behind."""

import ctypes
import os
import pathlib
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)


class Timeout(Exception):
    """Something did not happen in time."""


def become_reaper():
    """Orphans of the tests become our children: none can get away."""
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def die_with_parent(parent):
    """SIGTERM for us when the process PARENT is gone."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGTERM)


def children(pid):
    """The direct children of process PID, zombies too."""
    found = []
    try:
        tids = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    for tid in tids:
        try:
            path = pathlib.Path(f"/proc/{pid}/task/{tid}/children")
            found += [int(word) for word in path.read_text().split()]
        except OSError:
            pass
    return sorted(found)


def living_threads(pid):
    """The threads of PID that have not ended, the main one first; [] if it is a zombie."""
    found = []
    try:
        tids = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    for tid in tids:
        try:
            stat = pathlib.Path(f"/proc/{pid}/task/{tid}/stat").read_text()
        except OSError:
            continue  # it has just ended; others may live on
        if stat.rpartition(")")[2].split()[0] not in "ZX":
            found.append(int(tid))
    return sorted(found, key=lambda tid: (tid != pid, tid))


def tree(root):
    """PID and all its descendants; [] if it is gone."""
    if not os.path.exists(f"/proc/{root}"):
        return []
    found = [root]
    for pid in found:
        found += [child for child in children(pid) if child not in found]
    return sorted(found)


def reap():
    """Collects the dead among our children. Returns {pid: wait status}."""
    statuses = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return statuses
        if pid == 0:
            return statuses
        statuses[pid] = status


def wait_until(condition, seconds, what):
    """Returns the first true value of CONDITION(). Raises Timeout after SECONDS."""
    deadline = time.monotonic() + seconds
    pause = 0.001
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Timeout(f"{what}: not within {seconds:g} s")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)


def kill_all(spared=()):
    """Kills and reaps everything below us, except the children in SPARED and what they have."""
    while True:
        targets = [pid for pid in children(os.getpid()) if pid not in spared]
        if not targets:
            return
        for top in targets:
            for pid in tree(top):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
        for pid in targets:
            os.waitpid(pid, 0)


def run(command, cwd, seconds):
    """Runs COMMAND to its end. Returns (exit code, stdout and stderr). Raises Timeout."""
    child = subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        output, _ = child.communicate(timeout=seconds)
    except subprocess.TimeoutExpired as error:
        child.kill()
        child.wait()
        line = " ".join(map(str, command))
        raise Timeout(f"{line}: still running after {seconds:g} s") from error
    return child.returncode, output
