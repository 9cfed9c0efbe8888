"""What a second processor is good for: the same work on machines with one and with more.

usage: throughput.py [ROUNDS [MILLIONS FORKS [PROCESSORS]]]

Four processes compute, and four fork children that end at once (tests/guest/prog_throughput.c). In
each round every machine has its turn, so that what else the host does meets all of them. Prints
each round, and at the end the medians and how many times as fast as one processor the others are.
What comes out depends on what else the host has to do, so it is reported and not judged.
"""

import re
import statistics
import sys
import tempfile
from pathlib import Path

import support

KINDS = ("compute", "fork")


def measure(overlay, processors, millions, forks):
    """Milliseconds for each kind of work."""
    run = support.mitos("/tests/prog_throughput", str(millions), str(forks), timeout=300,
                        options=["--overlay", overlay, "--smp", str(processors)])
    found = re.search(rb"compute (\d+), fork (\d+)", run.output)
    if run.status or not found:
        sys.exit(f"throughput: {run}\n{run.log[-2000:]}")
    return [int(number) / 1000 for number in found.groups()]


def main(rounds=5, millions=100, forks=3000, processors=2):
    machines = (1, int(processors))
    times = {number: [] for number in machines}
    with tempfile.TemporaryDirectory(prefix="mitos-throughput.") as overlay:
        support.stage_guest_programs(Path(overlay))
        for turn in range(int(rounds)):
            for number in machines:
                times[number].append(measure(overlay, number, millions, forks))
                compute, fork = times[number][-1]
                print(f"round {turn + 1}, --smp {number}: compute {compute:.0f} ms, "
                      f"fork {fork:.0f} ms", flush=True)
    for kind, *columns in zip(KINDS, *(zip(*times[number]) for number in machines)):
        one, more = map(statistics.median, columns)
        print(f"{kind}: {one:.0f} ms with 1 processor, {more:.0f} ms with {machines[1]}: "
              f"{one / more:.2f} times as fast")


if __name__ == "__main__":
    main(*sys.argv[1:])
