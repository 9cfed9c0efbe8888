"""`tools/mitos gdb` follows a fork down to the page-table entry, and no variable is hidden.

GDB runs in batch mode on the debugger's build. It steps through a whole fork line by line, and at
each line has a value for every variable of the function and of its callers. Then `make gdb` at a
terminal: its keys are GDB's, and nothing is left behind.
"""

import os
import re
import shutil
import subprocess
import time

import pexpect
import pytest

from support import BUILD, PATIENCE, ROOT, TOOL, checked, is_running, machines_below
from terminal import CTRL_C, CTRL_D

PATH = """task_clone task_copy task_alloc clone_identity limits_charge_process clone_pid clone_files
clone_fs clone_sighand clone_process clone_mm mm_fork copy_layout fork_areas vma_duplicate
fork_pages clone_registers link_family""".split()
PATH_OF_MODE = {"cow": "fork_area fork_table fork_page share_page pages_count".split(),
                "cow-tables": "share_tables take_write".split()}
HIDDEN = "<optimized out>"
PROMPT = r"\(gdb\) "
CTRL_Z = "\x1a"


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """The debugger's kernel with the ordinary initramfs."""
    checked("make", "kernel", "DEBUG=1", f"O={BUILD}/debug", cwd=ROOT)
    directory = tmp_path_factory.mktemp("debug")
    shutil.copy(BUILD / "debug/kernel.elf", directory)
    shutil.copy(BUILD / "initramfs.cpio", directory)
    return directory


def debug(build, *commands, fork="cow", patience=PATIENCE):
    """What GDB prints for the commands, which it is given when the first fork has begun."""
    arguments = ["-batch"]
    for command in ("continue", *commands):
        arguments += ["-ex", command]
    done = subprocess.run([*TOOL, "gdb", "--build", str(build), "--timeout", str(patience),
                           "--log", str(build / "log"), "--append", f"fork={fork}",
                           *(f"--gdb={word}" for word in arguments),
                           "--", "/bin/sh", "-c", "exit"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=patience + 30, cwd=ROOT)
    assert done.returncode == 0, done.stdout
    assert "Breakpoint 1, sys_fork" in done.stdout, done.stdout
    return done.stdout


def test_from_sys_fork_to_the_write_protected_entry(build):
    printed = debug(build, "tbreak share_page if *parent_entry & PTE_W", "continue", "bt full",
                    "info args", "next", "info locals", "pte *parent_entry", "next",
                    "pte *parent_entry", "next", "next", "pte *child_entry", "finish", "task")
    for function in ("share_page", "fork_table", "mm_fork", "clone_mm", "task_copy", "sys_fork"):
        assert re.search(rf"^#\d+ .*\b{function} \(", printed, re.MULTILINE), printed
    assert HIDDEN not in printed, printed
    before, after, child = re.findall(r"^0x[0-9a-f]+: (frame .*)$", printed, re.MULTILINE)
    assert " present W user" in before
    assert after == before.replace(" W", "") == child
    assert re.search(r"^1 init$", printed, re.MULTILINE), printed


def test_from_sys_fork_to_the_write_protected_table(build):
    printed = debug(build, "tbreak take_write", "continue", "info args", "pte *entry", "finish",
                    "up 0", "pte parent->pml4[i]", "task", fork="cow-tables")
    assert HIDDEN not in printed, printed
    before, after = re.findall(r"^0x[0-9a-f]+: (frame .*)$", printed, re.MULTILINE)
    assert " present W user" in before
    assert after == before.replace(" W", "")


@pytest.mark.parametrize("mode", PATH_OF_MODE)
def test_no_variable_is_hidden_at_any_line_of_a_fork(build, mode):
    printed = debug(build, f"source {ROOT}/tests/walk_fork.py", fork=mode, patience=5 * PATIENCE)
    walked = set(re.findall(r"^walked (\w+)$", printed, re.MULTILINE))
    assert not {*PATH, *PATH_OF_MODE[mode]} - walked, printed
    assert not re.findall(r"^hidden .*$", printed, re.MULTILINE)


class Session:
    """`make gdb` at a terminal, at its prompt; below a shell with job control, if asked."""

    def __init__(self, log, shell=False):
        self.log = log
        command = ["make", "gdb", f"O={BUILD}", f"ARGS=--log {log}"]
        program = ["bash", "--norc", "-i"] if shell else command
        self.child = pexpect.spawn(program[0], program[1:], cwd=ROOT, timeout=PATIENCE,
                                   encoding="utf-8",
                                   env={**os.environ, "TERM": "dumb", "PS1": "SHELL: "})
        if shell:
            self.child.expect("SHELL: ")
            self.child.sendline(" ".join(f"'{word}'" for word in command))
        self.child.expect(PROMPT, timeout=5 * PATIENCE)    # it may have to be built before
        self.machines = machines_below(self.child.pid)
        assert len(self.machines) == 1

    def has_machine(self):
        return any(map(is_running, self.machines))

    def run(self, command):
        self.child.sendline(command)
        self.child.expect(PROMPT)

    def run_on(self):
        """Lets the guest go, until it has begun to work."""
        self.child.sendline("continue")
        self.child.expect("Continuing")
        deadline = time.monotonic() + PATIENCE
        while "start /sbin/init" not in self.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert "start /sbin/init" in self.log.read_text()

    def end(self, keys):
        self.child.send(keys)
        self.child.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus


@pytest.mark.parametrize("keys", ["quit\r", CTRL_D])
def test_the_end_of_gdb_is_the_end_of_all(build, tmp_path, keys):
    session = Session(tmp_path / "log")
    assert session.end(keys) == 0
    assert not session.has_machine()


def test_ctrl_c_stops_the_guest_and_nothing_else(build, tmp_path):
    session = Session(tmp_path / "log")
    session.run("delete")
    for _ in range(2):
        session.run_on()
        session.child.send(CTRL_C)
        session.child.expect("received signal SIGINT")
        session.child.expect(PROMPT)
        assert session.has_machine()
    assert session.end("quit\r") == 0
    assert not session.has_machine()


def test_ctrl_z_leaves_gdb_for_a_while(build, tmp_path):
    session = Session(tmp_path / "log", shell=True)
    session.child.send(CTRL_Z)
    session.child.expect("Stopped")
    session.child.expect("SHELL: ")
    session.child.sendline("fg")
    session.run("echo here again\\n")
    assert "here again" in session.child.before
    session.child.send("quit\r")
    session.child.expect("SHELL: ")
    session.child.sendline("echo status $?")
    session.child.expect("status 0")
    assert not session.has_machine()
    session.end("exit\r")
