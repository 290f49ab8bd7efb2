# SPDX-License-Identifier: GPL-2.0-only
"""redis-server with a GiB and a client that never rests: how long does it wait for an answer?"""

import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

from bench import frozen_seconds
from harness.scene import Failure
from runner import procs

SECONDS = 60.0
KEYS = 1000000
VALUE_BYTES = 1000
BUSY = ("-c", "4", "-n", "100000000", "-t", "set,get", "-r", str(KEYS), "-q")


def is_there():
    """All that is needed is installed."""
    return shutil.which("redis-server") and shutil.which("redis-benchmark")


def _free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Client:
    """A connection, and commands one after the other."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.lines = self.socket.makefile("rb")
        self.over = False
        self.longest = 0.0

    def ask(self, *words):
        """The first line of the answer, or the text that it announces."""
        parts = [f"*{len(words)}\r\n"] + [f"${len(w)}\r\n{w}\r\n" for w in map(str, words)]
        self.socket.sendall("".join(parts).encode())
        answer = self.lines.readline().decode().strip()
        if answer.startswith("-"):
            raise Failure(f"redis: {' '.join(map(str, words))}: {answer}")
        if answer.startswith("$"):
            return self.lines.read(int(answer[1:]) + 2).decode()
        return answer

    def info(self, name):
        """A number of INFO."""
        return int(re.search(rf"^{name}:(\d+)", self.ask("INFO"), re.MULTILINE).group(1))

    def never_rest(self):
        """Until it is over."""
        while not self.over:
            started = time.perf_counter()
            self.ask("INCR", "turns")
            self.longest = max(self.longest, time.perf_counter() - started)


def _longest_wait(port, work):
    """Milliseconds, while the work is done."""
    client = Client(port)
    thread = threading.Thread(target=client.never_rest)
    thread.start()
    try:
        work()
    finally:
        client.over = True
        thread.join()
        client.socket.close()
    return client.longest * 1e3


def _save(client):
    """As redis does it."""
    saves = client.info("rdb_saves")
    client.ask("BGSAVE")
    procs.wait_until(lambda: client.info("rdb_saves") > saves
                     and not client.info("rdb_bgsave_in_progress"), SECONDS, "BGSAVE")


def _answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def stalls(live):
    """(what, milliseconds, limit), of a server that is loaded all the time. What a dump of
    connections drops is sent again after 200 ms at the least, however short it was."""
    port = _free_port()
    pathlib.Path(live.top, "dump.rdb").unlink(missing_ok=True)  # it would be loaded
    line = ["redis-server", "--port", str(port), "--save", "", "--dir", str(live.top),
            "--enable-debug-command", "yes", "--rdbcompression", "no"]
    with open("/dev/null", "r+b") as null, \
         subprocess.Popen(line, stdin=null, stdout=null, stderr=null,
                          start_new_session=True) as server:
        try:
            procs.wait_until(lambda: _answers(port), SECONDS, "redis to listen")
            client = Client(port)
            client.ask("DEBUG", "POPULATE", KEYS, "key", VALUE_BYTES)
            _save(client)  # the first fork needs memory for page tables that may be cold
            with subprocess.Popen(["redis-benchmark", "-p", str(port), *BUSY], stdout=null,
                                  stderr=null) as busy:
                try:
                    idle = _longest_wait(port, lambda: time.sleep(1))
                    dump = _longest_wait(port, lambda: live.run(
                        "dump", "redis", server.pid, "-R", "--tcp-established"))
                    own = _longest_wait(port, lambda: _save(client))
                    fork = client.info("latest_fork_usec") / 1e3
                finally:
                    busy.kill()
        finally:
            server.kill()
    size = sum(path.stat().st_size for path in pathlib.Path(live.top).glob("redis/pages-*.img"))
    frozen = frozen_seconds(pathlib.Path(live.top) / "redis" / "stats-dump") * 1e3
    name = f"redis, {size / 2 ** 30:.1f} GiB"
    return ((f"{name}: longest wait for an answer", idle, None),
            (f"{name}: dump -R: frozen", frozen, None),
            (f"{name}: the same during dump -R", dump, 70),
            (f"{name}: the same during BGSAVE", own, None),
            (f"{name}: fork of BGSAVE", fork, None))
