"""The same kernel from every compiler, without a warning; a build that redoes only what it must."""

import os
import shutil

import pytest

import support
from support import BUILD, ROOT, checked, mitos

CROSS = ROOT / "build/toolchain/bin/x86_64-elf-"
HOST_GCC = "CROSS_COMPILE="


def make(build, *arguments):
    """Runs make for a build directory of its own; returns what it printed."""
    return checked("make", f"O={build}", *arguments, cwd=ROOT)


def build_kernel(directory, *arguments):
    """Builds the kernel, which must give no warning, and puts the common initramfs beside it."""
    printed = make(directory, "kernel", *arguments)
    assert "warning" not in printed.lower(), printed
    shutil.copy(BUILD / "initramfs.cpio", directory)
    return directory


def smoke(build):
    """Processes live and die, memory is shared and parted, and nothing is lost."""
    script = "family && orphan && zombie | cat && cat /proc/audit && exit 9"
    for mode in ("cow", "eager"):
        run = mitos("/bin/sh", "-c", script, build=build, options=["--append", f"fork={mode}"])
        assert run.status == 9 and run.output.endswith(b"audit: clean\n"), run


def test_clang_and_lld(tmp_path):
    smoke(build_kernel(tmp_path, "LLVM=1"))


def test_host_gcc(tmp_path):
    smoke(build_kernel(tmp_path, HOST_GCC))


@pytest.mark.skipif(not os.path.exists(f"{CROSS}gcc"), reason="make toolchain was not run")
def test_cross_gcc(tmp_path):
    smoke(build_kernel(tmp_path, f"CROSS_COMPILE={CROSS}"))


def test_user_programs_without_a_warning(tmp_path):
    printed = make(tmp_path, "initramfs", "guest-tests")
    assert "warning" not in printed.lower(), printed


def test_sparse_has_nothing_to_say():
    checked("make", f"O={BUILD}", "sparse", cwd=ROOT)


def objects(build):
    """object -> when it was made."""
    return {path: path.stat().st_mtime_ns for path in (build / "obj").rglob("*.o")}


def remade(build, before):
    return {str(path.relative_to(build / "obj")) for path, time in objects(build).items()
            if before.get(path) != time}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the sources, in which files may be touched."""
    directory = tmp_path_factory.mktemp("copy") / "mitos"
    shutil.copytree(ROOT, directory, ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
    checked("make", "kernel", HOST_GCC, cwd=directory)
    return directory


def test_nothing_changed_nothing_is_remade(copy):
    before = objects(copy / "build")
    checked("make", "kernel", HOST_GCC, cwd=copy)
    assert not remade(copy / "build", before)


def test_a_changed_header_remakes_its_users(copy):
    before = objects(copy / "build")
    os.utime(copy / "kernel/x86/ksyms.h")
    checked("make", "kernel", HOST_GCC, cwd=copy)
    changed = remade(copy / "build", before)
    assert "kernel/x86/ksyms.c.o" in changed and "kernel/lib/string.c.o" not in changed


def test_changed_flags_remake_everything(copy):
    before = objects(copy / "build")
    checked("make", "kernel", HOST_GCC, "CI=true", cwd=copy)
    assert len(remade(copy / "build", before)) == len(before)


def test_the_symbol_table_names_the_functions():
    """The second link moved nothing: the table in the image agrees with the image's own symbols."""
    table = checked("awk", "-f", ROOT / "tools/ksyms.awk", "/dev/stdin",
                    input=checked("nm", "-n", BUILD / "kernel.elf"))
    assert table == (BUILD / "ksyms.asm").read_text()
    assert "'kmain', 0" in table
