# SPDX-License-Identifier: GPL-2.0-only
"""--link-remap: names that a dump makes, and what becomes of them."""

import os
import shutil

from harness.scene import Failure


def _scene(world):
    """A file that was deleted, and has another name. The directory, and the scene."""
    folder = world.folder("files")
    return folder, world.scene("linked", folder / "first", folder / "second")


def _made(folder):
    return [name for name in os.listdir(folder) if name.startswith(".crtool-link.")]


def _expect_made(folder, number):
    if len(_made(folder)) != number:
        raise Failure(f"{_made(folder)} instead of {number} names")


def _without(world):
    folder, scene = _scene(world)
    text = (f"pid {scene.pid} (scene): fd 3: {folder}/first (deleted): a file that was deleted "
            "here, and has 1 other names; use --link-remap, which makes a name for it until it is "
            "restored")
    world.refuses(["dump", "-D", world.images, "-t", scene.pid], f"dump: dump mappings: {text}")
    world.refuses(["check", "-t", scene.pid], f"check: {text}",
                  "it can be dumped with --link-remap")


def _directory_gone(world):
    folder, scene = _scene(world)
    (folder / "second").rename(world.top / "second")
    folder.rmdir()
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, "--link-remap"],
                  f"dump: dump mappings: pid {scene.pid} (scene): fd 3: {folder}/first (deleted): "
                  "a file that was deleted here, and has 1 other names: its directory, which "
                  "--link-remap needs, has gone, too")


def _fault(world):
    """A dump that comes to nothing leaves none."""
    folder, scene = _scene(world)
    for step in ("dump mappings", "write stats"):
        world.refuses(["dump", "-D", world.images, "-t", scene.pid, "--link-remap", "--fault",
                       step], f"dump: {step}: made to fail by --fault")
        _expect_made(folder, 0)
    world.dump(scene, "--link-remap")
    _expect_made(folder, 1)
    world.refuses(["restore", "-d", "-D", world.images, "--fault", "arm files"],
                  "restore: arm files: made to fail by --fault", patient=True)
    _expect_made(folder, 1)
    world.restore(scene)
    _expect_made(folder, 0)


def _collected(world):
    """What gc shows, and removes; then there is no way back."""
    folder, scene = _scene(world)
    world.dump(scene, "--link-remap")
    name = folder / _made(folder)[0]
    shown = world.crtool("gc", "--show", "-D", world.images)
    if shown.code or shown.out != f"name of a file: {name}\n":
        raise Failure(f"gc --show: {shown.code}: {shown.out}{shown.err}")
    _expect_made(folder, 1)
    done = world.crtool("gc", "-D", world.images)
    if done.code or done.out != f"name of a file: {name}: removed\n":
        raise Failure(f"gc: {done.code}: {done.out}{done.err}")
    _expect_made(folder, 0)
    world.refuses(["restore", "-d", "-D", world.images],
                  f"restore: load files: file <*>: {name}: No such file or directory")


def _other_file(world):
    """A name that is another file's now is nobody's to remove."""
    folder, scene = _scene(world)
    world.dump(scene, "--link-remap")
    name = folder / _made(folder)[0]
    name.unlink()
    name.write_text("mine")
    done = world.crtool("gc", "-D", world.images)
    if done.code or done.out or name.read_text() != "mine":
        raise Failure(f"gc: {done.code}: {done.out}{done.err}")
    shutil.rmtree(folder)


def add_cases(suite):
    """One for each."""
    for name, function in (
        ("without", _without),
        ("directory-gone", _directory_gone),
        ("fault", _fault),
        ("collected", _collected),
        ("other-file", _other_file),
    ):
        suite.case(f"link/{name}")(function)
