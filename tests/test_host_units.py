"""The parts with no kernel state, compiled for this machine under sanitizers: tests and fuzzing.

Each tests/host/test_NAME.c is one program that prints KTAP; the table says what it is made with.
"""

import os
import re
import subprocess

import pytest

import ktap
import support
from support import ROOT
from mitoslib import initramfs

FLAGS = ["-std=gnu17", "-g", "-O1", "-Wall", "-Wextra", "-fno-omit-frame-pointer",
         "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
         "-Itests/host", "-Ikernel", "-Iuser/sh", "-Iuser/init"]
ENVIRONMENT = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
STANDARD_NAMES = ("memcpy memmove memset memcmp memchr strlen strnlen strcmp strncmp strchr strrchr"
                  .split())
KERNEL_NAMES = ["-ffreestanding", "-fno-builtin",
                "-Dstrlcpy=k_strlcpy", "-Dstr_to_u64=k_str_to_u64",
                *(f"-D{name}=k_{name}" for name in STANDARD_NAMES)]

# What is compiled together with the test: a source, or a source with flags of its own.
UNITS = {
    "printf": ["kernel/lib/printf.c"],
    "string": ["kernel/lib/string.c", ("kernel/lib/string.c", KERNEL_NAMES)],
    "list": [],
    "parser": [f"user/sh/{name}.c" for name in ("lexer", "word", "dollar", "heredoc", "parser",
                                                "compound", "show", "names", "memory")],
    "lineedit": ["user/sh/lineedit.c"],
    "cpio": ["kernel/fs/cpio.c"],
    "inittab": ["user/init/inittab.c"],
    "elf": ["kernel/proc/elf.c"],
}


def build(directory, parts):
    """Compiles one program under sanitizers; returns its path. Warnings are failures."""
    objects = []
    for number, part in enumerate(parts):
        source, flags = (part, []) if isinstance(part, str) else part
        objects.append(directory / f"{number}.o")
        printed = support.checked("gcc", *FLAGS, *flags, "-c", "-o", objects[-1], source, cwd=ROOT)
        assert not printed, printed
    program = directory / "program"
    support.checked("gcc", *FLAGS, "-o", program, *objects)
    return program


@pytest.mark.parametrize("unit", UNITS)
def test_unit(unit, tmp_path):
    program = build(tmp_path, [f"tests/host/test_{unit}.c", *UNITS[unit]])
    done = subprocess.run([program], capture_output=True, text=True, timeout=120, env=ENVIRONMENT)
    wrong = ktap.parse(done.stdout).failures()
    if done.returncode or wrong:
        pytest.fail("\n".join([*wrong, done.stderr, f"status {done.returncode}"]), pytrace=False)


def test_the_kernel_reads_what_the_tools_write(tmp_path):
    """The initramfs of tools/mitos and an overlay after it, through the kernel's parser."""
    tree = tmp_path / "tree"
    (tree / "bin").mkdir(parents=True)
    (tree / "bin/tool").write_bytes(b"\x00\x7fELF\xff")
    (tree / "bin/tool").chmod(0o4755)
    (tree / "bin/link").symlink_to("tool")
    base = initramfs.base(tree)
    archive = base + initramfs.addition(base, [tree], argv=["ls", ""])
    program = build(tmp_path, ["tests/host/list_cpio.c", "kernel/fs/cpio.c"])
    listed = subprocess.run([program], input=archive, capture_output=True, check=True,
                            env=ENVIRONMENT).stdout.decode().splitlines()
    entries = [re.sub(r"^\d+ ", "", line) for line in listed]
    assert [line for line in entries if line.split()[4].startswith("bin")] == [
        "40755 0:0 2 0:0 bin ", "120777 0:0 1 0:0 bin/link 746f6f6c",
        "104755 0:0 1 0:0 bin/tool 007f454c46ff",
        "120777 0:0 1 0:0 bin/link 746f6f6c", "104755 0:0 1 0:0 bin/tool 007f454c46ff"]
    assert "20600 0:0 1 5:1 dev/console " in entries and "41777 0:0 2 0:0 tmp " in entries
    assert entries[-2:] == ["40755 0:0 2 0:0 etc/mitos ",
                            "100644 0:0 1 0:0 etc/mitos/argv 6c730000"]


def test_every_unit_is_in_the_table():
    sources = (ROOT / "tests/host").glob("test_*.c")
    assert {path.stem for path in sources} == {f"test_{unit}" for unit in UNITS}
