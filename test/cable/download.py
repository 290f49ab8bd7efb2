# SPDX-License-Identifier: GPL-2.0-only
"""
A client downloads from a server; one of them, or both, are dumped, killed, kept away and restored,
again and again. All bytes arrive; on the cable nobody resets the connection, and nobody sends more
often than has to be.
"""

import glob
import hashlib
import json
import math
import time

from .hosts import REPO, Failure, Sniffer, run
from .peers import BLOCK, block
from .scene import wait_dead

FIRST_RTO = 0.2  # seconds: TCP_RTO_MIN of Linux; each one after it is twice as long
FEW = 5  # packets: a probe of the tail, one for each answer of a socket that comes back


def check_bytes(scene, blocks):
    """The client has got what the server has sent."""
    digest = hashlib.sha256()
    for number in range(blocks):
        digest.update(block(number))
    want = f"{blocks * BLOCK} {digest.hexdigest()}"
    got = scene.wait("digest")
    if got != want:
        raise Failure(f"received {got} instead of {want}")
    scene.wait("served")


def check_away(before, after, seconds):
    """While one of them is away, the other one waits longer and longer."""
    sent = after["packets"] - before["packets"]
    if sent > math.log2(seconds / FIRST_RTO + 1) + FEW:
        raise Failure(f"{sent} packets in the {seconds} seconds in which nobody answered")


def at_rest(sniffer):
    """What was seen when all that was under way has arrived."""
    before, seen = None, sniffer.seen()
    while seen != before:
        time.sleep(FIRST_RTO / 4)
        before, seen = seen, sniffer.seen()
    return seen


def not_acknowledged(images):
    """Bytes that a dumped end had sent and heard nothing of: maybe their answer met the lock."""
    decoded = run(REPO / "test" / "images" / "decode.py", "-j",
                  *glob.glob(f"{images}/tcp-stream-*.img"))
    streams = [image["entries"][0] for image in json.loads(decoded.stdout).values()]
    return sum(int(entry["outq_len"]) - int(entry.get("unsq_len", 0)) for entry in streams)


def check_storm(seen, scene, unanswered, lossy):
    """
    What was under way when one of them was stopped has to be sent again, and all that an end had
    heard nothing of; on a bad cable also what was lost, each time that it was, and what came late.
    A fiftieth more is what TCP sends to try whether something was lost, also where nobody is ever
    stopped.
    """
    had_to_be = max(scene.options.times * seen["flight"], unanswered)
    allowed = had_to_be + seen["bytes"] * (lossy + 20) // 1000
    if seen["again_bytes"] > allowed:
        raise Failure(f"{seen['again_bytes']} bytes were sent again, {allowed} had to be: {seen}")


def start(scene, who, address):
    """Its pid, and the host that it is on."""
    hosts, blocks = scene.hosts, scene.options.mib * 16
    if who == "both":
        return scene.start(hosts.a, "both", address, blocks), hosts.a
    server = scene.start(hosts.a, "server", address, blocks)
    scene.wait("port")
    client = scene.start(hosts.b, "client", address, blocks)
    return (server, hosts.a) if who == "server" else (client, hosts.b)


def once(scene, host, pid, sniffer, *more):
    """Dumped, kept away, restored."""
    scene.dump(host, pid, *more)
    scene.reap()
    wait_dead(pid)
    if not scene.hosts.rules(host) and "iptables" not in more:
        raise Failure("there is no lock while the peer waits")
    before = at_rest(sniffer)
    time.sleep(scene.options.away)
    check_away(before, sniffer.seen(), scene.options.away)
    scene.restore(host)
    scene.clean(host)


def download(scene, who, address, *more, interface="eth0", lossy=0):
    """WHO is dumped so many times, at points that are as far from each other."""
    sniffer = Sniffer(scene.hosts.a, interface)
    pid, host = start(scene, who, address)
    times, unanswered = scene.options.times, 0
    for nr in range(1, times + 1):
        goal = scene.options.mib * nr // (times + 1)
        scene.wait("progress", lambda text: int(text) >= goal)
        once(scene, host, pid, sniffer, *more)
        unanswered += not_acknowledged(scene.images)
    check_bytes(scene, scene.options.mib * 16)
    seen = sniffer.seen()
    sniffer.close()
    if seen["missed"] or seen["bytes"] < scene.options.mib << 20:
        raise Failure(f"not all packets were seen: {seen}")
    if seen["resets"]:
        raise Failure(f"the connection was reset: {seen}")
    check_storm(seen, scene, unanswered, lossy)
    return (f"{seen['bytes'] >> 20} MiB in {seen['packets']} packets; again "
            f"{seen['again_bytes'] >> 10} KiB in {seen['again']}; at most {seen['flight'] >> 10} "
            "KiB under way; 0 resets")


def far(scene, who, address, delay_ms, late_permille=0, late_ms=0, lost_permille=0):
    """On a slow cable."""
    interface = scene.hosts.far(delay_ms, late_permille, late_ms)
    if lost_permille:
        scene.hosts.lose(lost_permille)
    return download(scene, who, address, interface=interface,
                    lossy=4 * lost_permille + late_permille * 20)


def lossy(scene, who, address, lost_permille):
    """On a cable that loses packets."""
    scene.hosts.lose(lost_permille)
    return download(scene, who, address, lossy=4 * lost_permille)


CASES = {
    "server-v4": lambda s: download(s, "server", "10.77.0.1"),
    "server-v6": lambda s: download(s, "server", "fd77::1"),
    "client-v4": lambda s: download(s, "client", "10.77.0.1"),
    "client-v6": lambda s: download(s, "client", "fd77::1"),
    "both-v4": lambda s: download(s, "both", "127.0.0.1", interface="lo"),
    "both-v6": lambda s: download(s, "both", "::1", interface="lo"),
    "iptables": lambda s: download(s, "server", "10.77.0.1", "--network-lock", "iptables"),
    "lossy-server": lambda s: lossy(s, "server", "10.77.0.1", 10),
    "lossy-client": lambda s: lossy(s, "client", "fd77::1", 10),
    "delay-server": lambda s: far(s, "server", "10.78.0.1", 10),
    "delay-client": lambda s: far(s, "client", "fd78::1", 10),
    "reorder-server": lambda s: far(s, "server", "fd78::1", 1, 20, 2),
    "reorder-client": lambda s: far(s, "client", "10.78.0.1", 1, 20, 2),
    "rough-server": lambda s: far(s, "server", "10.78.0.1", 2, 10, 3, 1),
    "rough-client": lambda s: far(s, "client", "10.78.0.1", 2, 10, 3, 1),
}
