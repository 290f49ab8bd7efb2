# SPDX-License-Identifier: GPL-2.0-only
"""What crtool puts into the firewall, and how it goes again, whatever happens."""

import os
import random
import socket
import time

from .hosts import PATIENCE, Failure, On, run
from .peers import BLOCK, family_of, note
from .scene import wait_dead


def echo_make(scene):
    pid = scene.start(scene.hosts.a, "echo", "10.77.0.1")
    port = int(scene.wait("port"))
    with On(scene.hosts.b):
        client = socket.create_connection(("10.77.0.1", port))
    client.settimeout(PATIENCE)
    return pid, client


def echo(client, data=b"x" * 100):
    client.sendall(data)
    got = b""
    while len(got) < len(data):
        more = client.recv(BLOCK)
        if not more:
            raise Failure("the connection has ended")
        got += more
    if got != data:
        raise Failure("other bytes came back")


def gc(scene):
    """What a dump has left is shown, removed once, and not there the second time."""
    host = scene.hosts.a
    pid, client = echo_make(scene)
    echo(client)
    scene.dump(host, pid, "-R")
    echo(client)
    scene.clean(host)
    scene.dump(host, pid)
    shown = scene.crtool(host, "gc", "--show", "-D", scene.images).stdout
    if "nftables table inet crtool-" not in shown or len(scene.hosts.rules(host)) != 1:
        raise Failure(f"gc --show says: {shown}")
    if "removed" not in scene.crtool(host, "gc", "-D", scene.images).stdout:
        raise Failure("gc has removed nothing")
    scene.clean(host)
    again = scene.crtool(host, "gc", "-D", scene.images).stdout
    if again:
        raise Failure(f"the second gc says: {again}")


def close(scene):
    """The connections of a dump can still be closed at the restore: the peer is told."""
    host = scene.hosts.a
    pid, client = echo_make(scene)
    scene.dump(host, pid)
    scene.reap()
    wait_dead(pid)
    scene.restore(host, "--tcp-close")
    scene.clean(host)
    client.sendall(b"anybody there?")
    try:
        if client.recv(100):
            raise Failure("an answer came out of a closed connection")
    except ConnectionResetError:
        pass


def address_gone(scene):
    """A host that has not the address of a connection says so, before there is any process."""
    host = scene.hosts.a
    pid, client = echo_make(scene)
    port = client.getpeername()[1]
    scene.dump(host, pid)
    scene.reap()
    wait_dead(pid)
    run("ip", "-n", host, "addr", "del", "10.77.0.1/24", "dev", "eth0")
    refused = scene.restore(host, check=False)
    want = f"tcp 10.77.0.1:{port}: this host does not have the address"
    if refused.returncode != 1 or refused.stderr.count(want) != 2 or \
            "try --tcp-close" not in refused.stderr:
        raise Failure(f"refused: {refused.returncode}, {refused.stderr}")
    run("ip", "-n", host, "addr", "add", "10.77.0.1/24", "dev", "eth0")
    scene.restore(host)
    echo(client)
    scene.no_resets()


def firewall(host):
    """All of it, in the words of nft(8) and of iptables(8), but counters and comments."""
    text = ""
    for command in (("nft", "list", "ruleset"), ("iptables-save",), ("ip6tables-save",)):
        lines = run("ip", "netns", "exec", host, *command).stdout.splitlines()
        text += "\n".join(line for line in lines if line[:1] not in ("#", ":")) + "\n"
    return text


def as_before(scene, method):
    """After gc the firewall, and the directory of a file that has lost its name, are as before."""
    host = scene.hosts.a
    for command in ("iptables", "ip6tables"):  # which make chains when they are first used
        for chain in ("INPUT", "OUTPUT"):
            run("ip", "netns", "exec", host, command, "-A", chain, "-s",
                "192.0.2.1" if command == "iptables" else "2001:db8::1", "-j", "DROP")
    os.mkdir(f"{scene.dir}/files")
    pid, client = echo_make(scene)
    before = firewall(host), os.listdir(f"{scene.dir}/files")
    scene.dump(host, pid, "--network-lock", method, "--link-remap")
    shown = scene.crtool(host, "gc", "--show", "-D", scene.images).stdout.splitlines()
    if len(shown) != 2 or before[0] == firewall(host) or os.listdir(f"{scene.dir}/files") == []:
        raise Failure(f"gc --show says: {shown}")
    scene.crtool(host, "gc", "-D", scene.images)
    after = firewall(host), os.listdir(f"{scene.dir}/files")
    if after != before:
        raise Failure(f"it was {before}, and is {after}")
    client.close()


