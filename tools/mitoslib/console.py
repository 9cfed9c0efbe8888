"""The guest's console, COM1, joined to this process: as a terminal, or as two streams of bytes.

In a run of a command, init has put the console into a mode in which every byte comes out as it was
written. On the way in the line discipline stays on, so that an end of file can be told, and bytes
that it would act on are quoted by VLNEXT (0x16).
"""

import contextlib
import fcntl
import os
import termios
import threading
import time

VLNEXT, VEOF = 0x16, 0x04
LINE_LIMIT = 4001       # flush a line that grows this long: the tty holds 4095 bytes of one
QUOTED = frozenset(range(0x20)) - {0x0a} | {0x7f}


class InputEncoder:
    """Turns standard input into what is typed on the console."""

    def __init__(self):
        self.column = 0     # bytes since the last newline or flush

    def encode(self, data):
        typed = bytearray()
        for byte in data:
            if byte in QUOTED:
                typed.append(VLNEXT)
            typed.append(byte)
            self.column = 0 if byte == 0x0a else self.column + 1
            if self.column == LINE_LIMIT:
                typed.append(VEOF)
                self.column = 0
        return bytes(typed)

    def end(self):
        """A first VEOF after part of a line only hands that part over; the next one is the end."""
        return bytes([VEOF] * (2 if self.column else 1))


def forward_input(process, is_ready):
    """Types standard input on the console, once init is ready for it, until either side ends."""
    while not is_ready():
        if process.poll() is not None:
            return
        time.sleep(0.002)
    encoder = InputEncoder()
    try:
        while data := read_input():
            process.stdin.write(encoder.encode(data))
        process.stdin.write(encoder.end())
    except (BrokenPipeError, ValueError):
        pass    # the machine is off


def read_input():
    """The next bytes of standard input; none at its end, or where there is none to read."""
    try:
        return os.read(0, 4096)
    except OSError:
        return b""


def copy_output(process):
    """Hands every byte of the console to standard output as it comes, until the machine is off."""
    source = process.stdout.fileno()
    while data := os.read(source, 65536):
        while data:
            data = data[os.write(1, data):]


def exchange(process, is_ready):
    """Joins a QEMU whose console is on two unbuffered pipes to standard input and output."""
    threading.Thread(target=forward_input, args=(process, is_ready), daemon=True).start()
    copy_output(process)


def session_environment():
    """What an interactive session should know of this terminal."""
    environment = {"TERM": os.environ.get("TERM", "linux")}
    with contextlib.suppress(OSError):
        size = os.get_terminal_size(0)
        environment.update(LINES=size.lines, COLUMNS=size.columns)
    return environment


@contextlib.contextmanager
def terminal_kept():
    """Whatever QEMU does to this terminal, and however it ends, is undone."""
    try:
        mode, flags = termios.tcgetattr(0), fcntl.fcntl(0, fcntl.F_GETFL)
    except termios.error:
        yield
        return
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, mode)
        fcntl.fcntl(0, fcntl.F_SETFL, flags)
