"""Run by GDB, stopped in sys_fork: steps line by line until the system call returns.

At each stop it reads the arguments and variables of every frame. Where a variable lies depends on
the program counter alone, so a frame is read once for each place that it is found at. Functions of
other rooms than kernel/proc and kernel/mm are not stepped into. Prints `walked FUNCTION` for each
function that it went through, and `hidden FILE:LINE FUNCTION VARIABLE` for each variable that GDB
has no value for.
"""

import gdb

OTHER_ROOMS = ("kernel/lib", "kernel/x86", "kernel/sched", "kernel/fs", "/usr/", "build/")
HIDDEN = "<optimized out>"


def frames(frame):
    while frame:
        yield frame
        frame = frame.older()


def variables(frame):
    """Those of the innermost block and of the blocks around it, to the function's own."""
    block = frame.block()
    while block and not block.is_global and not block.is_static:
        yield from (symbol for symbol in block if symbol.is_argument or symbol.is_variable)
        block = None if block.function else block.superblock


def read(frame):
    place = frame.find_sal()
    for symbol in variables(frame):
        if HIDDEN in symbol.value(frame).format_string():
            print("hidden", f"{place.symtab.filename}:{place.line}", frame.name(), symbol.name)


def walk():
    start = gdb.newest_frame().older()
    read_at, walked = set(), set()
    while gdb.newest_frame() != start:
        for frame in frames(gdb.newest_frame()):
            if frame.function() and frame.pc() not in read_at:
                read_at.add(frame.pc())
                read(frame)
        walked.add(gdb.newest_frame().name())
        gdb.execute("step", to_string=True)
    for name in walked:
        print("walked", name)


for room in OTHER_ROOMS:
    gdb.execute(f"skip -gfi *{room}/*", to_string=True)
walk()
