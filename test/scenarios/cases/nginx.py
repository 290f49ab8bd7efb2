# SPDX-License-Identifier: GPL-2.0-only
"""nginx: a master and its workers, listening, with a connection that is kept alive."""

import http.client
import socket

from stage import SECONDS, expect, free_port, wait_until

PROGRAMS = ("nginx",)
CONFIG = """
daemon off; worker_processes 2; pid nginx.pid; error_log error.log;
events {{ worker_connections 64; }}
http {{
	access_log off; client_body_temp_path body; proxy_temp_path proxy;
	fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	keepalive_timeout 600;
	server {{ listen 127.0.0.1:{port}; root www; }}
}}
"""


def _get(connection):
    connection.request("GET", "/index.html")
    return connection.getresponse().read()


def _answers(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def run(stage):
    """The same connection, and new ones, get the page after each of three restores."""
    port = free_port()
    stage.file("www").mkdir()
    for name in ("", "www"):
        stage.file(name).chmod(0o755)
    stage.file("www/index.html").write_text("hello\n")
    stage.file("nginx.conf").write_text(CONFIG.format(port=port))
    pid = stage.start("nginx", "-p", stage.top, "-c", "nginx.conf", "-e", "error.log", "-g",
                      "user root;")
    wait_until(lambda: _answers(port), "nginx to listen")
    kept = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    for _ in range(3):
        expect(_get(kept) == b"hello\n", "the page on the connection that is kept")
        stage.save_and_bring_back(pid, "--tcp-established")
        expect(_get(kept) == b"hello\n", "the page after the restore")
        for _ in range(20):
            new = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
            expect(_get(new) == b"hello\n", "the page on a new connection")
            new.close()
    kept.close()
    stage.end(pid)
