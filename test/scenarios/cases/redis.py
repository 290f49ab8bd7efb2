# SPDX-License-Identifier: GPL-2.0-only
"""redis-server with data, a client that stays connected, and others that keep it busy."""

import socket
import subprocess

from stage import SECONDS, expect, free_port, wait_until

PROGRAMS = ("redis-server", "redis-benchmark")
KEYS = 500


def answers(port):
    """Somebody listens there."""
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Client:
    """A connection, and commands one after the other."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.lines = self.socket.makefile("rb")

    def ask(self, *words):
        """A simple answer, or the text of a string."""
        parts = [f"*{len(words)}\r\n"] + [f"${len(w)}\r\n{w}\r\n" for w in map(str, words)]
        self.socket.sendall("".join(parts).encode())
        answer = self.lines.readline().decode().strip()
        return self.lines.readline().decode().strip() if answer.startswith("$") else answer


def run(stage):
    """No request is lost, none is answered wrongly, whenever the server is saved."""
    port = free_port()
    pid = stage.start("redis-server", "--port", port, "--save", "", "--dir", stage.top)
    wait_until(lambda: answers(port), "the server to listen")
    client = Client(port)
    for nr in range(KEYS):
        expect(client.ask("SET", f"key{nr}", f"value{nr}") == "+OK", f"SET key{nr}")
    for turn in range(3):
        with subprocess.Popen(["redis-benchmark", "-p", str(port), "-n", "40000", "-c", "20", "-t",
                               "set,get", "-q"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True) as busy:
            wait_until(lambda: int(client.ask("INCR", f"turn{turn}")[1:]) > 200, "some load")
            stage.save_and_bring_back(pid, "--tcp-established")
            text = busy.communicate(timeout=4 * SECONDS)[0]
            expect(busy.returncode == 0 and "rror" not in text, f"redis-benchmark: {text}")
        for nr in range(KEYS):
            got = client.ask("GET", f"key{nr}")
            expect(got == f"value{nr}", f"key{nr} is {got}")
    client.socket.close()
    stage.end(pid)
