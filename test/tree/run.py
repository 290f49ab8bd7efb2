#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Trees of processes that have lived at random are dumped and restored: each seed makes one. All of
/proc is compared, then every process looks at itself, and the tree grows on.
"""

import argparse
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True
TEST = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TEST / "zdtm"))

from runner import catalog, pool  # noqa: E402
from runner.case import Plan  # noqa: E402
from runner.report import Report  # noqa: E402

BINARY = TEST.parent / "build" / "test" / "bin" / "make_tree"
CRTOOL = TEST.parent / "criu" / "crtool"


class Tree(catalog.Test):
    """make_tree with a seed."""

    @property
    def full_name(self):
        return self.name

    @property
    def binary(self):
        return BINARY


def tree(seed, size):
    """The test that is this tree."""
    return Tree(
        name=f"tree/seed-{seed}-size-{size}",
        flavours=("h",),
        dump_options=[],
        restore_options=[],
        arguments=[f"--seed={seed}", f"--size={size}"],
        flags=frozenset(),
        features=[],
        arch="",
        cpu_flags=[],
        excuses={},
    )


def parse_arguments(argv):
    """The command line."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first tree")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="seeds to try")
    parser.add_argument("--size", type=int, default=100, metavar="N", help="processes in each")
    parser.add_argument("--iters", type=int, default=1, metavar="N",
                        help="dump and restore each tree N times")
    parser.add_argument("--parallel", type=int, default=1, metavar="N")
    parser.add_argument("--crtool", default=str(CRTOOL), metavar="PATH")
    parser.add_argument("--no-build", action="store_true", help="make_tree is there")
    parser.add_argument("--keep-img", choices=("never", "failed", "always"), default="failed")
    return parser.parse_args(argv)


def main(argv):
    """Returns the exit code."""
    options = parse_arguments(argv)
    if os.geteuid():
        print("run.py: needs root", file=sys.stderr)
        return 2
    build = ["make", "-s", "-C", str(TEST.parent), str(BINARY.relative_to(TEST.parent))]
    if not options.no_build and subprocess.run(build, check=False).returncode:
        return 2
    catalog.DUMP_DIR.mkdir(exist_ok=True)
    report = Report("h")
    plan = Plan(
        criu=str(pathlib.Path(options.crtool).resolve()),
        iterations=options.iters,
        keep_images=options.keep_img,
        timeout=20 + options.size / 10,
    )
    seeds = range(options.seed, options.seed + options.rounds)
    runner = pool.Pool(plan, options.parallel, True, report.add)
    runner.run([tree(seed, options.size) for seed in seeds], lambda test: None)
    print(report.summary())
    return int(report.count("failed") > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
