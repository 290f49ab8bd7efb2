# SPDX-License-Identifier: GPL-2.0-only
"""POSIX message queues: what stands in the way, and those that are not what they were."""

import contextlib
import ctypes
import os

from harness.scene import Failure

LIBC = ctypes.CDLL(None, use_errno=True)
MESSAGES = [(b"the higher", 2), (b"the lower", 1)]


class _Attributes(ctypes.Structure):
    """struct mq_attr"""
    _fields_ = [(name, ctypes.c_long) for name in
                ("flags", "maxmsg", "msgsize", "curmsgs", "r0", "r1", "r2", "r3")]


def _open(name, flags=os.O_RDWR, messages=3):
    attributes = _Attributes(maxmsg=messages, msgsize=40)
    queue = LIBC.mq_open(name.encode(), flags | os.O_NONBLOCK, 0o600, ctypes.byref(attributes))
    if queue < 0:
        raise OSError(ctypes.get_errno(), f"mq_open {name}")
    return queue


def _take(queue):
    """All messages that are in it."""
    taken, buf, priority = [], ctypes.create_string_buffer(40), ctypes.c_uint()
    while (length := LIBC.mq_receive(queue, buf, len(buf), ctypes.byref(priority))) >= 0:
        taken.append((buf.raw[:length], priority.value))
    return taken


def _expect(queue, wanted):
    got = _take(queue)
    if got != wanted:
        raise Failure(f"the queue has {got} in it, {wanted} was expected")


def _unlink(name):
    return LIBC.mq_unlink(name.encode()) == 0


@contextlib.contextmanager
def _scene(world, what, *how):
    """A tree with a queue, and the name of that."""
    name = f"/crtool-errors-{os.getpid()}-{what}"
    _unlink(name)
    scene = world.scene("mqueue", name, *how)
    try:
        yield scene, name, f"pid {scene.pid} ({scene.comm}): fd 3: "
    finally:
        world.kill(scene)
        _unlink(name)


def _restore_refused(world, *lines, options=()):
    world.refuses(["restore", "-d", "-D", world.images, *options], *lines)


def _removed(world):
    """It is made again, with what was in it; a restore that fails takes it away again."""
    with _scene(world, "removed") as (scene, name, _):
        world.dump(scene)
        if not _unlink(name):
            raise Failure("the dump has removed the queue")
        _restore_refused(world, "restore: open files: <*>", options=("--fault", "open files"))
        if _unlink(name):
            raise Failure("a restore that has failed leaves a queue")
        world.restore(scene)
        queue = _open(name)
        _expect(queue, MESSAGES)
        os.close(queue)


def _stayed(world):
    """It is not ours alone: what has happened in it since stays."""
    with _scene(world, "stayed") as (scene, name, _):
        world.dump(scene)
        queue = _open(name)
        _expect(queue, MESSAGES)
        LIBC.mq_send(queue, b"new", 3, 7)
        world.restore(scene)
        _expect(queue, [(b"new", 7)])
        os.close(queue)


def _changed(world):
    """One that holds less has taken its name."""
    with _scene(world, "changed") as (scene, name, who):
        world.dump(scene)
        _unlink(name)
        os.close(_open(name, os.O_RDWR | os.O_CREAT, messages=1))
        _restore_refused(world, f"restore: load files: {who}{name} is another message queue now: "
                         "for 1 messages of 40 bytes, owner 0:0, mode 600; it was for 3 of 40 "
                         "bytes, owner 0:0, mode 600",
                         "remove it (mq_unlink(3)), to have that of the dump")
        _unlink(name)
        world.restore(scene)


def _outside(world):
    """Somebody else uses it: his messages are not touched, and are not in the images either."""
    with _scene(world, "outside") as (scene, name, who):
        queue = _open(name)
        world.dump(scene)
        LIBC.mq_send(queue, b"new", 3, 0)
        world.restore(scene)
        world.dump(scene)
        _expect(queue, MESSAGES + [(b"new", 0)])
        os.close(queue)
        _unlink(name)
        _restore_refused(world, f"restore: load files: {who}{name} is gone, and 3 messages with "
                         f"it, which the dump had left in it: pid {os.getpid()}, which is not in "
                         "the tree, has it open")


def _outside_gone(world):
    with _scene(world, "outside-gone") as (scene, name, who):
        queue = _open(name)
        _unlink(name)
        world.refuses(["dump", "-t", scene.pid, "-D", world.images],
                      f"dump: <*>: {who}{name} (deleted): a message queue without a name "
                      f"that pid {os.getpid()} has open, too, which is not in the tree; stop that "
                      "process")
        _expect(queue, MESSAGES)
        os.close(queue)
        world.dump(scene)
        world.restore(scene)


def _told(world):
    """To look into it would tell whoever waits to be told."""
    with _scene(world, "told", "gone", "notify") as (scene, name, who):
        world.refuses(["dump", "-t", scene.pid, "-D", world.images],
                      f"dump: <*>: {who}{name} (deleted): 2 messages in a queue without a "
                      f"name, which cannot be kept: pid {scene.pid} waits to be told of the next "
                      "(mq_notify); try again when it is empty")


def _trial(world):
    """A trial takes nothing out: it knows no better than that it could."""
    with _scene(world, "trial") as (scene, name, _):
        outcome = world.crtool("check", "-t", scene.pid)
        if outcome.code:
            raise Failure(outcome.err)
        queue = _open(name)
        _expect(queue, MESSAGES)
        os.close(queue)


def add_cases(suite):
    """One for each state of the queue."""
    for name, function in (("removed", _removed), ("stayed", _stayed), ("changed", _changed),
                           ("outside", _outside), ("outside-gone", _outside_gone),
                           ("told", _told), ("trial", _trial)):
        suite.case(f"mqueue/{name}")(function)
