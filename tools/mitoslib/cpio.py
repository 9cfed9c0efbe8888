"""The cpio `newc` format: the archives that the kernel's first file system is made of.

Archives may follow one another, and a later file replaces an earlier one of the same name; that is
how an overlay works. Everything belongs to 0:0, whoever builds it, and device nodes are only
entries here, so no step needs root.
"""

import os
import stat
from dataclasses import dataclass

MAGIC = b"070701"
TRAILER = "TRAILER!!!"
BLOCK = 512
HEADER_SIZE = 110


@dataclass
class Entry:
    """One file: its name without a leading slash, its mode with the type, and what it holds."""

    name: str
    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)
    mtime: int = 0

    def is_directory(self):
        return stat.S_ISDIR(self.mode)


def directory(name, permissions=0o755):
    return Entry(name, stat.S_IFDIR | permissions)


def regular(name, data, permissions=0o644):
    return Entry(name, stat.S_IFREG | permissions, data)


def character_device(name, major, minor, permissions):
    return Entry(name, stat.S_IFCHR | permissions, device=(major, minor))


def padded(data, unit):
    return data + b"\0" * (-len(data) % unit)


def encode(entry, inode):
    """The bytes of one entry: the header of 13 hexadecimal fields, the name, the data."""
    name = os.fsencode(entry.name) + b"\0"
    links = 2 if entry.is_directory() else 1
    fields = (inode, entry.mode, 0, 0, links, entry.mtime, len(entry.data), 0, 0,
              *entry.device, len(name), 0)
    header = MAGIC + b"".join(b"%08x" % field for field in fields)
    return padded(header + name, 4) + padded(entry.data, 4)


def archive(entries):
    """A whole archive, trailer included, a multiple of BLOCK long so that another can follow."""
    parts = [encode(entry, inode) for inode, entry in enumerate(entries, 1)]
    parts.append(encode(Entry(TRAILER, 0), 0))
    return padded(b"".join(parts), BLOCK)


def directories_of(data):
    """The names of the directories in an archive (only its headers are looked at)."""
    names, offset = set(), 0
    while data[offset:offset + 6] == MAGIC:
        header = data[offset + 6:offset + HEADER_SIZE]
        mode, size, name_size = (int(header[i * 8:i * 8 + 8], 16) for i in (1, 6, 11))
        name = os.fsdecode(data[offset + HEADER_SIZE:offset + HEADER_SIZE + name_size - 1])
        if name == TRAILER:
            break
        if stat.S_ISDIR(mode):
            names.add(name)
        offset += (HEADER_SIZE + name_size + 3) // 4 * 4 + (size + 3) // 4 * 4
    return names


def entry_of(path, name):
    """The entry for the file at path of the host."""
    info = os.lstat(path)
    entry = Entry(name, info.st_mode, mtime=int(info.st_mtime))
    if stat.S_ISREG(info.st_mode):
        with open(path, "rb") as file:
            entry.data = file.read()
    elif stat.S_ISLNK(info.st_mode):
        entry.data = os.fsencode(os.readlink(path))
    elif stat.S_ISCHR(info.st_mode) or stat.S_ISBLK(info.st_mode):
        entry.device = (os.major(info.st_rdev), os.minor(info.st_rdev))
    return entry


def tree(root):
    """The entries of everything below the directory root, parents first, in a fixed order."""
    for parent, directories, files in os.walk(root):
        directories.sort()
        for name in sorted(directories + files):
            path = os.path.join(parent, name)
            if not stat.S_ISSOCK(os.lstat(path).st_mode):
                yield entry_of(path, os.path.relpath(path, root))
