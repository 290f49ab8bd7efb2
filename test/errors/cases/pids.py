# SPDX-License-Identifier: GPL-2.0-only
"""Pids that others have, and directories that others write to."""

import fcntl
import os
import shutil
import signal

from harness import HELPERS
from harness.scene import Failure, status, threads
from runner import procs


def _refused_restore(world, *lines, **more):
    world.refuses(["restore", "-d", "-D", world.images], *lines, **more)


def _taken(pid, comm="take", is_zombie=False):
    hint = "its parent has to wait for it" if is_zombie else "end it first"
    return f"pid {pid} is taken by another process ({comm}); {hint}"


def _wait_state(pid, state):
    procs.wait_until(lambda: status(pid, pid).get("State", "")[:1] == state, 5, f"{pid}: {state}")


def _free(world, helper, pid):
    """The helper dies, and what it started with it."""
    os.kill(helper, signal.SIGKILL)

    def gone():
        procs.reap()
        return not os.path.exists(f"/proc/{pid}")

    procs.wait_until(gone, 5, f"pid {pid} to be free")


def _busy(world):
    scene = world.scene()
    world.dump(scene)
    helper = world.helper("take", scene.pid)
    _refused_restore(world, f"restore: check pids: {_taken(scene.pid)}", but=[scene])
    _free(world, helper, scene.pid)
    world.restore(scene)


def _busy_several(world):
    scene = world.scene("family")
    pids = scene.pids()
    world.dump(scene)
    helpers = [(world.helper("take", pid), pid) for pid in (pids[1], pids[3])]
    _refused_restore(world, "restore: check pids: 2 objects stand in the way", _taken(pids[1]),
                     _taken(pids[3]))
    for helper, pid in helpers:
        _free(world, helper, pid)
    world.restore(scene)


def _busy_thread(world):
    scene = world.scene("threads", 2)
    tid = threads(scene.pid)[1]
    world.dump(scene)
    helper = world.helper("take", tid)
    _refused_restore(world, f"restore: check pids: {_taken(tid)}")
    _free(world, helper, tid)
    world.restore(scene)


def _busy_group(world):
    """No process has the number, but a process group: it cannot be given out."""
    scene = world.scene("family")
    pid = scene.pids()[1]
    world.dump(scene)
    helper = world.helper("take", pid, "group")
    _refused_restore(world, f"restore: <*>pid {pid} is taken: a session or process group has this "
                            "number")
    os.kill(helper, signal.SIGKILL)
    procs.kill_all()
    world.restore(scene)


def _busy_zombie(world):
    """A dead process has its number until its parent waits for it."""
    scene = world.scene()
    world.dump(scene)
    helper = world.helper("take", scene.pid)
    os.kill(helper, signal.SIGSTOP)  # it will not wait for its child
    _wait_state(helper, "T")
    os.kill(scene.pid, signal.SIGKILL)
    _wait_state(scene.pid, "Z")
    _refused_restore(world, f"restore: check pids: {_taken(scene.pid, is_zombie=True)}",
                     but=[scene])
    _free(world, helper, scene.pid)
    world.restore(scene)


def _restore_twice(world):
    scene = world.scene("family")
    world.dump(scene)
    world.restore(scene)
    lines = []
    for pid in scene.pids():
        for tid in threads(pid):
            facts = status(pid, tid)
            is_zombie = facts["State"][0] == "Z"
            lines.append(_taken(tid, facts["Name"], is_zombie))
    _refused_restore(world, f"restore: check pids: {len(lines)} objects stand in the way", *lines)


def _restore_beside_original(world):
    scene = world.scene()
    world.dump(scene, "-R")
    _refused_restore(world, f"restore: check pids: {_taken(scene.pid, 'scene')}")


def _writer(world, scene):
    """A dump of SCENE that stands still in the middle. With -R the scene would run on by then."""
    child = world.spawn("dump", "-D", world.images, "-t", scene.pid, "-s", log=False)
    pages = world.images / "pages-1.img"
    procs.wait_until(lambda: pages.exists() and pages.stat().st_size, 10, "images")
    child.send_signal(signal.SIGSTOP)
    _wait_state(child.pid, "T")
    if (world.images / "inventory.img").exists():
        raise Failure("the dump was too fast to be stopped")
    return child


def _go_on(world, child, scene):
    child.send_signal(signal.SIGCONT)
    world.succeeded(world.ended(child))
    os.kill(scene.pid, signal.SIGCONT)
    scene.expect_beats()
    scene.expect_untraced()


def _two_dumps(world):
    """Into one directory at the same time: the second is refused, the first is not disturbed."""
    large, other = world.scene("memory", 400), world.scene()
    child = _writer(world, large)
    outcome = world.crtool("dump", "-D", world.images, "-t", other.pid)
    world.check_refusal(outcome, [
        f"dump: open images: {world.images}: another crtool is writing a dump into it"])
    other.expect_beats()
    other.expect_untraced()
    _go_on(world, child, large)
    world.kill(large)
    world.restore(large)


def _restore_of_unwritten(world):
    """Nothing is restored from a directory that somebody still writes to."""
    large = world.scene("memory", 400)
    child = _writer(world, large)
    outcome = world.crtool("restore", "-d", "-D", world.images)
    world.check_refusal(outcome, [
        f"restore: open images: {world.images}: the dump in it is still being written"])
    _go_on(world, child, large)


