#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Programs that people use, saved and brought back. See README.md."""

import importlib
import pathlib
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from harness import suite  # noqa: E402
import stage  # noqa: E402


def main():
    """Each file of cases/ is one scenario."""
    options = suite.parser(__doc__).parse_args()
    scenarios = suite.Suite()
    for path in sorted((HERE / "cases").glob("*.py")):
        if path.stem != "__init__":
            scenario = importlib.import_module(f"cases.{path.stem}")
            scenarios.add(path.stem, stage.run, scenario)
    return suite.main(scenarios, options)


if __name__ == "__main__":
    sys.exit(main())
