"""The guest tests, on Linux and on mitos with each kind of fork; on mitos the audit follows each.

One boot serves many programs. When the kernel dies or hangs under one of them, that program failed,
and the ones after it run in a new machine.
"""

import concurrent.futures
import os
import re
import selectors
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import ktap
import support

ENVIRONMENTS = ("linux", "cow", "eager", "cow-tables")
SOURCES = support.guest_sources()
# How many processors each kind of fork has, if `make test SMP=N` says nothing else.
PROCESSORS = {"cow": 1, "eager": 1, "cow-tables": 2}
HANG = 60           # seconds without a line, after which a program hangs
NO_NAMESPACES = 77  # what on-linux ends with where it cannot work
BEGIN = re.compile(r"@begin (\S+)")
END = re.compile(r"@end (\S+) (\d+)")


@dataclass
class Outcome:
    """What became of one program. status is None if the machine died under it."""

    text: str = ""
    audit: str | None = None
    status: int | None = None
    death: str = ""
    locks: list = field(default_factory=list)   # what the lock checker reported


def needs(source, what):
    """Whether the comment that opens a test says `needs: what`."""
    return f"needs: {what}" in source.read_text().split("*/")[0]


def command_for(environment, programs, stage, overlay, log):
    batch = ["/tests/prog_batch", *programs]
    if environment == "linux":
        return [str(support.ROOT / "tests/on-linux"), "600", str(stage), *batch]
    options = ["--overlay", str(overlay), "--append", f"fork={environment}",
               "--smp", support.SMP or str(PROCESSORS[environment])]
    return support.run_command(batch, options, timeout=600, log=log)


def read_until_silent(process):
    """Everything the process prints until it ends or, having hung, is ended. Returns text, hung."""
    chunks, selector = [], selectors.DefaultSelector()
    selector.register(process.stdout, selectors.EVENT_READ)
    while selector.select(HANG):
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            process.wait()
            return b"".join(chunks).decode(errors="replace"), False
        chunks.append(data)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return b"".join(chunks).decode(errors="replace"), True


def outcomes_in(text):
    """Cuts a batch's output into programs; the last has no status if the batch broke off in it."""
    outcomes, current = {}, None
    for line in text.replace("\r\n", "\n").split("\n"):
        if match := BEGIN.fullmatch(line):
            current = outcomes[match.group(1)] = Outcome()
        elif current and (match := END.fullmatch(line)):
            current.status = int(match.group(2))
            current = None
        elif current and line == "@audit":
            current.audit = ""
        elif current and current.audit is not None:
            current.audit += line + "\n"
        elif current:
            current.text += line + "\n"
    return outcomes


def run_once(environment, programs, stage, overlay):
    """One machine for all of the programs. Returns the outcomes of those that it came to."""
    with tempfile.NamedTemporaryFile(prefix="mitos-test.", suffix=".log") as log, \
            tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command_for(environment, programs, stage, overlay, log.name),
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                                   start_new_session=True)
        text, hung = read_until_silent(process)
        errors.seek(0)
        death = errors.read().decode(errors="replace")
        kernel_log = Path(log.name).read_text(errors="replace")
        tail = "\n".join(kernel_log.splitlines()[-20:])
    if environment == "linux" and process.returncode == NO_NAMESPACES:
        return {name: Outcome(death="this machine allows no namespaces") for name in programs}
    outcomes = outcomes_in(text) or {programs[0]: Outcome(text)}
    for outcome in outcomes.values():
        if outcome.status is None:
            outcome.death = f"it hung\n{tail}" if hung else f"the machine died\n{death}"
    for report in filter(support.is_fault, support.lock_reports(kernel_log)):
        blamed = [name for name in outcomes if f"({name[:15]})" in report] or list(outcomes)
        outcomes[blamed[0]].locks.append(report)
    return outcomes


def run_all(environment, programs, stage, overlay):
    """The outcome of each program; a new machine each time one dies."""
    outcomes, left = {}, list(programs)
    while left:
        outcomes.update(run_once(environment, left, stage, overlay))
        left = [name for name in left if name not in outcomes]
    return outcomes


@pytest.fixture(autouse=True)
def no_lock_report(new_lock_reports):
    """run_once() knows better than conftest.py whose a report is."""
    yield
    new_lock_reports()


def applicable(environment, name):
    source = SOURCES[name]
    if environment == "linux":
        return not needs(source, "kernel") and not needs(source, "mitos")
    return environment == "cow-tables" or not needs(source, "any fork")


@pytest.fixture(scope="session")
def outcomes(request, stage, guest_overlay):
    """For each environment the future of its outcomes. Two environments run at a time."""
    wanted = {environment: [] for environment in ENVIRONMENTS}
    for item in request.session.items:
        if getattr(item, "function", None) is test_guest:
            environment, name = item.callspec.params["environment"], item.callspec.params["name"]
            if applicable(environment, name):
                wanted[environment].append(name)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield {environment: pool.submit(run_all, environment, names, stage, guest_overlay)
               for environment, names in wanted.items()}


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_guest(environment, name, outcomes):
    if not applicable(environment, name):
        pytest.skip("needs a kernel of ours, to itself, or takes long and is the same for any fork")
    outcome = outcomes[environment].result()[name]
    if outcome.death == "this machine allows no namespaces":
        pytest.skip(outcome.death)
    report = ktap.parse(outcome.text)
    wrong = report.failures() + outcome.locks
    if outcome.status is None:
        wrong.append(outcome.death)
    elif outcome.status and not wrong:
        wrong.append(f"every test passed, but the program ended with status {outcome.status}")
    if environment != "linux" and outcome.status is not None:
        audit = (outcome.audit or "").strip()
        if audit.splitlines()[-1:] != ["audit: clean"]:
            wrong.append(f"the audit is not clean:\n{audit or 'there is none'}")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
    if report.all_skipped():
        pytest.skip("every test of it was skipped")
