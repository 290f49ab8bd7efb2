# SPDX-License-Identifier: GPL-2.0-only
"""redis-server with an append-only file, and fifty clients that never pause: ten times."""

import threading
import time

from cases.redis import Client, answers
from stage import expect, free_port, wait_until

PROGRAMS = ("redis-server",)
CLIENTS, TALKERS, TIMES, EACH_TURN = 50, 5, 10, 40


class Worker(threading.Thread):
    """A client, which counts what was acknowledged."""

    def __init__(self, port, name):
        super().__init__(daemon=True)
        self.client, self.key = Client(port), f"counter{name}"
        self.acknowledged, self.error, self.stop = 0, None, False

    def run(self):
        try:
            self.work()
        except (OSError, ValueError) as error:
            self.error = error

    def hear(self, answer):
        """An increment was acknowledged."""
        if answer != f":{self.acknowledged + 1}":
            raise ValueError(f"{self.key}: {answer!r} instead of {self.acknowledged + 1}")
        self.acknowledged += 1

    def work(self):
        """A command when the one before was answered."""
        while not self.stop:
            self.hear(self.client.ask("INCR", self.key))
            if self.client.ask("SET", f"{self.key}:{self.acknowledged % 100}", "x" * 2000) != "+OK":
                raise ValueError(f"{self.key}: SET")
            time.sleep(0.001)


class Talker(Worker):
    """One that does not wait for answers: it sends also while the server is away."""

    def __init__(self, port, name):
        super().__init__(port, name)
        self.asked, self.done = 0, False

    def work(self):
        talk = threading.Thread(target=self.talk, daemon=True)
        talk.start()
        while not self.done or self.acknowledged < self.asked:
            self.hear(self.client.lines.readline().decode().strip())
        talk.join()

    def talk(self):
        """Until it is to stop."""
        try:
            while not self.stop:
                self.asked += 1
                self.client.socket.sendall(f"INCR {self.key}\r\n".encode())
                time.sleep(0.002)
        except OSError as error:
            self.error = error
        self.asked += 1
        self.done = True
        self.client.socket.sendall(f"INCR {self.key}\r\n".encode())


def run(stage):
    """No client sees an error, each increment happens once, and the file on disk has them all."""
    port = free_port()
    command = ("redis-server", "--port", port, "--save", "", "--appendonly", "yes", "--appendfsync",
               "everysec", "--dir", stage.top)
    pid = stage.start(*command)
    wait_until(lambda: answers(port), "the server to listen")
    workers = [(Talker if nr < TALKERS else Worker)(port, nr) for nr in range(CLIENTS)]
    for worker in workers:
        worker.start()
    for turn in range(TIMES):
        goals = [worker.acknowledged + EACH_TURN for worker in workers]
        wait_until(lambda: all(w.acknowledged >= g or w.error for w, g in zip(workers, goals)),
                   f"all clients to go on, time {turn}")
        stage.save_and_bring_back(pid, "--tcp-established")
    for worker in workers:
        worker.stop = True
    for worker in workers:
        worker.join(20)
        expect(not worker.is_alive() and not worker.error, f"a client: {worker.error}")
    for again in range(2):
        client = Client(port)
        for worker in workers:
            got = client.ask("GET", worker.key)
            expect(got == str(worker.acknowledged),
                   f"{worker.key}: {worker.acknowledged} acknowledged, {got} found")
        client.socket.close()
        if not again:  # and from the disk
            for worker in workers:
                worker.client.socket.close()
            Client(port).socket.sendall(b"SHUTDOWN NOSAVE\r\n")
            stage.wait_gone([pid])
            pid = stage.start(*command)
            wait_until(lambda: answers(port) and Client(port).ask("PING") == "+PONG",
                       "the server to have read its file")
    stage.end(pid)
