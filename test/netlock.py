#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
TCP connections between two hosts, which are two network namespaces with a cable between them
(test/cable). One side is dumped, killed, kept away and restored, under load. All bytes arrive, a
capture has no reset and no more packets than must be, and what crtool has put into the firewall is
gone afterwards. Also: `crtool gc`, and crtool killed at random moments.

    test/netlock.py [--full] [--only PATTERN] [--kills 20] [--list]
"""

import argparse
import concurrent.futures
import pathlib
import re
import shutil
import subprocess
import sys
import time
import traceback

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE)]

from cable import download, locks  # noqa: E402
from cable.hosts import REPO, Failure, Hosts  # noqa: E402
from cable.scene import Scene  # noqa: E402

CASES = {**download.CASES, **locks.CASES}
TOOLS = ("ip", "nft", "iptables", "nsenter")


def case_run(name, options):
    """Whether it has passed, and a line for it."""
    started = time.monotonic()
    with Hosts() as hosts:
        scene = Scene(hosts, options)
        try:
            text = CASES[name](scene)
            scene.close()
        except (Failure, OSError, AssertionError) as e:
            return False, f"FAIL {name}: {e}\n    see {scene.dir}"
        except Exception:
            return False, f"FAIL {name}: {traceback.format_exc()}\n    see {scene.dir}"
    return True, f"PASS {name} {time.monotonic() - started:.1f} s{f': {text}' if text else ''}"


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--full", action="store_true",
                        help="a GiB, kept away for ten seconds, five times")
    parser.add_argument("--mib", type=int, default=48, help="size of a download")
    parser.add_argument("--away", type=float, default=1, help="seconds without the dumped one")
    parser.add_argument("--times", type=int, default=2, help="how often it is dumped")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--parallel", type=int, default=4, help="most of the time they wait")
    parser.add_argument("--only", default="")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--no-build", action="store_true", help="the helpers are there")
    options = parser.parse_args()
    if options.full:
        options.mib, options.away, options.times = 1024, 10, 5
    return options


def trouble(options):
    """Why nothing can be tested, or None."""
    for tool in TOOLS:
        if not shutil.which(tool):
            return f"there is no {tool}: scripts/install-packages test"
    if not options.no_build and subprocess.run(["make", "-s", "-C", REPO, "helpers"],
                                               check=False).returncode:
        return "the helpers cannot be built"
    return None


def main():
    options = parse()
    names = [n for n in CASES if re.search(options.only, n)]
    if options.list:
        print("\n".join(names))
        return 0
    why = trouble(options)
    if why:
        print(f"FAIL all: {why}\n0 passed, {len(names)} failed")
        return 1
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.parallel) as pool:
        for ok, text in pool.map(lambda name: case_run(name, options), names):
            failed += not ok
            print(text, flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
