"""Random operations on memory by trees of processes, each comparing its own with a model, in each
fork mode and with the modes changing all the time. More than a million operations in all; the seeds
are fixed, and with --icount a run that fails comes again exactly (tests/guest/prog_random.c)."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import ICOUNT, ROOT, checked, mitos

MODES = ("eager", "cow", "cow-tables", "mixed")
OPERATIONS = 300_000    # in each mode
SEED = 5


def random_run(overlay, mode, seed, operations, timeout):
    """A machine of its own for a run. Returns it, as support.mitos does."""
    fork, how = ("cow-tables", "mixed") if mode == "mixed" else (mode, "")
    script = f"/tests/prog_random {seed} {operations} {how} && cat /proc/audit"
    return mitos("/bin/sh", "-c", script, timeout=timeout,
                 options=[*ICOUNT, "--overlay", str(overlay), "--append", f"fork={fork}"])


def went_well(run, operations):
    return (run.status == 0 and f" {operations} operations, none wrong".encode() in run.output
            and run.output.rstrip().endswith(b"audit: clean"))


@pytest.fixture(scope="module")
def runs(guest_overlay):
    """For each mode the future of its run. Two run at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield {mode: pool.submit(random_run, guest_overlay, mode, SEED, OPERATIONS, 300)
               for mode in MODES}


def test_on_linux(stage):
    done = subprocess.run([ROOT / "tests/on-linux", "100", stage, "/tests/prog_random", str(SEED),
                           str(OPERATIONS)], capture_output=True, text=True)
    if done.returncode == 77:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f" {OPERATIONS} operations, none wrong" in done.stdout


@pytest.mark.parametrize("mode", MODES)
def test_random(runs, mode):
    run = runs[mode].result()
    assert went_well(run, OPERATIONS), run


def test_a_wrong_byte_is_seen(guest_overlay):
    run = mitos("/tests/prog_random", "12345", "2000", "spoiled",
                options=["--overlay", str(guest_overlay)])
    assert run.status == 1 and b"seed 12345: process 1, " in run.output, run
    assert b"byte 0 of unit 303 (kind 1," in run.output, run


def test_soak():
    """Its shortest: one run in each mode."""
    lines = checked(sys.executable, ROOT / "tests/soak.py", "0", "2000").splitlines()
    assert len(lines) == len(MODES) and all(line.endswith(": well") for line in lines), lines
