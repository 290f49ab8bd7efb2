# SPDX-License-Identifier: GPL-2.0-only
"""IPv4 and IPv6 sockets: what needs an option, is not kept, or is not there at the restore."""

import fcntl
import socket
import struct
import termios

from runner import procs
from harness.scene import Failure

OPTION = "; try --tcp-established, which keeps connections, or --tcp-close"


def _refused(world, scene, text, *options):
    world.refuses(["dump", "-D", world.images, "-t", scene.pid, *options],
                  f"dump: <*>: pid {scene.pid} ({scene.comm}): fd 3: {text}")


def _listener(port=0):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("127.0.0.1", port))
    s.listen()
    s.settimeout(5)
    return s


def _free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _connection(world):
    """Without an option; with --tcp-close the peer hears of it, and it comes back closed."""
    with _listener() as listener:
        port = listener.getsockname()[1]
        scene = world.scene("inet-connect", port)
        with listener.accept()[0] as peer:
            here = peer.getpeername()[1]
            _refused(world, scene, f"tcp 127.0.0.1:{here} to 127.0.0.1:{port}: a TCP connection"
                     + OPTION)
            world.dump(scene, "--tcp-close")
            world.restore(scene)
            peer.settimeout(5)
            try:
                if peer.recv(1):
                    raise Failure("something came out of a connection that was closed")
            except ConnectionResetError:
                pass


def _kept(world):
    """With the option, and without a lock."""
    with _listener() as listener:
        scene = world.scene("inet-connect", listener.getsockname()[1])
        with listener.accept()[0] as peer:
            world.dump(scene, "--tcp-established", "--network-lock", "skip")
            world.restore(scene)
            peer.settimeout(1)
            try:
                peer.recv(1)
                raise Failure("the connection has ended")
            except TimeoutError:
                pass


def _in_flight(world):
    port = _free_port()
    scene = world.scene("inet-listen", port)
    with socket.create_connection(("127.0.0.1", port)):
        _refused(world, scene, f"tcp 127.0.0.1:{port}: 1 connections that nobody has accepted yet; "
                 "let the program accept them, or try --skip-in-flight, which resets them")
        world.dump(scene, "--skip-in-flight")
        world.restore(scene)


def _port_taken(world):
    port = _free_port()
    scene = world.scene("inet-listen", port)
    world.dump(scene)
    with _listener(port):
        world.refuses(["restore", "-d", "-D", world.images],
                      f"restore: open files: pid {scene.pid} ({scene.comm}): fd 3: tcp "
                      f"127.0.0.1:{port}: <*>: Address already in use",
                      "stop the process that holds the port", but=[scene])
    world.restore(scene)


def _unread(world):
    _refused(world, world.scene("inet-unread"),
             "socket:[<*>]: datagrams that were not received yet, which cannot be kept yet; let "
             "the program receive them")


def _corked(world):
    _refused(world, world.scene("inet-corked", _free_port(socket.SOCK_DGRAM)),
             "socket:[<*>]: a datagram that is not complete (UDP_CORK, MSG_MORE), which cannot be "
             "kept yet")


def _sctp(world):
    _refused(world, world.scene("inet-sctp"),
             "socket:[<*>]: a socket of SCTP, which cannot be kept yet")


def _ulp(world):
    with _listener() as listener:
        port = listener.getsockname()[1]
        scene = world.scene("inet-ulp", port)
        _refused(world, scene, f"tcp 127.0.0.1:<*> to 127.0.0.1:{port}: a TCP socket with the "
                 'upper layer protocol "tls", whose state cannot be read', "--tcp-established")


def _unacknowledged(sock):
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"1234"))[0]


def _together(world):
    """Whatever is wrong with sockets, one run names all of it, and each peer is left in peace."""
    path = world.elsewhere() / "s"
    with socket.socket(socket.AF_UNIX) as at_path, _listener() as listener:
        at_path.bind(str(path))
        at_path.listen()
        port = listener.getsockname()[1]
        scene = world.scene("inet-all", path, port)
        with listener.accept()[0] as peer:
            peer.send(b"!", socket.MSG_OOB)
            procs.wait_until(lambda: not _unacknowledged(peer), 5, "the urgent byte to arrive")
            with at_path.accept()[0]:
                who = f"pid {scene.pid} ({scene.comm}): fd "
                world.refuses(
                    ["dump", "-D", world.images, "-t", scene.pid, "--tcp-established"],
                    "dump: <*>: 5 objects stand in the way",
                    f"{who}3: socket:[<*>]: a unix stream socket that is connected to socket:[<*>] "
                    f"{path}, which is not in the tree; try --ext-unix-sk<*>",
                    f"{who}4: socket:[<*>]: a kernel-bypass (XDP) raw socket, which cannot be "
                    "kept yet",
                    f"{who}5: tcp 127.0.0.1:<*> to 127.0.0.1:{port}: an urgent byte that was not "
                    "received yet, which cannot be kept; let the program receive it<*>",
                    f"{who}6: socket:[<*>]: datagrams that were not received yet<*>",
                    f"{who}7: tcp 127.0.0.1:<*>: 1 connections that nobody has accepted yet<*>")
            peer.settimeout(0.1)
            try:
                peer.recv(1)
                raise Failure("the connection has ended")
            except TimeoutError:
                pass


def add_cases(suite):
    """Ports are free ones of the loopback."""
    for name, function in (
        ("connection", _connection),
        ("kept", _kept),
        ("in-flight", _in_flight),
        ("port-taken", _port_taken),
        ("unread", _unread),
        ("corked", _corked),
        ("sctp", _sctp),
        ("ulp", _ulp),
        ("together", _together),
    ):
        suite.case(f"inet/{name}")(function)
