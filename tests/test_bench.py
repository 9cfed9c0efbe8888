"""`tools/mitos bench` measures every operation, and on none of them mitos is slower than Linux.

--where shows where an operation's instructions go, and none is lost.
"""

import json
import re
import subprocess

import pytest

import support
from support import BUILD, PATIENCE, TOOL

from mitoslib import where
from mitoslib.errors import RUN_FAILED

START, STOP, IN_KERNEL, IN_USER = b"1" * 16, b"2" * 16, b"f" * 16, b"3" * 16
PAGE_FAULT, TICK = 14, 64


def bench(*options):
    return support.checked(*TOOL, "bench", "--build", BUILD, *options, timeout=2 * PATIENCE)


@pytest.fixture(scope="module")
def measured():
    """What the benchmark prints, and its bench.json."""
    if support.CHECKS_LOCKS:
        pytest.skip("the lock checker's own instructions would be counted")
    printed = bench("--on", "mitos")
    return printed, json.loads((BUILD / "bench.json").read_text())


def test_every_operation_costs_less_than_on_linux(measured):
    printed, result = measured
    known = json.loads((support.ROOT / "tests/bench/linux-6.1.json").read_text())["instructions"]
    operations = result["operations"]
    assert operations.keys() == known.keys()
    for key, figures in operations.items():
        assert 0 < figures["mitos"] < known[key], f"{key}: {figures}"
        assert figures["text"] in printed
    assert result["linux_source"] in " ".join(printed.split())


@pytest.mark.parametrize("operation, key, dearest_in", [
    ("zero_fault", "zero_fault", "kernel/lib/string.c"),
    ("signal to self, handler, return", "signal_deliver", "kernel/mm/usercopy.asm")])
def test_where_the_instructions_of_an_operation_go(measured, operation, key, dearest_in):
    summary, _, *rows = bench("--where", operation).replace(",", "").splitlines()
    figure = int(re.search(r"(\d+) instructions by its own clock", summary)[1])
    table = [row.split(maxsplit=3) for row in rows]
    counted = sum(float(instructions) for instructions, *_ in table)
    rounded = 0.05 * len(table)
    assert abs(counted - figure) <= max(where.TOLERANCE * figure, 1) + rounded, summary
    assert figure == pytest.approx(measured[1]["operations"][key]["mitos"], rel=0.05)
    assert table[-1][2] == "100.0"
    names = [name for *_, name in table]
    assert re.search(rf"\b{names[0]}\b", (support.ROOT / dearest_in).read_text()), names
    assert not {"?", "(init user mode)"} & set(names)


def test_where_knows_only_the_operations_of_the_benchmark():
    done = subprocess.run([*TOOL, "bench", "--build", BUILD, "--where", "no such operation"],
                          capture_output=True, text=True, timeout=2 * PATIENCE)
    assert done.returncode == RUN_FAILED and "no such operation" in done.stderr, done
    assert not done.stdout


def executed(address):
    return b"Trace 0: 0x7f0000000100 [0000000000000000/%s/00c0c2b3/ff020201] name\n" % address


def exception(vector, address):
    return b"     7: v=%02x e=0004 i=0 cpl=3 IP=0033:%s pc=%s SP=002b:0 CR2=0\n" % (
        vector, address, address)


def test_what_was_logged_and_not_executed_does_not_count():
    stopped = b"Stopped execution of TB chain before 0x7f0000000100 [%s] name\n" % IN_KERNEL
    rewound = b"cpu_io_recompile: rewound execution of TB to %s\n" % IN_KERNEL
    log = [executed(IN_USER), executed(STOP), executed(START),
           # it faults, and runs after the handler; then comes an interrupt
           executed(IN_USER), exception(PAGE_FAULT, IN_USER), b"RAX=0000000000000000 RBX=0\n",
           executed(IN_KERNEL), executed(IN_USER),
           b"Servicing hardware INT=0x40\n", exception(TICK, IN_USER), executed(IN_KERNEL),
           # the next instruction is what cannot be fetched
           executed(IN_USER), exception(PAGE_FAULT, START), executed(IN_KERNEL),
           executed(IN_KERNEL), stopped, executed(IN_KERNEL), rewound, executed(IN_KERNEL),
           executed(STOP), executed(IN_USER),
           executed(START), executed(STOP)]
    first, second = where.windows(log, START, STOP)
    assert first == {START: 1, IN_USER: 2, IN_KERNEL: 4}
    assert second == {START: 1}
