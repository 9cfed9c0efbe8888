"""The kernel log of a run: where it is kept, and what it tells about how the run ended."""

import contextlib
import os
import re
import tempfile

STATUS = re.compile(rb"init: exit status (\d+)\s*$", re.MULTILINE)
READY = b"init: running "
PANIC = re.compile(rb"^.*panic.*$", re.MULTILINE | re.IGNORECASE)
LOCK_REPORT = re.compile(rb"^.*lockcheck: .*\n", re.MULTILINE)
LOCK_REPORTS = "lock-reports"   # in the build's directory: those of all runs, for the tests
TAIL_LINES = 40


class KernelLog:
    """The file that QEMU writes the log to, held by its descriptor: its name may go to another."""

    def __init__(self, fd):
        self.fd = fd
        self.path = f"/proc/self/fd/{fd}"

    def read(self):
        return os.pread(self.fd, os.fstat(self.fd).st_size, 0)

    def is_ready(self):
        """Whether init has prepared the console for the command."""
        return READY in self.read()

    def exit_status(self):
        """CMD's exit status as init reported it, or None."""
        found = STATUS.findall(self.read())
        return int(found[-1]) if found else None

    def tail(self):
        """The end of the log, from the panic on when there is one."""
        text = self.read()
        panic = PANIC.search(text)
        lines = text[panic.start() if panic else 0:].decode(errors="replace").splitlines()
        return "\n".join(lines[:TAIL_LINES] if panic else lines[-TAIL_LINES:])

    def keep_lock_reports(self, build):
        """Adds what the lock checker said (make LOCKCHECK=1) to the build's file of reports."""
        lines = LOCK_REPORT.findall(self.read())
        if lines:
            with open(os.path.join(build, LOCK_REPORTS), "ab", buffering=0) as file:
                file.write(b"".join(lines))


@contextlib.contextmanager
def opened(build, path=None):
    """The log of one run: at path if given, otherwise at build/kernel.log.

    Runs side by side must not read each other's status, so each writes to a file of its own, and
    build/kernel.log is the name of the one that was started last.
    """
    if path:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644)
    else:
        fd, temporary = tempfile.mkstemp(prefix="kernel.log.", dir=build)
        os.fchmod(fd, 0o644)
        os.replace(temporary, os.path.join(build, "kernel.log"))
    log = KernelLog(fd)
    try:
        yield log
    finally:
        log.keep_lock_reports(build)
        os.close(fd)
