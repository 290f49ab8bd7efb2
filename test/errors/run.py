#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Bad input: one clear line, the right exit code, and nothing lost. See README.md."""

import importlib
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from harness import suite  # noqa: E402


def main():
    """All cases of all modules in cases/."""
    options = suite.parser(__doc__).parse_args()
    cases = suite.Suite()
    for path in sorted((HERE / "cases").glob("*.py")):
        if path.stem != "__init__":
            importlib.import_module(f"cases.{path.stem}").add_cases(cases)
    return suite.main(cases, options)


if __name__ == "__main__":
    sys.exit(main())
