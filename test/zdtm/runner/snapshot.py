# SPDX-License-Identifier: GPL-2.0-only
"""
What /proc says about a process tree, in a form in which two looks can be compared.

A snapshot is {who: {fact: {item: value}}}, for instance
{"pid 43": {"fd": {"3": "pipe#1 ..."}, "status.Umask": {"": "0022"}}}.
Numbers that the kernel hands out anew (inodes of pipes, sockets, pidfds and shared memory) are
replaced by their order of first appearance in the whole tree, so that what is shared must stay
shared.
"""

import ctypes
import errno
import os
import platform
import re

from . import procs

# Every field of /proc/PID/status is compared, but for these.
STATUS_EXCUSED = {
    "State": "running or asleep: by chance; stopped and dead are a fact of their own",
    "FDSize": "how much room the table has ever needed",
    "VmPeak VmHWM": "what has been",
    "VmRSS RssAnon RssFile RssShmem VmPTE VmSwap": "what is in memory at the moment",
    "SigQ": "counted for a user; its limit is in limits",
    "voluntary_ctxt_switches nonvoluntary_ctxt_switches": "counters",
}
STATUS_SKIPPED = frozenset(" ".join(STATUS_EXCUSED).split())
# What follows from the mappings, and moves with them.
SIZES = frozenset("VmSize VmLck VmPin VmData VmStk VmExe VmLib HugetlbPages vsize".split())

# Fields of /proc/PID/stat, as proc(5) names and counts them from 3 on.
STAT_FIELDS = (
    "state ppid pgrp session tty_nr tpgid flags minflt cminflt majflt cmajflt utime stime cutime "
    "cstime priority nice num_threads itrealvalue starttime vsize rss rsslim startcode endcode "
    "startstack kstkesp kstkeip signal blocked sigignore sigcatch wchan nswap cnswap exit_signal "
    "processor rt_priority policy delayacct_blkio_ticks guest_time cguest_time start_data "
    "end_data start_brk arg_start arg_end env_start env_end exit_code"
).split()
# Every one is compared, but for these.
STAT_EXCUSED = {
    "state": "running or asleep: by chance; stopped and dead are a fact of their own",
    "flags": "how it came to be: whether it has forked, executed, used its rights",
    "minflt cminflt majflt cmajflt": "counters",
    "utime stime cutime cstime delayacct_blkio_ticks guest_time cguest_time": "time it has taken",
    "starttime": "time",
    "rss": "what is in memory at the moment",
    "kstkesp kstkeip wchan": "where it is at the moment",
    "signal blocked sigignore sigcatch num_threads": "half of what status says",
    "processor": "where it has run last",
}
STAT_SKIPPED = frozenset(" ".join(STAT_EXCUSED).split())

# Of a main thread that has ended before the others; it comes back as one of them, and ends.
ENDED_EXCUSED = {
    "status.SigBlk": "nobody sends it a signal any more",
    "status.Seccomp": "its filters are those of another thread",
    "status.Seccomp_filters": "its filters are those of another thread",
}

TEXT_FILES = (
    "limits comm cmdline environ auxv personality oom_score_adj loginuid timerslack_ns "
    "coredump_filter timers cgroup"
).split()
LINK_FILES = ("cwd", "root", "exe")
THREAD_FILES = ("comm", "personality")
ZOMBIE_FILES = ("limits", "comm", "loginuid", "oom_score_adj", "cgroup")

STATES = {"R": "alive", "S": "alive", "D": "alive", "I": "alive", "T": "stopped", "Z": "zombie"}

# soft-dirty tells of writes, not of the mapping; "ht" is set by the kernel as it likes.
IGNORED_VM_FLAGS = {"sd", "ht"}

MAP_LINE = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) ([0-9a-f]+) (\S+) (\d+) *(.*)")
NUMBERED_LINK = re.compile(r"(pipe|socket):\[(\d+)\]")
NUMBERED_MAP = re.compile(
    r"/dev/zero \(deleted\)|/memfd:|/SYSV|/\[aio\]|/anon_hugepage|anon_inode:"
)

# A file that was made without a name is called by its inode.
NEVER_NAMED = re.compile(r"/#\d+ \(deleted\)$")

