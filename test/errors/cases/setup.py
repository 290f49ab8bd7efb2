# SPDX-License-Identifier: GPL-2.0-only
"""Directories, logs and rights that are not as they have to be."""

import os
import shutil

NOBODY = 65534


def _both(world):
    """Dump and restore on a tree that runs; the words before -D."""
    pid = world.scene().pid
    return (["dump", "-t", pid], ["restore", "-d"])


def _missing_directory(world):
    dump, restore = _both(world)
    path = world.top / "missing"
    text = f"images directory {path}: No such file or directory"
    world.refuses([*dump, "-D", path], f"dump: {text}", f"create it: mkdir -p {path}", log=False)
    world.refuses([*restore, "-D", path], f"restore: {text}",
                  "name the directory of the dump with -D", log=False)


def _not_a_directory(world):
    path = world.file("file")
    for command in _both(world):
        world.refuses([*command, "-D", path],
                      f"{command[0]}: images directory {path}: Not a directory",
                      "name a directory with -D", log=False)


def _work_missing(world):
    path = world.top / "missing"
    for command in _both(world):
        world.refuses([*command, "-D", world.images, "-W", path],
                      f"{command[0]}: work directory {path}: No such file or directory",
                      f"create it: mkdir -p {path}", log=False)


def _name_too_long(world):
    path = world.top / ("x" * 300)
    for command in _both(world):
        world.refuses([*command, "-D", path],
                      f"{command[0]}: images directory {path}: File name too long", log=False)


def _link_in_a_circle(world):
    path = world.top / "link"
    path.symlink_to("link")
    for command in _both(world):
        world.refuses([*command, "-D", path],
                      f"{command[0]}: images directory {path}: Too many levels of symbolic links",
                      log=False)


def _user_copy(world):
    """A crtool that everybody may execute, and a directory of it."""
    place = world.elsewhere()
    program = shutil.copy(world.options.crtool, place / "crtool")
    os.chmod(program, 0o755)
    return place, program


def _no_permission(world):
    dump, restore = _both(world)
    place, program = _user_copy(world)
    path = place / "images"
    path.mkdir(mode=0o700)
    for command in (dump, restore):
        world.refuses([*command, "-D", path],
                      f"{command[0]}: images directory {path}: Permission denied",
                      "run crtool as root, or name another directory with -D",
                      log=False, program=program, user=NOBODY, cwd=place)


def _no_right_to_trace(world):
    """A directory of one's own is not enough: the tree is somebody else's."""
    scene = world.scene()
    place, program = _user_copy(world)
    path = place / "images"
    path.mkdir()
    os.chown(path, NOBODY, NOBODY)
    world.refuses(["dump", "-t", scene.pid, "-D", path],
                  f"dump: freeze tasks: pid {scene.pid} (scene): <*>: Operation not permitted",
                  "<*>root<*>", log=False, program=program, user=NOBODY, cwd=place)
    if os.listdir(path):
        raise AssertionError(f"left in the directory: {os.listdir(path)}")


def _read_only(world):
    scene = world.scene()
    path = world.folder("read-only")
    world.read_only(path)
    text = f"dump: images directory {path}: Read-only file system"
    world.refuses(["dump", "-t", scene.pid, "-D", path], text,
                  "name a directory that can be written to with -D")


def _restore_from_read_only(world):
    """Images are only read; what is written goes to the work directory."""
    scene = world.scene()
    path = world.folder("read-only")
    world.dump(scene, images=path)
    world.read_only(path)
    world.restore(scene, "--pidfile", "pid", images=path)


def _log_is_a_link(world):
    scene = world.scene()
    target = world.file("precious")
    (world.images / "dump.log").symlink_to(target)
    world.refuses(["dump", "-t", scene.pid, "-D", world.images, "-o", "dump.log"],
                  "dump: log file dump.log: Too many levels of symbolic links",
                  "it is a symbolic link: name the file itself with -o", log=False)


def _log_without_directory(world):
    scene = world.scene()
    world.refuses(["dump", "-t", scene.pid, "-D", world.images, "-o", "logs/dump.log"],
                  "dump: log file logs/dump.log: No such file or directory",
                  "create its directory first", log=False)


def _log_is_a_directory(world):
    scene = world.scene()
    (world.images / "log").mkdir()
    world.refuses(["dump", "-t", scene.pid, "-D", world.images, "-o", "log"],
                  "dump: log file log: Is a directory",
                  "name another file with -o, or another work directory with -W", log=False)


def _pidfile_without_directory(world):
    scene = world.scene()
    world.dump(scene)
    world.refuses(["restore", "-d", "-D", world.images, "--pidfile", "none/pid"],
                  "restore: write results: open none/pid: No such file or directory")
    world.restore(scene)


def _pidfile_is_a_link(world):
    """It must not be written through, nor removed with the undo of the run."""
    scene = world.scene()
    target = world.file("precious")
    link = world.top / "pid"
    link.symlink_to(target)
    world.dump(scene)
    world.refuses(["restore", "-d", "-D", world.images, "--pidfile", link],
                  f"restore: write results: open {link}: Too many levels of symbolic links")


def _old_pidfile_survives(world):
    """A restore that is given up takes away its own pid file, not one that was there."""
    scene = world.scene()
    old = world.file("pid", "1\n")
    world.dump(scene)
    world.refuses(["restore", "-d", "-D", world.images, "--pidfile", old,
                   "--fault", "fork tasks"],
                  "restore: fork tasks: made to fail by --fault")


def _no_standard_descriptors(world):
    """Closed 0, 1 and 2 must not make an image of what is printed."""
    scene = world.scene()
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.dup2(write_end, 9)
            os.closerange(0, 3)
            line = world.command("dump", "-t", scene.pid, "-D", world.images, "-R")
            os.execv(line[0], line)
        finally:
            os._exit(99)
    os.close(write_end)
    os.close(read_end)
    _, status = os.waitpid(pid, 0)
    if status:
        raise AssertionError(f"wait status {status}")
    world.kill(scene)
    world.restore(scene)


def add_cases(suite):
    """Set-up."""
    for name, function in (
        ("missing-directory", _missing_directory),
        ("not-a-directory", _not_a_directory),
        ("work-missing", _work_missing),
        ("name-too-long", _name_too_long),
        ("link-in-a-circle", _link_in_a_circle),
        ("no-permission", _no_permission),
        ("no-right-to-trace", _no_right_to_trace),
        ("read-only", _read_only),
        ("restore-from-read-only", _restore_from_read_only),
        ("log-is-a-link", _log_is_a_link),
        ("log-without-directory", _log_without_directory),
        ("log-is-a-directory", _log_is_a_directory),
        ("pidfile-without-directory", _pidfile_without_directory),
        ("pidfile-is-a-link", _pidfile_is_a_link),
        ("old-pidfile-survives", _old_pidfile_survives),
        ("no-standard-descriptors", _no_standard_descriptors),
    ):
        suite.case(f"setup/{name}")(function)
