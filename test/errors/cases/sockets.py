# SPDX-License-Identifier: GPL-2.0-only
"""Sockets: what is outside of the tree, and what cannot be looked at."""

import ctypes
import os
import socket

from harness.scene import Failure

EXT = ("; try --ext-unix-sk, or --external unix[INO], which connects to its name at the restore, "
       "or --unix-close")
SYS_PIDFD_GETFD = 438
WAIT = "; try again when it was accepted"


def _refused(world, scene, text, *options):
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, *options],
                  f"dump: <*>: pid {scene.pid} ({scene.comm}): fd {text}")


def _listening(path, kind=socket.SOCK_STREAM):
    s = socket.socket(socket.AF_UNIX, kind)
    s.bind(str(path))
    if kind == socket.SOCK_STREAM:
        s.listen()
    return s


def _outside_stream(world):
    """Without the option; with it, but without the peer at the restore; with both."""
    path = world.elsewhere() / "s"
    with _listening(path) as server:
        scene = world.scene("unix-connect", path)
        _refused(world, scene, "3: socket:[<*>]: a unix socket that waits to be accepted by a "
                 "process which is not in the tree" + WAIT + ", or --unix-close")
        with server.accept()[0]:
            what = ("3: socket:[<*>]: a unix stream socket that is connected to "
                    f"socket:[<*>] {path}, which is not in the tree")
            _refused(world, scene, what + EXT)
            world.dump(scene, "--ext-unix-sk")
    where = f"restore: connect files: pid {scene.pid} ({scene.comm}): fd 3: unix socket: " \
            f"connect to {path}: Connection refused"
    world.refuses(["restore", "-d", "-D", world.images], where,
                  "what it was connected to has to be there again", but=[scene])
    os.unlink(path)
    with _listening(path) as server:
        world.restore(scene)
        server.settimeout(5)
        server.accept()[0].close()


def _outside_one(world):
    """By the number of its inode."""
    path = world.elsewhere() / "s"
    with _listening(path, socket.SOCK_DGRAM) as server:
        scene = world.scene("unix-connect", path, "dgram")
        ino = os.stat(f"/proc/{scene.pid}/fd/3").st_ino
        _refused(world, scene, f"3: socket:[{ino}]: a unix datagram socket that is connected to "
                 f"socket:[<*>] {path}, which is not in the tree" + EXT,
                 "--external", f"unix[{ino + 1000000}]")
        world.dump(scene, "--external", f"unix[{os.fstat(server.fileno()).st_ino}]")
        world.restore(scene)


def _taken(scene, fd):
    """A socket of the scene, in the harness."""
    pidfd = os.pidfd_open(scene.pid)
    try:
        got = ctypes.CDLL(None, use_errno=True).syscall(SYS_PIDFD_GETFD, pidfd, fd, 0)
    finally:
        os.close(pidfd)
    if got < 0:
        raise Failure(f"fd {fd} cannot be had: {os.strerror(ctypes.get_errno())}")
    taken = socket.socket(fileno=got)
    taken.setblocking(False)
    return taken


def _expect_closed(scene, *received):
    with _taken(scene, 3) as own:
        for data in received:
            got = own.recv(len(data) or 1)
            if got != data:
                raise Failure(f"{got} comes instead of {data}")


def _outside_closed(world):
    """What the peer has sent is there, and then the end; or that it has not read all."""
    path = world.elsewhere() / "s"
    with _listening(path) as server:
        scene = world.scene("unix-connect", path)
        with server.accept()[0] as peer:
            peer.send(b"bye")
            world.dump(scene, "--unix-close")
        world.restore(scene)
        _expect_closed(scene, b"bye", b"")
        waits = world.scene("unix-connect", path)
        world.dump(waits, "--unix-close")
        world.restore(waits)
        _expect_closed(waits, b"")
        unread = world.scene("unix-connect", path)
        server.accept()[0].close()
        with server.accept()[0], _taken(unread, 3) as own:
            own.send(b"question")
            own.close()
            world.dump(unread, "--unix-close")
        world.restore(unread)
        try:
            _expect_closed(unread, b"")
        except ConnectionResetError:
            pass
        else:
            raise Failure("what the peer has not read was not told")
        _expect_closed(unread, b"")


