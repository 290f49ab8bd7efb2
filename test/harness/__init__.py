# SPDX-License-Identifier: GPL-2.0-only
"""What test/errors, test/harm and test/bench have in common: see README.md."""

import pathlib
import sys

TEST = pathlib.Path(__file__).resolve().parents[1]
REPO = TEST.parent
CRTOOL = REPO / "criu" / "crtool"
HELPERS = REPO / "build" / "test" / "bin"
DUMP = TEST / "dump"  # what runs leave behind while they run; git looks away

sys.path.insert(0, str(TEST / "zdtm"))  # for runner.procs, runner.snapshot
