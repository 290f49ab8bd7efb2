# SPDX-License-Identifier: GPL-2.0-only
"""Places of files that are not what they were: for reading only, not there, somebody else's."""

import os
import shutil
import stat


def _refused(world, *lines, options=()):
    world.refuses(["restore", "-d", "-D", world.images, *options], *lines)


def _read_only(world):
    """A file that is open for writing."""
    folder = world.folder("folder")
    path = folder / "file"
    path.write_text("12345678")
    scene = world.scene("file", path)
    world.dump(scene)
    world.read_only(folder)
    _refused(world, f"restore: load files: pid {scene.pid} (scene): fd 3: open {path} for "
             "writing: Read-only file system", "mount its file system for writing, as it was")
    world.unmount(folder)
    world.restore(scene)


def _ghost_read_only(world):
    """A deleted file cannot be made again: known before any process is."""
    folder = world.folder("folder")
    path = folder / "file"
    scene = world.scene("deleted", path)
    world.dump(scene)
    world.read_only(folder)
    _refused(world, f"restore: plan: {path}: make a file without a name in {folder}: Read-only "
             "file system")
    world.unmount(folder)
    world.restore(scene)


def _link_read_only(world):
    """A name cannot be made at the dump."""
    folder = world.folder("folder")
    path = folder / "file"
    scene = world.scene("linked", path, folder / "other")
    world.read_only(folder)
    world.refuses(["dump", "-t", scene.pid, "-D", world.images, "--link-remap"],
                  f"dump: <*>: pid {scene.pid} (scene): fd 3: {path} (deleted): a file that was "
                  f"deleted here, and has 1 other names: --link-remap cannot make one in {folder}: "
                  "Read-only file system")
    world.unmount(folder)
    world.dump(scene, "--link-remap")
    world.restore(scene)


def _expect_device(world, scene, path, *options):
    world.restore(scene, *options)
    link = os.readlink(f"/proc/{scene.pid}/fd/3")
    if link != path:
        raise Failure(f"fd 3 is {link}")


def _other_device(world):
    """A name that leads to another device, or nowhere: another one will do, if it may."""
    path = world.work / "device"
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    scene = world.scene("file", path)
    path.unlink()
    words = ["dump", "-D", world.images, "-t", scene.pid]
    world.refuses(words, f"dump: <*>: pid {scene.pid} (scene): fd 3: {path} (deleted): a file "
                  "without a name, which cannot be kept yet; try --evasive-devices")
    world.dump(scene, "-R", "--evasive-devices")
    world.kill(scene)
    _expect_device(world, scene, "/dev/null")
    world.kill(scene)

    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    scene = world.scene("file", path)
    world.dump(scene)
    path.unlink()
    _refused(world, f"restore: load files: pid {scene.pid} (scene): fd 3: {path}: No such file or "
             "directory", "try --evasive-devices")
    _expect_device(world, scene, "/dev/null", "--evasive-devices")
    world.kill(scene)
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))
    _refused(world, f"restore: load files: pid {scene.pid} (scene): fd 3: {path} is another device "
             "now (1:5, was 1:3)", "make it as it was (mknod), or try --evasive-devices")
    _expect_device(world, scene, "/dev/null", "--evasive-devices")
    world.kill(scene)
    path.unlink()
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
    _expect_device(world, scene, str(path), "--evasive-devices")


def _directory_removed(world, name, text):
    """What is in it is looked for, and not made."""
    folder = world.folder("folder")
    path = folder / "object"
    if name == "file":
        path.write_text("12345678")
    scene = world.scene(name, path)
    world.dump(scene)
    away = world.top / "away"
    shutil.move(folder, away)
    where = f"restore: load files: pid {scene.pid} (scene): fd 3: "
    _refused(world, *[line.format(who=where, path=path) for line in text])
    shutil.move(away, folder)
    world.restore(scene)


def add_cases(suite):
    """One for each place."""
    for name, function in (("read-only", _read_only), ("ghost-read-only", _ghost_read_only),
                           ("link-read-only", _link_read_only), ("other-device", _other_device)):
        suite.case(f"place/{name}")(function)
    for name, *text in (
        ("file", "{who}{path}: No such file or directory"),
        ("fifo", "{who}{path}: No such file or directory"),
        ("unix-at", "{who}bind to {path}: No such file or directory",
         "is its directory still there?"),
    ):
        suite.add(f"place/directory-removed-{name}", _directory_removed, name, text)
