# SPDX-License-Identifier: GPL-2.0-only
"""What tests there are: the sources below test/zdtm and their .desc files."""

import ast
import dataclasses
import fnmatch
import pathlib
import re
import shlex

FLAVOURS = ("h", "ns", "uns")
FOLDERS = ("static", "transition")
COMPAT = ".32"  # after the name of a test: the same source as a 32-bit program
FLAGS = {"suid", "nouser", "reqrst", "noauto", "crfail", "only32"}
KEYS = set("flavor opts dopts ropts args flags feature arch cpu excuse".split())

TEST_DIR = pathlib.Path(__file__).resolve().parents[2]
ZDTM_DIR = TEST_DIR / "zdtm"
DUMP_DIR = TEST_DIR / "dump"


class CatalogError(Exception):
    """A name that is no test, or a .desc file that is wrong."""


@dataclasses.dataclass
class Test:
    """One test program and what its .desc says."""

    name: str  # static/env00
    flavours: tuple
    dump_options: list
    restore_options: list
    arguments: list
    flags: frozenset
    features: list
    arch: str  # "" for any
    cpu_flags: list
    excuses: dict

    @property
    def full_name(self):
        return "zdtm/" + self.name

    @property
    def short_name(self):
        return self.name.rpartition("/")[2]

    @property
    def binary(self):
        return ZDTM_DIR / self.name

    @property
    def is_compat(self):
        """Is it a 32-bit program?"""
        return self.name.endswith(COMPAT)

    @property
    def is_moving(self):
        """Does it change while it is dumped?"""
        return self.name.startswith("transition/")

    def answers_to(self, name):
        return name in (self.name, self.full_name, self.short_name)

    def is_excused(self, fact):
        """True if the .desc allows FACT (say, status.SigPnd) to differ."""
        return any(fnmatch.fnmatchcase(fact, pattern) for pattern in self.excuses)


def _words(value):
    return shlex.split(value) if isinstance(value, str) else list(value)


def _names(value):
    return value.split() if isinstance(value, str) else list(value)


def _check(path, desc):
    if not isinstance(desc, dict):
        raise CatalogError(f"{path}: not a dictionary")
    unknown = set(desc) - KEYS
    if unknown:
        raise CatalogError(f"{path}: unknown keys: {', '.join(sorted(unknown))}")
    unknown = set(_names(desc.get("flags", ""))) - FLAGS
    if unknown:
        raise CatalogError(f"{path}: unknown flags: {', '.join(sorted(unknown))}")
    unknown = set(_names(desc.get("flavor", ""))) - set(FLAVOURS)
    if unknown:
        raise CatalogError(f"{path}: unknown flavours: {', '.join(sorted(unknown))}")
    excuse = desc.get("excuse", {})
    if not isinstance(excuse, dict) or not all(excuse.values()):
        raise CatalogError(f"{path}: excuse is not a dictionary of fact: reason")


def load_description(path):
    """The dictionary in the .desc file PATH, {} if there is none."""
    try:
        desc = ast.literal_eval(path.read_text())
    except FileNotFoundError:
        return {}
    except (SyntaxError, ValueError) as error:
        raise CatalogError(f"{path}: {error}") from error
    _check(path, desc)
    return desc


def load_test(source):
    """The Test of the source file SOURCE."""
    desc = load_description(source.with_suffix(".desc"))
    both = _words(desc.get("opts", ""))
    return Test(
        name=str(source.with_suffix("").relative_to(ZDTM_DIR)),
        flavours=tuple(_names(desc.get("flavor", "h ns uns"))),
        dump_options=both + _words(desc.get("dopts", "")),
        restore_options=both + _words(desc.get("ropts", "")),
        arguments=_words(desc.get("args", "")),
        flags=frozenset(_names(desc.get("flags", ""))),
        features=_names(desc.get("feature", "")),
        arch=desc.get("arch", ""),
        cpu_flags=_names(desc.get("cpu", "")),
        excuses=desc.get("excuse", {}),
    )


def compat_names():
    """The tests that are also 32-bit programs."""
    lines = (ZDTM_DIR / "compat.list").read_text().splitlines()
    return {line for line in lines if line and not line.startswith("#")}


def compat_test(test):
    """TEST as a 32-bit program."""
    features = [*test.features, "compat_cr"]
    return dataclasses.replace(test, name=test.name + COMPAT, arch="x86_64", features=features)


def load_all():
    """Every test, by name."""
    sources = [path for folder in FOLDERS for path in (ZDTM_DIR / folder).glob("*.c")]
    tests = [load_test(source) for source in sorted(sources)]
    wanted = compat_names()
    unknown = wanted - {test.name for test in tests}
    if unknown:
        raise CatalogError(f"compat.list: no test is called {', '.join(sorted(unknown))}")
    native = [test for test in tests if "only32" not in test.flags]
    return native + [compat_test(test) for test in tests if test.name in wanted]


def find(tests, name):
    """The test with one of the three forms of NAME."""
    found = [test for test in tests if test.answers_to(name)]
    if not found:
        raise CatalogError(f"no test is called {name}: see zdtm.py list")
    if len(found) > 1:
        raise CatalogError(f"which {name}: {', '.join(test.name for test in found)}")
    return found[0]


def select(names, regex, everything, excluded):
    """The tests that a command line asks for, in the order of the catalogue."""
    tests = load_all()
    wanted = {find(tests, name).name for name in names}
    if regex:
        wanted |= {test.name for test in tests if re.search(regex, test.full_name)}
    if everything:
        wanted |= {test.name for test in tests if "noauto" not in test.flags}
    unwanted = {find(tests, name).name for name in excluded}
    return [test for test in tests if test.name in wanted - unwanted]
