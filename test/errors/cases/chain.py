# SPDX-License-Identifier: GPL-2.0-only
"""Dumps that build upon each other: what is missing, foreign, damaged, or not known any more."""

import os
import pathlib
import re
import shutil
import signal
import struct

from harness.memory import Memory
from harness.scene import Failure
from runner import procs


def _pre_dump(world, scene, name, *options):
    images = world.folder(name)
    world.succeeded(world.crtool("pre-dump", "-D", images, "-t", scene.pid, *options))
    return images


def _keepers():
    """Those of our scenes."""
    procs.reap()
    found = []
    for pid in procs.tree(os.getpid()):
        name = pathlib.Path(f"/proc/{pid}/comm")
        if name.exists() and name.read_text() == "crtool-keeper\n":
            found.append(pid)
    return found


def _marks(scene):
    """Mappings that somebody write-protects."""
    text = "".join(pathlib.Path(f"/proc/{pid}/smaps").read_text() for pid in scene.pids())
    return len(re.findall(r"^VmFlags:.* uw\b", text, re.MULTILINE))


def _expect_clean(scene):
    if _keepers() or _marks(scene):
        raise Failure(f"left: keepers {_keepers()}, {_marks(scene)} marked mappings")


def _expect_full(world):
    """The log says why the last run has written all memory, and it has."""
    text = world.last_log().read_text()
    if "all memory is written" not in text or not re.search(r", 0 are in the parent", text):
        raise Failure(f"not a full dump, or not said to be one:\n{text}")


def _expect_partial(world):
    text = world.last_log().read_text()
    if not re.search(r", [1-9]\d* are in the parent", text):
        raise Failure(f"nothing was left to the parent:\n{text}")


def _refused(world, scene, prev, *lines):
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, "--prev-images-dir", prev], *lines)


def _missing(world):
    _refused(world, world.scene(), "../nowhere",
             f"dump: open images: {world.images}/parent: ../nowhere: No such file or directory")


def _empty(world):
    world.folder("empty")
    _refused(world, world.scene(), "../empty",
             f"dump: open images: {world.images}/../empty/inventory.img: No such file or directory",
             "--prev-images-dir names a complete dump or pre-dump")


def _itself(world):
    _refused(world, world.scene(), ".",
             "dump: open images: --prev-images-dir . is the images directory itself",
             "give each dump of a chain a directory of its own")


def _foreign(world):
    scene, other = world.scene(), world.scene()
    _pre_dump(world, other, "pre")
    _refused(world, scene, "../pre",
             f"dump: open images: {world.images}/../pre: is a dump of another tree, that of "
             f"pid {other.pid}")


def _ended(world):
    """The same pid, another process: the tree was restored meanwhile."""
    scene = world.scene()
    pre = _pre_dump(world, scene, "pre")
    whole = world.folder("whole")
    world.dump(scene, "--prev-images-dir", "../pre", images=whole)
    world.restore(scene, images=whole)
    _refused(world, scene, "../pre",
             f"dump: open images: {world.images}/../pre: is a dump of another tree, that of "
             f"pid {scene.pid} before it ended")
    _expect_clean(scene)
    shutil.rmtree(pre)


def _replaces_its_ancestor(world):
    scene = world.scene("memory", 1)
    first = _pre_dump(world, scene, "first")
    _pre_dump(world, scene, "second", "--prev-images-dir", "../first")
    _expect_partial(world)
    world.refuses(["dump", "-D", first, "-t", scene.pid, "--prev-images-dir", "../second"],
                  f"dump: open images: {first}/../second builds upon the dump in {first}, which "
                  "this one would replace")


def _not_tracked(world):
    """A parent without --track-mem: all of it is written, and that can be restored."""
    scene = world.scene("memory", 1)
    world.dump(scene, "-R", images=world.folder("first"))
    world.dump(scene, "--prev-images-dir", "../first")
    _expect_full(world)
    shutil.rmtree(world.top / "first")
    world.restore(scene)


def _keeper_killed(world):
    scene = world.scene("memory", 1)
    _pre_dump(world, scene, "pre")
    keepers = _keepers()
    if len(keepers) != 1:
        raise Failure(f"one keeper expected: {keepers}")
    os.kill(keepers[0], signal.SIGKILL)
    procs.wait_until(lambda: not _keepers(), 5, "the keeper to go")
    _expect_clean(scene)
    world.dump(scene, "--prev-images-dir", "../pre")
    _expect_full(world)
    world.restore(scene)


