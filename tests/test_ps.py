"""Our ps and pstree: on Linux they print what Debian's do, on mitos what they print on Linux.

tests/guest/prog_scene.c sets up processes that do not change while they are looked at. On Linux,
in namespaces of their own, procps's ps, psmisc's pstree and ours look at them with the same options
and must print the same, to the space. Where a column tells the time, what ours says lies between
what Debian's says before and after it. On mitos the same scene has the same pids but for a
constant.
"""

import os
import re
import shlex
import shutil
import subprocess

import pytest

from support import BUILD, PATIENCE, mitos

UNSHARE = "unshare --fork --pid --mount --mount-proc --ipc --kill-child".split()
# A namespace that is not root's own has no other users, and no priorities above the ordinary.
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
PASSWD = """root:x:0:0:root:/root:/bin/sh
nobody:x:65534:65534:nobody:/:/bin/sh
unpronounceable:x:4242:4242::/:/bin/sh
"""

COLUMNS = """pid ppid pgid pgrp sid uid user %mem pmem vsz rss ni nice nlwp psr tt tty tname stat s
state time bsdtime args cmd command""".split()
TIME_COLUMNS = ["c", "%cpu", "pcpu", "etime", "start_time", "stime"]
TREE = "pstree -U -c -l -T"     # Debian's, to draw as ours does
EACH_TREE = "for pid in $(ps -o pid= -p $scene); do {0} $pid; {0} -p $pid; done"

# name -> the command, or Debian's and ours
SAME = {
    **{f"{name} last": f"ps -o pid,{name} -p $scene" for name in [*COLUMNS, "comm", "wchan"]},
    **{f"{name} within": f"ps -o {name},s,{name},pid -p $scene" for name in COLUMNS},
    "headings": "ps -o pid=,ppid=P,tty=THE_TERMINAL,user=U,s=STATE -p $scene",
    "no headings": "ps -o pid= -o comm= -p $root",
    "blanks": "ps -o 'pid s' -p '3 4'",
    "joined": "ps -opid,s -p3",
    "no dash": "ps p3 opid,s",
    "repeated": "ps -o pid -o s -p 3 -p 4",
    "one absent": "ps -o pid,s -p 2147483647,3",
    "all absent": "ps -o pid,s -p 2147483647",
    "branches": (EACH_TREE.format(TREE), EACH_TREE.format("pstree")),
    "whole tree": (f"{TREE}; {TREE} -p", "pstree; pstree -p"),
}
FORMATS = ["aux", "-aux", "ax u", "-ef", "-Af", "-fe -p 3", "u -p 3,4", "up3", "-f -p 3", "-fp3"]
TIMED = {**{form: f"ps {form}" for form in FORMATS},
         **{name: f"ps -o pid,{name},s -p $scene" for name in TIME_COLUMNS}}

ERRORS = ["-p", "-o", "-p ''", "-p ,1", "-p 1,,2", "-p 1,2,", "-p 0", "-p -1", "-p 1x", "-p abc",
          "-p 99999999999", "-o ''", "-o ,pid", "-o pid,,s", "-o bogus", "-o pid,bogus", "-Y",
          "-efY", "Y", "bogus", "--bogus", "-", "--", "''"]

PORTABLE = {
    "family": "ps -o pid=,ppid=,pgid=,sid= -p $scene",
    "states": "ps -o pid=,stat= -p $scene",
    "texts": "ps -o tty,ni,s,comm,args -p $scene",
    "users": "ps -o uid,user -p $scene",
    "tree": "pstree $root",
    "numbered": "pstree -p $root",
    "aux": "ps aux",
    "ef": "ps -ef",
    "wait channels": "ps -o wchan=,comm= -p $scene",
    "audit": "cat /proc/audit",
}

# What on mitos the name of the function must tell, for each member of the scene that is named so.
WAIT_CHANNELS = {"in pipe": "pipe", "in poll": "poll", "in nanosleep": "nanosleep",
                 "in wait": "wait", "in sigsuspend": "suspend", "in futex": "futex",
                 "in vfork": "clone", "in tty": "input"}


def script(*runs):
    """Shell text that runs each (name, command, PATH) in the scene, between marks."""
    lines = ["exec 2>&1", "echo \"@scene $root $$\""]
    for name, command, path in runs:
        lines += [f"PATH={shlex.quote(path)}", f"echo {shlex.quote('@begin ' + name)}",
                  command, 'echo "@end $?"']
    return "\n".join(lines) + "\n"


def play(directory, text):
    """Lays the scene's program and the script, named the same everywhere, into directory/scene."""
    stage = directory / "scene"
    stage.mkdir()
    shutil.copy(BUILD / "tests/guest/prog_scene", stage)
    (stage / "passwd").write_text(PASSWD)
    (stage / "script").write_text(text)
    return stage


