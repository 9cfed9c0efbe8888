"""Runs the guest tests in batches, on Linux and on mitos with each kind of fork.

One boot serves many programs. When the kernel dies or hangs under one of them, that program failed,
and the ones after it run in a new machine.
"""

import os
import re
import selectors
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import support

ENVIRONMENTS = ("linux", "cow", "eager", "cow-tables")
SOURCES = support.guest_sources()
# How many processors each kind of fork has, if `make test SMP=N` says nothing else.
PROCESSORS = {"cow": 1, "eager": 1, "cow-tables": 2}
HANG = support.PATIENCE     # seconds without a line, after which a program hangs
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


def applicable(environment, name):
    source = SOURCES[name]
    if environment == "linux":
        return not needs(source, "kernel") and not needs(source, "mitos")
    return environment == "cow-tables" or not needs(source, "any fork")
