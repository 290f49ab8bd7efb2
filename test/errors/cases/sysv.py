# SPDX-License-Identifier: GPL-2.0-only
"""Segments of System V shared memory that are no longer what they were at the dump."""

import contextlib
import ctypes
import os
import pathlib
import time

from harness.scene import Failure

NEXT_ID = pathlib.Path("/proc/sys/kernel/shm_next_id")
BYTES = 16384
IPC_CREAT, IPC_EXCL, IPC_RMID = 0o1000, 0o2000, 0
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.shmat.argtypes = ctypes.c_int, ctypes.c_void_p, ctypes.c_int
libc.shmdt.argtypes = (ctypes.c_void_p,)


def _key(number):
    return os.getpid() << 8 | number


def _make(key):
    segment = libc.shmget(key, BYTES, IPC_CREAT | IPC_EXCL | 0o600)
    if segment < 0:
        raise Failure(f"shmget: {os.strerror(ctypes.get_errno())}")
    return segment


def _remove(segment):
    libc.shmctl(segment, IPC_RMID, None)


@contextlib.contextmanager
def _scene(world, number):
    """A tree with a segment, dumped: who it is, key and number of the segment."""
    key = _key(number)
    scene = world.scene("map-sysv-key", key)
    segment = libc.shmget(key, 0, 0)
    try:
        world.dump(scene)
        yield scene, key, segment
    finally:
        world.kill(scene)
        for left in (libc.shmget(key, 0, 0), libc.shmget(key + 1, 0, 0)):
            if left >= 0:
                _remove(left)


def _expect(segment, wanted):
    at = libc.shmat(segment, None, 0)
    if at in (None, ctypes.c_void_p(-1).value):
        raise Failure(f"segment {segment} is not there")
    got = ctypes.string_at(at, 1)
    libc.shmdt(at)
    if got != wanted:
        raise Failure(f"segment {segment} has {got} in it, {wanted} was expected")


def _removed(world):
    """It comes back under its number; a restore that fails takes it away again."""
    with _scene(world, 0) as (scene, key, segment):
        _remove(segment)
        world.refuses(["restore", "-d", "-D", world.images, "--fault", "fork tasks"],
                      "restore: fork tasks: <*>")
        if libc.shmget(key, 0, 0) >= 0:
            raise Failure("a restore that has failed leaves a segment")
        world.restore(scene)
        if libc.shmget(key, 0, 0) != segment:
            raise Failure("the segment has another number")
        _expect(segment, b"x")
        world.kill(scene)
        world.restore(scene)
        _expect(segment, b"x")


def _younger(world):
    """In use, and made later: it is not that of the dump, whatever it looks like."""
    with _scene(world, 10) as (scene, key, segment):
        _remove(segment)
        now = int(time.time())
        while time.time() < now + 1.1:  # of creation: in seconds, by a clock that is late
            time.sleep(0.05)
        NEXT_ID.write_text(str(segment), encoding="ascii")
        other = _make(key)
        at = libc.shmat(other, None, 0)
        world.refuses(["restore", "-d", "-D", world.images],
                      f"restore: plan: shared memory segment {segment}: another segment has this "
                      f"number now (key {key:#x})", "remove that one (ipcrm -m)")
        libc.shmdt(at)
        world.restore(scene)
        _expect(segment, b"x")


def _changed(world):
    """Nobody has it attached: it is as it was at the dump."""
    with _scene(world, 2) as (scene, _, segment):
        at = libc.shmat(segment, None, 0)
        ctypes.memset(at, ord("y"), BYTES)
        libc.shmdt(at)
        world.restore(scene)
        _expect(segment, b"x")


def _in_use(world):
    """It belongs to somebody else as well: nothing is changed under its feet."""
    with _scene(world, 4) as (scene, _, segment):
        at = libc.shmat(segment, None, 0)
        ctypes.memset(at, ord("z"), BYTES)
        world.restore(scene)
        libc.shmdt(at)
        _expect(segment, b"z")


def _key_taken(world):
    with _scene(world, 6) as (scene, key, segment):
        _remove(segment)
        other = _make(key)
        if other == segment:
            raise Failure("numbers are used again at once")
        world.refuses(["restore", "-d", "-D", world.images],
                      f"restore: plan: shared memory segment {segment}: its key {key:#x} is that "
                      "of another segment now", "remove that one (ipcrm -M)")
        _remove(other)
        world.restore(scene)


def _number_taken(world):
    with _scene(world, 8) as (scene, key, segment):
        _remove(segment)
        NEXT_ID.write_text(str(segment), encoding="ascii")
        other = _make(key + 1)
        if other != segment:
            raise Failure("the number was not to be had")
        world.refuses(["restore", "-d", "-D", world.images],
                      f"restore: plan: shared memory segment {segment}: another segment has this "
                      f"number now (key {key + 1:#x})", "remove that one (ipcrm -m)")
        _remove(other)
        world.restore(scene)


def add_cases(suite):
    """One for each change."""
    for name, function in (("removed", _removed), ("changed", _changed), ("in-use", _in_use),
                           ("key-taken", _key_taken), ("number-taken", _number_taken),
                           ("younger", _younger)):
        suite.case(f"sysv/{name}")(function)
