# SPDX-License-Identifier: GPL-2.0-only
"""What a run prints, and the same for machines."""

import pathlib
import sys
import xml.etree.ElementTree as xml

WORDS = {"passed": "PASS", "failed": "FAIL", "skipped": "SKIP"}


class Report:
    """Collects the results of a run."""

    def __init__(self, flavour):
        self.flavour = flavour
        self.results = []

    def add(self, result):
        """Prints a result as it comes in."""
        self.results.append(result)
        line = f"{WORDS[result.verdict]} {result.test.full_name} {self.flavour}"
        if result.verdict == "skipped":
            print(f"{line}: {result.text}")
        else:
            print(f"{line} {result.seconds:.2f} s")
        if result.verdict == "failed":
            print("".join(f"    {text}\n" for text in result.text.splitlines()), end="")
        sys.stdout.flush()

    def count(self, verdict):
        return sum(result.verdict == verdict for result in self.results)

    def summary(self):
        """The last line of a run."""
        words = ("passed", "failed", "skipped")
        return ", ".join(f"{self.count(word)} {word}" for word in words)

    def write_junit(self, directory):
        """DIRECTORY/zdtm-FLAVOUR.xml, in the form that continuous integration reads."""
        suite = xml.Element(
            "testsuite",
            name=f"zdtm-{self.flavour}",
            tests=str(len(self.results)),
            failures=str(self.count("failed")),
            errors="0",
            skipped=str(self.count("skipped")),
            time=f"{sum(result.seconds for result in self.results):.3f}",
        )
        for result in self.results:
            self._junit_case(suite, result)
        path = pathlib.Path(directory)
        path.mkdir(parents=True, exist_ok=True)
        tree = xml.ElementTree(suite)
        xml.indent(tree)
        tree.write(path / f"zdtm-{self.flavour}.xml", encoding="utf-8", xml_declaration=True)

    def _junit_case(self, suite, result):
        folder, _, name = result.test.full_name.rpartition("/")
        seconds = f"{result.seconds:.3f}"
        case = xml.SubElement(
            suite, "testcase", classname=folder.replace("/", "."), name=name, time=seconds
        )
        clean = "".join(c if c.isprintable() or c in "\n\t" else "?" for c in result.text)
        first = clean.split("\n", 1)[0]
        if result.verdict == "failed":
            xml.SubElement(case, "failure", message=first).text = clean
        elif result.verdict == "skipped":
            xml.SubElement(case, "skipped", message=first)
