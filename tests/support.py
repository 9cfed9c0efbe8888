"""What the tests share: where things are, and ways to run mitos, make and the compiler."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))     # for the tests that look into mitoslib
# A make that a test runs is not part of the make that runs the tests: no O= or LLVM= comes along.
for variable in ("MAKEFLAGS", "MAKEOVERRIDES", "MAKELEVEL", "O", "LLVM", "CROSS_COMPILE",
                 "LOCKCHECK"):
    os.environ.pop(variable, None)

BUILD = Path(os.environ.get("MITOS_BUILD", ROOT / "build"))
TOOL = [sys.executable, str(ROOT / "tools/mitos")]
# `make test LOCKCHECK=1`: the kernel checks its locks, and that takes instructions.
CHECKS_LOCKS = "-DLOCKCHECK=1" in (BUILD / "flags").read_text()
# The machine of every run whose test does not choose its own: `make test SMP=4 MEM=1G FORK=eager`.
SMP, MEM, FORK = (os.environ.get(f"MITOS_{name}") for name in ("SMP", "MEM", "FORK"))
ONE_CPU = ["--smp", "1"]        # for a test that counts what a single processor does
ICOUNT = ["--icount", *ONE_CPU]     # instructions are time, the same on any host
# Seconds after which a machine of the tests has hung.
PATIENCE = 240 if CHECKS_LOCKS else 60
PROMPT = r"mitos:[^\r\n]*# "


@dataclass
class Run:
    """A finished run of tools/mitos."""

    status: int
    output: bytes
    errors: str
    log: str

    def __str__(self):
        return (f"status {self.status}\n--- output\n{self.output.decode(errors='replace')}\n"
                f"--- stderr\n{self.errors}")


def mitos(*command, options=(), stdin=b"", build=BUILD, timeout=PATIENCE):
    """Runs `tools/mitos run OPTIONS -- COMMAND` with a log of its own. stdin: bytes or a file."""
    given = {"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}
    with tempfile.NamedTemporaryFile(prefix="mitos-test.", suffix=".log") as log:
        done = subprocess.run(run_command(command, options, build, timeout, log.name),
                              capture_output=True, timeout=timeout + 30, **given)
        text = Path(log.name).read_text(errors="replace")
    return Run(done.returncode, done.stdout, done.stderr.decode(errors="replace"), text)


def run_command(command, options=(), build=BUILD, timeout=PATIENCE, log=None):
    """The command line of a run, for the tests that watch it while it lasts."""
    return [*TOOL, "run", "--build", str(build), "--timeout", str(timeout),
            *(["--log", log] if log else []), *machine_for(options), *options,
            *(["--", *command] if command else [])]


def machine_for(options):
    """The machine that `make test` was asked for, as far as the options do not choose their own:
    of two --smp or --mem the later counts, but the kernel takes the first fork= it is given."""
    chosen = any(re.search(r"\bfork=", str(word)) for word in options)
    return [*(["--smp", SMP] if SMP else []), *(["--mem", MEM] if MEM else []),
            *(["--append", f"fork={FORK}"] if FORK and not chosen else [])]


def checked(*command, **options):
    """Runs a host command, whose failure fails the test; returns what it printed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout}"
    return done.stdout


def machines_below(pid):
    """The QEMUs among the descendants of a process."""
    found, family = [], {pid}
    for line in checked("ps", "-e", "-o", "pid=,ppid=,comm=", "--sort=start_time,pid").splitlines():
        child, parent, name = line.split(None, 2)
        if int(parent) in family:
            family.add(int(child))
            found += [int(child)] if "qemu" in name else []
    return found


def is_running(pid):
    """Whether the process is there, and not as a zombie that nobody has buried yet."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def lock_reports(log):
    """What the lock checker said in a kernel log: the lines of each report, without their times."""
    lines = re.findall(r"^.*?(lockcheck: .*)$", log, re.MULTILINE)
    starts = [i for i, line in enumerate(lines) if not line.startswith("lockcheck:  ")]
    return ["\n".join(lines[start:end]) for start, end in zip(starts, [*starts[1:], None])]


def is_fault(report):
    """Whether a test must not have it: how long a lock is held, a busy host decides as well."""
    return " was held for " not in report


def musl(source, program):
    """Compiles C text into a static program, as a student would."""
    program.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["musl-gcc", "-static", "-O2", "-x", "c", "-o", str(program), "-"],
                   input=source, text=True, check=True)


def guest_sources():
    """The guest tests by name, without the programs that only serve them."""
    return {path.stem: path for path in sorted((ROOT / "tests/guest").glob("*.c"))
            if not path.stem.startswith("prog_")}


def stage_guest_programs(directory):
    """Lays the guest tests and their helpers below directory/tests, for an overlay."""
    target = directory / "tests"
    target.mkdir(parents=True)
    for source in (ROOT / "tests/guest").glob("*.c"):
        shutil.copy(BUILD / "tests/guest" / source.stem, target)
