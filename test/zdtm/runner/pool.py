# SPDX-License-Identifier: GPL-2.0-only
"""Runs tests side by side, each in a process of its own that reaps and kills all it started."""

import dataclasses
import json
import os
import selectors
import signal
import sys
import time
import traceback

from . import case, procs


@dataclasses.dataclass
class Result:
    """How one test ended."""

    test: object
    verdict: str  # "passed", "failed" or "skipped"
    text: str
    seconds: float


class Worker:
    """A child process that runs one test and writes [verdict, text] into a pipe."""

    def __init__(self, test, plan):
        self.test = test
        self.started = time.monotonic()
        self.fd, write_end = os.pipe()
        parent = os.getpid()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._child(parent, write_end, plan)
        os.close(write_end)
        self.data = b""

    def _child(self, parent, write_end, plan):
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, self._interrupted)
            procs.die_with_parent(parent)
            procs.become_reaper()
            try:
                result = case.run_case(self.test, plan)
            except Exception:  # a mistake of the runner is a failure of this test only
                result = ("failed", traceback.format_exc())
            data = json.dumps(result).encode()
            while data:
                data = data[os.write(write_end, data) :]
        finally:
            os._exit(0)

    @staticmethod
    def _interrupted(_signal, _frame):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit

    def read(self):
        """Takes what is in the pipe. Returns False when all was there."""
        part = os.read(self.fd, 65536)
        self.data += part
        return bool(part)

    def finish(self):
        """Returns the Result."""
        os.close(self.fd)
        os.waitpid(self.pid, 0)
        seconds = time.monotonic() - self.started
        if not self.data:
            return Result(self.test, "failed", "the process that ran the test has died", seconds)
        verdict, text = json.loads(self.data)
        return Result(self.test, verdict, text, seconds)


class Pool:
    """At most WIDTH tests at a time."""

    def __init__(self, plan, width, keep_going, report):
        self.plan = plan
        self.width = width
        self.keep_going = keep_going
        self.report = report  # called with each Result
        self.workers = {}
        self.selector = selectors.DefaultSelector()

    def run(self, tests, skip_reason):
        """Runs TESTS. SKIP_REASON(test) is a text for those that cannot run. Returns those left."""
        waiting = list(tests)
        procs.become_reaper()
        try:
            while waiting or self.workers:
                while waiting and len(self.workers) < self.width:
                    self._begin(waiting.pop(0), skip_reason)
                if self._wait() and not self.keep_going:
                    while self.workers:
                        self._wait()
                    return waiting
        finally:
            self._stop()
        return []

    def _begin(self, test, skip_reason):
        reason = skip_reason(test)
        if reason:
            self.report(Result(test, "skipped", reason, 0.0))
            return
        worker = Worker(test, self.plan)
        self.workers[worker.pid] = worker
        self.selector.register(worker.fd, selectors.EVENT_READ, worker)

    def _wait(self):
        """Handles one round of events. True if a test has failed."""
        failed = False
        if not self.workers:
            return failed
        for key, _ in self.selector.select():
            worker = key.data
            if worker.read():
                continue
            self.selector.unregister(key.fd)  # before it is closed: later workers have copies
            del self.workers[worker.pid]
            result = worker.finish()
            failed |= result.verdict == "failed"
            self.report(result)
            procs.kill_all(spared=self.workers)
        return failed

    def _stop(self):
        """Ends the workers that are left, and lets them end what they started."""
        for pid in self.workers:
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 10
        while self.workers and time.monotonic() < deadline:
            for pid in [pid for pid in procs.reap() if pid in self.workers]:
                del self.workers[pid]
            time.sleep(0.01)
        procs.kill_all()