def _outside_closed_or_not(world):
    """With both options, one that has a name is connected to again."""
    path = world.elsewhere() / "s"
    with _listening(path) as server:
        server.settimeout(5)
        scene = world.scene("unix-connect", path)
        with server.accept()[0]:
            world.dump(scene, "--unix-close", "--ext-unix-sk")
        world.restore(scene)
        with server.accept()[0] as peer:
            peer.send(b"again")
            _expect_closed(scene, b"again")


def _client_closed(world):
    """Who waits to be accepted by the tree, and is outside of it, is told and forgotten."""
    path = world.elsewhere() / "s"
    scene = world.scene("unix-at", path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        client.settimeout(5)
        world.dump(scene, "--unix-close")
        try:
            if client.recv(1):
                raise Failure("the client was told something")
        except ConnectionResetError:
            pass
    world.restore(scene)
    with _taken(scene, 3) as own:
        try:
            own.accept()[0].close()
        except BlockingIOError:
            return
    raise Failure("somebody is still waiting")


def _unaccepted(world):
    path = world.elsewhere() / "s"
    _refused(world, world.scene("unix-unaccepted", path), "4: socket:[<*>]: a unix socket that has "
             "sent something and was not accepted yet, which cannot be read: it is too much, or "
             "not only bytes" + WAIT)


def _unaccepted_closed(world):
    path = world.elsewhere() / "s"
    _refused(world, world.scene("unix-unaccepted-closed", path), "3: socket:[<*>]: a unix socket "
             "with a connection that was closed before it was accepted" + WAIT)


def _unaccepted_outside(world):
    path = world.elsewhere() / "s"
    scene = world.scene("unix-at", path)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        ino = os.fstat(client.fileno()).st_ino
        _refused(world, scene, f"3: socket:[<*>]: a unix socket at which socket:[{ino}], which is "
                 "not in the tree, waits to be accepted" + WAIT + ", or --unix-close")


def _urgent(world):
    _refused(world, world.scene("unix-urgent"), "4: a unix socket with urgent data (MSG_OOB) that "
             "was not received yet")


def _name_taken(world):
    """Somebody who lives has the name; then a file that is none; then nobody."""
    path = world.elsewhere() / "s"
    scene = world.scene("unix-at", path)
    world.dump(scene)
    who = f"restore: open files: pid {scene.pid} ({scene.comm}): fd 3: "
    os.unlink(path)
    with _listening(path):
        world.refuses(["restore", "-d", "-D", world.images], who + f"bind to {path}: another "
                      "socket has this name", "stop the process that has it", but=[scene])
    os.unlink(path)
    path.write_text("mine\n")
    world.refuses(["restore", "-d", "-D", world.images], who + f"bind to {path}: there is a file "
                  "of this name that is no socket", but=[scene])
    if path.read_text() != "mine\n":
        raise Failure("the file was changed")
    os.unlink(path)
    world.refuses(["restore", "-d", "-D", world.images, "--fault", "open files"],
                  "restore: open files: <*>", but=[scene])
    if path.exists():
        raise Failure("a restore that failed has left its socket there")
    world.restore(scene)


def add_cases(suite):
    """Each in a directory of its own: names of sockets are short."""
    for name, function in (
        ("outside-stream", _outside_stream),
        ("outside-one", _outside_one),
        ("outside-closed", _outside_closed),
        ("outside-closed-or-not", _outside_closed_or_not),
        ("client-closed", _client_closed),
        ("unaccepted", _unaccepted),
        ("unaccepted-closed", _unaccepted_closed),
        ("unaccepted-outside", _unaccepted_outside),
        ("urgent", _urgent),
        ("name-taken", _name_taken),
    ):
        suite.case(f"socket/{name}")(function)
