# SPDX-License-Identifier: GPL-2.0-only
"""Images that are damaged, missing, or not what their name says."""

import os
import random
import re
import struct

from harness.scene import Failure
from harness.world import UGLY, UNREADABLE

COMMON = 0x54564319
SEED = 20261121
FLIPS = 30

# What a dump of the scene `family` writes, and the restore reads: a pattern for one file.
KINDS = {
    "inventory": r"inventory\.img",
    "pstree": r"pstree\.img",
    "core": r"core-\d+\.img",
    "ids": r"ids-\d+\.img",
    "fs": r"fs-\d+\.img",
    "mm": r"mm-\d+\.img",
    "fdinfo": r"fdinfo-\d+\.img",
    "files": r"files\.img",
    "pagemap": r"pagemap-\d+\.img",
    "shmem": r"pagemap-shmem-\d+\.img",
    "pipes-data": r"pipes-data\.img",
}
PAGES = r"pages-\d+\.img"
SECCOMP = r"seccomp\.img"
LOCKS = "locks-and-packets"
MEMFD = r"memfd\.img"

# Without it: what is said behind "restore: ". A process without descriptors has no fdinfo, a
# pipe without data no pipes-data: nothing tells that they have been lost.
MISSING = {
    "inventory": "open images: {dir}: an unfinished dump: it has images, but no inventory.img",
    "pstree": "load tasks: <*>pstree.img<*>",
    "core": "load tasks: <*>{path}: No such file or directory",
    "ids": "load tasks: <*>{path}: No such file or directory",
    "fs": "load tasks: <*>{path}: No such file or directory",
    "mm": "load memory: <*>{path}: No such file or directory",
    "files": "load files: <*>files.img<*>",
    "pagemap": "load memory: <*>{path}: No such file or directory",
    "shmem": "<*>{path}: No such file or directory",
}


def _dumped(world, name="family"):
    scene = world.scene(name, world.top / "object") if name == LOCKS else world.scene(name)
    world.dump(scene, "--file-locks")
    return scene


def _pick(world, pattern):
    """The last image of a kind."""
    names = [name for name in os.listdir(world.images) if re.fullmatch(pattern, name)]
    if not names:
        raise Failure(f"the dump has no {pattern}")
    return world.images / max(names, key=lambda name: (len(name), name))


def _refused(world, *lines, options=()):
    world.refuses(["restore", "-d", "-D", world.images, *options], *lines)


def _fails_somehow(world, what, options=(), sins=UGLY):
    """Any error will do, but one, and nothing left. Returns it."""
    before = world.look()
    outcome = world.crtool("restore", "-d", "-D", world.images, *options)
    try:
        world.check_refusal(outcome, sins=sins)
        world.expect_same(before)
    except Failure as error:
        raise Failure(f"{what}: {error}") from error
    return outcome.err


def _missing(world, kind):
    scene = _dumped(world)
    path = _pick(world, KINDS[kind])
    away = world.top / "away"
    path.rename(away)
    text = MISSING[kind].format(dir=world.images, path=path)
    _refused(world, f"restore: {text}")
    away.rename(path)
    world.restore(scene)


def _missing_pages(world):
    scene = _dumped(world)
    path = _pick(world, PAGES)
    away = world.top / "away"
    path.rename(away)
    _refused(world, f"restore: <*>{path.name}<*>")
    away.rename(path)
    world.restore(scene)


def _expect_named(error, path, what):
    if path.name not in error:
        raise Failure(f"{what}: the image is not named: {error}")


def _truncated(world, pattern):
    """At many places, none of them the end of a record."""
    scene = _dumped(world)
    path = _pick(world, pattern)
    whole = path.read_bytes()
    # Behind the magic: the length of the first record, cut in two.
    for size in (0, 3, 7, 10, len(whole) - 3, len(whole) - 1):
        path.write_bytes(whole[:size])
        what = f"{path.name} of {len(whole)} cut to {size} bytes"
        _expect_named(_fails_somehow(world, what), path, what)
    path.write_bytes(whole)
    world.restore(scene)