def _keeper_ends_with_tree(world):
    scene = world.scene("family")
    _pre_dump(world, scene, "pre")
    world.kill(scene)
    procs.wait_until(lambda: not _keepers(), 5, "the keeper to go")


def _skipped(world):
    """Built upon the first of two: what the second has saved is not clean any more."""
    scene = world.scene("memory", 1)
    _pre_dump(world, scene, "first")
    _pre_dump(world, scene, "second", "--prev-images-dir", "../first")
    world.dump(scene, "--prev-images-dir", "../first")
    _expect_full(world)
    world.restore(scene)


def _given_up(world):
    """A dump that does not care about the chain leaves nothing of it in the tree."""
    scene = world.scene("memory", 1)
    _pre_dump(world, scene, "pre")
    if not _marks(scene):
        raise Failure("nothing is marked")
    world.dump(scene, "-R")
    _expect_clean(scene)
    scene.expect_beats()


def _begun_anew(world):
    """A pre-dump without a parent, of a tree that is tracked already."""
    scene = world.scene("memory", 1)
    _pre_dump(world, scene, "first")
    _pre_dump(world, scene, "second")
    if len(_keepers()) != 1:
        raise Failure(f"one keeper expected: {_keepers()}")
    world.dump(scene, "--prev-images-dir", "../second")
    _expect_partial(world)
    world.restore(scene)


def _track_mem(world):
    """Full dumps of a tree that runs on, the second of which builds upon the first."""
    scene = world.scene("memory", 1)
    first = world.folder("first")
    world.dump(scene, "-R", "--track-mem", images=first)
    world.dump(scene, "-R", "--prev-images-dir", "../first")
    _expect_partial(world)
    _expect_clean(scene)
    world.kill(scene)
    world.restore(scene)
    world.kill(scene)
    world.restore(scene, images=first)


def _long_chain(world):
    scene = world.scene("memory", 1)
    options = []
    for number in range(8):
        _pre_dump(world, scene, str(number), *options)
        options = ["--prev-images-dir", f"../{number}"]
    world.dump(scene, *options)
    _expect_partial(world)
    world.restore(scene)


def _expect_ahead(world, least):
    """So many pages at least were copied before the freeze."""
    found = re.search(r"(\d+) pages were copied ahead of the freeze", world.last_log().read_text())
    if not found or int(found[1]) < least:
        raise Failure(f"{found and found[1]} pages were copied ahead, not {least}")


def _ahead(world):
    """What has changed is copied before the freeze, and half of it changes again meanwhile."""
    scene = world.scene("memory", 16)
    memory = Memory(scene, 16)
    _pre_dump(world, scene, "first")
    memory.write(0.2)
    _pre_dump(world, scene, "second", "--prev-images-dir", "../first")
    memory.write(0.3)
    world.dump(scene, "--prev-images-dir", "../second")
    _expect_ahead(world, 1000)
    _expect_partial(world)
    if os.readlink(world.images / "parent") != "ahead":
        raise Failure("the parent is another one")
    if os.readlink(world.images / "ahead" / "parent") != "../../second":
        raise Failure("the parent of that which was copied ahead is another one")
    world.restore(scene)
    _expect_clean(scene)
    memory.expect("after the restore")


def _ahead_replaced(world):
    """A dump that has a directory inside takes the place of another, and is replaced by one."""
    scene = world.scene("memory", 16)
    memory = Memory(scene, 16)
    for name in ("first", "second"):
        _pre_dump(world, scene, name)
        memory.write(0.3)
        world.dump(scene, "--prev-images-dir", f"../{name}")
        _expect_ahead(world, 1000)
        world.restore(scene)
        memory.expect("after the restore")
    world.dump(scene)
    if (world.images / "ahead").exists():
        raise Failure("what was copied ahead of an older dump is still there")
    world.restore(scene)
    memory.expect("after a restore of one without a chain")


def _written_since(world, share):
    """A scene that has changed so much of its memory since the pre-dump `pre`."""
    scene = world.scene("memory", 16)
    memory = Memory(scene, 16)
    _pre_dump(world, scene, "pre")
    memory.write(share)
    return scene, memory


