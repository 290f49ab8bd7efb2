# SPDX-License-Identifier: GPL-2.0-only
"""Command lines that are wrong: exit code 2, and nothing is touched."""

# name, words ({pid} is a tree that runs, {images} an empty directory), lines.
ROWS = (
    ("no-command", "-D {images}", "no command given", "crtool --help lists the commands"),
    ("unknown-command", "dmp -t {pid}", 'unknown command "dmp"', "did you mean dump?"),
    ("unknown-command-far", "frobnicate", 'unknown command "frobnicate"',
     "crtool --help lists the commands"),
    ("command-of-criu", "page-server", "page-server is not available in this version"),
    ("two-commands", "dump restore -t {pid}", 'dump: "restore" is one argument too many',
     "crtool dump --help shows what it takes"),
    ("unknown-option", "dump -t {pid} --leave-runing", "dump: unknown option --leave-runing",
     "did you mean --leave-running?"),
    ("unknown-option-far", "dump -t {pid} --frobnicate", "dump: unknown option --frobnicate",
     "crtool --help lists the options"),
    ("unknown-letter", "dump -t {pid} -q", "dump: unknown option -q",
     "crtool --help lists the options"),
    ("ambiguous-option", "dump -t {pid} --leave", "dump: --leave could be --leave-running, <*>"),
    ("option-of-criu", "dump -t {pid} --force-irmap",
     "dump: --force-irmap is not available in this version"),
    ("option-of-restore", "dump -t {pid} -d",
     "dump: --restore-detached is an option of restore, not of dump"),
    ("option-of-dump", "restore -R",
     "restore: --leave-running is an option of dump, not of restore"),
    ("option-of-check", "dump -t {pid} --extra",
     "dump: --extra is an option of check, not of dump"),
    ("missing-tree", "dump -D {images}", "dump: -t PID is missing",
     "usage: crtool dump -t PID [OPTIONS]"),
    ("value-missing", "dump -t", "dump: --tree needs a PID", "--tree: <*>"),
    ("value-too-much", "dump -t {pid} --leave-running=yes", "dump: --leave-running takes no value"),
    ("value-empty", "dump -t {pid} -D ''", "dump: --images-dir: the DIR is empty"),
    ("pid-text", "dump -t bash", 'dump: --tree: "bash" is not a number from 1 to 4194304'),
    ("pid-zero", "dump -t 0", 'dump: --tree: "0" is not a number from 1 to 4194304'),
    ("pid-negative", "dump -t -5", 'dump: --tree: "-5" is not a number from 1 to 4194304'),
    ("pid-tail", "dump -t {pid}x", 'dump: --tree: "{pid}x" is not a number from 1 to 4194304'),
    ("pid-huge", "dump -t 99999999999999999999",
     'dump: --tree: "99999999999999999999" is not a number from 1 to 4194304'),
    ("timeout-text", "dump -t {pid} --timeout soon",
     'dump: --timeout: "soon" is not a number from 0 to 86400'),
    ("level-text", "dump -t {pid} -vx", 'dump: --verbosity: "x" is not a level',
     "levels are 0 to 4: <*>"),
    ("cpu-cap-text", "dump -t {pid} --cpu-cap=all",
     "dump: --cpu-cap=all is not available in this version",
     "--cpu-cap=none turns the comparison off"),
    ("validation-text", "restore --file-validation md5",
     'restore: --file-validation: "md5" is neither filesize nor buildid'),
    ("contradiction", "dump -t {pid} -R -s",
     "dump: --leave-running and --leave-stopped contradict each other"),
    ("only-with", "restore -S",
     "restore: --restore-sibling is only for use with --restore-detached"),
    ("fault-dump", "dump -t {pid} --fault freeze", 'dump: --fault: there is no step "freeze"',
     "the steps are: check tree, open images, <*>finish"),
    ("fault-restore", "restore --fault finish", 'restore: --fault: there is no step "finish"',
     "the steps are: open images, <*>resume"),
    ("unknown-feature", "check --feature ptrace_ciezed",
     'check: --feature: "ptrace_ciezed" is unknown', "<*>"),
)


def _wrong(world, words, *lines):
    pid = world.scene().pid
    values = {"pid": pid, "images": str(world.images)}
    line = [word.format(**values) if word != "''" else "" for word in words.split()]
    lines = [text.format(**values) for text in lines]
    world.refuses(line, *lines, code=2, log=False)


def _nothing_at_all(world):
    """Without a word the usage is shown: more than one line, but still exit code 2."""
    outcome = world.crtool(log=False)
    if outcome.code != 2 or not outcome.err.startswith("Usage: crtool ") or outcome.out:
        raise AssertionError(outcome)


def add_cases(suite):
    """One for each row."""
    for name, words, *lines in ROWS:
        suite.add(f"usage/{name}", _wrong, words, *lines)
    suite.case("usage/nothing")(_nothing_at_all)