def gc_lives(scene):
    """Not while a process of the tree lives. A dump over an older one removes the old one's."""
    host = scene.hosts.a
    pid, client = echo_make(scene)
    scene.dump(host, pid)
    scene.reap()
    wait_dead(pid)
    scene.restore(host)
    echo(client)
    refused = scene.crtool(host, "gc", "-D", scene.images, check=False)
    if refused.returncode != 1 or f"pid {pid}" not in refused.stderr:
        raise Failure(f"gc with a living tree: {refused.returncode}, {refused.stderr}")
    scene.dump(host, pid)
    wait_dead(pid)
    other = scene.start(host, "echo", "10.77.0.1")
    time.sleep(0.3)
    scene.dump(host, other)
    scene.clean(host)


def fails(scene):
    """A dump that fails leaves the connection as it was, and nothing in the firewall."""
    host = scene.hosts.a
    pid, client = echo_make(scene)
    for step in ("dump files", "dump memory", "write stats"):
        p = scene.dump(host, pid, "--fault", step, check=False)
        if p.returncode != 1:
            raise Failure(f"the fault after {step}: exit code {p.returncode}")
        scene.clean(host)
        echo(client, b"y" * 300000)
    scene.no_resets()


def restore_fails(scene):
    """A restore that fails leaves the lock of the dump; the next one brings the connection back."""
    host = scene.hosts.a
    pid, client = echo_make(scene)
    scene.dump(host, pid)
    scene.reap()
    wait_dead(pid)
    for step in ("lock network", "open files", "arm files", "write results"):
        p = scene.restore(host, "--fault", step, check=False)
        if p.returncode != 1 or len(scene.hosts.rules(host)) != 1:
            raise Failure(f"the fault after {step}: {p.returncode}, {scene.hosts.rules(host)}")
    client.sendall(b"meanwhile")
    scene.restore(host)
    if client.recv(100) != b"meanwhile":
        raise Failure("what was sent meanwhile did not come back")
    scene.clean(host)
    scene.no_resets()


def connecting(scene, address, away):
    """One that is still connecting gets there from the same port, when the other host answers."""
    host, other = scene.hosts.a, ("nsenter", f"--net=/run/netns/{scene.hosts.b}")
    run(*other, "nft", "add table inet block; add chain inet block in "
        "{ type filter hook input priority 0; }; add rule inet block in tcp dport 9000 drop")
    pid = scene.start(host, "connecting", address, 9000)
    port = scene.wait("connecting")
    scene.dump(host, pid)
    scene.reap()
    wait_dead(pid)
    time.sleep(away)
    scene.restore(host)
    with On(scene.hosts.b):
        listener = socket.socket(family_of(address), socket.SOCK_STREAM)
    listener.bind((address, 9000))
    listener.listen(1)
    listener.settimeout(PATIENCE)
    run(*other, "nft", "delete table inet block")
    connection, peer = listener.accept()
    if peer[1] != int(port):
        raise Failure(f"connected from port {peer[1]} instead of {port}")
    if connection.recv(100) != b"hello":
        raise Failure("other bytes came")
    connection.sendall(b"answer")
    if scene.wait("answer") != "answer":
        raise Failure("other bytes went back")
    scene.no_resets()


def killed(scene):
    """SIGKILL for crtool at any moment of a dump: the connection lives on, or can be restored."""
    host, rng = scene.hosts.a, random.Random(scene.options.seed)
    pid, client = echo_make(scene)
    started = time.perf_counter()
    scene.dump(host, pid, "-R")
    takes = time.perf_counter() - started
    ended = 0
    for _ in range(scene.options.kills):
        p = scene.dump(host, pid, wait=False)
        time.sleep(rng.random() * takes * 1.2)
        p.kill()
        p.wait()
        time.sleep(0.05)
        scene.reap()
        until = time.monotonic() + 5
        while scene.hosts.rules(host) and os.path.exists(f"/proc/{pid}"):
            if time.monotonic() > until:
                raise Failure(f"the tree lives, and there is {scene.hosts.rules(host)}")
            time.sleep(0.01)
        if not os.path.exists(f"/proc/{pid}"):
            ended += 1
            scene.restore(host)
        echo(client, b"z" * 50000)
        scene.clean(host)
    scene.no_resets()
    return f"{ended} of {scene.options.kills} dumps had been complete"


