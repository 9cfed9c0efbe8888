"""`tools/mitos bench --where OP`: into which functions the instructions of one operation go.

QEMU logs every instruction that it executes, one by one. (Its plugins could count them faster, but
Debian ships no header to compile one with.) The log is on only while the benchmark's program, which
waits for that, runs the operation; what counts in it lies between the program's clock_start and
clock_stop. So the sum is what the program measures by the time-stamp counter, which under icount
counts the same instructions: exactly so for the same run, and in another run of the operation
within TOLERANCE. Otherwise there is an error and no table.

An instruction that faults begins again after the fault, and the log names it each time; icount, and
this, counts it once. A `rep` instruction is one per element, in the log as under icount.
"""

import bisect
import collections
import contextlib
import os
import re
import subprocess
import threading

from . import klog, qemu, run
from .errors import Problem
from .monitor import Monitor

TOLERANCE = 0.002       # of the instructions, between the log and the program's own figure
SMALL = 0.002           # of the instructions: functions with less share the last row
KERNEL_HALF = 1 << 63
BENCH = range(0x10000000, 0x20000000)   # the Makefile links the program there, and no other
NOT_EXECUTED = (b"Stopped execution of TB", b"cpu_io_recompile")
EXCEPTION = re.compile(rb" *\d+: v=([0-9a-f]{2}) .* IP=[0-9a-f]+:([0-9a-f]{16}) ")
EXCEPTIONS = 32         # the vectors from here on are interrupts, which come between instructions


class Symbols:
    """The functions of an ELF file."""

    def __init__(self, path):
        done = subprocess.run(["nm", "-n", "--defined-only", path], stdout=subprocess.PIPE,
                              text=True)
        if done.returncode:
            raise Problem(f"nm cannot read {path}")
        self.by_name, self.by_address = {}, {}
        for address, kind, name in map(str.split, done.stdout.splitlines()):
            if kind in "tTwW" and not name.startswith("."):     # not an assembler's own label
                self.by_name[name] = int(address, 16)
                self.by_address.setdefault(int(address, 16), name)
        self.addresses = list(self.by_address)      # in ascending order, as nm gives them

    def function_at(self, address):
        """Its name, without what compilers and labels within it add, as in `name.cold`."""
        at = bisect.bisect(self.addresses, address) - 1
        return self.by_address[self.addresses[at]].partition(".")[0] if at >= 0 else "?"


def was_not_executed(line, last):
    """Whether this line of the log takes back the instruction that was named last."""
    if line.startswith(NOT_EXECUTED):
        return True
    exception = EXCEPTION.match(line)
    return exception and int(exception[1], 16) < EXCEPTIONS and exception[2] == last


def windows(log, start, stop):
    """For each time that the clock ran, address -> how often the instruction there was executed.

    log: QEMU's lines; start and stop: the addresses of the two functions of the clock. Addresses
    are as the log has them, 16 digits.
    """
    window, last = None, None
    for line in log:
        if line.startswith(b"Trace "):
            last = line.split(b"/", 2)[1]
            if last == start:
                window = collections.Counter()
            elif last == stop and window is not None:
                yield window
                window = None
            if window is not None:
                window[last] += 1
        elif window is not None and was_not_executed(line, last):
            window[last] -= 1


class Cheapest(threading.Thread):
    """Reads the log from a descriptor as it comes, and keeps its cheapest window."""

    def __init__(self, fd, clock):
        super().__init__(daemon=True)
        self.fd, self.clock, self.window = fd, clock, None

    def run(self):
        with os.fdopen(self.fd, "rb", buffering=1 << 20) as log:
            self.window = min(windows(log, *self.clock), key=lambda window: window.total(),
                              default=collections.Counter())


def begin_log(monitor):
    """From here on each block of code is one instruction, and is logged when it begins."""
    # It was called singlestep until QEMU 8.0. A command that QEMU knows prints nothing.
    if monitor.human("one-insn-per-tb on") and monitor.human("singlestep on"):
        raise Problem("this QEMU cannot execute instructions one by one")
    monitor.human("log exec,int")


def console_until(process, point):
    """The console's lines before the one that is asked for."""
    lines = []
    for line in process.stdout:
        if line == point + b"\n":
            return lines
        lines.append(line.decode(errors="replace"))
    raise Problem("".join(lines).rstrip() or "the benchmark ended early")


def watch(options, command, clock):
    """Runs the benchmark's program for one operation in a machine of its own.

    options: the machine's, as for a run; command: the guest's; clock: the addresses of the clock's
    two functions. Returns the lines that the program prints, and the cheapest window.
    """
    with contextlib.ExitStack() as resources:
        boot, fds = run.boot_arguments(options, command, resources)
        log = resources.enter_context(klog.opened(options.build, options.log))
        monitor = Monitor(resources)
        source, sink = os.pipe()
        cheapest = Cheapest(source, clock)
        cheapest.start()
        arguments = [*qemu.machine(options), *qemu.kernel_log(log.path), *boot, *qemu.CONSOLE,
                     *monitor.arguments, "-D", f"/proc/self/fd/{sink}"]
        try:
            process = qemu.start(arguments, [*fds, log.fd, monitor.fd, sink], bufsize=0,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        finally:
            os.close(sink)
        resources.callback(qemu.stop, process)
        printed = console_until(process, b"begin")
        begin_log(monitor)
        process.stdin.write(b"\n")
        console_until(process, b"end")
        monitor.human("log none")
        process.stdin.write(b"\n")
        if run.verdict(process.wait(), log, command):
            raise Problem("the benchmark failed")
        cheapest.join()
    return printed, cheapest.window


def by_function(window, kernel):
    """Name -> instructions: the kernel's functions, and what user mode executed, by program."""
    functions = collections.Counter()
    for digits, count in window.items():
        address = int(digits, 16)
        if address >= KERNEL_HALF:
            functions[kernel.function_at(address)] += count
        else:
            functions["(bench, user mode)" if address in BENCH else "(init, user mode)"] += count
    return functions


def table(functions, times):
    """The lines of the table, dearest function first."""
    total = functions.total()
    rows = [row for row in functions.most_common() if row[1] >= SMALL * total]
    if len(rows) < len(functions):
        rows.append((f"(others: {len(functions) - len(rows)})",
                     total - sum(count for _, count in rows)))
    form = ",.1f" if times > 1 else ",.0f"
    yield f"{'instructions':>14} {'%':>6} {'so far':>7}  function"
    so_far = 0
    for name, count in rows:
        so_far += count
        yield (f"{format(count / times, form):>14} {100 * count / total:6.1f} "
               f"{100 * so_far / total:7.1f}  {name}")


def where(options, command, program):
    """Prints the table of one operation.

    options: the machine's, as for a run; command: the guest's; program: the file that it runs.
    """
    run.catch_signals(options.timeout)
    functions = Symbols(program).by_name
    clock = [b"%016x" % functions[name] for name in ("clock_start", "clock_stop")]
    printed, window = watch(options, command, clock)
    _, figure, text, times = "".join(printed).rstrip("\n").split("\t")
    figure, times = int(figure), int(times)
    logged = window.total() / times
    summary = f"{text}: {figure:,} instructions by its own clock, {logged:,.1f} in QEMU's log"
    if abs(logged - figure) > max(TOLERANCE * figure, 1):   # the figure is a whole number
        raise Problem(summary)
    kernel = Symbols(os.path.join(options.build, "kernel.elf"))
    print("\n".join([summary, *table(by_function(window, kernel), times)]))
    return 0
