# SPDX-License-Identifier: GPL-2.0-only
"""Too little of something: disk, inodes, descriptors, file size."""

import os
import resource
import time

from harness.scene import Failure


def _full_disk(world):
    scene = world.scene("memory", 2)
    disk = world.tmpfs("disk", "512k")
    world.refuses(["dump", "-D", disk, "-t", scene.pid],
                  "dump: dump memory: <*>: No space left on device")
    _expect_room(disk, "512k")


def _expect_room(disk, size):
    """What was written before has gone."""
    info = os.statvfs(disk)
    if info.f_bfree != info.f_blocks or os.listdir(disk):
        raise Failure(f"{disk} of {size} is not empty: {os.listdir(disk)}")


def _full_at_each_file(world):
    """Room for one file more each time, until the dump has room for all."""
    scene = world.scene("family")
    refused = 0
    for inodes in range(2, 200):
        disk = world.folder(f"disk{inodes}")
        world.mount(disk, "tmpfs", data=f"nr_inodes={inodes},size=16m")
        outcome = world.crtool("dump", "-D", disk, "-t", scene.pid, "-R")
        if outcome.code == 0:
            break
        refused += 1
        world.check_refusal(outcome)
        if "No space left on device" not in outcome.err:
            raise Failure(f"{inodes} inodes: {outcome.err}")
        if os.listdir(disk):
            raise Failure(f"{inodes} inodes: left behind: {os.listdir(disk)}")
        scene.expect_untraced()
    else:
        raise Failure("never enough")
    scene.expect_beats()
    if refused < 10:
        raise Failure(f"only {refused} refused")
    world.kill(scene)
    world.restore(scene, images=disk)


def _full_beside_a_dump(world):
    """The dump that is there must not suffer from one that finds no room."""
    disk = world.tmpfs("disk", "3m")
    small, large = world.scene(), world.scene("memory", 8)
    world.dump(small, images=disk)
    world.refuses(["dump", "-D", disk, "-t", large.pid],
                  "dump: dump memory: <*>: No space left on device")
    world.restore(small, images=disk)


def _full_work_directory(world):
    """Statistics find no room. That stops a dump, and its images go."""
    scene = world.scene()
    work = world.tmpfs("small", "4k")
    (work / "filler").write_bytes(b"x" * 4096)
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, "-W", work],
                  f"dump: write stats: {work}/stats-dump: write: No space left on device",
                  log=False)


def _no_place_for_log(world):
    scene = world.scene()
    work = world.folder("small")
    world.mount(work, "tmpfs", data="nr_inodes=1")
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, "-W", work, "-o", "log"],
                  "dump: log file log: No space left on device",
                  "name another file with -o, or another work directory with -W", log=False)


def _full_log(world):
    """A log that cannot be written is no reason to fail."""
    scene = world.scene()
    world.dump(scene, "-o", "/dev/full", "-v4", log=False)
    world.restore(scene, "-o", "/dev/full", "-v4", log=False)


def _restore_without_room(world):
    """Statistics find no room: the tree must not come half."""
    scene = world.scene("family")
    world.dump(scene)
    work = world.folder("small")
    world.mount(work, "tmpfs", data="nr_inodes=1")
    world.refuses(["restore", "-d", "-D", world.images, "-W", work],
                  "restore: write results: <*>stats-restore<*>: No space left on device", log=False)
    world.restore(scene)


def _limited(world, words, kind, limit):
    """crtool with a resource limit."""

    def limit_it():
        resource.setrlimit(kind, (limit, limit))

    line = world.command(*words)
    started = time.monotonic()
    child = world.popen(line, cwd=world.cwd, preexec_fn=limit_it)
    return world.ended(child, started)


def _file_size(world):
    """RLIMIT_FSIZE: an error, not a death by SIGXFSZ."""
    scene = world.scene("memory", 2)
    before = world.look()
    words = ["dump", "-D", world.images, "-t", scene.pid]
    outcome = _limited(world, words, resource.RLIMIT_FSIZE, 65536)
    world.check_refusal(outcome, ["dump: dump memory: <*>: File too large"])
    world.expect_same(before)
    world.expect_running()


def _descriptors(world):
    """RLIMIT_NOFILE: at each number an error or a whole dump."""
    scene = world.scene("family")
    refused = 0
    for limit in range(4, 64):
        before = world.look()
        words = ["dump", "-D", world.images, "-t", scene.pid, "-R"]
        outcome = _limited(world, words, resource.RLIMIT_NOFILE, limit)
        if outcome.code == 0:
            break
        refused += 1
        world.check_refusal(outcome)
        if "Too many open files" not in outcome.err:
            raise Failure(f"limit {limit}: {outcome.err}")
        world.expect_same(before)
    else:
        raise Failure("never enough")
    if not refused:
        raise Failure("four descriptors were enough")
    world.kill(scene)
    world.restore(scene)


def _descriptors_of_restore(world):
    scene = world.scene("family")
    world.dump(scene)
    for limit in range(4, 24, 3):
        before = world.look()
        outcome = _limited(world, ["restore", "-d", "-D", world.images], resource.RLIMIT_NOFILE,
                           limit)
        if outcome.code == 0:
            break
        world.check_refusal(outcome)
        world.expect_same(before)
    else:
        world.restore(scene)


def add_cases(suite):
    """Too little of it."""
    for name, function in (
        ("full-disk", _full_disk),
        ("full-at-each-file", _full_at_each_file),
        ("full-beside-a-dump", _full_beside_a_dump),
        ("full-work-directory", _full_work_directory),
        ("no-place-for-log", _no_place_for_log),
        ("full-log", _full_log),
        ("restore-without-room", _restore_without_room),
        ("file-size-limit", _file_size),
        ("descriptor-limit", _descriptors),
        ("descriptor-limit-restore", _descriptors_of_restore),
    ):
        suite.case(f"space/{name}")(function)
