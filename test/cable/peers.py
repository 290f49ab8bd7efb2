#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""What runs on the hosts, and is dumped and restored: peers.py ROLE DIRECTORY ADDRESS NUMBER"""

import hashlib
import os
import random
import select
import signal
import socket
import struct
import sys
import time

BLOCK = 65536


def block(number):
    """The bytes of one block of a download: no two blocks are alike."""
    return random.Random(number).randbytes(1024) * (BLOCK // 1024 - 1) + struct.pack(
        "!128Q", *range(number, number + 128))


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def note(path, text):
    """Whole, or not at all: somebody polls for it."""
    with open(path + ".new", "w", encoding="ascii") as f:
        f.write(text)
    os.rename(path + ".new", path)


def peer_server(directory, address, blocks):
    listener = socket.socket(family_of(address), socket.SOCK_STREAM)
    listener.bind((address, 0))
    listener.listen(5)
    note(f"{directory}/port", str(listener.getsockname()[1]))
    connection = listener.accept()[0]
    for number in range(blocks):
        connection.sendall(block(number))
    connection.shutdown(socket.SHUT_WR)
    assert connection.recv(100) == b"thanks"
    note(f"{directory}/served", "yes")
    signal.pause()


def peer_client(directory, address, blocks):
    with open(f"{directory}/port", encoding="ascii") as f:
        port = int(f.read())
    connection = socket.create_connection((address, port))
    digest, got = hashlib.sha256(), 0
    while True:
        data = connection.recv(BLOCK)
        if not data:
            break
        digest.update(data)
        before, got = got, got + len(data)
        if before >> 20 != got >> 20:
            note(f"{directory}/progress", str(got >> 20))
            time.sleep(0.01)  # so that there is time for dumps in between
    connection.sendall(b"thanks")
    note(f"{directory}/digest", f"{got} {digest.hexdigest()}")
    signal.pause()


def peer_both(directory, address, blocks):
    """Server and client are children of one process."""
    for role in (peer_server, peer_client):
        if os.fork() == 0:
            role(directory, address, blocks)
            os._exit(0)
        while not os.path.exists(f"{directory}/port"):
            time.sleep(0.01)
    signal.pause()


def peer_echo(directory, address, _blocks):
    if os.path.isdir(f"{directory}/files"):  # one that loses its name
        os.close(os.open(f"{directory}/files/other", os.O_CREAT))
        os.open(f"{directory}/files/name", os.O_CREAT)
        os.link(f"{directory}/files/name", f"{directory}/files/third")
        os.unlink(f"{directory}/files/name")
    listener = socket.socket(family_of(address), socket.SOCK_STREAM)
    listener.bind((address, 0))
    listener.listen(5)
    note(f"{directory}/port", str(listener.getsockname()[1]))
    connection = listener.accept()[0]
    while True:
        data = connection.recv(BLOCK)
        if not data:
            break
        connection.sendall(data)
    signal.pause()


def peer_listener(directory, address, _blocks):
    """Accepts nobody before it is told to."""
    listener = socket.socket(family_of(address), socket.SOCK_STREAM)
    listener.bind((address, 0))
    listener.listen(5)
    note(f"{directory}/port", str(listener.getsockname()[1]))
    while not os.path.exists(f"{directory}/accept"):
        time.sleep(0.01)
    connection = listener.accept()[0]
    connection.sendall(connection.recv(100))
    signal.pause()


def peer_connecting(directory, address, port):
    connection = socket.socket(family_of(address), socket.SOCK_STREAM)
    connection.setblocking(False)
    connection.connect_ex((address, port))
    note(f"{directory}/connecting", str(connection.getsockname()[1]))
    poll = select.poll()
    poll.register(connection, select.POLLOUT)
    poll.poll()
    connection.setblocking(True)
    connection.sendall(b"hello")
    note(f"{directory}/answer", connection.recv(100).decode())
    signal.pause()


PEERS = {"connecting": peer_connecting, "listener": peer_listener,
         "server": peer_server, "client": peer_client, "both": peer_both, "echo": peer_echo}

if __name__ == "__main__":
    PEERS[sys.argv[1]](sys.argv[2], sys.argv[3], int(sys.argv[4]))