def results(output, errors=b""):
    """The root's pid, the script's pid, and name -> what a run printed and its status."""
    text = output.decode()
    assert text.startswith("@scene "), f"there is no scene: {errors}"
    root, after = map(int, re.search(r"^@scene (\d+) (\d+)$", text, re.M).groups())
    found = re.findall(r"^@begin ([^\n]+)\n(.*?)^@end (\d+)$", text, re.M | re.S)
    return root, after, {name: (printed, int(status)) for name, printed, status in found}


@pytest.fixture(scope="module")
def linux(tmp_path_factory):
    """The results on Linux. Names are `debian NAME`, `ours NAME` and `again NAME`, Debian's."""
    directory = tmp_path_factory.mktemp("linux")
    for program in ("ps", "pstree"):
        (directory / program).symlink_to(BUILD / "user" / program)
    debian, ours = "/usr/bin:/bin", f"{directory}:/usr/bin:/bin"
    runs = []
    for name, command in {**SAME, **TIMED}.items():
        of_debian, of_ours = (command, command) if isinstance(command, str) else command
        runs += [(f"debian {name}", of_debian, debian), (f"ours {name}", of_ours, ours),
                 (f"again {name}", of_debian, debian)]
    runs += [(f"portable {name}", command, ours) for name, command in PORTABLE.items()]
    stage = play(directory, "mount --bind passwd /etc/passwd\n" + script(*runs))
    unshare = UNSHARE if os.geteuid() == 0 else [*UNSHARE, "--user", "--map-root-user"]
    if subprocess.run([*unshare, "true"], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this machine allows no namespaces")
    processor = str(max(os.sched_getaffinity(0)))   # on one, and if there are several not on 0
    done = subprocess.run(["timeout", "-s", "KILL", str(PATIENCE), *unshare,
                           "taskset", "-c", processor, "./prog_scene", "sh", "./script"],
                          cwd=stage, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, env={"PATH": debian, "LC_ALL": "C.UTF-8"})
    return results(done.stdout)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The results on mitos."""
    directory = tmp_path_factory.mktemp("mitos")
    runs = [(f"portable {name}", command, "/bin") for name, command in PORTABLE.items()]
    play(directory, script(*runs))
    (directory / "etc").mkdir()
    (directory / "etc/passwd").write_text(PASSWD)
    run = mitos("sh", "-c", "cd /scene && exec ./prog_scene sh ./script",
                options=["--overlay", directory])
    return results(run.output, run.errors)


def of_the_scene(printed, after):
    """Without the lines of what runs the script, and is another process each time."""
    lines = printed.splitlines()
    return [line for line in lines if not (pid := re.match(r"\S+ +(\d+) ", line))
            or int(pid[1]) < after]


@pytest.mark.parametrize("name", SAME)
def test_the_same_as_debians(name, linux):
    _, _, found = linux
    (expected, status), (again, _) = found[f"debian {name}"], found[f"again {name}"]
    ours, our_status = found[f"ours {name}"]
    if name == "comm last" or "pstree" in SAME[name][0]:
        ours = ours.replace(" <defunct>", "")   # which these columns of Debian's do not say
    ours, expected, again = (re.sub(r"pstree\(\d+\)", "pstree", printed)
                             for printed in (ours, expected, again))
    assert len(expected) > 3 and our_status == status
    if ours != again:       # what lies in memory may change between two looks
        assert ours == expected


@pytest.mark.parametrize("form", FORMATS)
def test_formats(form, linux):
    """All is the same but the share of the processor, for the time that passes."""
    _, after, found = linux
    share = re.compile(r"^(\S+ +\d+(?: +\d+(?= +\d+ ))?) +\d+(\.\d)? ")
    before, ours, again = ([share.sub(r"\1 SHARE ", line) for line in
                            of_the_scene(found[f"{run} {form}"][0], after)]
                           for run in ("debian", "ours", "again"))
    assert len(ours) == len(before) > 1
    for line, *expected in zip(ours, before, again):
        assert line in expected
    assert found[f"ours {form}"][1] == 0


def value(column, text):
    """A column's text as a number that grows with time, or falls."""
    if column == "etime":
        seconds = 0
        for part in text.split(":"):
            seconds = 60 * seconds + int(part)
        return seconds
    return float(text)


@pytest.mark.parametrize("column", TIME_COLUMNS)
def test_columns_of_time(column, linux):
    _, _, found = linux
    before, ours, again = (found[f"{run} {column}"][0].splitlines()
                           for run in ("debian", "ours", "again"))
    assert len(ours) == len(before) > 1 and ours[0] == before[0]
    for line, *expected in zip(ours[1:], before[1:], again[1:]):
        if column in ("start_time", "stime"):
            assert line in expected
        else:
            low, mine, high = sorted([expected[0], line, expected[1]],
                                     key=lambda words: value(column, words.split()[1]))
            assert value(column, line.split()[1]) == value(column, mine.split()[1])
            assert re.sub(r"\d", "0", line) in [re.sub(r"\d", "0", text) for text in (low, high)]


def test_every_column_is_compared():
    done = subprocess.run([BUILD / "user/ps", "-o", "bogus"], capture_output=True, text=True)
    columns = re.search(r"^columns: (.*)$", done.stderr, re.M)[1].split()
    assert sorted(columns) == sorted([*COLUMNS, *TIME_COLUMNS, "comm", "wchan"])


@pytest.mark.parametrize("options", ERRORS)
def test_errors(options):
    expected, ours = (subprocess.run([program, *shlex.split(options)], capture_output=True,
                                     text=True) for program in ("ps", BUILD / "user/ps"))
    assert (ours.stdout, ours.returncode) == (expected.stdout, expected.returncode) == ("", 1)
    assert re.match(r"ps: .+\nusage: ps ", ours.stderr)


@pytest.mark.parametrize("options", ["-Q", "--bogus", "abc", "''", "1x", "-1", "1 1", "2147483646"])
def test_errors_of_pstree(options):
    done = subprocess.run([BUILD / "user/pstree", *shlex.split(options)], capture_output=True,
                          text=True)
    assert (done.stdout, done.returncode) == ("", 1)
    assert re.match(r"pstree: .+\nusage: pstree ", done.stderr)


def portable(name, *machines):
    """What each printed, with pids told from the root's."""
    for root, after, found in machines:
        printed, status = found[f"portable {name}"]
        assert status == 0
        yield root, printed, after


def test_family_on_mitos(linux, here):
    """A pid, its parent, group and session; a group of -1 is the one in which all began."""
    ours, expected = ([[int(word) - root for word in line.split()] for line in printed.splitlines()]
                      for root, printed, _ in portable("family", here, linux))
    thread = len(expected) - 1      # where there are threads, one has the next number
    assert ours[:thread] == expected[:thread] and len(ours) > 50


@needs_root
def test_states_on_mitos(linux, here):
    """There are neither threads (l) nor locked memory (L)."""
    ours, expected = ([line.split()[1] for line in printed.splitlines()]
                      for _, printed, _ in portable("states", here, linux))
    assert [state.rstrip("lL") for state in ours] == [state.rstrip("lL") for state in expected]
    assert {"S", "Ss", "T", "Z", "D", "SN", "S<", "S+", "SNs+"} <= set(ours)


@needs_root
@pytest.mark.parametrize("name", ["texts", "tree"])
def test_texts_on_mitos(name, linux, here):
    ours, expected = (re.sub(r"pts/\d ", "pts/N", printed)
                      for _, printed, _ in portable(name, here, linux))
    assert ours == expected and "<defunct>" in ours


@needs_root
def test_users_on_mitos(linux, here):
    ours, expected = (printed for _, printed, _ in portable("users", here, linux))
    assert ours == expected and "65534 nobody" in ours


def test_numbered_tree_on_mitos(here):
    (_, tree, _), (_, family, _) = (*portable("numbered", here), *portable("family", here))
    shown = re.findall(r"[^─]\((\d+)\)", tree)
    assert sorted(map(int, shown))[:-2] == [int(line.split()[0]) for line in family.splitlines()]


def test_formats_on_mitos(here):
    _, _, found = here
    aux, ef = (found[f"portable {name}"][0].splitlines() for name in ("aux", "ef"))
    assert aux[0] == "USER       PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND"
    assert ef[0] == "UID        PID  PPID  C STIME TTY          TIME CMD"
    assert re.fullmatch(r"root +1 +\d+\.\d +\d\.\d +\d+ +\d+ \? +Ss +\d\d:\d\d +0:\d\d /sbin/init",
                        aux[1])
    assert re.fullmatch(r"root +1 +0 +\d+ \d\d:\d\d \? +00:00:\d\d /sbin/init", ef[1])
    zombies = [line for line in ef if line.endswith("[prog_scene] <defunct>")]
    assert len(zombies) == 4


def test_wait_channels_on_mitos(here):
    _, printed, _ = next(portable("wait channels", here))
    channels = dict(reversed(line.split(None, 1)) for line in printed.splitlines())
    assert channels["dead (one) ? <defunct>"] == "-"
    for member, told in WAIT_CHANNELS.items():
        assert told in channels[member], channels


def test_the_audit_counts_the_scene(here):
    assert here[2]["portable audit"][0].splitlines()[-1] == "audit: clean"
