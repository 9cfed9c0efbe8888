"""Many processes: fork bombs that are held, 30,000 at once, 100,000 zombies; and small and
large machines, one with a second processor."""

import re
import shutil
import sys

import pytest

from support import BUILD, ICOUNT, ROOT, checked, mitos
from test_shell import ENTER, Terminal

BOMB = r"bomb: (\d+) processes, fork failed (\d+) times:([A-Z ]*)\r"


@pytest.fixture
def bomb_overlay(tmp_path):
    """The bomb alone: how many processes there is memory for shall not depend on other tests."""
    directory = tmp_path / "tests"
    directory.mkdir()
    shutil.copy(BUILD / "tests/guest/prog_bomb", directory)
    return tmp_path


def bomb(overlay, memory, uid, limit, *options):
    """Lets a bomb go off in the background; returns the terminal and what held the bomb."""
    terminal = Terminal("--overlay", str(overlay), "--mem", memory, *options)
    terminal.type(f"/tests/prog_bomb {uid} {limit} &{ENTER}")
    terminal.wait(BOMB)
    processes, failures, errors = terminal.child.match.groups()
    terminal.type(ENTER)
    terminal.wait()
    return terminal, int(processes), int(failures), errors.split()


def check_answers(terminal):
    """The shell forks as ever, and can end the bomb, whose processes are all there still."""
    assert terminal.run("echo still here") == ["still here"]
    leader = min(int(line.split()[0]) for line in terminal.run("ps") if "prog_bomb" in line)
    terminal.run(f"kill -9 -{leader}")
    terminal.run("sleep 1")
    assert not [line for line in terminal.run("ps") if "prog_bomb" in line]
    assert terminal.run("cat /proc/audit")[-1] == "audit: clean"


def test_a_fork_bomb_held_by_a_limit(bomb_overlay):
    terminal, processes, failures, errors = bomb(bomb_overlay, "128M", 1000, 300)
    try:
        assert (processes, failures, errors) == (300, 300, ["EAGAIN"])
        check_answers(terminal)
    finally:
        terminal.close()


def test_a_fork_bomb_held_by_memory(bomb_overlay):
    """Where fork copies all memory, the bomb has it all before there are many processes."""
    terminal, processes, failures, errors = bomb(bomb_overlay, "64M", 1000, 0,
                                                 "--append", "fork=cow-tables")
    try:
        assert processes > 500 and failures and set(errors) <= {"EAGAIN", "ENOMEM"}
        check_answers(terminal)
    finally:
        terminal.close()


def test_30000_processes_at_once_in_2_gib(guest_overlay):
    """pid_max has to be raised for them. A process that does nothing costs less than 64 KiB."""
    options = ["--overlay", str(guest_overlay), "--mem", "2G", "--append", "fork=cow"]
    script = "prog_crowd 30000 && cat /proc/audit"
    run = mitos("/bin/sh", "-c", script, options=options, timeout=180)
    assert run.status == 0, run
    alive, each = map(int, re.search(rb"crowd: (\d+) alive, (\d+) bytes", run.output).groups())
    assert alive == 30000 and each < 65536, run
    assert run.output.rstrip().endswith(b"audit: clean"), run


def zombies(guest_overlay, number):
    """Instructions to create and to reap one of so many zombies of one parent."""
    options = ["--overlay", str(guest_overlay), "--mem", "2G", *ICOUNT, "--append", "fork=cow"]
    script = f"prog_zombies {number} && cat /proc/audit"
    run = mitos("/bin/sh", "-c", script, options=options, timeout=240)
    assert run.status == 0 and run.output.rstrip().endswith(b"audit: clean"), run
    found = re.search(rb"zombies: (\d+), create (\d+), reap (\d+)", run.output)
    buried, create, reap = map(int, found.groups())
    assert buried == number
    return create, reap


def test_100000_zombies_cost_as_much_each_as_1000(guest_overlay):
    few, many = zombies(guest_overlay, 1000), zombies(guest_overlay, 100_000)
    print(f"zombies, instructions to create and reap one: {few} of 1,000, {many} of 100,000")
    assert all(dear < 1.05 * cheap for dear, cheap in zip(many, few)), (few, many)


def test_forty_forks_of_a_1_gib_process_in_2_gib(guest_overlay):
    """In cow-tables. The shell answers while they live, and the audit is clean then, too."""
    terminal = Terminal("--overlay", str(guest_overlay), "--mem", "2G", "--append",
                        "fork=cow-tables")
    try:
        terminal.type(f"/tests/prog_heaps 1024 40 &{ENTER}")
        terminal.wait(r"heaps: 40 alive, leader (\d+)\r")
        leader = terminal.child.match.group(1)
        terminal.type(ENTER)
        terminal.wait()
        assert terminal.run("echo still here") == ["still here"]
        assert sum("prog_heaps" in line for line in terminal.run("ps")) == 41
        assert terminal.run("cat /proc/audit")[-1] == "audit: clean"
        terminal.type(f"kill -USR1 {leader}{ENTER}")
        terminal.wait(r"heaps: well\r")
        terminal.type(ENTER)
        terminal.wait()
        assert "audit: clean" in terminal.run("cat /proc/audit")
    finally:
        terminal.close()


WATCH = r"""
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
static volatile long *shared; /* longest gap, ready, over */
static long now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000 + t.tv_nsec;
}
int main(void)
{
	size_t size = 512 << 20;
	shared = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (fork() == 0) {
		for (long last = now(), t; !shared[2]; last = t, shared[1] = 1) {
			t = now();
			if (shared[1] && t - last > shared[0])
				shared[0] = t - last;
		}
		_exit(0);
	}
	char *heap = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < size; i += 4096)
		heap[i] = 1;
	while (!shared[1])
		;
	if (fork() == 0)
		_exit(0);
	munmap(heap, size);
	shared[2] = 1;
	while (wait(0) > 0)
		;
	printf("gap %ld\n", shared[0] / 1000);
}
"""


@pytest.mark.parametrize("mode", ["eager", "cow", "cow-tables"])
def test_a_large_fork_lets_others_run(overlay, mode):
    """And so do a large munmap and exit. Virtual microseconds: parent and child have each a slice
    of 10,000 before the watcher has its turn."""
    overlay.add("bin/watch", WATCH)
    run = mitos("watch", options=[*overlay.options, "--mem", "2G", *ICOUNT,
                                  "--append", f"fork={mode}"])
    assert run.status == 0 and int(run.output.split()[1]) < 25_000, run


@pytest.mark.parametrize("memory", ["32M", "64M", "1G", "2G", "4G", "8G"])
def test_memory_sizes(memory):
    run = mitos("/bin/sh", "-c", "cat /proc/meminfo | cat; echo done", options=["--mem", memory])
    assert run.status == 0 and run.output.endswith(b"done\n"), run
    total = int(re.search(rb"MemTotal:\s+(\d+) kB", run.output).group(1))
    kilobytes = int(memory[:-1]) << (20 if memory.endswith("G") else 10)
    assert kilobytes * 0.98 - 16384 < total <= kilobytes, run


def test_throughput_is_measured():
    """What `make throughput` does, in small. How fast this host is today is no test's business."""
    printed = checked(sys.executable, ROOT / "tests/throughput.py", "1", "2", "50")
    found = re.findall(r"^(\w+): \d+ ms with 1 processor, \d+ ms with 2: \d+\.\d+ times as fast$",
                       printed, re.MULTILINE)
    assert found == ["compute", "fork"], printed
    print(printed)