def _two_dumps_of_one(world):
    """Of one tree into two directories: one is the tracer, the other is told who."""
    large = world.scene("memory", 400)
    child = _writer(world, large)
    other = world.folder("other")
    outcome = world.crtool("dump", "-D", other, "-t", large.pid)
    world.check_refusal(outcome, [
        f"dump: freeze tasks: pid {large.pid} (scene): is traced by pid {child.pid} (crtool)",
        "end the debugger or strace first"])
    if os.listdir(other):
        raise Failure(f"left behind: {os.listdir(other)}")
    _go_on(world, child, large)


def _locked(world):
    """Whoever holds the lock keeps dumps out, for as long as it holds it."""
    scene = world.scene()
    fd = os.open(world.images, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        world.refuses(["dump", "-D", world.images, "-t", scene.pid],
                      f"dump: open images: {world.images}: "
                      "another crtool is writing a dump into it")
    finally:
        os.close(fd)
    world.dump(scene)


def _killed_writer(world):
    """What a killed dump leaves is no dump, and no hindrance for the next."""
    large = world.scene("memory", 400)
    child = _writer(world, large)
    child.kill()
    child.wait()
    large.expect_beats()
    large.expect_untraced()
    if not (world.images / "pages-1.img").exists():
        raise Failure("nothing was left: the case shows nothing")
    _refused_restore(world, f"restore: open images: {world.images}: an unfinished dump: it has "
                            "images, but no inventory.img")
    world.dump(large)
    world.restore(large)


def _replaced_dump_killed(world):
    """The old dump is whole when the one that is to replace it is killed."""
    old, large = world.scene("family"), world.scene("memory", 400)
    world.dump(old)
    child = world.spawn("dump", "-D", world.images, "-t", large.pid, "-R", log=False)
    pages = world.images / ".crtool-new" / "pages-1.img"
    procs.wait_until(lambda: pages.exists() and pages.stat().st_size, 10, "images")
    child.kill()
    child.wait()
    if not pages.exists():
        raise Failure("the dump was too fast to be killed")
    large.expect_beats()
    large.expect_untraced()
    world.restore(old)
    world.dump(large)
    if (world.images / ".crtool-new").exists():
        raise Failure("the remains of the killed dump are still there")
    world.restore(large)


def _foreign_directory(world):
    """No image in it, but other files: they are left alone."""
    world.file("images/notes.txt")
    _refused_restore(world, f"restore: open images: {world.images}: not a dump: it has no "
                            "inventory.img")


def _empty_directory(world):
    _refused_restore(world, f"restore: open images: {world.images}: not a dump: the directory is "
                            "empty")


def _copied_dump(world):
    """A dump may be copied, and restored from where the copy is."""
    scene = world.scene("family")
    world.dump(scene)
    shutil.copytree(world.images, world.top / "copy")
    shutil.rmtree(world.images)
    world.restore(scene, images=world.top / "copy")


def _no_way_to_pass(world):
    """
    A restore by a user who may not: not half a tree. All that the user has to see is in a place
    where everybody may look: this clone can be in a directory that is closed to others.
    """
    place = world.elsewhere()
    scene = world.scene(program=shutil.copy(HELPERS / "scene", place), top=place)
    world.dump(scene)
    program = shutil.copy(world.options.crtool, place / "crtool")
    os.chmod(program, 0o755)
    images = place / "images"
    shutil.copytree(world.images, images)
    for path in (images, *images.iterdir()):
        os.chown(path, 65534, 65534)
    world.refuses(["restore", "-d", "-D", images],
                  f"restore: fork tasks: clone pid {scene.pid}: Operation not permitted",
                  "<*>", log=False, program=program, user=65534, cwd=place)


def _of_a_file(world):
    """Nobody of the tree has it, but one of its files is about it."""
    scene = world.scene("proc-ended")
    path = os.readlink(f"/proc/{scene.pid}/fd/3").removesuffix(" (deleted)")
    pid = int(path.split("/")[2])
    world.dump(scene)
    helper = world.helper("take", pid)
    _refused_restore(world, f"restore: open files: pid {scene.pid} (scene): fd 3: {path}: make a "
                     "process with that pid for a moment: File exists",
                     "it is open, and about a process that has ended", but=[scene])
    _free(world, helper, pid)
    world.restore(scene)


def add_cases(suite):
    """Pids first, then directories."""
    for name, function in (
        ("busy", _busy),
        ("busy-several", _busy_several),
        ("busy-thread", _busy_thread),
        ("busy-group", _busy_group),
        ("busy-zombie", _busy_zombie),
        ("of-a-file", _of_a_file),
        ("restore-twice", _restore_twice),
        ("restore-beside-original", _restore_beside_original),
        ("restore-as-nobody", _no_way_to_pass),
    ):
        suite.case(f"pid/{name}")(function)
    for name, function in (
        ("empty", _empty_directory),
        ("foreign", _foreign_directory),
        ("two-dumps", _two_dumps),
        ("two-dumps-of-one", _two_dumps_of_one),
        ("restore-of-unwritten", _restore_of_unwritten),
        ("locked", _locked),
        ("killed-writer", _killed_writer),
        ("replaced-dump-killed", _replaced_dump_killed),
        ("copied", _copied_dump),
    ):
        suite.case(f"directory/{name}")(function)
