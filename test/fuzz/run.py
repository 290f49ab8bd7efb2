#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Runs the fuzzers, built with sanitizers, for some seconds each with a fixed seed. The images that
are mutated are those of a dump made here, if crtool can be run; else only their beginnings.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import suite  # noqa: E402
from harness.scene import Failure, Skip  # noqa: E402
from harness.world import World  # noqa: E402
from runner import procs  # noqa: E402

# Mutations for each unit of --times.
FUZZERS = {"image": 150000, "options": 40000, "proc": 500000}
RUN_SECONDS = 300.0


def corpus(options):
    """A directory with the images of a dump, or None."""
    if os.geteuid():
        return None
    world = World("corpus", options)
    images = pathlib.Path(options.top) / "corpus"
    try:
        scene = world.scene("family")
        images.mkdir()
        world.dump(scene, images=images)
        return images
    except (Failure, Skip, procs.Timeout) as error:
        print(f"no images to begin with: {error}")
        return None
    finally:
        world.close()


def run(options, name, images):
    """True if nothing was found. A crash leaves its input in the current directory."""
    count = FUZZERS[name] * options.times
    words = [f"{options.bin}/{name}", "-s", str(options.seed), "-n", str(count)]
    if name == "image" and images:
        words.append(str(images))
    started = time.monotonic()
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, check=False,
                              timeout=RUN_SECONDS * options.times, capture_output=True, text=True)
        good, said = done.returncode == 0, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        good, said = False, f"still running after {RUN_SECONDS * options.times:g} s"
    print(f"{'PASS' if good else 'FAIL'} fuzz/{name} {time.monotonic() - started:.2f} s "
          f"{said.strip() if good else ''}".rstrip())
    if not good:
        print("".join(f"    {line}\n" for line in said.splitlines()[:60]), end="")
    sys.stdout.flush()
    return good


def main():
    """All of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", required=True, metavar="DIR", help="where the fuzzers are")
    parser.add_argument("--seed", type=int, default=20261121)
    parser.add_argument("--times", type=int, default=1, metavar="N", help="N times as long")
    parser.add_argument("--crtool", metavar="PATH", default=str(suite.CRTOOL))
    options = parser.parse_args()
    options.no_build, options.timeout = True, 30.0
    count = {"passed": 0, "failed": 0}
    prepared = os.geteuid() == 0 and not suite.prepare_worlds(options)
    try:
        images = corpus(options) if prepared else None
        for name in FUZZERS:
            count["passed" if run(options, name, images) else "failed"] += 1
    except KeyboardInterrupt:
        print("interrupted")
        return 130
    finally:
        if prepared:
            suite.clean_up(options)
    print(f"{count['passed']} passed, {count['failed']} failed, 0 skipped")
    return int(count["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
