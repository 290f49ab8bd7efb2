# SPDX-License-Identifier: GPL-2.0-only
"""Pids that cannot be dumped, whatever the process has."""

import os
import pathlib
import shutil
import subprocess

from harness.scene import Skip, threads
from runner import procs


def _refused(world, pid, *lines, log=True, **more):
    world.refuses(["dump", "-D", world.images, "-t", pid], *lines, log=log, **more)


def _gone(world):
    scene = world.scene()
    world.kill(scene)
    _refused(world, scene.pid, f"dump: check tree: pid {scene.pid}: no such process")


def _gone_beside_a_dump(world):
    """The dump that is there is worth more than the error."""
    scene, other = world.scene(), world.scene()
    world.dump(scene)
    world.kill(other)
    _refused(world, other.pid, f"dump: check tree: pid {other.pid}: no such process")
    world.restore(scene)


def _zombie(world):
    child = subprocess.Popen(["true"], stdin=subprocess.DEVNULL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    _refused_zombie(world, child.pid)
    child.wait()


def _refused_zombie(world, pid):
    outcome = world.crtool("dump", "-D", world.images, "-t", pid)
    world.check_refusal(outcome, [f"dump: freeze tasks: pid {pid}<*> has ended"])


def _thread(world):
    scene = world.scene("threads", 2)
    tid = threads(scene.pid)[-1]
    _refused(world, tid,
             f"dump: check tree: {tid} is a thread of process {scene.pid} (scene)",
             f"dump the process: --tree {scene.pid}")


def _itself(world):
    """A shell that becomes crtool knows the pid before."""
    text = 'exec "$0" dump -D "$1" -t $$'
    child = world.popen(["/bin/sh", "-c", text, world.options.crtool, str(world.images)])
    outcome = world.ended(child)
    world.check_refusal(outcome, [f"dump: check tree: pid {child.pid} is crtool itself"])


def _ancestor(world):
    _refused(world, os.getpid(), f"dump: check tree: pid {os.getpid()} is an ancestor of crtool")


def _init(world):
    _refused(world, 1, "dump: check tree: pid 1 is an ancestor of crtool")


def _kernel_thread(world):
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        facts = dict(line.split(":\t", 1) for line in
                     (path / "status").read_text().splitlines() if ":\t" in line)
        if facts.get("Kthread") == "1" or (facts["PPid"] == "2" and "VmSize" not in facts):
            _refused(world, int(path.name),
                     f"dump: check tree: pid {path.name} ({facts['Name']}): a kernel thread")
            return
    raise Skip("no kernel thread in this pid namespace")


def _traced(world):
    scene = world.scene()
    tracer = world.helper("tracer", scene.pid)
    outcome = world.crtool("dump", "-D", world.images, "-t", scene.pid)
    world.check_refusal(outcome, [
        f"dump: freeze tasks: pid {scene.pid} (scene): is traced by pid {tracer} (tracer)",
        "end the debugger or strace first"])
    scene.expect_beats()


def _traced_child(world):
    """A child that cannot be frozen lets those go that already were."""
    scene = world.scene("children", 3)
    child = scene.pids()[-1]
    tracer = world.helper("tracer", child)
    outcome = world.crtool("dump", "-D", world.images, "-t", scene.pid)
    world.check_refusal(outcome, [
        f"dump: freeze tasks: pid {child} (scene): is traced by pid {tracer} (tracer)",
        "end the debugger or strace first"])
    scene.expect_beats()


def _vfork(world):
    """Its parent cannot be stopped: it waits in the kernel for its child."""
    scene = world.scene("vfork")
    child = scene.pids()[-1]
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, "--timeout", "1"],
                  f"dump: freeze tasks: pid {scene.pid} (scene): thread {scene.pid} waits in "
                  f"vfork(2) until pid {child} executes a program or ends: not finished after 1 s",
                  "try a larger --timeout")


def _uninterruptible(world):
    """Where a thread waits that cannot be stopped."""
    scene = world.scene("clone-vfork")
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, "--timeout", "1"],
                  f"dump: freeze tasks: pid {scene.pid} (scene): thread {scene.pid} does not stop: "
                  "state D, system call 56, in <*>: not finished after 1 s",
                  "try a larger --timeout")


def _vfork_child(world):
    """Its parent, outside of the tree, waits with the same memory."""
    scene = world.scene("vfork")
    child = scene.pids()[-1]
    world.refuses(["dump", "-D", world.images, "-t", child, "-j"],
                  f"dump: <*>: pid {child} (scene): shares its memory with pid {scene.pid}, which "
                  "is not in the tree")


def _seccomp_without_admin(world):
    """Filters can only be read with CAP_SYS_ADMIN."""
    if not shutil.which("setpriv"):
        raise Skip("setpriv (util-linux)")
    scene = world.scene("seccomp")
    child = world.popen(["setpriv", "--bounding-set", "-sys_admin", world.options.crtool, "dump",
                         "-D", str(world.images), "-t", str(scene.pid)])
    world.check_refusal(world.ended(child), [
        f"dump: read tasks: pid {scene.pid} (scene): thread {scene.pid}: read seccomp filter 0: "
        "Permission denied",
        "run crtool as root, and outside of seccomp"])
    scene.expect_beats()