def _ahead_few(world):
    """Few changes are copied in the freeze alone."""
    scene, memory = _written_since(world, 0.01)
    world.dump(scene, "--prev-images-dir", "../pre")
    _expect_partial(world)
    if (world.images / "ahead").exists():
        raise Failure("copied ahead")
    world.restore(scene)
    memory.expect("after the restore")


def _ahead_name_taken(world):
    """Somebody has put a directory of that name there: it stays as it is."""
    scene, memory = _written_since(world, 0.3)
    (world.images / "ahead").mkdir()
    (world.images / "ahead" / "mine").write_text("mine")
    world.dump(scene, "--prev-images-dir", "../pre")
    _expect_partial(world)
    if os.listdir(world.images / "ahead") != ["mine"]:
        raise Failure("a directory of somebody else was used")
    world.restore(scene)
    memory.expect("after the restore")


def _ahead_only_for_the_end(world):
    """A tree that runs on keeps the marks that it has."""
    scene, memory = _written_since(world, 0.3)
    world.dump(scene, "-R", "--track-mem", "--prev-images-dir", "../pre")
    if (world.images / "ahead").exists():
        raise Failure("copied ahead")
    world.dump(scene, "--prev-images-dir", "../images", images=world.folder("last"))
    _expect_partial(world)
    world.restore(scene, images=world.top / "last")
    memory.expect("after the restore")


def _ahead_dedup(world):
    """What the dump has anew goes from all before it, from what was copied ahead as well."""
    scene = world.scene("memory", 16)
    memory = Memory(scene, 16)
    pre = _pre_dump(world, scene, "pre")
    before = _room(pre)
    memory.write(0.3)
    world.dump(scene, "--prev-images-dir", "../pre", "--auto-dedup")
    _expect_ahead(world, 1000)
    if not 0 < _room(pre) < before:
        raise Failure(f"{before} bytes were {_room(pre)} afterwards")
    world.restore(scene)
    memory.expect("after the restore")
    world.refuses(["restore", "-d", "-D", world.images / "ahead"],
                  f"restore: load tasks: {world.images}/ahead: a pre-dump: it has memory only",
                  "restore the dump that builds upon it")


def _ahead_refused(world):
    """A dump that is refused after its copy: the marks are gone, and the next says so."""
    scene, memory = _written_since(world, 0.3)
    outcome = world.crtool("dump", "-D", world.images, "-t", scene.pid, "--prev-images-dir",
                           "../pre", "--fault", "dump mappings")
    world.check_refusal(outcome, ["dump: dump mappings: made to fail by --fault"])
    _expect_clean(scene)
    if os.listdir(world.images):
        raise Failure(f"left behind: {os.listdir(world.images)}")
    memory.write(0.3)
    world.dump(scene, "--prev-images-dir", "../pre")
    _expect_full(world)
    world.restore(scene)
    memory.expect("after the restore")


def _pages_of(images):
    """The largest pages image."""
    return max(images.glob("pages-*.img"), key=lambda path: path.stat().st_size)


def _damaged_parent(world):
    """Seen before the tree is stopped."""
    scene = world.scene("memory", 1)
    pre = _pre_dump(world, scene, "pre")
    pages = _pages_of(pre)
    size = pages.stat().st_size
    os.truncate(pages, size - 4096)
    _refused(world, scene, "../pre",
             f"dump: open images: --prev-images-dir ../pre: {world.images}/../pre/{pages.name} is "
             f"cut off: {size - 4096} bytes of {size}")
    pages.unlink()
    _refused(world, scene, "../pre",
             f"dump: open images: --prev-images-dir ../pre: {world.images}/../pre/{pages.name} is "
             "missing")


def _chain(world):
    scene = world.scene("memory", 1)
    pre = _pre_dump(world, scene, "pre")
    world.dump(scene, "--prev-images-dir", "../pre")
    return scene, pre


def _restore_refused(world, *lines):
    world.refuses(["restore", "-d", "-D", world.images], *lines)


