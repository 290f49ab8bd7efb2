# SPDX-License-Identifier: GPL-2.0-only
"""Threads that are brought back by a crtool with other credentials and another scheduling."""

import pathlib

from stage import expect, wait_until

PROGRAMS = ("setpriv", "nice", "chrt", "ionice", "taskset")
# Of its threads one is as it was born, the others are not.
PROGRAM = """
import ctypes, os, threading, time

libc = ctypes.CDLL(None)

def live(change):
    change()
    while True:
        time.sleep(3600)

for change in (
    lambda: None,
    lambda: os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5),
    lambda: os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0)),
    lambda: libc.prctl(29, 123456, 0, 0, 0),  # PR_SET_TIMERSLACK
    lambda: libc.syscall(116, 2, (ctypes.c_uint * 2)(5, 6)),  # setgroups of this thread alone
):
    threading.Thread(target=live, args=(change,), daemon=True).start()
print("ready", flush=True)
live(lambda: None)
"""
UNDER = (
    ("setpriv", "--groups", "7,8"),
    ("setpriv", "--inh-caps", "+chown", "--ambient-caps", "+chown"),
    ("setpriv", "--securebits", "+no_setuid_fixup"),
    ("nice", "-n", "3"),
    ("chrt", "-b", "0"),
    ("chrt", "-r", "4"),
    ("ionice", "-c", "3"),
    ("taskset", "1"),
    (),
)


def _seen(stage, pid):
    """By thread: what status, stat and others say of it."""
    found = {}
    for path in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir()):
        status = (path / "status").read_text().splitlines()
        keys = ("Uid", "Gid", "Groups", "Cap", "NoNewPrivs", "Cpus_allowed:")
        stat = (path / "stat").read_text().rpartition(")")[2].split()
        found[path.name] = [
            *(line for line in status if line.startswith(keys)),
            f"priority {stat[15]}, nice {stat[16]}, policy {stat[38]}",
            stage.tell("ionice", "-p", path.name),
            pathlib.Path(f"/proc/{path.name}/timerslack_ns").read_text(),
        ]
    return found


def _sleepers(pid):
    calls = [path.read_text() for path in pathlib.Path(f"/proc/{pid}/task").glob("*/syscall")]
    return len(calls) if all(call.startswith("230 ") for call in calls) else 0


def run(stage):
    """Nothing of what crtool has is found in a thread."""
    pid = stage.start("python3", "-c", PROGRAM)
    # All are in clock_nanosleep(2), and so have done what they do first.
    wait_until(lambda: "ready" in stage.out() and _sleepers(pid) == 6, "threads to sleep")
    before = _seen(stage, pid)
    expect(len({repr(seen) for seen in before.values()}) == 5, f"threads are alike: {before}")
    for under in UNDER:
        stage.bring_back(stage.save(pid), under=under)
        after = _seen(stage, pid)
        for tid, seen in before.items():
            expect(after.get(tid) == seen,
                   f"thread {tid}, brought back by {' '.join(under)} crtool: {seen} has become "
                   f"{after.get(tid)}")
    stage.end(pid)
