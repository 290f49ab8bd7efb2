# SPDX-License-Identifier: GPL-2.0-only
"""A scene between two hosts: peers, crtool, and what must not have happened."""

import os
import shutil
import subprocess
import tempfile
import time

from .hosts import HERE, PATIENCE, REPO, Failure, Sniffer, run

CRTOOL = REPO / "criu" / "crtool"
PYTHON = "/usr/bin/python3"


class Scene:
    def __init__(self, hosts, options):
        self.hosts, self.options = hosts, options
        self.dir = tempfile.mkdtemp(prefix="netlock.")
        self.images = os.path.join(self.dir, "images")
        os.mkdir(self.images)
        self.children = []
        self.sniffer = Sniffer(hosts.b)

    def start(self, host, role, address, blocks=0):
        """In a session of its own, without a terminal; its pid."""
        log = open(f"{self.dir}/{role}.log", "wb")
        p = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{host}", PYTHON, "-E", "-S", HERE / "peers.py",
             role, self.dir, address, str(blocks)],
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
        until, before = time.monotonic() + PATIENCE, None
        while time.monotonic() < until:
            text = self.read(name)
            if text is not None and enough(text):
                return text
            progress = self.read("progress")
            if progress != before:
                until, before = time.monotonic() + PATIENCE, progress
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
        seen = self.sniffer.seen()
        if seen["resets"] or seen["missed"]:
            raise Failure(f"a connection was reset: {seen}")

    def close(self):
        self.sniffer.close()
        shutil.rmtree(self.dir)


def wait_dead(pid):
    until = time.monotonic() + PATIENCE
    while os.path.exists(f"/proc/{pid}"):
        if time.monotonic() > until:
            raise Failure(f"pid {pid} is still there")
        time.sleep(0.001)
