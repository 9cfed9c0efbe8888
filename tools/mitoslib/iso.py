"""The CD image that boots through GRUB (BIOS; EFI as well where GRUB's EFI files are installed)."""

import os
import shutil
import subprocess
import tempfile

from .errors import Problem

# Only what the menu needs: the image is then 1 MB rather than 20, and GRUB starts in half the time.
MODULES = "normal multiboot2 iso9660 configfile test"


def quoted(text):
    """The text as one word of GRUB's script language."""
    return "'" + text.replace("'", "'\\''") + "'"


def make(output, kernel, initramfs, grub_cfg, cmdline=""):
    """Writes the image with this kernel (a path), initramfs (bytes) and kernel command line."""
    if not shutil.which("grub-mkrescue"):
        raise Problem("grub-mkrescue is not installed: run make deps")
    with tempfile.TemporaryDirectory(prefix="mitos-iso.") as root:
        boot = os.path.join(root, "boot")
        os.makedirs(os.path.join(boot, "grub"))
        shutil.copy(grub_cfg, os.path.join(boot, "grub/grub.cfg"))
        subprocess.run(["strip", "--strip-debug", "-o", os.path.join(boot, "kernel.elf"), kernel],
                       check=True)
        with open(os.path.join(boot, "initramfs.cpio"), "wb") as file:
            file.write(initramfs)
        if cmdline:
            with open(os.path.join(boot, "grub/cmdline.cfg"), "w") as file:
                file.write(f"set append={quoted(cmdline)}\n")
        command = ["grub-mkrescue", f"--install-modules={MODULES}", "--fonts=", "--themes=",
                   "--locales=", "-o", output, root]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise Problem("grub-mkrescue failed:\n" + done.stdout.decode(errors="replace"))
