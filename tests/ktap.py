"""Reads what a guest test prints: KTAP version 1, one level deep."""

import re
from dataclasses import dataclass, field

PLAN = re.compile(r"1\.\.(\d+)")
RESULT = re.compile(r"(not )?ok (\d+)(?: - ([^#]*?))?\s*(?:#\s*(SKIP|TODO)\b\s*(.*))?$")


@dataclass
class Subtest:
    """One `ok` or `not ok` line, and the diagnostics printed since the one before it."""

    number: int
    name: str
    passed: bool
    skipped: bool
    diagnostics: list = field(default_factory=list)

    def __str__(self):
        verdict = "ok" if self.passed else "not ok"
        return "\n".join([f"{verdict} {self.number} - {self.name}", *self.diagnostics])


@dataclass
class Report:
    """What a whole program printed. planned is None if it announced no plan."""

    planned: int | None = None
    subtests: list = field(default_factory=list)
    other: list = field(default_factory=list)     # lines that belong to no subtest

    def failures(self):
        """Everything that is wrong, as lines of text; none when the program passed."""
        wrong = [str(subtest) for subtest in self.subtests if not subtest.passed]
        if self.planned is None:
            wrong.append("no plan (1..N) was printed")
        elif self.planned == 0:
            wrong.append("the plan is empty")
        elif [subtest.number for subtest in self.subtests] != list(range(1, self.planned + 1)):
            wrong.append(f"{self.planned} tests were planned, {len(self.subtests)} reported")
        if wrong:
            wrong += self.other
        return wrong

    def all_skipped(self):
        return bool(self.subtests) and all(subtest.skipped for subtest in self.subtests)


def parse(text):
    """The report of one program. Lines that are not KTAP are kept: they may explain a failure."""
    report, diagnostics = Report(), []
    for line in text.splitlines():
        line = line.rstrip()
        if match := RESULT.fullmatch(line):
            bad, number, name, directive, _ = match.groups()
            report.subtests.append(Subtest(int(number), name or "", not bad or directive == "TODO",
                                           directive == "SKIP", diagnostics))
            diagnostics = []
        elif (match := PLAN.fullmatch(line)) and report.planned is None:
            report.planned = int(match.group(1))
        elif line and not line.startswith("KTAP version"):
            diagnostics.append(line)
    report.other = diagnostics
    return report
