#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Descriptors: each kind, held in each way (test/harness/prog/scene_mkfd.c), is the same after a dump
and a restore, as /proc, kcmp(2) and fcntl(2) tell.
"""

import ctypes
import fcntl
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import suite  # noqa: E402
from harness.scene import Failure  # noqa: E402
from runner import snapshot  # noqa: E402

KINDS = """null urandom file append path deleted dir dir-gone tmpfile pipe-in pipe-out fifo socket
tcp eventfd semaphore timerfd signalfd epoll inotify fanotify memfd mqueue pidfd userfaultfd tun
io_uring bpf-map secretmem ns proc pty slave""".split()
HOWS = "plain dup cloexec high owner fork child table sent".split()
IMPOSSIBLE = (
    ("path", "owner"),  # F_SETOWN is not for what was opened with O_PATH (open(2))
    ("io_uring", "sent"),  # the kernel refuses to send one
)
FACTS = ("fd", "fdinfo", "fd.shared")
EXCUSED = {
    "proc": ("fdinfo",),  # files of /proc get another inode number each time they are looked up
    "tmpfile": ("fdinfo",),  # O_TMPFILE among the flags says how it was opened once
}
SYS_PIDFD_GETFD = 438
F_SETSIG, F_GETSIG = 10, 11


def _facts(scene):
    """What snapshots know of descriptors, and who owns each."""
    taken = snapshot.Snapshot(scene.pid)
    facts = {who: {name: items for name, items in all_facts.items() if name in FACTS}
             for who, all_facts in taken.facts.items()}
    libc = ctypes.CDLL(None, use_errno=True)
    for pid in scene.pids():
        pidfd = os.pidfd_open(pid)
        for number in sorted(map(int, os.listdir(f"/proc/{pid}/fd"))):
            fd = libc.syscall(SYS_PIDFD_GETFD, pidfd, number, 0)
            try:
                owner = fcntl.fcntl(fd, fcntl.F_GETOWN), fcntl.fcntl(fd, F_GETSIG)
            except OSError as error:
                owner = error.strerror
            facts.setdefault(f"pid {pid}", {}).setdefault("owner", {})[str(number)] = owner
            os.close(fd)
        os.close(pidfd)
    return facts


def _differences(before, after, excused):
    lines = []
    for who in sorted(set(before) | set(after)):
        old, new = before.get(who, {}), after.get(who, {})
        for fact in sorted((set(old) | set(new)) - set(excused)):
            if old.get(fact) != new.get(fact):
                lines.append(f"{who}: {fact}: {old.get(fact)} -> {new.get(fact)}")
    return lines


def _try(world, kind, how):
    scene = world.scene("mkfd", kind, how, world.top / "object")
    before = _facts(scene)
    world.dump(scene)
    world.restore(scene)
    lines = _differences(before, _facts(scene), EXCUSED.get(kind, ()))
    if lines:
        raise Failure("\n".join(lines))


def main():
    """The matrix."""
    options = suite.parser(__doc__).parse_args()
    cases = suite.Suite()
    for kind in KINDS:
        for how in HOWS:
            if (kind, how) in IMPOSSIBLE:
                continue
            cases.add(f"{kind}/{how}", _try, kind, how)
    return suite.main(cases, options)


if __name__ == "__main__":
    sys.exit(main())