def backlog(scene):
    """
    Who waits to be accepted cannot be kept: the dump is refused. With --skip-in-flight they are
    told, once, by a reset; who comes after the restore is served.
    """
    host = scene.hosts.a
    pid = scene.start(host, "listener", "10.77.0.1")
    port = int(scene.wait("port"))
    with On(scene.hosts.b):
        client = socket.create_connection(("10.77.0.1", port))
    client.settimeout(PATIENCE)
    refused = scene.dump(host, pid, check=False)
    want = f"tcp 10.77.0.1:{port}: 1 connections that nobody has accepted yet"
    if refused.returncode != 1 or want not in refused.stderr:
        raise Failure(f"refused: {refused.returncode}, {refused.stderr}")
    scene.dump(host, pid, "--skip-in-flight")
    scene.reap()
    wait_dead(pid)
    try:
        raise Failure(f"the client is told {client.recv(100)}")
    except ConnectionResetError:
        pass
    scene.restore(host)
    with On(scene.hosts.b):
        client = socket.create_connection(("10.77.0.1", port))
    client.settimeout(PATIENCE)
    note(f"{scene.dir}/accept", "now")
    client.sendall(b"hello")
    if client.recv(100) != b"hello":
        raise Failure("other bytes came back")
    scene.clean(host)


def restore_killed(scene, elsewhere):
    """
    SIGKILL for crtool at any moment of a restore: all of the tree is there, or nothing. What is
    left is found by gc, and the next restore brings the connection back. elsewhere: on a host that
    has not the lock of the dump.
    """
    host, rng = scene.hosts.a, random.Random(scene.options.seed)
    pid, client = echo_make(scene)
    scene.dump(host, pid)
    scene.reap()
    wait_dead(pid)
    started = time.perf_counter()
    scene.restore(host)
    takes, early = time.perf_counter() - started, 0
    for _ in range(scene.options.kills):
        echo(client, b"z" * 50000)
        scene.dump(host, pid)
        wait_dead(pid)
        if elsewhere:
            scene.crtool(host, "gc", "-D", scene.images)
        p = scene.restore(host, wait=False)
        time.sleep(rng.random() * takes * 1.2)
        p.kill()
        p.wait()
        until = time.monotonic() + 5
        while os.path.exists(f"/proc/{pid}") and scene.hosts.rules(host):
            if time.monotonic() > until:
                raise Failure(f"the tree lives, and there is {scene.hosts.rules(host)}")
            time.sleep(0.01)
        if not os.path.exists(f"/proc/{pid}"):
            early += 1
            shown = scene.crtool(host, "gc", "--show", "-D", scene.images).stdout.splitlines()
            if len(shown) != len(scene.hosts.rules(host)) or (not shown and not elsewhere):
                raise Failure(f"gc --show says {shown}, there is {scene.hosts.rules(host)}")
            scene.restore(host)
        scene.clean(host)
    echo(client)
    if not elsewhere:
        scene.no_resets()
    return f"{early} of {scene.options.kills} restores had not been complete"


CASES = {
    "connecting-v4": lambda s: connecting(s, "10.77.0.2", 0),
    "connecting-v6": lambda s: connecting(s, "fd77::2", 2),
    "close": close,
    "address-gone": address_gone,
    "gc": gc,
    "gc-nftables": lambda s: as_before(s, "nftables"),
    "gc-iptables": lambda s: as_before(s, "iptables"),
    "gc-lives": gc_lives,
    "fails": fails,
    "restore-fails": restore_fails,
    "killed": killed,
    "restore-killed": lambda s: restore_killed(s, False),
    "restore-killed-elsewhere": lambda s: restore_killed(s, True),
    "backlog": backlog,
}
