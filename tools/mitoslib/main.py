"""The command line of tools/mitos."""

import argparse
import os
import signal
import sys

from . import bench, gdb, initramfs, iso, run, testing
from .errors import Ended, Problem

ROOT = os.path.normpath(os.path.join(os.path.dirname(__file__), "../.."))


def parser():
    """One sub-command per door."""
    main_parser = argparse.ArgumentParser(prog="tools/mitos", description="mitos, from the host")
    commands = main_parser.add_subparsers(dest="door", required=True, metavar="DOOR")

    def door(name, function, text):
        sub = commands.add_parser(name, help=text, description=text)
        sub.add_argument("--build", metavar="DIR", default=os.path.join(ROOT, "build"),
                         help="where the build lies (default: build)")
        sub.set_defaults(function=function)
        return sub

    sub = door("run", run.run, "boot to a shell on this terminal, or run a command: "
                               "run [OPTION]... [-- CMD ARG...]")
    run.add_options(sub)

    sub = door("test", testing.test, "run the tests; the last line is `N passed, N failed`")
    testing.add_options(sub)

    sub = door("gdb", gdb.gdb, "the machine stopped at its start, and gdb in this terminal: "
                               "gdb [OPTION]... [-- CMD ARG...]")
    gdb.add_options(sub)

    sub = door("bench", bench.bench, "measure the operations of a process's life, beside Linux's")
    bench.add_options(sub)

    sub = door("initramfs", make_initramfs, "write the base initramfs (called by make)")
    sub.add_argument("-o", dest="output", metavar="FILE", required=True)
    sub.add_argument("root", metavar="ROOT", help="the tree of files it holds")

    sub = door("iso", make_iso, "write the CD image (called by make)")
    sub.add_argument("-o", dest="output", metavar="FILE", required=True)
    return main_parser


def make_initramfs(options, command):
    with open(options.output, "wb") as file:
        file.write(initramfs.base(options.root))
    return 0


def make_iso(options, command):
    iso.make(options.output, os.path.join(options.build, "kernel.elf"),
             run.read_product(options.build, "initramfs.cpio"), run.GRUB_CFG)
    return 0


def main(argv):
    """Everything after the first `--` is the guest's command; the rest are our options."""
    split = argv.index("--") if "--" in argv else len(argv)
    options = parser().parse_args(argv[:split])
    try:
        return options.function(options, argv[split + 1:])
    except Problem as problem:
        print(f"mitos: {problem}", file=sys.stderr)
        return problem.status
    except BrokenPipeError:
        return end_by(signal.SIGPIPE)
    except Ended as ended:
        return end_by(ended.signum)


def end_by(signum):
    """Dies of the signal, so that whoever waits for this process sees the truth."""
    signal.signal(signum, signal.SIG_DFL)
    os.kill(os.getpid(), signum)
    return 128 + signum
