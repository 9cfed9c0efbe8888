"""Debian's Linux on the machine that mitos runs on, to compare the two.

The kernel is taken out of Debian's package, which apt-get downloads and nobody installs. The
initramfs is mitos's own, init and all, so a command finds the same world and only the kernel
differs. The first serial port is the command's, the second takes the kernel's log.
"""

import glob
import os
import re
import shutil
import subprocess
import tempfile

from . import cpio, initramfs
from .errors import Problem

META_PACKAGE = "linux-image-amd64"
PACKAGE = re.compile(r"^\s*(?:Pre)?Depends: (linux-image-\d\S*)$", re.MULTILINE)

# At its best: without what it does against leaks between processes. A panic ends the machine.
# Level 6 lets through what init writes to /dev/kmsg, which has level 4.
WORDS = ["console=ttyS1", "loglevel=6", "rdinit=/sbin/init", "panic=-1", "edd=off",
         "mitigations=off", "init_on_alloc=0"]
FIRST_SERIAL = (4, 64)


def installed(build):
    """The kernel that was fetched into this build, or None."""
    found = glob.glob(os.path.join(build, "linux/vmlinuz-*"))
    return max(found, key=os.path.getmtime) if found else None


def kernel(build):
    """The kernel, fetched if it is not there yet."""
    return installed(build) or fetch(build)


def release(path):
    """What uname calls it."""
    return os.path.basename(path).partition("-")[2]


def output(*command, **options):
    """What a command prints; a Problem if there is no such command or it fails."""
    if not shutil.which(command[0]):
        raise Problem(f"{command[0]} is not here: Linux's kernel is taken from Debian's package")
    done = subprocess.run(command, stdout=subprocess.PIPE, **options)
    if done.returncode:
        raise Problem(f"{' '.join(command)} failed (apt-get update may help)")
    return done.stdout


def fetch(build):
    """Downloads the package behind Debian's linux-image-amd64 and keeps its kernel alone."""
    package = PACKAGE.search(output("apt-cache", "depends", META_PACKAGE).decode())
    if not package:
        raise Problem(f"{META_PACKAGE} depends on no kernel")
    target = os.path.join(build, "linux")
    os.makedirs(target, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target) as directory:
        output("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package[1],
               cwd=directory)
        [archive] = glob.glob(os.path.join(directory, "*.deb"))
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive],
                              stdout=subprocess.PIPE) as files:
            output("tar", "-x", "--wildcards", "./boot/vmlinuz-*", stdin=files.stdout,
                   cwd=directory)
        [image] = glob.glob(os.path.join(directory, "boot/vmlinuz-*"))
        final = os.path.join(target, os.path.basename(image))
        os.replace(image, final)
    return final


def base_archive(root):
    """mitos's initramfs, but /dev/console is the first serial port.

    Linux's own /dev/console would be the port of its log. It has made that node before it unpacks
    this, and replaces a file only by one of another type: hence the plain file in between.
    """
    console = [cpio.regular("dev/console", b""),
               cpio.character_device("dev/console", *FIRST_SERIAL, 0o600)]
    return initramfs.base(root) + cpio.archive(console)
