"""Debian's busybox, unmodified, does on mitos what it does on Linux.

Where the answer does not depend on the machine, the same scripts (tests/busybox-scripts) run in the
same root file system on both, and must print the same, errors included, and end with the same
status; one boot serves all. What ps, top, free and their like say does depend on it, and is held
against what the test knows.
"""

import re
import subprocess
import time

import pytest

from support import BUILD, FORK, ROOT, SMP, mitos
from terminal import CTRL_C, ENTER, ESCAPE, NEWLINE, Terminal

CPUS = int(SMP or 1)
NO_NAMESPACES = 77  # what on-linux ends with where it cannot work
OURS = {"ps", "sh"}  # the applets in whose place a program of ours is


def read_scripts(path):
    """The prologue, and name -> script, from a file in which `### NAME` stands above each."""
    parts = re.split(r"^### (\S+)\n", path.read_text(), flags=re.MULTILINE)
    scripts = dict(zip(parts[1::2], parts[2::2]))
    return scripts.pop("prologue"), scripts


PROLOGUE, SAME = read_scripts(ROOT / "tests/busybox-scripts")

# What these print depends on the machine; the tests named after them know what it should be.
TRUTH = {
    "ps": "/bin/sleep 100 & usleep 200000; echo $$ $!; ps -o pid,ppid,stat,comm; kill $!",
    "zombie": "{ /bin/true & exec /bin/sleep 100; } & usleep 300000; echo $!\n"
              "ps -o pid,ppid,stat,comm; kill $!",
    "top": "while :; do :; done & busy=$!; echo $busy; top -bn2 -d1; kill $busy",
    "free": "free -k; cat /proc/meminfo",
    "uptime": "cat /proc/uptime; uptime",
    "mount": "mount",
    "df": "mkdir d; mount -t ramfs disk d && df -k -a d; stat -f -c '%t %s' d; umount d",
    "time": "time sleep 0.3; time sh -c 'i=0; while [ $i -lt 30000 ]; do i=$((i + 1)); done'",
    "date": "date +%s; date -u '+%F %R'",
    "proc": "exec 5</etc/motd; cd /proc/$$; readlink fd/5; readlink exe; grep -c . maps",
}

DRIVER = r"""
for script in /scripts/{kind}/*; do
	name=${{script##*/}}
	mkdir -p /tmp/$name
	cd /tmp/$name
	echo "@begin $name"
	/bin/busybox ash $script </dev/null >/tmp/output 2>&1
	status=$?
	cat /tmp/output
	printf '\n@end %d\n' $status
done
"""


def lay_scripts(directory, kind, scripts, prologue=""):
    """Writes the scripts and the one that runs them all to where the guest finds them."""
    (directory / "scripts" / kind).mkdir(parents=True)
    for name, script in scripts.items():
        (directory / "scripts" / kind / name).write_text(f"{prologue}{script}\n")
    (directory / f"scripts/all-{kind}").write_text(DRIVER.format(kind=kind))
    return ["/bin/busybox", "ash", f"/scripts/all-{kind}"]


def results(output):
    """name -> what the script printed, and its status."""
    found = re.findall(r"^@begin (\S+)\n(.*?)\n@end (\d+)$", output.decode(errors="replace"),
                       re.M | re.S)
    return {name: (text, int(status)) for name, text, status in found}


