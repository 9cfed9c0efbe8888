"""Runs random operations on memory with new seeds until the time is over, two machines at a time.

usage: soak.py MINUTES [OPERATIONS [MODE SEED]]

Each mode has its turn, however short the time. Prints a line for each run; the first that fails
ends it with 1, its whole output, and the command that does the same run again.
"""

import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import support
from test_random import MODES, random_run, went_well

PATIENCE = 3600     # seconds for one run
OPERATIONS = 1_000_000


def soak(overlay, operations, mode, seed):
    """One run. False, and all about it printed, if something is wrong."""
    begun = time.monotonic()
    run = random_run(overlay, mode, seed, operations, PATIENCE)
    well = went_well(run, operations)
    print(f"soak: {mode}, seed {seed}, {operations} operations in {time.monotonic() - begun:.0f} s:"
          f" {'well' if well else 'WRONG'}", flush=True)
    if not well:
        print(f"{run}\n{run.log[-4000:]}\n"
              f"again: make all guest-tests && python3 tests/soak.py 0 {operations} {mode} {seed}")
    return well


def main(minutes, operations=OPERATIONS, mode=None, seed=None):
    end = time.monotonic() + float(minutes) * 60
    with tempfile.TemporaryDirectory(prefix="mitos-soak.") as overlay, ThreadPoolExecutor(2) as two:
        support.stage_guest_programs(Path(overlay))

        def round_of(mode):
            fresh = random.SystemRandom().getrandbits(32)
            return soak(overlay, int(operations), mode, seed or fresh)

        well = all(two.map(round_of, [mode] if mode else MODES))
        while well and time.monotonic() < end:
            well = all(two.map(round_of, MODES))
    return not well


sys.exit(main(*sys.argv[1:]))
