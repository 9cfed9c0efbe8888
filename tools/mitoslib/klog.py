"""The kernel log of a run: where it is kept, and what it tells about how the run ended."""

import contextlib
import os
import re
import tempfile

STATUS = re.compile(rb"init: exit status (\d+)\s*$", re.MULTILINE)
READY = b"init: running "
PANIC = re.compile(rb"^.*panic.*$", re.MULTILINE | re.IGNORECASE)
TAIL_LINES = 40


class KernelLog:
    """The file that QEMU writes the log to."""

    def __init__(self, path):
        self.path = path

    def read(self):
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""

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


@contextlib.contextmanager
def opened(build, path=None):
    """The log of one run: at path if given, otherwise at build/kernel.log.

    Runs side by side must not read each other's status, so each writes to a file of its own, of
    which build/kernel.log is another name; the run that started last has the name.
    """
    if path:
        open(path, "wb").close()
        yield KernelLog(path)
        return
    fd, own = tempfile.mkstemp(prefix="kernel.", suffix=".log", dir=build)
    os.close(fd)
    os.chmod(own, 0o644)
    try:
        os.link(own, own + ".link")
        os.replace(own + ".link", os.path.join(build, "kernel.log"))
        yield KernelLog(own)
    finally:
        os.unlink(own)
