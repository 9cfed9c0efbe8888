"""Several processors: they come up, all is found that programs look for, and a panic stops them."""

import re

import pytest

from support import PATIENCE, mitos

COUNTS = (1, 2, 4, 16)
LOOK = "nproc; grep -c ^processor /proc/cpuinfo; grep -c '^cpu[0-9]' /proc/stat; cat /proc/audit"


@pytest.mark.parametrize("count", COUNTS)
def test_all_processors_come_up(count):
    run = mitos("sh", "-c", LOOK, options=["--smp", str(count)], timeout=2 * PATIENCE)
    assert run.output.decode().split()[:3] == [str(count)] * 3, run
    assert b"audit: clean" in run.output, run
    assert f"smp: {count} processors" in run.log


@pytest.mark.parametrize("words, count", [("nosmp", 1), ("maxcpus=0", 1), ("maxcpus=3", 3)])
def test_the_command_line_limits_them(words, count):
    run = mitos("nproc", options=["--smp", "4", "--append", words])
    assert run.output == b"%d\n" % count, run


def test_their_clocks_are_the_same():
    run = mitos("true", options=["--smp", "4"])
    assert not re.search(r"TSC of CPU \d", run.log), run.log


def test_a_panic_ends_the_machine_whoever_panics():
    run = mitos("true", options=["--smp", "4", "--append", "init=/bin/true"])
    assert run.status == 125, run
    assert run.log.count("kernel panic") == 1, run.log


def test_ps_tells_where_a_process_runs():
    run = mitos("sh", "-c", "for cpu in 2 0 1; do "
                "taskset -c $cpu /bin/sh -c '/bin/ps -o psr= -p $$; true'; done",
                options=["--smp", "3"])
    assert run.output.split() == [b"2", b"0", b"1"], run