def _truncated_pages(world):
    scene = _dumped(world)
    path = _pick(world, PAGES)
    whole = path.read_bytes()
    for size in (0, 4096, len(whole) - 4096, len(whole) - 1):
        path.write_bytes(whole[:size])
        what = f"{path.name} of {len(whole)} cut to {size} bytes"
        _expect_named(_fails_somehow(world, what), path, what)
    path.write_bytes(whole)
    world.restore(scene)


def _longer(world, pattern):
    """What stands behind the last record belongs to nothing."""
    scene = _dumped(world)
    path = _pick(world, pattern)
    whole = path.read_bytes()
    for tail in (b"\0", b"\xff" * 4, b"crtool" * 100):
        path.write_bytes(whole + tail)
        what = f"{path.name} with {len(tail)} bytes more"
        _expect_named(_fails_somehow(world, what), path, what)
    path.write_bytes(whole)
    world.restore(scene)


def _magic(world, kind):
    """Each bit of the magic."""
    scene = _dumped(world)
    path = _pick(world, KINDS[kind])
    whole = path.read_bytes()
    for bit in range(0, 8 * (4 if kind == "inventory" else 8), 5):
        path.write_bytes(_flipped(whole, bit))
        what = f"{path.name} with bit {bit} of its magic flipped"
        _expect_named(_fails_somehow(world, what), path, what)
    path.write_bytes(whole)
    world.restore(scene)


def _flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def _another(world, kind):
    """The whole image of another kind."""
    scene = _dumped(world)
    path = _pick(world, KINDS[kind])
    other = _pick(world, KINDS["fs" if kind != "fs" else "mm"])
    whole = path.read_bytes()
    path.write_bytes(other.read_bytes())
    name = "FS" if kind != "fs" else "MM"
    if kind == "inventory":
        _refused(world, f"restore: load tasks: {path}: not a INVENTORY image: <*>")
    else:
        _refused(world, f"restore: <*>{path}: is a {name} image, not <*>")
    path.write_bytes(whole)
    world.restore(scene)


def _old_version(world):
    """Images of before 2015 begin with their own magic."""
    scene = _dumped(world)
    path = _pick(world, KINDS["pstree"])
    whole = path.read_bytes()
    if struct.unpack_from("<I", whole)[0] != COMMON:
        raise Failure("the image does not begin as it should")
    path.write_bytes(whole[4:])
    _refused(world, f"restore: load tasks: {path}: not an image of version 2: it begins with <*>")
    path.write_bytes(whole)
    world.restore(scene)


def _inventory_version(world, version, *lines):
    """The first field of the inventory is the version of all."""
    scene = _dumped(world)
    path = world.images / "inventory.img"
    whole = path.read_bytes()
    if whole[8:10] not in (b"\x08\x02", b"\x08\x03"):
        raise Failure("the inventory does not begin with version 2 or 3")
    path.write_bytes(whole[:9] + bytes([version]) + whole[10:])
    _refused(world, *[line.format(path=path) for line in lines])
    path.write_bytes(whole)
    world.restore(scene)


def _huge_record(world):
    """A length beyond all measure is not believed."""
    scene = _dumped(world)
    path = _pick(world, KINDS["core"])
    whole = path.read_bytes()
    path.write_bytes(whole[:8] + struct.pack("<I", 0xFFFFFFF0) + whole[12:])
    _refused(world, f"restore: load tasks: <*>{path}: record 1 (<*>): cut off: 4294967280 bytes, "
                    "<*> are left")
    path.write_bytes(whole)
    world.restore(scene)


def _foreign(world, make, text):
    """Something else in place of an image."""
    scene = _dumped(world)
    path = _pick(world, KINDS["mm"])
    away = world.top / "away"
    path.rename(away)
    make(path)
    _refused(world, f"restore: load memory: <*>{path}: {text}")
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink()
    away.rename(path)
    world.restore(scene)


