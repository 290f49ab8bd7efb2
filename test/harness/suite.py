# SPDX-License-Identifier: GPL-2.0-only
"""Runs cases one after the other, each in a World of its own, and reports."""

import argparse
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

from runner import procs

from . import CRTOOL, DUMP, REPO
from .scene import Failure, Skip
from .world import World, private_mounts, unmount_below


class Suite:
    """The cases of a script, in the order in which they are to run."""

    def __init__(self):
        self.cases = {}

    def case(self, name):
        """Decorates a function that takes a World."""

        def add(function):
            if name in self.cases:
                raise ValueError(f"two cases {name}")
            self.cases[name] = function
            return function

        return add

    def add(self, name, function, *arguments, **more):
        """A row of a table: FUNCTION(world, ARGUMENTS...)."""

        def run(world):
            return function(world, *arguments, **more)

        self.case(name)(run)


def parser(description):
    """The options that all scripts have."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("-k", metavar="PATTERN", default="", help="only cases that match")
    options.add_argument("-v", action="store_true", help="show what crtool says")
    options.add_argument("-l", "--list", action="store_true", help="print the names of the cases")
    options.add_argument("--crtool", metavar="PATH", default=str(CRTOOL))
    options.add_argument("--timeout", type=float, default=15.0, metavar="SECONDS",
                         help="how long each run of crtool may take")
    options.add_argument("--no-build", action="store_true", help="the helpers are there")
    return options


def build(*targets):
    """Makes the helpers; True if all are there."""
    command = ["make", "-s", "-C", str(REPO), *targets]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0


def _end(_signal, _frame):
    raise KeyboardInterrupt


def prepare_programs(options):
    """What every script needs before it starts processes. None, or why it cannot run."""
    options.crtool = str(pathlib.Path(options.crtool).resolve())
    if not options.no_build and not build("helpers"):
        return "the helpers cannot be built"
    if not os.access(options.crtool, os.X_OK):
        return f"{options.crtool}: build it, or use --crtool"
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    DUMP.mkdir(exist_ok=True)
    ignore = DUMP / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    os.umask(0o022)
    procs.become_reaper()
    return None


def prepare_worlds(options):
    """And what Worlds need."""
    trouble = prepare_programs(options)
    if not trouble:
        options.top = pathlib.Path(tempfile.mkdtemp(prefix="harm.", dir=DUMP))
        options.top.chmod(0o755)
        private_mounts()
    return trouble


def clean_up(options):
    """Nothing stays, and nothing can interrupt that."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    procs.kill_all()
    unmount_below(options.top)
    shutil.rmtree(options.top, ignore_errors=True)


def run_case(name, function, options):
    """Returns (verdict, text, what crtool said)."""
    world = World(name, options)
    try:
        text = function(world)
        return "passed", text or "", world.said
    except Skip as reason:
        return "skipped", str(reason), world.said
    except (Failure, procs.Timeout) as error:
        return "failed", str(error), world.said
    except Exception:  # a mistake of the test is a failure of this case only
        return "failed", traceback.format_exc(), world.said
    finally:
        world.close()


def show(name, verdict, text, seconds, said):
    """The lines of one case."""
    word = {"passed": "PASS", "failed": "FAIL", "skipped": "SKIP"}[verdict]
    if verdict == "skipped":
        print(f"{word} {name}: {text}")
    else:
        note = f" {text}" if verdict == "passed" and text else ""
        print(f"{word} {name} {seconds:.2f} s{note}")
    if verdict == "failed":
        print("".join(f"    {line}\n" for line in text.splitlines()), end="")
    for line in said:
        print(f"    | {line}")
    sys.stdout.flush()


def main(suite, options):
    """Runs the cases that were asked for. Returns the exit code: 0, 1 (failures) or 2."""
    names = [name for name in suite.cases if re.search(options.k, name)]
    if options.list:
        print("\n".join(names))
        return 0
    if not names:
        print(f"no case matches {options.k}", file=sys.stderr)
        return 2
    count = {"passed": 0, "failed": 0, "skipped": 0}
    if os.geteuid():
        print("needs root")
        count["skipped"] = len(names)
    else:
        trouble = prepare_worlds(options)
        if trouble:
            print(trouble, file=sys.stderr)
            return 2
    interrupted = _run_all(suite, [] if os.geteuid() else names, options, count)
    print(", ".join(f"{number} {word}" for word, number in count.items()))
    return 130 if interrupted else int(count["failed"] > 0)


def _run_all(suite, names, options, count):
    try:
        for name in names:
            started = time.monotonic()
            verdict, text, said = run_case(name, suite.cases[name], options)
            count[verdict] += 1
            show(name, verdict, text, time.monotonic() - started, said if options.v else [])
    except KeyboardInterrupt:
        print("interrupted")
        return True
    finally:
        if names:
            clean_up(options)
    return False
