# SPDX-License-Identifier: GPL-2.0-only
"""check -t: what a dump would say, and which options it needs, with nothing done."""

import os

from harness.scene import Failure


def _good(world, scene, *options):
    before = world.look()
    outcome = world.crtool("check", "-t", scene.pid, *options)
    if outcome.code or outcome.err or outcome.out != "Looks good.\n":
        raise Failure(f"exit code {outcome.code}: {outcome.out}{outcome.err}")
    world.expect_same(before)
    world.expect_running()


def _nothing(world):
    """Nothing stands in the way, of files that a dump would have to copy either."""
    _good(world, world.scene("family"))
    _good(world, world.scene("deleted", world.top / "deleted"))
    _good(world, world.scene("memfd"))
    _good(world, world.scene("pty"))
    _good(world, world.scene("threads", 3))


def _option(world):
    path = world.top / "locked"
    scene = world.scene("flock", path)
    world.refuses(["check", "-t", scene.pid],
                  f"check: pid {scene.pid} (scene): fd 3: {path}: an exclusive lock (flock); try "
                  "--file-locks", "it can be dumped with --file-locks")
    _good(world, scene, "--file-locks")


def _argument(world):
    """An option that takes an argument, which only the user can know."""
    path = world.top / "deleted"
    scene = world.scene("deleted", path)
    size = os.stat(f"/proc/{scene.pid}/fd/3").st_size
    world.refuses(["check", "-t", scene.pid, "--ghost-limit", size - 1],
                  f"check: pid {scene.pid} (scene): fd 3: {path} (deleted): a file without a name "
                  f"of {size} bytes, more than the limit of {size - 1}; try a larger --ghost-limit",
                  "it can be dumped with --ghost-limit SIZE")


def _both(world):
    """What no option helps against, beside what one does."""
    path = world.top / "locked"
    scene = world.scene("flock-perf", path)
    who = f"pid {scene.pid} (scene): "
    world.refuses(["check", "-t", scene.pid], "check: 2 objects stand in the way",
                  f"{who}fd 3: {path}: an exclusive lock (flock); try --file-locks",
                  f"{who}fd 4: anon_inode:[perf_event]<*>, which cannot be kept yet",
                  "options that it needs, too: --file-locks")
    world.refuses(["check", "-t", scene.pid, "--file-locks"],
                  f"check: {who}fd 4: anon_inode:[perf_event]<*>, which cannot be kept yet")


def _target(world):
    scene = world.scene()
    world.refuses(["check", "-t", os.getpid()],
                  f"check: check tree: pid {os.getpid()} is an ancestor of crtool")
    _good(world, scene)


def add_cases(suite):
    """One for each."""
    for name, function in (
        ("nothing", _nothing),
        ("option", _option),
        ("argument", _argument),
        ("both", _both),
        ("target", _target),
    ):
        suite.case(f"trial/{name}")(function)
