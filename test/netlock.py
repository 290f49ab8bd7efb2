#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
TCP connections between two hosts, which are two network namespaces with a cable between them. A
client downloads from a server; one of them is dumped, killed, kept away and restored, again and
again. All bytes arrive, no packet on the cable resets a connection, and what crtool has put into
the firewall is gone afterwards. Also: `crtool gc`, and crtool killed at random moments.

    test/netlock.py [--mib 256] [--only PATTERN] [--kills 20] [--list]
"""

import argparse
import ctypes
import hashlib
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
CRTOOL = os.path.join(HERE, "..", "criu", "crtool")
PYTHON = "/usr/bin/python3"
BLOCK = 65536
AWAY_SECONDS = 1.5
PATIENCE = 60  # seconds for anything that is waited for
CLONE_NEWNET = 0x40000000


class Failure(Exception):
    pass


def block(number):
    """The bytes of one block of a download: no two blocks are alike."""
    return random.Random(number).randbytes(1024) * (BLOCK // 1024 - 1) + struct.pack(
        "!128Q", *range(number, number + 128))


# --- the peers: what runs when this file is started with --peer -----------------------------------

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


PEERS = {"connecting": peer_connecting,
         "server": peer_server, "client": peer_client, "both": peer_both, "echo": peer_echo}


# --- two hosts ------------------------------------------------------------------------------------

def run(*command, check=True):
    p = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    if check and p.returncode:
        raise Failure(f"{' '.join(command)}: {p.stderr.strip() or p.returncode}")
    return p


def enter(host):
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(f"/run/netns/{host}", os.O_RDONLY)
    if libc.setns(fd, CLONE_NEWNET) < 0:
        raise OSError(ctypes.get_errno(), "setns")
    os.close(fd)


class Hosts:
    """Two network namespaces a and b, 10.77.0.1 and .2, fd77::1 and ::2."""

    def __init__(self):
        self.a, self.b = (f"crt{os.getpid()}{x}" for x in "ab")

    def __enter__(self):
        for host in (self.a, self.b):
            run("ip", "netns", "add", host)
        run("ip", "link", "add", "eth0", "netns", self.a, "type", "veth", "peer", "name", "eth0",
            "netns", self.b)
        for nr, host in enumerate((self.a, self.b), 1):
            ip = ("ip", "-n", host)
            run(*ip, "addr", "add", f"10.77.0.{nr}/24", "dev", "eth0")
            run(*ip, "addr", "add", f"fd77::{nr}/64", "dev", "eth0", "nodad")
            run(*ip, "link", "set", "eth0", "up")
            run(*ip, "link", "set", "lo", "up")
        return self

    def __exit__(self, *_):
        for host in (self.a, self.b):
            pids = run("ip", "netns", "pids", host, check=False).stdout.split()
            for pid in pids:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
            run("ip", "netns", "del", host, check=False)

    def rules(self, host):
        """Tables of nftables, those that iptables(8) makes among them once it was used."""
        text = run("nsenter", f"--net=/run/netns/{host}", "nft", "list", "ruleset").stdout
        return [line for line in text.splitlines() if "crtool" in line]


class Capture:
    """The packets with RST that a host sees on its side of the cable."""

    def __init__(self, host, interface="eth0"):
        mine = os.open("/proc/self/ns/net", os.O_RDONLY)
        enter(host)
        # Of no protocol at first: nothing comes before the filter is there.
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        # Only RST: ldh 12, v4 or v6, flags of TCP without options in the IP header.
        program = [
            (0x28, 0, 0, 12), (0x15, 0, 5, 0x0800), (0x30, 0, 0, 23), (0x15, 0, 8, 6),
            (0x30, 0, 0, 47), (0x45, 0, 6, 4), (0x06, 0, 0, 96),
            (0x15, 0, 4, 0x86dd), (0x30, 0, 0, 20), (0x15, 0, 2, 6),
            (0x30, 0, 0, 67), (0x45, 1, 0, 4), (0x06, 0, 0, 0), (0x06, 0, 0, 96)]
        code = b"".join(struct.pack("HBBI", *i) for i in program)
        buffer = ctypes.create_string_buffer(code)
        self.socket.setsockopt(socket.SOL_SOCKET, 26, struct.pack(
            "HL", len(program), ctypes.addressof(buffer)))
        self.socket.bind((interface, 3))
        self.socket.setblocking(False)
        libc = ctypes.CDLL(None)
        libc.setns(mine, CLONE_NEWNET)
        os.close(mine)

    def resets(self):
        seen = []
        while True:
            try:
                packet = self.socket.recv(200)
            except BlockingIOError:
                return seen
            tcp = packet[34:] if packet[12] == 8 else packet[54:]
            seen.append("from port %d to %d, seq %#x ack %#x" % struct.unpack("!HHII", tcp[:12]))


class Scene:
    def __init__(self, hosts, options):
        self.hosts, self.options = hosts, options
        self.dir = tempfile.mkdtemp(prefix="netlock.")
        self.images = os.path.join(self.dir, "images")
        os.mkdir(self.images)
        self.children = []
        self.capture = Capture(hosts.b)

    def start(self, host, role, address, blocks=0):
        """In a session of its own, without a terminal; its pid."""
        log = open(f"{self.dir}/{role}.log", "wb")
        p = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{host}", PYTHON, "-E", "-S", os.path.abspath(__file__),
             "--peer", role, self.dir, address, str(blocks)],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/")
        log.close()
        self.children.append(p)
        return p.pid

    def crtool(self, host, *args, check=True, wait=True):
        command = ["nsenter", f"--net=/run/netns/{host}", CRTOOL, *args]
        if not wait:
            return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        p = run(*command, check=False)
        if check and p.returncode:
            raise Failure(f"crtool {args[0]}: {p.stderr.strip()}")
        return p

    def dump(self, host, pid, *more, **kw):
        return self.crtool(host, "dump", "-t", str(pid), "-D", self.images, "-o", "dump.log",
                           "--tcp-established", *more, **kw)

    def restore(self, host, *more, **kw):
        return self.crtool(host, "restore", "-d", "-D", self.images, "-o", "restore.log", *more,
                           **kw)

    def read(self, name):
        try:
            with open(f"{self.dir}/{name}", encoding="ascii") as f:
                return f.read()
        except FileNotFoundError:
            return None

    def wait(self, name, enough=bool):
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            text = self.read(name)
            if text is not None and enough(text):
                return text
            time.sleep(0.005)
        raise Failure(f"waited in vain for {name}: it is {self.read(name)}; "
                      f"client: {self.read('client.log')} server: {self.read('server.log')}")

    def reap(self):
        """Those that crtool has killed: their pids are to be free."""
        for p in self.children:
            p.poll()

    def clean(self, host):
        left = self.hosts.rules(host)
        if left:
            raise Failure(f"left in the firewall: {left}")

    def no_resets(self):
        seen = self.capture.resets()
        if seen:
            raise Failure(f"a connection was reset: {'; '.join(seen)}")

    def close(self):
        shutil.rmtree(self.dir)


def wait_dead(pid):
    until = time.monotonic() + PATIENCE
    while os.path.exists(f"/proc/{pid}"):
        if time.monotonic() > until:
            raise Failure(f"pid {pid} is still there")
        time.sleep(0.001)


def check_download(scene, blocks):
    digest = hashlib.sha256()
    for number in range(blocks):
        digest.update(block(number))
    want = f"{blocks * BLOCK} {digest.hexdigest()}"
    got = scene.wait("digest")
    if got != want:
        raise Failure(f"received {got} instead of {want}")
    scene.wait("served")


def download(scene, who, address, *more):
    """WHO is dumped at a fifth, two fifths, ... of the way."""
    hosts, blocks = scene.hosts, scene.options.mib * 16
    if who == "both":
        pid, host = scene.start(hosts.a, "both", address, blocks), hosts.a
    else:
        server = scene.start(hosts.a, "server", address, blocks)
        scene.wait("port")
        client = scene.start(hosts.b, "client", address, blocks)
        pid, host = (server, hosts.a) if who == "server" else (client, hosts.b)
    for nr in range(1, 5):
        scene.wait("progress", lambda t, n=nr: int(t) >= scene.options.mib * n // 5)
        scene.dump(host, pid, *more)
        scene.reap()
        wait_dead(pid)
        if not scene.hosts.rules(host) and "iptables" not in more:
            raise Failure("there is no lock while the peer waits")
        time.sleep(AWAY_SECONDS if nr == 1 else 0.3)
        scene.restore(host)
        scene.clean(host)
    check_download(scene, blocks)
    scene.no_resets()


def echo_make(scene):
    pid = scene.start(scene.hosts.a, "echo", "10.77.0.1")
    port = int(scene.wait("port"))
    mine = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter(scene.hosts.b)
    client = socket.create_connection(("10.77.0.1", port))
    ctypes.CDLL(None).setns(mine, CLONE_NEWNET)
    os.close(mine)
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
    mine = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter(scene.hosts.b)
    listener = socket.socket(family_of(address), socket.SOCK_STREAM)
    listener.bind((address, 9000))
    listener.listen(1)
    listener.settimeout(PATIENCE)
    ctypes.CDLL(None).setns(mine, CLONE_NEWNET)
    os.close(mine)
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
    print(f"    {ended} of {scene.options.kills} dumps had been complete")


CASES = {
    "server-v4": lambda s: download(s, "server", "10.77.0.1"),
    "server-v6": lambda s: download(s, "server", "fd77::1"),
    "client-v4": lambda s: download(s, "client", "10.77.0.1"),
    "client-v6": lambda s: download(s, "client", "fd77::1"),
    "both-v4": lambda s: download(s, "both", "127.0.0.1"),
    "both-v6": lambda s: download(s, "both", "::1"),
    "iptables": lambda s: download(s, "server", "10.77.0.1", "--network-lock", "iptables"),
    "connecting-v4": lambda s: connecting(s, "10.77.0.2", 0),
    "connecting-v6": lambda s: connecting(s, "fd77::2", 2),
    "close": close,
    "address-gone": address_gone,
    "gc": gc,
    "gc-lives": gc_lives,
    "fails": fails,
    "restore-fails": restore_fails,
    "killed": killed,
}


def case_run(name, options):
    with Hosts() as hosts:
        scene = Scene(hosts, options)
        try:
            CASES[name](scene)
        except (Failure, OSError, AssertionError) as e:
            print(f"FAIL {name}: {e}\n    see {scene.dir}")
            return False
    scene.close()
    return True


def main():
    if sys.argv[1:2] == ["--peer"]:
        role, directory, address, blocks = sys.argv[2:]
        return PEERS[role](directory, address, int(blocks))
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    names = [n for n in CASES if re.search(options.only, n)]
    if options.list:
        print("\n".join(names))
        return 0
    for tool in ("ip", "nft", "iptables", "nsenter"):
        if not shutil.which(tool):
            print(f"FAIL all: there is no {tool}: scripts/install-packages test\n"
                  f"0 passed, {len(names)} failed")
            return 1
    failed = 0
    for name in names:
        started = time.monotonic()
        if case_run(name, options):
            print(f"PASS {name} {time.monotonic() - started:.1f} s", flush=True)
        else:
            failed += 1
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
