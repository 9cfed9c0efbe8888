"""The first file system: the base archive that the build makes, and what a run adds to it.

A run appends a second archive with its overlays and with the two files through which the host talks
to init: /etc/mitos/argv (the command to run, as NUL-terminated strings) and /etc/mitos/env (lines
NAME=VALUE for an interactive session).
"""

import os

from . import cpio

# What every mitos has besides its programs. The numbers are Linux's.
SKELETON = [
    cpio.directory("bin"),
    cpio.directory("dev"),
    cpio.directory("etc"),
    cpio.directory("proc", 0o555),
    cpio.directory("root", 0o700),
    cpio.directory("sbin"),
    cpio.directory("tmp", 0o1777),
    cpio.character_device("dev/console", 5, 1, 0o600),
    cpio.character_device("dev/tty", 5, 0, 0o666),
    cpio.character_device("dev/null", 1, 3, 0o666),
    cpio.character_device("dev/zero", 1, 5, 0o666),
]


def base(root):
    """The base archive: the skeleton and the tree under root."""
    ours = {entry.name for entry in SKELETON}
    return cpio.archive(SKELETON + [entry for entry in cpio.tree(root) if entry.name not in ours])


def addition(base_archive, overlays, argv=None, env=None):
    """The archive to append for one run, or nothing when nothing is to be added.

    A directory that is there already keeps its mode: to lay files over /tmp must not close it.
    """
    entries = [entry for directory in overlays for entry in cpio.tree(directory)]
    if argv is not None or env is not None:
        entries += [cpio.directory("etc"), cpio.directory("etc/mitos")]
    if argv is not None:
        strings = b"".join(os.fsencode(arg) + b"\0" for arg in argv)
        entries.append(cpio.regular("etc/mitos/argv", strings))
    if env is not None:
        lines = "".join(f"{name}={value}\n" for name, value in env.items())
        entries.append(cpio.regular("etc/mitos/env", lines.encode()))
    new, known = [], cpio.directories_of(base_archive)
    for entry in entries:
        if entry.is_directory():
            if entry.name in known:
                continue
            known.add(entry.name)
        new.append(entry)
    return cpio.archive(new) if new else b""
