"""`tools/mitos test`: pytest over tests/, the result in JUnit XML, and a last line that counts."""

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

from .errors import Problem

TESTS = os.path.normpath(os.path.join(os.path.dirname(__file__), "../../tests"))

MACHINE = ("smp", "mem", "fork")


def add_options(parser):
    """The machine options reach the tests as MITOS_SMP and so on: tests/support.py."""
    parser.add_argument("-k", dest="pattern", metavar="PATTERN", help="only the tests that match")
    for name, text in zip(MACHINE, ("processors", "memory", "the mode of fork")):
        parser.add_argument(f"--{name}", metavar=name.upper(),
                            help=f"{text}, where a test does not choose for itself")


def summary(junit):
    """`N passed, N failed`, and the skipped where there are any, from the XML that pytest wrote."""
    counts = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for suite in ElementTree.parse(junit).getroot().iter("testsuite"):
        for key in counts:
            counts[key] += int(suite.get(key, 0))
    failed = counts["failures"] + counts["errors"]
    passed = counts["tests"] - failed - counts["skipped"]
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    return f"{passed} passed, {failed} failed{skipped}"


def test(options, command):
    """Runs the tests against the build; more arguments after `--` go to pytest."""
    build = os.path.abspath(options.build)
    junit = os.path.join(build, "junit.xml")
    results = [junit, os.path.join(build, "test-summary")]
    for stale in filter(os.path.exists, results):
        os.unlink(stale)
    arguments = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={junit}",
                 f"--rootdir={TESTS}", "-o", "junit_family=xunit2", "-v", "--tb=short",
                 "--durations=10", *(["-k", options.pattern] if options.pattern else []),
                 *command, TESTS]
    # The tests call make themselves, which must not take itself for a part of this one.
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    machine = {f"MITOS_{name.upper()}": getattr(options, name) for name in MACHINE}
    machine = {name: value for name, value in machine.items() if value}
    status = subprocess.call(arguments, env=dict(environment, MITOS_BUILD=build, **machine))
    if not os.path.exists(junit):
        raise Problem("pytest did not run: run make deps", status or 1)
    with open(results[1], "w") as file:
        file.write(summary(junit) + "\n")
    print(summary(junit), flush=True)
    return status
