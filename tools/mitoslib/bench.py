"""`tools/mitos bench`: what the operations of a process's life cost, beside Linux's costs.

The program tests/bench/bench.c runs under icount, where one tick is one instruction. The table goes
to standard output, and with all that was measured to build/bench.json.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap

from . import linux, run, where
from .errors import Problem

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "../.."))
LINUX_FIGURES = os.path.join(ROOT, "tests/bench/linux-6.1.json")
GUEST_PROGRAM = "/tests/bench"
MEMORY = "512M"
PATIENCE = 300      # seconds for one run of the program; it takes 2, and up to 30 for --where


def add_options(parser):
    parser.add_argument("--fork", choices=("eager", "cow", "cow-tables"),
                        help="how mitos is to divide memory (default: as it does by itself)")
    exclusive = parser.add_mutually_exclusive_group()
    exclusive.add_argument("--on", choices=("mitos", "linux"),
                           help="linux: measure Linux too, whose kernel is downloaded if need be; "
                                "mitos: compare with recorded figures (default: what is there)")
    exclusive.add_argument("--where", metavar="OP",
                           help="show into which functions the instructions of one operation go; "
                                "OP is its name in the table, or its key in build/bench.json")


def program_of(build):
    path = os.path.join(build, "tests/bench/bench")
    if not os.path.exists(path):
        raise Problem(f"{path} is not there: call this by make bench")
    return path


@contextlib.contextmanager
def machine(build, fork=None):
    """The options of a run in which the program is GUEST_PROGRAM."""
    with tempfile.TemporaryDirectory(prefix="mitos-bench.") as overlay:
        os.mkdir(os.path.join(overlay, "tests"))
        shutil.copy(program_of(build), overlay + GUEST_PROGRAM)
        yield ["--mem", MEMORY, "--timeout", str(PATIENCE), "--overlay", overlay,
               *(["--append", f"fork={fork}"] if fork else [])]


def measure(build, *options, fork=None):
    """Runs the program in a machine of its own. Returns key -> ticks, and key -> description."""
    with machine(build, fork) as machine_options:
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, "tools/mitos"), "run", "--build", build,
             *machine_options, *options, "--", GUEST_PROGRAM],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Problem(f"the benchmark ended with status {done.returncode}", done.returncode)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {row[0]: int(row[1]) for row in rows}, {row[0]: row[2] for row in rows}


def recorded_linux():
    """Linux's figures as they are kept in the repository: instructions and where they are from."""
    with open(LINUX_FIGURES) as file:
        data = json.load(file)
    return data["instructions"], f"{os.path.relpath(LINUX_FIGURES, ROOT)}: {data['made']}"


def measured_linux(options):
    """Linux's figures measured here, in instructions and in plain TCG; where they are from."""
    instructions, _ = measure(options.build, "--on", "linux", "--icount")
    plain, _ = measure(options.build, "--on", "linux")
    release = linux.release(linux.kernel(options.build))
    return instructions, plain, f"Linux {release}, measured here by the same program"


def wants_linux(options):
    """Whether to measure Linux: where it is asked for, or its kernel is there already."""
    if options.on:
        return options.on == "linux"
    return linux.installed(options.build) is not None


def operation(text, mitos, linux_figure, mitos_plain, linux_plain):
    """All that is known of one operation; None is what was not measured."""
    return {"text": text, "mitos": mitos, "linux": linux_figure,
            "ratio": round(linux_figure / mitos, 2) if linux_figure else None,
            "mitos_plain": mitos_plain, "linux_plain": linux_plain,
            "wall_ratio": round(linux_plain / mitos_plain, 2) if linux_plain else None}


def shown(number, form):
    return "-" if number is None else format(number, form)


def table(operations):
    """The lines of the table: instructions here and there, how many times as much, and in time."""
    width = max(len(row["text"]) for row in operations)
    yield (f"{'instructions':{width}} {'mitos':>12} {'Linux':>12} "
           f"{'Linux/mitos':>12} {'in time':>8}")
    for row in operations:
        yield (f"{row['text']:{width}} {row['mitos']:12,} {shown(row['linux'], ','):>12} "
               f"{shown(row['ratio'], '.1f'):>12} {shown(row['wall_ratio'], '.1f'):>8}")


def bench(options, command):
    """Measures, prints the table and writes build/bench.json, or does as --where says."""
    if options.where:
        with machine(options.build, options.fork) as words:
            return where.where(run.options_of(options.build, "--icount", *words),
                               [GUEST_PROGRAM, "--watch", options.where],
                               program_of(options.build))
    mitos, texts = measure(options.build, "--icount", fork=options.fork)
    mitos_plain, _ = measure(options.build, fork=options.fork)
    if wants_linux(options):
        other, other_plain, source = measured_linux(options)
    else:
        (other, source), other_plain = recorded_linux(), {}
    operations = {key: operation(text, mitos[key], other.get(key),
                                 mitos_plain[key], other_plain.get(key))
                  for key, text in texts.items()}
    print("\n".join(table(operations.values())))
    print("\n" + textwrap.fill(f"Linux's column is from {source}", 100))
    if other_plain:
        print("In time: Linux/mitos by the host's clock, in QEMU without icount.")
    result = {"unit": "guest instructions, the best of several repetitions; "
                      "plain: ticks of the host's clock in QEMU without icount; "
                      "ratios: Linux's figure to mitos's",
              "linux_source": source, "operations": operations}
    with open(os.path.join(options.build, "bench.json"), "w") as file:
        json.dump(result, file, indent=2)
        file.write("\n")
    return 0
