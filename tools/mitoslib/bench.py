"""`tools/mitos bench`: what the operations of a process's life cost, beside Linux's costs.

The program tests/bench/bench.c runs under icount, where one tick is one instruction. The table goes
to standard output, and with all that was measured to build/bench.json.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap

from .errors import Problem

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "../.."))
LINUX_FIGURES = os.path.join(ROOT, "tests/bench/linux-6.1.json")
GUEST_PROGRAM = "/tests/bench"
MEMORY = "512M"
PATIENCE = 120      # seconds for one run of the program; it takes 2


def measure(build, *options):
    """Runs the program in a machine of its own. Returns key -> ticks, and key -> description."""
    program = os.path.join(build, "tests/bench/bench")
    if not os.path.exists(program):
        raise Problem(f"{program} is not there: call this by make bench")
    with tempfile.TemporaryDirectory(prefix="mitos-bench.") as overlay:
        os.mkdir(os.path.join(overlay, "tests"))
        shutil.copy(program, overlay + GUEST_PROGRAM)
        done = subprocess.run(
            [sys.executable, os.path.join(ROOT, "tools/mitos"), "run", "--build", build,
             "--mem", MEMORY, "--timeout", str(PATIENCE), "--overlay", overlay, *options,
             "--", GUEST_PROGRAM], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Problem(f"the benchmark ended with status {done.returncode}", done.returncode)
    rows = [line.split("\t") for line in done.stdout.splitlines()]
    return {key: int(ticks) for key, ticks, _ in rows}, {key: text for key, _, text in rows}


def recorded_linux():
    """Linux's figures as they are kept in the repository: instructions and where they are from."""
    with open(LINUX_FIGURES) as file:
        data = json.load(file)
    return data["instructions"], f"{os.path.relpath(LINUX_FIGURES, ROOT)}: {data['made']}"


def table(texts, mitos, linux):
    """The lines of the table: both columns in instructions, and how many times as much."""
    width = max(map(len, texts.values()))
    yield f"{'instructions':{width}} {'mitos':>12} {'Linux':>12} {'Linux/mitos':>12}"
    for key, text in texts.items():
        other = linux.get(key)
        yield (f"{text:{width}} {mitos[key]:12,} {f'{other:,}' if other else '-':>12} "
               f"{f'{other / mitos[key]:.1f}' if other else '-':>12}")


def bench(options, command):
    """Measures, prints the table and writes build/bench.json."""
    mitos, texts = measure(options.build, "--icount")
    linux, source = recorded_linux()
    print("\n".join(table(texts, mitos, linux)))
    print("\n" + textwrap.fill(f"Linux's column is from {source}", 100))
    result = {"unit": "guest instructions, the best of several repetitions", "linux_source": source,
              "operations": {key: {"text": text, "mitos": mitos[key], "linux": linux.get(key)}
                             for key, text in texts.items()}}
    with open(os.path.join(options.build, "bench.json"), "w") as file:
        json.dump(result, file, indent=2)
        file.write("\n")
    return 0
