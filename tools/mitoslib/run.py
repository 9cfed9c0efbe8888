"""`tools/mitos run`: boots mitos for a person at a terminal, or for one command.

With --on linux it boots Debian's Linux instead, in the same machine and with the same initramfs.

The exit status of a command's run is the command's own (128+N for signal N); 125 if the kernel
panicked or there was no run, 124 if --timeout was over.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile

from . import console, initramfs, iso, klog, linux, qemu
from .errors import Ended, Problem

TIMED_OUT = 124
GRUB_CFG = os.path.join(os.path.dirname(__file__), "../../boot/grub.cfg")


def add_options(parser):
    """The options that choose a machine and what it boots; the later doors share them."""
    parser.add_argument("--overlay", metavar="DIR", action="append", default=[],
                        help="copy DIR over the root of the initramfs (repeatable)")
    parser.add_argument("--smp", metavar="N", type=int, default=1, help="processors (default: 1)")
    parser.add_argument("--mem", metavar="SIZE", default="128M", help="memory (default: 128M)")
    parser.add_argument("--cpu", metavar="MODEL", help="QEMU's CPU model (default: max)")
    parser.add_argument("--icount", action="store_true",
                        help="one instruction is one nanosecond: exact, repeatable counts")
    parser.add_argument("--append", metavar="WORDS", action="append", default=[],
                        help="words for the kernel's command line (repeatable)")
    parser.add_argument("--boot", choices=("direct", "grub"), default="direct",
                        help="how the kernel is loaded (default: direct)")
    parser.add_argument("--on", choices=("mitos", "linux"), default="mitos",
                        help="which kernel: linux is Debian's, downloaded when first asked for")
    parser.add_argument("--timeout", metavar="S", type=float, help="give up after S seconds (124)")
    parser.add_argument("--log", metavar="FILE", help="the kernel log (default: build/kernel.log)")


def options_of(build, *words):
    """The options of a run that has these words for its command line."""
    parser = argparse.ArgumentParser()
    add_options(parser)
    return parser.parse_args(words, argparse.Namespace(build=build))


def read_product(build, name):
    path = os.path.join(build, name)
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise Problem(f"{path} is not there: run make first") from None


def boot_archive(options, command):
    """The base initramfs with what this run adds to it."""
    base = read_product(options.build, "initramfs.cpio")
    if options.on == "linux":
        base = linux.base_archive(os.path.join(options.build, "root"))
    for directory in options.overlay:
        if not os.path.isdir(directory):
            raise Problem(f"--overlay {directory}: not a directory")
    if command:
        return base + initramfs.addition(base, options.overlay, argv=command)
    return base + initramfs.addition(base, options.overlay, env=console.session_environment())


def boot_arguments(options, command, resources):
    """QEMU's arguments for booting as asked, and the descriptors it must inherit for them."""
    words = (["quiet"] if command else []) + options.append
    kernel = os.path.join(options.build, "kernel.elf")
    if options.on == "linux":
        if options.boot == "grub":
            raise Problem("--on linux boots directly, not through GRUB")
        words = linux.WORDS + options.append
        kernel = linux.kernel(options.build)
    if not os.path.exists(kernel):
        raise Problem(f"{kernel} is not there: run make first")
    archive = boot_archive(options, command)
    if options.boot == "grub":
        directory = resources.enter_context(tempfile.TemporaryDirectory(prefix="mitos."))
        image = os.path.join(directory, "mitos.iso")
        iso.make(image, kernel, archive, GRUB_CFG, " ".join(words))
        return qemu.cd_boot(image), []
    fd = qemu.memory_file("initramfs.cpio", archive)
    resources.callback(os.close, fd)
    return qemu.direct_boot(kernel, fd, " ".join(words)), [fd]


def interactive(arguments, fds):
    """A session at this terminal; QEMU's multiplexer gives Ctrl-A x to leave by."""
    with console.terminal_kept():
        process = qemu.start(arguments + ["-serial", "mon:stdio"], fds)
        try:
            return process.wait()
        finally:
            qemu.stop(process)


def batch(arguments, fds, log):
    """One command: its bytes out, ours in. Returns QEMU's exit status."""
    process = qemu.start(arguments + qemu.CONSOLE, fds, stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, bufsize=0)
    try:
        console.exchange(process, log.is_ready)
        return process.wait()
    finally:
        qemu.stop(process)


def verdict(status, log, command):
    """The exit status of the run, from QEMU's and from the kernel log."""
    if status == qemu.PANIC_STATUS:
        print(f"mitos: the kernel panicked\n{log.tail()}", file=sys.stderr)
        return qemu.PANIC_STATUS
    if status:
        raise Problem(f"QEMU ended with status {status}")
    if not command:
        return 0
    result = log.exit_status()
    if result is None:
        raise Problem(f"the machine went off without an exit status from init\n{log.tail()}")
    return result


def on_alarm(signum, frame):
    raise Problem("the time is over", TIMED_OUT)


def on_signal(signum, frame):
    raise Ended(signum)


def catch_signals(timeout):
    """From here on the signals that end a process, and the timeout, unwind it first."""
    for signum in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, on_signal)
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)   # in the background there is no input to read
    signal.signal(signal.SIGALRM, on_alarm)
    if timeout:
        signal.setitimer(signal.ITIMER_REAL, timeout)


def run(options, command):
    """Boots, and returns the exit status for tools/mitos."""
    catch_signals(options.timeout)
    with contextlib.ExitStack() as resources:
        boot, fds = boot_arguments(options, command, resources)
        log = resources.enter_context(klog.opened(options.build, options.log))
        log_port = qemu.kernel_log_on_serial if options.on == "linux" else qemu.kernel_log
        arguments = qemu.machine(options) + log_port(log.path) + boot
        fds.append(log.fd)
        status = batch(arguments, fds, log) if command else interactive(arguments, fds)
        return verdict(status, log, command)
