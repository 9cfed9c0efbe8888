"""The machine: QEMU's command line, and a QEMU that never outlives the process that started it."""

import ctypes
import os
import shutil
import signal
import subprocess

from .errors import Problem

QEMU = "qemu-system-x86_64"
PANIC_STATUS = 125      # isa-debug-exit makes it of the 62 that a panic writes
DATA_DIRECTORIES = ("/usr/share/qemu", "/usr/share/qboot", "/usr/local/share/qemu")
PR_SET_PDEATHSIG = 1
CONSOLE = ["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]
LIBC = ctypes.CDLL(None)

# One guest instruction is one virtual nanosecond. Under icount a `rep` counts once per element,
# so the features that choose byte-wise `rep` would distort the counts; 5-level paging would
# lengthen walks.
ICOUNT = ["-icount", "shift=0,sleep=off"]
ICOUNT_CPU = "max,-erms,-fsrm,-la57"


def firmware():
    """qboot where QEMU has it (31 ms to start), otherwise QEMU's own choice, SeaBIOS (54 ms)."""
    if any(os.path.exists(os.path.join(where, "qboot.rom")) for where in DATA_DIRECTORIES):
        return ["-bios", "qboot.rom"]
    return []


def machine(options):
    """The arguments that describe the machine: processors, memory, and no device not asked for."""
    cpu = options.cpu or (ICOUNT_CPU if options.icount else "max")
    arguments = [QEMU, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
                 "-machine", "pc", "-cpu", cpu, "-m", options.mem, "-smp", str(options.smp),
                 "-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"]
    return arguments + (ICOUNT if options.icount else [])


def direct_boot(kernel, initramfs_fd, cmdline):
    """QEMU loads the kernel by its PVH note."""
    return [*firmware(), "-kernel", kernel, "-initrd", f"/proc/self/fd/{initramfs_fd}",
            "-append", cmdline]


def cd_boot(iso):
    return ["-cdrom", iso]


def kernel_log(path):
    """The debug port, to which the kernel writes its log, goes into a file."""
    return ["-debugcon", f"file:{path.replace(',', ',,')}"]


def kernel_log_on_serial(path):
    """The second serial port goes into a file, for a kernel that knows nothing of a debug port."""
    return ["-chardev", f"file,id=log,path={path.replace(',', ',,')}",
            "-device", "isa-serial,chardev=log,index=1"]


def memory_file(name, data):
    """A file that exists only as this descriptor, and so needs no cleaning whatever happens."""
    fd = os.memfd_create(name)
    with os.fdopen(os.dup(fd), "wb") as file:
        file.write(data)
    return fd


def start(arguments, pass_fds=(), **popen):
    """Starts QEMU such that the host's kernel kills it when this process dies, in whatever way."""
    if not shutil.which(QEMU):
        raise Problem(f"{QEMU} is not installed: run make deps")
    parent = os.getpid()

    def die_with_parent():
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return subprocess.Popen(arguments, pass_fds=pass_fds, preexec_fn=die_with_parent, **popen)


def stop(process):
    """Ends QEMU at once, if it has not ended."""
    if process.poll() is None:
        process.kill()
        process.wait()
