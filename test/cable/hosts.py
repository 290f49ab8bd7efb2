# SPDX-License-Identifier: GPL-2.0-only
"""The hosts, what goes on between them, and who looks at it."""

import ctypes
import itertools
import os
import pathlib
import signal
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
REPO = HERE.parent.parent
HELPERS = REPO / "build" / "test" / "bin"
PATIENCE = 60  # seconds for anything that is waited for
CLONE_NEWNET = 0x40000000
NUMBERS = itertools.count()


class Failure(Exception):
    """Something is not as it has to be."""


def run(*command, check=True):
    """A command that ends by itself."""
    p = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=PATIENCE)
    if check and p.returncode:
        raise Failure(f"{' '.join(map(str, command))}: {p.stderr.strip() or p.returncode}")
    return p


class On:
    """This thread is on a host."""

    def __init__(self, host):
        self.path = f"/run/netns/{host}"
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.mine = None

    def __enter__(self):
        self.mine = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        fd = os.open(self.path, os.O_RDONLY)
        if self.libc.setns(fd, CLONE_NEWNET) < 0:
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)

    def __exit__(self, *_):
        self.libc.setns(self.mine, CLONE_NEWNET)
        os.close(self.mine)


class Hosts:
    """
    Two network namespaces a and b. The cable: 10.77.0.1 and .2, fd77::1 and ::2; far(): a slow
    one, 10.78.0.1 and .2, fd78::1 and ::2.
    """

    def __init__(self):
        self.a, self.b = (f"crt{os.getpid()}-{next(NUMBERS)}{x}" for x in "ab")
        self.relay = None

    def __enter__(self):
        for host in (self.a, self.b):
            run("ip", "netns", "add", host)
            run("ip", "-n", host, "link", "set", "lo", "up")
        run("ip", "link", "add", "eth0", "netns", self.a, "type", "veth", "peer", "name", "eth0",
            "netns", self.b)
        self._up("eth0", 77)
        return self

    def _up(self, interface, net):
        for nr, host in enumerate((self.a, self.b), 1):
            ip = ("ip", "-n", host)
            run(*ip, "addr", "add", f"10.{net}.0.{nr}/24", "dev", interface)
            run(*ip, "addr", "add", f"fd{net}::{nr}/64", "dev", interface, "nodad")
            run(*ip, "link", "set", interface, "txqueuelen", "20000", "up")

    def far(self, delay_ms, late_permille=0, late_ms=0):
        """A cable on which each packet takes its time, and some take more. Its interface."""
        self.relay = subprocess.Popen(
            [HELPERS / "relay", f"/run/netns/{self.a}", f"/run/netns/{self.b}",
             str(int(delay_ms * 1000)), str(late_permille), str(int(late_ms * 1000))],
            stdout=subprocess.PIPE)
        if self.relay.stdout.readline() != b"ready\n":
            raise Failure("there is no relay")
        self._up("far0", 78)
        return "far0"

    def lose(self, permille):
        """Of a thousand packets, so many never arrive on either host."""
        for host in (self.a, self.b):
            run("ip", "netns", "exec", host, "nft", "add table inet lossy; add chain inet lossy in "
                "{ type filter hook prerouting priority -400; }; add rule inet lossy in "
                f"iifname != lo meta l4proto tcp numgen random mod 1000 < {permille} drop")

    def __exit__(self, *_):
        for host in (self.a, self.b):
            pids = run("ip", "netns", "pids", host, check=False).stdout.split()
            for pid in pids:
                try:
                    os.kill(int(pid), signal.SIGKILL)
                except ProcessLookupError:
                    pass
        if self.relay:
            self.relay.kill()
            self.relay.wait()
        for host in (self.a, self.b):
            run("ip", "netns", "del", host, check=False)

    def rules(self, host):
        """Tables of nftables, those that iptables(8) makes among them once it was used."""
        text = run("ip", "netns", "exec", host, "nft", "list", "ruleset").stdout
        return [line for line in text.splitlines() if "crtool" in line]


class Sniffer:
    """All TCP packets that an interface of a host sees."""

    def __init__(self, host, interface="eth0"):
        self.process = subprocess.Popen(
            [HELPERS / "sniff", f"/run/netns/{host}", interface], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.seen()  # it is there

    def seen(self):
        """The counters that sniff.c has, until now."""
        self.process.stdin.write("?\n")
        self.process.stdin.flush()
        words = self.process.stdout.readline().split()
        if not words:
            raise Failure("nobody looks at packets any more")
        return {word: int(number) for word, number in zip(words[::2], words[1::2])}

    def close(self):
        self.process.stdin.close()
        self.process.wait()
