"""The archives that the kernel unpacks, with entries that tools/mitos itself would not make."""

import shutil
import stat

from support import BUILD, mitos
from mitoslib import cpio


def symlink(name, target):
    return cpio.Entry(name, stat.S_IFLNK | 0o777, target)


def hard_links(inode, data, *names):
    """An entry for each name of one file: its contents come with the last, as from GNU cpio."""
    for name in names:
        entry = cpio.encode(cpio.regular(name, data if name == names[-1] else b""), inode)
        yield entry[:38] + b"%08x" % len(names) + entry[46:]    # the fifth field


def boot(tmp_path, *archives, command):
    """What the command prints in / where the archives lie over the base initramfs."""
    shutil.copy(BUILD / "kernel.elf", tmp_path)
    base = (BUILD / "initramfs.cpio").read_bytes()
    (tmp_path / "initramfs.cpio").write_bytes(base + b"".join(archives))
    run = mitos("busybox", "ash", "-c", f"cd /; {command}; tail -n 1 /proc/audit", build=tmp_path)
    *lines, audit = run.output.decode().splitlines()
    assert run.status == 0 and audit == "audit: clean", run
    return lines


def test_missing_directories_are_made(tmp_path):
    archive = cpio.archive([cpio.regular("a/b/c", b"deep\n"), symlink("a/l/l", b"../b/c"),
                            cpio.directory("a/b/d/"), cpio.directory("./a/b", 0o700)])
    printed = boot(tmp_path, archive, command="cat a/b/c a/l/l; stat -c '%a %h %n' a a/b a/b/d")
    assert printed == ["deep", "deep", "755 4 a", "700 3 a/b", "755 2 a/b/d"]


def test_a_later_entry_replaces_an_earlier_one_of_another_kind(tmp_path):
    names = "file dir link device".split()
    kinds = {"file": lambda name: cpio.regular(name, b"new\n"), "dir": cpio.directory,
             "link": lambda name: symlink(name, b"nowhere"),
             "device": lambda name: cpio.character_device(name, 1, 3, 0o600)}
    first = [kinds[old](f"{old}-{new}") for old in names for new in names]
    second = [kinds[new](f"{old}-{new}") for old in names for new in names]
    printed = boot(tmp_path, cpio.archive(first), cpio.archive(second),
                   command="stat -c '%n %F' *-*; cat *-file")
    types = {"file": "regular file", "dir": "directory", "link": "symbolic link",
             "device": "character special file"}
    expected = [f"{old}-{new} {types[new]}" for old in sorted(names) for new in sorted(names)]
    assert printed == [*expected, *["new"] * len(names)]


def test_hard_links_are_one_file(tmp_path):
    archive = b"".join(hard_links(7, b"same\n", "one", "sub/two", "three"))
    names = "one sub/two three"
    printed = boot(tmp_path, archive,
                   command=f"cat {names}; stat -c '%h %s' {names}; ls -i {names}")
    assert printed[:6] == ["same"] * 3 + ["3 5"] * 3
    assert len({line.split()[0] for line in printed[6:]}) == 1, printed