@pytest.fixture(scope="module")
def same(tmp_path_factory, stage):
    """The results on Linux and on mitos of the scripts that must print the same there."""
    overlay = tmp_path_factory.mktemp("overlay")
    command = lay_scripts(overlay, "same", SAME, PROLOGUE)
    lay_scripts(stage, "same", SAME, PROLOGUE)
    linux = subprocess.run([ROOT / "tests/on-linux", "60", stage, *command],
                           stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    if linux.returncode == NO_NAMESPACES:
        pytest.skip("this machine allows no namespaces")
    return results(linux.stdout), results(mitos(*command, options=["--overlay", overlay]).output)


@pytest.fixture(scope="module")
def truth(tmp_path_factory):
    """The results on mitos of the scripts about the machine."""
    overlay = tmp_path_factory.mktemp("overlay")
    command = lay_scripts(overlay, "truth", TRUTH)
    found = results(mitos(*command, options=["--overlay", overlay]).output)
    return {name: found.get(name, ("", None))[0] for name in TRUTH}


def words(text):
    """The words of each line."""
    return [line.split() for line in text.splitlines()]


def seconds(text):
    """What `time` says: real, user, sys."""
    return [float(m) * 60 + float(s) for m, s in re.findall(r"(\d+)m ([\d.]+)s", text)]


@pytest.mark.parametrize("name", SAME)
def test_same_as_on_linux(name, same):
    linux, here = same
    assert here.get(name) == linux[name]


def test_the_line_of_the_issue():
    run = mitos("/bin/busybox", "ash", "-c",
                "ls -l / | grep -c proc; ps -o pid,ppid,stat,comm; exit 7")
    count, heading, init, shell, ps = words(run.output.decode())
    assert (count, heading) == (["1"], ["PID", "PPID", "STAT", "COMMAND"])
    assert (init, shell) == (["1", "0", "S", "init"], ["2", "1", "S", "busybox"])
    assert ps[1:] == ["2", "R", "ps"]
    assert run.status == 7, run


def test_every_applet_has_a_link_or_a_program_of_ours():
    root = BUILD / "root"
    applets = subprocess.run([root / "bin/busybox", "--list"], capture_output=True, text=True)
    for applet in set(applets.stdout.split()) - {"busybox", "init"}:
        link = root / "bin" / applet
        assert link.is_file() and (applet in OURS) != link.is_symlink(), applet


def test_ps(truth):
    (shell, sleep), heading, *listed = words(truth["ps"])
    assert heading == ["PID", "PPID", "STAT", "COMMAND"]
    assert listed[0] == ["1", "0", "S", "init"]
    assert [shell, "2", "S", "busybox"] in listed and [sleep, shell, "S", "sleep"] in listed
    assert sum(line[2] == "R" for line in listed) == 1 and listed[-1][1:] == [shell, "R", "ps"]


def test_zombie(truth):
    (parent,), _, *listed = words(truth["zombie"])
    assert [line[1:] for line in listed if line[2] == "Z"] == [[parent, "Z", "true"]]


def test_top(truth):
    (busy,), *lines = words(truth["top"])
    assert len([line for line in lines if line[:2] == ["PID", "PPID"]]) == 2
    loops = [line for line in lines if line[:1] == [busy]]
    assert len(loops) == 2 and all(loop[3] == "R" for loop in loops)
    share = 80 / CPUS
    assert int(loops[1][loops[1].index("/bin/busybox") - 1].rstrip("%")) > share
    usr, idle = re.findall(r"CPU: +(\d+)% usr.* (\d+)% idle", truth["top"])[1]
    assert int(usr) > share and int(idle) < 100 - share


def test_free(truth):
    total, used, free, shared, cache, available = map(
        int, re.search(r"Mem:" + r"\s+(\d+)" * 6, truth["free"]).groups())
    known = {key: int(value) for key, value in re.findall(r"(\w+): +(\d+) kB", truth["free"])}
    assert total == known["MemTotal"]
    # where fork copies all memory, what runs between the two looks takes and gives back more of it
    assert abs(free - known["MemFree"]) < (2048 if FORK == "eager" else 512)
    assert total == used + free + cache
    assert 120 << 10 < total <= 128 << 10 and cache >= 2 << 10 and used < 8 << 10


def test_uptime(truth):
    (up, idle), line = words(truth["uptime"])
    assert 0 < float(up) < 60 and 0 <= float(idle) <= CPUS * float(up)
    assert line[1:3] == ["up", "0"] and "load" in line


def test_mount(truth):
    lines = words(truth["mount"])
    assert {(line[2], line[4]) for line in lines} >= {("/", "ramfs"), ("/proc", "proc")}


def test_df(truth):
    heading, (name, blocks, used, available, share, where), (kind, size) = words(truth["df"])
    assert (name, where, kind, size) == ("disk", "/tmp/df/d", "858458f6", "4096")
    assert int(used) <= int(blocks) and int(available) <= int(blocks)


def test_time(truth):
    (real, user, system), (loop, loop_user, loop_system) = (
        seconds(part) for part in re.split(r"(?<=s\n)(?=real)", truth["time"].strip() + "\n"))
    assert 0.3 <= real < 0.5 and user + system < 0.1
    assert 0.01 < loop_user + loop_system <= loop + 0.02


def test_date(truth):
    assert abs(int(truth["date"].split()[0]) - time.time()) < 120
    assert truth["date"].split()[1] == time.strftime("%F", time.gmtime())


def test_proc(truth):
    descriptor, program, mappings = truth["proc"].split()
    assert (descriptor, program) == ("/etc/motd", "/bin/busybox") and int(mappings) > 4


@pytest.fixture
def terminal():
    machine = Terminal()
    yield machine
    machine.close()


def test_vi_edits_and_saves(terminal):
    terminal.run("printf 'first\\nsecond\\n' >/tmp/text")
    terminal.type("vi /tmp/text" + ENTER)
    terminal.wait("second")
    terminal.wait("1/2")
    terminal.type("ddoadded" + ESCAPE)
    terminal.wait(r"- /tmp/text \[Modified\]")    # ESC and : at once would be a function key
    terminal.type(":wq" + ENTER)
    terminal.wait()
    assert terminal.run("cat /tmp/text") == ["second", "added"]


def test_less_pages_and_quits(terminal):
    terminal.run("seq 1 1000 >/tmp/numbers")
    terminal.type("less /tmp/numbers" + ENTER)
    terminal.wait("22\r")
    terminal.type(" ")
    terminal.wait("45\r")
    terminal.type("G")
    terminal.wait("1000")
    terminal.type("q")
    terminal.wait()
    assert terminal.run("echo $?") == ["0"]


def test_top_refreshes_and_quits(terminal):
    terminal.type("top -d 1" + ENTER)
    for _ in range(3):
        terminal.wait("Load average")
    terminal.type("q")
    terminal.wait()
    assert terminal.run("echo $?") == ["0"]


def test_ctrl_c_ends_an_applet_under_ash(terminal):
    terminal.type("busybox ash" + ENTER)
    terminal.wait("# ")
    terminal.type("ash -c 'echo started; yes >/dev/null'" + ENTER)
    terminal.wait(NEWLINE + "started" + NEWLINE)
    terminal.type(CTRL_C)
    terminal.wait("# ")
    terminal.type("echo alive" + ENTER)
    terminal.wait(NEWLINE + "alive" + NEWLINE)


def test_ls_is_coloured(terminal):
    terminal.type("ls -la --color /" + ENTER)
    terminal.wait("\x1b\\[1;34mproc")
    terminal.wait()
