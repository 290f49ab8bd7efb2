#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Each step of a dump, a pre-dump and a restore fails, once: the tree runs as before, or nothing is
left of the restore, and the next one works. See README.md.
"""

import os
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import suite  # noqa: E402
from harness.memory import Memory  # noqa: E402
from harness.scene import Failure  # noqa: E402

TREES = (
    ("plain",),
    ("threads", 4),
    ("family",),
    ("stopped",),
    ("orphan-group",),
    ("busy",),
)
# What a busy tree does not stand still for.
FEWEST_STEPS = 8


def steps_of(outcome, command):
    """The names of the steps, as a run has logged them, in their order."""
    return names_in(outcome.log.read_text(), command)


def names_in(text, command):
    """The same of its log."""
    names = re.findall(rf" info: {command}: (.+): done in \d+ us$", text, re.MULTILINE)
    if len(names) < FEWEST_STEPS or len(set(names)) != len(names):
        raise Failure(f"these cannot be the steps of {command}: {names}")
    return names


def _steps_of_dump(world, scene):
    """The last one commits: from then on there is nothing to undo."""
    images = world.folder("first")
    outcome = world.crtool("dump", "-D", images, "-t", scene.pid, "-R")
    world.succeeded(outcome)
    return steps_of(outcome, "dump")


def _maps(scene):
    """The mappings of all tasks, to the byte."""
    return {pid: pathlib.Path(f"/proc/{pid}/maps").read_text() for pid in scene.pids()}


def _dump_step(world, scene, step, *options):
    before = _maps(scene)
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, "--fault", step, *options],
                  f"dump: {step}: made to fail by --fault")
    after = _maps(scene)
    if before != after:
        raise Failure(f"{step}: the mappings have changed: {before} -> {after}")
    scene.expect_no_errors()


def _dump(world, *tree):
    """Into an empty directory, then into one with a dump that must stay whole."""
    scene = world.scene(*tree)
    *steps, last = _steps_of_dump(world, scene)
    for step in steps:
        _dump_step(world, scene, step)
        if os.listdir(world.images):
            raise Failure(f"{step}: left behind: {os.listdir(world.images)}")
    old = world.scene("family")
    world.dump(old)
    for step in steps:
        _dump_step(world, scene, step, "-s" if step == steps[-1] else "-R")
    world.restore(old)
    world.dump(scene, "--fault", last)  # too late to fail
    world.restore(scene)
    scene.expect_no_errors()
    return f"({len(steps)} steps, twice)"


def _marks(scene):
    """Mappings that are still write-protected for us."""
    text = "".join(pathlib.Path(f"/proc/{pid}/smaps").read_text() for pid in scene.pids())
    return len(re.findall(r"^VmFlags:.* uw\b", text, re.MULTILINE))


def _pre_dump_words(scene, images, *options):
    return ["pre-dump", "-D", images, "-t", scene.pid, *options]


def _pre_dump(world, *tree):
    """The first of a chain, then one that builds upon another; then a chain that works."""
    scene = world.scene(*tree)
    first = world.folder("first")
    outcome = world.crtool(*_pre_dump_words(scene, first))
    world.succeeded(outcome)
    *steps, last = steps_of(outcome, "pre-dump")
    again = ["--prev-images-dir", "../first"]
    for number, step in enumerate(steps):
        for options in ([], again):
            outcome = world.crtool(
                *_pre_dump_words(scene, world.images, *options, "--fault", step))
            world.check_refusal(outcome, [f"pre-dump: {step}: made to fail by --fault"])
            if os.listdir(world.images):
                raise Failure(f"{step}: left behind: {os.listdir(world.images)}")
            scene.expect_untraced()
        # Up to this one the tree is still tracked by the first: its marks are not touched.
        touched = number >= steps.index("mark pages")
        if tree[0] != "busy" and bool(_marks(scene)) == touched:
            raise Failure(f"{step}: {_marks(scene)} mappings are marked")
    scene.expect_no_errors()
    world.succeeded(world.crtool(
        *_pre_dump_words(scene, world.images, *again, "--fault", last)))  # too late
    world.dump(scene, "--prev-images-dir", "../images", images=world.folder("whole"))
    world.restore(scene, images=world.top / "whole")
    scene.expect_no_errors()
    return f"({len(steps)} steps, twice)"


def _chain_step(world, scene, memory, number, step, begun):
    """BEGUN: the marks were set again by then."""
    pre, images = (world.folder(f"{name}{number}") for name in ("pre", "chain"))
    prev = ("--prev-images-dir", f"../{pre.name}")
    world.succeeded(world.crtool(*_pre_dump_words(scene, pre)))
    memory.write(0.3)
    outcome = world.crtool("dump", "-D", images, "-t", scene.pid, *prev, "--fault", step)
    world.check_refusal(outcome, [f"dump: {step}: made to fail by --fault"])
    if os.listdir(images):
        raise Failure(f"{step}: left behind: {os.listdir(images)}")
    scene.expect_untraced()
    if begun == bool(_marks(scene)):
        raise Failure(f"{step}: {_marks(scene)} mappings are marked")
    memory.write(0.1)
    world.dump(scene, *prev, images=images)
    if begun != ("all memory is written" in world.last_log().read_text()):
        raise Failure(f"{step}: the next dump is {'not ' if begun else ''}a full one")
    world.restore(scene, images=images)
    memory.expect(f"{step}: after the restore")


def _chain(world):
    """
    What has changed is copied while the tree runs. From then on, should a step fail, nobody looks
    after its changes any more: the next dump is told that, and writes all of it.
    """
    scene = world.scene("memory", 16)
    memory = Memory(scene, 16)
    world.succeeded(world.crtool(*_pre_dump_words(scene, world.folder("first"))))
    memory.write(0.3)
    world.dump(scene, "--prev-images-dir", "../first")
    text = world.last_log().read_text()
    if "were copied ahead of the freeze" not in text:
        raise Failure(f"nothing was copied ahead of the freeze:\n{text}")
    *steps, _ = names_in(text, "dump")
    world.restore(scene)
    memory.expect("after the restore")
    for number, step in enumerate(steps):
        _chain_step(world, scene, memory, number, step, number >= steps.index("copy ahead"))
    scene.expect_no_errors()
    return f"({len(steps)} steps)"


def _steps_of_restore(world, scene):
    """A restore that works, to be told their names; then the tree is killed again."""
    outcome = world.crtool("restore", "-d", "-D", world.images)
    world.succeeded(outcome)
    scene.expect_beats()
    world.kill(scene)
    return steps_of(outcome, "restore")


def _restore(world, *tree):
    scene = world.scene(*tree)
    world.dump(scene)
    *steps, last = _steps_of_restore(world, scene)
    pidfile = world.top / "pid"
    for step in steps:
        for options in ([], ["-d"], ["-d", "-S"]):
            words = ["restore", "-D", world.images, "--pidfile", pidfile, "--fault", step, *options]
            try:
                # Siblings of crtool are not its to wait for: they are still dying when it ends.
                world.refuses(words, f"restore: {step}: made to fail by --fault",
                              patient="-S" in options)
            except Failure as error:
                raise Failure(f"{step} {options}: {error}") from error
    world.restore(scene, "--pidfile", pidfile, "--fault", last)  # too late to fail
    if pidfile.read_text().strip() != str(scene.pid):
        raise Failure(f"the pid file has {pidfile.read_text()!r} instead of {scene.pid}")
    scene.expect_no_errors()
    return f"({len(steps)} steps, three ways)"


def main():
    """For each tree, each step of both commands."""
    options = suite.parser(__doc__).parse_args()
    cases = suite.Suite()
    for tree in TREES:
        cases.add(f"fault/dump/{tree[0]}", _dump, *tree)
        cases.add(f"fault/pre-dump/{tree[0]}", _pre_dump, *tree)
        cases.add(f"fault/restore/{tree[0]}", _restore, *tree)
    cases.add("fault/dump/chain", _chain)
    return suite.main(cases, options)


if __name__ == "__main__":
    sys.exit(main())