def _frozen(world, directory, text, hint):
    """In a cgroup of its own that is frozen; it runs on when that is thawed."""
    scene = world.scene()
    group = directory / f"crtool-errors.{os.getpid()}"
    file, frozen, thawed = text["file"], text["frozen"], text["thawed"]
    try:
        group.mkdir()
    except OSError as error:
        raise Skip(f"a new cgroup in {directory}: {error.strerror}") from error
    try:
        (group / "cgroup.procs").write_text(str(scene.pid))
        (group / file).write_text(frozen)
        procs.wait_until(lambda: text["is"] in (group / text["shown"]).read_text(), 5.0, "frozen")
        outcome = world.crtool("dump", "-D", world.images, "-t", scene.pid)
        (group / file).write_text(thawed)
        where = f"cgroup /{group.name} is frozen"
        world.check_refusal(outcome, [line.format(pid=scene.pid, where=where, group=group)
                                      for line in hint])
        world.expect_running()
    finally:
        (group / file).write_text(thawed)
        world.kill(scene)
        procs.wait_until(lambda: not (group / "cgroup.procs").read_text(), 5.0, "an empty cgroup")
        group.rmdir()


def _mounted(kind, option):
    """Where cgroups of the KIND are mounted as a whole, with OPTION."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        fstype, _, options = right.split(" ", 2)
        if fstype == kind and option in options.split(",") and left.split()[3] == "/":
            return pathlib.Path(left.split()[4])
    raise Skip(f"a mount of {kind} with {option}")


def _frozen_v1(world):
    """The freezer of v1 lets nobody stop for a tracer: that is not waited for."""
    text = {"file": "freezer.state", "frozen": "FROZEN", "thawed": "THAWED",
            "shown": "freezer.state", "is": "FROZEN"}
    _frozen(world, _mounted("cgroup", "freezer"), text, [
        "dump: freeze tasks: pid {pid} (scene): thread {pid} does not stop: its {where}",
        "thaw it first: echo THAWED > {group}/freezer.state"])


def _frozen_v2(world):
    """That of v2 does, but nobody runs for us."""
    text = {"file": "cgroup.freeze", "frozen": "1", "thawed": "0",
            "shown": "cgroup.events", "is": "frozen 1"}
    _frozen(world, _mounted("cgroup2", "rw"), text, [
        "dump: <*>: pid {pid} (scene): its {where} (cgroup.freeze); thaw it first: crtool itself "
        "stops all at one instant"])


def _traced_inside(world):
    scene = world.scene("traced-inside")
    child = scene.pids()[-1]
    outcome = world.crtool("dump", "-D", world.images, "-t", scene.pid)
    world.check_refusal(outcome, [
        f"dump: freeze tasks: pid {child} (scene): is traced by pid {scene.pid} (scene), which is "
        "part of the tree",
        "a thread has one tracer at most, and how it is traced cannot be read: end the debugger "
        "or strace first"])
    scene.expect_beats()


def _traced_dead(world):
    """A thread that has ended is there for its tracer alone; it would be lost."""
    scene = world.scene("traced-dead")
    child = scene.pids()[-1]
    tid = threads(child)[-1]
    outcome = world.crtool("dump", "-D", world.images, "-t", scene.pid)
    world.check_refusal(outcome, [
        f"dump: freeze tasks: pid {child} (scene): dead thread {tid}: is traced by pid {scene.pid} "
        "(scene), which is part of the tree",
        "a thread has one tracer at most, and how it is traced cannot be read: end the debugger "
        "or strace first"])
    scene.expect_beats()


def _session(world):
    scene = world.scene("no-session")
    _refused(world, scene.pid,
             f"dump: <*>: pid {scene.pid} (scene): belongs to session {os.getsid(0)}, whose leader "
             "is outside the tree; use --shell-job, or start it with setsid(1)")


def _group(world):
    """In a session of the tree, but in a group of somebody else's is only possible with -j."""
    scene = world.scene("children", 1)
    child = scene.pids()[-1]
    _refused(world, child,
             f"dump: <*>: pid {child} (scene): belongs to session {scene.pid}, whose leader "
             "is outside the tree; use --shell-job, or start it with setsid(1)")


def add_cases(suite):
    """One for each kind of pid."""
    for name, function in (
        ("gone", _gone),
        ("gone-beside-a-dump", _gone_beside_a_dump),
        ("zombie", _zombie),
        ("thread", _thread),
        ("itself", _itself),
        ("ancestor", _ancestor),
        ("init", _init),
        ("kernel-thread", _kernel_thread),
        ("traced", _traced),
        ("traced-child", _traced_child),
        ("traced-inside", _traced_inside),
        ("traced-dead", _traced_dead),
        ("seccomp-without-admin", _seccomp_without_admin),
        ("vfork", _vfork),
        ("vfork-child", _vfork_child),
        ("uninterruptible", _uninterruptible),
        ("frozen-v1", _frozen_v1),
        ("frozen-v2", _frozen_v2),
        ("session-outside", _session),
        ("leader-outside", _group),
    ):
        suite.case(f"target/{name}")(function)
