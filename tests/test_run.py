"""`tools/mitos run`: its exit status, streams, overlays and machine are what it says they are."""

import random
import re
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import support
from support import mitos

HELLO = '#include <stdio.h>\nint main(void) { puts("hello, mitos"); return 0; }\n'
DIE = """
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char **argv) { kill(getpid(), argc > 1 ? atoi(argv[1]) : SIGTERM); return 0; }
"""


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_exit_status_is_the_commands(status):
    run = mitos("/bin/sh", "-c", f"exit {status}")
    assert run.status == status, run


def test_signal_is_128_and_its_number(overlay):
    overlay.add("bin/die", DIE)
    for signum in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
        run = mitos("die", str(int(signum)), options=overlay.options)
        assert run.status == 128 + signum, run


def test_not_found_is_127_and_not_executable_126():
    assert mitos("/bin/there-is-no-such-program").status == 127
    assert mitos("no-such-program-on-the-path").status == 127
    assert mitos("/etc/mitos/argv").status == 126


def test_no_init_is_a_panic():
    run = mitos("echo", "never", options=["--append", "init=/nonexistent"])
    assert run.status == 125, run
    assert "panic" in run.errors.lower()


def test_timeout_is_124():
    started = time.monotonic()
    run = mitos("sleep", "100", timeout=2)
    assert run.status == 124, run
    assert time.monotonic() - started < 10


def test_arguments_arrive_as_given(overlay):
    overlay.add("bin/args", r'#include <stdio.h>'
                            '\nint main(int n, char **a) { while (*++a) printf("[%s]\\n", *a); }\n')
    words = ["", "two words", "'\"$HOME\\", "-- --", "a\nb", "ä\t"]
    run = mitos("args", *words, options=overlay.options)
    assert run.output.decode() == "".join(f"[{word}]\n" for word in words), run


def test_every_byte_comes_out_as_written(overlay):
    data = bytes(range(256)) * 16 + random.Random(1).randbytes(20000) + b"no newline at the end"
    (overlay.path / "data").write_bytes(data)
    run = mitos("cat", "/data", options=overlay.options)
    assert run.status == 0 and run.output == data, run


INPUTS = {
    "empty": b"", "line": b"one line\n", "partial": b"no newline", "newlines": b"\n\n\n",
    "all-bytes": bytes(range(256)), "control": b"\x04\x03\x16\x7f\r\x11\x13\x00\n",
    "long-lines": b"x" * 3000 + b"\n" + b"y" * 9000, "random": random.Random(2).randbytes(30000),
}


@pytest.mark.parametrize("name", INPUTS)
def test_standard_input_arrives_unchanged(name):
    data = INPUTS[name]
    run = mitos("cat", stdin=data)
    assert run.status == 0 and run.output == data, run


def test_dev_null_is_an_end_of_file():
    assert mitos("cat", stdin=subprocess.DEVNULL).status == 0


def test_output_comes_while_the_command_runs(overlay):
    overlay.add("bin/slow", """
#include <unistd.h>
int main(void) { write(1, "first", 5); pause(); }
""")
    process = subprocess.Popen(support.run_command(["slow"], overlay.options, timeout=30),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert process.stdout.read(5) == b"first"
    process.terminate()
    process.wait()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_the_machine_dies_with_the_tool(signum):
    process = subprocess.Popen(support.run_command(["sleep", "100"]), stdin=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while not (machines := support.machines_below(process.pid)) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signum)
    assert process.wait(10) == -signum
    assert machines
    while any(map(support.is_running, machines)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(support.is_running, machines))


def test_a_students_program_runs_from_an_overlay(overlay):
    overlay.add("bin/hello", HELLO)
    run = mitos("/bin/hello", options=overlay.options)
    assert (run.status, run.output) == (0, b"hello, mitos\n"), run


def test_overlays_lie_over_each_other(tmp_path):
    options = []
    for name, text in (("below", "below"), ("above", "above")):
        directory = tmp_path / name / "tmp"
        directory.mkdir(parents=True)
        (directory / name).write_text(f"{text}\n")
        (directory / "both").write_text(f"{text}\n")
        options += ["--overlay", str(tmp_path / name)]
    run = mitos("/bin/sh", "-c", "cat /tmp/below /tmp/above /tmp/both", options=options)
    assert run.output == b"below\nabove\nabove\n", run


def test_an_overlay_keeps_modes_and_belongs_to_root(overlay):
    overlay.add("bin/modes", r"""
#include <stdio.h>
#include <sys/stat.h>
int main(int n, char **a)
{
	struct stat s;
	while (*++a)
		if (!stat(*a, &s)) printf("%s %o %d:%d\n", *a, s.st_mode, s.st_uid, s.st_gid);
}
""")
    (overlay.path / "tmp").mkdir(mode=0o700)
    (overlay.path / "tmp/secret").write_text("")
    (overlay.path / "tmp/secret").chmod(0o4640)
    run = mitos("modes", "/tmp", "/tmp/secret", options=overlay.options)
    assert run.output == b"/tmp 41777 0:0\n/tmp/secret 104640 0:0\n", run


def test_runs_side_by_side(overlay):
    """With the default kernel log, which they share the name of."""
    def one(number):
        command = support.run_command(["/bin/sh", "-c", f"echo {number}; exit {number}"])
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)
        return done.returncode, done.stdout
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(8))) == [(n, f"{n}\n".encode()) for n in range(8)]


def test_the_kernel_log_is_kept():
    log = support.BUILD / "kernel.log"
    run = subprocess.run(support.run_command(["/bin/sh", "-c", "exit 3"]), stdin=subprocess.DEVNULL)
    assert run.returncode == 3
    assert re.search(r"init: exit status 3$", log.read_text(), re.MULTILINE)
    assert not list(support.BUILD.glob("kernel.log.*")), "a run left its own log behind"


@pytest.mark.parametrize("cpu", ["qemu64", "max"])
def test_cpu_models(cpu):
    run = mitos("family", options=["--cpu", cpu])
    assert run.status == 0, run


def test_boot_through_grub(overlay):
    (overlay.path / "word").write_text("from the overlay\n")
    options = ["--boot", "grub", "--append", "fork=eager", "--append", "one=1 two=2"]
    run = mitos("cat", "/word", "/proc/cmdline", options=overlay.options + options)
    assert run.status == 0, run
    words = run.output.decode().splitlines()
    assert words[0] == "from the overlay" and words[1].endswith("quiet fork=eager one=1 two=2"), run


def test_instruction_counts_repeat_exactly():
    """Under --icount the log's time stamps count instructions: the same run twice is the same."""
    def one(_):
        return mitos("family", options=support.ICOUNT)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(one, range(2))
    assert first.status == 0, first
    assert (first.output, first.log) == (second.output, second.log)


def test_load_average():
    """A task in state D is a load of 1: after a minute the first average is 1 - 1/e of it. Under
    icount an idle machine's time flies."""
    script = """cat /dev/uninterruptible & sleep 62; cat /proc/loadavg; sleep 240; cat /proc/loadavg
                echo >/dev/uninterruptible; wait; sleep 60; cat /proc/loadavg"""
    run = mitos("/bin/sh", "-c", script, options=support.ICOUNT)
    loads = [[float(word) for word in line.split()[:3]] for line in run.output.decode().split("\n")
             if line]
    expected = [[0.63, 0.18, 0.06], [0.99, 0.63, 0.28], [0.37, 0.51, 0.26]]
    for got, wanted in zip(loads, expected, strict=True):
        assert all(abs(a - b) < 0.05 for a, b in zip(got, wanted)), loads