def _restore_without_parent(world):
    scene, pre = _chain(world)
    pre.rename(world.top / "aside")
    _restore_refused(world, f"restore: load memory: pid {scene.pid} (scene): "
                     f"{world.images}/parent: ../pre: No such file or directory")
    (world.images / "parent").unlink()
    _restore_refused(world, f"restore: load memory: pid {scene.pid} (scene): {world.images}: has "
                     "pages in an earlier dump, but no link parent to it")
    (world.images / "parent").symlink_to("../aside")
    world.restore(scene)


def _restore_other_parent(world):
    """The directory of the parent was used for something else."""
    scene, pre = _chain(world)
    other = world.scene("memory", 1)
    world.kill(scene)
    world.succeeded(world.crtool("pre-dump", "-D", pre, "-t", other.pid))
    _restore_refused(world, f"restore: load memory: pid {scene.pid} (scene): "
                     f"{world.images}/../pre: is not the dump that {world.images} builds upon: "
                     "run <*> made it, not <*>")


def _restore_damaged_parent(world):
    scene, pre = _chain(world)
    pagemap = pre / f"pagemap-{scene.pid}.img"
    whole = pagemap.read_bytes()
    head = 8 + 4 + struct.unpack("<I", whole[8:12])[0]
    pagemap.write_bytes(whole[:head])
    _restore_refused(world, f"restore: load memory: pid {scene.pid} (scene): page 0x<*> should be "
                     f"in {world.images}/../pre, and is not")
    pagemap.unlink()
    _restore_refused(world, f"restore: load memory: pid {scene.pid} (scene): "
                     f"{world.images}/../pre/pagemap-{scene.pid}.img, which has pages of a later "
                     "dump: No such file or directory")
    pagemap.write_bytes(whole)
    world.restore(scene)


def _loop(world):
    """A dump that is said to build upon itself."""
    scene, pre = _chain(world)
    (pre / "parent").symlink_to("../images")
    shutil.copy(world.images / f"pagemap-{scene.pid}.img", pre)
    inventory = pre / "inventory.img"
    inventory.unlink()
    _restore_refused(world, f"restore: load memory: pid {scene.pid} (scene): <*>: the dumps build "
                     "upon each other in a circle")


def _pre_dump_alone(world):
    """Memory only."""
    scene = world.scene()
    pre = _pre_dump(world, scene, "pre")
    world.kill(scene)
    procs.wait_until(lambda: not _keepers(), 5, "the keeper to go")
    world.refuses(["restore", "-d", "-D", pre],
                  f"restore: load tasks: {pre}: a pre-dump: it has memory only",
                  "restore the dump that builds upon it")


def _full_disk(world):
    """In the middle of a pre-dump: nothing is left of it, and nothing in the tree."""
    scene = world.scene("memory", 2)
    disk = world.tmpfs("disk", "512k")
    world.refuses(["pre-dump", "-D", disk, "-t", scene.pid],
                  "pre-dump: write memory: <*>: No space left on device")
    if os.listdir(disk):
        raise Failure(f"left behind: {os.listdir(disk)}")
    _expect_clean(scene)


def _full_disk_later(world):
    """The second of a chain finds no room: what it had marked is lost, so the third is full."""
    scene = world.scene("memory", 2)
    _pre_dump(world, scene, "pre")
    disk = world.folder("disk")
    world.mount(disk, "tmpfs", data="nr_inodes=4")
    outcome = world.crtool("pre-dump", "-D", disk, "-t", scene.pid, "--prev-images-dir", "../pre")
    world.check_refusal(outcome)
    if "No space left on device" not in outcome.err or os.listdir(disk):
        raise Failure(f"left behind: {os.listdir(disk)}: {outcome.err}")
    _expect_clean(scene)
    world.dump(scene, "--prev-images-dir", "../pre")
    _expect_full(world)
    world.restore(scene)


def _room(images):
    """Bytes that page contents take on the disk."""
    return sum(path.stat().st_blocks * 512 for path in images.glob("pages-*.img"))


def _dedup(world):
    """The second of two full dumps takes away from the first what it has itself."""
    scene = world.scene("memory", 4)
    first = world.folder("first")
    world.dump(scene, "-R", "--track-mem", images=first)
    world.dump(scene, "-R", "--prev-images-dir", "../first")
    before = _room(first)
    world.succeeded(world.crtool("dedup", "-D", world.images))
    if not 0 < _room(first) < before:
        raise Failure(f"{before} bytes were {_room(first)} afterwards")
    world.kill(scene)
    world.refuses(["restore", "-d", "-D", first],
                  f"restore: load tasks: {first}: has given up pages (dedup)",
                  "restore the last dump that builds upon it")
    world.restore(scene)


