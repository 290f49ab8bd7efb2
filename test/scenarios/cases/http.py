# SPDX-License-Identifier: GPL-2.0-only
"""python3 -m http.server: a download that goes on, and requests before and after."""

import hashlib
import re
import socket
import urllib.request

from stage import SECONDS, expect, wait_until

PROGRAMS = ("python3",)
MIB = 16


def _fetch(port, name):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{name}", timeout=SECONDS) as answer:
        return answer.read()


def run(stage):
    """A client reads the file in six parts, with the server saved in between."""
    data = b"".join(hashlib.sha256(b"%d" % nr).digest() for nr in range(MIB * 32768))
    stage.file("file").write_bytes(data)
    pid = stage.start("python3", "-u", "-m", "http.server", "--bind", "127.0.0.1", "0")
    port = int(wait_until(lambda: re.search(r"port (\d+)", stage.out()), "the server")[1])
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as client:
        client.sendall(b"GET /file HTTP/1.0\r\n\r\n")
        lines = client.makefile("rb")
        while lines.readline() not in (b"\r\n", b""):
            pass
        got = b""
        for _ in range(3):
            got += lines.read(MIB << 18)
            stage.save_and_bring_back(pid, "--tcp-established")
            expect(_fetch(port, "file") == data, "another request was not answered well")
        got += lines.read()
        expect(got == data, f"{len(got)} bytes came, or not the same ones")
    stage.end(pid)
