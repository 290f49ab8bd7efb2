# SPDX-License-Identifier: GPL-2.0-only
"""Pids that cannot be dumped, whatever the process has."""

import os
import pathlib
import subprocess

from harness.scene import Skip, threads


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
        f"dump: freeze tasks: pid {scene.pid} (scene): is traced by pid {tracer}",
        "end the debugger or strace first"])
    scene.expect_beats()


def _traced_child(world):
    """A child that cannot be frozen lets those go that already were."""
    scene = world.scene("children", 3)
    child = scene.pids()[-1]
    tracer = world.helper("tracer", child)
    outcome = world.crtool("dump", "-D", world.images, "-t", scene.pid)
    world.check_refusal(outcome, [
        f"dump: freeze tasks: pid {child} (scene): is traced by pid {tracer}",
        "end the debugger or strace first"])
    scene.expect_beats()


def _vfork(world):
    """Its parent cannot be stopped: it waits in the kernel for its child."""
    scene = world.scene("vfork")
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, "--timeout", "1"],
                  f"dump: freeze tasks: pid {scene.pid} (scene): not finished after 1 s<*>",
                  "<*>")


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
        ("vfork", _vfork),
        ("session-outside", _session),
        ("leader-outside", _group),
    ):
        suite.case(f"target/{name}")(function)
