# SPDX-License-Identifier: GPL-2.0-only
"""
What cannot be saved yet: one line for each object, all of them in one run.

Who teaches crtool a kind removes its row here and writes a zdtm test.
"""

import ctypes
import os
import pathlib
import re
import socket
import subprocess
import time

from harness import HELPERS
from harness.scene import Failure
from harness.world import matches

KEPT = ", which cannot be kept yet"
LOCKS = "; try --file-locks"

# scene, what is said behind "pid N (scene): ". {path} is the argument of the scene.
FILES = (
    ("netlink-unread", "fd 3: socket:[<*>]: a netlink socket with messages of the kernel that were "
     "not received yet, which cannot be kept; try again: it is about to be read"),
    ("packet-large", "fd 3: socket:[<*>]: a packet socket with rings of more than 128 MiB, which "
     "cannot be kept"),
    ("ebpf-filter", "fd 3: socket:[<*>]: a socket with an eBPF filter (SO_ATTACH_BPF), which "
     "cannot be read"),
    ("inotify-unread", "fd 3: inotify: <*> bytes of events that were not read, which cannot be kept"
     "; try again: it is about to read them"),
    ("memfd-lock", "fd 3: /memfd:scene (deleted): an exclusive lock (flock)" + LOCKS),
    ("secretmem-large", "fd 3: secret memory of 134221824 bytes" + KEPT),
    ("pidfd", "fd 3: a pidfd of pid 1 (<*>), which is not in the tree; include that process in the "
     "tree, or have the descriptor closed"),
    ("pidfd-thread", "fd 4: an epoll file that watches fd 3, which is of a thread: this cannot "
     "be kept yet", "fd 6: in flight: a file that is about a thread, which cannot be kept "
     "there"),
    ("tap-filter", "fd 3: /dev/net/tun: interface zs<*> has, or had, a filter (TUNATTACHFILTER), "
     "which nobody can read: this cannot be kept"),
    ("io_uring-busy", "thread {pid} has 1 request of io_uring under way; have it cancel them "
     "(IORING_OP_ASYNC_CANCEL), or wait until they are over"),
    ("io_uring-file", "fd 3: an io_uring: its registered file 0 is not open in pid {pid} (scene), "
     "so it cannot be kept"),
    ("io_uring-poller", "fd 3: an io_uring with a thread of the kernel that submits "
     "(IORING_SETUP_SQPOLL), which cannot be kept"),
    ("perf", "fd 3: anon_inode:[perf_event]<*>" + KEPT),
    ("bpf-queue", "fd 3: a BPF map (scene) of type 22" + KEPT),
    ("bpf-used", "fd 3: a BPF map (scene) that BPF program <*> (scene) uses" + KEPT,
     "fd 4: anon_inode:bpf-prog<*>" + KEPT),
    ("nsfile", "fd 3: uts:[<*>]: a uts namespace other than crtool's" + KEPT),
    ("proc-gone", "fd 3: /proc/<*>/task/<*>/stat: is about a thread that has ended" + KEPT),
    ("device", "fd 3: /dev/fuse: a device" + KEPT),
    ("fifo-gone", "fd 3: {path} (deleted): a FIFO without a name" + KEPT),
    ("flock", "fd 3: {path}: an exclusive lock (flock)" + LOCKS),
    ("posix-lock", "fd 3: {path}: a write lock of bytes 0 to 2 (POSIX)" + LOCKS),
    ("ofd-lock", "fd 3: {path}: a write lock from byte 0 on (OFD)" + LOCKS),
    ("many-locks", "fd 3: {path}: an exclusive lock (flock)" + LOCKS,
     "fd 3: {path}: a read lock of bytes 0 to 0 (POSIX)" + LOCKS,
     "fd 3: {path}: a read lock of bytes 2 to 2 (POSIX)" + LOCKS),
)
MAPPINGS = (
    ("io_uring-closed", "a ring of io_uring that nobody in the tree has open, which cannot be "
     "kept"),
    ("map-sysv-hugetlb", "/SYSV00000000 (deleted) cannot be kept yet"),
    ("map-packet-part", "socket:[<*>], which is not all of its rings: it cannot be kept"),
    ("map-packet-closed", "socket:[<*>], which is no packet socket that somebody in the tree has "
     "open: it cannot be kept"),
)
TASKS = (
    ("seccomp-supervised", "thread {pid}: seccomp filter 0 leaves calls to a supervisor "
     "(SECCOMP_RET_USER_NOTIF), which cannot be connected to it again",
     "fd 3: anon_inode:seccomp notify<*>" + KEPT),
    ("dispatched", "thread <*> runs code whose system calls become signals (syscall user "
     "dispatch); try again: it may be elsewhere then"),
    ("leader-killed", "its main thread was killed by signal 9 before the others, which cannot be "
     "kept"),
)
SYS_PIDFD_GETFD = 438
NAMESPACES = "uts ipc net mnt pid time user cgroup".split()