KCMP_FILE = 0
KCMP_KINDS = {"vm": 1, "files": 2, "fs": 3, "sighand": 4}
SYSCALLS = {"x86_64": {"kcmp": 312, "get_robust_list": 274}}
SYSCALLS["aarch64"] = {"kcmp": 272, "get_robust_list": 100}


def _syscall(name, *args):
    numbers = SYSCALLS.get(platform.machine())
    if not numbers:
        return None
    result = procs.libc.syscall(numbers[name], *args)
    return -ctypes.get_errno() if result == -1 else result


def _error(error):
    return f"<{errno.errorcode.get(error.errno, error.errno)}>"


def _read(path):
    """The contents of a file of /proc; bytes that are no text come out escaped."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        return _error(error)
    if b"\0" in data:
        return repr(data)
    return data.decode(errors="backslashreplace")


def _link(path):
    try:
        return os.readlink(path)
    except OSError as error:
        return _error(error)



def _comparable(info):
    """
    The lines of an fdinfo, as far as they stay the same: an eventfd has a number of its own, a
    timer runs on (of one with an interval, expirations are counted only when somebody asks), and
    what an epoll file watches is in the order of addresses, with inodes that were made anew. A
    fault that was read from a userfaultfd, and is not over, is told once more.
    """
    lines = [" ".join(line.split()) for line in info.splitlines()]
    lines = [line for line in lines if not line.startswith(("eventfd-id:", "pending:", "total:"))]
    if any(line.startswith("it_interval:") for line in lines):
        lines = list(_timer(lines))
    watched = sorted(line.partition(" pos:")[0] for line in lines if line.startswith("tfd:"))
    return [line for line in lines if not line.startswith("tfd:")] + watched


def _timer(lines):
    once = "it_interval: (0, 0)" in lines
    for line in lines:
        if line.startswith("it_value:"):
            line = "not armed" if line == "it_value: (0, 0)" else "armed"
        if once or line not in ("armed", "not armed") and not line.startswith("ticks:"):
            yield line


class Snapshot:
    """One look at the tree below ROOT."""

    def __init__(self, root):
        self.root = root
        self.facts = {}
        self._numbers = {}
        self._file_classes = {}
        self._kcmp_classes = {kind: [] for kind in KCMP_KINDS}
        # The root first, also where pids have begun again from the lowest: children come and go.
        self.pids = sorted(procs.tree(root), key=lambda pid: (pid != root, pid))
        self.set("tree", "tasks", {str(pid): "there" for pid in self.pids})
        for pid in self.pids:
            self._task(pid)

    def set(self, who, fact, items):
        """Records a fact: a dictionary, or one value."""
        if not isinstance(items, dict):
            items = {"": str(items)}
        self.facts.setdefault(who, {})[fact] = items

    def _number(self, kind, key):
        """The order of the first appearance of KEY among those of its KIND."""
        seen = self._numbers.setdefault(kind, {})
        return f"{kind}#{seen.setdefault(key, len(seen) + 1)}"

    def _task(self, pid):
        who, base = f"pid {pid}", f"/proc/{pid}"
        agent = pid
        if self._status_and_stat(who, base, pid) == "zombie":
            living = procs.living_threads(pid)
            if not living:
                for name in ZOMBIE_FILES:
                    self.set(who, name, self._lines(_read(f"{base}/{name}")))
                return
            # A main thread that has ended has nothing of its process any more.
            for name in ENDED_EXCUSED:
                self.facts[who].pop(name, None)
            agent, base = living[0], f"/proc/{living[0]}"
        for name in TEXT_FILES:
            self.set(who, name, self._lines(_read(f"{base}/{name}")))
        for name in LINK_FILES:
            self.set(who, name, _link(f"{base}/{name}"))
        self.set(who, "children", " ".join(map(str, procs.children(pid))))
        self.set(who, "ns", self._namespaces(base))
        self._maps(who, base)
        self._fds(who, agent)
        threads = [int(tid) for tid in self._names(f"{base}/task")]
        threads.sort(key=lambda tid: (tid != pid, tid))  # the main one first
        self.set(who, "threads", {str(tid): "there" for tid in threads})
        for tid in threads:
            self._thread(who if tid == pid else f"thread {tid} of {pid}", pid, tid)

    def _thread(self, who, pid, tid):
        base = f"/proc/{pid}/task/{tid}"
        if tid != pid:
            self._status_and_stat(who, base, tid)
            for name in THREAD_FILES:
                self.set(who, name, self._lines(_read(f"{base}/{name}")))
            self.set(who, "timerslack_ns", _read(f"/proc/{tid}/timerslack_ns").strip())
        self._robust_list(who, tid)
        for kind, number in KCMP_KINDS.items():
            self.set(who, f"kcmp.{kind}", self._kcmp_task(kind, number, tid))

    @staticmethod
    def _names(path):
        try:
            return os.listdir(path)
        except OSError:
            return []

    @staticmethod
    def _lines(text):
        lines = text.rstrip("\n").split("\n")
        return {str(number): line for number, line in enumerate(lines, 1)} if lines[1:] else text

    def _namespaces(self, base):
        return {name: _link(f"{base}/ns/{name}") for name in self._names(f"{base}/ns")}

    def _status_and_stat(self, who, base, tid):
        text = _read(f"{base}/stat")
        words = text.rpartition(")")[2].split()
        if len(words) < len(STAT_FIELDS):  # it has just gone
            self.set(who, "status.State", "gone")
            return "zombie"
        state = STATES.get(words[0], words[0])
        self.set(who, "status.State", state)
        stat = dict(zip(STAT_FIELDS, words))
        lines = _read(f"{base}/status").splitlines()
        status = dict(line.split(":", 1) for line in lines if ":" in line)
        for prefix, fields, skipped in (
            ("stat", stat, STAT_SKIPPED),
            ("status", status, STATUS_SKIPPED),
        ):
            for name, value in fields.items():
                if name not in skipped and name not in SIZES:
                    self.set(who, f"{prefix}.{name}", " ".join(value.split()))
        sizes = {**stat, **status}
        self.set(who, "sizes", {name: sizes[name].strip() for name in SIZES if name in sizes})
        if tid == self.root or who.endswith(f" of {self.root}"):
            self.set(who, "status.PPid", "outside the tree")
            self.set(who, "stat.ppid", "outside the tree")
        return state

    def _maps(self, who, base):
        """Neighbours that differ in nothing are one: the kernel may merge or split them."""
        merged = []
        for start, end, rest, offset, flags in self._map_lines(_read(f"{base}/smaps")):
            last = merged[-1] if merged else None
            follows = last and last[1] == start and last[2] == rest and last[4] == flags
            if follows and (offset is None or offset == last[3] + start - last[0]):
                last[1] = end
            else:
                merged.append([start, end, rest, offset, flags])
        maps, smaps = {}, {}
        for start, end, rest, offset, flags in merged:
            key = f"{start:x}-{end:x}"
            maps[key] = rest if offset is None else f"{rest} offset {offset:x}"
            smaps[key] = flags
        self.set(who, "maps", maps)
        self.set(who, "smaps", smaps)

    def _map_lines(self, text):
        found = []
        for line in text.splitlines():
            match = MAP_LINE.fullmatch(line)
            if match:
                start, end, perms, offset, dev, inode, path = match.groups()
                if NUMBERED_MAP.match(path) or path.endswith(" (deleted)"):
                    inode = self._number("shmem", (dev, inode))
                numbered = NUMBERED_LINK.fullmatch(path)
                if numbered:
                    inode = path = self._number(*numbered.groups())
                rest = f"{perms} {dev} {inode} {path}".rstrip()
                place = None if inode == "0" else int(offset, 16)
                found.append([int(start, 16), int(end, 16), rest, place, ""])
            elif line.startswith("VmFlags:") and found:
                flags = [flag for flag in line.split()[1:] if flag not in IGNORED_VM_FLAGS]
                found[-1][4] = " ".join(flags)
        # No mapping: execve(2) lets 64-bit programs see it, and 32-bit ones not.
        return [line for line in found if not line[2].endswith("[vsyscall]")]

    def _fds(self, who, pid):
        links, infos, shared = {}, {}, {}
        for fd in sorted(map(int, self._names(f"/proc/{pid}/fd"))):
            link = _link(f"/proc/{pid}/fd/{fd}")
            info = _read(f"/proc/{pid}/fdinfo/{fd}")
            numbered = NUMBERED_LINK.fullmatch(link)
            if numbered:
                link = self._number(*numbered.groups())
            if numbered or link.endswith(" (deleted)"):
                info = re.sub(r"^ino:.*\n", "", info, flags=re.MULTILINE)
                info = re.sub(r"^(lock:.* \w+:\w+:)\d+", r"\1N", info, flags=re.MULTILINE)
            # Of pidfds, the inode tells whether two are of one process.
            if link in ("anon_inode:[pidfd]", "anon_inode:[userfaultfd]",
                        "anon_inode:[io_uring]"):
                info = re.sub(r"^ino:\s*(\d+)", lambda ino: self._number(link[12:-1], ino[1]), info,
                              flags=re.MULTILINE)
            if link == "anon_inode:bpf-map":
                info = re.sub(r"^map_id:\s*(\d+)", lambda number: self._number("map", number[1]),
                              info, flags=re.MULTILINE)
            link = NEVER_NAMED.sub("/#N (deleted)", link)
            links[str(fd)] = link
            infos[str(fd)] = "; ".join(_comparable(info))
            shared[str(fd)] = self._kcmp_file(link, pid, fd)
        self.set(who, "fd", links)
        self.set(who, "fdinfo", infos)
        self.set(who, "fd.shared", shared)

    def _kcmp_file(self, link, pid, fd):
        """The first descriptor of the tree with the same open file description."""
        classes = self._file_classes.setdefault(link, [])
        for other_pid, other_fd in classes:
            if _syscall("kcmp", pid, other_pid, KCMP_FILE, fd, other_fd) == 0:
                return f"the file of pid {other_pid} fd {other_fd}"
        classes.append((pid, fd))
        return "its own file"

    def _kcmp_task(self, kind, number, tid):
        """The first task of the tree with the same KIND. The kernel tells an order, too."""
        classes = self._kcmp_classes[kind]
        low, high = 0, len(classes)
        while low < high:
            middle = (low + high) // 2
            result = _syscall("kcmp", tid, classes[middle], number, 0, 0)
            if result == 0:
                return f"shared with {classes[middle]}"
            if result == 1:
                high = middle
            else:
                low = middle + 1
        classes.insert(low, tid)
        return "its own"

    def _robust_list(self, who, tid):
        head, size = ctypes.c_void_p(), ctypes.c_size_t()
        result = _syscall("get_robust_list", tid, ctypes.byref(head), ctypes.byref(size))
        self.set(who, "robust_list", f"{head.value or 0:#x} result {result}")


def settled(root, seconds=2.0):
    """A snapshot that two looks in a row agree on: nobody is on the way into a wait any more."""
    last = Snapshot(root)

    def same():
        nonlocal last
        now = Snapshot(root)
        same_facts = now.facts == last.facts
        last = now
        return same_facts

    try:
        procs.wait_until(same, seconds, "a tree at rest")
    except procs.Timeout:
        pass  # the comparison will tell what keeps changing
    return last


def differences(before, after, excused):
    """
    Lines that say what differs between two snapshots, without the facts that are EXCUSED.
    Where tasks or threads may come and go, only those are compared that stay: the root, and the
    main threads.
    """
    lines = []
    for who in sorted(set(before.facts) | set(after.facts)):
        old, new = before.facts.get(who), after.facts.get(who)
        if old is None or new is None:
            continue  # "tasks" or "threads" tells it
        if excused("tasks") and who != f"pid {before.root}":
            continue
        if excused("threads") and who.startswith("thread "):
            continue
        for fact in sorted(set(old) | set(new)):
            if not excused(fact):
                lines += _fact_differences(who, fact, old.get(fact, {}), new.get(fact, {}))
    return lines


def _fact_differences(who, fact, old, new):
    lines = []
    for item in sorted(set(old) | set(new), key=lambda name: (len(name), name)):
        was, now = old.get(item), new.get(item)
        if was != now:
            label = f"{who}: {fact}" + (f" {item}" if item else "")
            lines.append(f"{label}: {_shown(was)} -> {_shown(now)}")
    return lines


def _shown(value):
    return "nothing" if value is None else value.strip() or '""'
