"""`tools/mitos gdb`: the machine, stopped before its first instruction, and GDB in this terminal.

Without a command the guest's console is a pseudo-terminal of its own, to be opened elsewhere; the
output of a command goes to console.log in the build. More arguments for GDB come with --gdb.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import sys

from . import foreground, klog, qemu, run
from .errors import Problem

SCRIPT = os.path.normpath(os.path.join(os.path.dirname(__file__), "../gdb/mitos.gdb"))


def add_options(parser):
    run.add_options(parser)
    parser.add_argument("--gdb", metavar="ARG", action="append", default=[],
                        help="one more argument for GDB, such as --gdb=-batch (repeatable)")


def stub(resources):
    """A listening socket on a free port, and QEMU's arguments for its debugger's stub there.

    Without nodelay each of the protocol's small packets waits for an acknowledgement, 40 ms.
    """
    listener = resources.enter_context(socket.create_server(("127.0.0.1", 0)))
    socket_options = f"fd={listener.fileno()},server=on,wait=off,nodelay=on"
    return listener, ["-S", "-chardev", f"socket,id=gdb,{socket_options}", "-gdb", "chardev:gdb"]


def console_arguments(options, command):
    if not command:
        return ["-chardev", "pty,id=console", "-serial", "chardev:console"]
    path = os.path.join(options.build, "console.log").replace(",", ",,")
    return ["-serial", f"file:{path}"]


def tell_console(options, process, command):
    """Where the guest's console is. QEMU says the name of its pseudo-terminal in its first line."""
    if command:
        print(f"The console's output goes to {os.path.join(options.build, 'console.log')}")
        return
    line = process.stdout.readline().decode()
    name = next((word for word in line.split() if word.startswith("/dev/")), "?")
    print(f"The console is {name}: open it from another terminal with `screen {name}`")


def debug(options, port):
    """GDB until it ends; Ctrl-C is GDB's, which stops the machine with it."""
    return foreground.call(
        ["gdb", "-q", os.path.join(options.build, "kernel.elf"),
         "-ex", f"target remote 127.0.0.1:{port}", "-x", SCRIPT, *options.gdb])


def gdb(options, command):
    """Returns GDB's status; the machine ends with it."""
    if options.on != "mitos":
        raise Problem("there are no symbols for Linux here")
    if not shutil.which("gdb"):
        raise Problem("gdb is not installed: run make deps")
    run.catch_signals(options.timeout)
    with contextlib.ExitStack() as resources:
        boot, fds = run.boot_arguments(options, command, resources)
        log = resources.enter_context(klog.opened(options.build, options.log))
        listener, stub_arguments = stub(resources)
        arguments = [*qemu.machine(options), *qemu.kernel_log(log.path), *boot,
                     *console_arguments(options, command), *stub_arguments]
        process = qemu.start(arguments, [*fds, log.fd, listener.fileno()], start_new_session=True,
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        resources.callback(qemu.stop, process)
        tell_console(options, process, command)
        sys.stdout.flush()
        return debug(options, listener.getsockname()[1])
