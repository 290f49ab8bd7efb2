# SPDX-License-Identifier: GPL-2.0-only
"""Terminals that are not in the tree as a whole, or whose number is somebody else's now."""

import contextlib
import fcntl
import os
import pty
import signal
import termios

from harness.scene import Failure, Skip


@contextlib.contextmanager
def _pty():
    """A pty of ours: its ends, and the name of the slave."""
    ends = pty.openpty()
    try:
        yield *ends, os.ttyname(ends[1])
    finally:
        for fd in ends:
            os.close(fd)


def _dump_refused(world, scene, text, *options):
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, *options],
                  f"dump: dump mappings: pid {scene.pid} (scene): {text}")


def _outside(world):
    with _pty() as (_, _, name):
        scene = world.scene("tty", name)
        _dump_refused(world, scene, f"fd 3: {name}: a terminal whose master is outside the tree; "
                                    "use --shell-job, and restore it on another terminal")


def _two_outside(world):
    with _pty() as (_, _, name), _pty() as (_, _, other):
        scene = world.scene("tty", name, other)
        _dump_refused(world, scene, f"fd 4: {other}: a second terminal whose master is outside "
                                    "the tree, where --shell-job can give only one", "-j")


def _device(world):
    """A console stays where it is: it is opened again."""
    name = "/dev/console"
    try:
        os.close(os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK))
    except OSError as error:
        raise Skip(name) from error
    scene = world.scene("tty", name)
    world.dump(scene)
    world.restore(scene)
    if os.readlink(f"/proc/{scene.pid}/fd/3") != name:
        raise Failure("fd 3 is " + os.readlink(f"/proc/{scene.pid}/fd/3"))


def _packets(world):
    scene = world.scene("pty-packets")
    _dump_refused(world, scene, "fd 3: /dev/<*>ptmx: the master of /dev/pts/<*> has not read what "
                                "has happened to its modes (packet mode), which cannot be kept; "
                                "try again: it is about to read it")


def _session_outside(world):
    """The master in the tree, and whoever works on the terminal is not."""
    scene = world.scene("pty")
    name = os.readlink(f"/proc/{scene.pid}/fd/4")
    ready, told = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        fcntl.ioctl(os.open(name, os.O_RDWR), termios.TIOCSCTTY, 0)
        os.write(told, b"x")
        signal.pause()
        os._exit(1)
    os.read(ready, 1)
    try:
        _dump_refused(world, scene, f"fd 3: /dev/<*>ptmx: the master of {name}, which controls "
                                    f"session {pid}: its leader is outside the tree; dump from the "
                                    "process on that has both")
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(ready)
        os.close(told)


def _number_taken(world):
    scene = world.scene("pty")
    name = os.readlink(f"/proc/{scene.pid}/fd/4")
    world.dump(scene)
    with contextlib.ExitStack() as held:
        while held.enter_context(_pty())[2] != name:
            pass
        number = name.rpartition("/")[2]
        world.refuses(["restore", "-d", "-D", world.images],
                      f"restore: load files: pid {scene.pid} (scene): fd 3: /dev/<*>ptmx: the pty "
                      f"has to be number {number} again, and somebody else has {name}",
                      f"close that terminal (fuser {name} names who has it)")
    world.restore(scene)


def add_cases(suite):
    """One for each."""
    for name, function in (
        ("outside", _outside),
        ("two-outside", _two_outside),
        ("device", _device),
        ("packets", _packets),
        ("session-outside", _session_outside),
        ("number-taken", _number_taken),
    ):
        suite.case(f"terminal/{name}")(function)
