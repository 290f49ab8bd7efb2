# SPDX-License-Identifier: GPL-2.0-only
"""Files of the tree that are no longer what they were when it was saved."""

import fcntl
import os
import pathlib
import re
import shutil
import struct
import subprocess

from harness import HELPERS
from harness.scene import Failure, Skip

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454ca, 1, 0x1000
PUT_BACK = "bring the file back as it was"


def _refused(world, *lines, options=()):
    world.refuses(["restore", "-d", "-D", world.images, *options], *lines)


def _with_file(world, name="file"):
    """A scene with a file, dumped. The file and the words in front of what is said about it."""
    path = world.file("object", "12345678")
    scene = world.scene(name, path)
    world.dump(scene)
    where = f"restore: load files: pid {scene.pid} (scene): "
    return path, scene, where + ("fd 3: " if name == "file" else "<*>")


def _tun_taken(world):
    """Its interface is somebody else's by now; then it is free again."""
    name = f"zt{os.getpid()}"
    scene = world.scene("tun", name)
    world.dump(scene)
    with open("/dev/net/tun", "r+b", buffering=0) as other:
        fcntl.ioctl(other, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        _refused(world, f"restore: load files: pid {scene.pid} (scene): fd 3: interface {name}: "
                 "TUNSETIFF: Device or resource busy",
                 "end whoever has the interface, or remove it")
    world.restore(scene)
    if not os.path.exists(f"/sys/class/net/{name}"):
        raise Failure("the interface is not there")


def _grown(world):
    path, scene, where = _with_file(world)
    path.write_text("123456789")
    _refused(world, f"{where}{path} has 9 bytes, the dump knew it with 8", PUT_BACK)
    path.write_text("87654321")
    world.restore(scene)


def _shrunk(world):
    path, scene, where = _with_file(world)
    path.write_text("1")
    _refused(world, f"{where}{path} has 1 bytes, the dump knew it with 8", PUT_BACK)
    path.write_text("12345678")
    world.restore(scene)


def _mapped_shrunk(world):
    path, scene, where = _with_file(world, "map-file")
    path.write_text("")
    _refused(world, f"{where}{path} has 0 bytes, the dump knew it with 8", PUT_BACK)
    path.write_text("12345678")
    world.restore(scene)


def _mode(world):
    path, scene, where = _with_file(world)
    path.chmod(0o755)
    _refused(world, f"{where}{path} has mode 755, the dump knew it with 644",
             "chmod it back, or try --skip-file-rwx-check")
    world.restore(scene, "--skip-file-rwx-check")


def _lock_taken(world, name, text, take, give):
    """Whoever has the lock is named; when it is free, the restore takes it. The file is where the
    harness does not look: closing it would end our lock."""
    path = world.work / "locked"
    scene = world.scene(name, path)
    world.dump(scene, "--file-locks")
    fd = os.open(path, os.O_RDWR)
    take(fd)
    try:
        comm = pathlib.Path("/proc/self/comm").read_text(encoding="utf-8").strip()
        _refused(world, f"restore: load files: pid {scene.pid} (scene): fd 3: {path}: {text} "
                        f"cannot be had: pid {os.getpid()} ({comm}) has a lock; stop that process, "
                        "or let it unlock the file")
    finally:
        give(fd)
    world.restore(scene)
    try:
        take(fd)
    except BlockingIOError:
        return
    finally:
        os.close(fd)
    raise Failure("the lock was not taken again")


def _vanished(world):
    path, scene, where = _with_file(world)
    path.rename(world.top / "away")
    _refused(world, f"{where}{path}: No such file or directory")
    (world.top / "away").rename(path)
    world.restore(scene)


def _mapped_vanished(world):
    path, scene, where = _with_file(world, "map-file")
    path.rename(world.top / "away")
    _refused(world, f"{where}{path}: No such file or directory")
    (world.top / "away").rename(path)
    world.restore(scene)


def _other_type(world, make):
    path, scene, where = _with_file(world)
    path.rename(world.top / "away")
    make(path)
    _refused(world, f"{where}{path} is another type of file now (<*>)")
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()
    (world.top / "away").rename(path)
    world.restore(scene)


def _several(world):
    """All that stands in the way is named in one run."""
    paths = [world.file(name, name) for name in ("one", "two", "three")]
    scene = world.scene("file", *paths)
    world.dump(scene)
    who = f"pid {scene.pid} (scene): "
    paths[0].write_text("1")
    paths[1].rename(world.top / "away")
    paths[2].chmod(0o600)
    _refused(world, "restore: load files: 3 objects stand in the way",
             f"{who}fd 3: {paths[0]} has 1 bytes, the dump knew it with 3<*>",
             f"{who}fd 4: {paths[1]}: No such file or directory<*>",
             f"{who}fd 5: {paths[2]} has mode 600, the dump knew it with 644<*>")


def _directory(world):
    """A working directory of a scene, dumped."""
    path = world.folder("home")
    scene = world.scene("cwd", path)
    world.dump(scene)
    return path, scene, f"restore: load files: pid {scene.pid} (scene): cwd: "


def _cwd_vanished(world):
    path, scene, where = _directory(world)
    path.rmdir()
    _refused(world, f"{where}{path}: No such file or directory")
    path.mkdir()
    world.restore(scene)


def _cwd_is_a_file(world):
    path, scene, where = _directory(world)
    path.rmdir()
    path.write_text("")
    _refused(world, f"{where}{path} is another type of file now (<*>)")
    path.unlink()
    path.mkdir()
    world.restore(scene)


def _program(world):
    """A copy of scene, for a scene that is dumped, and what is said in front of its path."""
    path = world.top / "program"
    shutil.copy(HELPERS / "scene", path)
    scene = world.scene(program=str(path))
    world.dump(scene)
    return path, scene, f"restore: load files: pid {scene.pid} (program): <*>"


def _other_build(world):
    path, scene, where = _program(world)
    notes = subprocess.run(["readelf", "-n", path], check=False, capture_output=True, text=True)
    found = re.search(r"Build ID: ([0-9a-f]+)", notes.stdout)
    if not found:
        raise Skip("a build id in the helpers, or readelf")
    old = bytes.fromhex(found.group(1))
    content = path.read_bytes()
    if content.count(old) != 1:
        raise Failure("the build id is not where it was expected")
    path.write_bytes(content.replace(old, bytes(byte ^ 0xFF for byte in old)))
    _refused(world, f"{where}{path} is another build than the one that was mapped",
             "install the same version, or try --file-validation filesize")
    world.restore(scene, "--file-validation", "filesize")


def _program_vanished(world):
    path, scene, where = _program(world)
    path.rename(world.top / "away")
    _refused(world, f"{where}{path}: No such file or directory")
    (world.top / "away").rename(path)
    world.restore(scene)


def _program_not_executable(world):
    path, scene, where = _program(world)
    path.chmod(0o644)
    _refused(world, f"{where}{path} has mode 644, the dump knew it with 755",
             "chmod it back, or try --skip-file-rwx-check")
    path.chmod(0o755)
    world.restore(scene)


def _program_being_written(world):
    """What is open for writing cannot be executed."""
    path, scene, _ = _program(world)
    with open(path, "r+b"):
        _refused(world, f"restore: <*>pid {scene.pid} (program): <*>{path}<*>",
                 "end whoever has it open for writing")
    world.restore(scene)


def add_cases(suite):
    """One for each change."""
    for name, function in (
        ("tun-taken", _tun_taken),
        ("grown", _grown),
        ("shrunk", _shrunk),
        ("mapped-shrunk", _mapped_shrunk),
        ("mode", _mode),
        ("vanished", _vanished),
        ("mapped-vanished", _mapped_vanished),
        ("several", _several),
        ("cwd-vanished", _cwd_vanished),
        ("cwd-is-a-file", _cwd_is_a_file),
        ("other-build", _other_build),
        ("program-vanished", _program_vanished),
        ("program-not-executable", _program_not_executable),
        ("program-being-written", _program_being_written),
    ):
        suite.case(f"file/{name}")(function)
    suite.add("file/is-a-directory", _other_type, os.mkdir)
    suite.add("file/flock-taken", _lock_taken, "flock", "an exclusive lock (flock)",
              lambda fd: fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB),
              lambda fd: fcntl.flock(fd, fcntl.LOCK_UN))
    for name, text in (("posix-lock", "a write lock of bytes 0 to 2 (POSIX)"),
                       ("ofd-lock", "a write lock from byte 0 on (OFD)")):
        suite.add(f"file/{name}-taken", _lock_taken, name, text,
                  lambda fd: fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1),
                  lambda fd: fcntl.lockf(fd, fcntl.LOCK_UN, 1))
    suite.add("file/is-a-fifo", _other_type, os.mkfifo)
    suite.add("file/is-a-link", _other_type, lambda path: os.symlink("away", path))
