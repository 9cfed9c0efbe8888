"""From power-on to the prompt: the image, the ways of loading it, and what is said meanwhile."""

import re
import subprocess

import pexpect
import pytest

import support
from support import BUILD, mitos
from mitoslib import qemu

STAMP = re.compile(r"^\[ *\d+\.\d{6}\] \S", re.MULTILINE)


def sections():
    """name -> flags, of the sections of the kernel image that are loaded."""
    listing = support.checked("readelf", "-SW", BUILD / "kernel.elf")
    found = re.findall(r"\] (\.\S+) +\S+ +[0-9a-f]{16} [0-9a-f]+ [0-9a-f]+ \S+ +([A-Z]*) ", listing)
    return {name: flags for name, flags in found if "A" in flags}


def test_no_section_is_writable_and_executable():
    flags = sections()
    assert {".text", ".rodata", ".data", ".bss"} <= set(flags)
    assert not [name for name, flag in flags.items() if "W" in flag and "X" in flag]
    assert "X" in flags[".text"] and "W" in flags[".data"]
    assert set(flags[".rodata"]) <= set("AMS")    # lld merges its strings and says so


def test_no_loaded_segment_is_writable_and_executable():
    listing = support.checked("readelf", "-lW", BUILD / "kernel.elf")
    flags = re.findall(r"^\s+LOAD(?:\s+0x[0-9a-f]+){5} ([RWE ]{3})", listing, re.MULTILINE)
    assert flags and not [flag for flag in flags if "W" in flag and "E" in flag], listing


def test_the_kernel_uses_no_vector_registers():
    """Interrupts and system calls save the general registers only."""
    code = support.checked("objdump", "-d", "--no-show-raw-insn", BUILD / "kernel.elf")
    users = {"fxsave", "fxsave64", "fxrstor", "fxrstor64", "xsave", "xsave64", "xrstor", "ldmxcsr"}
    wrong = [line for line in code.splitlines()
             if re.search(r"%[xyz]mm\d", line) and not users & set(line.split())]
    assert not wrong, "\n".join(wrong[:20])


def test_multiboot2_header_is_where_grub_looks():
    head = (BUILD / "kernel.elf").read_bytes()[:32768]
    assert any(head[i:i + 4] == b"\xd6\x50\x52\xe8" for i in range(0, len(head), 8))
    assert b"\x02\xb0\xad\x1b" not in head, "with a Multiboot1 header QEMU refuses the image"


def test_stages_are_logged_and_quiet_hides_them_from_the_console():
    run = mitos("echo", "the only line")
    assert run.output == b"the only line\n", run
    assert len(STAMP.findall(run.log)) >= 5, run.log


def prompt_of(command, timeout):
    """Boots to the prompt on a terminal; returns everything that was printed before."""
    session = pexpect.spawn(command[0], command[1:], timeout=timeout, encoding="utf-8",
                            codec_errors="replace", dimensions=(24, 80))
    try:
        session.expect(support.PROMPT)
        return session.before.replace("\r", "")
    finally:
        session.close(force=True)


def test_without_quiet_the_stages_are_on_the_console():
    assert STAMP.search(prompt_of(support.run_command([]), 20))


def test_with_quiet_they_are_not():
    assert not STAMP.search(prompt_of(support.run_command([], ["--append", "quiet"]), 20))


def test_the_cd_image_boots_to_the_prompt():
    """build/mitos.iso itself, as it would be burnt: without tools/mitos between."""
    machine = [qemu.QEMU, "-nodefaults", "-display", "none", "-m", "128M", "-no-reboot",
               "-cdrom", str(BUILD / "mitos.iso"), "-serial", "mon:stdio"]
    assert STAMP.search(prompt_of(machine, 30))


def test_seabios_serves_where_qboot_is_missing():
    machine = [qemu.QEMU, "-nodefaults", "-display", "none", "-m", "128M", "-no-reboot",
               "-kernel", str(BUILD / "kernel.elf"), "-initrd", str(BUILD / "initramfs.cpio"),
               "-serial", "mon:stdio"]
    prompt_of(machine, 30)


def test_no_initramfs_is_a_panic_that_says_so(tmp_path):
    log = tmp_path / "log"
    machine = [qemu.QEMU, "-nodefaults", "-display", "none", "-m", "128M", "-no-reboot",
               *qemu.firmware(), "-kernel", str(BUILD / "kernel.elf"), "-serial", "none",
               "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04", *qemu.kernel_log(str(log))]
    done = subprocess.run(machine, timeout=30, stdin=subprocess.DEVNULL)
    assert done.returncode == qemu.PANIC_STATUS
    assert "panic" in log.read_text().lower()