def _dedup_each(world):
    """A chain of five, of which any older one may have been deduplicated, in any order."""
    scene = world.scene("memory", 1)
    options = []
    for number in range(4):
        _pre_dump(world, scene, str(number), *options)
        options = ["--prev-images-dir", f"../{number}"]
    world.dump(scene, *options)
    for number in (2, 1, 3, 0):
        world.succeeded(world.crtool("dedup", "-D", world.top / str(number)))
        world.restore(scene)
        scene.expect_no_errors()
        world.kill(scene)
    world.succeeded(world.crtool("dedup", "-D", world.images))
    world.restore(scene)


def _dedup_alone(world):
    """A chain of five again, of which a single older one has been deduplicated: each in turn."""
    scene = world.scene("memory", 1)
    options = []
    for number in range(4):
        _pre_dump(world, scene, str(number), *options)
        options = ["--prev-images-dir", f"../{number}"]
    world.dump(scene, *options)
    names = ["0", "1", "2", "3", world.images.name]
    for number in range(4):
        alone = world.folder(f"alone{number}")
        for name in names:
            shutil.copytree(world.top / name, alone / name, symlinks=True)
        world.succeeded(world.crtool("dedup", "-D", alone / str(number)))
        world.restore(scene, images=alone / world.images.name)
        scene.expect_no_errors()
        world.kill(scene)


def _dedup_refused(world):
    scene, pre = _chain(world)
    pre.rename(world.top / "aside")
    world.refuses(["dedup", "-D", world.images],
                  f"dedup: {world.images}/parent: ../pre: No such file or directory")
    (world.top / "aside").rename(pre)
    world.restore(scene)


def _auto_dedup(world):
    scene = world.scene("memory", 4)
    pre = _pre_dump(world, scene, "pre")
    before = _room(pre)
    world.dump(scene, "--prev-images-dir", "../pre", "--auto-dedup")
    after = _room(pre)
    if not 0 < after < before:
        raise Failure(f"{before} bytes were {after} afterwards")
    world.restore(scene, "--auto-dedup")
    left = _room(pre) + _room(world.images)
    if left > after / 2:
        raise Failure(f"{left} bytes are left after the restore")
    world.kill(scene)
    _restore_refused(world, f"restore: load tasks: {world.images}: has given up pages (dedup)",
                     "restore the last dump that builds upon it")


CASES = {
    "missing": _missing,
    "empty": _empty,
    "itself": _itself,
    "foreign": _foreign,
    "ended": _ended,
    "replaces-ancestor": _replaces_its_ancestor,
    "not-tracked": _not_tracked,
    "keeper-killed": _keeper_killed,
    "keeper-ends": _keeper_ends_with_tree,
    "skipped": _skipped,
    "given-up": _given_up,
    "begun-anew": _begun_anew,
    "track-mem": _track_mem,
    "long": _long_chain,
    "damaged-parent": _damaged_parent,
    "restore-without-parent": _restore_without_parent,
    "restore-other-parent": _restore_other_parent,
    "restore-damaged-parent": _restore_damaged_parent,
    "restore-loop": _loop,
    "pre-dump-alone": _pre_dump_alone,
    "dedup": _dedup,
    "dedup-each": _dedup_each,
    "dedup-alone": _dedup_alone,
    "dedup-refused": _dedup_refused,
    "auto-dedup": _auto_dedup,
    "ahead": _ahead,
    "ahead-replaced": _ahead_replaced,
    "ahead-few": _ahead_few,
    "ahead-name-taken": _ahead_name_taken,
    "ahead-only-for-the-end": _ahead_only_for_the_end,
    "ahead-dedup": _ahead_dedup,
    "ahead-refused": _ahead_refused,
    "full-disk": _full_disk,
    "full-disk-later": _full_disk_later,
}


def add_cases(suite):
    """Refusals, and what a chain survives."""
    for name, case in CASES.items():
        suite.add(f"chain/{name}", case)