def _expected(scene, texts, **values):
    """One blocker stands in the first line, several below it."""
    who = f"pid {scene.pid} ({scene.comm}): "
    texts = [who + text.format(pid=scene.pid, **values) for text in texts]
    if len(texts) == 1:
        return ["dump: <*>: " + texts[0]]
    return [f"dump: <*>: {len(texts)} objects stand in the way", *texts]


def _refused(world, scene, *texts, **values):
    lines = _expected(scene, texts, **values)
    world.refuses(["dump", "-D", world.images, "-t", scene.pid], *lines)


def _file(world, name, *texts):
    path = world.top / "object"
    _refused(world, world.scene(name, path), *texts, path=path)


def _lease(world):
    """Whoever opens the file breaks it: it is where the harness does not look."""
    path = world.work / "leased"
    _refused(world, world.scene("lease", path), "fd 3: {path}: a write lease" + LOCKS, path=path)


def _fanotify(world, name, text):
    """A directory where the harness does not look."""
    _refused(world, world.scene(name, world.work / "watched"), "fd 3: fanotify: " + text)


def _fanotify_mount(world):
    """A mount that another one hides; afterwards, it can be kept, and has to be there."""
    path = world.folder("mount")
    world.mount(path, "tmpfs")
    scene = world.scene("fanotify-mount", path)
    with world.hidden(path):
        _refused(world, scene, "fd 3: fanotify: a mark on mount <*>, which crtool does not see (in "
                 "another mount namespace, or below another mount)")
    world.dump(scene)
    world.unmount(path)
    world.refuses(["restore", "-d", "-D", world.images],
                  f"restore: load files: pid {scene.pid} (scene): fd 3: fanotify: a mark on the "
                  f"mount at {path}, where nothing is mounted now", "mount it as it was")
    world.mount(path, "tmpfs")
    world.restore(scene)


