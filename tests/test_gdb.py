"""`tools/mitos gdb` follows a fork down to the page-table entry, and no variable is hidden.

GDB runs in batch mode on the debugger's build. It steps through a whole fork line by line, and at
each line has a value for every variable of the function and of its callers.
"""

import re
import shutil
import subprocess

import pytest

from support import BUILD, PATIENCE, ROOT, TOOL, checked

PATH = """task_clone task_copy task_alloc clone_identity limits_charge_process clone_pid clone_files
clone_fs clone_signals clone_mm mm_fork copy_layout fork_areas vma_duplicate fork_area fork_table
fork_page share_page pages_count clone_registers link_family""".split()
HIDDEN = "<optimized out>"


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """The debugger's kernel with the ordinary initramfs."""
    checked("make", "kernel", "DEBUG=1", f"O={BUILD}/debug", cwd=ROOT)
    directory = tmp_path_factory.mktemp("debug")
    shutil.copy(BUILD / "debug/kernel.elf", directory)
    shutil.copy(BUILD / "initramfs.cpio", directory)
    return directory


def debug(build, *commands, patience=PATIENCE):
    """What GDB prints for the commands, which it is given when the first fork has begun."""
    arguments = ["-batch"]
    for command in ("continue", *commands):
        arguments += ["-ex", command]
    done = subprocess.run([*TOOL, "gdb", "--build", str(build), "--timeout", str(patience),
                           "--log", str(build / "log"), *(f"--gdb={word}" for word in arguments),
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


def test_no_variable_is_hidden_at_any_line_of_a_fork(build):
    printed = debug(build, f"source {ROOT}/tests/walk_fork.py", patience=5 * PATIENCE)
    assert not set(PATH) - set(re.findall(r"^walked (\w+)$", printed, re.MULTILINE)), printed
    assert not re.findall(r"^hidden .*$", printed, re.MULTILINE)
