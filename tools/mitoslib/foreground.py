"""A program that has this terminal to itself, as a shell gives it to a job.

The keys that make signals reach every process of the terminal's foreground group, so also a make
that called us: it would let its recipe end and then die of the Ctrl-C itself. Therefore the program
becomes a group of its own, and that one has the terminal while it runs. When Ctrl-Z stops it, we
stop with all of our group, so that the shell prompts; when that continues us, so does the program.
"""

import os
import signal
import subprocess

from . import console


def foreground():
    """The process group that has the terminal; None without a terminal."""
    try:
        return os.tcgetpgrp(0)
    except OSError:
        return None


def hand_over(group, to):
    """Gives the terminal to another process group, if it is this group's to give."""
    if foreground() == group:
        os.tcsetpgrp(0, to)


def default_signals():
    for signum in (signal.SIGINT, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(signum, signal.SIG_DFL)


def become_a_job():
    """In the child, before it executes the program."""
    group = os.getpgrp()
    os.setpgid(0, 0)
    hand_over(group, os.getpid())
    default_signals()


def wait(process):
    """Until the program has ended, however often it is stopped; returns what a shell's `$?` is."""
    while True:
        _, status = os.waitpid(process.pid, os.WUNTRACED)
        # It runs on after `bg`, and after `fg` nobody told it that the terminal is ours again.
        has_missed_fg = foreground() == os.getpgrp()
        hand_over(process.pid, os.getpgrp())
        if not os.WIFSTOPPED(status):
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode if process.returncode >= 0 else 128 - process.returncode
        if not has_missed_fg:
            os.kill(0, signal.SIGTSTP)
        hand_over(os.getpgrp(), process.pid)
        os.killpg(process.pid, signal.SIGCONT)


def call(arguments):
    """Runs a program, in the foreground if we are there, and returns its status."""
    if foreground() != os.getpgrp():
        signal.signal(signal.SIGINT, signal.SIG_IGN)    # that is for the program alone
        return subprocess.call(arguments, preexec_fn=default_signals)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)       # else one may not take a terminal back
    with console.terminal_kept():
        process = subprocess.Popen(arguments, preexec_fn=become_a_job)
        try:
            return wait(process)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
                hand_over(process.pid, os.getpgrp())
