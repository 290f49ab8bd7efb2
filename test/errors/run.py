#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Bad input: one clear line, the right exit code, and nothing lost. See README.md."""

import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from harness import suite  # noqa: E402
from cases import blockers, files, images, pids, setup, sockets, space, targets  # noqa: E402
from cases import terminals, trial, usage  # noqa: E402
from cases import blockers, files, images, pids, setup, space, sysv, targets, usage  # noqa: E402


def main():
    """All cases, from what needs least to what needs most."""
    options = suite.parser(__doc__).parse_args()
    cases = suite.Suite()
    for module in (usage, setup, targets, blockers, sockets, space, images, files,
                   terminals, trial, pids):
    for module in (usage, setup, targets, blockers, space, images, files, sysv, pids):
        module.add_cases(cases)
    return suite.main(cases, options)


if __name__ == "__main__":
    sys.exit(main())
