#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Lists and runs the zdtm tests: see Documentation/howto-test.md."""

import argparse
import fcntl
import functools
import os
import pathlib
import platform
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "zdtm"))

from runner import catalog, pool, procs  # noqa: E402
from runner.case import Plan  # noqa: E402
from runner.report import Report  # noqa: E402

DEFAULT_CRIU = catalog.TEST_DIR.parent / "criu" / "crtool"


def fault(text):
    """The argument of --fault: dump:STEP or restore:STEP."""
    command, colon, step = text.partition(":")
    if command not in ("dump", "restore") or not colon or not step:
        raise argparse.ArgumentTypeError("dump:STEP or restore:STEP expected")
    return command, step


def positive(text):
    """A number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number of at least 1 expected")
    return int(text)


def add_run_options(run):
    """The options of `zdtm.py run`."""
    run.add_argument("-t", "--test", action="append", default=[], metavar="NAME",
                     help="zdtm/static/env00, static/env00 or env00; may be repeated")
    run.add_argument("-T", "--tests", metavar="REGEX", help="all whose name matches")
    run.add_argument("-a", "--all", action="store_true", help="all, except those marked noauto")
    run.add_argument("-x", "--exclude", action="append", default=[], metavar="NAME")
    run.add_argument("-f", "--flavor", choices=catalog.FLAVOURS, default="h",
                     help="h: on the host, ns: in namespaces, uns: in a user namespace too")
    run.add_argument("-p", "--parallel", type=positive, default=1, metavar="N")
    run.add_argument("--iters", type=positive, default=1, metavar="N",
                     help="dump and restore each test N times")
    run.add_argument("--pre-dumps", "--pre", type=positive, default=0, metavar="N",
                     help="make N pre-dumps before each dump, which builds upon them")
    run.add_argument("--dedup", type=int, default=0, metavar="N",
                     help="before the restore, deduplicate from the Nth pre-dump on; -1: each dump "
                     "does it (--auto-dedup)")
    run.add_argument("--pause", type=float, default=0.0, metavar="SECONDS",
                     help="let it run for a random time up to that before each dump and pre-dump")
    mode = run.add_mutually_exclusive_group()
    mode.add_argument("--norst", action="store_true", help="dump with -R, no restore")
    mode.add_argument("--snapshot", action="store_true",
                      help="dump with -R, then kill the tree, and restore it")
    mode.add_argument("--nocr", action="store_true", help="no dump: does the test itself pass?")
    run.add_argument("--keep-img", choices=("never", "failed", "always"), default="failed")
    run.add_argument("--keep-going", action=argparse.BooleanOptionalAction, default=True,
                     help="go on after a failure")
    run.add_argument("--report", metavar="DIR", help="write junit xml there")
    run.add_argument("--criu-bin", default=str(DEFAULT_CRIU), metavar="PATH")
    run.add_argument("--fault", type=fault, default=("", ""), metavar="COMMAND:STEP",
                     help="let a step of dump or restore fail, and see that no harm is done")
    run.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS",
                     help="how long each command and each answer may take")
    run.add_argument("--build", action=argparse.BooleanOptionalAction, default=True,
                     help="make the test programs first")


def parse_arguments(argv):
    """The command line; argparse ends with 2 on mistakes."""
    parser = argparse.ArgumentParser(prog="zdtm.py", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    listing = commands.add_parser("list", help="print the names of the tests")
    listing.add_argument("-f", "--flavor", choices=catalog.FLAVOURS)
    run = commands.add_parser("run", help="run tests")
    add_run_options(run)
    options = parser.parse_args(argv)
    if options.command == "run":
        if not (options.test or options.tests or options.all):
            run.error("which tests? -t NAME, -T REGEX or -a")
        if options.fault[0] and (options.nocr or options.norst):
            run.error("--fault needs a dump and a restore")
        if options.fault[0] and options.iters > 1:
            run.error("--fault goes with one iteration")
    return options


def command_list(options):
    """zdtm.py list"""
    for test in catalog.load_all():
        if not options.flavor or options.flavor in test.flavours:
            print(test.full_name)
    return 0


def build():
    """Makes the test programs; True if all are there."""
    command = ["make", "-s", "-C", str(catalog.ZDTM_DIR), f"-j{os.cpu_count() or 1}"]
    with open(catalog.ZDTM_DIR / "Makefile", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another run may want to build, too
        return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0


@functools.cache
def has_feature(criu, name):
    """Does crtool say that the kernel has feature NAME?"""
    code, _ = procs.run([criu, "check", "--feature", name], "/", 30)
    return code == 0


@functools.cache
def cpu_flags():
    """What the processor can do, as /proc/cpuinfo names it."""
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith(("flags", "Features")):
            return frozenset(line.split(":", 1)[1].split())
    return frozenset()


def missing_hardware(test):
    """Why this machine is not the one that TEST is for, None if it is."""
    if test.arch and test.arch != platform.machine():
        return f"only for {test.arch}"
    missing = [flag for flag in test.cpu_flags if flag not in cpu_flags()]
    return f"the processor has no {missing[0]}" if missing else None


def skip_reason(options, test):
    """Why TEST cannot run here, None if it can."""
    if options.flavor not in test.flavours:
        return f"not for flavour {options.flavor}"
    if options.flavor != "h":
        return f"flavour {options.flavor}: not available"
    if os.geteuid() and ("suid" in test.flags or "nouser" in test.flags):
        return "needs root"
    if "reqrst" in test.flags and (options.nocr or options.norst):
        return "needs a restore"
    if "crfail" in test.flags and (options.norst or options.fault[0]):
        return "its dump has to be refused"
    if missing_hardware(test):
        return missing_hardware(test)
    if test.is_compat and not test.binary.exists():
        return "no 32-bit C library (libc6-dev-i386)"
    if not options.nocr or os.access(options.criu_bin, os.X_OK):
        for name in test.features:
            if not has_feature(options.criu_bin, name):
                return f"feature {name} is missing"
    return None


def make_plan(options):
    """The options as the workers need them."""
    return Plan(
        criu=str(pathlib.Path(options.criu_bin).resolve()),
        iterations=options.iters,
        mode=next((m for m in ("nocr", "norst", "snapshot") if getattr(options, m)), "full"),
        keep_images=options.keep_img,
        fault_command=options.fault[0],
        fault_step=options.fault[1],
        pre_dumps=options.pre_dumps,
        dedup=options.dedup,
        pause=options.pause,
        timeout=options.timeout,
    )


def prepare_dump_dir():
    """test/dump holds what runs leave behind; git is told to look away."""
    catalog.DUMP_DIR.mkdir(exist_ok=True)
    ignore = catalog.DUMP_DIR / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")


def command_run(options):
    """zdtm.py run"""
    tests = catalog.select(options.test, options.tests, options.all, options.exclude)
    if not tests:
        print("zdtm.py: no test matches", file=sys.stderr)
        return 2
    if not options.nocr and not os.access(options.criu_bin, os.X_OK):
        print(f"zdtm.py: {options.criu_bin}: build it, or use --criu-bin", file=sys.stderr)
        return 2
    if options.build and not build():
        print("zdtm.py: the test programs cannot be built", file=sys.stderr)
        return 2
    prepare_dump_dir()
    report = Report(options.flavor)
    runner = pool.Pool(make_plan(options), options.parallel, options.keep_going, report.add)
    interrupted = False
    try:
        left = runner.run(tests, functools.partial(skip_reason, options))
        if left:
            print(f"stopped at the first failure, {len(left)} not run")
    except KeyboardInterrupt:
        interrupted = True
        print("interrupted")
    if options.report:
        report.write_junit(options.report)
    print(report.summary())
    return 130 if interrupted else int(report.count("failed") > 0)


def main(argv):
    """Runs the command. Returns the exit code: 0, 1 (a test has failed) or 2 (usage)."""
    options = parse_arguments(argv)
    try:
        return command_list(options) if options.command == "list" else command_run(options)
    except catalog.CatalogError as error:
        print(f"zdtm.py: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