def _lease_breaking(world):
    """Who waits for it gets it when the tree ends: it would not come back. Without, it does."""
    path = world.work / "leased"
    scene = world.scene("lease-patient", path)
    waiter = subprocess.Popen(["cat", path], stdout=subprocess.PIPE)
    try:
        while "LEASE  BREAKER" not in pathlib.Path("/proc/locks").read_text(encoding="ascii"):
            time.sleep(0.01)
        outcome = world.crtool("dump", "-D", world.images, "-t", scene.pid, "--file-locks")
        world.check_refusal(outcome, _expected(
            scene, [f"fd 3: {path}: a lease that pid {waiter.pid} waits for, which is not in the "
                    "tree: it cannot be kept; try again: it is about to be given up"]))
        world.expect_running()
    finally:
        waiter.kill()
        waiter.wait()
        waiter.stdout.close()
    world.dump(scene, "--file-locks")
    world.restore(scene)
    try:
        os.close(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    except BlockingIOError:
        return
    raise Failure("the lease is gone")


def _ghost_limit(world):
    """A deleted file above the limit, and one that is as large as the limit."""
    path = world.top / "deleted"
    scene = world.scene("deleted", path)
    size = os.stat(f"/proc/{scene.pid}/fd/3").st_size
    who = f"pid {scene.pid} ({scene.comm})"
    world.refuses(
        ["dump", "-D", world.images, "-t", scene.pid, "--ghost-limit", size - 1],
        f"dump: <*>: {who}: fd 3: {path} (deleted): a file without a name of {size} bytes, "
        f"more than the limit of {size - 1}; try a larger --ghost-limit")
    world.dump(scene, "--ghost-limit", size)


def _fifo_outside(world):
    """What is in it stays in the kernel: it cannot be in the images, too. Empty, it can."""
    path = world.top / "fifo"
    scene = world.scene("fifo", path)
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(fd, b"12345")
        _refused(world, scene, f"fd 3: {path}: a FIFO with 5 bytes in it that pid {os.getpid()} "
                 "has open, too, which is not in the tree; try again when it is empty, or stop "
                 "that process")
        os.read(fd, 5)
        world.dump(scene)
        world.restore(scene)
        os.write(fd, b"abc")
        inside = os.open(f"/proc/{scene.pid}/fd/3", os.O_RDONLY | os.O_NONBLOCK)
        text = os.read(inside, 10)
        os.close(inside)
        if text != b"abc":
            raise Failure(f"not connected to the FIFO again: {text}")
    finally:
        os.close(fd)


def _detached(world):
    """A mount that only the descriptor holds."""
    path = world.folder("tree")
    _refused(world, world.scene("detached", path), "fd 3: /: on a mount that is nowhere in "
             "crtool's mount namespace (detached, or of another one)" + KEPT)


def _hidden(world):
    """A file below a mount that came later; afterwards, it can be kept."""
    path = world.folder("below") / "file"
    path.write_text("12345678")
    scene = world.scene("file", path)
    with world.hidden(path.parent):
        _refused(world, scene, f"fd 3: {path}: on the mount of <*> at <*>, which another mount "
                 "hides; this cannot be kept yet")
    world.dump(scene)


def _uring(world):
    """Somebody else has it, too."""
    scene = world.scene("io_uring")
    pidfd = os.pidfd_open(scene.pid)
    fd = ctypes.CDLL(None).syscall(SYS_PIDFD_GETFD, pidfd, 3, 0)
    _refused(world, scene, f"fd 3: an io_uring that pid {os.getpid()} has open, too, which is not "
             "in the tree; include that process in the tree")
    os.close(fd)
    os.close(pidfd)
    world.dump(scene)


def _userfault(world):
    """Somebody else has it, too; only somebody else; one that cannot be kept."""
    scene = world.scene("map-userfault")
    pidfd = os.pidfd_open(scene.pid)
    fd = ctypes.CDLL(None).syscall(SYS_PIDFD_GETFD, pidfd, 3, 0)
    _refused(world, scene, f"fd 3: a userfaultfd that pid {os.getpid()} has open, too, which is "
             "not in the tree; include that process in the tree")
    os.close(fd)
    os.close(pidfd)
    world.dump(scene)

    path = world.top / "socket"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        scene = world.scene("map-userfault-sent", path)
        peer = server.accept()[0]
        fds = socket.recv_fds(peer, 1, 1)[1]
        _refused(world, scene, "mapping <*>: a registration with a userfaultfd that nobody in the "
                 "tree has" + KEPT)
        os.close(fds[0])
        peer.close()
    world.dump(scene)
    _refused(world, world.scene("map-userfault-locked"), "mapping <*>: locked, and registered with "
             "a userfaultfd for missing pages" + KEPT)


def _clone_vm(world):
    scene = world.scene("clone-vm")
    child = scene.pids()[1]
    world.refuses(["dump", "-D", world.images, "-t", scene.pid],
                  f"dump: <*>: pid {child} (scene): shares its memory with pid {scene.pid} (vfork "
                  "or CLONE_VM)" + KEPT)


def _clone_fs(world):
    scene = world.scene("clone-fs")
    elder, younger = scene.pids()[1:3]
    world.refuses(["dump", "-D", world.images, "-t", scene.pid],
                  "dump: <*>: 2 objects stand in the way", *(
                      f"pid {younger} (scene): shares its {what} with pid {elder}, which cannot "
                      "fork it"
                      for what in ("descriptors (CLONE_FILES)", "working directory (CLONE_FS)")))


def _clone_session(world):
    scene = world.scene("clone-session")
    between, grandchild = scene.pids()[1:3]
    world.refuses(["dump", "-D", world.images, "-t", scene.pid],
                  f"dump: <*>: pid {grandchild} (scene): shares descriptors or its working "
                  f"directory with others, which pid {between} would have to leave first")


def _leader_gone_pdeath(world):
    scene = world.scene("leader-gone-pdeath")
    child = scene.pids()[1]
    world.refuses(["dump", "-D", world.images, "-t", scene.pid],
                  f"dump: <*>: pid {child} (scene): thread {child} has a parent-death signal, and "
                  "the main thread of its parent has ended, which cannot be kept together")


def _namespace(world, kind):
    scene = world.scene("unshare", kind)
    _refused(world, scene, f"lives in another {kind} <*>namespace than crtool; dump it from inside "
                           "that namespace")


def _pid_namespace(world):
    scene = world.scene("unshare", "pid")
    _refused(world, scene, "lives in another pid (for its children) namespace than crtool; dump it "
                           "from inside that namespace")


def _time_namespace(world):
    """Its children will live in another one."""
    scene = world.scene("unshare", "time")
    _refused(world, scene, "lives in another time (for its children) namespace than crtool; dump "
                           "it from inside that namespace")


def _several(world):
    """One run names all of them."""
    scene = world.scene("several")
    _refused(world, scene, "fd 3: anon_inode:[perf_event]<*>" + KEPT,
             "fd 4: uts:[<*>]: a uts namespace other than crtool's" + KEPT)


def _beside_a_dump(world):
    """The dump that is there stays, and can be restored."""
    good = world.scene("family")
    world.dump(good)
    _refused(world, world.scene("perf"), "fd 3: anon_inode:[perf_event]<*>" + KEPT)
    world.restore(good)


def _counted(world):
    """More objects than are shown: their number is right, and the log has all."""
    scene = world.scene("many-perfs", 300)
    outcome = world.crtool("dump", "-D", world.images, "-t", scene.pid)
    lines = outcome.err.splitlines()
    if outcome.code != 1 or not re.search(r": 300 objects stand in the way$", lines[0]):
        raise Failure(f"exit code {outcome.code}: {lines[:1]}")
    if not lines[-1].endswith("and 100 more, all in the log") or len(lines) != 202:
        raise Failure(f"{len(lines)} lines, the last: {lines[-1]}")
    text = outcome.log.read_text()
    missing = [fd for fd in range(3, 303) if f"fd {fd}: anon_inode:[perf_event]" not in text]
    if missing:
        raise Failure(f"not in the log: {missing}")
    world.expect_running()


def add_cases(suite):
    """One for each row, and what does not fit in one."""
    for name, *texts in FILES:
        suite.add(f"blocker/{name}", _file, name, *texts)
    for name, *texts in MAPPINGS:
        texts = ["mapping <*>: " + text for text in texts]
        suite.add(f"blocker/{name}", _file, name, *texts)
    for name, *texts in TASKS:
        suite.add(f"blocker/{name}", _file, name, *texts)
    for kind in NAMESPACES:
        if kind not in ("pid", "time"):
            suite.add(f"blocker/namespace-{kind}", _namespace, kind)
    for name, function in (
        ("namespace-pid", _pid_namespace),
        ("namespace-time", _time_namespace),
        ("lease", _lease),
        ("lease-breaking", _lease_breaking),
        ("fanotify-mount", _fanotify_mount),
        ("ghost-limit", _ghost_limit),
        ("fifo-outside", _fifo_outside),
        ("detached", _detached),
        ("hidden", _hidden),
        ("io_uring-outside", _uring),
        ("map-userfault", _userfault),
        ("clone-vm", _clone_vm),
        ("clone-fs", _clone_fs),
        ("clone-session", _clone_session),
        ("leader-gone-pdeath", _leader_gone_pdeath),
        ("several", _several),
        ("beside-a-dump", _beside_a_dump),
        ("counted", _counted),
    ):
        suite.case(f"blocker/{name}")(function)
    suite.add("blocker/fanotify-unread", _fanotify, "fanotify-unread",
              "<*> bytes of events that were not read, which cannot be kept; try again: it is "
              "about to read them; crtool's own go away with images on another file system")
    suite.add("blocker/fanotify-ask", _fanotify, "fanotify-ask",
              "a mark asks for permission (mask 0x10000), which cannot be kept: whoever opens a "
              "file there would wait, crtool too; have it removed first (fanotify_mark, "
              "FAN_MARK_REMOVE)")