def _missing_seccomp(world):
    """Only those that have a filter need it."""
    scene = _dumped(world, "seccomp")
    path = _pick(world, SECCOMP)
    away = path.with_suffix(".away")
    path.rename(away)
    _refused(world, f"restore: load tasks: pid {scene.pid} (scene): {path}: No such file or "
                    "directory")
    away.rename(path)
    world.restore(scene)


def _missing_memfd(world):
    """The descriptor says that there is one."""
    scene = _dumped(world, "memfd")
    path = _pick(world, MEMFD)
    away = path.with_suffix(".away")
    path.rename(away)
    who, what = f"pid {scene.pid} (scene)", "memfd.img has no memfd 1"
    _refused(world, "restore: load files: 2 objects stand in the way", f"{who}: fd 3: {what}",
             f"{who}: mapping <*>: {what}")
    away.rename(path)
    world.restore(scene)


def _flips(world, pattern, detected, name="family"):
    """
    Bits anywhere in it. Not every flip can be seen; but whatever it does, the restore ends with
    one error and leaves nothing. What is damaged must not run: the last step but one fails.
    """
    scene = _dumped(world, name)
    path = _pick(world, pattern)
    whole = path.read_bytes()
    rng = random.Random(f"{SEED} {pattern}")
    seen = 0
    options = ("--fault", "write results")
    for _ in range(FLIPS):
        bit = rng.randrange(8 * len(whole))
        path.write_bytes(_flipped(whole, bit))
        what = f"{path.name} with bit {bit} flipped"
        error = _fails_somehow(world, what, options, UNREADABLE)
        seen += "made to fail by --fault" not in error
    if seen < detected:
        raise Failure(f"{seen} of {FLIPS} flips were seen: too few to believe it")
    path.write_bytes(whole)
    world.restore(scene)
    return f"({seen} of {FLIPS} seen)"


def add_cases(suite):
    """Kind by kind."""
    for kind, pattern in KINDS.items():
        if kind in MISSING:
            suite.add(f"image/{kind}/missing", _missing, kind)
        suite.add(f"image/{kind}/truncated", _truncated, pattern)
        suite.add(f"image/{kind}/longer", _longer, pattern)
        suite.add(f"image/{kind}/magic", _magic, kind)
        suite.add(f"image/{kind}/another", _another, kind)
        suite.add(f"image/{kind}/flips", _flips, pattern, 1)
    suite.case("image/pages/missing")(_missing_pages)
    suite.case("image/pages/truncated")(_truncated_pages)
    suite.add("image/pages/flips", _flips, PAGES, 0)
    suite.add("image/seccomp/flips", _flips, SECCOMP, 1, "seccomp")
    for name in ("filelocks", "fifo-data", "files"):
        suite.add(f"image/{name}/flips-of-locks", _flips, name + r"\.img", 3, LOCKS)
    suite.case("image/seccomp/missing")(_missing_seccomp)
    suite.add("image/memfd/flips", _flips, MEMFD, 1, "memfd")
    suite.case("image/memfd/missing")(_missing_memfd)
    suite.add("image/pidfd/flips", _flips, KINDS["files"], 1, "pidfd-reaped")
    suite.add("image/ended-leader/flips", _flips, KINDS["core"], 1, "leader-gone")
    suite.case("image/old-version")(_old_version)
    suite.add("image/newer-version", _inventory_version, 4,
              "restore: load tasks: {path}: image version 4: made by a newer crtool, this one "
              "reads 3")
    suite.add("image/older-version", _inventory_version, 1,
              "restore: load tasks: {path}: image version 1 is too old, crtool reads 2")
    suite.case("image/huge-record")(_huge_record)
    suite.add("image/is-a-directory", _foreign, os.mkdir, "not a regular file")
    suite.add("image/is-a-fifo", _foreign, os.mkfifo, "not a regular file")
    suite.add("image/is-a-link", _foreign, lambda path: os.symlink("inventory.img", path),
              "is a symbolic link")
    suite.add("image/is-a-text", _foreign,
              lambda path: path.write_text("This is not an image at all.\n"),
              "not an image of version 2: it begins with 0x73696854")
