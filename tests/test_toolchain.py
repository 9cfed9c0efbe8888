"""The same kernel from every compiler, without a warning; a build that redoes only what it must.

The tests work in a copy of the sources, one after the other on the same build directory: switching
the compiler there is a test of its own.
"""

import os
import shutil

import pytest

from support import BUILD, ROOT, checked, mitos

CROSS = ROOT / "build/toolchain/bin/x86_64-elf-"
HOST_GCC = "CROSS_COMPILE="


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the sources with a kernel made by the host's gcc."""
    directory = tmp_path_factory.mktemp("copy") / "mitos"
    shutil.copytree(ROOT, directory, ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
    make(directory, HOST_GCC)
    return directory


def make(directory, compiler):
    """Makes the kernel, which gives no warning; returns the objects that were made for it."""
    before = objects(directory)
    checked("make", "kernel", compiler, "CI=true", cwd=directory)
    return {str(path.relative_to(directory / "build/obj"))
            for path, time in objects(directory).items() if before.get(path) != time}


def objects(directory):
    """object -> when it was made."""
    return {path: path.stat().st_mtime_ns for path in (directory / "build/obj").rglob("*.o")}


def smoke(directory):
    """Processes live and die, memory is shared and parted, and nothing is lost."""
    shutil.copy(BUILD / "initramfs.cpio", directory / "build")
    script = "family && orphan && zombie | cat && cat /proc/audit && exit 9"
    for mode in ("cow", "eager"):
        run = mitos("/bin/sh", "-c", script, build=directory / "build",
                    options=["--append", f"fork={mode}"])
        assert run.status == 9 and run.output.endswith(b"audit: clean\n"), run


def test_host_gcc(copy):
    smoke(copy)


def test_nothing_changed_nothing_is_remade(copy):
    assert not make(copy, HOST_GCC)


def test_a_changed_header_remakes_its_users(copy):
    os.utime(copy / "kernel/x86/ksyms.h")
    remade = make(copy, HOST_GCC)
    assert "kernel/x86/ksyms.c.o" in remade and "kernel/lib/string.c.o" not in remade


def test_clang_and_lld_remake_everything(copy):
    assert len(make(copy, "LLVM=1")) == len(objects(copy))
    smoke(copy)


@pytest.mark.skipif(not os.path.exists(f"{CROSS}gcc"), reason="make toolchain was not run")
def test_cross_gcc(copy):
    assert make(copy, f"CROSS_COMPILE={CROSS}")
    smoke(copy)


def test_sparse_has_nothing_to_say():
    checked("make", f"O={BUILD}", "sparse", cwd=ROOT)


def test_the_symbol_table_names_the_functions():
    """The second link moved nothing: the table in the image agrees with the image's own symbols."""
    table = checked("awk", "-f", ROOT / "tools/ksyms.awk", "/dev/stdin",
                    input=checked("nm", "-n", BUILD / "kernel.elf"))
    assert table == (BUILD / "ksyms.asm").read_text()
    assert "'kmain', 0" in table
